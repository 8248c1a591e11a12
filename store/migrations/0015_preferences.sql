-- What people want to hear of, where, and when not; and the log of every change of mind.
--
-- STOP stands above all of it, on the contact's own row: it is read with the intent to send. What
-- is here decides whether, and from what time on, something that nobody asked for is promised at
-- all. Answers, codes and receipts are not asked about.

create table preferences (
    org_id      uuid not null,
    customer_id uuid not null,
    topic       text not null check (topic in ('orders', 'deliveries', 'cancellations', 'estimates',
                                               'payments', 'reviews', 'offers')),
    channel     text not null check (channel in ('whatsapp', 'sms', 'email')),
    wanted      boolean not null,
    at          timestamptz not null,
    source      text not null,
    primary key (org_id, customer_id, topic, channel),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
);

-- Every consent and its end, for ever: when, by whom, about what, where it came from and what was
-- written. Topic "all" is STOP and START of an address, "offers" also a channel's own switch.
create table consent_log (
    org_id      uuid not null,
    consent_id  uuid not null default gen_random_uuid(),
    at          timestamptz not null,
    customer_id uuid,
    contact_id  uuid,
    channel     text not null,
    topic       text not null,
    wanted      boolean not null,
    source      text not null,
    words       text not null default '',
    primary key (org_id, consent_id)
);
create index consent_log_customer on consent_log (org_id, customer_id, at);
create index consent_log_contact on consent_log (org_id, contact_id, at);

-- Hours in which nobody is disturbed, in minutes after midnight by the customer's own clock; from
-- when they last said that they have seen what is new.
create table customer_settings (
    org_id      uuid not null,
    customer_id uuid not null,
    quiet       boolean not null default true,
    quiet_from  smallint not null default 1260 check (quiet_from between 0 and 1439),
    quiet_until smallint not null default 480 check (quiet_until between 0 and 1439),
    updates_seen_at timestamptz,
    primary key (org_id, customer_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id),
    check (quiet_from <> quiet_until)
);

-- --- who may do what -------------------------------------------------------------------------

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
    customer constant text :=
        'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid';
begin
    foreach t in array array['preferences', 'consent_log', 'customer_settings'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)',
                       t, org, org);
        continue when t = 'consent_log';
        execute format('create policy own on %I to parley_bot, parley_web'
                       ' using (%s and %s) with check (%s and %s)', t, org, customer, org, customer);
    end loop;
    -- A batch writes what many people said at once, and reads only what one did.
    execute format('create policy own on consent_log for select to parley_bot, parley_web'
                   ' using (%s and %s)', org, customer);
    execute format('create policy add on consent_log for insert to parley_bot, parley_web'
                   ' with check (%s)', org);
end
$$;

grant select, insert on preferences, customer_settings to parley_bot, parley_web, parley_staff;
grant update (wanted, at, source) on preferences to parley_bot, parley_web, parley_staff;
grant update (quiet, quiet_from, quiet_until, updates_seen_at) on customer_settings
    to parley_bot, parley_web, parley_staff;
grant select, insert on consent_log to parley_bot, parley_web, parley_staff;

-- --- what is wanted --------------------------------------------------------------------------

-- Where nothing was said: what concerns their own orders comes by WhatsApp and mail; offers only
-- to who asked for them; SMS, which costs and disturbs, likewise.
create function preference_default(topic text, channel text) returns boolean
    immutable language sql as $$
    select topic <> 'offers' and channel <> 'sms'
$$;

-- What is asked of each recipient of a broadcast, and of each piece of news, is in plpgsql, which is planned
-- once in a connection: a function in SQL with a query in it is planned anew whenever a function that is
-- called anew calls it, and that was two thirds of what a slice of a broadcast cost.

-- Whether a channel's own switch is off (WhatsApp has one for offers), which we cannot turn on.
create function preference_blocked(of_org uuid, of_customer uuid, topic text, of_channel text)
    returns boolean stable language plpgsql as $$
begin
    return topic = 'offers' and exists (
        select 1 from contact_points p
         where p.org_id = of_org and p.customer_id = of_customer and p.channel = of_channel
           and p.marketing_stopped_at is not null);
end
$$;

create function preference_wanted(of_org uuid, of_customer uuid, of_topic text, of_channel text)
    returns boolean stable language plpgsql as $$
declare
    said boolean;
begin
    select p.wanted into said from preferences p
     where p.org_id = of_org and p.customer_id = of_customer and p.topic = of_topic and p.channel = of_channel;
    return coalesce(said, preference_default(of_topic, of_channel))
           and not preference_blocked(of_org, of_customer, of_topic, of_channel);
end
$$;

-- --- when ------------------------------------------------------------------------------------

-- When something may be said that is ready at `at`: then, or at the end of the quiet hours. An end
-- that the clocks leave out is the hour after it; one that comes twice is the later.
create function quiet_until(at timestamptz, zone text, quiet_from integer, quiet_until integer)
    returns timestamptz stable language sql as $$
    select case
           when case when quiet_from < quiet_until
                     then l.minute >= quiet_from and l.minute < quiet_until
                     else l.minute >= quiet_from or l.minute < quiet_until end
           then greatest(at, (date_trunc('day', l.clock)
                              + case when l.minute < quiet_until then interval '0'
                                     else interval '1 day' end
                              + make_interval(mins => quiet_until)) at time zone zone)
           else at end
      from (select at at time zone zone as clock,
                   (extract(hour from at at time zone zone) * 60
                    + extract(minute from at at time zone zone))::int as minute) l
$$;

-- The hours as a person wrote them ("22-7", "from 9:30 pm to 8am", "٢٢ - ٧"), in minutes; null
-- where there are not two times, or the same one twice.
create function quiet_read(words text, out quiet_from integer, out quiet_until integer)
    immutable language plpgsql as $$
declare
    m text[];
    t integer[] := array[]::integer[];
    h integer;
begin
    for m in select regexp_matches(
                 translate(lower(left(words, 100)), '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹', '01234567890123456789'),
                 '([0-9]{1,4})(?:[:.h]([0-9]{2}))?\s*(am|pm|a\.m\.?|p\.m\.?|rano|wieczorem|ص|م)?', 'g')
    loop
        exit when cardinality(t) = 3;
        h := m[1]::int;
        if length(m[1]) > 2 or h > 24 or coalesce(m[2], '0')::int > 59 then
            return;
        end if;
        if m[3] in ('pm', 'p.m', 'p.m.', 'wieczorem', 'م') and h < 12 then
            h := h + 12;
        elsif m[3] in ('am', 'a.m', 'a.m.', 'ص') and h = 12 then
            h := 0;
        end if;
        t := t || (h * 60 + coalesce(m[2], '0')::int) % 1440;
    end loop;
    if cardinality(t) = 2 and t[1] <> t[2] then
        quiet_from := t[1];
        quiet_until := t[2];
    end if;
end
$$;

-- A customer's clock: their own zone, else the business's.
create function customer_zone(of_org uuid, of_customer uuid) returns text stable language plpgsql as $$
declare
    zone text;
begin
    select c.time_zone into zone from customers c where c.org_id = of_org and c.customer_id = of_customer;
    if zone is null then
        select b.time_zone into zone from businesses b where b.org_id = of_org;
    end if;
    return zone_or_utc(zone);
end
$$;

-- Whether a customer wants to be told of a topic on a channel, and when: what everybody asks who
-- promises something that nobody asked for.
create function notification_due(of_org uuid, of_customer uuid, topic text, channel text,
                                            at timestamptz, out wanted boolean, out due_at timestamptz)
    stable language plpgsql as $$
declare
    s record;
begin
    wanted := notification_wanted(of_org, of_customer, notification_due.topic, notification_due.channel);
    select x.quiet, x.quiet_from, x.quiet_until into s from customer_settings x
     where x.org_id = of_org and x.customer_id = of_customer;
    due_at := at;
    if coalesce(s.quiet, true) then
        due_at := quiet_until(at, customer_zone(of_org, of_customer), coalesce(s.quiet_from, 1260),
                              coalesce(s.quiet_until, 480));
    end if;
end
$$;

-- --- changing --------------------------------------------------------------------------------

-- Outcomes: on, off; blocked (only the channel's own switch turns it on); unknown. Saying the same
-- again is no change, and leaves no row in the log.
create function preference_set(
    of_org uuid, of_customer uuid, of_topic text, change text, at timestamptz, of_contact uuid,
    words text, out outcome text, out topic text, out channel text)
    volatile language plpgsql as $$
declare
    want boolean := split_part(change, '_', 2) = 'on';
    was boolean;
begin
    if coalesce(change, '') !~ '^(whatsapp|sms|email)_(on|off)$'
       or coalesce(of_topic, '') not in ('orders', 'deliveries', 'cancellations', 'estimates',
                                         'payments', 'reviews', 'offers')
       or of_customer is null then
        outcome := 'unknown';
        return;
    end if;
    topic := of_topic;
    channel := split_part(change, '_', 1);
    if want and preference_blocked(of_org, of_customer, of_topic, channel) then
        outcome := 'blocked';
        return;
    end if;
    outcome := case when want then 'on' else 'off' end;
    perform 1 from customers c where c.org_id = of_org and c.customer_id = of_customer
        for no key update;
    select p.wanted into was from preferences p
     where p.org_id = of_org and p.customer_id = of_customer and p.topic = of_topic
       and p.channel = preference_set.channel;
    if was is not distinct from want then
        return;
    end if;
    insert into preferences as p (org_id, customer_id, topic, channel, wanted, at, source)
    values (of_org, of_customer, of_topic, preference_set.channel, want, at, 'chat')
        on conflict on constraint preferences_pkey do update
       set wanted = excluded.wanted, at = excluded.at, source = excluded.source;
    insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source,
                             words)
    values (of_org, at, of_customer, of_contact, preference_set.channel, of_topic, want, 'chat',
            left(coalesce(words, ''), 200));
end
$$;

-- Quiet hours: "off", or two times in the customer's own words. Outcomes: set, off, unreadable.
create function quiet_set(
    of_org uuid, of_customer uuid, hours text, out outcome text,
    out quiet_from integer, out quiet_until integer)
    volatile language plpgsql as $$
declare
    r record;
begin
    select * into r from quiet_read(hours);
    if of_customer is null or hours is distinct from 'off' and r.quiet_from is null then
        outcome := 'unreadable';
        return;
    end if;
    outcome := case when hours = 'off' then 'off' else 'set' end;
    quiet_from := r.quiet_from;
    quiet_until := r.quiet_until;
    insert into customer_settings as s (org_id, customer_id, quiet, quiet_from, quiet_until)
    values (of_org, of_customer, outcome = 'set', coalesce(r.quiet_from, 1260),
            coalesce(r.quiet_until, 480))
        on conflict on constraint customer_settings_pkey do update
       set quiet = excluded.quiet,
           quiet_from = case when excluded.quiet then excluded.quiet_from else s.quiet_from end,
           quiet_until = case when excluded.quiet then excluded.quiet_until else s.quiet_until end;
end
$$;

-- What is new up to `until` (microseconds, as a dialogue holds a time) has been seen.
create function updates_seen(of_org uuid, of_customer uuid, until text, at timestamptz,
                             out outcome text)
    volatile language plpgsql as $$
declare
    seen timestamptz := at;
begin
    if of_customer is null then
        outcome := 'unknown';
        return;
    end if;
    if until ~ '^[0-9]{1,17}$' then
        seen := least(at, timestamptz 'epoch' + until::int8 * interval '1 microsecond');
    end if;
    insert into customer_settings as s (org_id, customer_id, updates_seen_at)
    values (of_org, of_customer, seen)
        on conflict on constraint customer_settings_pkey do update
       set updates_seen_at = greatest(s.updates_seen_at, excluded.updates_seen_at);
    outcome := 'done';
end
$$;
