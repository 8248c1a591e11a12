-- What a company's admin sees of it, and does for its people. For everybody else there is nothing.

-- name: company
-- $1 org  $2 customer
select c.name
  from companies c where c.org_id = $1::uuid and c.company_id = company_led($1::uuid, $2::uuid);

-- name: company_people
-- $1 org  $2 customer  $3 offset
select p.person::text as person, p.name, nullif(p.access, false) as access,
       nullif(p.admin, false) as admin, p.orders_count, p.last_seen_at
  from company_people_of($1::uuid, $2::uuid, null,
                         case when $3::text ~ '^[0-9]{1,9}$' then $3::text::int8 else 0 end) p;

-- name: company_person
-- $1 org  $2 customer  $3 person
select p.person::text as person, p.name, nullif(p.access, false) as access,
       nullif(p.admin, false) as admin, p.orders_count, p.last_seen_at
  from (select case when $3::text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                    then $3::text::uuid end as person) a
 cross join lateral company_people_of($1::uuid, $2::uuid, a.person, 0) p
 where a.person is not null;

-- name: company_orders
-- $1 org  $2 customer  $3 offset  $4 language
select o.number, o.who, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon, o.placed_at, o.total_minor,
       o.currency as total_currency
  from company_orders_of($1::uuid, $2::uuid,
                         case when $3::text ~ '^[0-9]{1,9}$' then $3::text::int8 else 0 end) o
  join workflow_states w
    on w.org_id = $1::uuid and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $4::text) as status_name) n
 order by o.placed_at desc, o.number desc;

-- name: company_order
-- $1 org  $2 customer  $3 number  $4 language
select o.number, o.who, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon, o.placed_at, o.expected_at,
       o.delivered_at, o.total_minor, o.currency as total_currency, o.items
  from company_order_of($1::uuid, $2::uuid, $3::text) o
  join workflow_states w
    on w.org_id = $1::uuid and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $4::text) as status_name) n;

-- name: company_access
-- $1 org  $2 customer  $3 person  $4 access: on, off  $5 id  $6 now
with asked as (
    select case when $3::text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                then $3::text::uuid end as person
), let as materialized (
    select a.person, company_let($1::uuid, $2::uuid, a.person, $4::text = 'on') as done from asked a
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject, detail)
    select $1::uuid, $5::uuid, $6::timestamptz, 'customer', 'company.access', l.person::text,
           jsonb_build_object('by', $2::uuid, 'access', $4::text)
      from let l where l.done is true
)
select case when coalesce((select done from let), false) then 'changed' else 'refused' end as outcome;
