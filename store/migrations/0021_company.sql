-- Companies among the customers: their admins see what the company has ordered, and manage its
-- people.
--
-- The bot sees the rows of the customer who speaks and no others, and that stays so: what an admin
-- sees besides comes from these functions, and each asks first whether the one who speaks is one.

create table companies (
    org_id     uuid not null references businesses,
    company_id uuid not null,
    name       text not null,
    primary key (org_id, company_id)
);
alter table customers
    add column company_id uuid,
    add foreign key (org_id, company_id) references companies (org_id, company_id);
create index customers_company on customers (org_id, company_id) where company_id is not null;

alter table companies enable row level security;
alter table companies force row level security;
create policy org on companies
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select on companies to parley_bot, parley_web, parley_staff;
grant insert, update, delete on companies to parley_staff;

-- The company that the one who speaks is an admin of; none for everybody else.
create function company_led(the_org uuid, the_customer uuid) returns uuid
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select c.company_id from customers c
     where c.org_id = the_org and c.customer_id = the_customer and c.company_admin and c.portal_access
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
       and the_customer = nullif(current_setting('parley.customer_id', true), '')::uuid
$$;

-- Its people: up to 11 from an offset on; or only one of them.
create function company_people_of(the_org uuid, the_customer uuid, only_one uuid, skip bigint)
    returns table (person uuid, name text, access boolean, admin boolean, orders_count bigint,
                   last_seen_at timestamptz)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select c.customer_id, c.name, c.portal_access, c.company_admin,
           (select count(*) from orders o where o.org_id = c.org_id and o.customer_id = c.customer_id),
           c.last_seen_at
      from customers c
     where c.org_id = the_org and c.company_id = company_led(the_org, the_customer)
       and (only_one is null or c.customer_id = only_one)
     order by c.name, c.customer_id
    offset greatest(skip, 0) limit 11
$$;

-- Its orders, the newest first: up to 11 from an offset on, each with whose it is.
create function company_orders_of(the_org uuid, the_customer uuid, skip bigint)
    returns table (number text, who text, workflow text, status text, placed_at timestamptz,
                   total_minor bigint, currency text)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.number, c.name, o.workflow, o.status, o.placed_at, o.total_minor, o.currency
      from customers c
      join orders o on o.org_id = c.org_id and o.customer_id = c.customer_id
     where c.org_id = the_org and c.company_id = company_led(the_org, the_customer)
     order by o.placed_at desc, o.order_id desc
    offset greatest(skip, 0) limit 11
$$;

-- One of them, by its whole number.
create function company_order_of(the_org uuid, the_customer uuid, the_number text)
    returns table (number text, who text, workflow text, status text, placed_at timestamptz,
                   expected_at timestamptz, delivered_at timestamptz, total_minor bigint,
                   currency text, items json)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select o.number, c.name, o.workflow, o.status, o.placed_at, o.expected_at, o.delivered_at,
           o.total_minor, o.currency,
           (select coalesce(json_agg(json_build_object(
                       'qty', case when i.qty = trunc(i.qty) then to_json(i.qty::int8)
                                   else to_json(trim_scale(i.qty)::text) end,
                       'description', i.description,
                       'line_total', json_build_object('minor', i.total_minor, 'currency', o.currency)
                   ) order by i.position), '[]')
              from order_items i where i.org_id = o.org_id and i.order_id = o.order_id)
      from orders o
      join customers c on c.org_id = o.org_id and c.customer_id = o.customer_id
     where o.org_id = the_org and o.number = the_number
       and c.company_id = company_led(the_org, the_customer)
$$;

-- Give one of its people access, or take it away. An admin is not shut out by another one: that is
-- for the business to do. True when it is so now.
create function company_let(the_org uuid, the_customer uuid, person uuid, may boolean) returns boolean
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    update customers c set portal_access = may
     where c.org_id = the_org and c.customer_id = person and c.customer_id <> the_customer
       and not c.company_admin and c.company_id = company_led(the_org, the_customer);
    return found;
end
$$;

revoke execute on function company_led, company_people_of, company_orders_of, company_order_of,
                           company_let from public;
grant execute on function company_led, company_people_of, company_orders_of, company_order_of,
                          company_let to parley_bot;
