-- Who may do what, and whose rows each may see.
--
-- The service connects as whoever ran the migrations (or as a login that was granted the roles)
-- and takes one of three roles: parley_bot for conversations, parley_web for customers' pages,
-- parley_staff for the business's people. Row-level security is on for all of them and for the
-- tables' owner:
--   * every row belongs to a business, and only that of `parley.org_id` is there;
--   * for the bot and the web a customer's things (the customer, orders and what hangs on them)
--     are only those of `parley.customer_id`.
-- Both are set by SET LOCAL in each transaction; unset, nothing is there at all.
--
-- Policies are permissive and name their roles: the owner is a member of all three, and a
-- restrictive policy for the bot would bind the owner too.

do $$
declare
    r text;
begin
    foreach r in array array['parley_bot', 'parley_web', 'parley_staff'] loop
        if not exists (select 1 from pg_roles where rolname = r) then
            begin
                execute format('create role %I nologin nobypassrls', r);
            exception when duplicate_object or unique_violation then
                null; -- another database of this cluster was faster
            end;
        end if;
        if not pg_has_role(current_user, r, 'member')
           or not exists (select 1 from pg_auth_members m
                           where m.roleid = r::regrole and m.member = current_user::regrole) then
            execute format('grant %I to current_user', r);
        end if;
    end loop;
end
$$;

grant usage on schema public to parley_bot, parley_web, parley_staff;
grant select on schema_migrations to parley_bot, parley_web, parley_staff;

-- --- the business's rows ---------------------------------------------------------------------

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    foreach t in array array['businesses', 'accounts', 'contact_points', 'customer_phones',
                             'conversations', 'payloads', 'messages', 'early_statuses', 'seen',
                             'outbox', 'lanes', 'jobs', 'dead_letters', 'audit',
                             'workflow_states'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I using (%s) with check (%s)', t, org, org);
    end loop;
end
$$;

-- Reached through its parent only.
alter table payloads_default enable row level security;
alter table payloads_default force row level security;

-- --- the customer's rows ---------------------------------------------------------------------

do $$
declare
    t text;
    own text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
    customer constant text :=
        'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid';
begin
    foreach t in array array['customers', 'orders', 'order_items', 'order_events', 'order_notes',
                             'shipments', 'tracking_events'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)',
                       t, org, org);
        if t in ('customers', 'orders') then
            own := customer;
        else
            -- An order is there for the customer whose it is: its own policy says so.
            own := format('exists (select 1 from orders o where o.org_id = %I.org_id'
                          ' and o.order_id = %I.order_id)', t, t);
        end if;
        if t = 'order_notes' then
            own := 'visible and ' || own;
        end if;
        execute format('create policy own on %I to parley_bot, parley_web'
                       ' using (%s and %s) with check (%s and %s)', t, org, own, org, own);
    end loop;
end
$$;

-- --- what knows no business yet --------------------------------------------------------------

-- A delivery finds its business here, so everyone reads all of it; a business changes its own.
alter table directory enable row level security;
alter table directory force row level security;
create policy look_up on directory for select using (true);
create policy org on directory
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);

-- --- the bot ---------------------------------------------------------------------------------

grant select on directory, businesses, accounts, customers, customer_phones, workflow_states,
                orders, order_items, order_events, order_notes, shipments, tracking_events
    to parley_bot;
grant update (language, time_zone, last_seen_at) on customers to parley_bot;
grant select, insert on flow_versions to parley_bot;
grant select, insert, delete on unrouted, seen, payloads to parley_bot;
grant select, insert, update on contact_points, conversations, lanes to parley_bot;
grant select, insert, update, delete on early_statuses, outbox, jobs to parley_bot;
grant select, insert on messages, dead_letters, audit to parley_bot;
grant update (delivery, provider_hash, provider_id, error, reason, attempts) on messages
    to parley_bot;
grant update (replayed_at) on dead_letters to parley_bot;
grant update (chain) on audit to parley_bot;

-- --- customers' pages ------------------------------------------------------------------------

grant select on directory, businesses, accounts, customers, workflow_states,
                orders, order_items, order_events, order_notes, shipments, tracking_events
    to parley_web;
grant update (language, time_zone, last_seen_at) on customers to parley_web;
grant select, insert on audit to parley_web;

-- --- the business's people -------------------------------------------------------------------

grant select on all tables in schema public to parley_staff;
grant insert, update, delete on directory, customers, customer_phones, workflow_states,
                orders, order_items, order_events, order_notes, shipments, tracking_events, jobs
    to parley_staff;
grant insert, update on businesses, accounts, contact_points, conversations, outbox, lanes
    to parley_staff;
grant insert on messages, audit to parley_staff;
grant update (delivery, reason) on messages to parley_staff;
grant update (chain) on audit to parley_staff;
grant update (replayed_at) on dead_letters to parley_staff;

-- --- payloads by day -------------------------------------------------------------------------

-- Make the partitions of today and of `ahead` days after it (UTC) and drop those older than
-- `keep` days. Owner's rights, since they are tables; the names are made here from days, so
-- nothing else can be made or dropped. A day that the default partition has rows of already is
-- left to it.
create function payload_partitions(now timestamptz, ahead integer, keep integer,
                                   out made integer, out dropped integer)
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    today constant date := (now at time zone 'UTC')::date;
    day date;
    name text;
begin
    made := 0;
    dropped := 0;
    for day in select today + i from generate_series(0, least(ahead, 60)) i loop
        name := 'payloads_' || to_char(day, 'YYYYMMDD');
        continue when to_regclass('public.' || name) is not null;
        begin
            execute format('create table public.%I partition of public.payloads'
                           ' for values from (%L) to (%L)',
                           name, day::timestamp at time zone 'UTC',
                           (day + 1)::timestamp at time zone 'UTC');
            execute format('alter table public.%I enable row level security', name);
            execute format('alter table public.%I force row level security', name);
            made := made + 1;
        exception when check_violation then
            null;
        end;
    end loop;
    for name in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'public.payloads'::regclass and c.relname ~ '^payloads_[0-9]{8}$'
           and substr(c.relname, 10) < to_char(today - greatest(keep, 1), 'YYYYMMDD')
    loop
        execute format('drop table public.%I', name);
        dropped := dropped + 1;
    end loop;
end
$$;
revoke execute on function payload_partitions from public;
grant execute on function payload_partitions to parley_bot;

-- Old rows of `seen` are found without a scan of the rest.
create index seen_at on seen using brin (at);
