-- The spine: who writes to whom, what was said, what is still to be said, and the orders that
-- there are to ask about.
--
-- org_id leads every key, so that the same schema runs distributed by business. Reference tables
-- (directory, flow_versions, unrouted) know no business or point at one without a foreign key.

-- Which business an outside id belongs to: phone number ids, mail domains, API keys.
create table directory (
    kind        text not null,
    external_id text not null,
    org_id      uuid not null,
    account_id  uuid,
    app         text not null default '',
    primary key (kind, external_id)
);

-- Flows and words of one version, as they were read: a conversation finishes on what it began with.
create table flow_versions (
    version    bytea primary key,
    files      bytea not null,
    created_at timestamptz not null default now()
);

-- Deliveries that belong to no business that we know.
create table unrouted (
    unrouted_id uuid primary key,
    received_at timestamptz not null,
    provider    text not null,
    reason      text not null,
    body        bytea not null
);

create table businesses (
    org_id      uuid primary key,
    name        text not null,
    language    text not null default 'en',
    time_zone   text not null default 'UTC',
    currency    text not null,
    country     text not null default '',
    email       text not null default '',
    phone       text not null default '',
    website     text not null default '',
    privacy_url text not null default '',
    settings    jsonb not null default '{}',
    created_at  timestamptz not null default now()
);

-- A number or mailbox that the business sends from; also a lane of the outbox.
create table accounts (
    org_id      uuid not null references businesses,
    account_id  uuid not null,
    channel     text not null,
    external_id text not null,
    address     text not null default '',
    app         text not null default '',
    settings    jsonb not null default '{}',
    primary key (org_id, account_id),
    unique (org_id, channel, external_id)
);

create table customers (
    org_id        uuid not null references businesses,
    customer_id   uuid not null,
    external_id   text,
    name          text not null default '',
    email         text not null default '',
    company       text not null default '',
    language      text,
    time_zone     text,
    portal_access boolean not null default true,
    created_at    timestamptz not null default now(),
    last_seen_at  timestamptz,
    primary key (org_id, customer_id),
    unique (org_id, external_id)
);

-- An address on a channel, as the channel gives it: a WhatsApp one may have no phone number.
-- The row is also the consent: after `stopped_at` nothing but the confirmation leaves.
create table contact_points (
    org_id       uuid not null references businesses,
    contact_id   uuid not null,
    channel      text not null,
    address      text not null,
    phone        text,
    display_name text not null default '',
    customer_id  uuid,
    stopped_at   timestamptz,
    marketing_stopped_at timestamptz,
    created_at   timestamptz not null default now(),
    primary key (org_id, contact_id),
    unique (org_id, channel, address),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
);
create index contact_points_phone on contact_points (org_id, channel, phone);
create index contact_points_customer on contact_points (org_id, customer_id);

-- Numbers that the business has on record: a contact whose channel proves such a number is that
-- customer.
create table customer_phones (
    org_id      uuid not null,
    phone       text not null, -- E.164 with its plus
    customer_id uuid not null,
    primary key (org_id, phone),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
);
create index customer_phones_customer on customer_phones (org_id, customer_id);

create table conversations (
    org_id          uuid not null,
    conversation_id uuid not null,
    account_id      uuid not null,
    contact_id      uuid not null,
    seq             bigint not null default 0,
    state           text not null default '',
    at_rest         boolean not null default true, -- nothing under way: a newer book may take over
    language        text,
    language_settled boolean not null default false,
    last_inbound_at timestamptz,
    last_turn_at    timestamptz,
    held_until      timestamptz, -- a person has it: the bot is silent until then
    primary key (org_id, conversation_id),
    unique (org_id, account_id, contact_id),
    foreign key (org_id, account_id) references accounts (org_id, account_id),
    foreign key (org_id, contact_id) references contact_points (org_id, contact_id)
) with (fillfactor = 70);

-- Deliveries as they came, kept for a while.
create table payloads (
    org_id      uuid not null,
    payload_id  uuid not null,
    received_at timestamptz not null,
    provider    text not null,
    body        bytea not null,
    primary key (org_id, payload_id, received_at)
) partition by range (received_at);
create table payloads_default partition of payloads default;

-- What was said, both ways. (conversation, seq) is the message's id and the key sent with it.
create table messages (
    org_id          uuid not null,
    conversation_id uuid not null,
    seq             bigint not null,
    inbound         boolean not null,
    kind            text not null,
    body            text not null,         -- inbound: the words; outbound: the reply as JSON
    at              timestamptz not null,
    delivery        smallint not null default 0,
    provider_hash   bytea,                 -- of the provider's id, for statuses that carry no key
    provider_id     text,
    error           integer not null default 0,
    reason          text,
    attempts        smallint not null default 0,
    payload_id      uuid,
    cause           bigint,                -- outbound: the seq of the message that it answers
    why             text,                  -- outbound: flow/state that said it
    primary key (org_id, conversation_id, seq),
    foreign key (org_id, conversation_id) references conversations (org_id, conversation_id)
) with (fillfactor = 85);
create index messages_provider on messages (org_id, provider_hash) where provider_hash is not null;

-- Statuses of messages that we do not know yet, by the provider's id.
create table early_statuses (
    org_id        uuid not null,
    provider_hash bytea not null,
    delivery      smallint not null,
    error         integer not null default 0,
    at            timestamptz not null,
    primary key (org_id, provider_hash)
);

-- Deliveries that were handled, by a hash of the provider's id.
create table seen (
    org_id     uuid not null,
    account_id uuid not null,
    hash       bytea not null,
    at         timestamptz not null,
    primary key (org_id, account_id, hash)
);

-- Messages that we have promised to send. Words are in `messages`; the state machine is here:
-- 0 ready, 1 intended (may be on the wire), 2 unknown (waits for a sign until due_at).
create table outbox (
    org_id          uuid not null,
    lane_id         uuid not null,
    conversation_id uuid not null,
    seq             bigint not null,
    priority        smallint not null default 0,  -- 0 conversation, 1 notification, 2 broadcast
    due_at          timestamptz not null,
    state           smallint not null default 0,
    attempt         smallint not null default 0,
    repeats         smallint not null default 0,  -- attempts made after an unknown outcome
    epoch           bigint not null default 0,
    intent_at       timestamptz,
    exempt          boolean not null default false, -- may leave after STOP: its own confirmation
    sealed          bytea,
    primary key (org_id, conversation_id, seq),
    foreign key (org_id, conversation_id, seq) references messages (org_id, conversation_id, seq)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);
create index outbox_due on outbox (org_id, lane_id, priority, due_at);

-- Who sends for an account. One holder at a time; `epoch` fences a sleeper off.
create table lanes (
    org_id      uuid not null,
    lane_id     uuid not null,
    holder      uuid,
    epoch       bigint not null default 0,
    lease_until timestamptz not null default '-infinity',
    stopped_at  timestamptz,
    stopped_why text,
    primary key (org_id, lane_id),
    foreign key (org_id, lane_id) references accounts (org_id, account_id)
) with (fillfactor = 50);

-- Timers and other work for later.
create table jobs (
    org_id          uuid not null,
    job_id          uuid not null,
    kind            text not null,
    conversation_id uuid,
    name            text not null default '',
    due_at          timestamptz not null,
    detail          jsonb not null default '{}',
    attempts        smallint not null default 0,
    leased_until    timestamptz,
    primary key (org_id, job_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create index jobs_due on jobs (org_id, due_at);
create index jobs_conversation on jobs (org_id, conversation_id);

-- What could not be handled: kept, explained, replayed by a person.
create table dead_letters (
    org_id      uuid not null,
    dead_id     uuid not null,
    at          timestamptz not null,
    provider    text not null,
    account_id  uuid,
    reason      text not null,
    item        text not null,  -- the provider's id of the item, or the payload's hash
    payload     bytea not null,
    replayed_at timestamptz,
    primary key (org_id, dead_id)
);

create table audit (
    org_id   uuid not null,
    audit_id uuid not null,
    at       timestamptz not null,
    actor    text not null,
    action   text not null,
    subject  text not null default '',
    detail   jsonb not null default '{}',
    chain    bytea,  -- filled in afterwards by one job
    primary key (org_id, audit_id)
);

-- A kind of work and the states that it goes through, as data.
create table workflow_states (
    org_id   uuid not null references businesses,
    workflow text not null,
    status   text not null,
    position smallint not null,
    phase    text not null check (phase in ('active', 'done', 'cancelled')),
    in_transit boolean not null default false,
    progress smallint not null check (progress between 0 and 100),
    names    jsonb not null default '{}', -- by language, where the business uses its own words
    primary key (org_id, workflow, status)
);

create table orders (
    org_id       uuid not null references businesses,
    order_id     uuid not null,
    number       text not null,
    number_key   text not null -- as people are matched who type it: letters and digits only
        generated always as (upper(regexp_replace(number, '[^[:alnum:]]', '', 'g'))) stored,
    customer_id  uuid not null,
    workflow     text not null default 'shop',
    status       text not null,
    placed_at    timestamptz not null,
    expected_at  timestamptz,
    delivered_at timestamptz,
    currency     text not null,
    subtotal_minor bigint not null,
    tax_minor      bigint not null default 0,
    shipping_minor bigint not null default 0,
    total_minor    bigint not null,
    address      text not null default '',
    instructions text not null default '',
    contact      text not null default '',
    progress     smallint,
    version      bigint not null default 0,
    primary key (org_id, order_id),
    unique (org_id, number),
    foreign key (org_id, customer_id) references customers (org_id, customer_id),
    foreign key (org_id, workflow, status) references workflow_states (org_id, workflow, status)
);
create index orders_customer on orders (org_id, customer_id, placed_at desc);

create table order_items (
    org_id      uuid not null,
    order_id    uuid not null,
    position    smallint not null,
    item_code   text not null default '',
    description text not null,
    qty         numeric(12, 3) not null,
    unit_minor  bigint not null,
    total_minor bigint not null,
    primary key (org_id, order_id, position),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);

create table order_events (
    org_id   uuid not null,
    order_id uuid not null,
    event_id uuid not null,
    status   text not null,
    at       timestamptz not null,
    note     text not null default '',
    actor    text not null default '',
    primary key (org_id, order_id, event_id),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);

create table order_notes (
    org_id   uuid not null,
    order_id uuid not null,
    note_id  uuid not null,
    at       timestamptz not null,
    author   text not null default '',
    body     text not null,
    visible  boolean not null,
    primary key (org_id, order_id, note_id),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);

create table shipments (
    org_id          uuid not null,
    order_id        uuid not null,
    shipment_id     uuid not null,
    carrier         text not null,
    tracking_number text not null,
    status          text not null,
    shipped_at      timestamptz,
    expected_at     timestamptz,
    delivered_at    timestamptz,
    url             text not null default '',
    primary key (org_id, order_id, shipment_id),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);
create index shipments_tracking on shipments (org_id, tracking_number);

create table tracking_events (
    org_id      uuid not null,
    order_id    uuid not null,
    shipment_id uuid not null,
    event_id    uuid not null,
    at          timestamptz not null,
    status      text not null,
    place       text not null default '',
    note        text not null default '',
    primary key (org_id, order_id, shipment_id, event_id),
    foreign key (org_id, order_id, shipment_id) references shipments (org_id, order_id, shipment_id)
);
