-- What a person of the business shows: agent.message may name a file by its address. It is fetched into our own store as
-- other files of a CRM's are, and follows the words once it is here.

alter table documents
    add column shown_in uuid,        -- the conversation that it is to be shown in
    add column shown_by text,        -- who shows it; null: no name is shown
    add column shown_at timestamptz; -- since when it has been
create index documents_to_show on documents (org_id, shown_in) where shown_in is not null and shown_at is null;

-- The words and the address of a file; of a customer who is known, since a file has an owner.
create function handoff_show(the_org uuid, the_conversation uuid, agent text, url text, name text, the_subject text,
                             at timestamptz) returns void volatile language plpgsql as $$
declare
    the_customer uuid;
    the_file uuid;
begin
    select p.customer_id into the_customer
      from conversations c join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where c.org_id = the_org and c.conversation_id = the_conversation;
    the_file := crm_file_want(the_org, null, 'document', url, crm_file_name(url, name), the_customer, the_subject, at);
    update documents d set shown_in = the_conversation, shown_by = agent, ticketed = false
     where d.org_id = the_org and d.document_id = the_file;
end
$$;

-- Whoever asks for a person and is no customer on record can be shown no file.
create function handoff_customer_known(the_org uuid, the_conversation uuid) returns boolean stable language sql as $$
    select p.customer_id is not null
      from conversations c join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where c.org_id = the_org and c.conversation_id = the_conversation
$$;

create or replace function crm_agent(the_org uuid, e crm_event, at timestamptz) returns crm_outcome
    volatile language plpgsql as $$
declare
    of_conversation constant uuid := case when e.data ->> 'conversation' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                          then (e.data ->> 'conversation')::uuid end;
    agent constant text := nullif(e.data ->> 'agent', '');
    who constant text := coalesce(agent, 'crm');
    the_handoff uuid;
    r record;
begin
    perform from conversations c where c.org_id = the_org and c.conversation_id = of_conversation for no key update;
    select x.handoff_id into the_handoff from handoffs x
     where x.org_id = the_org and x.conversation_id = of_conversation and x.state <> 'done';
    if e.type = 'agent.message' then
        if e.data ? 'url' and the_handoff is not null and not handoff_customer_known(the_org, of_conversation) then
            return (e.i, e.hash, 'refused', 'data.url', 'nothing: the customer is not on record', null)::crm_outcome;
        end if;
        select * into r from handoff_say(the_org, the_handoff, who, e.hash, handoff_words(agent, e.data ->> 'text'),
                                         crm_agent.at, null, false);
        if r.outcome = 'said' and e.data ? 'url' then
            perform handoff_show(the_org, of_conversation, agent, e.data ->> 'url', e.data ->> 'name', e.hash::text, at);
        end if;
    else
        select * into r from handoff_release(the_org, the_handoff, who, e.hash, crm_agent.at);
    end if;
    case r.outcome
    when 'said', 'released' then
        return (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
    when 'held' then
        return (e.i, e.hash, 'refused', 'data.agent', 'who holds it: ' || r.holder, to_jsonb(who)::text)::crm_outcome;
    when 'stopped' then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: the customer said STOP', null)::crm_outcome;
    when 'window_closed' then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: WhatsApp takes no words a day after the customer''s last',
                null)::crm_outcome;
    else
        return (e.i, e.hash, 'refused', 'data.conversation', 'a conversation that waits for a person or is in their hands',
                (e.data -> 'conversation')::text)::crm_outcome;
    end case;
end
$$;

-- True: it was wanted until now, and is kept. What an agent shows is said in its conversation, whoever has it by now.
create or replace function crm_file_kept(the_org uuid, the_file uuid, at timestamptz) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    d documents;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return false;
    end if;
    update documents x set state = 'kept', open = false, reason = null, kept_at = crm_file_kept.at
     where x.org_id = the_org and x.document_id = the_file and x.state = 'storing'
    returning * into d;
    if not found then
        return false;
    end if;
    if d.shown_in is not null and d.shown_at is null then
        insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
        values (the_org, gen_random_uuid(), 'notice', d.shown_in, 'notice.agent_file/', crm_file_kept.at);
    end if;
    perform crm_file_news(the_org, the_file, true, at);
    return true;
end
$$;

-- It cannot be kept: the CRM hears which and why, once. True: it was wanted until now.
create or replace function crm_file_end(the_org uuid, the_file uuid, the_state text, why text, at timestamptz)
    returns boolean volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    n record;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return false;
    end if;
    update documents d set state = the_state, open = false, reason = why
     where d.org_id = the_org and d.document_id = the_file and d.state in ('wanted', 'storing');
    if not found then
        return false;
    end if;
    for n in
        select 'photo' as what, p.external_id, p.url, o.external_id as order, o.number, o.customer_id, null::uuid as shown_in
          from order_photos p join orders o on o.org_id = p.org_id and o.order_id = p.order_id
         where p.org_id = the_org and p.document_id = the_file
        union all
        select 'document', l.external_id, l.url, o.external_id, o.number, l.customer_id, null
          from document_links l left join orders o on o.org_id = l.org_id and o.order_id = l.order_id
         where l.org_id = the_org and l.document_id = the_file
        union all
        select 'message', d.document_id::text, d.handle, null, null, d.customer_id, d.shown_in
          from documents d
         where d.org_id = the_org and d.document_id = the_file and d.shown_in is not null
    loop
        perform event_out(the_org, 'file.refused', n.what || '/' || coalesce(n.external_id, the_file::text), n.customer_id,
                          jsonb_strip_nulls(jsonb_build_object('what', n.what, 'id', n.external_id, 'order', n.order,
                              'number', n.number, 'url', n.url, 'conversation', n.shown_in, 'reason', why)), at);
    end loop;
    perform crm_file_news(the_org, the_file, false, at);
    return true;
end
$$;

revoke execute on function handoff_show, handoff_customer_known from public;
grant execute on function handoff_show, handoff_customer_known to parley_staff;
