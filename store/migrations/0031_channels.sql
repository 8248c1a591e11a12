-- SMS and email beside WhatsApp.

-- The last mail of a conversation: the next one to it answers that, so that a mail program shows them
-- together. One row for each conversation by email, and none for the others.
create table mail_threads (
    org_id          uuid not null,
    conversation_id uuid not null,
    message_id      text not null default '', -- with its brackets
    refs            text not null default '', -- those before it, oldest first
    subject         text not null default '',
    primary key (org_id, conversation_id)
) with (fillfactor = 80);

alter table mail_threads enable row level security;
alter table mail_threads force row level security;
create policy org on mail_threads
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select, insert, update on mail_threads to parley_bot;
grant select on mail_threads to parley_staff;

-- Whose address of mail this is, if exactly one customer's: one that the business has on record, or
-- that its owner has proved. What somebody typed when they registered proves nothing. The look past
-- row-level security is for this one question.
create function customer_by_mail(the_org uuid, address text) returns uuid
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select case when count(*) = 1 then min(c.customer_id::text)::uuid end
      from customers c
     where c.org_id = the_org and c.email <> '' and lower(c.email) = lower(address)
       and (c.email_verified_at is not null or c.external_id is not null)
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
$$;
revoke execute on function customer_by_mail from public;
grant execute on function customer_by_mail to parley_bot;
