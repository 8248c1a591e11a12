-- A slice of a broadcast is promised by one statement and not by one for each of its recipients: half of what a slice
-- cost the database. Else broadcast_place is migration 0052's, and broadcast_feed 0081's.

drop function broadcast_place(broadcasts, broadcast_recipients, timestamptz);

-- Where one recipient's message goes and what it says; null when it does not go now: then the ledger says why.
-- `taken`: conversations of the same slice.
create function broadcast_choose(b broadcasts, r broadcast_recipients, taken uuid[], at timestamptz,
                                 out there uuid, out said jsonb)
    volatile language plpgsql as $$
declare
    c record;
    v record;
    d record;
    p contact_points;
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
        there := null;
        return;
    end if;
    -- A turn is at it just now, a person has it, or something is on its way: what is said there goes first.
    if d.due_at <= at then
        select x.held_until, x.last_inbound_at into v from conversations x
         where x.org_id = b.org_id and x.conversation_id = there for no key update skip locked;
        if not found or there = any (taken)
           or exists (select from outbox o where o.org_id = b.org_id and o.conversation_id = there) then
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
        there := null;
    end if;
end
$$;

-- What was chosen is promised, all at once: a statement a recipient would cost as much as all that is asked of them.
-- The keys stand there twice, so that rows are found by them even when the planner thinks that the table is empty.
create function broadcast_promise(b broadcasts, lane uuid, numbers bigint[], theirs uuid[], saids jsonb[],
                                  at timestamptz) returns void
    volatile language sql as $$
    with chosen as (
        select * from unnest(numbers, theirs, saids) c (number, there, said)
    ), numbered as (
        update conversations x set seq = x.seq + 1 from chosen c
         where x.org_id = b.org_id and x.conversation_id = any (theirs) and x.conversation_id = c.there
        returning c.*, x.seq
    ), logged as (
        insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
        select b.org_id, n.there, n.seq, false, n.said ->> 'kind', n.said::text, at, 'broadcast/' || b.name
          from numbered n
    ), promised as (
        insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority)
        select b.org_id, lane, n.there, n.seq, at, 2 from numbered n
    )
    update broadcast_recipients x set state = 'placed', state_at = at, conversation_id = n.there, seq = n.seq
      from numbered n
     where x.org_id = b.org_id and x.broadcast_id = b.broadcast_id and x.number = any (numbers)
       and x.number = n.number
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
           look_at = least(more, at + interval '1 minute')
     where x.org_id = the_org and x.broadcast_id = the_broadcast;
end
$$;

revoke execute on function broadcast_choose, broadcast_promise from public;
