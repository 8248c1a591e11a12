-- What customers ask about their orders: the loads of flows, bound in store/loads.c.
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
select o.number, o.workflow, o.status, o.placed_at, o.total_minor, o.currency as total_currency,
       (select sum(case when i.qty = trunc(i.qty) then i.qty else 1 end)::int8
          from order_items i
         where i.org_id = o.org_id and i.order_id = o.order_id) as items_count,
       o.expected_at
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 where o.org_id = $1::uuid and o.customer_id = $2::uuid
   and case coalesce($3::text, 'all')
       when 'active' then w.phase = 'active'
       when 'shipped' then w.in_transit
       when 'delivered' then w.phase = 'done'
       when 'cancelled' then w.phase = 'cancelled'
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
-- letters do not matter; when two fit, the one that is exactly so, then the newest.
-- $1 org  $2 customer  $3 number
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
)
select o.number, o.workflow, o.status, w.phase,
       coalesce(o.progress, w.progress)::int8 as progress,
       o.placed_at, o.expected_at, o.delivered_at,
       o.subtotal_minor, o.currency as subtotal_currency,
       o.tax_minor, o.currency as tax_currency,
       o.shipping_minor, o.currency as shipping_currency,
       o.total_minor, o.currency as total_currency,
       i.items_count,
       nullif(o.address, '') as address, nullif(o.instructions, '') as instructions,
       nullif(o.contact, '') as contact, i.items, n.notes
  from found o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
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
     where n.org_id = o.org_id and n.order_id = o.order_id and n.visible) n;

-- name: order_timeline
-- What happened, in order, then the steps that are still expected. The step that an active order
-- stands at is `current`; of those expected only the last has a time, when the order has one.
-- $1 org  $2 customer  $3 number
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
select status, workflow, at, state, note from steps order by later, at, event_id;

-- name: order_shipments
-- Newest first, each with its latest events, newest first.
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
       nullif(s.url, '') as url, t.events
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
 order by s.shipped_at desc nulls first, s.shipment_id desc;
