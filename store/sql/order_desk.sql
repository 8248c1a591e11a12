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

-- name: order_desk_update
-- What is given changes, under the order's lock; the date that was promised before is kept beside the
-- new one. A note is for the customer to see. One row, or none when the order is no longer there.
-- $1 org  $2 order  $3 expected, by the business's clock; 'none': no date; null: as it is
-- $4 paid, in minor units, or null  $5 note, or null  $6 fresh id  $7 who
with o as (
    select x.order_id, x.expected_at, x.expected_was, x.expected_changed_at, x.paid_minor,
           case when $3::text is null then x.expected_at
                when $3::text = 'none' then null
                else $3::timestamp at time zone zone_or_utc(b.time_zone) end as due
      from orders x
      join businesses b on b.org_id = x.org_id
     where x.org_id = $1::uuid and x.order_id = $2::uuid
       for no key update of x
), changed as (
    update orders x
       set expected_at = o.due,
           expected_was = case when o.due is distinct from o.expected_at and o.expected_at is not null
                               then o.expected_at else o.expected_was end,
           expected_changed_at = case when o.due is distinct from o.expected_at
                                      then now() else o.expected_changed_at end,
           paid_minor = coalesce($4::int8, o.paid_minor)
      from o
     where x.org_id = $1::uuid and x.order_id = o.order_id
    returning x.order_id, x.number
), noted as (
    insert into order_notes (org_id, order_id, note_id, at, author, body, visible)
    select $1::uuid, c.order_id, $6::uuid, now(), $7::text, $5::text, true from changed c
     where $5::text is not null
)
insert into audit (org_id, audit_id, at, actor, action, subject, detail)
select $1::uuid, $6::uuid, now(), $7::text, 'order.updated', c.number,
       jsonb_strip_nulls(jsonb_build_object('expected', $3::text, 'paid_minor', $4::int8,
                                            'note', case when $5::text is not null then true end))
  from changed c
returning 1;
