-- What the business's people do about an order, job or repair: store/order_desk.c. A plain connection
-- of parley_staff's.

-- name: order_desk_find
-- The order with that number, however it is typed.
-- $1 org  $2 number
select o.order_id, o.number, o.workflow, o.status, o.currency, o.total_minor, o.paid_minor, o.placed_at,
       o.expected_at, o.expected_was, o.delivered_at, zone_or_utc(b.time_zone)
  from orders o
  join businesses b on b.org_id = o.org_id
 where o.org_id = $1::uuid
   and o.number_key = upper(regexp_replace(left($2::text, 100), '[^[:alnum:]]', '', 'g'))
 order by o.number = $2::text desc, o.placed_at desc
 limit 1;

-- name: order_desk_change
-- What is given changes; customers see it and hear of it (order_change, migration 0053).
-- $1 org  $2 order  $3 change (json)  $4 who  $5 fresh id  $6 now
select status::int8, coalesce(body #>> '{error,path}', ''), coalesce(body #>> '{error,message}', ''),
       coalesce(body::text, '')
  from order_change($1::uuid, $2::uuid, $3::jsonb, $4::text, $5::uuid, $6::timestamptz);

-- name: order_desk_whole
-- $1 org  $2 order
select order_whole($1::uuid, $2::uuid)::text;
