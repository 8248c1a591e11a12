-- Links to a customer's own pages on the web: /customer/<token>.
--
-- A token is the business's id and 32 bytes that nobody can foresee; only their SHA-256 stands here. Whoever
-- has it reads as that customer until it ends: 90 days after it was used last, when it is revoked, when the
-- place that asked for it is somebody else's, or when the business closes its pages to that customer.
create table portal_links (
    org_id       uuid not null references businesses,
    link_id      uuid not null,
    customer_id  uuid not null,
    contact_id   uuid not null,   -- the address that asked for it, and got it
    token_hash   bytea not null,
    made_at      timestamptz not null,
    expires_at   timestamptz not null,
    last_used_at timestamptz,     -- to ten minutes, so that reading a page is not always writing a row
    revoked_at   timestamptz,
    primary key (org_id, link_id),
    unique (org_id, token_hash),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
) with (fillfactor = 80);
create index portal_links_customer on portal_links (org_id, customer_id, made_at) where revoked_at is null;
create index portal_links_ended on portal_links (org_id, expires_at);

do $$
declare
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
    own constant text := 'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid';
begin
    alter table portal_links enable row level security;
    alter table portal_links force row level security;
    execute format('create policy org on portal_links to parley_staff using (%s) with check (%s)', org, org);
    execute format('create policy own on portal_links to parley_bot using (%s and %s) with check (%s and %s)',
                   org, own, org, own);
end
$$;
grant select, insert, update on portal_links to parley_bot;
grant select, update, delete on portal_links to parley_staff;

-- A new link. A customer has five at most: the oldest goes. Outcomes: minted, too_many (as many as anybody
-- needs in an hour), unavailable (there is no hash: the service has no public address).
create function portal_mint(the_org uuid, the_customer uuid, the_contact uuid, fresh uuid, hash bytea, at timestamptz,
                            out outcome text)
    volatile language plpgsql as $$
begin
    if hash is null then
        outcome := 'unavailable';
        return;
    end if;
    if (select count(*) from portal_links l where l.org_id = the_org and l.customer_id = the_customer
           and l.made_at > at - interval '1 hour') >= 10 then
        outcome := 'too_many';
        return;
    end if;
    update portal_links l set revoked_at = at
     where l.org_id = the_org and l.customer_id = the_customer and l.revoked_at is null
       and l.link_id in (select k.link_id from portal_links k
                          where k.org_id = the_org and k.customer_id = the_customer and k.revoked_at is null
                          order by k.made_at desc offset 4);
    insert into portal_links (org_id, link_id, customer_id, contact_id, token_hash, made_at, expires_at)
    values (the_org, fresh, the_customer, the_contact, hash, at, at + interval '90 days');
    outcome := 'minted';
end
$$;

-- Whose pages a token opens; no row: nobody's, any more. With `reads` somebody is looking, and not only asking
-- whether it is there: then the link is good for 90 days from now, and the first look in half an hour is a visit.
create function portal_open(the_org uuid, hash bytea, reads boolean, at timestamptz)
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
            perform event_out(the_org, 'portal.login', 'customer/' || l.customer_id, l.customer_id,
                              jsonb_build_object('way', 'link'), at);
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

-- End one from its own page. True when it was good until now.
create function portal_end(the_org uuid, hash bytea, at timestamptz) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return false;
    end if;
    update portal_links k set revoked_at = at
     where k.org_id = the_org and k.token_hash = hash and k.revoked_at is null;
    return found;
end
$$;

-- A report from the page, as the chat opens them (ticket_open, and its outcomes), answered in the conversation
-- that the link was asked for in. `uploads` are ids of documents between commas that this customer has just
-- stored; the first five count. No row when the token is good for nothing.
-- A form that is sent twice at once waits for itself: the link's row is the lock, held until the first one's
-- commit can be seen.
create function portal_report(the_org uuid, hash bytea, about text, what text, story text, email text, uploads text,
                              fresh uuid, at timestamptz)
    returns table (outcome text, ticket text, due_at timestamptz)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    l portal_links;
    there uuid;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select k.* into l from portal_links k
      join contact_points p on p.org_id = k.org_id and p.contact_id = k.contact_id and p.customer_id = k.customer_id
     where k.org_id = the_org and k.token_hash = hash and k.revoked_at is null and k.expires_at > at
       for no key update of k;
    if l.link_id is null then
        return;
    end if;
    select c.conversation_id into there
      from accounts a
      join conversations c on c.org_id = a.org_id and c.account_id = a.account_id and c.contact_id = l.contact_id
     where a.org_id = the_org
     order by c.last_inbound_at desc nulls last limit 1;
    select o.outcome, o.ticket, o.due_at into outcome, ticket, due_at
      from ticket_open(the_org, l.customer_id, about, what, story, email, '', fresh, there, l.contact_id, at) o;
    if outcome = 'opened' then
        with sent as (
            update documents d set state = 'kept', kept_at = portal_report.at, ticketed = true
              from unnest(string_to_array(uploads, ',')) with ordinality u (id, i)
             where d.org_id = the_org and d.document_id = u.id::uuid and d.customer_id = l.customer_id
               and d.state = 'storing' and u.i <= 5
            returning d.document_id, u.i
        )
        insert into ticket_documents (org_id, ticket_id, document_id, position)
        select the_org, fresh, s.document_id, s.i from sent s;
    end if;
    return next;
end
$$;

revoke execute on function portal_mint, portal_open, portal_end, portal_report from public;
grant execute on function portal_mint to parley_bot, parley_staff;
grant execute on function portal_open, portal_end, portal_report to parley_bot, parley_web;
grant insert on documents to parley_web;
grant execute on function invoice_viewed to parley_web;
