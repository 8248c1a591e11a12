-- events_out_replay (0050) again: its parameter is named, since an endpoint has a column of that name.

create or replace function events_out_replay(the_org uuid, the_endpoint text, the_event uuid, since timestamptz, undelivered boolean,
                                  most integer, at timestamptz) returns integer
    volatile language plpgsql as $$
declare
    n integer;
    s record;
begin
    perform from event_endpoints p where p.org_id = the_org order by p.endpoint for no key update;
    perform pg_advisory_xact_lock(hashtextextended('parley.events_out.' || the_org, 0));
    with wanted as materialized (
        select p.endpoint, e.event_id, e.subject, e.seq
          from events_out e
          join event_endpoints p on p.org_id = the_org and (the_endpoint is null or p.endpoint = the_endpoint)
          left join event_deliveries d on d.org_id = the_org and d.endpoint = p.endpoint and d.event_id = e.event_id
         where e.org_id = the_org and e.seq is not null
           and case when the_event is null then e.at >= events_out_replay.since else e.event_id = the_event end
           and (not undelivered or d.state is distinct from 'delivered')
         order by e.at, e.event_id
         limit most
    )
    insert into event_deliveries as d (org_id, endpoint, event_id, subject, seq, due_at)
    select the_org, w.endpoint, w.event_id, w.subject, w.seq, null from wanted w
        on conflict (org_id, endpoint, event_id) do update
       set state = 'waiting', settled_at = null, failed_at = null, reason = '', status = 0,
           attempts = case when d.leased_until > events_out_replay.at then d.attempts else 0 end,
           due_at = case when d.leased_until > events_out_replay.at then d.due_at end;
    get diagnostics n = row_count;
    for s in
        select distinct d.endpoint, d.subject from event_deliveries d
         where d.org_id = the_org and (the_endpoint is null or d.endpoint = the_endpoint) and d.state = 'waiting'
    loop
        perform events_out_head(the_org, s.endpoint, s.subject, events_out_replay.at);
    end loop;
    return n;
end
$$;
