-- What customers send as files, and what they report with them.
--
-- A document is a row from the transaction of the turn that it came in, in the state `wanted`; its
-- bytes are fetched afterwards and lie in the document store under their own hash. `open` says that
-- something is still to be done: fetch it, or tell that it could not be kept.

create table documents (
    org_id          uuid not null references businesses,
    document_id     uuid not null,
    conversation_id uuid not null,
    account_id      uuid not null,              -- the number that it came to: its token fetches it
    customer_id     uuid,                       -- none: nobody that we know
    handle          text not null,              -- the provider's
    kind            text not null,              -- as the channel calls it: image, document, voice
    caption         text not null default '',
    filename        text not null default '',
    claimed_sha256  bytea,
    at              timestamptz not null,
    expires_at      timestamptz not null,       -- the handle's end
    state           text not null default 'wanted'
        check (state in ('wanted', 'storing', 'kept', 'refused', 'lost', 'gone')),
    open            boolean not null default true,
    due_at          timestamptz not null,       -- the next attempt; while one is under way, its lease
    attempts        integer not null default 0,
    reason          text,                       -- why not kept, or why not yet
    sha256          bytea,
    size            bigint,
    mime            text,                       -- by content
    width           integer,
    height          integer,
    kept_at         timestamptz,
    primary key (org_id, document_id),
    unique (org_id, conversation_id, handle),
    foreign key (org_id, conversation_id) references conversations (org_id, conversation_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
);
create index documents_due on documents (org_id, due_at) where open;
create index documents_kept on documents (org_id, at) where state = 'kept';
create index documents_sha256 on documents (org_id, sha256) where sha256 is not null;

create table tickets (
    org_id          uuid not null references businesses,
    ticket_id       uuid not null,
    number          text not null,              -- T-BCDF-GHJK
    customer_id     uuid not null,
    conversation_id uuid,                       -- where it is answered
    order_id        uuid,
    kind            text not null check (kind in
        ('damaged', 'missing', 'wrong_items', 'delayed', 'quality', 'other', 'invoice')),
    description     text not null,
    contact_email   text not null default '',
    contact_phone   text not null default '',
    status          text not null default 'open' check (status in ('open', 'answered', 'closed')),
    created_at      timestamptz not null,
    due_at          timestamptz not null,       -- the promise: an answer by then
    answered_at     timestamptz,
    closed_at       timestamptz,
    primary key (org_id, ticket_id),
    unique (org_id, number),
    foreign key (org_id, customer_id) references customers (org_id, customer_id),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);
create index tickets_customer on tickets (org_id, customer_id, created_at desc);
create index tickets_waiting on tickets (org_id, due_at) where status = 'open';

create table ticket_documents (
    org_id      uuid not null,
    ticket_id   uuid not null,
    document_id uuid not null,
    position    smallint not null,
    primary key (org_id, ticket_id, document_id),
    foreign key (org_id, ticket_id) references tickets (org_id, ticket_id),
    foreign key (org_id, document_id) references documents (org_id, document_id)
);
create index ticket_documents_document on ticket_documents (org_id, document_id);

-- What was said about a ticket after it was opened.
create table ticket_answers (
    org_id    uuid not null,
    ticket_id uuid not null,
    answer_id uuid not null,
    at        timestamptz not null,
    author    text not null,
    body      text not null,
    primary key (org_id, ticket_id, answer_id),
    foreign key (org_id, ticket_id) references tickets (org_id, ticket_id)
);

-- --- whose rows each may see -------------------------------------------------------------------

do $$
declare
    t text;
    own text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
    customer constant text :=
        'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid';
begin
    foreach t in array array['tickets', 'ticket_documents', 'ticket_answers'] loop
        own := case when t = 'tickets' then customer
                    else format('exists (select 1 from tickets k where k.org_id = %I.org_id'
                                ' and k.ticket_id = %I.ticket_id)', t, t) end;
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)',
                       t, org, org);
        execute format('create policy own on %I to parley_bot, parley_web'
                       ' using (%s and %s) with check (%s and %s)', t, org, own, org, own);
    end loop;

    -- Files come before it is known whose they are, and are fetched in nobody's name: where no
    -- customer is set, the bot sees those of the business; in a customer's turn only theirs.
    alter table documents enable row level security;
    alter table documents force row level security;
    execute format('create policy org on documents to parley_staff using (%s) with check (%s)',
                   org, org);
    execute format('create policy own on documents to parley_web using (%s and %s)', org, customer);
    execute format('create policy turn on documents to parley_bot'
                   ' using (%s and (nullif(current_setting(''parley.customer_id'', true), '''') is null'
                   ' or %s)) with check (%s)', org, customer, org);
end
$$;

grant select, insert, update on documents to parley_bot;
grant select, insert on tickets, ticket_documents to parley_bot;
grant select on ticket_answers to parley_bot;
grant select, insert on tickets, ticket_documents to parley_web;
grant select on documents, ticket_answers to parley_web;
grant select, update on documents, tickets to parley_staff;
grant select on ticket_documents to parley_staff;
grant select, insert on ticket_answers to parley_staff;

-- --- tickets -----------------------------------------------------------------------------------

-- Eight consonants in two groups: easily read aloud, never a word, and too many to be guessed.
create function ticket_number() returns text
    language sql volatile set search_path = pg_catalog, public, pg_temp as $$
    select 'T-' || string_agg(case when i = 9 then '-' else '' end ||
                              substr('BCDFGHJKMNPQRSTVWXZ', 1 + get_byte(random, i) % 19, 1), ''
                              order by i)
      from (select uuid_send(gen_random_uuid()) as random) r, unnest(array[1, 2, 3, 4, 9, 10, 11, 12]) i
$$;

-- The files of a conversation that carry these handles, to a ticket, in the order they were sent;
-- never more than `most` in all.
create function ticket_take_files(org uuid, ticket uuid, conversation uuid, handles text, most integer)
    returns integer
    language sql volatile set search_path = pg_catalog, public, pg_temp as $$
    with there as (
        select count(*)::int as n from ticket_documents t where t.org_id = org and t.ticket_id = ticket
    ), taken as (
        insert into ticket_documents (org_id, ticket_id, document_id, position)
        select org, ticket, d.document_id, there.n + row_number() over (order by h.i)
          from there, unnest(string_to_array(handles, ',')) with ordinality h (handle, i)
          join documents d on d.org_id = org and d.conversation_id = conversation and d.handle = h.handle
         where not exists (select 1 from ticket_documents t
                            where t.org_id = org and t.ticket_id = ticket and t.document_id = d.document_id)
         order by h.i
         limit greatest(most - (select n from there), 0)
            on conflict do nothing
        returning 1
    )
    select count(*)::int from taken
$$;

-- Open a ticket. Outcomes: opened; twice (the same was just reported: that one's number);
-- too_many (as many as the business takes from one customer a day); no_order; bad_email;
-- unknown (nobody that we know).
create function ticket_open(org uuid, customer uuid, order_number text, what text, story text, email text,
                            handles text, id uuid, conversation uuid, contact uuid, now timestamptz,
                            out outcome text, out ticket text, out files integer, out lost integer,
                            out due_at timestamptz)
    language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_variable
declare
    ordered uuid;
    lately integer;
    wish jsonb;
begin
    files := 0;
    lost := 0;
    select b.settings into wish from businesses b where b.org_id = org;
    if customer is null then
        outcome := 'unknown';
        return;
    end if;
    if coalesce(email, '') <> '' and
       (length(email) > 254 or email !~ '^[^@[:space:]<>"]+@[^@[:space:]<>"]+\.[^@[:space:]<>".]{2,}$') then
        outcome := 'bad_email';
        return;
    end if;
    if coalesce(order_number, '') <> '' then
        select o.order_id into ordered from orders o
         where o.org_id = org and o.customer_id = customer and o.number = order_number;
        if ordered is null then
            outcome := 'no_order';
            return;
        end if;
    end if;
    select k.number, k.due_at into ticket, due_at from tickets k
     where k.org_id = org and k.customer_id = customer and k.created_at > now - interval '1 hour'
       and k.order_id is not distinct from ordered and k.kind = what and k.description = story
       and k.status <> 'closed'
     limit 1;
    if ticket is not null then
        outcome := 'twice';
        return;
    end if;
    select count(*) into lately from tickets k
     where k.org_id = org and k.customer_id = customer and k.created_at > now - interval '24 hours';
    if lately >= coalesce(substring(wish->>'tickets_a_day' from '^[0-9]{1,6}$')::int, 10) then
        outcome := 'too_many';
        return;
    end if;
    due_at := now + interval '24 hours';
    loop
        ticket := ticket_number();
        insert into tickets (org_id, ticket_id, number, customer_id, conversation_id, order_id, kind,
                             description, contact_email, contact_phone, created_at, due_at)
        values (org, id, ticket, customer, conversation, ordered, what, story, coalesce(email, ''),
                coalesce((select p.phone from contact_points p
                           where p.org_id = org and p.contact_id = contact), ''), now, due_at)
            on conflict on constraint tickets_org_id_number_key do nothing;
        exit when found;
    end loop;
    perform ticket_take_files(org, id, conversation, handles, 5);
    select count(*) filter (where d.state not in ('refused', 'lost')),
           count(*) filter (where d.state in ('refused', 'lost')) into files, lost
      from ticket_documents t join documents d on d.org_id = t.org_id and d.document_id = t.document_id
     where t.org_id = org and t.ticket_id = id;
    outcome := 'opened';
end
$$;

-- More files for a ticket. Outcomes: attached, closed, full, not_found.
create function ticket_attach(org uuid, customer uuid, ticket text, handles text, conversation uuid,
                              out outcome text, out files integer)
    language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_variable
declare
    id uuid;
    stands text;
begin
    files := 0;
    select k.ticket_id, k.status into id, stands from tickets k
     where k.org_id = org and k.customer_id = customer and k.number = ticket;
    if id is null then
        outcome := 'not_found';
    elsif stands = 'closed' then
        outcome := 'closed';
    else
        files := ticket_take_files(org, id, conversation, handles, 20);
        outcome := case when files > 0 then 'attached' else 'full' end;
    end if;
end
$$;

revoke execute on function ticket_number(), ticket_take_files(uuid, uuid, uuid, text, integer),
    ticket_open(uuid, uuid, text, text, text, text, text, uuid, uuid, uuid, timestamptz),
    ticket_attach(uuid, uuid, text, text, uuid) from public;
grant execute on function ticket_number(), ticket_take_files(uuid, uuid, uuid, text, integer),
    ticket_open(uuid, uuid, text, text, text, text, text, uuid, uuid, uuid, timestamptz),
    ticket_attach(uuid, uuid, text, text, uuid) to parley_bot, parley_web, parley_staff;
