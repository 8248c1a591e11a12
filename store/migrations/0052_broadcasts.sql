-- Broadcasts: one message to many customers who asked for it. bot/broadcasts.c, `parley broadcast`.
--
-- Whom it reaches is written down once, a row for each of them (the ledger), in slices by the customers'
-- keys: whoever dies in between leaves the last whole slice, and the next goes on from there. From the
-- ledger small slices are fed to the lanes, and that a row was fed and its message is the same commit: so
-- nobody is passed over and nobody is written to twice.

create table broadcasts (
    org_id       uuid not null references businesses,
    broadcast_id uuid not null,
    name         text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,59}$'),
    topic        text not null default 'offers'
        check (topic in ('orders', 'deliveries', 'cancellations', 'estimates', 'payments', 'reviews', 'offers')),
    channel      text not null default '' check (channel in ('', 'whatsapp', 'sms', 'email')), -- '': the best
    audience     jsonb not null default '{}' check (jsonb_typeof(audience) = 'object'), -- what they must be
    listed       boolean not null default false, -- whom: broadcast_lines, and not everybody
    -- {"template": {"name", "languages": {"en": "en_US"}, "values": [text]},
    --  "words": {"en": {"subject": text, "body": text}}, "opt_out": {"en": "..."}}; a text is a list of
    -- pieces: words as they are, and {"value": "name"} where the recipient's goes.
    content      jsonb not null,
    starts_at    timestamptz, -- not before then; null: at once
    local_at     timestamp,   -- or not before then by each recipient's clock
    state        text not null default 'draft'
        check (state in ('draft', 'gathering', 'running', 'done', 'cancelled')),
    paused       boolean not null default false,
    cursor_id    uuid,              -- the last customer whom gathering has looked at
    cursor_line  bigint not null default 0,
    gathered     bigint not null default 0,
    made_at      timestamptz not null,
    made_by      text not null,
    started_at   timestamptz,
    ended_at     timestamptz,
    leased_until timestamptz not null default '-infinity', -- somebody is at it
    look_at      timestamptz not null default '-infinity', -- nothing is due before then
    primary key (org_id, broadcast_id),
    unique (org_id, name)
) with (fillfactor = 70);
create index broadcasts_open on broadcasts (org_id) where state in ('gathering', 'running') and not paused;

-- A list that the staff brought, as it came.
create table broadcast_lines (
    org_id       uuid not null,
    broadcast_id uuid not null,
    line         bigint not null,
    phone        text,
    email        text,
    external_id  text,
    given        jsonb not null default '{}',
    primary key (org_id, broadcast_id, line),
    foreign key (org_id, broadcast_id) references broadcasts (org_id, broadcast_id)
);

-- What became of each. `placed`: it is in the lane's hands; what came of it after `sent` is the message's
-- own to say.
create table broadcast_recipients (
    org_id       uuid not null,
    broadcast_id uuid not null,
    number       bigint not null,
    customer_id  uuid,
    channel      text,
    address      text,
    account_id   uuid,
    language     text,
    given        jsonb not null default '{}',
    state        text not null
        check (state in ('waiting', 'placed', 'sent', 'failed', 'excluded', 'cancelled')),
    reason       text,
    due_at       timestamptz not null,
    late         boolean not null default false, -- quiet hours put it off
    conversation_id uuid,
    seq          bigint,
    state_at     timestamptz not null,
    primary key (org_id, broadcast_id, number),
    foreign key (org_id, broadcast_id) references broadcasts (org_id, broadcast_id)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create unique index broadcast_recipients_once on broadcast_recipients (org_id, broadcast_id, customer_id)
    where reason is distinct from 'duplicate';
create unique index broadcast_recipients_place on broadcast_recipients (org_id, broadcast_id, channel, address)
    where state <> 'excluded';
create index broadcast_recipients_due on broadcast_recipients (org_id, broadcast_id, account_id, due_at, number)
    where state = 'waiting';
create index broadcast_recipients_placed on broadcast_recipients (org_id, broadcast_id, number)
    where state = 'placed';
create index broadcast_recipients_message on broadcast_recipients (org_id, conversation_id, seq)
    where seq is not null;

-- Broadcasts alone are counted in a lane, however long its queue is.
create index outbox_broadcast on outbox (lane_id) where priority = 2;

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    foreach t in array array['broadcasts', 'broadcast_lines', 'broadcast_recipients'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)', t, org, org);
    end loop;
end
$$;
grant select, insert, update on broadcasts, broadcast_recipients to parley_staff;
grant select, insert, delete on broadcast_lines to parley_staff;

-- --- words -----------------------------------------------------------------------------------

-- What a recipient's message can name: what the list said, else what the business knows. One line each;
-- what is empty is not there.
create function broadcast_values(given jsonb, name text, company text, business text) returns jsonb
    immutable language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    return (select coalesce(jsonb_object_agg(v.key, btrim(regexp_replace(v.value, '\s+', ' ', 'g')))
                                filter (where btrim(v.value) <> ''), '{}')
              from jsonb_each_text(jsonb_build_object('name', name, 'first_name', split_part(btrim(name), ' ', 1),
                                                      'company', company, 'business', business) || given) v);
end
$$;

-- Pieces put together, once: braces in a value stay braces. Null where a value lacks.
create function broadcast_fill(pieces jsonb, known jsonb) returns text
    immutable language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    return (select case when bool_or(t is null) then null else coalesce(string_agg(t, '' order by ord), '') end
              from (select case jsonb_typeof(p) when 'string' then p #>> '{}' else known ->> (p ->> 'value') end as t, ord
                      from jsonb_array_elements(pieces) with ordinality x (p, ord)) f);
end
$$;

-- The reply as the outbox keeps it; null where a value lacks or there are no words for the channel.
create function broadcast_reply(content jsonb, of_channel text, language text, known jsonb) returns jsonb
    immutable language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    said jsonb := content -> 'words' -> language;
    body text;
    subject text;
    values jsonb;
begin
    if of_channel = 'whatsapp' and content ? 'template' then
        select jsonb_agg(broadcast_fill(v, known) order by ord) into values
          from jsonb_array_elements(content -> 'template' -> 'values') with ordinality x (v, ord);
        if values @> '[null]' then
            return null;
        end if;
        return jsonb_strip_nulls(jsonb_build_object(
            'kind', 'template', 'lang', language, 'body', broadcast_fill(said -> 'body', known),
            'template', content -> 'template' ->> 'name',
            'language', content -> 'template' -> 'languages' ->> language, 'values', values));
    end if;
    body := broadcast_fill(said -> 'body', known);
    subject := broadcast_fill(said -> 'subject', known);
    if said is null or body is null or said ? 'subject' and subject is null then
        return null;
    end if;
    if of_channel = 'sms' then
        body := concat_ws(E'\n', body, content -> 'opt_out' ->> language);
    end if;
    return jsonb_strip_nulls(jsonb_build_object(
        'kind', 'text', 'lang', language, 'header', case when of_channel = 'email' then subject end,
        'body', body));
end
$$;

-- --- where ------------------------------------------------------------------------------------

-- Every place of a customer, the best first, with what speaks against it: the rules of
-- notification_places (migration 0041), but a place that does not do says why, and WhatsApp's window does
-- not matter to a template.
create function broadcast_places(the_org uuid, the_customer uuid, the_topic text, the_channel text,
                                 content jsonb, countries text[], at timestamptz)
    returns table (channel text, address text, account_id uuid, conversation_id uuid, verdict text)
    stable language sql as $$
    with written as (
        select p.channel, p.address, p.contact_id, coalesce(p.phone, case p.channel when 'sms' then p.address end) as phone,
               p.stopped_at
          from contact_points p
         where p.org_id = the_org and p.customer_id = the_customer
    ), known as (
        select w.channel, w.address, w.contact_id, w.phone,
               case w.channel
                    when 'sms' then not exists (select from customer_phones f
                                                 where f.org_id = the_org and f.phone = w.address
                                                   and (f.customer_id <> the_customer or f.disputed_at is not null))
                    when 'email' then not exists (select from customers e
                                                   where e.org_id = the_org and e.email <> ''
                                                     and lower(e.email) = lower(w.address)
                                                     and e.customer_id <> the_customer)
                    else true end as theirs
          from written w
        union all
        select k.channel, f.phone, null, f.phone, f.disputed_at is null
          from customer_phones f
         cross join (values ('whatsapp'), ('sms')) k (channel)
         where f.org_id = the_org and f.customer_id = the_customer
           and not exists (select from contact_points p
                            where p.org_id = the_org and p.channel = k.channel
                              and (p.address = f.phone or p.phone = f.phone))
        union all
        select 'email', lower(c.email), null, null,
               customer_by_mail(the_org, c.email) is not distinct from the_customer
          from customers c
         where c.org_id = the_org and c.customer_id = the_customer and c.email <> ''
           and not exists (select from contact_points p
                            where p.org_id = the_org and p.channel = 'email' and p.address = lower(c.email))
    )
    select k.channel, k.address, coalesce(v.account_id, a.account_id), v.conversation_id,
           case when exists (select from written w where w.stopped_at is not null) then 'stopped'
                when not k.theirs then 'not_theirs'
                when coalesce(v.account_id, a.account_id) is null then 'no_account'
                when k.channel <> 'email' and k.phone is not null and k.phone !~ '^\+[1-9][0-9]{6,14}$' then 'invalid'
                when k.channel = 'email' and k.address !~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$' then 'invalid'
                when not notification_wanted(the_org, the_customer, the_topic, k.channel) then 'no_consent'
                when k.channel <> 'email' and countries is not null and k.phone is not null
                     and not exists (select from unnest(countries) y where starts_with(k.phone, y)) then 'country'
                when k.channel = 'whatsapp' and not content ? 'template'
                     and coalesce(v.last_inbound_at < at - interval '23 hours 50 minutes', true) then 'closed'
                when not (content ? 'words') and not (k.channel = 'whatsapp' and content ? 'template') then 'no_words'
                end
      from known k
      left join lateral (
          select c.account_id, c.conversation_id, c.last_inbound_at
            from accounts e
            join conversations c on c.org_id = the_org and c.account_id = e.account_id and c.contact_id = k.contact_id
           where e.org_id = the_org and e.channel = k.channel
           order by c.last_inbound_at desc nulls last, c.conversation_id limit 1) v on true
      left join lateral (
          select e.account_id from accounts e
           where e.org_id = the_org and e.channel = k.channel order by e.external_id limit 1) a on true
      left join customer_settings s on s.org_id = the_org and s.customer_id = the_customer
     where the_channel in ('', k.channel)
     order by k.channel is not distinct from s.first_channel desc, v.last_inbound_at desc nulls last,
              array_position(array['whatsapp', 'sms', 'email'], k.channel), k.address
$$;

create function broadcast_countries(the_org uuid) returns text[] stable language sql as $$
    select case when jsonb_typeof(b.settings -> 'broadcast_countries') = 'array'
                then array(select jsonb_array_elements_text(b.settings -> 'broadcast_countries')) end
      from businesses b where b.org_id = the_org
$$;

-- --- the ledger --------------------------------------------------------------------------------

-- Whether a customer is of the audience: every condition that is there holds.
create function broadcast_audience(the_org uuid, the_customer customers, audience jsonb) returns boolean
    stable language sql as $$
    select (not audience ? 'language'
            or coalesce(the_customer.language, (select b.language from businesses b where b.org_id = the_org))
               = audience ->> 'language')
       and (not audience ? 'company' or lower(the_customer.company) = lower(audience ->> 'company'))
       and (not audience ? 'prefix'
            or exists (select from customer_phones f
                        where f.org_id = the_org and f.customer_id = the_customer.customer_id
                          and starts_with(f.phone, audience ->> 'prefix')))
       and (not audience ? 'since' and not audience ? 'status'
            or exists (select from orders o
                        where o.org_id = the_org and o.customer_id = the_customer.customer_id
                          and (not audience ? 'since' or o.placed_at >= (audience ->> 'since')::timestamptz)
                          and (not audience ? 'status' or o.status = audience ->> 'status')))
$$;

-- Whose a line of a list is, by what it says first: an id, a number, a mail address. Null: nobody's.
create function broadcast_whose(the_org uuid, l broadcast_lines) returns uuid stable language sql as $$
    select coalesce(
        (select c.customer_id from customers c where c.org_id = the_org and c.external_id = l.external_id),
        (select f.customer_id from customer_phones f
          where f.org_id = the_org and f.phone = l.phone and f.disputed_at is null),
        (select customer_by_mail(the_org, l.email) where l.email is not null))
$$;

-- One recipient into the ledger.
create function broadcast_add(b broadcasts, number bigint, of_customer uuid, given jsonb, countries text[],
                              at timestamptz) returns void
    volatile language plpgsql as $$
declare
    c record;
    place record;
    wrong text;
    speaks text;
    due timestamptz;
    told jsonb;
    kept boolean;
begin
    if of_customer is null then
        insert into broadcast_recipients (org_id, broadcast_id, number, given, state, reason, due_at, state_at)
        values (b.org_id, b.broadcast_id, number, given, 'excluded', 'unknown', at, at)
            on conflict do nothing;
        return;
    end if;
    select k.name, k.company, k.language, w.language as spoken, w.name as business into c
      from customers k join businesses w on w.org_id = b.org_id
     where k.org_id = b.org_id and k.customer_id = of_customer;
    speaks := coalesce(c.language, c.spoken);
    due := greatest(at, b.starts_at, b.local_at at time zone customer_zone(b.org_id, of_customer));
    for place in
        select * from broadcast_places(b.org_id, of_customer, b.topic, b.channel, b.content, countries, at)
    loop
        if place.verdict is null then
            if not (b.content -> 'words' ? speaks or b.content -> 'template' -> 'languages' ? speaks) then
                speaks := coalesce(b.content ->> 'otherwise', speaks);
            end if;
            told := broadcast_reply(b.content, place.channel, speaks,
                                    broadcast_values(given, c.name, c.company, c.business));
            wrong := case when told is null then 'no_value' end;
            exit when wrong is null;
        end if;
        wrong := coalesce(wrong, place.verdict);
        place := null;
    end loop;
    if told is not null then
        insert into broadcast_recipients (org_id, broadcast_id, number, customer_id, channel, address, account_id,
                                          language, given, state, due_at, late, conversation_id, state_at)
        select b.org_id, b.broadcast_id, broadcast_add.number, of_customer, place.channel, place.address,
               place.account_id, speaks, broadcast_add.given, 'waiting', d.due_at, d.due_at > due,
               place.conversation_id, at
          from notification_due(b.org_id, of_customer, b.topic, place.channel, due) d
            on conflict do nothing
        returning true into kept;
        wrong := 'duplicate';
    end if;
    if kept is null then
        insert into broadcast_recipients (org_id, broadcast_id, number, customer_id, given, state, reason, due_at,
                                          state_at)
        values (b.org_id, b.broadcast_id, number, of_customer, given, 'excluded',
                case when exists (select from broadcast_recipients r
                                   where r.org_id = b.org_id and r.broadcast_id = b.broadcast_id
                                     and r.customer_id = of_customer and r.reason is distinct from 'duplicate')
                     then 'duplicate' else coalesce(wrong, 'no_channel') end, due, at)
            on conflict do nothing;
    end if;
end
$$;

-- The next slice into the ledger: so many customers (or lines) are looked at. `over`: that was all.
create function broadcast_gather(the_org uuid, the_broadcast uuid, most integer, at timestamptz,
                                 out looked integer, out over boolean)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    b broadcasts;
    c customers;
    l broadcast_lines;
    countries constant text[] := broadcast_countries(the_org);
    next bigint;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    looked := 0;
    over := true;
    select * into b from broadcasts x
     where x.org_id = the_org and x.broadcast_id = the_broadcast and x.state = 'gathering' and not x.paused
       for update;
    if b.broadcast_id is null then
        return;
    end if;
    next := b.gathered;
    if b.listed then
        for l in
            select * from broadcast_lines x
             where x.org_id = the_org and x.broadcast_id = the_broadcast and x.line > b.cursor_line
             order by x.line limit most
        loop
            looked := looked + 1;
            next := next + 1;
            b.cursor_line := l.line;
            perform broadcast_add(b, l.line, broadcast_whose(the_org, l), l.given, countries, at);
        end loop;
    else
        for c in
            select * from customers x
             where x.org_id = the_org and (b.cursor_id is null or x.customer_id > b.cursor_id)
             order by x.customer_id limit most
        loop
            looked := looked + 1;
            b.cursor_id := c.customer_id;
            if broadcast_audience(the_org, c, b.audience) then
                next := next + 1;
                perform broadcast_add(b, next, c.customer_id, '{}', countries, at);
            end if;
        end loop;
    end if;
    over := looked < most;
    update broadcasts x
       set cursor_id = b.cursor_id, cursor_line = b.cursor_line, gathered = next,
           state = case when over then 'running' else 'gathering' end
     where x.org_id = the_org and x.broadcast_id = the_broadcast;
end
$$;

-- --- feeding -----------------------------------------------------------------------------------

-- A broadcast of this business that has something to do, for whoever claims it until then.
create function broadcast_claim(the_org uuid, at timestamptz, until timestamptz)
    returns table (broadcast_id uuid, state text)
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update broadcasts b set leased_until = until
      from (select x.broadcast_id from broadcasts x
             where x.org_id = the_org and x.state in ('gathering', 'running') and not x.paused
               and x.leased_until < at and x.look_at <= at
               and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
             order by x.leased_until limit 1 for update skip locked) f
     where b.org_id = the_org and b.broadcast_id = f.broadcast_id
    returning b.broadcast_id, b.state
$$;

-- One recipient's message: promised, or put off, or not wanted any more. True: it is in the outbox.
create function broadcast_place(b broadcasts, r broadcast_recipients, at timestamptz) returns boolean
    volatile language plpgsql as $$
declare
    c record;
    v record;
    d record;
    p contact_points;
    there uuid;
    said jsonb;
    wrong text;
    later timestamptz;
begin
    select k.name, k.company, w.name as business into c
      from customers k join businesses w on w.org_id = b.org_id
     where k.org_id = b.org_id and k.customer_id = r.customer_id;
    select * into p from contact_points x
     where x.org_id = b.org_id and x.channel = r.channel and x.address = r.address;
    select * into d from notification_due(b.org_id, r.customer_id, b.topic, r.channel, at);
    said := broadcast_reply(b.content, r.channel, r.language,
                            broadcast_values(r.given, c.name, c.company, c.business));
    wrong := case when c.business is null then 'unknown'
                  when p.customer_id is distinct from r.customer_id and p.contact_id is not null then 'not_theirs'
                  when p.stopped_at is not null then 'stopped'
                  when not d.wanted then 'no_consent'
                  when said is null then 'no_value' end;
    if wrong is null and d.due_at <= at then
        there := coalesce(r.conversation_id,
                          notification_conversation(b.org_id, r.customer_id, r.channel, r.address, r.account_id,
                                                    gen_random_uuid(), gen_random_uuid(), at));
        wrong := case when there is null then 'not_theirs' end;
    end if;
    if wrong is not null then
        update broadcast_recipients x set state = 'excluded', reason = wrong, state_at = at
         where x.org_id = b.org_id and x.broadcast_id = b.broadcast_id and x.number = r.number;
        return false;
    end if;
    -- A turn is at it just now, a person has it, or something is on its way: what is said there goes first.
    if d.due_at <= at then
        select x.held_until, x.last_inbound_at into v from conversations x
         where x.org_id = b.org_id and x.conversation_id = there for no key update skip locked;
        if not found or exists (select from outbox o where o.org_id = b.org_id and o.conversation_id = there) then
            later := at + interval '5 seconds';
        elsif v.held_until > at then
            later := v.held_until + interval '1 second';
        elsif r.channel = 'whatsapp' and said ->> 'kind' <> 'template'
              and coalesce(v.last_inbound_at < at - interval '23 hours 50 minutes', true) then
            wrong := 'closed';
        end if;
    else
        later := d.due_at;
    end if;
    if later is not null or wrong is not null then
        update broadcast_recipients x
           set due_at = coalesce(later, x.due_at), late = x.late or d.due_at > at, reason = coalesce(wrong, x.reason),
               state = case when wrong is null then x.state else 'excluded' end, state_at = at,
               conversation_id = coalesce(there, x.conversation_id)
         where x.org_id = b.org_id and x.broadcast_id = b.broadcast_id and x.number = r.number;
        return false;
    end if;
    with numbered as (
        update conversations x set seq = x.seq + 1
         where x.org_id = b.org_id and x.conversation_id = there returning x.seq
    ), logged as (
        insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
        select b.org_id, there, n.seq, false, said ->> 'kind', said::text, at, 'broadcast/' || b.name from numbered n
    ), promised as (
        insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority)
        select b.org_id, r.account_id, there, n.seq, at, 2 from numbered n
    )
    update broadcast_recipients x set state = 'placed', state_at = at, conversation_id = there, seq = n.seq
      from numbered n
     where x.org_id = b.org_id and x.broadcast_id = b.broadcast_id and x.number = r.number;
    return true;
end
$$;

-- What has left the lanes' hands is known as such.
create function broadcast_settle(the_org uuid, the_broadcast uuid, at timestamptz) returns integer
    volatile language sql as $$
    with ended as (
        update broadcast_recipients r
           set state = case m.delivery when 2 then 'failed' else 'sent' end, state_at = at
          from messages m
         where r.org_id = the_org and r.broadcast_id = the_broadcast and r.state = 'placed'
           and m.org_id = the_org and m.conversation_id = r.conversation_id and m.seq = r.seq
           and not exists (select from outbox o where o.org_id = the_org and o.conversation_id = r.conversation_id
                              and o.seq = r.seq)
        returning 1
    )
    select count(*)::int4 from ended
$$;

-- The next slice to the lanes: of each channel so many that no more than its room wait there, and no more
-- than `most` at once, so that their conversations are locked for a moment only. `idle`: nothing is due now.
create function broadcast_feed(the_org uuid, the_broadcast uuid, channels text[], rooms integer[], most integer,
                               at timestamptz, until timestamptz,
                               out placed integer, out looked integer, out lanes uuid[], out over boolean,
                               out idle boolean)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    b broadcasts;
    a record;
    r broadcast_recipients;
    room integer;
    next_at timestamptz;
    more timestamptz;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    placed := 0;
    looked := 0;
    lanes := '{}';
    over := false;
    idle := false;
    select * into b from broadcasts x
     where x.org_id = the_org and x.broadcast_id = the_broadcast and x.state = 'running' and not x.paused
       for update;
    if b.broadcast_id is null then
        over := true;
        return;
    end if;
    perform broadcast_settle(the_org, the_broadcast, at);
    for a in
        select e.account_id, e.channel, i.room from accounts e
          join unnest(channels, rooms) i (channel, room) on i.channel = e.channel
         where e.org_id = the_org order by e.account_id
    loop
        select least(a.room - count(*), most - looked) into room
          from (select from outbox o
                 where o.org_id = the_org and o.lane_id = a.account_id and o.priority = 2 limit a.room) w;
        for r in
            select * from broadcast_recipients x
             where x.org_id = the_org and x.broadcast_id = the_broadcast and x.account_id = a.account_id
               and x.state = 'waiting' and x.due_at <= at
             order by x.due_at, x.number limit greatest(room, 0)
               for update skip locked
        loop
            looked := looked + 1;
            if broadcast_place(b, r, at) then
                placed := placed + 1;
                if not r.account_id = any (lanes) then
                    lanes := lanes || r.account_id;
                end if;
            end if;
        end loop;
        next_at := least(next_at, (select x.due_at from broadcast_recipients x
                                    where x.org_id = the_org and x.broadcast_id = the_broadcast
                                      and x.account_id = a.account_id and x.state = 'waiting'
                                    order by x.due_at limit 1));
    end loop;
    if next_at is null and not exists (select from broadcast_recipients x
                                        where x.org_id = the_org and x.broadcast_id = the_broadcast
                                          and x.state in ('waiting', 'placed')) then
        over := true;
        update broadcasts x set state = 'done', ended_at = at
         where x.org_id = the_org and x.broadcast_id = the_broadcast;
        return;
    end if;
    more := least(next_at, case when exists (select from broadcast_recipients x
                                              where x.org_id = the_org and x.broadcast_id = the_broadcast
                                                and x.state = 'placed') then at + interval '1 second' end);
    idle := next_at is null or next_at > at;
    update broadcasts x set leased_until = case when idle then '-infinity' else until end,
           look_at = least(more, at + interval '1 minute')
     where x.org_id = the_org and x.broadcast_id = the_broadcast;
end
$$;

-- Whoever said no between the promise and the wire gets nothing: asked with the intent to send.
create function broadcast_unwanted(the_org uuid, of_conversation uuid, of_seq bigint) returns boolean
    stable language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return exists (
        select from broadcast_recipients r
          join broadcasts b on b.org_id = the_org and b.broadcast_id = r.broadcast_id
         where r.org_id = the_org and r.conversation_id = of_conversation and r.seq = of_seq
           and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
           and (b.state = 'cancelled' or not notification_wanted(the_org, r.customer_id, b.topic, r.channel)));
end
$$;

-- --- the staff's hand --------------------------------------------------------------------------

-- What is promised and not on the wire yet is taken back, to wait or to be no more.
create function broadcast_take_back(the_org uuid, the_broadcast uuid, becomes text, at timestamptz) returns integer
    volatile language sql as $$
    with back as (
        delete from outbox o using broadcast_recipients r
         where r.org_id = the_org and r.broadcast_id = the_broadcast and r.state = 'placed'
           and o.org_id = the_org and o.conversation_id = r.conversation_id and o.seq = r.seq
           and o.priority = 2 and o.state in (0, 4, 5)
        returning r.number, o.conversation_id, o.seq
    ), logged as (
        update messages m set delivery = greatest(m.delivery, 2), reason = 'taken back'
          from back
         where m.org_id = the_org and m.conversation_id = back.conversation_id and m.seq = back.seq
    ), again as (
        update broadcast_recipients r set state = becomes, state_at = at, seq = null
          from back
         where r.org_id = the_org and r.broadcast_id = the_broadcast and r.number = back.number
        returning 1
    )
    select count(*)::int4 from again
$$;

-- Outcomes: started, paused, resumed, cancelled; or why not: unknown, state (what it is stands there).
create function broadcast_change(the_org uuid, the_name text, what text, who text, at timestamptz,
                                 out outcome text, out state text, out taken_back integer)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    b broadcasts;
begin
    outcome := 'unknown';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select * into b from broadcasts x where x.org_id = the_org and x.name = the_name for update;
    if b.broadcast_id is null then
        return;
    end if;
    taken_back := 0;
    state := case when b.paused and b.state in ('gathering', 'running') then 'paused' else b.state end;
    outcome := case
        when what = 'start' and b.state = 'draft' then 'started'
        when what = 'pause' and state in ('gathering', 'running') then 'paused'
        when what = 'resume' and state = 'paused' then 'resumed'
        when what = 'cancel' and b.state in ('draft', 'gathering', 'running') then 'cancelled'
        else 'state' end;
    if outcome = 'state' then
        return;
    end if;
    if outcome in ('paused', 'cancelled') then
        taken_back := broadcast_take_back(the_org, b.broadcast_id,
                                          case outcome when 'paused' then 'waiting' else 'cancelled' end, at);
    end if;
    if outcome = 'cancelled' then
        update broadcast_recipients r set state = 'cancelled', state_at = at
         where r.org_id = the_org and r.broadcast_id = b.broadcast_id and r.state = 'waiting';
    end if;
    update broadcasts x
       set state = case outcome when 'started' then 'gathering' when 'cancelled' then 'cancelled' else x.state end,
           started_at = case outcome when 'started' then at else x.started_at end,
           ended_at = case outcome when 'cancelled' then at else x.ended_at end,
           paused = outcome = 'paused', leased_until = '-infinity', look_at = '-infinity'
     where x.org_id = the_org and x.broadcast_id = b.broadcast_id
    returning x.state into state;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, gen_random_uuid(), at, who, 'broadcast.' || outcome, the_name);
end
$$;

revoke execute on function broadcast_places, broadcast_add, broadcast_gather, broadcast_claim, broadcast_place,
    broadcast_settle, broadcast_feed, broadcast_unwanted, broadcast_take_back, broadcast_change from public;
grant execute on function broadcast_gather, broadcast_feed, broadcast_change to parley_staff;
grant execute on function broadcast_claim, broadcast_unwanted to parley_bot;
