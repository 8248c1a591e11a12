-- What was begun and broken off is begun anew, sooner and once.

-- As in 0077, but what a worker was telling by a template is lost when it has not told it after some seconds: nothing
-- but that worker's memory knew of it. Should it live after all, only one of the two tells it (notice_tell).
create or replace function notices_lost(the_org uuid, at timestamptz) returns void volatile language sql as $$
    update notices n set state = 'waiting', state_at = at, template = null
     where n.org_id = the_org and n.state = 'placed'
       and case when n.template is not null then n.state_at < at - interval '15 seconds'
                else n.due_at < at - interval '2 minutes'
                     and not exists (select from jobs j
                                      where j.org_id = the_org and j.conversation_id = n.conversation_id
                                        and j.kind = 'notice') end
$$;

-- As in 0069, but a form that is sent twice at once waits for itself: the link's row is the lock, held until the
-- first one's commit can be seen.
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
