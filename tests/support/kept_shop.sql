-- Keep all that the business parley.org_id has in the schema kept.schema, with a function there that puts it back:
-- as it was, in all tables of businesses, without triggers and without asking what refers to what, since all of it did.
do $$
declare
    home constant text := current_setting('kept.schema');
    t record;
    n bigint;
    body text := '';
begin
    execute format('drop schema if exists %I cascade; create schema %I', home, home);
    for t in
        select c.oid::regclass as name, c.relname,
               (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns
          from pg_class c
          join pg_attribute o on o.attrelid = c.oid and o.attname = 'org_id'
         where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
         order by c.relname
    loop
        body := body || format('delete from %s where org_id = the_org;', t.name);
        execute format('create table %I.%I as select %s from %s where org_id = %L', home, t.relname, t.columns,
                       t.name, current_setting('parley.org_id'));
        get diagnostics n = row_count;
        if n > 0 then
            body := body || format('insert into %s (%s) select * from %I.%I;', t.name, t.columns, home, t.relname);
        else
            execute format('drop table %I.%I', home, t.relname);
        end if;
    end loop;
    execute format('create function %I.put_back(the_org uuid) returns void language plpgsql as %L', home,
                   'begin ' || body || ' end');
end
$$;
