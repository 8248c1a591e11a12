-- What is asked of each recipient of a broadcast, and of each piece of news, is planned once in a connection: a
-- function in SQL with a query in it is planned anew whenever a function that is called anew calls it, and that was two
-- thirds of what a slice of a broadcast cost. The same words in plpgsql are planned once.

create or replace function preference_blocked(of_org uuid, of_customer uuid, topic text, of_channel text)
    returns boolean stable language plpgsql as $$
begin
    return topic = 'offers' and exists (
        select 1 from contact_points p
         where p.org_id = of_org and p.customer_id = of_customer and p.channel = of_channel
           and p.marketing_stopped_at is not null);
end
$$;

create or replace function preference_wanted(of_org uuid, of_customer uuid, of_topic text, of_channel text)
    returns boolean stable language plpgsql as $$
declare
    said boolean;
begin
    select p.wanted into said from preferences p
     where p.org_id = of_org and p.customer_id = of_customer and p.topic = of_topic and p.channel = of_channel;
    return coalesce(said, preference_default(of_topic, of_channel))
           and not preference_blocked(of_org, of_customer, of_topic, of_channel);
end
$$;

create or replace function notification_wanted(of_org uuid, of_customer uuid, topic text, channel text)
    returns boolean stable language plpgsql as $$
begin
    return preference_wanted(of_org, of_customer, notification_wanted.topic, notification_wanted.channel)
           and not exists (select 1 from contact_points p
                            where p.org_id = of_org and p.customer_id = of_customer and p.stopped_at is not null);
end
$$;

create or replace function customer_zone(of_org uuid, of_customer uuid) returns text stable language plpgsql as $$
declare
    zone text;
begin
    select c.time_zone into zone from customers c where c.org_id = of_org and c.customer_id = of_customer;
    if zone is null then
        select b.time_zone into zone from businesses b where b.org_id = of_org;
    end if;
    return zone_or_utc(zone);
end
$$;

create or replace function notification_due(of_org uuid, of_customer uuid, topic text, channel text,
                                            at timestamptz, out wanted boolean, out due_at timestamptz)
    stable language plpgsql as $$
declare
    s record;
begin
    wanted := notification_wanted(of_org, of_customer, notification_due.topic, notification_due.channel);
    select x.quiet, x.quiet_from, x.quiet_until into s from customer_settings x
     where x.org_id = of_org and x.customer_id = of_customer;
    due_at := at;
    if coalesce(s.quiet, true) then
        due_at := quiet_until(at, customer_zone(of_org, of_customer), coalesce(s.quiet_from, 1260),
                              coalesce(s.quiet_until, 480));
    end if;
end
$$;

create or replace function broadcast_unwanted(the_org uuid, of_conversation uuid, of_seq bigint) returns boolean
    stable language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return exists (
        select from broadcast_recipients r
          join broadcasts b on b.org_id = the_org and b.broadcast_id = r.broadcast_id
         where r.org_id = the_org and r.conversation_id = of_conversation and r.seq = of_seq
           and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
           and (b.state = 'cancelled' or not notification_wanted(the_org, r.customer_id, b.topic, r.channel)));
end
$$;

create or replace function broadcast_values(given jsonb, name text, company text, business text) returns jsonb
    immutable language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    return (select coalesce(jsonb_object_agg(v.key, btrim(regexp_replace(v.value, '\s+', ' ', 'g')))
                                filter (where btrim(v.value) <> ''), '{}')
              from jsonb_each_text(jsonb_build_object('name', name, 'first_name', split_part(btrim(name), ' ', 1),
                                                      'company', company, 'business', business) || given) v);
end
$$;

create or replace function broadcast_fill(pieces jsonb, known jsonb) returns text
    immutable language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    return (select case when bool_or(t is null) then null else coalesce(string_agg(t, '' order by ord), '') end
              from (select case jsonb_typeof(p) when 'string' then p #>> '{}' else known ->> (p ->> 'value') end as t, ord
                      from jsonb_array_elements(pieces) with ordinality x (p, ord)) f);
end
$$;

create or replace function broadcast_country_open(countries text[], phone text) returns boolean
    immutable parallel safe language plpgsql as $$
begin
    if countries is null or phone is null then
        return true;
    end if;
    return not exists (select from unnest(countries) y where starts_with(y, '-') and starts_with(phone, substr(y, 2)))
       and (not exists (select from unnest(countries) y where not starts_with(y, '-'))
            or exists (select from unnest(countries) y where starts_with(phone, y)));
end
$$;
