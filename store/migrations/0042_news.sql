-- Two lists that whoever changes something adds to in the same transaction: what the customer is
-- to hear of it, and what the business's other systems are.

-- News for a customer that they did not ask for. Nothing is decided when it is made but what it is:
-- where it goes, and whether at all, is looked at when it is due, since consent, quiet hours and
-- windows may be others by then. What became of it stays here.
create table notices (
    org_id      uuid not null references businesses,
    notice_id   uuid not null,
    customer_id uuid not null,
    topic       text not null check (topic in ('', 'orders', 'deliveries', 'cancellations', 'estimates',
                                               'payments', 'reviews', 'offers')), -- '': needs no consent
    kind        text not null check (kind ~ '^[a-z_]{1,40}$'), -- which words tell it
    cause       text not null default '',  -- those of one cause are one message
    order_id    uuid,
    detail      jsonb not null default '{}' check (jsonb_typeof(detail) = 'object'),
    made_at     timestamptz not null,
    due_at      timestamptz not null,
    state       text not null default 'waiting'
        check (state in ('waiting', 'placed', 'told', 'replaced', 'unwanted', 'stopped', 'closed', 'nowhere')),
    state_at    timestamptz not null,
    conversation_id uuid, -- where it was placed
    seq         bigint,   -- the message that told it
    primary key (org_id, notice_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
) with (fillfactor = 80);
create index notices_due on notices (org_id, due_at) where state = 'waiting';
create index notices_customer on notices (org_id, customer_id, made_at);
create index notices_placed on notices (org_id, conversation_id) where state = 'placed';

-- What goes out to the business's systems. `seq` counts each subject's events in the order of their
-- commits: the subject's row is the lock that makes it so.
create table event_subjects (
    org_id  uuid not null references businesses,
    subject text not null,
    seq     bigint not null,
    primary key (org_id, subject)
) with (fillfactor = 70);

create table events_out (
    org_id      uuid not null references businesses,
    event_id    uuid not null,
    type        text not null check (type ~ '^[a-z_]+(\.[a-z_]+)+$'),
    subject     text not null,
    seq         bigint not null,
    customer_id uuid,
    data        jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
    at          timestamptz not null,
    primary key (org_id, event_id),
    unique (org_id, subject, seq)
);
create index events_out_at on events_out (org_id, at, event_id);

-- --- who may do what -------------------------------------------------------------------------

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    foreach t in array array['notices', 'event_subjects', 'events_out'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)', t, org, org);
    end loop;
    execute format('create policy own on notices for select to parley_bot, parley_web using (%s and '
                   'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid)', org);
end
$$;
grant select on notices to parley_bot, parley_web;
grant select, insert, update, delete on notices, event_subjects, events_out to parley_staff;

-- --- adding ----------------------------------------------------------------------------------

-- Something for a customer to hear, not before `due`. The same news that is still waiting (one kind
-- about one order or subject) is replaced: only the newest is told. Null for a customer that this business does
-- not have.
create function notice_make(the_org uuid, the_customer uuid, the_topic text, the_kind text, the_cause text,
                            of_order uuid, the_detail jsonb, due timestamptz, at timestamptz) returns uuid
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    fresh constant uuid := gen_random_uuid();
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid
       or not exists (select from customers c where c.org_id = the_org and c.customer_id = the_customer) then
        return null;
    end if;
    update notices n set state = 'replaced', state_at = at
     where n.org_id = the_org and n.customer_id = the_customer and n.state = 'waiting'
       and n.kind = the_kind and n.order_id is not distinct from of_order
       and n.detail ->> 'number' is not distinct from the_detail ->> 'number';
    insert into notices (org_id, notice_id, customer_id, topic, kind, cause, order_id, detail, made_at, due_at,
                         state_at)
    values (the_org, fresh, the_customer, the_topic, the_kind, coalesce(the_cause, ''), of_order,
            coalesce(the_detail, '{}'), at, greatest(due, at), at);
    return fresh;
end
$$;

-- Something for the business's systems to hear. A subject is "order/ORD-1001", "customer/<id>",
-- "invoice/INV-7": what belongs together arrives in its order.
-- Its number is given later (0050_events_out.sql).
create function event_out(the_org uuid, the_type text, the_subject text, the_customer uuid, the_data jsonb,
                                     at timestamptz) returns uuid
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    fresh constant uuid := gen_random_uuid();
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return null;
    end if;
    insert into events_out (org_id, event_id, type, subject, customer_id, data, at)
    values (the_org, fresh, the_type, the_subject, the_customer, jsonb_strip_nulls(coalesce(the_data, '{}')), at);
    return fresh;
end
$$;

revoke execute on function notice_make, event_out from public;
grant execute on function notice_make, event_out to parley_bot, parley_web, parley_staff;
