-- A short address for a customer's own page, where every character costs: /s/<code>. Of its code the hash is kept
-- only, as of the token.
alter table portal_links add column short_hash bytea;
create unique index portal_links_short on portal_links (org_id, short_hash) where short_hash is not null;

-- As before, with the hash of the short code.
create function portal_mint(the_org uuid, the_customer uuid, the_contact uuid, fresh uuid, hash bytea, short bytea,
                            at timestamptz, out outcome text)
    volatile language plpgsql as $$
begin
    select m.outcome into outcome
      from portal_mint(the_org, the_customer, the_contact, fresh, hash, portal_mint.at) m (outcome);
    if outcome = 'minted' then
        update portal_links l set short_hash = short where l.org_id = the_org and l.link_id = fresh;
    end if;
end
$$;

-- Whose link a short code stands for. Whether it is still good is seen where it leads.
create function portal_short(the_org uuid, hash bytea) returns uuid
    stable language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return null;
    end if;
    return (select l.link_id from portal_links l where l.org_id = the_org and l.short_hash = hash);
end
$$;
revoke execute on function portal_short from public;
grant execute on function portal_short to parley_bot;
