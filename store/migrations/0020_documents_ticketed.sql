-- Whether a report counts on a file. It stands on the file's own row, since files are fetched in
-- nobody's name and whose reports there are is their customers' to see; and since the row's lock
-- then decides between a report that is opened and a file that ends at the same instant.

alter table documents add column ticketed boolean not null default false;

update documents d set ticketed = true
  from ticket_documents t
 where t.org_id = d.org_id and t.document_id = d.document_id;

create or replace function ticket_take_files(org uuid, ticket uuid, conversation uuid, handles text,
                                             most integer)
    returns integer
    language sql volatile set search_path = pg_catalog, public, pg_temp as $$
    with there as (
        select count(*)::int as n from ticket_documents t where t.org_id = org and t.ticket_id = ticket
    ), wished as (
        select d.document_id, row_number() over (order by h.i) as i
          from unnest(string_to_array(handles, ',')) with ordinality h (handle, i)
          join documents d on d.org_id = org and d.conversation_id = conversation and d.handle = h.handle
         where not exists (select 1 from ticket_documents t
                            where t.org_id = org and t.ticket_id = ticket and t.document_id = d.document_id)
    ), counted as (
        update documents d set ticketed = true
          from wished w, there
         where d.org_id = org and d.document_id = w.document_id and w.i <= most - there.n
        returning d.document_id, there.n + w.i as position
    ), taken as (
        insert into ticket_documents (org_id, ticket_id, document_id, position)
        select org, ticket, c.document_id, c.position from counted c
            on conflict do nothing
        returning 1
    )
    select count(*)::int from taken
$$;
