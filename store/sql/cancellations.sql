-- Cancelling, as flows see it: bound in store/parts.c. What may be cancelled is judged by
-- cancellation_judge (migration 0014), once to tell and once more, under the order's lock, to act.

-- name: cancellable_orders
-- Orders that are under way, newest first: whether each may be cancelled is told when it is looked
-- at. At most 40.
-- $1 org  $2 customer  $3 language
select o.number, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon, o.placed_at, o.total_minor,
       o.currency as total_currency
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $3::text) as status_name) n
 where o.org_id = $1::uuid and o.customer_id = $2::uuid and w.phase = 'active'
 order by o.placed_at desc, o.order_id desc
 limit 40;

-- name: cancellation_outlook
-- What would become of a wish to cancel, now. One row. `own` words are in that language.
-- $1 org  $2 customer  $3 number  $4 language  $5 now
select j.verdict as outcome, j.number, j.workflow,
       j.order_status as status, j.why, j.why_own, j.help, j.help_own, j.closed_at, j.closes_at,
       j.asked_status, j.asked_at
  from cancellation_judge($1::uuid, $2::uuid, $3::text, $5::timestamptz, $4::text) j;

-- name: cancellation_reasons
-- The business's list, in its order. At most 40.
-- $1 org  $2 customer  $3 language
select r.reason, own_words(r.names, $3::text, b.language) as name
  from cancellation_reasons r
  join businesses b on b.org_id = r.org_id
 where r.org_id = $1::uuid and $2::uuid is not null
 order by r.position, r.reason
 limit 40;

-- name: cancellation_reason
-- One of them, or none.
-- $1 org  $2 customer  $3 language  $4 reason
select r.reason, own_words(r.names, $3::text, b.language) as name
  from cancellation_reasons r
  join businesses b on b.org_id = r.org_id
 where r.org_id = $1::uuid and $2::uuid is not null and r.reason = $4::text;

-- name: cancellation_request
-- $1 org  $2 customer  $3 number  $4 reason  $5 note  $6 language  $7 now  $8 id  $9 conversation
select * from cancellation_request($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text,
                                   $7::timestamptz, $8::uuid, $9::uuid);

-- name: cancellation_withdraw
-- $1 org  $2 customer  $3 cancellation  $4 now
select * from cancellation_withdraw($1::uuid, $2::uuid, $3::text, $4::timestamptz);

-- name: cancellations_list
-- A customer's requests, newest first; with a number, as people type it, those about that order.
-- At most 40.
-- $1 org  $2 customer  $3 language  $4 number
select c.cancellation_id as id, o.number, c.status, c.asked_at, c.status_at,
       own_words(r.names, $3::text, b.language) as reason, nullif(c.note, '') as note,
       nullif(c.decision_note, '') as decision_note,
       c.status in ('submitted', 'in_review') as undecided
  from cancellations c
  join orders o on o.org_id = c.org_id and o.order_id = c.order_id
  join businesses b on b.org_id = c.org_id
  left join cancellation_reasons r on r.org_id = c.org_id and r.reason = c.reason
 where c.org_id = $1::uuid and c.customer_id = $2::uuid
   and (coalesce($4::text, '') = ''
        or upper(regexp_replace(left($4::text, 100), '[^[:alnum:]]', '', 'g'))
           in (o.number_key, ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')))
 order by c.asked_at desc, c.cancellation_id desc
 limit 40;

-- name: cancellation_by_id
-- $1 org  $2 customer  $3 language  $4 id
select c.cancellation_id as id, o.number, c.status, c.asked_at, c.status_at,
       own_words(r.names, $3::text, b.language) as reason, nullif(c.note, '') as note,
       nullif(c.decision_note, '') as decision_note,
       c.status in ('submitted', 'in_review') as undecided
  from cancellations c
  join orders o on o.org_id = c.org_id and o.order_id = c.order_id
  join businesses b on b.org_id = c.org_id
  left join cancellation_reasons r on r.org_id = c.org_id and r.reason = c.reason
 where c.org_id = $1::uuid and c.customer_id = $2::uuid
   and c.cancellation_id = case when $4::text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                then $4::text::uuid end;
