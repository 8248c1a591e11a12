-- What `parley doctor` asks of the database.

-- name: survey_server
-- The server, who we are in it, and whether what it commits is kept.
select current_setting('server_version_num')::int4, session_user::text, current_user::text,
       r.rolsuper or r.rolbypassrls, clock_timestamp(),
       current_setting('fsync') = 'on' and current_setting('full_page_writes') = 'on'
       and current_setting('synchronous_commit') <> 'off',
       current_setting('max_connections')::int4
       - current_setting('superuser_reserved_connections')::int4,
       (select count(*) from pg_stat_activity where datid is not null),
       exists (select from pg_roles s where s.rolname = 'parley_staff' and pg_has_role(session_user, s.oid, 'member')),
       exists (select from pg_roles s where s.rolname = 'parley_web' and pg_has_role(session_user, s.oid, 'member'))
  from pg_roles r where r.rolname = current_user;

-- name: survey_open_tables
-- Tables of businesses' rows that row-level security does not guard.
select c.relname::text
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
 where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
   and not (c.relrowsecurity and c.relforcerowsecurity)
 order by 1;

-- name: survey_directory
-- Which numbers and accounts are known, and whose they are.
select kind, external_id, org_id, app from directory where kind <> 'api_key' order by kind, external_id limit 1000;

-- name: survey_business
-- What waits and what could not be handled; `parley.org_id` says whose.
select (select count(*) from dead_letters where replayed_at is null),
       (select count(*) from outbox),
       (select count(*) from outbox where state in (2, 3)),
       coalesce(extract(epoch from clock_timestamp() - (select min(due_at) from outbox)), 0)::int8,
       (select coalesce(string_agg(a.external_id || ' (' || coalesce(l.stopped_why, '') || ')', ', '), '')
          from lanes l join accounts a on a.org_id = l.org_id and a.account_id = l.lane_id
         where l.stopped_at is not null);
