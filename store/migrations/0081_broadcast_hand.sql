-- Broadcasts: held while Meta does not approve their template, taken back to the last message, and their prices
-- and countries set by command.

alter table broadcasts
    add column paused_why text not null default '', -- by whom it was not staff who paused it: what speaks against it
    add column settling boolean not null default false; -- paused or cancelled, and some of it was on its way

-- --- templates -------------------------------------------------------------------------------

-- What speaks against sending by its template now; null: nothing.
create function broadcast_template_wrong(b broadcasts) returns text
    stable language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select string_agg(format('the template %s (%s) is %s', b.content -> 'template' ->> 'name', l.value,
                             coalesce(t.status || coalesce(': ' || nullif(nullif(t.reason, ''), 'NONE'), ''),
                                      'not known: `parley templates status` asks Meta')), '; ' order by l.value)
      from jsonb_each_text(case when b.channel in ('', 'whatsapp') and b.content ? 'template'
                                then b.content -> 'template' -> 'languages' else '{}' end) l
      left join lateral (
          select w.status, w.reason from whatsapp_templates w
           where w.org_id = b.org_id and w.name = b.content -> 'template' ->> 'name' and w.language = l.value
           order by w.status in ('APPROVED', 'REINSTATED', 'FLAGGED'), w.account limit 1) t on true
     where b.org_id = nullif(current_setting('parley.org_id', true), '')::uuid
       and not template_usable(b.org_id, b.content -> 'template' ->> 'name', l.value)
$$;

-- --- on their way ----------------------------------------------------------------------------

-- Work is also what was on its way when it was paused or cancelled.
create or replace function broadcast_claim(the_org uuid, at timestamptz, until timestamptz)
    returns table (broadcast_id uuid, state text)
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update broadcasts b set leased_until = until
      from (select x.broadcast_id from broadcasts x
             where x.org_id = the_org and (x.state in ('gathering', 'running') and not x.paused or x.settling)
               and x.leased_until < at and x.look_at <= at
               and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
             order by x.leased_until limit 1 for update skip locked) f
     where b.org_id = the_org and b.broadcast_id = f.broadcast_id
    returning b.broadcast_id, case when b.paused then 'paused' else b.state end
$$;

-- What has left the lanes' hands is known as such; what was cancelled before the wire is cancelled. What the
-- provider refused for the template's sake nobody got: it waits again, and why is told.
drop function broadcast_settle(uuid, uuid, timestamptz);
create function broadcast_settle(the_org uuid, b broadcasts, at timestamptz) returns text
    volatile language sql as $$
    with ended as (
        update broadcast_recipients r
           set state = case when m.delivery <> 2 then 'sent'
                            when b.state = 'cancelled' and m.error = 0 then 'cancelled'
                            when b.state <> 'cancelled' and e.template then 'waiting'
                            else 'failed' end,
               seq = case when m.delivery = 2 and b.state <> 'cancelled' and e.template then null else r.seq end,
               state_at = at
          from messages m
         cross join lateral (select m.error = any ('{132000,132001,132007,132012,132015,132016,63027,63040,63041,63042}')
                                    as template) e
         where r.org_id = the_org and r.broadcast_id = b.broadcast_id and r.state = 'placed'
           and m.org_id = the_org and m.conversation_id = r.conversation_id and m.seq = r.seq
           and not exists (select from outbox o where o.org_id = the_org and o.conversation_id = r.conversation_id
                              and o.seq = r.seq)
        returning case when m.delivery = 2 and e.template then m.reason end as refused
    )
    select max(refused) from ended
$$;

-- Held until staff resume it.
create function broadcast_hold(the_org uuid, b broadcasts, why text, at timestamptz) returns void
    volatile language sql as $$
    select broadcast_take_back(the_org, b.broadcast_id, 'waiting', at);
    update broadcasts x
       set paused = true, paused_why = why, settling = true, leased_until = '-infinity',
           look_at = at + interval '1 second'
     where x.org_id = the_org and x.broadcast_id = b.broadcast_id;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, gen_random_uuid(), at, 'parley', 'broadcast.paused', b.name);
$$;

-- Paused or cancelled: what came back from the wire since is taken back, too, and what went is known.
create function broadcast_rest(the_org uuid, b broadcasts, at timestamptz) returns void
    volatile language plpgsql as $$
begin
    perform broadcast_take_back(the_org, b.broadcast_id,
                                case b.state when 'cancelled' then 'cancelled' else 'waiting' end, at);
    perform broadcast_settle(the_org, b, at);
    update broadcasts x
       set settling = exists (select from broadcast_recipients r
                               where r.org_id = the_org and r.broadcast_id = b.broadcast_id and r.state = 'placed'),
           leased_until = '-infinity', look_at = at + interval '1 second'
     where x.org_id = the_org and x.broadcast_id = b.broadcast_id;
end
$$;

-- The next slice to the lanes: of each channel so many that no more than its room wait there, and no more
-- than `most` at once, so that their conversations are locked for a moment only. `how` it stands: fed; idle
-- (nothing is due now); held (`why`: what speaks against its template); over; rest (it was paused or cancelled).
drop function broadcast_feed(uuid, uuid, text[], integer[], integer, timestamptz, timestamptz);
create function broadcast_feed(the_org uuid, the_broadcast uuid, channels text[], rooms integer[], most integer,
                               at timestamptz, until timestamptz,
                               out placed integer, out looked integer, out lanes uuid[], out how text, out why text)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp set jit = off as $$
declare
    b broadcasts;
    a record;
    r broadcast_recipients;
    room integer;
    next_at timestamptz;
    more timestamptz;
begin
    placed := 0;
    looked := 0;
    lanes := '{}';
    how := 'rest';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select * into b from broadcasts x where x.org_id = the_org and x.broadcast_id = the_broadcast for update;
    if b.state is distinct from 'running' or b.paused then
        if b.settling then
            perform broadcast_rest(the_org, b, at);
        end if;
        return;
    end if;
    why := coalesce(broadcast_settle(the_org, b, at), broadcast_template_wrong(b));
    if why is not null then
        how := 'held';
        perform broadcast_hold(the_org, b, why, at);
        return;
    end if;
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
        how := 'over';
        update broadcasts x set state = 'done', ended_at = at
         where x.org_id = the_org and x.broadcast_id = the_broadcast;
        return;
    end if;
    more := least(next_at, case when exists (select from broadcast_recipients x
                                              where x.org_id = the_org and x.broadcast_id = the_broadcast
                                                and x.state = 'placed') then at + interval '1 second' end);
    how := case when next_at is null or next_at > at then 'idle' else 'fed' end;
    update broadcasts x set leased_until = case how when 'idle' then '-infinity' else until end,
           look_at = least(more, at + interval '1 minute')
     where x.org_id = the_org and x.broadcast_id = the_broadcast;
end
$$;

-- --- the staff's hand --------------------------------------------------------------------------

-- Outcomes: started, paused, resumed, cancelled; or why not: unknown, state (what it is stands there), template
-- (`why`).
drop function broadcast_change(uuid, text, text, text, timestamptz);
create function broadcast_change(the_org uuid, the_name text, what text, who text, at timestamptz,
                                 out outcome text, out state text, out taken_back integer, out why text)
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
    if outcome in ('started', 'resumed') then
        why := broadcast_template_wrong(b);
        outcome := case when why is null then outcome else 'template' end;
    end if;
    if outcome in ('state', 'template') then
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
           paused = outcome = 'paused', paused_why = '', settling = outcome in ('paused', 'cancelled'),
           leased_until = '-infinity', look_at = '-infinity'
     where x.org_id = the_org and x.broadcast_id = b.broadcast_id
    returning x.state into state;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, gen_random_uuid(), at, who, 'broadcast.' || outcome, the_name);
end
$$;

-- --- prices and countries ------------------------------------------------------------------------

-- What a message costs on a channel to numbers that begin so ('': all others); null: no price. False: no such
-- channel, beginning or price.
create function broadcast_price(the_org uuid, the_channel text, prefix text, price text, who text) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid
       or the_channel not in ('whatsapp', 'sms', 'email') or prefix !~ '^(|\+[1-9][0-9]{0,14})$'
       or the_channel = 'email' and prefix <> '' or price !~ '^[0-9]{1,6}(\.[0-9]{1,6})?$' then
        return false;
    end if;
    update businesses b
       set settings = jsonb_set(b.settings, '{prices}', coalesce(
               (select jsonb_object_agg(p.key, p.value)
                  from jsonb_each(case jsonb_typeof(b.settings -> 'prices') when 'object' then b.settings -> 'prices'
                                  else '{}' end) p where p.key <> the_channel), '{}')
               || jsonb_build_object(the_channel,
                      case jsonb_typeof(b.settings -> 'prices' -> the_channel)
                      when 'object' then b.settings -> 'prices' -> the_channel else '{}' end - prefix
                      || case when price is null then '{}' else jsonb_build_object(prefix, price::numeric) end))
     where b.org_id = the_org;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, gen_random_uuid(), now(), who, 'broadcast.price', the_channel || ' ' || prefix);
    return true;
end
$$;

-- The countries that broadcasts by number go to: beginnings of numbers, those with a '-' before them are left
-- out; none: everywhere.
create function broadcast_countries_keep(the_org uuid, countries text[], who text) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid
       or exists (select from unnest(countries) y where y !~ '^-?\+[1-9][0-9]{0,14}$') then
        return false;
    end if;
    update businesses b
       set settings = b.settings - 'broadcast_countries'
                      || case when countries = '{}' then '{}'
                         else jsonb_build_object('broadcast_countries', to_jsonb(countries)) end
     where b.org_id = the_org;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, gen_random_uuid(), now(), who, 'broadcast.countries', array_to_string(countries, ' '));
    return true;
end
$$;

create function broadcast_country_open(countries text[], phone text) returns boolean
    immutable parallel safe language plpgsql as $$
begin
    if countries is null or phone is null then
        return true;
    end if;
    return not exists (select from unnest(countries) y where starts_with(y, '-') and starts_with(phone, substr(y, 2)))
       and (not exists (select from unnest(countries) y where not starts_with(y, '-'))
            or exists (select from unnest(countries) y where starts_with(phone, y)));
end
$$;

-- Migration 0066's, but for countries that are left out.
create or replace function broadcast_places(the_org uuid, the_customer uuid, the_topic text, the_channel text,
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
           and (select p.contact_id from contact_points p
                 where p.org_id = the_org and p.channel = k.channel and p.address = f.phone limit 1) is null
           and (select p.contact_id from contact_points p
                 where p.org_id = the_org and p.channel = k.channel and p.phone = f.phone limit 1) is null
        union all
        select 'email', lower(c.email), null, null,
               customer_by_mail(the_org, c.email) is not distinct from the_customer
          from customers c
         where c.org_id = the_org and c.customer_id = the_customer and c.email <> ''
           and (select p.contact_id from contact_points p
                 where p.org_id = the_org and p.channel = 'email' and p.address = lower(c.email) limit 1) is null
    )
    select k.channel, k.address, coalesce(v.account_id, a.account_id), v.conversation_id,
           case when exists (select from written w where w.stopped_at is not null) then 'stopped'
                when not k.theirs then 'not_theirs'
                when coalesce(v.account_id, a.account_id) is null then 'no_account'
                when k.channel <> 'email' and k.phone is not null and k.phone !~ '^\+[1-9][0-9]{6,14}$' then 'invalid'
                when k.channel = 'email' and k.address !~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$' then 'invalid'
                when not notification_wanted(the_org, the_customer, the_topic, k.channel) then 'no_consent'
                when k.channel <> 'email' and not broadcast_country_open(countries, k.phone) then 'country'
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

revoke execute on function broadcast_template_wrong, broadcast_settle, broadcast_hold, broadcast_rest, broadcast_feed,
    broadcast_change, broadcast_price, broadcast_countries_keep, broadcast_country_open from public;
grant execute on function broadcast_template_wrong, broadcast_feed, broadcast_change, broadcast_price,
    broadcast_countries_keep to parley_staff;
