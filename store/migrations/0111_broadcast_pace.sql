-- A broadcast's slices took the processor for 5 ms at a time, a ledger's for 60, and what comes to a sleeper in that time
-- waits: on Linux 6.18 a commit whose page was on the disk after 0.2 ms got the processor back after 3, in one of thirty,
-- with three other processors idle. They let go of it now after less than one. And two parts of a slice were needless:
-- all that was on its way was settled, and the templates were asked for, thirty times a second, where five do; and
-- broadcast_promise, being SQL, was planned anew each time. Else broadcast_promise and broadcast_feed are migration
-- 0095's, broadcast_settle 0106's, broadcast_gather 0052's (0066: jit off).

alter table broadcasts add column settled_at timestamptz not null default '-infinity';

-- Lets go of the processor before each so many-th.
create function broadcast_yield(n integer, each integer) returns void volatile language plpgsql as $$
begin
    if n > 0 and n % each = 0 then
        perform pg_sleep(0.001);
    end if;
end
$$;
revoke execute on function broadcast_yield from public;

create or replace function broadcast_gather(the_org uuid, the_broadcast uuid, most integer, at timestamptz,
                                 out looked integer, out over boolean)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp set jit = off as $$
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
            perform broadcast_yield(looked, 2);
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
            perform broadcast_yield(looked, 2);
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
        perform broadcast_yield(n, 8);
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

create or replace function broadcast_promise(b broadcasts, lane uuid, numbers bigint[], theirs uuid[], saids jsonb[],
                                             at timestamptz) returns void
    volatile language plpgsql as $$
begin
    with chosen as (
        select * from unnest(numbers, theirs, saids) c (number, there, said)
    ), numbered as (
        update conversations x set seq = x.seq + 1 from chosen c
         where x.org_id = b.org_id and x.conversation_id = any (theirs) and x.conversation_id = c.there
        returning c.*, x.seq
    ), logged as (
        insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
        select b.org_id, n.there, n.seq, false, n.said ->> 'kind', n.said::text, broadcast_promise.at,
               'broadcast/' || b.name
          from numbered n
    ), promised as (
        insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority)
        select b.org_id, lane, n.there, n.seq, broadcast_promise.at, 2 from numbered n
    )
    update broadcast_recipients x
       set state = 'placed', state_at = broadcast_promise.at, conversation_id = n.there, seq = n.seq
      from numbered n
     where x.org_id = b.org_id and x.broadcast_id = b.broadcast_id and x.number = any (numbers)
       and x.number = n.number;
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
    end if;
    for a in
        select e.account_id, e.channel, i.room from accounts e
          join unnest(channels, rooms) i (channel, room) on i.channel = e.channel
         where e.org_id = the_org order by e.account_id
    loop
        select least(a.room - count(*), most - looked) into room
          from (select from outbox o
                 where o.org_id = the_org and o.lane_id = a.account_id and o.priority = 2 limit a.room) w;
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
            perform broadcast_yield(looked, 2);
            looked := looked + 1;
            c := broadcast_choose(b, r, theirs, at);
            if c.there is not null then
                numbers := array_append(numbers, r.number);
                theirs := array_append(theirs, c.there);
                saids := array_append(saids, c.said);
            end if;
        end loop;
        if cardinality(numbers) > 0 then
            perform broadcast_promise(b, a.account_id, numbers, theirs, saids, at);
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
