-- Events on their way to the business's other systems: bot/later/events_out.c, bot/command/cmd_events.c. What is done
-- with them is migration 0050.

-- name: events_out_claim
-- $1 org  $2 endpoints  $3 how many of each  $4 now  $5 lease's end
select name, event, attempt, kind, about, number, happened, coalesce(customer, ''), coalesce(customer_called, ''),
       detail::text
  from events_out_claim($1::uuid, $2::text[], $3::int4[], $4::timestamptz, $5::timestamptz);

-- name: events_out_settle
-- $1 org  $2 endpoint  $3 event  $4 attempt  $5 verdict  $6 status  $7 reason  $8 next attempt
-- $9 hold, $10 pause, $11 longest pause (microseconds)  $12 attempts at most  $13 off after (microseconds)  $14 now
select events_out_settle($1::uuid, $2::text, $3::uuid, $4::int4, $5::text, $6::int4, $7::text, $8::timestamptz,
                         $9::int8, $10::int8, $11::int8, $12::int4, $13::int8, $14::timestamptz);

-- name: events_out_forget
-- $1 org  $2 older than  $3 at most
select events_out_forget($1::uuid, $2::timestamptz, $3::int4);

-- --- what people do about it, by `parley events` ----------------------------------------------

-- name: events_out_list
-- The newest first. A state is that of all deliveries together: failed or waiting when one is; "new" is not
-- handed out yet, "kept" was for nobody.
-- $1 org  $2 since, in microseconds  $3 type, or ''  $4 state, or ''  $5 at most
select e.event_id, e.at, e.type, e.subject, coalesce(e.seq, 0), s.state,
       jsonb_build_object('id', e.event_id, 'at', e.at, 'type', e.type, 'subject', e.subject, 'sequence', e.seq,
                          'state', s.state)::text
  from events_out e
 cross join lateral (
    select case when e.seq is null then 'new' when count(*) = 0 then 'kept' when bool_or(d.state = 'failed') then 'failed'
                when bool_or(d.state = 'waiting') then 'waiting' else 'delivered' end as state
      from event_deliveries d where d.org_id = e.org_id and d.event_id = e.event_id) s
 where e.org_id = $1::uuid and e.at >= 'epoch'::timestamptz + $2::int8 * interval '1 microsecond'
   and $3::text in ('', e.type) and $4::text in ('', s.state)
 order by e.at desc, e.event_id desc
 limit $5::int4;

-- name: events_out_get
-- One event, its data, and what became of it at each endpoint.
-- $1 org  $2 event
select e.event_id, e.at, e.type, e.subject, coalesce(e.seq, 0), '',
       (jsonb_build_object('id', e.event_id, 'at', e.at, 'type', e.type, 'subject', e.subject, 'sequence', e.seq,
                           'customer_id', e.customer_id, 'data', e.data)
        || jsonb_build_object('deliveries', coalesce((
            select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                       'endpoint', d.endpoint, 'state', d.state, 'attempts', d.attempts, 'status', nullif(d.status, 0),
                       'reason', nullif(d.reason, ''), 'due_at', d.due_at, 'settled_at', d.settled_at)) order by d.endpoint)
              from event_deliveries d where d.org_id = e.org_id and d.event_id = e.event_id), '[]')))::text
  from events_out e
 where e.org_id = $1::uuid and e.event_id = case when $2::text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                                 then $2::text::uuid end;

-- name: events_out_replay
-- $1 org  $2 endpoint, or ''  $3 event, or ''  $4 since, in microseconds  $5 only what was not delivered
-- $6 at most  $7 who  $8 audit id
with again as materialized (
    select events_out_replay($1::uuid, nullif($2::text, ''),
                             case when $3::text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $3::text::uuid
                                  when $3::text <> '' then '00000000-0000-0000-0000-000000000000' end,
                             'epoch'::timestamptz + $4::int8 * interval '1 microsecond', $5::bool,
                             $6::int4, now()) as n
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $8::uuid, now(), $7::text, 'events replayed', coalesce(nullif($3::text, ''), 'since')
      from again where n > 0
)
select n from again;

-- name: event_endpoints_list
-- At most 10,000 of what waits are counted.
-- $1 org
select p.endpoint, s.state, w.waiting, p.failures, p.success_at, p.failure_at,
       coalesce(nullif(p.off_reason, ''), p.failure),
       jsonb_strip_nulls(jsonb_build_object(
           'endpoint', p.endpoint, 'state', s.state, 'waiting', w.waiting, 'failures', p.failures,
           'success_at', p.success_at, 'failure_at', p.failure_at, 'failure', nullif(p.failure, ''),
           'held_until', case when p.held_until > now() then p.held_until end, 'off_at', p.off_at,
           'off_reason', nullif(p.off_reason, '')))::text
  from event_endpoints p
 cross join lateral (
    select case when p.off_at is not null then 'off' when p.failures > 0 then 'failing' else 'on' end as state) s
 cross join lateral (
    select count(*) as waiting from (select 1 from event_deliveries d
                                      where d.org_id = p.org_id and d.endpoint = p.endpoint and d.state = 'waiting'
                                      limit 10000) x) w
 where p.org_id = $1::uuid
 order by p.endpoint;

-- name: event_endpoint_switch
-- What waits goes on at once when it is switched on.
-- $1 org  $2 endpoint  $3 on  $4 who  $5 audit id
with switched as (
    update event_endpoints p
       set off_at = case when $3::bool then null else coalesce(p.off_at, now()) end,
           off_reason = case when $3::bool then '' else 'by ' || $4::text end,
           failures = case when $3::bool then 0 else p.failures end,
           failing_since = case when $3::bool then null else p.failing_since end,
           held_until = case when $3::bool then null else p.held_until end
     where p.org_id = $1::uuid and p.endpoint = $2::text
    returning p.endpoint
), hurried as (
    update event_deliveries d set due_at = now()
      from switched s
     where $3::bool and d.org_id = $1::uuid and d.endpoint = s.endpoint and d.state = 'waiting'
       and d.due_at is not null and coalesce(d.leased_until < now(), true)
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $5::uuid, now(), $4::text, case when $3::bool then 'endpoint on' else 'endpoint off' end, s.endpoint
      from switched s
)
select count(*) from switched;
