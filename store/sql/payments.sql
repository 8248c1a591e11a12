-- Invoices and paying, as flows see them: bound in store/parts.c. How an invoice stands is counted by
-- invoice_stands (migration 0046); whether a link may be made is judged by checkout_make (0084), under
-- the invoice's lock.

-- name: account_balance
-- What the customer owes in the business's currency, and may still owe (where there is a limit); one row.
-- A balance below nothing is a credit, and told as one. `others`: what is owed in other currencies.
-- $1 org  $2 customer  $3 now
with owed as materialized (
    select i.currency, s.outstanding, s.state, s.overdue_days
      from businesses b
      join invoices i on i.org_id = b.org_id and i.customer_id = $2::uuid
     cross join lateral invoice_stands(i.org_id, i.invoice_id, business_day(b.time_zone, $3::timestamptz)) s
     where b.org_id = $1::uuid and s.outstanding <> 0
), sums as materialized (
    select o.currency, sum(o.outstanding)::int8 as balance,
           coalesce(sum(o.outstanding) filter (where o.overdue_days > 0), 0)::int8 as overdue,
           count(*) filter (where o.outstanding > 0) as n
      from owed o group by o.currency
)
select greatest(coalesce(s.balance, 0), 0) as balance_minor, b.currency as balance_currency,
       case when s.balance < 0 then -s.balance end as credit_minor, b.currency as credit_currency,
       nullif(s.overdue, 0) as overdue_minor, b.currency as overdue_currency,
       c.credit_limit_minor as limit_minor, b.currency as limit_currency,
       case when c.credit_limit_minor is not null
            then greatest(c.credit_limit_minor - coalesce(s.balance, 0), 0) end as available_minor,
       b.currency as available_currency,
       (select coalesce(sum(x.n), 0)::int8 from sums x) as invoices,
       (select json_agg(json_build_object('balance', json_build_object('minor', x.balance, 'currency', x.currency))
                        order by x.currency)
          from sums x where x.currency <> b.currency and x.balance > 0) as others
  from businesses b
  join customers c on c.org_id = b.org_id and c.customer_id = $2::uuid
  left join sums s on s.currency = b.currency
 where b.org_id = $1::uuid;

-- name: invoices_list
-- At most 11 from `offset`. `filter` is all (the newest first), or else what is not settled, first due first.
-- $1 org  $2 customer  $3 filter  $4 offset  $5 now
select i.number, s.state, i.total_minor, i.currency as total_currency,
       s.outstanding as outstanding_minor, i.currency as outstanding_currency,
       business_noon(i.issued_on, b.time_zone) as issued_at, business_noon(i.due_on, b.time_zone) as due_at,
       s.overdue_days
  from businesses b
  join invoices i on i.org_id = b.org_id and i.customer_id = $2::uuid
 cross join lateral invoice_stands(i.org_id, i.invoice_id, business_day(b.time_zone, $5::timestamptz)) s
 where b.org_id = $1::uuid and ($3::text is not distinct from 'all' or s.state not in ('paid', 'void'))
 order by case when $3::text is distinct from 'all' then coalesce(i.due_on, 'infinity') end,
          i.issued_on desc, i.number desc
offset case when $4::text ~ '^[0-9]{1,9}$' then $4::text::int8 else 0 end
 limit 11;

-- name: invoice_by_number
-- One of this customer's, or none: by its number or, where an order has one, by the order's. That it was seen is
-- kept, and told the first time (invoice_viewed). `payable` is there when a link may be made (instead of those that
-- nobody has paid yet, where it does not fit beside them), `part` when a part may be paid; `link`: the one that can
-- be paid now.
-- $1 org  $2 customer  $3 number  $4 now
with asked as materialized (
    select upper(regexp_replace(left($3::text, 100), '[^[:alnum:]]', '', 'g')) as key
), found as materialized (
    select i.*
      from asked a
      join invoices i
        on i.number_key = a.key
        or ltrim(i.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') in (a.key, i.number_key)
           and ltrim(i.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
               = ltrim(a.key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
        or exists (select from orders o where o.org_id = i.org_id and o.order_id = i.order_id
                                          and o.number_key = a.key)
     where a.key <> '' and i.org_id = $1::uuid and i.customer_id = $2::uuid
     order by i.number_key = a.key desc, i.issued_on desc, i.invoice_id desc
     limit 1
), viewed as materialized (
    select invoice_viewed($1::uuid, $2::uuid, f.invoice_id, $4::timestamptz) as fresh from found f
)
select f.number, s.state, business_noon(f.issued_on, b.time_zone) as issued_at,
       business_noon(f.due_on, b.time_zone) as due_at, s.overdue_days,
       o.number as order_number,
       f.subtotal_minor, f.currency as subtotal_currency, f.tax_minor, f.currency as tax_currency,
       nullif(f.shipping_minor, 0) as shipping_minor, f.currency as shipping_currency,
       f.total_minor, f.currency as total_currency,
       nullif(s.paid, 0) as paid_minor, f.currency as paid_currency,
       case when s.outstanding > 0 and s.outstanding <> f.total_minor then s.outstanding end as left_minor,
       f.currency as left_currency,
       nullif(a.able, 0) as payable_minor, f.currency as payable_currency,
       nullif(s.disputed, 0) as disputed_minor, f.currency as disputed_currency,
       case when s.outstanding < 0 then -s.outstanding end as credit_minor, f.currency as credit_currency,
       case when a.able > payment_least(f.currency) and f.currency = b.currency then true end as part,
       p.paid_at, x.reason, nullif(f.note, '') as note,
       k.url as link, k.minor as link_amount_minor, f.currency as link_amount_currency, k.expires_at as link_until,
       l.lines, v.fresh
  from found f
  join viewed v on true
  join businesses b on b.org_id = f.org_id
 cross join lateral invoice_stands(f.org_id, f.invoice_id, business_day(b.time_zone, $4::timestamptz)) s
  left join orders o on o.org_id = f.org_id and o.order_id = f.order_id
 cross join lateral (
     select case when f.voided_at is null and s.outstanding > 0
                 then greatest(s.outstanding - s.held + coalesce(sum(y.minor), 0)::int8, 0) else 0 end as able
       from checkouts y where y.org_id = f.org_id and y.invoice_id = f.invoice_id
                          and y.state in ('wanted', 'open')) a
 cross join lateral (
     select max(y.at) as paid_at from payments y where y.org_id = f.org_id and y.invoice_id = f.invoice_id) p
  left join lateral (
     select coalesce(c.reason, 'declined') as reason from checkouts c
      where c.org_id = f.org_id and c.invoice_id = f.invoice_id and s.state = 'failed' and c.state = 'failed'
      order by c.made_at desc, c.checkout_id desc limit 1) x on true
  left join lateral (
     select c.url, c.minor, c.expires_at from checkouts c
      where c.org_id = f.org_id and c.invoice_id = f.invoice_id and c.state = 'open' and not c.dropped
        and c.expires_at > $4::timestamptz
      order by c.made_at desc, c.checkout_id desc limit 1) k on true
 cross join lateral (
     select coalesce(json_agg(json_build_object(
                'qty', case when n.qty = trunc(n.qty) then to_json(n.qty::int8)
                            else to_json(trim_scale(n.qty)::text) end,
                'description', n.description,
                'line_total', json_build_object('minor', n.total_minor, 'currency', f.currency)
            ) order by n.position), '[]') as lines
       from (select * from invoice_lines y where y.org_id = f.org_id and y.invoice_id = f.invoice_id
              order by y.position limit 40) n) l;

-- --- paying ----------------------------------------------------------------------------------

-- name: checkout_make
-- $1 org  $2 customer  $3 number  $4 amount  $5 conversation  $6 id  $7 now
select * from checkout_make($1::uuid, $2::uuid, $3::text, $4::text, $5::uuid, $6::uuid, $7::timestamptz);

-- name: checkout_tell
-- $1 org  $2 customer  $3 conversation  $4 now
select * from checkout_tell($1::uuid, $2::uuid, $3::uuid, $4::timestamptz);

-- --- what a worker does at Stripe (bot/later/payments*.c), as parley_staff ---------------------------

-- name: payments_claim
-- $1 org  $2 now  $3 the lease's end  $4 a link's life in seconds  $5 at most
select what, id, attempts::int8, began, session_id, payment_intent, idempotency_key, minor, currency, expires_at,
       number, business, language
  from payments_claim($1::uuid, $2::timestamptz, $3::timestamptz, make_interval(secs => $4::int8), $5::int4);

-- name: checkout_opened
-- $1 org  $2 checkout  $3 session  $4 url  $5 now
select checkout_opened($1::uuid, $2::uuid, $3::text, $4::text, $5::timestamptz) as done;

-- name: checkout_refused
-- $1 org  $2 checkout  $3 reason  $4 now
select checkout_refused($1::uuid, $2::uuid, $3::text, $4::timestamptz) as done;

-- name: checkout_later
-- $1 org  $2 checkout  $3 due
update checkouts set due_at = $3::timestamptz
 where org_id = $1::uuid and checkout_id = $2::uuid and due_at is not null;

-- name: payment_said
-- What an answer of Stripe's says, as if it had been an event: a session that was looked up, a refund.
-- $1 org  $2 the event as JSON  $3 now
select outcome, alert from stripe_event($1::uuid, $2::text::jsonb, $3::timestamptz);

-- name: refund_refused
-- It will never be: a person has to see to it.
-- $1 org  $2 refund  $3 reason  $4 now
update refunds set state = 'failed', reason = $3::text, state_at = $4::timestamptz, due_at = null
 where org_id = $1::uuid and refund_id = $2::uuid and state = 'wanted';

-- name: refund_later
-- $1 org  $2 refund  $3 due
update refunds set due_at = $3::timestamptz
 where org_id = $1::uuid and refund_id = $2::uuid and due_at is not null;

-- --- the door (bot/door/intake_stripe.c) ------------------------------------------------------------

-- name: stripe_take
-- An event of Stripe's, decoded. It finds its business itself.
-- $1 the event as JSON  $2 now
select outcome, alert, org from stripe_take($1::text::jsonb, $2::timestamptz);
