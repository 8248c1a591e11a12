-- What customers ask about their orders, jobs and repairs: loads and actions of flows, bound in
-- store/parts.c.
--
-- $1 is always the business and $2 the customer, for the indexes; that a customer sees their own
-- orders only is row-level security's doing and does not hang on these conditions. From $3 on
-- stand the variables of the flow, all as text, since a dialogue has them as text.

-- name: order_figures
-- One row: active, in_transit, delivered.
-- $1 org  $2 customer
select count(*) filter (where w.phase = 'active') as active,
       count(*) filter (where w.in_transit) as in_transit,
       count(*) filter (where w.phase = 'done') as delivered
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 where o.org_id = $1::uuid and o.customer_id = $2::uuid;

-- name: orders_list
-- Up to 11 from an offset on, newest first, so that a list of ten knows whether there are more.
-- Words are looked for in the number and in the items.
-- $1 org  $2 customer  $3 filter: all, active, shipped, delivered, cancelled  $4 offset  $5 words
-- $6 language  $7 a day's noon (microseconds): what was placed then
select o.number, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon, o.placed_at, o.total_minor, o.currency as total_currency,
       (select sum(case when i.qty = trunc(i.qty) then i.qty else 1 end)::int8
          from order_items i
         where i.org_id = o.org_id and i.order_id = o.order_id) as items_count,
       o.expected_at
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $6::text) as status_name) n
 where o.org_id = $1::uuid and o.customer_id = $2::uuid
   and case coalesce($3::text, 'all')
       when 'active' then w.phase = 'active'
       when 'shipped' then w.in_transit
       when 'delivered' then w.phase = 'done'
       when 'cancelled' then w.phase = 'cancelled'
       else true end
   and case when $7::text ~ '^[0-9]{1,17}$'
            then o.placed_at >= to_timestamp($7::text::float8 / 1e6) - interval '12 hours'
             and o.placed_at < to_timestamp($7::text::float8 / 1e6) + interval '12 hours'
            else true end
   and (coalesce($5::text, '') = ''
        or strpos(lower(o.number), lower($5::text)) > 0
        or exists (select 1 from order_items i
                    where i.org_id = o.org_id and i.order_id = o.order_id
                      and strpos(lower(i.description collate "und-x-icu"),
                                 lower($5::text collate "und-x-icu")) > 0))
 order by o.placed_at desc, o.order_id desc
offset case when $4::text ~ '^[0-9]{1,9}$' then $4::text::int8 else 0 end
 limit 11;

-- name: order_by_number
-- One row, or none. The number is as people type it: '#', spaces, case and a missing prefix of
-- letters do not matter; when two fit, the one that is exactly so, then the newest. An invoice's
-- own number is no order's, even where the digits are one's.
-- `ships` stands where it is a kind that is sent; else it is work, and fetched. The estimate is
-- the newest one; one whose time is over is `expired`.
-- $1 org  $2 customer  $3 number  $4 language  $5 now
with asked as materialized (
    select upper(regexp_replace(left($3::text, 100), '[^[:alnum:]]', '', 'g')) as key
), found as (
    select o.*
      from asked a
      join orders o
        on o.number_key = a.key
        or ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') in (a.key, o.number_key)
           and ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
               = ltrim(a.key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
           and not exists (select from invoices i
                            where i.org_id = o.org_id and i.customer_id = o.customer_id
                              and i.number_key = a.key)
     where a.key <> '' and o.org_id = $1::uuid and o.customer_id = $2::uuid
     order by o.number_key = a.key desc, o.placed_at desc, o.order_id desc
     limit 1
)
select o.number, o.workflow, o.status, w.phase, s.status_name,
       status_icon(w.icon, w.phase, s.status_name) as status_icon,
       case when exists (select 1 from workflow_states t
                          where t.org_id = o.org_id and t.workflow = o.workflow
                            and t.in_transit)
            then true end as ships,
       case when w.phase = 'active' then coalesce(o.progress, w.progress)::int8 end as progress,
       o.placed_at, o.expected_at, o.delivered_at,
       case when o.expected_was <> o.expected_at then o.expected_was end as expected_was,
       o.expected_changed_at,
       o.subtotal_minor, o.currency as subtotal_currency,
       o.tax_minor, o.currency as tax_currency,
       o.shipping_minor, o.currency as shipping_currency,
       o.total_minor, o.currency as total_currency,
       nullif(o.paid_minor, 0) as paid_minor, o.currency as paid_currency,
       i.items_count,
       nullif(o.address, '') as address, nullif(o.instructions, '') as instructions,
       nullif(o.contact, '') as contact, i.items, n.notes,
       p.photos_count, e.estimate, e.awaits
  from found o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $4::text) as status_name) s
 cross join lateral (
    select coalesce(sum(case when i.qty = trunc(i.qty) then i.qty else 1 end), 0)::int8
               as items_count,
           coalesce(json_agg(json_build_object(
               'qty', case when i.qty = trunc(i.qty) then to_json(i.qty::int8)
                           else to_json(trim_scale(i.qty)::text) end,
               'description', i.description,
               'unit_price', json_build_object('minor', i.unit_minor, 'currency', o.currency),
               'line_total', json_build_object('minor', i.total_minor, 'currency', o.currency)
           ) order by i.position), '[]') as items
      from order_items i
     where i.org_id = o.org_id and i.order_id = o.order_id) i
 cross join lateral (
    select coalesce(json_agg(json_build_object(
               'at', json_build_object('time', (extract(epoch from n.at) * 1000000)::int8::text),
               'text', n.body
           ) order by n.at, n.note_id), '[]') as notes
      from order_notes n
     where n.org_id = o.org_id and n.order_id = o.order_id and n.visible) n
 cross join lateral (
    select nullif(count(*), 0)::int8 as photos_count
      from order_photos p
     where p.org_id = o.org_id and p.order_id = o.order_id and p.visible) p
  left join lateral (
    select json_build_object(
               'state', case when e.status = 'awaiting' and e.expires_at <= $5::timestamptz
                             then 'expired' else e.status end,
               'total', json_build_object('minor', e.total_minor, 'currency', e.currency)
           ) as estimate,
           case when e.status = 'awaiting'
                 and (e.expires_at is null or e.expires_at > $5::timestamptz)
                then true end as awaits
      from estimates e
     where e.org_id = o.org_id and e.order_id = o.order_id and e.status <> 'withdrawn'
     order by e.issued_at desc, e.estimate_id desc
     limit 1) e on true;

-- name: order_timeline
-- What happened, in order, then the steps that are still expected. The step that an active order
-- stands at is `current`; of those expected only the last has a time, when the order has one.
-- $1 org  $2 customer  $3 number  $4 language
with asked as materialized (
    select upper(regexp_replace(left($3::text, 100), '[^[:alnum:]]', '', 'g')) as key
), found as (
    select o.*
      from asked a
      join orders o
        on o.number_key = a.key
        or ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') in (a.key, o.number_key)
           and ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
               = ltrim(a.key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
     where a.key <> '' and o.org_id = $1::uuid and o.customer_id = $2::uuid
     order by o.number_key = a.key desc, o.placed_at desc, o.order_id desc
     limit 1
), stands as materialized (
    select o.*, w.position, w.phase
      from found o
      join workflow_states w
        on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
), steps as (
    select e.status, s.workflow, e.at,
           case when s.phase = 'active'
                 and row_number() over (order by e.at desc, e.event_id desc) = 1
                then 'current' else 'done' end as state,
           nullif(e.note, '') as note, 0::int8 as later, e.event_id
      from stands s
      join order_events e on e.org_id = s.org_id and e.order_id = s.order_id
    union all
    select w.status, s.workflow, case when w.phase = 'done' then s.expected_at end, 'expected',
           null, w.position, null
      from stands s
      join workflow_states w on w.org_id = s.org_id and w.workflow = s.workflow
     where s.phase = 'active' and w.position > s.position and w.phase <> 'cancelled'
)
select t.status, t.workflow, n.status_name, t.at, t.state, t.note
  from steps t
  left join workflow_states w
    on w.org_id = $1::uuid and w.workflow = t.workflow and w.status = t.status
 cross join lateral (
    select status_name(t.workflow, t.status, coalesce(w.names, '{}'), $4::text) as status_name) n
 order by t.later, t.at, t.event_id;

-- name: order_shipments
-- Newest first, at most 10, each with its latest events, newest first. `url` is the carrier's page
-- where the shipment brings none along.
-- $1 org  $2 customer  $3 number
with asked as materialized (
    select upper(regexp_replace(left($3::text, 100), '[^[:alnum:]]', '', 'g')) as key
), found as (
    select o.org_id, o.order_id
      from asked a
      join orders o
        on o.number_key = a.key
        or ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') in (a.key, o.number_key)
           and ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
               = ltrim(a.key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
     where a.key <> '' and o.org_id = $1::uuid and o.customer_id = $2::uuid
     order by o.number_key = a.key desc, o.placed_at desc, o.order_id desc
     limit 1
)
select s.carrier, s.tracking_number, s.status, s.shipped_at, s.expected_at,
       coalesce(nullif(s.url, ''), carrier_page(s.carrier, s.tracking_key)) as url, t.events
  from found o
  join shipments s on s.org_id = o.org_id and s.order_id = o.order_id
 cross join lateral (
    select coalesce(json_agg(json_build_object(
               'at', json_build_object('time', (extract(epoch from e.at) * 1000000)::int8::text),
               'status', e.status, 'place', nullif(e.place, ''), 'text', nullif(e.note, '')
           ) order by e.at desc, e.event_id desc), '[]') as events
      from (select * from tracking_events e
             where e.org_id = s.org_id and e.order_id = s.order_id
               and e.shipment_id = s.shipment_id
             order by e.at desc, e.event_id desc limit 20) e) t
 order by s.shipped_at desc nulls first, s.shipment_id desc
 limit 10;

-- name: shipments_by_tracking
-- The parcels of this customer with that number, as order_shipments, and whose order it is.
-- $1 org  $2 customer  $3 tracking
select o.number, s.carrier, s.tracking_number, s.status, s.shipped_at, s.expected_at,
       coalesce(nullif(s.url, ''), carrier_page(s.carrier, s.tracking_key)) as url, t.events
  from shipments s
  join orders o on o.org_id = s.org_id and o.order_id = s.order_id
 cross join lateral (
    select coalesce(json_agg(json_build_object(
               'at', json_build_object('time', (extract(epoch from e.at) * 1000000)::int8::text),
               'status', e.status, 'place', nullif(e.place, ''), 'text', nullif(e.note, '')
           ) order by e.at desc, e.event_id desc), '[]') as events
      from (select * from tracking_events e
             where e.org_id = s.org_id and e.order_id = s.order_id
               and e.shipment_id = s.shipment_id
             order by e.at desc, e.event_id desc limit 20) e) t
 where s.org_id = $1::uuid and o.customer_id = $2::uuid
   and s.tracking_key
       = upper(regexp_replace(left($3::text, 100), '[^[:alnum:]]', '', 'g'))
   and s.tracking_key <> ''
 order by s.shipped_at desc nulls first, s.shipment_id desc
 limit 10;

-- name: jobs_list
-- Up to 11 jobs and repairs under way from an offset on, newest first: all that is fetched and not
-- sent. `estimate` says that one awaits a decision.
-- $1 org  $2 customer  $3 offset  $4 language  $5 now
select o.number, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon,
       coalesce(o.progress, w.progress)::int8 as progress, o.placed_at, o.expected_at,
       case when exists (select 1 from estimates e
                          where e.org_id = o.org_id and e.order_id = o.order_id
                            and e.status = 'awaiting'
                            and (e.expires_at is null or e.expires_at > $5::timestamptz))
            then 'awaiting' end as estimate
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $4::text) as status_name) n
 where o.org_id = $1::uuid and o.customer_id = $2::uuid and w.phase = 'active'
   and not exists (select 1 from workflow_states t
                    where t.org_id = o.org_id and t.workflow = o.workflow and t.in_transit)
 order by o.placed_at desc, o.order_id desc
offset case when $3::text ~ '^[0-9]{1,9}$' then $3::text::int8 else 0 end
 limit 11;

-- name: history_list
-- Up to 11 of what is finished from an offset on, what finished last first. Words are looked for
-- as in orders_list.
-- $1 org  $2 customer  $3 filter: all, parcels, work, cancelled, recent (90 days)  $4 offset
-- $5 words  $6 language  $7 now
select o.number, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon, o.placed_at, f.finished_at,
       o.total_minor, o.currency as total_currency
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $6::text) as status_name) n
 cross join lateral (
    select coalesce(o.delivered_at,
                    (select max(e.at) from order_events e
                      where e.org_id = o.org_id and e.order_id = o.order_id),
                    o.placed_at) as finished_at) f
 where o.org_id = $1::uuid and o.customer_id = $2::uuid and w.phase <> 'active'
   and case coalesce($3::text, 'all')
       when 'cancelled' then w.phase = 'cancelled'
       when 'recent' then f.finished_at > $7::timestamptz - interval '90 days'
       when 'parcels' then exists (select 1 from workflow_states t
                                    where t.org_id = o.org_id and t.workflow = o.workflow
                                      and t.in_transit)
       when 'work' then not exists (select 1 from workflow_states t
                                     where t.org_id = o.org_id and t.workflow = o.workflow
                                       and t.in_transit)
       else true end
   and (coalesce($5::text, '') = ''
        or strpos(lower(o.number), lower($5::text)) > 0
        or exists (select 1 from order_items i
                    where i.org_id = o.org_id and i.order_id = o.order_id
                      and strpos(lower(i.description collate "und-x-icu"),
                                 lower($5::text collate "und-x-icu")) > 0))
 order by f.finished_at desc, o.order_id desc
offset case when $4::text ~ '^[0-9]{1,9}$' then $4::text::int8 else 0 end
 limit 11;

-- name: photo_groups
-- How many photos of an order there are to see, by category, in the order of the work; `both`, where
-- there are some of before and of after, is these two together.
-- $1 org  $2 customer  $3 number
with groups as materialized (
    select p.category, count(*)::int8 as photos
      from orders o
      join order_photos p on p.org_id = o.org_id and p.order_id = o.order_id and p.visible
     where o.org_id = $1::uuid and o.customer_id = $2::uuid
       and o.order_id = order_typed($1::uuid, $2::uuid, $3::text)
     group by p.category
), all_groups as (
    select 'both' as category, sum(photos)::int8 as photos from groups
     where category in ('damage', 'completed')
    having count(*) = 2
    union all
    select category, photos from groups
)
select category, photos from all_groups
 order by array_position(array['both', 'damage', 'progress', 'completed'], category);

-- name: order_photos
-- The newest 8 photos of an order, oldest first: of one category, or `both` for before and after.
-- `document` is the file's id when it is kept by us; what is no picture has a `filename`, too.
-- $1 org  $2 customer  $3 number  $4 category
select * from (
    select p.category, nullif(p.caption, '') as caption, p.taken_at,
           case when d.document_id is null then nullif(p.url, '') end as url, d.document_id::text as document,
           case when d.mime = 'application/pdf' then coalesce(nullif(d.filename, ''), 'document.pdf') end
               as filename
      from orders o
      join order_photos p on p.org_id = o.org_id and p.order_id = o.order_id and p.visible
      left join documents d
        on d.org_id = p.org_id and d.document_id = p.document_id and d.state = 'kept'
     where o.org_id = $1::uuid and o.customer_id = $2::uuid
       and o.order_id = order_typed($1::uuid, $2::uuid, $3::text)
       and (p.category = $4::text
            or $4::text = 'both' and p.category in ('damage', 'completed'))
     order by p.taken_at desc, p.photo_id desc
     limit 8) p
 order by p.category = 'completed', p.taken_at;

-- name: estimates_awaiting
-- Up to 11 orders of this customer whose estimate awaits a decision, the newest estimate first.
-- $1 org  $2 customer  $3 now  $4 language
select o.number, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon, e.issued_at, e.expires_at,
       e.total_minor, e.currency as total_currency
  from orders o
  join estimates e on e.org_id = o.org_id and e.order_id = o.order_id and e.status = 'awaiting'
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $4::text) as status_name) n
 where o.org_id = $1::uuid and o.customer_id = $2::uuid
   and (e.expires_at is null or e.expires_at > $3::timestamptz)
 order by e.issued_at desc, e.estimate_id desc
 limit 11;

-- name: estimate_of
-- The newest estimate of an order with the items of its version; none when there is none. `state`
-- is awaiting, expired, approved or declined.
-- $1 org  $2 customer  $3 number  $4 now
select o.number, e.version::int8 as version,
       case when e.status = 'awaiting' and e.expires_at <= $4::timestamptz
            then 'expired' else e.status end as state,
       e.issued_at, e.expires_at, e.decided_at, nullif(e.note, '') as note,
       e.subtotal_minor, e.currency as subtotal_currency,
       e.tax_minor, e.currency as tax_currency,
       e.total_minor, e.currency as total_currency, i.items
  from orders o
 cross join lateral (
    select * from estimates e
     where e.org_id = o.org_id and e.order_id = o.order_id and e.status <> 'withdrawn'
     order by e.issued_at desc, e.estimate_id desc
     limit 1) e
 cross join lateral (
    select coalesce(json_agg(json_build_object(
               'qty', case when i.qty = trunc(i.qty) then to_json(i.qty::int8)
                           else to_json(trim_scale(i.qty)::text) end,
               'description', i.description,
               'line_total', json_build_object('minor', i.total_minor, 'currency', e.currency)
           ) order by i.position), '[]') as items
      from (select * from estimate_items i
             where i.org_id = e.org_id and i.order_id = e.order_id
               and i.estimate_id = e.estimate_id and i.version = e.version
             order by i.position
             limit 40) i) i
 where o.org_id = $1::uuid and o.customer_id = $2::uuid
       and o.order_id = order_typed($1::uuid, $2::uuid, $3::text);

-- name: estimate_decide
-- An action: approved, declined, already_decided, changed, expired or gone; see the function.
-- $1 org  $2 customer  $3 number  $4 version, as it was shown  $5 decision: approved or declined
-- $6 now  $7 contact  $8 id
select d.outcome, d.number, d.decided, d.decided_at, d.total_minor, d.total_currency,
       case when d.outcome in ('approved', 'declined')
            then event_of_order($1::uuid, 'order.estimate_decided', $2::uuid, d.number,
                                jsonb_build_object('decision', d.outcome, 'total_minor', d.total_minor,
                                                   'currency', d.total_currency),
                                $6::timestamptz)::text end as later
  from estimate_decide($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::timestamptz,
                       $7::uuid, $8::uuid) d;
