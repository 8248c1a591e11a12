-- Papers that we make: confirmations, invoices, receipts. A row is the wish for one, written in the turn
-- that asked; a worker draws it, keeps the file, and the conversation gets it. Papers are drawn from the
-- data each time they are wanted, so an old one is never shown for the new.
create table papers (
    org_id      uuid not null,
    paper_id    uuid not null,
    customer_id uuid not null,
    conversation_id uuid not null,
    kind        text not null check (kind in ('order', 'invoice', 'receipt')),
    subject     text not null,              -- the order's or invoice's number; a payment's id
    language    text not null,
    state       text not null default 'wanted' check (state in ('wanted', 'kept', 'told', 'failed')),
    document_id uuid,
    due_at      timestamptz not null,       -- the next attempt; while one is under way, its lease
    attempts    integer not null default 0,
    reason      text,
    made_at     timestamptz not null,
    primary key (org_id, paper_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
);
create index papers_due on papers (org_id, due_at) where state = 'wanted';
create index papers_customer on papers (org_id, customer_id, made_at);

alter table papers enable row level security;
alter table papers force row level security;
create policy org on papers
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select, insert, update on papers to parley_bot;
grant select on papers to parley_staff;

-- The business's logo for papers: a kept PNG.
alter table businesses add column logo_id uuid;
grant update (logo_id) on businesses to parley_staff;

-- A wish for a paper. Outcomes: making; gone (no such thing of this customer's); too_many (as many as
-- anybody reads in an hour).
-- A document of the CRM's may be sent to whom it is for, as every file of theirs
-- (document_reaches: by its customer). Of "documents" in the chat, one of these is there already.
create function paper_ask(the_org uuid, the_customer uuid, wish text, the_language text, of_conversation uuid,
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

-- Nothing that runs for the web view says news or events yet.
revoke execute on function
    notice_make(uuid, uuid, text, text, text, uuid, jsonb, timestamptz, timestamptz),
    event_out(uuid, text, text, uuid, jsonb, timestamptz) from parley_web;
