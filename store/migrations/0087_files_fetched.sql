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

-- --- the events ------------------------------------------------------------------------------

-- As in 0044, and the file is wanted.
create or replace function crm_photos(the_org uuid, events crm_event[], at timestamptz, out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    ready crm_event[];
    newest crm_event[];
    lacking crm_event[];
begin
    select coalesce(array_agg(e) filter (where o.order_id is null), '{}'),
           coalesce(array_agg(e) filter (where o.order_id is not null), '{}')
      into lacking, ready
      from unnest(events) e
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      left join orders o on o.org_id = the_org and o.external_id = k_order.order;
    outcomes := crm_wait(the_org, 'order', 'order', lacking, at);
    newest := crm_newest(the_org, 'photo', ready);
    insert into order_photos as p (org_id, order_id, photo_id, external_id, category, caption, taken_at, url, visible,
                                   document_id)
    select the_org, o.order_id, k_photo.id, e.subject, e.data ->> 'category',
           coalesce(e.data ->> 'caption', ''), coalesce((e.data ->> 'taken_at')::timestamptz, e.at, crm_photos.at),
           e.data ->> 'url', coalesce((e.data ->> 'visible')::boolean, true),
           crm_file_want(the_org, b.document_id, 'image', e.data ->> 'url', '', null, e.subject, crm_photos.at)
      from unnest(newest) e
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      cross join lateral (select crm_id(the_org, 'photo', e.subject) as id offset 0) k_photo
      join orders o on o.org_id = the_org and o.external_id = k_order.order
      left join order_photos b on b.org_id = the_org and b.order_id = o.order_id and b.photo_id = k_photo.id
        on conflict (org_id, order_id, photo_id) do update
       set external_id = excluded.external_id, category = excluded.category, caption = excluded.caption,
           taken_at = excluded.taken_at, url = excluded.url, visible = excluded.visible,
           document_id = excluded.document_id;
    outcomes := outcomes || crm_verdicts(ready, newest);
end
$$;

-- As in 0044, and the file is wanted. The customer hears of it when we have it, or cannot have it, and after a
-- quarter of an hour in any case.
create or replace function crm_documents(the_org uuid, events crm_event[], at timestamptz, tell boolean,
                              out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    ready crm_event[];
    newest crm_event[];
    no_order crm_event[];
    no_customer crm_event[];
begin
    select coalesce(array_agg(e) filter (where e.data ? 'order' and o.order_id is null), '{}'),
           coalesce(array_agg(e) filter (where not e.data ? 'order' and c.customer_id is null), '{}'),
           coalesce(array_agg(e) filter (where o.order_id is not null
                                            or not e.data ? 'order' and c.customer_id is not null), '{}')
      into no_order, no_customer, ready
      from unnest(events) e
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      left join orders o on o.org_id = the_org and o.external_id = k_order.order
      cross join lateral (select e.data ->> 'customer' as customer offset 0) k_customer
      left join customers c on c.org_id = the_org and c.external_id = k_customer.customer;
    outcomes := crm_wait(the_org, 'order', 'order', no_order, at)
                || crm_wait(the_org, 'customer', 'customer', no_customer, at);
    newest := crm_newest(the_org, 'document', ready);
    insert into document_links as l (org_id, link_id, external_id, customer_id, order_id, kind, name, url, at,
                                     document_id)
    select the_org, k_link.id, e.subject, coalesce(o.customer_id, c.customer_id), o.order_id,
           coalesce(e.data ->> 'kind', 'other'), e.data ->> 'name', e.data ->> 'url', coalesce(e.at, crm_documents.at),
           crm_file_want(the_org, b.document_id, 'document', e.data ->> 'url',
                         crm_file_name(e.data ->> 'url', e.data ->> 'name'), coalesce(o.customer_id, c.customer_id),
                         e.subject, crm_documents.at)
      from unnest(newest) e
      cross join lateral (select crm_id(the_org, 'document', e.subject) as id offset 0) k_link
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      left join orders o on o.org_id = the_org and o.external_id = k_order.order
      cross join lateral (select e.data ->> 'customer' as customer offset 0) k_customer
      left join customers c on c.org_id = the_org and c.external_id = k_customer.customer
      left join document_links b on b.org_id = the_org and b.link_id = k_link.id
        on conflict (org_id, link_id) do update
       set external_id = excluded.external_id, customer_id = excluded.customer_id, order_id = excluded.order_id,
           kind = excluded.kind, name = excluded.name, url = excluded.url, at = excluded.at,
           document_id = excluded.document_id;
    if tell then
        perform crm_tell(the_org, l.customer_id, 'orders', 'document_ready', n.cause, l.order_id,
                         jsonb_build_object('number', l.link_id, 'name', l.name, 'url', l.url), l.at, crm_documents.at)
           from unnest(newest) n
          cross join lateral (select crm_id(the_org, 'document', n.subject) as link_id offset 0) k
           join document_links l on l.org_id = the_org and l.link_id = k.link_id;
        update notices x set due_at = crm_documents.at + interval '15 minutes'
          from unnest(newest) n
          cross join lateral (select crm_id(the_org, 'document', n.subject) as link_id offset 0) k
          join document_links l on l.org_id = the_org and l.link_id = k.link_id
          join documents d on d.org_id = the_org and d.document_id = l.document_id and d.open
         where x.org_id = the_org and x.customer_id = l.customer_id and x.kind = 'document_ready' and x.state = 'waiting'
           and x.made_at = crm_documents.at and x.detail ->> 'number' = l.link_id::text;
    end if;
    outcomes := outcomes || crm_verdicts(ready, newest);
end
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

-- A document of the CRM's may be sent to whom it is for, as every file of theirs (document_reaches: by its
-- customer). Of "documents" in the chat, one of these is there already.
create or replace function paper_ask(the_org uuid, the_customer uuid, wish text, the_language text, of_conversation uuid,
                          fresh uuid, at timestamptz, out outcome text)
    volatile language plpgsql as $$
declare
    the_kind constant text := split_part(coalesce(wish, ''), ':', 1);
    named constant text := substr(coalesce(wish, ''), length(split_part(coalesce(wish, ''), ':', 1)) + 2);
    found_one boolean;
begin
    found_one := case the_kind
        when 'order' then exists (select from orders o where o.org_id = the_org and o.number = named
                                     and o.customer_id = the_customer)
        when 'invoice' then exists (select from invoices i where i.org_id = the_org and i.number = named
                                       and i.customer_id = the_customer)
        when 'receipt' then exists (select from payments p where p.org_id = the_org
                                       and p.payment_id::text = named and p.customer_id = the_customer)
        when 'file' then exists (select from document_links l where l.org_id = the_org
                                    and l.link_id::text = named and l.customer_id = the_customer)
        else false end;
    if not found_one then
        outcome := 'gone';
    elsif the_kind = 'file' then
        outcome := 'here';
    elsif (select count(*) from papers p where p.org_id = the_org and p.customer_id = the_customer
              and p.made_at > at - interval '1 hour') >= 30 then
        outcome := 'too_many';
    else
        insert into papers (org_id, paper_id, customer_id, conversation_id, kind, subject, language, due_at, made_at)
        values (the_org, fresh, the_customer, of_conversation, the_kind, named, the_language, at, at);
        outcome := 'making';
    end if;
end
$$;

revoke execute on function crm_file_want, crm_file_news, crm_file_kept, crm_file_end from public;
grant execute on function crm_file_want, crm_file_news, crm_file_kept, crm_file_end to parley_staff;
grant execute on function crm_file_kept, crm_file_end to parley_bot;
