-- More of what a business's systems hear (STF-5): who looked at their pages and from where, and that an
-- address is somebody else's now.

-- As in 0048, with who looks: the address and the program, as the source of the analytics asks for them.
drop function portal_open(uuid, bytea, boolean, timestamptz);
create function portal_open(the_org uuid, hash bytea, reads boolean, at timestamptz, ip text default '',
                            agent text default '')
    returns table (link uuid, customer uuid, name text, language text, time_zone text, good_until timestamptz)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    l portal_links;
    first_look boolean;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select k.* into l from portal_links k
      join customers c on c.org_id = k.org_id and c.customer_id = k.customer_id and c.portal_access
      join contact_points p on p.org_id = k.org_id and p.contact_id = k.contact_id and p.customer_id = k.customer_id
     where k.org_id = the_org and k.token_hash = hash and k.revoked_at is null and k.expires_at > at;
    if l.link_id is null then
        return;
    end if;
    if reads and (l.last_used_at is null or l.last_used_at < at - interval '10 minutes') then
        first_look := l.last_used_at is null or l.last_used_at < at - interval '30 minutes';
        update portal_links k set last_used_at = at, expires_at = at + interval '90 days'
         where k.org_id = the_org and k.link_id = l.link_id and k.last_used_at is not distinct from l.last_used_at;
        if found and first_look then
            update customers c set last_seen_at = at
             where c.org_id = the_org and c.customer_id = l.customer_id
               and (c.last_seen_at is null or c.last_seen_at < at);
            perform event_of_customer(the_org, 'portal.login', l.customer_id,
                                      jsonb_build_object('way', 'link', 'ip_address', nullif(ip, ''),
                                                         'user_agent', nullif(left(agent, 300), '')), at);
        end if;
        l.expires_at := at + interval '90 days';
    end if;
    return query
    select l.link_id, l.customer_id, c.name, coalesce(c.language, b.language)::text,
           zone_or_utc(coalesce(c.time_zone, b.time_zone)), l.expires_at
      from customers c join businesses b on b.org_id = c.org_id
     where c.org_id = the_org and c.customer_id = l.customer_id;
end
$$;
revoke execute on function portal_open from public;
grant execute on function portal_open to parley_bot, parley_web;

-- "This isn't me": the customer on record has lost this address. Whose it is now nobody knows.
create function contact_unlinked(the_org uuid, the_customer uuid, the_channel text, address text, at timestamptz)
    returns uuid volatile language sql as $$
    select event_of_customer(the_org, 'contact.unlinked', the_customer,
                             jsonb_build_object('channel', the_channel, 'address', address, 'source', 'not_me'), at)
$$;
