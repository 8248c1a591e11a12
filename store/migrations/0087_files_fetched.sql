-- Documents and photos that a CRM names by an address are fetched into our own store (bot/download_linked.c),
-- as files of customers' are: so they are shown in the chat and behind the link, whether or not a customer could
-- open that address. What cannot be fetched stays a reference, and the CRM is told.

alter table order_photos add column external_id text;
alter table document_links
    add column external_id text,
    add column document_id uuid;
create index document_links_document on document_links (org_id, document_id) where document_id is not null;
create index document_links_order on document_links (org_id, order_id, at desc) where order_id is not null;

-- A customer's file is looked for beside a hundred thousand of an import.
drop index documents_due;
create index documents_due_sent on documents (org_id, due_at) where open and conversation_id is not null;
create index documents_due_given on documents (org_id, due_at) where open and conversation_id is null;

-- A file is wanted, for three days; another one than before is not counted on any more. The same address is
-- fetched again where it had failed. Its id.
create function crm_file_want(the_org uuid, before uuid, of_kind text, url text, name text, the_customer uuid,
                              the_subject text, at timestamptz) returns uuid volatile language plpgsql as $$
declare
    the_file constant uuid := crm_id(the_org, 'file', of_kind || ' ' || the_subject || ' ' || url);
begin
    update documents d set ticketed = false
     where d.org_id = the_org and d.document_id = before and before <> the_file;
    insert into documents as d (org_id, document_id, customer_id, handle, kind, filename, at, expires_at, due_at,
                                ticketed)
    values (the_org, the_file, the_customer, url, of_kind, name, crm_file_want.at,
            crm_file_want.at + interval '3 days', crm_file_want.at, true)
        on conflict (org_id, document_id) do update
       set ticketed = true, customer_id = excluded.customer_id, filename = excluded.filename,
           state = case when d.state in ('refused', 'lost', 'gone') then 'wanted' else d.state end,
           open = d.open or d.state in ('refused', 'lost', 'gone'),
           due_at = case when d.state in ('refused', 'lost', 'gone') then excluded.due_at else d.due_at end,
           expires_at = case when d.state in ('refused', 'lost', 'gone') then excluded.expires_at else d.expires_at end,
           attempts = case when d.state in ('refused', 'lost', 'gone') then 0 else d.attempts end;
    return the_file;
end
$$;

-- What the address ends in, as a name of a file; else its own.
create function crm_file_name(url text, otherwise text) returns text immutable language sql as $$
    select left(coalesce(nullif(otherwise, ''), nullif(regexp_replace(split_part(split_part(url, '?', 1), '#', 1),
                                                               '^.*/', ''), ''), 'document'), 200)
$$;

-- --- what became of it -----------------------------------------------------------------------

-- The customer hears of a document: it is here ("documents" brings it), or where it lies.
create function crm_file_news(the_org uuid, the_file uuid, here boolean, at timestamptz) returns void
    volatile language sql as $$
    update notices x
       set due_at = least(x.due_at, at), detail = case when here then x.detail - 'url' else x.detail end
      from document_links l
     where l.org_id = the_org and l.document_id = the_file
       and x.org_id = the_org and x.customer_id = l.customer_id and x.kind = 'document_ready' and x.state = 'waiting'
       and x.detail ->> 'number' = l.link_id::text
$$;

-- True: it was wanted until now, and is kept.
create function crm_file_kept(the_org uuid, the_file uuid, at timestamptz) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return false;
    end if;
    update documents d set state = 'kept', open = false, reason = null, kept_at = crm_file_kept.at
     where d.org_id = the_org and d.document_id = the_file and d.state = 'storing';
    if not found then
        return false;
    end if;
    perform crm_file_news(the_org, the_file, true, at);
    return true;
end
$$;

-- It cannot be kept: the CRM hears which and why, once. True: it was wanted until now.
create function crm_file_end(the_org uuid, the_file uuid, the_state text, why text, at timestamptz) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
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
        select 'photo' as what, p.external_id, p.url, o.external_id as order, o.number, o.customer_id
          from order_photos p join orders o on o.org_id = p.org_id and o.order_id = p.order_id
         where p.org_id = the_org and p.document_id = the_file
        union all
        select 'document', l.external_id, l.url, o.external_id, o.number, l.customer_id
          from document_links l left join orders o on o.org_id = l.org_id and o.order_id = l.order_id
         where l.org_id = the_org and l.document_id = the_file
    loop
        perform event_out(the_org, 'file.refused', n.what || '/' || coalesce(n.external_id, the_file::text), n.customer_id,
                          jsonb_build_object('what', n.what, 'id', n.external_id, 'order', n.order, 'number', n.number,
                                             'url', n.url, 'reason', why), at);
    end loop;
    perform crm_file_news(the_org, the_file, false, at);
    return true;
end
$$;

revoke execute on function crm_file_want, crm_file_news, crm_file_kept, crm_file_end from public;
grant execute on function crm_file_want, crm_file_news, crm_file_kept, crm_file_end to parley_staff;
grant execute on function crm_file_kept, crm_file_end to parley_bot;
