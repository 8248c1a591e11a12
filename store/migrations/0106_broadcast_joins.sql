-- Broadcasts: who speaks a language that a template alone does not have hears it in `otherwise` (with no words there
-- the question was null, and they were promised what could not be said). And two statements whose joins the planner,
-- who takes the outbox for empty, made in the order in which each recipient is compared with each message that waits:
-- with 800 of them settling took 30 ms of each slice and a pause 670, in which the lane waited for its rows. They ask
-- by key now, one at a time. Else broadcast_add and broadcast_take_back are migration 0052's, broadcast_settle 0081's.

create or replace function broadcast_add(b broadcasts, number bigint, of_customer uuid, given jsonb, countries text[],
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
            if coalesce(b.content -> 'words', b.content -> 'template' -> 'languages') ? speaks is not true then
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

create or replace function broadcast_settle(the_org uuid, b broadcasts, at timestamptz) returns text
    volatile language plpgsql as $$
declare
    e record;
    waits boolean;
    refused text;
begin
    for e in
        select r.number, m.delivery, m.error, m.reason,
               m.error = any ('{132000,132001,132007,132012,132015,132016,63027,63040,63041,63042}') as template
          from broadcast_recipients r
         cross join lateral (
               select x.delivery, x.error, x.reason from messages x
                where x.org_id = the_org and x.conversation_id = r.conversation_id and x.seq = r.seq limit 1) m
         where r.org_id = the_org and r.broadcast_id = b.broadcast_id and r.state = 'placed'
           and (select true from outbox o
                 where o.org_id = the_org and o.conversation_id = r.conversation_id and o.seq = r.seq limit 1) is null
    loop
        waits := e.delivery = 2 and e.template and b.state <> 'cancelled';
        update broadcast_recipients r
           set state = case when e.delivery <> 2 then 'sent'
                            when b.state = 'cancelled' and e.error = 0 then 'cancelled'
                            when waits then 'waiting'
                            else 'failed' end,
               seq = case when waits then null else r.seq end,
               state_at = at
         where r.org_id = the_org and r.broadcast_id = b.broadcast_id and r.number = e.number;
        if e.delivery = 2 and e.template then
            refused := greatest(refused, e.reason);
        end if;
    end loop;
    return refused;
end
$$;

-- What a lane has in its hands just now goes.
create or replace function broadcast_take_back(the_org uuid, the_broadcast uuid, becomes text, at timestamptz)
    returns integer volatile language plpgsql as $$
declare
    r record;
    n integer := 0;
begin
    for r in
        select x.number, x.conversation_id, x.seq from broadcast_recipients x
         where x.org_id = the_org and x.broadcast_id = the_broadcast and x.state = 'placed'
    loop
        perform from outbox o
          where o.org_id = the_org and o.conversation_id = r.conversation_id and o.seq = r.seq
            and o.priority = 2 and o.state in (0, 4, 5)
            for update skip locked;
        continue when not found;
        delete from outbox o
         where o.org_id = the_org and o.conversation_id = r.conversation_id and o.seq = r.seq;
        update messages m set delivery = greatest(m.delivery, 2), reason = 'taken back'
         where m.org_id = the_org and m.conversation_id = r.conversation_id and m.seq = r.seq;
        update broadcast_recipients x set state = becomes, state_at = at, seq = null
         where x.org_id = the_org and x.broadcast_id = the_broadcast and x.number = r.number;
        n := n + 1;
    end loop;
    return n;
end
$$;
