-- Papers: what stands on them (templates/paper.h), and their way from a wish to a file (bot/later/papers.c).

-- name: papers_list
-- What this customer can have as a paper, the newest first; with a number, as people type it, only what is about that
-- order or invoice.
-- $1 org  $2 customer  $3 number  $4 now
with typed as materialized (
    select upper(regexp_replace(left(coalesce($3::text, ''), 100), '[^[:alnum:]]', '', 'g')) as key
), asked as materialized (
    select coalesce((select o.number_key from orders o
                      where o.org_id = $1::uuid and t.key <> ''
                        and o.order_id = order_typed($1::uuid, $2::uuid, $3::text)),
                    (select i.number_key from invoices i
                      where i.org_id = $1::uuid and i.customer_id = $2::uuid and t.key <> ''
                        and ltrim(i.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') = t.key
                      order by i.issued_on desc limit 1), t.key) as key
      from typed t
), own as (
    (select 'file' as kind, 'file:' || l.link_id as paper, l.name as number, l.at, null::int8 as total_minor,
            null::text as currency
       from asked a
       join document_links l on l.org_id = $1::uuid and l.customer_id = $2::uuid
       left join orders o on o.org_id = l.org_id and o.order_id = l.order_id
      where a.key in ('', o.number_key)
      order by l.at desc limit 3)
    union all
    (select 'order', 'order:' || o.number, o.number, o.placed_at, o.total_minor, o.currency
       from asked a join orders o on o.org_id = $1::uuid and o.customer_id = $2::uuid
      where a.key in ('', o.number_key)
      order by o.placed_at desc limit 4)
    union all
    (select 'invoice', 'invoice:' || i.number, i.number, business_noon(i.issued_on, b.time_zone), i.total_minor, i.currency
       from asked a
       join businesses b on b.org_id = $1::uuid
       join invoices i on i.org_id = $1::uuid and i.customer_id = $2::uuid
       left join orders o on o.org_id = i.org_id and o.order_id = i.order_id
      where a.key in ('', i.number_key, o.number_key)
      order by i.issued_on desc limit 3)
    union all
    (select 'receipt', 'receipt:' || p.payment_id, i.number, p.at, p.minor, p.currency
       from asked a
       join payments p on p.org_id = $1::uuid and p.customer_id = $2::uuid
       join invoices i on i.org_id = p.org_id and i.invoice_id = p.invoice_id
       left join orders o on o.org_id = i.org_id and o.order_id = i.order_id
      where a.key in ('', i.number_key, o.number_key)
      order by p.at desc limit 3)
)
select kind, paper, number, at, total_minor, currency as total_currency
  from own where $4::timestamptz is not null
 order by array_position(array['file', 'invoice', 'receipt', 'order'], kind), at desc
 limit 10;

-- name: paper_ask
-- `later` says that there is work besides this turn. A file that the business has given is there already, or
-- else its address.
-- $1 org  $2 customer  $3 paper  $4 language  $5 conversation  $6 fresh id  $7 now
select outcome, case when outcome = 'making' then 'papers' end as later,
       case when outcome = 'here' then (
           select json_agg(json_build_object('name', l.name, 'document', d.document_id, 'filename', d.filename,
                                             'url', case when d.document_id is null then l.url end))
             from document_links l
             left join documents d on d.org_id = l.org_id and d.document_id = l.document_id and d.state = 'kept'
            where l.org_id = $1::uuid and l.customer_id = $2::uuid and 'file:' || l.link_id = $3::text) end as files
  from paper_ask($1::uuid, $2::uuid, $3::text, coalesce($4::text, 'en'), $5::uuid, $6::uuid, $7::timestamptz);

-- name: paper_tell
-- What is ready for this conversation, once; or that it could not be made.
-- $1 org  $2 customer  $3 conversation
with told as (
    update papers p set state = 'told'
      from (select x.paper_id, x.state from papers x
             where x.org_id = $1::uuid and x.conversation_id = $3::uuid and x.customer_id = $2::uuid
               and x.state in ('kept', 'failed') for update) was
     where p.org_id = $1::uuid and p.paper_id = was.paper_id
    returning p.kind, p.document_id, p.made_at, was.state
)
select case when bool_or(t.state = 'kept') then 'told' when count(*) > 0 then 'failed' else 'nothing' end as outcome,
       json_agg(json_build_object('kind', t.kind, 'document', t.document_id, 'filename', d.filename)
                order by t.made_at) filter (where t.state = 'kept') as papers
  from told t
  left join documents d on d.org_id = $1::uuid and d.document_id = t.document_id;

-- --- what stands there ------------------------------------------------------------------------

-- name: paper_sender
-- $1 org  $2 customer
select b.name, coalesce(b.settings ->> 'address', '') as address, b.website,
       zone_or_utc(coalesce(c.time_zone, b.time_zone)) as zone, l.png
  from businesses b
  left join business_logos l on l.org_id = b.org_id
  left join customers c on c.org_id = b.org_id and c.customer_id = $2::uuid
 where b.org_id = $1::uuid;

-- name: paper_order
-- $1 org  $2 customer  $3 number  $4 language
select o.number, c.name as customer_name, nullif(c.company, '') as company, nullif(o.address, '') as address,
       o.workflow, o.status, status_name(w.workflow, w.status, w.names, $4::text) as status_name, o.placed_at,
       case when o.delivered_at is null then o.expected_at end as expected_at, o.delivered_at,
       o.subtotal_minor, o.currency as subtotal_currency, nullif(o.tax_minor, 0) as tax_minor,
       o.currency as tax_currency, nullif(o.shipping_minor, 0) as shipping_minor,
       o.currency as shipping_currency, o.total_minor, o.currency as total_currency,
       nullif(o.paid_minor, 0) as paid_minor, o.currency as paid_currency, nullif(o.instructions, '') as notes, i.items
  from orders o
  join customers c on c.org_id = o.org_id and c.customer_id = o.customer_id
  join workflow_states w on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select json_agg(json_build_object(
               'qty', case when i.qty = trunc(i.qty) then to_json(i.qty::int8)
                           else to_json(trim_scale(i.qty)::text) end,
               'description', concat_ws(' ', nullif(i.item_code, ''), i.description),
               'unit_price', json_build_object('minor', i.unit_minor, 'currency', o.currency),
               'line_total', json_build_object('minor', i.total_minor, 'currency', o.currency)
           ) order by i.position) as items
      from order_items i where i.org_id = o.org_id and i.order_id = o.order_id) i
 where o.org_id = $1::uuid and o.customer_id = $2::uuid and o.number = $3::text;

-- name: paper_invoice
-- $1 org  $2 customer  $3 number  $4 now
select i.number, c.name as customer_name, nullif(c.company, '') as company, s.state as status,
       business_noon(i.issued_on, b.time_zone) as issued_at, business_noon(i.due_on, b.time_zone) as due_at,
       o.number as order_number, nullif(o.address, '') as address,
       i.subtotal_minor, i.currency as subtotal_currency, nullif(i.tax_minor, 0) as tax_minor,
       i.currency as tax_currency, nullif(i.shipping_minor, 0) as shipping_minor,
       i.currency as shipping_currency, i.total_minor, i.currency as total_currency,
       nullif(s.paid, 0) as paid_minor, i.currency as paid_currency,
       s.outstanding as outstanding_minor, i.currency as outstanding_currency, nullif(i.note, '') as notes, l.items
  from invoices i
  join businesses b on b.org_id = i.org_id
  join customers c on c.org_id = i.org_id and c.customer_id = i.customer_id
  left join orders o on o.org_id = i.org_id and o.order_id = i.order_id
 cross join lateral invoice_stands(i.org_id, i.invoice_id, business_day(b.time_zone, $4::timestamptz)) s
 cross join lateral (
    select json_agg(json_build_object(
               'qty', case when n.qty = trunc(n.qty) then to_json(n.qty::int8)
                           else to_json(trim_scale(n.qty)::text) end,
               'description', n.description,
               'unit_price', json_build_object('minor', n.unit_minor, 'currency', i.currency),
               'line_total', json_build_object('minor', n.total_minor, 'currency', i.currency)
           ) order by n.position) as items
      from invoice_lines n where n.org_id = i.org_id and n.invoice_id = i.invoice_id) l
 where i.org_id = $1::uuid and i.customer_id = $2::uuid and i.number = $3::text;

-- name: paper_receipt
-- $1 org  $2 customer  $3 payment  $4 now
select i.number || '-' || row_number() over (partition by p.invoice_id order by p.at, p.payment_id) as number,
       c.name as customer_name, nullif(c.company, '') as company, p.at as paid_at, i.number as invoice_number,
       o.number as order_number, nullif(p.method, '') as method, p.payment_intent as reference,
       p.minor as amount_minor, p.currency as amount_currency,
       s.outstanding as outstanding_minor, p.currency as outstanding_currency
  from payments t
  join payments p on p.org_id = t.org_id and p.invoice_id = t.invoice_id
  join invoices i on i.org_id = p.org_id and i.invoice_id = p.invoice_id
  join businesses b on b.org_id = i.org_id
  join customers c on c.org_id = p.org_id and c.customer_id = p.customer_id
  left join orders o on o.org_id = i.org_id and o.order_id = i.order_id
 cross join lateral invoice_stands(i.org_id, i.invoice_id, business_day(b.time_zone, $4::timestamptz)) s
 where t.org_id = $1::uuid and t.customer_id = $2::uuid and t.payment_id::text = $3::text
 order by p.payment_id::text = $3::text desc
 limit 1;

-- --- from a wish to a file ----------------------------------------------------------------------

-- name: papers_claim
-- $1 org  $2 now  $3 lease's end  $4 at most
with due as (
    select p.paper_id from papers p
     where p.org_id = $1::uuid and p.state = 'wanted' and p.due_at <= $2::timestamptz
     order by p.due_at limit $4::int4
       for update skip locked
)
update papers p set due_at = $3::timestamptz, attempts = p.attempts + 1
  from due
 where p.org_id = $1::uuid and p.paper_id = due.paper_id
returning p.paper_id, p.customer_id, p.kind, p.subject, p.language, p.attempts;

-- name: paper_storing
-- Before its bytes are stored, so that they are somebody's whatever happens: what nothing counts on goes
-- after a time. No row when the same bytes are just being removed.
-- $1 org  $2 document  $3 now  $4 sha256  $5 size  $6 file name  $7 customer
insert into documents (org_id, document_id, customer_id, handle, kind, filename, at, expires_at, due_at, state, open,
                       sha256, size, mime)
select $1::uuid, $2::uuid, $7::uuid, '', 'document', $6::text, $3::timestamptz, $3::timestamptz, $3::timestamptz,
       'storing', false, $4::bytea, $5::int8, 'application/pdf'
 where not exists (select 1 from documents g
                    where g.org_id = $1::uuid and g.sha256 = $4::bytea and g.state = 'gone' and g.open)
returning document_id;

-- name: paper_kept
-- The bytes are there: the conversation gets them in a turn of its own.
-- $1 org  $2 paper  $3 document  $4 fresh job id  $5 now
with kept as (
    update documents set state = 'kept', kept_at = $5::timestamptz
     where org_id = $1::uuid and document_id = $3::uuid and state = 'storing'
    returning document_id
), done as (
    update papers p set state = 'kept', document_id = k.document_id, reason = null
      from kept k
     where p.org_id = $1::uuid and p.paper_id = $2::uuid and p.state = 'wanted'
    returning p.conversation_id
)
insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
select $1::uuid, $4::uuid, 'notice', d.conversation_id, 'notice.paper_ready/', $5::timestamptz from done d
returning 1;

-- name: paper_later
-- $1 org  $2 paper  $3 next attempt  $4 reason
update papers set due_at = $3::timestamptz, reason = $4::text
 where org_id = $1::uuid and paper_id = $2::uuid and state = 'wanted';

-- name: paper_failed
-- It cannot be made, and the conversation is told so.
-- $1 org  $2 paper  $3 reason  $4 fresh job id  $5 now
with failed as (
    update papers set state = 'failed', reason = $3::text
     where org_id = $1::uuid and paper_id = $2::uuid and state = 'wanted'
    returning conversation_id
)
insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
select $1::uuid, $4::uuid, 'notice', f.conversation_id, 'notice.paper_ready/', $5::timestamptz from failed f
returning 1;

-- --- the logo, by `parley paper logo` -----------------------------------------------------------

-- name: paper_logo_keep
-- $1 org  $2 PNG  $3 who  $4 audit id
with kept as (
    insert into business_logos (org_id, png, at, actor)
    values ($1::uuid, $2::bytea, now(), $3::text)
        on conflict (org_id) do update set png = excluded.png, at = excluded.at, actor = excluded.actor
    returning length(png) as bytes
)
insert into audit (org_id, audit_id, at, actor, action, subject, detail)
select $1::uuid, $4::uuid, now(), $3::text, 'logo.kept', '', jsonb_build_object('bytes', k.bytes) from kept k
returning 1;

-- name: paper_logo_drop
-- No row when there was none.
-- $1 org  $2 who  $3 audit id
with gone as (
    delete from business_logos where org_id = $1::uuid returning 1
)
insert into audit (org_id, audit_id, at, actor, action) select $1::uuid, $3::uuid, now(), $2::text, 'logo.dropped' from gone
returning 1;
