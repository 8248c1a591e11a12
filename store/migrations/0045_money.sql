-- Money: what customers owe, and what moved.
--
-- The ledger is the truth. An entry is added and never changed: no role may, and every entry has a
-- cause that is there once, so that what is told twice is booked once. `minor` is what the entry adds
-- to what is owed, in minor units of the invoice's currency: a charge adds, a payment takes away.
-- What is outstanding, paid and available is counted from it whenever it is asked for.
--
-- Locks are taken in one order: the order, the invoice, then what hangs on it.

alter table customers add column credit_limit_minor bigint check (credit_limit_minor >= 0);

create table invoices (
    org_id       uuid not null references businesses,
    invoice_id   uuid not null,
    number       text not null check (number <> ''),
    number_key   text not null -- as people type it
        generated always as (upper(regexp_replace(number, '[^[:alnum:]]', '', 'g'))) stored,
    external_id  text,         -- the CRM's name for it
    customer_id  uuid not null,
    order_id     uuid,
    issued_on    date not null,
    due_on       date,         -- the last day, where the business is
    currency     text not null check (currency ~ '^[A-Z]{3}$'),
    subtotal_minor bigint not null,
    tax_minor      bigint not null default 0,
    shipping_minor bigint not null default 0,
    total_minor    bigint not null check (total_minor between 0 and 99999999999999),
    note         text not null default '',
    voided_at    timestamptz,
    viewed_at    timestamptz,  -- when the customer saw it last
    made_at      timestamptz not null,
    primary key (org_id, invoice_id),
    unique (org_id, number),
    unique (org_id, external_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);
create index invoices_customer on invoices (org_id, customer_id, issued_on desc);
create index invoices_order on invoices (org_id, order_id) where order_id is not null;

create table invoice_lines (
    org_id      uuid not null,
    invoice_id  uuid not null,
    position    smallint not null,
    description text not null,
    qty         numeric(12, 3) not null,
    unit_minor  bigint not null,
    total_minor bigint not null,
    primary key (org_id, invoice_id, position),
    foreign key (org_id, invoice_id) references invoices (org_id, invoice_id)
);

create table ledger (
    org_id      uuid not null,
    entry_id    uuid not null,
    invoice_id  uuid not null,
    customer_id uuid not null,
    kind        text not null check (kind in ('charge', 'payment', 'refund', 'refund_failed', 'dispute',
                                              'dispute_won', 'adjustment')),
    minor       bigint not null check (abs(minor) <= 99999999999999),
    currency    text not null,
    cause       text not null check (cause <> ''),
    at          timestamptz not null,
    primary key (org_id, entry_id),
    unique (org_id, cause),
    foreign key (org_id, invoice_id) references invoices (org_id, invoice_id),
    check (case when kind in ('charge', 'refund', 'dispute') then minor > 0
                when kind in ('payment', 'refund_failed', 'dispute_won') then minor < 0
                else minor <> 0 end)
);
create index ledger_invoice on ledger (org_id, invoice_id, at);
create index ledger_customer on ledger (org_id, customer_id, at);

-- A link to pay with. Its amount is held back from other links until it is surely over.
create table checkouts (
    org_id          uuid not null,
    checkout_id     uuid not null,
    invoice_id      uuid not null,
    customer_id     uuid not null,
    conversation_id uuid,                    -- where it was asked for, and is told
    minor           bigint not null check (minor > 0),
    currency        text not null,
    state           text not null default 'wanted'
        check (state in ('wanted', 'open', 'expired', 'processing', 'failed', 'completed')),
    dropped         boolean not null default false, -- we want it to expire: another is wanted
    after_id        uuid,                    -- the link that has to be over before
    idempotency_key text not null,
    session_id      text,
    payment_intent  text,
    url             text,
    expires_at      timestamptz,             -- settled before Stripe is first asked, so that every try is the same
    reason          text,                    -- why it failed
    to_tell         text check (to_tell in ('open', 'expired', 'failed')), -- the customer has yet to hear it
    made_at         timestamptz not null,
    state_at        timestamptz not null,
    due_at          timestamptz,             -- a worker's next look; none: there is nothing to do
    attempts        integer not null default 0,
    primary key (org_id, checkout_id),
    foreign key (org_id, invoice_id) references invoices (org_id, invoice_id)
);
create index checkouts_due on checkouts (org_id, due_at) where due_at is not null;
create index checkouts_invoice on checkouts (org_id, invoice_id, made_at);
create index checkouts_tell on checkouts (org_id, conversation_id) where to_tell is not null;

-- Money that came, by the provider's id.
create table payments (
    org_id         uuid not null,
    payment_id     uuid not null,
    payment_intent text not null,
    invoice_id     uuid not null,
    customer_id    uuid not null,
    checkout_id    uuid,
    minor          bigint not null check (minor > 0),
    currency       text not null,
    method         text not null default '',
    at             timestamptz not null,
    charge_refunded_minor bigint not null default 0, -- as the charge says; refunds say it one by one
    primary key (org_id, payment_id),
    unique (org_id, payment_intent),
    foreign key (org_id, invoice_id) references invoices (org_id, invoice_id)
);
create index payments_invoice on payments (org_id, invoice_id, at);

create table refunds (
    org_id          uuid not null,
    refund_id       uuid not null,
    payment_intent  text not null,
    invoice_id      uuid not null,
    customer_id     uuid not null,
    cancellation_id uuid,                    -- the approved wish to cancel that it pays back
    cause           text not null,           -- one refund for each
    minor           bigint not null check (minor > 0),
    currency        text not null,
    state           text not null default 'wanted' check (state in ('wanted', 'pending', 'succeeded', 'failed')),
    idempotency_key text not null,
    provider_id     text,
    reason          text,
    made_at         timestamptz not null,
    state_at        timestamptz not null,
    due_at          timestamptz,
    attempts        integer not null default 0,
    primary key (org_id, refund_id),
    unique (org_id, cause),
    unique (org_id, provider_id),
    foreign key (org_id, invoice_id) references invoices (org_id, invoice_id)
);
create index refunds_due on refunds (org_id, due_at) where due_at is not null;
create index refunds_payment on refunds (org_id, payment_intent);
create index refunds_cancellation on refunds (org_id, cancellation_id) where cancellation_id is not null;

create table disputes (
    org_id         uuid not null,
    provider_id    text not null,
    payment_intent text not null,
    invoice_id     uuid not null,
    customer_id    uuid not null,
    minor          bigint not null check (minor > 0),
    currency       text not null,
    reason         text not null default '',
    state          text not null check (state in ('open', 'lost', 'won')),
    state_at       timestamptz not null,
    primary key (org_id, provider_id),
    foreign key (org_id, invoice_id) references invoices (org_id, invoice_id)
);
create index disputes_invoice on disputes (org_id, invoice_id);

-- Stripe's events that were handled.
create table stripe_seen (
    org_id   uuid not null,
    event_id text not null,
    at       timestamptz not null,
    primary key (org_id, event_id)
);
create index stripe_seen_at on stripe_seen using brin (at);

-- What Stripe says of a payment that we have not heard of yet: order is not promised. It names no
-- business, only the payment; ids and amounts, nothing of a person. Looked at when the payment comes.
create table stripe_early (
    payment_intent text not null,
    event_id       text not null,
    event          jsonb not null,
    at             timestamptz not null,
    primary key (payment_intent, event_id)
);
create index stripe_early_at on stripe_early (at);

-- --- who may do what -------------------------------------------------------------------------

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
    customer constant text :=
        'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid';
    own text;
begin
    foreach t in array array['invoices', 'invoice_lines', 'ledger', 'checkouts', 'payments', 'refunds',
                             'disputes'] loop
        own := case when t = 'invoice_lines'
                    then format('exists (select 1 from invoices i where i.org_id = %I.org_id'
                                ' and i.invoice_id = %I.invoice_id)', t, t)
                    else customer end;
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)', t, org, org);
        execute format('create policy own on %I for select to parley_bot, parley_web using (%s and %s)',
                       t, org, own);
        execute format('grant select on %I to parley_bot, parley_web, parley_staff', t);
    end loop;
    execute format('alter table stripe_seen enable row level security');
    execute format('alter table stripe_seen force row level security');
    execute format('create policy org on stripe_seen to parley_staff using (%s) with check (%s)', org, org);
    alter table stripe_early enable row level security;
    alter table stripe_early force row level security;
    create policy all_of_it on stripe_early to parley_staff using (true) with check (true);
end
$$;
-- What moves money are the functions below and of 0046. The ledger is only ever added to, whoever asks;
-- conversations make links to pay by one function, and write nothing else.
grant insert on ledger to parley_staff;
grant insert, update on invoices, checkouts, payments, refunds, disputes to parley_staff;
grant insert, delete on invoice_lines to parley_staff;
grant select, insert, delete on stripe_seen to parley_staff;
grant select, insert, delete on stripe_early to parley_staff;

-- --- days --------------------------------------------------------------------------------------

-- The business's day at a time, and a day's noon there, which is that day for nearly every reader.
create function business_day(zone text, at timestamptz) returns date stable language sql as $$
    select (at at time zone zone_or_utc(zone))::date
$$;
create function business_noon(day date, zone text) returns timestamptz stable language sql as $$
    select (day + time '12:00') at time zone zone_or_utc(zone)
$$;

-- --- the ledger ------------------------------------------------------------------------------

-- Add an entry; false when its cause is booked already. The invoice is locked by the caller. Refuses
-- (22003) what an int64 does not hold.
-- Links are trimmed to what is left.
create function ledger_add(the_org uuid, the_invoice uuid, the_kind text, the_minor bigint,
                                      the_cause text, the_at timestamptz) returns boolean
    volatile language plpgsql as $$
declare
    i invoices;
begin
    select * into strict i from invoices x where x.org_id = the_org and x.invoice_id = the_invoice;
    insert into ledger (org_id, entry_id, invoice_id, customer_id, kind, minor, currency, cause, at)
    values (the_org, gen_random_uuid(), the_invoice, i.customer_id, the_kind, the_minor, i.currency, the_cause,
            the_at)
        on conflict (org_id, cause) do nothing;
    if not found then
        return false;
    end if;
    perform coalesce(sum(e.minor), 0)::bigint from ledger e -- out of range is an error here
      where e.org_id = the_org and e.invoice_id = the_invoice;
    if i.order_id is not null and the_kind not in ('charge', 'adjustment') then
        update orders o
           set paid_minor = greatest(p.paid, 0)
          from (select coalesce(-sum(e.minor), 0)::bigint as paid
                  from invoices x join ledger e on e.org_id = x.org_id and e.invoice_id = x.invoice_id
                 where x.org_id = the_org and x.order_id = i.order_id and x.currency = i.currency
                   and e.kind not in ('charge', 'adjustment')) p
         where o.org_id = the_org and o.order_id = i.order_id and o.currency = i.currency
           and o.paid_minor is distinct from greatest(p.paid, 0);
    end if;
    if the_minor < 0 then
        perform checkouts_trim(the_org, the_invoice, the_at);
    end if;
    return true;
end
$$;

-- --- the only way in -------------------------------------------------------------------------

-- An invoice as the business has it now. The first time it is charged; later only the difference of
-- its total is, under the cause that the caller gives (an event's id), so repeating changes nothing.
-- `the_lines`: [{"description", "qty" (text or number), "unit_minor", "total_minor"}]. `voided`: it is
-- not to be paid any more; what was paid stays on the books until it is paid back.
-- Found by the CRM's id, where there is one, else by number. Outcomes: made, changed, same; refused and
-- nothing done: customer (it is another customer's, or none of this business), order (likewise),
-- currency (it can't change once charged), number (another invoice has it), amount, void (it comes back
-- from the void). For who acts for the business, so with the rights of parley_staff.
create function invoice_put(the_org uuid, the_customer uuid, the_external_id text, the_number text,
                            the_order uuid, issued date, due date, the_currency text, subtotal bigint,
                            tax bigint, shipping bigint, total bigint, the_note text, the_lines jsonb,
                            voided boolean, the_cause text, at timestamptz,
                            out outcome text, out invoice_id uuid)
    volatile language plpgsql as $$
declare
    i invoices;
    charged bigint;
begin
    if not exists (select from customers c where c.org_id = the_org and c.customer_id = the_customer) then
        outcome := 'customer';
        return;
    end if;
    if the_order is not null then
        perform from orders o where o.org_id = the_org and o.order_id = the_order
            and o.customer_id = the_customer for no key update;
        if not found then
            outcome := 'order';
            return;
        end if;
    end if;
    if total is null or total not between 0 and 99999999999999 or coalesce(the_currency, '') !~ '^[A-Z]{3}$' then
        outcome := 'amount';
        return;
    end if;
    -- Two that bring the same new invoice at once: one of them waits here.
    perform pg_advisory_xact_lock(hashtextextended('invoice/' || the_org || '/' || the_number, 0));
    select * into i from invoices x
     where x.org_id = the_org
       and case when the_external_id is not null and exists (
                    select from invoices y where y.org_id = the_org and y.external_id = the_external_id)
                then x.external_id = the_external_id else x.number = the_number end
       for update;
    if i.invoice_id is null then
        invoice_id := gen_random_uuid();
        insert into invoices (org_id, invoice_id, number, external_id, customer_id, order_id, issued_on, due_on,
                              currency, subtotal_minor, tax_minor, shipping_minor, total_minor, note, made_at)
        values (the_org, invoice_id, the_number, the_external_id, the_customer, the_order, issued, due,
                the_currency, coalesce(subtotal, total), coalesce(tax, 0), coalesce(shipping, 0), total,
                coalesce(the_note, ''), at);
        outcome := 'made';
        if total > 0 then
            perform ledger_add(the_org, invoice_id, 'charge', total, 'charge:' || invoice_id, at);
        end if;
    else
        invoice_id := i.invoice_id;
        if i.customer_id <> the_customer then
            outcome := 'customer';
            return;
        elsif i.currency <> the_currency then
            outcome := 'currency';
            return;
        elsif i.voided_at is not null and not coalesce(voided, false) then
            outcome := 'void';
            return;
        elsif i.number <> the_number and exists (select from invoices y where y.org_id = the_org
                                                   and y.number = the_number) then
            outcome := 'number';
            return;
        end if;
        update invoices x
           set number = the_number, external_id = coalesce(the_external_id, x.external_id),
               order_id = coalesce(the_order, x.order_id), issued_on = issued, due_on = due,
               subtotal_minor = coalesce(subtotal, total), tax_minor = coalesce(tax, 0),
               shipping_minor = coalesce(shipping, 0), total_minor = total, note = coalesce(the_note, '')
         where x.org_id = the_org and x.invoice_id = i.invoice_id
           and (x.number, x.external_id, x.order_id, x.issued_on, x.due_on, x.subtotal_minor, x.tax_minor,
                x.shipping_minor, x.total_minor, x.note)
               is distinct from
               (the_number, coalesce(the_external_id, x.external_id), coalesce(the_order, x.order_id), issued,
                due, coalesce(subtotal, total), coalesce(tax, 0), coalesce(shipping, 0), total,
                coalesce(the_note, ''));
        outcome := case when found then 'changed' else 'same' end;
        select coalesce(sum(e.minor), 0)::bigint into charged from ledger e
         where e.org_id = the_org and e.invoice_id = i.invoice_id and e.kind in ('charge', 'adjustment');
        if i.voided_at is null and not coalesce(voided, false) and total <> charged then
            perform ledger_add(the_org, i.invoice_id, 'adjustment', total - charged,
                               'adjustment:' || coalesce(nullif(the_cause, ''), gen_random_uuid()::text), at);
        end if;
    end if;
    if the_lines is not null then
        delete from invoice_lines l where l.org_id = the_org and l.invoice_id = invoice_put.invoice_id;
        insert into invoice_lines (org_id, invoice_id, position, description, qty, unit_minor, total_minor)
        select the_org, invoice_put.invoice_id, n, coalesce(v ->> 'description', ''),
               coalesce((v ->> 'qty')::numeric, 1), coalesce((v ->> 'unit_minor')::bigint, 0),
               coalesce((v ->> 'total_minor')::bigint, 0)
          from jsonb_array_elements(the_lines) with ordinality a (v, n)
         limit 500;
    end if;
    if coalesce(voided, false) and i.voided_at is null then
        perform invoice_void(the_org, invoice_id, at);
        outcome := case outcome when 'same' then 'changed' else outcome end;
    end if;
end
$$;

-- It is not to be paid: what was charged is taken back, and links that may still be paid are to expire.
-- The invoice is locked by the caller, or nobody knows it yet.
create function invoice_void(the_org uuid, the_invoice uuid, at timestamptz) returns void
    volatile language plpgsql as $$
declare
    charged bigint;
begin
    update invoices x set voided_at = at
     where x.org_id = the_org and x.invoice_id = the_invoice and x.voided_at is null;
    if not found then
        return;
    end if;
    select coalesce(sum(e.minor), 0)::bigint into charged from ledger e
     where e.org_id = the_org and e.invoice_id = the_invoice and e.kind in ('charge', 'adjustment');
    if charged <> 0 then
        perform ledger_add(the_org, the_invoice, 'adjustment', -charged, 'void:' || the_invoice, at);
    end if;
    update checkouts c set dropped = true, due_at = at
     where c.org_id = the_org and c.invoice_id = the_invoice and c.state in ('wanted', 'open') and not c.dropped;
end
$$;

-- The customer looks at it; true when they had not for a day, and the business's systems hear of it.
create function invoice_viewed(the_org uuid, the_customer uuid, the_invoice uuid, at timestamptz)
    returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    i invoices;
begin
    update invoices x set viewed_at = at
     where x.org_id = the_org and x.invoice_id = the_invoice and x.customer_id = the_customer
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
       and (x.viewed_at is null or x.viewed_at < at - interval '1 day')
    returning * into i;
    if i.invoice_id is null then
        return false;
    end if;
    perform event_out(the_org, 'invoice.viewed', 'invoice/' || i.number, the_customer,
                      jsonb_build_object('invoice_id', i.invoice_id, 'number', i.number), at);
    return true;
end
$$;

revoke execute on function invoice_viewed from public;
grant execute on function invoice_viewed to parley_bot;
