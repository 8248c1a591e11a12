-- What people want to hear of, when, and what is new to them: loads and actions of flows, bound in
-- store/parts.c. The rules are functions of migration 0015.

-- name: preferences_topics
-- One row for each topic: how it stands on each channel, "on" or "off".
-- $1 org  $2 customer
select t.topic,
       case when preference_wanted($1::uuid, $2::uuid, t.topic, 'whatsapp') then 'on' else 'off' end
           as whatsapp,
       case when preference_wanted($1::uuid, $2::uuid, t.topic, 'sms') then 'on' else 'off' end as sms,
       case when preference_wanted($1::uuid, $2::uuid, t.topic, 'email') then 'on' else 'off' end
           as email
  from unnest(array['orders', 'deliveries', 'cancellations', 'estimates', 'payments', 'reviews',
                    'offers']) with ordinality t (topic, position)
 where exists (select 1 from customers c where c.org_id = $1::uuid and c.customer_id = $2::uuid)
 order by t.position;

-- name: preferences_channels
-- One row for each channel: how a topic stands on it, and the change that turns it round.
-- $1 org  $2 customer  $3 topic
select c.channel, case when w.wanted then 'on' else 'off' end as stands,
       c.channel || case when w.wanted then '_off' else '_on' end as change
  from unnest(array['whatsapp', 'sms', 'email']) with ordinality c (channel, position)
 cross join lateral (
    select preference_wanted($1::uuid, $2::uuid, $3::text, c.channel) as wanted) w
 where $3::text in ('orders', 'deliveries', 'cancellations', 'estimates', 'payments', 'reviews',
                    'offers')
   and exists (select 1 from customers x where x.org_id = $1::uuid and x.customer_id = $2::uuid)
 order by c.position;

-- name: preferences_quiet
-- The quiet hours, as times of today by the customer's clock.
-- $1 org  $2 customer  $3 now
select case when coalesce(s.quiet, true) then 'on' else 'off' end as stands,
       (d.day + make_interval(mins => coalesce(s.quiet_from, 1260)::int)) at time zone z.zone
           as begins_at,
       (d.day + make_interval(mins => coalesce(s.quiet_until, 480)::int)) at time zone z.zone
           as ends_at
  from customers c
 cross join lateral (select customer_zone(c.org_id, c.customer_id) as zone) z
 cross join lateral (select date_trunc('day', $3::timestamptz at time zone z.zone) as day) d
  left join customer_settings s on s.org_id = c.org_id and s.customer_id = c.customer_id
 where c.org_id = $1::uuid and c.customer_id = $2::uuid;

-- name: preference_set
-- $1 org  $2 customer  $3 topic  $4 change  $5 now  $6 contact  $7 words
select s.*,
       case when s.outcome in ('on', 'off')
                 and (s.outcome = 'on') is distinct from (
                     select p.wanted from preferences p
                      where p.org_id = $1::uuid and p.customer_id = $2::uuid and p.topic = s.topic
                        and p.channel = s.channel)
            then event_of_customer($1::uuid, case s.outcome when 'on' then 'contact.opted_in' else 'contact.opted_out' end,
                                   $2::uuid,
                                   jsonb_build_object('channel', s.channel, 'topic', s.topic, 'source', 'chat'),
                                   $5::timestamptz)::text end as later
  from preference_set($1::uuid, $2::uuid, $3::text, $4::text, $5::timestamptz, $6::uuid, $7::text) s;

-- name: first_channels
-- Where a customer can be written to first, and "last": where they wrote last. One of them stands.
-- $1 org  $2 customer
with known as (
    select distinct p.channel from contact_points p
     where p.org_id = $1::uuid and p.customer_id = $2::uuid and p.stopped_at is null
     union
    select 'sms' from customer_phones f
     where f.org_id = $1::uuid and f.customer_id = $2::uuid and f.disputed_at is null
       and not exists (select from contact_points p
                        where p.org_id = $1::uuid and p.channel = 'sms' and p.address = f.phone)
     union
    select 'email' from customers c
     where c.org_id = $1::uuid and c.customer_id = $2::uuid and c.email <> ''
       and (c.email_verified_at is not null or c.external_id is not null)
       and not exists (select from contact_points p
                        where p.org_id = $1::uuid and p.channel = 'email' and p.address = lower(c.email))
)
select n.channel, case when n.channel = coalesce(s.first_channel, 'last') then 'on' else 'off' end as stands
  from customers c
 cross join unnest(array['whatsapp', 'sms', 'email', 'last']) with ordinality n (channel, position)
  left join customer_settings s on s.org_id = c.org_id and s.customer_id = c.customer_id
 where c.org_id = $1::uuid and c.customer_id = $2::uuid
   and (n.channel = 'last'
        or exists (select from known k where k.channel = n.channel)
       and exists (select from accounts a where a.org_id = $1::uuid and a.channel = n.channel))
 order by n.position;

-- name: first_channel_set
-- What is chosen counts while the customer can be reached there (notification_places).
-- $1 org  $2 customer  $3 channel  $4 now
with before as materialized (
    select coalesce(s.first_channel, 'last') as channel from (select) one
      left join customer_settings s on s.org_id = $1::uuid and s.customer_id = $2::uuid
), chosen as (
    insert into customer_settings (org_id, customer_id, first_channel)
    select c.org_id, c.customer_id, nullif($3::text, 'last') from customers c
     where c.org_id = $1::uuid and c.customer_id = $2::uuid
       and $3::text in ('whatsapp', 'sms', 'email', 'last')
        on conflict (org_id, customer_id) do update set first_channel = excluded.first_channel
    returning coalesce(first_channel, 'last') as channel
)
select case when c.channel is null then 'unknown' else 'set' end as outcome, c.channel,
       case when c.channel <> b.channel
            then customer_updated($1::uuid, $2::uuid, 'first_channel', $4::timestamptz)::text end as later
  from before b left join chosen c on true;

-- name: quiet_set
-- The hours that are now, as times of today.
-- $1 org  $2 customer  $3 hours  $4 now
select q.outcome,
       (d.day + make_interval(mins => q.quiet_from)) at time zone z.zone as begins_at,
       (d.day + make_interval(mins => q.quiet_until)) at time zone z.zone as ends_at,
       case when q.outcome in ('set', 'off')
            then customer_updated($1::uuid, $2::uuid, 'quiet_hours', $4::timestamptz)::text end as later
  from quiet_set($1::uuid, $2::uuid, $3::text) q
 cross join lateral (select customer_zone($1::uuid, $2::uuid) as zone) z
 cross join lateral (select date_trunc('day', $4::timestamptz at time zone z.zone) as day) d;

-- name: updates_list
-- What came since the customer last said that all is seen, at most 30 days back: the newest ten,
-- newest first. With `until`, nothing that came later.
-- $1 org  $2 customer  $3 language  $4 until (microseconds)  $5 now
with since as materialized (
    select greatest(s.updates_seen_at, $5::timestamptz - interval '30 days') as begins_at,
           least($5::timestamptz, case when $4::text ~ '^[0-9]{1,17}$'
               then timestamptz 'epoch' + $4::text::int8 * interval '1 microsecond' end) as ends_at
      from (select 1) one
      left join customer_settings s on s.org_id = $1::uuid and s.customer_id = $2::uuid
), own as materialized (
    select o.* from orders o
     where o.org_id = $1::uuid and o.customer_id = $2::uuid
     order by o.placed_at desc
     limit 200
), news as (
    select 'status' as kind, o.number, o.workflow, e.status, e.at, nullif(e.note, '') as said,
           null::timestamptz as due
      from own o
      join order_events e on e.org_id = o.org_id and e.order_id = o.order_id
     where e.actor <> 'customer'
    union all
    select 'note', o.number, o.workflow, o.status, n.at, n.body, null
      from own o
      join order_notes n on n.org_id = o.org_id and n.order_id = o.order_id
     where n.visible
    union all
    select 'cancellation_' || c.status, o.number, o.workflow, o.status, c.status_at,
           nullif(c.decision_note, ''), null
      from own o
      join cancellations c on c.org_id = o.org_id and c.order_id = o.order_id
     where c.status in ('in_review', 'approved', 'rejected', 'refunded') and c.decided_by <> 'rule'
    union all
    select 'estimate', o.number, o.workflow, o.status, e.issued_at, nullif(e.note, ''), null
      from own o
      join estimates e on e.org_id = o.org_id and e.order_id = o.order_id
     where e.status = 'awaiting'
    union all
    select 'expected', o.number, o.workflow, o.status, o.expected_changed_at, null, o.expected_at
      from own o
     where o.expected_changed_at is not null and o.expected_was <> o.expected_at
       and o.delivered_at is null
    union all
    select 'parcel_' || t.status, o.number, o.workflow, o.status, t.at, nullif(t.note, ''), null
      from own o
      join tracking_events t on t.org_id = o.org_id and t.order_id = o.order_id
     where t.status in ('out_for_delivery', 'exception', 'returned')
)
select n.kind, n.number, n.workflow, n.status, s.status_name, n.at, n.said, n.due
  from since i
 cross join news n
  join workflow_states w
    on w.org_id = $1::uuid and w.workflow = n.workflow and w.status = n.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $3::text) as status_name) s
 where n.at > i.begins_at and n.at <= i.ends_at
 order by n.at desc, n.number, n.kind
 limit 10;

-- name: updates_seen
-- $1 org  $2 customer  $3 until  $4 now
select * from updates_seen($1::uuid, $2::uuid, $3::text, $4::timestamptz);
