-- Slices of a broadcast let go of the processor still more often, each time after about half a millisecond: before each
-- recipient, and between what is promised, where a slice's last stretch took three. `perf sched` has shown that a worker
-- or a turn's backend waits behind such a stretch, others being idle. Where a lane sends hundreds a second more
-- is done in between, as the sleeping would hold it up. Else broadcast_settle and broadcast_feed are migration 0111's.

create or replace function broadcast_settle(the_org uuid, b broadcasts, at timestamptz) returns text
    volatile language plpgsql as $$
declare
    e record;
    waits boolean;
    refused text;
    n integer := 0;
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
        perform broadcast_yield(n, 3);
        n := n + 1;
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

create or replace function broadcast_feed(the_org uuid, the_broadcast uuid, channels text[], rooms integer[],
                               most integer, at timestamptz, until timestamptz,
                               out placed integer, out looked integer, out lanes uuid[], out how text, out why text)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp set jit = off as $$
declare
    b broadcasts;
    a record;
    r broadcast_recipients;
    c record;
    room integer;
    numbers bigint[];
    theirs uuid[];
    saids jsonb[];
    next_at timestamptz;
    each integer;
    last integer;
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
    if b.settled_at <= at - interval '200 milliseconds' then
        why := coalesce(broadcast_settle(the_org, b, at), broadcast_template_wrong(b));
        if why is not null then
            how := 'held';
            perform broadcast_hold(the_org, b, why, at);
            return;
        end if;
        b.settled_at := at;
        perform broadcast_yield(1, 1);
    end if;
    for a in
        select e.account_id, e.channel, i.room from accounts e
          join unnest(channels, rooms) i (channel, room) on i.channel = e.channel
         where e.org_id = the_org order by e.account_id
    loop
        select least(a.room - count(*), most - looked) into room
          from (select from outbox o
                 where o.org_id = the_org and o.lane_id = a.account_id and o.priority = 2 limit a.room) w;
        each := greatest(a.room / 50, 1);
        numbers := '{}';
        theirs := '{}';
        saids := '{}';
        for r in
            select * from broadcast_recipients x
             where x.org_id = the_org and x.broadcast_id = the_broadcast and x.account_id = a.account_id
               and x.state = 'waiting' and x.due_at <= at
             order by x.due_at, x.number limit greatest(room, 0)
               for update skip locked
        loop
            perform broadcast_yield(looked, each);
            looked := looked + 1;
            c := broadcast_choose(b, r, theirs, at);
            if c.there is not null then
                numbers := array_append(numbers, r.number);
                theirs := array_append(theirs, c.there);
                saids := array_append(saids, c.said);
            end if;
        end loop;
        for start in 1 .. cardinality(numbers) by 2 * each loop
            last := start + 2 * each - 1;
            perform broadcast_yield(1, 1);
            perform broadcast_promise(b, a.account_id, numbers[start:last], theirs[start:last], saids[start:last], at);
        end loop;
        if cardinality(numbers) > 0 then
            placed := placed + cardinality(numbers);
            lanes := array_append(lanes, a.account_id);
        end if;
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
           look_at = least(more, at + interval '1 minute'), settled_at = b.settled_at
     where x.org_id = the_org and x.broadcast_id = the_broadcast;
end
$$;
