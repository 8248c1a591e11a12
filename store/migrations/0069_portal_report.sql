-- A report from the page with files: a row of documents has a time of its own by the name of `at`. But for that
-- this is migration 0048's function.
create or replace function portal_report(the_org uuid, hash bytea, about text, what text, story text, email text, uploads text,
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
     where k.org_id = the_org and k.token_hash = hash and k.revoked_at is null and k.expires_at > at;
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
