-- Customers' own pages: links to them (bot/view/portal.h), and what stands there (bot/view/web.c). But for the first
-- run as parley_web with the customer set: that they see their own only is row-level security's
-- doing.

-- name: portal_mint
-- An action (flows/portal.yaml). `hash` is none where no link can be made: there is no public address.
-- $1 org  $2 customer  $3 contact  $4 fresh id  $5 hash  $6 the short code's  $7 now
select m.outcome, case when m.outcome = 'minted' then 'portal:' || $4::uuid end as link
  from portal_mint($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::bytea, $6::bytea, $7::timestamptz) m (outcome);

-- name: portal_short
-- The link that a short code stands for, as a flow's variable has it; null: none.
-- $1 org  $2 the code's hash
select 'portal:' || portal_short($1::uuid, $2::bytea) as link, null::uuid as document;

-- name: portal_open
-- One row for a business that is there; with a customer when the token is good.
-- $1 org  $2 hash  $3 whether somebody reads  $4 now  $5 from where  $6 with which program
select b.name, b.email, b.phone, b.website, b.language, p.customer, p.name as customer_name, p.language, p.time_zone,
       p.good_until
  from businesses b
  left join lateral portal_open($1::uuid, $2::bytea, $3::bool, $4::timestamptz, $5::text, $6::text) p on true
 where b.org_id = $1::uuid;

-- name: portal_orders
-- The newest first; one more than a page has.
-- $1 org  $2 customer  $3 language  $4 offset  $5 at most
select o.number, o.workflow, o.status, w.phase, n.status_name, o.placed_at, o.total_minor, o.currency as total_currency,
       (select sum(case when i.qty = trunc(i.qty) then i.qty else 1 end)::int8
          from order_items i
         where i.org_id = o.org_id and i.order_id = o.order_id) as items_count,
       case when w.phase = 'active' then o.expected_at end as expected_at, o.delivered_at
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $3::text) as status_name) n
 where o.org_id = $1::uuid and o.customer_id = $2::uuid
 order by o.placed_at desc, o.order_id desc
offset $4::int4 limit $5::int4;

-- name: portal_papers
-- What there is as a paper, the newest first: all, or what belongs to one order.
-- $1 org  $2 customer  $3 order's number, or none  $4 now  $5 at most
(select 'file' as kind, l.link_id::text as subject, l.name as number, l.at, null::int8 as amount_minor,
        null::text as amount_currency, null::text as state, d.document_id::text as document,
        case when d.document_id is null then l.url end as url
   from document_links l
   left join orders o on o.org_id = l.org_id and o.order_id = l.order_id
   left join documents d on d.org_id = l.org_id and d.document_id = l.document_id and d.state = 'kept'
  where l.org_id = $1::uuid and l.customer_id = $2::uuid and ($3::text is null or o.number = $3::text)
  order by l.at desc limit $5::int4)
union all
(select 'order', o.number, o.number, o.placed_at, o.total_minor, o.currency, null, null, null
   from orders o
  where o.org_id = $1::uuid and o.customer_id = $2::uuid and o.number = $3::text)
union all
(select * from (
    (select 'invoice', i.number, i.number, business_noon(i.issued_on, b.time_zone) as at, i.total_minor, i.currency,
            s.state, null, null
       from businesses b
       join invoices i on i.org_id = b.org_id and i.customer_id = $2::uuid
       left join orders o on o.org_id = i.org_id and o.order_id = i.order_id
      cross join lateral invoice_stands(i.org_id, i.invoice_id, business_day(b.time_zone, $4::timestamptz)) s
      where b.org_id = $1::uuid and ($3::text is null or o.number = $3::text)
      order by i.issued_on desc, i.number limit $5::int4)
    union all
    (select 'receipt', p.payment_id::text, i.number, p.at, p.minor, p.currency, null, null, null
       from payments p
       join invoices i on i.org_id = p.org_id and i.invoice_id = p.invoice_id
       left join orders o on o.org_id = i.org_id and o.order_id = i.order_id
      where p.org_id = $1::uuid and p.customer_id = $2::uuid and ($3::text is null or o.number = $3::text)
      order by p.at desc limit $5::int4)) x
  order by x.at desc limit $5::int4);

-- name: portal_photos
-- Of one order, before and after, oldest first.
-- $1 org  $2 customer  $3 order's number
select p.category, nullif(p.caption, '') as caption, p.taken_at,
       case when d.document_id is null then nullif(p.url, '') end as url, d.document_id::text as document, d.mime, d.width::int8 as width, d.height::int8 as height
  from orders o
  join order_photos p on p.org_id = o.org_id and p.order_id = o.order_id and p.visible
  left join documents d
    on d.org_id = p.org_id and d.document_id = p.document_id and d.state = 'kept'
 where o.org_id = $1::uuid and o.customer_id = $2::uuid and o.number = $3::text
 order by array_position(array['damage', 'progress', 'completed'], p.category), p.taken_at
 limit 40;

-- name: portal_viewed
-- $1 org  $2 customer  $3 invoice's number  $4 now
select invoice_viewed($1::uuid, $2::uuid, i.invoice_id, $4::timestamptz) as viewed
  from invoices i where i.org_id = $1::uuid and i.customer_id = $2::uuid and i.number = $3::text;

-- name: portal_bundle
-- All that a customer can take along: papers by what paper_make calls them, photos by their files, the newest first; with the order
-- that a photo is of.
-- $1 org  $2 customer  $3 at most of each
(select 'order' as kind, o.number as subject, null::uuid as document, o.placed_at as at
   from orders o where o.org_id = $1::uuid and o.customer_id = $2::uuid
  order by o.placed_at desc limit $3::int4)
union all
(select 'invoice', i.number, null, i.issued_on::timestamptz
   from invoices i where i.org_id = $1::uuid and i.customer_id = $2::uuid
  order by i.issued_on desc limit $3::int4)
union all
(select 'receipt', p.payment_id::text, null, p.at
   from payments p where p.org_id = $1::uuid and p.customer_id = $2::uuid
  order by p.at desc limit $3::int4)
union all
(select 'photo', o.number, d.document_id, p.taken_at
   from orders o
   join order_photos p on p.org_id = o.org_id and p.order_id = o.order_id and p.visible
   join documents d on d.org_id = p.org_id and d.document_id = p.document_id and d.state = 'kept'
  where o.org_id = $1::uuid and o.customer_id = $2::uuid
  order by p.taken_at desc limit $3::int4)
union all
(select 'file', 'files', d.document_id, l.at
   from document_links l
   join documents d on d.org_id = l.org_id and d.document_id = l.document_id and d.state = 'kept'
  where l.org_id = $1::uuid and l.customer_id = $2::uuid
  order by l.at desc limit $3::int4);

-- name: portal_storing
-- Before an upload's bytes are stored, as paper_storing.
-- $1 org  $2 customer  $3 document  $4 now  $5 sha256  $6 size  $7 mime  $8 width  $9 height  $10 file name
insert into documents (org_id, document_id, customer_id, handle, kind, filename, at, expires_at, due_at, state, open,
                       sha256, size, mime, width, height)
select $1::uuid, $3::uuid, $2::uuid, '', case when $7::text = 'application/pdf' then 'document' else 'image' end,
       $10::text, $4::timestamptz, $4::timestamptz, $4::timestamptz, 'storing', false, $5::bytea, $6::int8, $7::text,
       nullif($8::int4, 0), nullif($9::int4, 0)
 where not exists (select 1 from documents g
                    where g.org_id = $1::uuid and g.sha256 = $5::bytea and g.state = 'gone' and g.open)
returning document_id;

-- name: portal_report
-- $1 org  $2 hash  $3 order's number  $4 kind  $5 story  $6 email  $7 documents, between commas  $8 fresh id  $9 now
select r.outcome, r.ticket
  from portal_report($1::uuid, $2::bytea, $3::text, $4::text, $5::text, $6::text, $7::text, $8::uuid,
                     $9::timestamptz) r;

-- name: portal_links_list
-- Those that are good. As parley_staff, as the next.
-- $1 org  $2 customer, by the business's own id or ours; '': all  $3 now
select l.link_id, coalesce(nullif(c.external_id, ''), c.customer_id::text), l.made_at, l.last_used_at, l.expires_at
  from portal_links l
  join customers c on c.org_id = l.org_id and c.customer_id = l.customer_id
 where l.org_id = $1::uuid and l.revoked_at is null and l.expires_at > $3::timestamptz
   and ($2::text in ('', c.external_id, c.customer_id::text))
 order by l.made_at desc, l.link_id
 limit 1000;

-- name: portal_links_revoke
-- By a link's id, or a customer's. A row for each that ended.
-- $1 org  $2 which  $3 who  $4 now  $5 audit row
with ended as (
    update portal_links l set revoked_at = $4::timestamptz
      from customers c
     where l.org_id = $1::uuid and l.revoked_at is null and c.org_id = l.org_id and c.customer_id = l.customer_id
       and $2::text in (l.link_id::text, c.external_id, c.customer_id::text)
    returning l.link_id
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $5::uuid, $4::timestamptz, $3::text, 'portal.revoked', $2::text
     where exists (select from ended)
)
select link_id from ended;

-- name: portal_items
-- $1 org  $2 customer  $3 order's number
select nullif(i.item_code, '') as item_code, i.description, trim_scale(i.qty)::text as qty,
       i.unit_minor as unit_price_minor, o.currency as unit_price_currency,
       i.total_minor as line_total_minor, o.currency as line_total_currency
  from orders o
  join order_items i on i.org_id = o.org_id and i.order_id = o.order_id
 where o.org_id = $1::uuid and o.customer_id = $2::uuid and o.number = $3::text
 order by i.position
 limit 200;
