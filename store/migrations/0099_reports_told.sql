-- As in 0082, and the business's systems hear of a report by the page's form as of one in the chat: they never did.
create or replace function portal_report(the_org uuid, hash bytea, about text, what text, story text, email text, uploads text,
                              fresh uuid, at timestamptz)
    returns table (outcome text, ticket text, due_at timestamptz)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    l portal_links;
    there uuid;
    n integer;
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
        get diagnostics n = row_count;
        perform event_out(the_org, 'ticket.opened', 'ticket/' || ticket, l.customer_id,
                          jsonb_build_object('ticket', ticket, 'kind', what, 'number', nullif(about, ''), 'text', story,
                                             'email', nullif(email, ''), 'files', n), at);
    end if;
    return next;
end
$$;

-- As in 0035, and they hear of whoever unsubscribes. That is a word about mail, also from an address that is nobody's yet.
create or replace function unsubscribe(the_org uuid, of_conversation uuid, at timestamptz) returns text
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p contact_points;
    topics constant text[] := array['orders', 'deliveries', 'cancellations', 'estimates',
                                    'payments', 'reviews', 'offers'];
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return 'unknown';
    end if;
    select q.* into p
      from conversations c
      join contact_points q on q.org_id = c.org_id and q.contact_id = c.contact_id
     where c.org_id = the_org and c.conversation_id = of_conversation;
    if p.contact_id is null then
        return 'unknown';
    end if;
    if p.customer_id is null then
        update contact_points q set stopped_at = at, unreachable = true
         where q.org_id = the_org and q.contact_id = p.contact_id and q.stopped_at is null;
        if found then
            insert into consent_log (org_id, at, contact_id, channel, topic, wanted, source)
            values (the_org, unsubscribe.at, p.contact_id, p.channel, 'all', false, 'unsubscribe');
            perform contact_opted(the_org, null, p.contact_id, p.channel, p.address, 'all', false, 'unsubscribe', at);
        end if;
        return 'stopped';
    end if;
    perform 1 from customers c where c.org_id = the_org and c.customer_id = p.customer_id
        for no key update;
    with changed as (
        insert into preferences as f (org_id, customer_id, topic, channel, wanted, at, source)
        select the_org, p.customer_id, t.topic, p.channel, false, unsubscribe.at, 'unsubscribe'
          from unnest(topics) t (topic)
         where preference_wanted(the_org, p.customer_id, t.topic, p.channel)
            on conflict on constraint preferences_pkey do update
           set wanted = false, at = excluded.at, source = excluded.source
        returning f.topic
    )
    insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source)
    select the_org, unsubscribe.at, p.customer_id, p.contact_id, p.channel, c.topic, false, 'unsubscribe'
      from changed c;
    if found then
        perform contact_opted(the_org, p.customer_id, p.contact_id, p.channel, p.address, 'all', false, 'unsubscribe', at);
    end if;
    return 'off';
end
$$;
