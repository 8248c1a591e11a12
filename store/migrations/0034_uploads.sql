-- Kept files on their way to customers.

-- --- files of the business's own ---------------------------------------------------------------

-- What staff adds comes in no conversation and from no provider. `ticketed` says that something
-- counts on the file: a report, or an order that it is a photo of.
alter table documents
    alter column conversation_id drop not null,
    alter column account_id drop not null;

-- One that a command began to store and never finished is litter like any that nothing counts on.
drop index documents_kept;
create index documents_loose on documents (org_id, at) where state in ('kept', 'storing') and not open;

alter table order_photos add column added_by text not null default '';
create index order_photos_document on order_photos (org_id, document_id) where document_id is not null;

-- The file of a photo is there for whom the photo is there: its own policy says so.
create policy photo on documents for select to parley_bot, parley_web
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid
           and exists (select 1 from order_photos p
                        where p.org_id = documents.org_id and p.document_id = documents.document_id));

grant insert on documents to parley_staff;

-- --- uploads -----------------------------------------------------------------------------------

-- What a provider has of ours: one row for each file and account. While `open`, it is still to be
-- uploaded; afterwards it has the provider's handle, or the reason why there is none.
create table uploads (
    org_id      uuid not null,
    account_id  uuid not null,
    document_id uuid not null,
    open        boolean not null default true,
    due_at      timestamptz not null,           -- the next attempt; while one is under way, its lease
    attempts    integer not null default 0,
    reason      text,
    media_id    text,
    uploaded_at timestamptz,
    primary key (org_id, account_id, document_id)
);
create index uploads_due on uploads (org_id, due_at) where open;

alter table uploads enable row level security;
alter table uploads force row level security;
create policy org on uploads
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select, insert, update, delete on uploads to parley_bot;

-- A message that shows a file waits in state 5 until the provider has it.
alter table outbox
    add column document_id uuid,
    add column media_id text;
create index outbox_document on outbox (org_id, document_id) where document_id is not null;

-- Whether a file may be sent to that customer: it is kept, and theirs, or a photo of an order of
-- theirs. It looks past the rule that the bot sees only the customer who speaks, since a batch has
-- turns of several; in the business of this transaction only.
create function document_reaches(the_org uuid, the_customer uuid, the_document uuid) returns boolean
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select exists (
        select 1 from documents d
         where d.org_id = the_org and d.document_id = the_document and d.state = 'kept'
           and (d.customer_id = the_customer
                or exists (select 1 from order_photos p
                             join orders o on o.org_id = p.org_id and o.order_id = p.order_id
                            where p.org_id = the_org and p.document_id = the_document and p.visible
                              and o.customer_id = the_customer)))
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
$$;
revoke execute on function document_reaches from public;
grant execute on function document_reaches to parley_bot;
