-- Workflows that a business writes itself, dates that change, photos of the work, and estimates to
-- decide on.

-- --- what a status is called ------------------------------------------------------------------

alter table workflow_states
    add column icon text not null default '', -- a sign beside the word, never instead of it
    add constraint workflow_states_names check (jsonb_typeof(names) = 'object');

-- The word for a status in a reader's language: the business's own; none where we have words of
-- our own in every language; else any that the business has given, and at last the bare status.
-- It is looked up for each row of each list: without a sub-select the planner writes the function's
-- expression into the query, where calling it took twice as long as the rest.
create function status_name(workflow text, status text, names jsonb, language text)
    returns text
    immutable parallel safe language sql as $$
    select coalesce(
        nullif(names ->> language, ''),
        case when (workflow, status) not in (
            ('shop', 'processing'), ('shop', 'shipped'), ('shop', 'delivered'),
            ('shop', 'cancelled'), ('repair', 'received'), ('repair', 'in_progress'),
            ('repair', 'waiting_for_parts'), ('repair', 'ready'), ('repair', 'completed'),
            ('job', 'not_started'), ('job', 'in_progress'), ('job', 'quality_check'),
            ('job', 'ready_for_pickup'), ('job', 'completed'))
        then coalesce(nullif(names ->> 'en', ''),
                      jsonb_path_query_first(names, '$.* ? (@ != "")') #>> '{}',
                      replace(status, '_', ' ')) end)
$$;

-- The sign beside a word of the business's own. Beside our words stands our sign, unless the
-- business has one for them.
create function status_icon(icon text, phase text, name text) returns text
    immutable parallel safe language sql as $$
    select coalesce(nullif(icon, ''),
                    case when name is not null
                    then case phase when 'done' then '🟢' when 'cancelled' then '⚪' else '🔵' end
                    end)
$$;

-- The customer's order of that number, as people type it: '#', spaces, case and a missing prefix of
-- letters do not matter; when two fit, the one that is exactly so, then the newest.
create function order_typed(the_org uuid, the_customer uuid, typed text) returns uuid
    stable parallel safe language sql as $$
    with asked as materialized (
        select upper(regexp_replace(left(typed, 100), '[^[:alnum:]]', '', 'g')) as key
    )
    select o.order_id
      from asked a
      join orders o
        on o.number_key = a.key
        or ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') in (a.key, o.number_key)
           and ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
               = ltrim(a.key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
     where a.key <> '' and o.org_id = the_org and o.customer_id = the_customer
     order by o.number_key = a.key desc, o.placed_at desc, o.order_id desc
     limit 1
$$;

-- --- dates ------------------------------------------------------------------------------------

-- Whoever moves `expected_at` keeps here what was promised before, and when it was moved.
alter table orders
    add column expected_was timestamptz,
    add column expected_changed_at timestamptz;

-- --- photos -----------------------------------------------------------------------------------

-- Damage is what was there before, completed what is there after. A picture lies in the document
-- store, or at an address that the channel can fetch.
create table order_photos (
    org_id      uuid not null,
    order_id    uuid not null,
    photo_id    uuid not null,
    category    text not null check (category in ('damage', 'progress', 'completed')),
    caption     text not null default '',
    taken_at    timestamptz not null,
    document_id uuid,
    url         text not null default '',
    visible     boolean not null default true,
    primary key (org_id, order_id, photo_id),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);

-- --- estimates --------------------------------------------------------------------------------

-- One row an estimate; who changes it counts `version` up and writes the items of the new one, so
-- that a customer decides on what they were shown or on nothing.
create table estimates (
    org_id          uuid not null,
    order_id        uuid not null,
    estimate_id     uuid not null,
    version         integer not null default 1,
    status          text not null default 'awaiting'
        check (status in ('awaiting', 'approved', 'declined', 'withdrawn')),
    currency        text not null,
    subtotal_minor  bigint not null,
    tax_minor       bigint not null default 0,
    total_minor     bigint not null,
    note            text not null default '',
    issued_at       timestamptz not null,
    expires_at      timestamptz,
    decided_at      timestamptz,
    decided_contact uuid,
    primary key (org_id, order_id, estimate_id),
    foreign key (org_id, order_id) references orders (org_id, order_id),
    check ((status in ('approved', 'declined')) = (decided_at is not null))
);
create unique index estimates_awaiting on estimates (org_id, order_id) where status = 'awaiting';

create table estimate_items (
    org_id      uuid not null,
    order_id    uuid not null,
    estimate_id uuid not null,
    version     integer not null,
    position    smallint not null,
    description text not null,
    qty         numeric(12, 3) not null,
    unit_minor  bigint not null,
    total_minor bigint not null,
    primary key (org_id, order_id, estimate_id, version, position),
    foreign key (org_id, order_id, estimate_id)
        references estimates (org_id, order_id, estimate_id)
);

-- A customer's decision on the estimate of an order, in the version that they saw. The row's lock
-- makes two decisions at once one after the other; the later finds what the earlier left.
create function estimate_decide(the_org uuid, the_customer uuid, the_number text, seen text,
                                decision text, at timestamptz, contact uuid, audit_row uuid)
    returns table (outcome text, number text, decided text, decided_at timestamptz,
                   total_minor bigint, total_currency text)
    language plpgsql as $$
declare
    e estimates;
begin
    select x.* into e
      from estimates x
     where x.org_id = the_org
       and x.order_id = order_typed(the_org, the_customer, the_number)
       and exists (select 1 from orders o
                    where o.org_id = x.org_id and o.order_id = x.order_id
                      and o.customer_id = the_customer)
     order by x.issued_at desc, x.estimate_id desc
     limit 1
       for update;
    if not found or e.status = 'withdrawn' or decision not in ('approved', 'declined') then
        outcome := 'gone';
        return next;
        return;
    end if;
    number := (select o.number from orders o
                where o.org_id = the_org and o.order_id = e.order_id);
    total_minor := e.total_minor;
    total_currency := e.currency;
    if e.status <> 'awaiting' then
        outcome := 'already_decided';
        decided := e.status;
        decided_at := e.decided_at;
    elsif e.version::text is distinct from seen then
        outcome := 'changed';
    elsif e.expires_at <= at then
        outcome := 'expired';
    else
        outcome := decision;
        decided := decision;
        decided_at := at;
        update estimates x
           set status = decision, decided_at = at, decided_contact = contact
         where x.org_id = e.org_id and x.order_id = e.order_id
           and x.estimate_id = e.estimate_id;
        insert into audit (org_id, audit_id, at, actor, action, subject, detail)
        values (the_org, audit_row, at, 'customer', 'estimate.' || decision, number,
                jsonb_build_object('version', e.version, 'total_minor', e.total_minor,
                                   'currency', e.currency, 'contact', contact));
    end if;
    return next;
end
$$;

-- --- parcels ----------------------------------------------------------------------------------

-- A tracking number as people type it: letters and digits only.
alter table shipments add column tracking_key text not null
    generated always as (upper(regexp_replace(tracking_number, '[^[:alnum:]]', '', 'g'))) stored;
drop index shipments_tracking;
create index shipments_tracking on shipments (org_id, tracking_key);

-- A carrier's own page for a number, where the shipment brings no address along.
create function carrier_page(carrier text, tracking_key text) returns text
    immutable parallel safe language sql as $$
    select case regexp_replace(lower(carrier), '[^a-z]', '', 'g')
           when 'ups' then 'https://www.ups.com/track?tracknum='
           when 'fedex' then 'https://www.fedex.com/fedextrack/?trknbr='
           when 'usps' then 'https://tools.usps.com/go/TrackConfirmAction?tLabels='
           when 'dhl' then 'https://www.dhl.com/global-en/home/tracking.html?tracking-id='
           when 'dhlexpress' then 'https://www.dhl.com/global-en/home/tracking.html?tracking-id='
           when 'dpd' then 'https://www.dpdgroup.com/nl/mydpd/my-parcels/search?parcelNumber='
           when 'gls' then 'https://gls-group.com/GROUP/en/parcel-tracking?match='
           when 'inpost' then 'https://inpost.pl/sledzenie-przesylek?number='
           when 'correos' then 'https://www.correos.es/es/es/herramientas/localizador/envios/detalle?tracking-number='
           when 'royalmail' then 'https://www.royalmail.com/track-your-item#/tracking-results/'
           when 'aramex' then 'https://www.aramex.com/track/results?ShipmentNumber='
           end || tracking_key
     where tracking_key ~ '^[A-Z0-9]{6,40}$'
$$;

-- --- whose they are ---------------------------------------------------------------------------

do $$
declare
    t text;
    own text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    foreach t in array array['order_photos', 'estimates', 'estimate_items'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)',
                       t, org, org);
        -- An order is there for the customer whose it is: its own policy says so.
        own := format('exists (select 1 from orders o where o.org_id = %I.org_id'
                      ' and o.order_id = %I.order_id)', t, t);
        if t = 'order_photos' then
            own := 'visible and ' || own;
        end if;
        execute format('create policy own on %I to parley_bot, parley_web'
                       ' using (%s and %s) with check (%s and %s)', t, org, own, org, own);
    end loop;
end
$$;

grant select on order_photos, estimates, estimate_items to parley_bot, parley_web, parley_staff;
grant update (status, decided_at, decided_contact) on estimates to parley_bot;
grant insert, update, delete on order_photos, estimates, estimate_items to parley_staff;
revoke execute on function estimate_decide from public;
grant execute on function estimate_decide to parley_bot;
