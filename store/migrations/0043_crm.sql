-- What a business's CRM tells of its customers and orders: bot/intake_crm.c, store/sql/crm.sql.
--
-- Events come more than once and in any order, and end the same: each is taken once (crm_seen), of
-- a subject's states the newest stands (crm_subjects), and what speaks of something that is not
-- there yet waits for it (crm_waiting). A business's events are taken one batch after the other.

-- A row, an event: a hash of its source and id. Kept longer than any sender repeats.
create table crm_seen (
    org_id uuid not null references businesses,
    hash   uuid not null,
    at     timestamptz not null,
    primary key (org_id, hash)
);
create index crm_seen_at on crm_seen using brin (at);

-- The newest state of each customer, order, shipment, photo. Between two of one version the hash
-- decides, so that it does not matter which came first.
create table crm_subjects (
    org_id      uuid not null references businesses,
    kind        text not null,
    external_id text not null,
    version     bigint not null,
    tie         uuid not null,
    primary key (org_id, kind, external_id)
) with (fillfactor = 80);

-- Events that speak of what is not there yet.
create table crm_waiting (
    org_id     uuid not null references businesses,
    needs_kind text not null,
    needs_id   text not null,
    hash       uuid not null,
    at         timestamptz not null,
    event      jsonb not null,
    primary key (org_id, needs_kind, needs_id, hash)
);
create index crm_waiting_at on crm_waiting (org_id, at);

-- What an order's events said of its status and date, older ones too: the timeline is made of all
-- of them, so that it does not matter in which order they came.
create table crm_order_states (
    org_id      uuid not null,
    order_id    uuid not null,
    version     bigint not null,
    tie         uuid not null,
    status      text not null,
    at          timestamptz not null, -- since when it has had this status
    said_at     timestamptz not null,
    expected_at timestamptz,
    primary key (org_id, order_id, version, tie),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);

-- How the CRM calls them.
alter table orders add column external_id text;
create unique index orders_external on orders (org_id, external_id) where external_id is not null;

-- What was said of the parcel itself; its tracking events may be newer.
alter table shipments
    add column external_id text,
    add column said_status text,
    add column said_at timestamptz,
    add column said_delivered_at timestamptz;
create unique index shipments_external on shipments (org_id, external_id) where external_id is not null;

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    foreach t in array array['crm_seen', 'crm_subjects', 'crm_waiting', 'crm_order_states'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)', t, org, org);
    end loop;
end
$$;
grant select, insert, update, delete on crm_seen, crm_subjects, crm_waiting, crm_order_states to parley_staff;
grant insert on dead_letters to parley_staff;

-- An event as webhooks/crm_event.c writes it. `i` is its place in the batch; -1 had waited.
create type crm_event as (i int4, hash uuid, type text, subject text, version int8, cause text,
                          at timestamptz, data jsonb);

-- What became of one: kept, older, repeated, waiting, ignored, refused, foreign; where it is
-- refused, what is wrong with which member.
create type crm_outcome as (i int4, hash uuid, outcome text, path text, expected text, got text);

-- --- parts -----------------------------------------------------------------------------------

-- Our id for what the CRM calls so: always the same one.
create function crm_id(the_org uuid, kind text, external_id text) returns uuid
    immutable parallel safe language sql as $$
    select md5('parley.crm ' || the_org || ' ' || kind || ' ' || external_id)::uuid
$$;

-- An instant, as words take it. What a CRM did not say is left out of the news of it, and does not stand
-- there as an empty time.
create function crm_time(at timestamptz) returns jsonb immutable parallel safe language sql as $$
    select case when at is not null
                then jsonb_build_object('time', (extract(epoch from at) * 1000000)::int8::text) end
$$;

-- Of these events about subjects of a kind, those that are newer than what is known; a subject's
-- newest only.
create function crm_newest(the_org uuid, the_kind text, events crm_event[]) returns crm_event[]
    volatile language plpgsql as $$
declare
    newer text[];
begin
    with best as materialized (
        select distinct on (e.subject) e.subject, e.version, e.hash
          from unnest(events) e
         order by e.subject, e.version desc, e.hash desc
    ), won as (
        insert into crm_subjects as s (org_id, kind, external_id, version, tie)
        select the_org, the_kind, b.subject, b.version, b.hash from best b
            on conflict (org_id, kind, external_id) do update
           set version = excluded.version, tie = excluded.tie
         where (excluded.version, excluded.tie) > (s.version, s.tie)
        returning s.external_id
    )
    select array_agg(w.external_id) into newer from won w;
    return crm_newest_of(events, newer);
end
$$;

-- What waited for these.
create function crm_released(the_org uuid, the_kind text, ids text[]) returns crm_event[]
    volatile language plpgsql as $$
declare
    released crm_event[];
begin
    with gone as (
        delete from crm_waiting w
         where w.org_id = the_org and w.needs_kind = the_kind and w.needs_id = any (ids)
        returning w.event
    )
    select array_agg(jsonb_populate_record(null::crm_event, g.event || '{"i": -1}')) into released from gone g;
    return coalesce(released, '{}');
end
$$;

-- These wait; 20,000 of a business at most.
create function crm_wait(the_org uuid, the_kind text, member text, events crm_event[], at timestamptz)
    returns crm_outcome[] volatile language plpgsql as $$
declare
    many boolean;
    outcomes crm_outcome[];
begin
    if cardinality(events) = 0 then
        return '{}';
    end if;
    select count(*) >= 20000 into many
      from (select 1 from crm_waiting w where w.org_id = the_org limit 20000) w;
    insert into crm_waiting (org_id, needs_kind, needs_id, hash, at, event)
    select the_org, the_kind, e.data ->> member, e.hash, crm_wait.at, to_jsonb(e)
      from unnest(events) e
     where not many
        on conflict do nothing;
    select array_agg((e.i, e.hash, case when many then 'refused' else 'waiting' end, 'data.' || member,
                      'one that is there: too much waits already', to_jsonb(e.data ->> member)::text)::crm_outcome)
      into outcomes from unnest(events) e;
    return outcomes;
end
$$;

-- The customer is to hear of it, unless it is old (it happened more than a day ago) or they have
-- heard the same of this order lately. News of one cause is due together.
-- What ends an order also begins its review (0051_reviews.sql); news is told in the order in which things
-- happen.
create function crm_tell(the_org uuid, the_customer uuid, the_topic text, the_kind text, the_cause text,
                         of_order uuid, the_detail jsonb, happened timestamptz, at timestamptz) returns void
    volatile language plpgsql as $$
declare
    due timestamptz := at;
    parcel constant text := the_detail ->> 'tracking_number';
begin
    if of_order is not null then
        perform review_due(the_org, of_order, happened); -- an order that is done; others are passed over
    end if;
    if happened < at - interval '1 day'
       or the_kind = 'shipped' and crm_overtaken(the_org, the_customer, of_order, parcel, at)
       or the_kind in ('shipped', 'delivered', 'out_for_delivery') and exists (
           select from notices n
            where n.org_id = the_org and n.customer_id = the_customer and n.order_id = of_order
              and n.kind = the_kind and n.state <> 'replaced'
              and n.made_at > at - case the_kind when 'out_for_delivery' then interval '8 hours'
                                   else interval '3 days' end
              and case when parcel is null then true
                       when n.detail ->> 'tracking_number' is null then n.state <> 'waiting' -- this one says more
                       else n.detail ->> 'tracking_number' = parcel end) then
        return;
    end if;
    if the_kind in ('out_for_delivery', 'delivered') then
        update notices n set state = 'replaced', state_at = at
         where n.org_id = the_org and n.customer_id = the_customer and n.order_id = of_order
           and n.kind = 'shipped' and n.state in ('waiting', 'placed') and n.template is null
           and n.made_at > at - interval '14 days'
           and coalesce(n.detail ->> 'tracking_number' = parcel, true);
    end if;
    if the_cause is not null then
        select coalesce(min(n.due_at), at + interval '5 seconds') into due
          from notices n
         where n.org_id = the_org and n.customer_id = the_customer and n.cause = the_cause
           and n.state = 'waiting' and n.due_at > at;
    end if;
    perform notice_make(the_org, the_customer, the_topic, the_kind, the_cause, of_order, jsonb_strip_nulls(the_detail), due, at);
end
$$;

-- --- customers -------------------------------------------------------------------------------

create function crm_customers(the_org uuid, events crm_event[], out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    ready crm_event[];
    newest crm_event[];
begin
    select array_agg((e.i, e.hash, 'refused', 'data.time_zone', 'a time zone of IANA''s list: Europe/Warsaw',
                      (e.data -> 'time_zone')::text)::crm_outcome) into outcomes
      from unnest(events) e
     where e.data ? 'time_zone' and zone_or_utc(e.data ->> 'time_zone') <> e.data ->> 'time_zone';
    select coalesce(array_agg(e), '{}') into ready
      from unnest(events) e
     where not exists (select from unnest(outcomes) o where o.hash = e.hash);
    newest := crm_newest(the_org, 'customer', ready);
    insert into customers as c (org_id, customer_id, external_id, name, email, company, language, time_zone,
                                portal_access)
    select the_org, crm_id(the_org, 'customer', e.subject), e.subject, coalesce(e.data ->> 'name', ''),
           coalesce(e.data ->> 'email', ''), coalesce(e.data ->> 'company', ''), e.data ->> 'language',
           e.data ->> 'time_zone', coalesce((e.data ->> 'portal_access')::boolean, true)
      from unnest(newest) e
        on conflict (org_id, external_id) do update
       set name = excluded.name, email = excluded.email, company = excluded.company,
           email_verified_at = case when c.email = excluded.email then c.email_verified_at end,
           language = coalesce(excluded.language, c.language),
           time_zone = coalesce(excluded.time_zone, c.time_zone), portal_access = excluded.portal_access;
    delete from customer_phones p
     using customers c, unnest(newest) e
     where c.org_id = the_org and c.external_id = e.subject
       and p.org_id = the_org and p.customer_id = c.customer_id
       and not coalesce(e.data -> 'phones', '[]') ? p.phone;
    insert into customer_phones as p (org_id, phone, customer_id)
    select distinct on (n.phone) the_org, n.phone, c.customer_id
      from unnest(newest) e
      join customers c on c.org_id = the_org and c.external_id = e.subject
     cross join jsonb_array_elements_text(coalesce(e.data -> 'phones', '[]')) n (phone)
     order by n.phone, e.version desc, e.hash desc
        on conflict (org_id, phone) do update set customer_id = excluded.customer_id
     where p.customer_id <> excluded.customer_id;
    outcomes := coalesce(outcomes, '{}') || crm_verdicts(ready, newest);
end
$$;

-- --- orders ----------------------------------------------------------------------------------

-- An order's timeline and what was promised before, made anew from all that was said of it.
create function crm_timeline(the_org uuid, touched uuid[]) returns void volatile language plpgsql as $$
begin
    with steps as (
        select s.*, lag(s.status) over w as before
          from crm_order_states s
         where s.org_id = the_org and s.order_id = any (touched)
        window w as (partition by s.order_id order by s.version, s.tie)
    ), turns as materialized (
        select s.order_id, crm_id(the_org, 'status', s.order_id || ' ' || s.version || ' ' || s.tie) as event_id,
               s.status, s.at
          from steps s
         where s.before is distinct from s.status
           and not exists (select from order_events x
                            where x.org_id = the_org and x.order_id = s.order_id and x.status = s.status
                              and x.actor <> 'crm')
    ), gone as (
        delete from order_events x
         where x.org_id = the_org and x.order_id = any (touched) and x.actor = 'crm'
           and x.event_id <> all (array(select t.event_id from turns t))
    )
    insert into order_events (org_id, order_id, event_id, status, at, actor)
    select the_org, t.order_id, t.event_id, t.status, t.at, 'crm' from turns t
        on conflict do nothing;

    update orders o set expected_was = p.expected_at, expected_changed_at = p.changed_at
      from (select distinct on (s.order_id) s.order_id, s.expected_at, s.changed_at
              from (select s.*, lead(s.said_at) over (partition by s.order_id order by s.version, s.tie) as changed_at
                      from crm_order_states s
                     where s.org_id = the_org and s.order_id = any (touched)) s
              join orders x on x.org_id = the_org and x.order_id = s.order_id
             where s.expected_at is not null and s.expected_at <> x.expected_at
             order by s.order_id, s.version desc, s.tie desc) p
     where o.org_id = the_org and o.order_id = p.order_id and p.changed_at is not null
       and (o.expected_was, o.expected_changed_at) is distinct from (p.expected_at, p.changed_at);
end
$$;

create function crm_orders(the_org uuid, events crm_event[], at timestamptz, tell boolean,
                           out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    ready crm_event[];
    newest crm_event[];
    lacking crm_event[];
begin
    with said as materialized (
        select e.i, e.hash, e.subject, coalesce(e.data ->> 'workflow', 'shop') as workflow, e.data ->> 'status' as status,
               e.data ->> 'number' as number, e.data ->> 'customer' as customer
          from unnest(events) e
    )
    select array_agg(w.wrong) into outcomes
      from (select (s.i, s.hash, 'refused', 'data.workflow',
                    coalesce('one of: ' || (select string_agg(distinct w.workflow, ', ') from workflow_states w
                                             where w.org_id = the_org), 'a workflow: there is none yet'),
                    to_jsonb(s.workflow)::text)::crm_outcome as wrong
              from said s
             where not exists (select from workflow_states w where w.org_id = the_org and w.workflow = s.workflow)
            union all
            select (s.i, s.hash, 'refused', 'data.status',
                    'one of: ' || (select string_agg(w.status, ', ' order by w.position) from workflow_states w
                                    where w.org_id = the_org and w.workflow = s.workflow),
                    to_jsonb(s.status)::text)::crm_outcome
              from said s
             where exists (select from workflow_states w where w.org_id = the_org and w.workflow = s.workflow)
               and not exists (select from workflow_states w
                                where w.org_id = the_org and w.workflow = s.workflow and w.status = s.status)
            union all
            select (s.i, s.hash, 'refused', 'data.number', 'a number that no other order has',
                    to_jsonb(s.number)::text)::crm_outcome
              from said s
             where exists (select from orders o
                            where o.org_id = the_org and o.number = s.number and o.external_id <> s.subject)) w;
    outcomes := coalesce(outcomes, '{}');
    select coalesce(array_agg(e) filter (where c.customer_id is null), '{}'),
           coalesce(array_agg(e) filter (where c.customer_id is not null), '{}')
      into lacking, ready
      from unnest(events) e
      cross join lateral (select e.data ->> 'customer' as customer offset 0) k_customer
      left join customers c on c.org_id = the_org and c.external_id = k_customer.customer
     where not exists (select from unnest(outcomes) o where o.hash = e.hash);
    outcomes := outcomes || crm_wait(the_org, 'customer', 'customer', lacking, at);
    newest := crm_newest(the_org, 'order', ready);

    perform crm_orders_write(the_org, newest, at, tell);

    insert into crm_order_states (org_id, order_id, version, tie, status, at, said_at, expected_at)
    select the_org, o.order_id, e.version, e.hash, e.data ->> 'status',
           coalesce((e.data ->> 'status_at')::timestamptz, e.at, crm_orders.at), coalesce(e.at, crm_orders.at),
           (e.data ->> 'expected_at')::timestamptz
      from unnest(ready) e
      join orders o on o.org_id = the_org and o.external_id = e.subject
        on conflict do nothing;
    perform crm_timeline(the_org, array(select distinct o.order_id
                                          from unnest(ready) e
                                          join orders o on o.org_id = the_org and o.external_id = e.subject));
    outcomes := outcomes || crm_verdicts(ready, newest);
end
$$;

-- The orders as these say that they stand; and what is new in that for their customers. A status
-- from before a cancellation that was granted here is news of yesterday, and stays out.
create function crm_orders_write(the_org uuid, newest crm_event[], now timestamptz, tell boolean) returns void
    volatile language plpgsql as $$
declare
    r record;
begin
    perform from orders o -- as a turn that cancels does, so that one sees what the other did
      where o.org_id = the_org and o.external_id = any (array(select e.subject from unnest(newest) e))
      order by o.order_id for no key update;
    for r in
        with said as materialized (
            select e.subject, e.cause, coalesce(e.at, now) as said_at, e.data,
                   coalesce(x.order_id, y.order_id, crm_id(the_org, 'order', e.subject)) as order_id,
                   coalesce(x.status, y.status) as old_status, coalesce(x.expected_at, y.expected_at) as old_expected,
                   coalesce(x.workflow, y.workflow) as old_workflow, c.customer_id,
                   coalesce(d.paid, x.paid_minor, y.paid_minor, 0) as paid_now,
                   coalesce((e.data ->> 'status_at')::timestamptz, e.at, now) as status_at, d.*
              from unnest(newest) e
             cross join lateral jsonb_to_record(e.data)
                   d (number text, customer text, workflow text, status text, placed_at timestamptz, expected_at timestamptz,
                      delivered_at timestamptz, currency text, subtotal int8, tax int8, shipping int8, total int8,
                      paid int8, address text, instructions text, contact text, progress int2)
              cross join lateral (select e.data ->> 'customer' as customer offset 0) k_customer
              join customers c on c.org_id = the_org and c.external_id = k_customer.customer
              left join orders x on x.org_id = the_org and x.external_id = e.subject
              left join orders y on y.org_id = the_org and y.number = d.number and y.external_id is null
        ), judged as materialized (
            select s.*, w.phase as new_phase, w.in_transit as new_in_transit,
                   case when w.phase = 'active' and exists (
                            select from cancellations k
                             where k.org_id = the_org and k.order_id = s.order_id
                               and k.status in ('approved', 'refunded') and k.status_at > s.status_at)
                        then s.old_status else s.status end as stands
              from said s
              join workflow_states w
                on w.org_id = the_org and w.workflow = coalesce(s.workflow, 'shop') and w.status = s.status
        ), written as (
            insert into orders as o (org_id, order_id, external_id, number, customer_id, workflow, status, placed_at,
                                     expected_at, delivered_at, currency, subtotal_minor, tax_minor, shipping_minor,
                                     total_minor, paid_minor, address, instructions, contact, progress)
            select the_org, s.order_id, s.subject, s.number, s.customer_id, coalesce(s.workflow, 'shop'), s.stands,
                   s.placed_at, s.expected_at, s.delivered_at, s.currency, coalesce(s.subtotal, s.total),
                   coalesce(s.tax, 0), coalesce(s.shipping, 0), s.total, s.paid_now, coalesce(s.address, ''),
                   coalesce(s.instructions, ''), coalesce(s.contact, ''), s.progress
              from judged s
                on conflict (org_id, order_id) do update
               set external_id = excluded.external_id, number = excluded.number, customer_id = excluded.customer_id,
                   workflow = excluded.workflow, status = excluded.status, placed_at = excluded.placed_at,
                   expected_at = excluded.expected_at, delivered_at = excluded.delivered_at,
                   currency = excluded.currency, subtotal_minor = excluded.subtotal_minor,
                   tax_minor = excluded.tax_minor, shipping_minor = excluded.shipping_minor,
                   total_minor = excluded.total_minor,
                   paid_minor = excluded.paid_minor,
                   address = excluded.address, instructions = excluded.instructions, contact = excluded.contact,
                   progress = excluded.progress
            returning o.order_id
        ), unpacked as (
            delete from order_items i using written w where i.org_id = the_org and i.order_id = w.order_id
        )
        select s.*,
               exists (select from workflow_states w where w.org_id = the_org and w.workflow = coalesce(s.workflow, 'shop')
                          and w.in_transit) as ships
          from judged s
    loop
        continue when not tell;
        if r.stands is distinct from r.old_status or coalesce(r.workflow, 'shop') is distinct from r.old_workflow then
            perform crm_tell(the_org, r.customer_id,
                             case when r.ships and (r.new_in_transit or r.new_phase = 'done') then 'deliveries'
                                  else 'orders' end,
                             case when r.new_in_transit then 'shipped'
                                  when r.ships and r.new_phase = 'done' then 'delivered'
                                  when r.new_phase = 'active' and r.status in ('ready', 'ready_for_pickup')
                                  then 'ready_for_pickup' else 'order_status' end,
                             r.cause, r.order_id,
                             jsonb_build_object('number', r.number, 'status', r.stands, 'expected_at',
                                                case when r.new_in_transit then crm_time(r.expected_at) end),
                             r.status_at, now);
        elsif r.new_phase = 'active' and r.expected_at <> r.old_expected then
            perform crm_tell(the_org, r.customer_id, case when r.ships then 'deliveries' else 'orders' end,
                             'expected_changed', r.cause, r.order_id,
                             jsonb_build_object('number', r.number, 'expected_at', crm_time(r.expected_at),
                                                'expected_was', crm_time(r.old_expected)),
                             r.said_at, now);
        end if;
    end loop;
    insert into order_items (org_id, order_id, position, item_code, description, qty, unit_minor, total_minor)
    select the_org, o.order_id, i.position, coalesce(i.item ->> 'code', ''), i.item ->> 'description',
           (i.item ->> 'qty')::numeric, (i.item ->> 'unit_price')::int8, (i.item ->> 'total')::int8
      from unnest(newest) e
      join orders o on o.org_id = the_org and o.external_id = e.subject
     cross join jsonb_array_elements(coalesce(e.data -> 'items', '[]')) with ordinality i (item, position);
end
$$;

-- --- shipments -------------------------------------------------------------------------------

-- What was said last of a parcel, by itself or by its tracking, is how it stands.
create function crm_parcels(the_org uuid, touched uuid[], causes jsonb, now timestamptz, tell boolean) returns void
    volatile language plpgsql as $$
declare
    r record;
begin
    for r in
        with stand as materialized (
            select s.order_id, s.shipment_id, s.status as old,
                   case when t.at > s.said_at then t.status else s.said_status end as status,
                   case when t.at > s.said_at then t.at else s.said_at end as at,
                   case when t.at > s.said_at then t.place end as place,
                   case when t.at > s.said_at then t.note end as note,
                   coalesce(s.said_delivered_at, d.at) as delivered_at
              from shipments s
              left join lateral (
                select e.* from tracking_events e
                 where e.org_id = s.org_id and e.order_id = s.order_id and e.shipment_id = s.shipment_id
                 order by e.at desc, e.event_id desc limit 1) t on true
              left join lateral (
                select min(e.at) as at from tracking_events e
                 where e.org_id = s.org_id and e.order_id = s.order_id and e.shipment_id = s.shipment_id
                   and e.status = 'delivered') d on true
             where s.org_id = the_org and s.shipment_id = any (touched) and s.said_status is not null
        )
        update shipments s set status = n.status, delivered_at = n.delivered_at
          from stand n, orders o
         where s.org_id = the_org and s.order_id = n.order_id and s.shipment_id = n.shipment_id
           and o.org_id = the_org and o.order_id = n.order_id
        returning s.external_id, s.order_id, s.shipment_id, s.carrier, s.tracking_number, s.tracking_key, s.url,
                  s.expected_at, n.old, n.status, n.at, n.place, n.note, o.number, o.customer_id
    loop
        continue when not tell or r.old = r.status or r.status in ('label_created', 'returned')
                   or r.status in ('picked_up', 'in_transit') and r.old not in ('', 'label_created');
        perform crm_tell(the_org, r.customer_id, 'deliveries',
                         case when r.status in ('picked_up', 'in_transit') then 'shipped' else r.status end,
                         causes ->> r.external_id, r.order_id,
                         jsonb_build_object('number', r.number, 'carrier', r.carrier,
                                            'tracking_number', r.tracking_number,
                                            'url', coalesce(nullif(r.url, ''), carrier_page(r.carrier, r.tracking_key)),
                                            'expected_at', crm_time(r.expected_at), 'place', nullif(r.place, ''),
                                            'note', nullif(r.note, '')),
                         r.at, now);
    end loop;
end
$$;

create function crm_shipments(the_org uuid, events crm_event[], at timestamptz, tell boolean,
                              out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    ready crm_event[];
    newest crm_event[];
    lacking crm_event[];
begin
    select array_agg((e.i, e.hash, 'refused', 'data.order', 'the order that it belonged to before',
                      (e.data -> 'order')::text)::crm_outcome) into outcomes
      from unnest(events) e
      join shipments s on s.org_id = the_org and s.external_id = e.subject
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      join orders o on o.org_id = the_org and o.external_id = k_order.order
     where o.order_id <> s.order_id;
    outcomes := coalesce(outcomes, '{}');
    select coalesce(array_agg(e) filter (where o.order_id is null), '{}'),
           coalesce(array_agg(e) filter (where o.order_id is not null), '{}')
      into lacking, ready
      from unnest(events) e
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      left join orders o on o.org_id = the_org and o.external_id = k_order.order
     where not exists (select from unnest(outcomes) x where x.hash = e.hash);
    outcomes := outcomes || crm_wait(the_org, 'order', 'order', lacking, at);
    newest := crm_newest(the_org, 'shipment', ready);
    insert into shipments as s (org_id, order_id, shipment_id, external_id, carrier, tracking_number, status,
                                said_status, said_at, shipped_at, expected_at, said_delivered_at, url)
    select the_org, o.order_id, crm_id(the_org, 'shipment', e.subject), e.subject, d.carrier, d.tracking_number, '',
           d.status, coalesce(d.status_at, e.at, crm_shipments.at), d.shipped_at, d.expected_at, d.delivered_at,
           coalesce(d.url, '')
      from unnest(newest) e
     cross join lateral jsonb_to_record(e.data)
           d (carrier text, tracking_number text, status text, status_at timestamptz, shipped_at timestamptz,
              expected_at timestamptz, delivered_at timestamptz, url text)
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      join orders o on o.org_id = the_org and o.external_id = k_order.order
        on conflict (org_id, order_id, shipment_id) do update
       set carrier = excluded.carrier, tracking_number = excluded.tracking_number, said_status = excluded.said_status,
           said_at = excluded.said_at, shipped_at = excluded.shipped_at, expected_at = excluded.expected_at,
           said_delivered_at = excluded.said_delivered_at, url = excluded.url;
    perform crm_parcels(the_org, array(select crm_id(the_org, 'shipment', e.subject) from unnest(newest) e),
                        coalesce((select jsonb_object_agg(e.subject, e.cause) from unnest(newest) e), '{}'), at, tell);
    outcomes := outcomes || crm_verdicts(ready, newest);
end
$$;

create function crm_tracking(the_org uuid, events crm_event[], at timestamptz, tell boolean,
                             out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    ready crm_event[];
    lacking crm_event[];
begin
    select coalesce(array_agg(e) filter (where s.shipment_id is null), '{}'),
           coalesce(array_agg(e) filter (where s.shipment_id is not null), '{}')
      into lacking, ready
      from unnest(events) e
      cross join lateral (select e.data ->> 'shipment' as shipment offset 0) k_shipment
      left join shipments s on s.org_id = the_org and s.external_id = k_shipment.shipment;
    outcomes := crm_wait(the_org, 'shipment', 'shipment', lacking, at);
    insert into tracking_events (org_id, order_id, shipment_id, event_id, at, status, place, note)
    select the_org, s.order_id, s.shipment_id, e.hash, (e.data ->> 'at')::timestamptz, e.data ->> 'status',
           coalesce(e.data ->> 'place', ''), coalesce(e.data ->> 'note', '')
      from unnest(ready) e
      cross join lateral (select e.data ->> 'shipment' as shipment offset 0) k_shipment
      join shipments s on s.org_id = the_org and s.external_id = k_shipment.shipment
        on conflict do nothing;
    perform crm_parcels(the_org, array(select distinct crm_id(the_org, 'shipment', e.data ->> 'shipment')
                                         from unnest(ready) e),
                        coalesce((select jsonb_object_agg(e.data ->> 'shipment', e.cause) from unnest(ready) e), '{}'),
                        at, tell);
    outcomes := outcomes || array(
        select (e.i, e.hash, 'kept', null, null, null)::crm_outcome from unnest(ready) e);
end
$$;

-- --- photos ----------------------------------------------------------------------------------

-- Pictures of an order; each file is fetched (0087_files_fetched.sql).
create function crm_photos(the_org uuid, events crm_event[], at timestamptz, out outcomes crm_outcome[])
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

-- --- what is decided and answered ------------------------------------------------------------

-- A decision about the newest wish to cancel an order. The customer hears of it by cancellation_tell
-- (0077_decisions_told.sql).
create function crm_decide(the_org uuid, e crm_event, at timestamptz, tell boolean) returns crm_outcome
    volatile language plpgsql as $$
declare
    wish uuid;
    d record;
begin
    select k.cancellation_id into wish
      from orders o
      join cancellations k on k.org_id = o.org_id and k.order_id = o.order_id
     where o.org_id = the_org and o.external_id = e.data ->> 'order'
     order by k.asked_at desc, k.cancellation_id desc limit 1;
    if wish is null then
        return (e.i, e.hash, 'refused', 'data.order', 'an order that somebody asked to cancel',
                (e.data -> 'order')::text)::crm_outcome;
    end if;
    select * into d from cancellation_decide(the_org, wish, e.data ->> 'decision', e.data ->> 'note', 'crm', at);
    if d.outcome = 'shipped' then
        return (e.i, e.hash, 'refused', 'data.decision', 'reject: the order has left', (e.data -> 'decision')::text)::crm_outcome;
    elsif d.outcome not in ('approved', 'rejected', 'in_review') then
        return (e.i, e.hash, 'ignored', null, null, null)::crm_outcome;
    end if;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, e.hash, at, 'crm', 'cancellation ' || d.status, wish::text);
    if tell then
        perform cancellation_tell(the_org, wish, e.cause, at);
    end if;
    return (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
end
$$;

create function crm_answer(the_org uuid, e crm_event, at timestamptz, tell boolean) returns crm_outcome
    volatile language plpgsql as $$
declare
    k record;
    words constant text := e.data ->> 'text';
begin
    select t.* into k from tickets t
     where t.org_id = the_org and t.number = upper(e.data ->> 'ticket') for no key update;
    if not found then
        return (e.i, e.hash, 'refused', 'data.ticket', 'the number of a report', (e.data -> 'ticket')::text)::crm_outcome;
    end if;
    if words is not null then
        insert into ticket_answers (org_id, ticket_id, answer_id, at, author, body)
        values (the_org, k.ticket_id, e.hash, coalesce(e.at, crm_answer.at), coalesce(e.data ->> 'author', ''), words);
    end if;
    update tickets t
       set status = case when e.type = 'ticket.updated' then e.data ->> 'status'
                         when (e.data ->> 'close')::boolean or t.status = 'closed' then 'closed' else 'answered' end,
           answered_at = case when words is not null then crm_answer.at else t.answered_at end
     where t.org_id = the_org and t.ticket_id = k.ticket_id
    returning t.status into k.status;
    update tickets t set closed_at = case when k.status = 'closed' then coalesce(t.closed_at, crm_answer.at) end
     where t.org_id = the_org and t.ticket_id = k.ticket_id;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, e.hash, crm_answer.at, 'crm', 'ticket ' || k.status, k.ticket_id::text);
    if tell and words is not null then
        perform notice_make(the_org, k.customer_id, '', 'ticket_answered', e.cause, null,
                            jsonb_build_object('ticket', k.number, 'number', k.number, 'said', words), crm_answer.at,
                            crm_answer.at);
    end if;
    return (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
end
$$;

-- --- a batch ---------------------------------------------------------------------------------

-- Events of a business that were not seen before, what they speak of before what speaks of it; and,
-- where they are wanted, those that waited for these.
create function crm_apply(the_org uuid, events crm_event[], at timestamptz, tell boolean, waited boolean)
    returns crm_outcome[] volatile language plpgsql as $$
declare
    outcomes crm_outcome[];
    rest crm_event[] := events; -- and what is released on the way
    part crm_event[];
    e crm_event;
begin
    part := array(select x from unnest(rest) x where x.type = 'customer.upserted');
    outcomes := crm_customers(the_org, part);
    rest := rest || crm_released(the_org, 'customer', array(select x.subject from unnest(part) x where waited));
    part := array(select x from unnest(rest) x where x.type = 'order.upserted');
    outcomes := outcomes || crm_orders(the_org, part, at, tell);
    rest := rest || crm_released(the_org, 'order', array(select x.subject from unnest(part) x where waited));
    outcomes := outcomes
        || crm_invoices(the_org, array(select x from unnest(rest) x where x.type = 'invoice.upserted'), at, tell)
        || crm_estimates(the_org, array(select x from unnest(rest) x where x.type = 'estimate.upserted'), at, tell)
        || crm_documents(the_org, array(select x from unnest(rest) x where x.type = 'document.added'), at, tell)
        || crm_photos(the_org, array(select x from unnest(rest) x where x.type = 'photo.added'), at);
    part := array(select x from unnest(rest) x where x.type = 'shipment.upserted');
    outcomes := outcomes || crm_shipments(the_org, part, at, tell);
    rest := rest || crm_released(the_org, 'shipment', array(select x.subject from unnest(part) x where waited));
    part := array(select x from unnest(rest) x where x.type = 'tracking.added');
    outcomes := outcomes || crm_tracking(the_org, part, at, tell);
    foreach e in array events loop
        outcomes := outcomes || case
            when e.type = 'cancellation.decided' then crm_decide(the_org, e, at, tell)
            when e.type in ('ticket.answered', 'ticket.updated') then crm_answer(the_org, e, at, tell)
            when e.type in ('agent.message', 'handoff.released') then crm_agent(the_org, e, at) end;
    end loop;
    return array(select o from unnest(outcomes) o where (o).outcome is not null);
end
$$;

create function crm_apply_one(the_org uuid, one crm_event, at timestamptz, tell boolean, waited boolean)
    returns crm_outcome[] volatile language plpgsql as $$
begin
    return crm_apply(the_org, array[one], at, tell, waited);
exception when data_exception or integrity_constraint_violation then
    return array[(one.i, one.hash, 'refused', 'data', 'what can be kept beside what is there', one.data::text)::crm_outcome];
end
$$;

-- A batch of one source, of an app (null: any). What the database cannot keep (two events for one
-- place) is found by taking them one by one, and is refused alone.
create function crm_take(the_source text, the_app text, the_events jsonb, at timestamptz, tell boolean)
    returns setof crm_outcome volatile language plpgsql
    set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off set enable_bitmapscan = off
    set enable_material = off set plan_cache_mode = 'force_generic_plan' set jit = off set lock_timeout = '5s' as $$
declare
    the_org uuid;
    events crm_event[];
    fresh crm_event[];
    hashes uuid[];
    one crm_event;
    waits jsonb;
    outcomes crm_outcome[] := '{}';
begin
    select d.org_id into the_org from directory d
     where d.kind = 'crm' and d.external_id = the_source and d.app = coalesce(the_app, d.app);
    select array_agg(jsonb_populate_record(null::crm_event, e)) into events from jsonb_array_elements(the_events) e;
    if the_org is null then
        return query select e.i, e.hash, 'foreign', 'source', 'a source that this key speaks for',
                            to_jsonb(the_source)::text from unnest(events) e;
        return;
    end if;
    perform set_config('parley.org_id', the_org::text, true);
    perform pg_advisory_xact_lock(hashtextextended('parley.crm.' || the_org, 0));
    with anew as (
        insert into crm_seen (org_id, hash, at)
        select distinct the_org, e.hash, crm_take.at from unnest(events) e
            on conflict do nothing
        returning hash
    )
    select array_agg(n.hash) into hashes from anew n;
    fresh := crm_fresh(events, hashes);
    begin
        outcomes := crm_apply(the_org, fresh, at, tell, true);
    exception when data_exception or integrity_constraint_violation then
        foreach one in array fresh loop
            outcomes := outcomes || crm_apply_one(the_org, one, at, tell, false);
        end loop;
        for waits in
            delete from crm_waiting w
             using unnest(fresh) e
             where w.org_id = the_org and w.needs_id = e.subject
               and w.needs_kind = split_part(e.type, '.', 1)
            returning w.event
        loop
            one := jsonb_populate_record(null::crm_event, waits || '{"i": -1}');
            outcomes := outcomes || crm_apply_one(the_org, one, at, tell, true);
        end loop;
    end;
    delete from crm_seen s
     using unnest(outcomes) o
     where o.outcome = 'refused' and s.org_id = the_org and s.hash = o.hash;
    -- What had been taken before, waited, and turns out to be wrong is for a person to see.
    insert into dead_letters (org_id, dead_id, at, provider, reason, item, payload)
    select the_org, gen_random_uuid(), crm_take.at, 'crm', o.path || ': expected ' || o.expected, o.hash::text,
           convert_to(coalesce(o.got, ''), 'UTF8')
      from unnest(outcomes) o where o.i = -1 and o.outcome = 'refused';
    return query select * from crm_report(events, outcomes);
end
$$;

-- Old marks go; what has waited a month in vain becomes a dead letter.
create function crm_sweep(the_org uuid, at timestamptz, most integer) returns integer
    volatile language plpgsql as $$
declare
    n integer;
begin
    with gone as (
        delete from crm_waiting w
         where w.org_id = the_org and w.at < crm_sweep.at - interval '30 days'
        returning w.*
    )
    insert into dead_letters (org_id, dead_id, at, provider, reason, item, payload)
    select the_org, gen_random_uuid(), crm_sweep.at, 'crm',
           'waited 30 days for the ' || g.needs_kind || ' that it speaks of', g.hash::text,
           convert_to(g.event::text, 'UTF8')
      from gone g;
    delete from crm_seen s
     where s.ctid = any (array(select x.ctid from crm_seen x
                                where x.org_id = the_org and x.at < crm_sweep.at - interval '15 days' limit most));
    get diagnostics n = row_count;
    return n;
end
$$;

revoke execute on function crm_newest, crm_released, crm_wait, crm_tell, crm_customers, crm_timeline, crm_orders,
    crm_orders_write, crm_parcels, crm_shipments, crm_tracking, crm_photos, crm_decide, crm_answer, crm_apply,
    crm_apply_one, crm_take, crm_sweep from public;
grant execute on function crm_newest, crm_released, crm_wait, crm_tell, crm_customers, crm_timeline, crm_orders,
    crm_orders_write, crm_parcels, crm_shipments, crm_tracking, crm_photos, crm_decide, crm_answer, crm_apply,
    crm_apply_one, crm_take, crm_sweep to parley_staff;
