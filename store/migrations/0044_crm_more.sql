-- More of what a CRM tells: invoices, documents, and what its people say in a conversation that
-- was handed over. And plans that do not grow worse while a large import runs.

-- --- plans -----------------------------------------------------------------------------------

-- A plan that is kept for a whole import may not be one that was made for empty tables: as on the pool's
-- connections (store/conn.c), rows are reached by index from few keys, and by nothing else. And a key has to
-- be a column: under row-level security an expression of a row's (`data ->> 'order'`) is looked at only after the
-- policy, so it finds no index. Hence `offset 0`, which makes it one.

-- Lists are joined here and nowhere else, so that all else can be planned by index alone: of these
-- events the newest about each of these subjects.
create function crm_newest_of(events crm_event[], subjects text[]) returns crm_event[]
    stable language plpgsql set enable_hashjoin = on as $$
begin
    return coalesce((select array_agg(x.event)
                       from (select distinct on (e.subject) e as event
                               from unnest(events) e join unnest(subjects) s on s = e.subject
                              order by e.subject, e.version desc, e.hash desc) x), '{}');
end
$$;

-- What became of those that could be taken: kept, or older than what is there.
create function crm_verdicts(ready crm_event[], newest crm_event[]) returns crm_outcome[]
    stable language plpgsql set enable_hashjoin = on as $$
begin
    return array(select (e.i, e.hash, case when n.hash is null then 'older' else 'kept' end, null, null, null)::crm_outcome
                   from unnest(ready) e left join unnest(newest) n on n.hash = e.hash);
end
$$;

-- Those of a batch with these hashes, each once, in the order of the batch.
create function crm_fresh(events crm_event[], hashes uuid[]) returns crm_event[]
    stable language plpgsql set enable_hashjoin = on as $$
begin
    return coalesce((select array_agg(x.event order by (x.event).i)
                       from (select distinct on (e.hash) e as event
                               from unnest(events) e join unnest(hashes) h on h = e.hash
                              order by e.hash, e.i) x), '{}');
end
$$;

-- A batch's outcomes in its order.
create function crm_report(events crm_event[], outcomes crm_outcome[]) returns setof crm_outcome
    stable language plpgsql set enable_hashjoin = on as $$
begin
    return query
    select e.i, e.hash, coalesce(o.outcome, 'repeated'), o.path, o.expected, o.got
      from unnest(events) e
      left join unnest(outcomes) o on o.hash = e.hash and o.i = e.i
     order by e.i;
end
$$;

-- Of these events about subjects of a kind, those that are newer than what is known; a subject's
-- newest only.
create or replace function crm_newest(the_org uuid, the_kind text, events crm_event[]) returns crm_event[]
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

create or replace function crm_customers(the_org uuid, events crm_event[], out outcomes crm_outcome[])
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

create or replace function crm_orders(the_org uuid, events crm_event[], at timestamptz, tell boolean,
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

create or replace function crm_shipments(the_org uuid, events crm_event[], at timestamptz, tell boolean,
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

create or replace function crm_photos(the_org uuid, events crm_event[], at timestamptz, out outcomes crm_outcome[])
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
    insert into order_photos as p (org_id, order_id, photo_id, category, caption, taken_at, url, visible)
    select the_org, o.order_id, crm_id(the_org, 'photo', e.subject), e.data ->> 'category',
           coalesce(e.data ->> 'caption', ''), coalesce((e.data ->> 'taken_at')::timestamptz, e.at, crm_photos.at),
           e.data ->> 'url', coalesce((e.data ->> 'visible')::boolean, true)
      from unnest(newest) e
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      join orders o on o.org_id = the_org and o.external_id = k_order.order
        on conflict (org_id, order_id, photo_id) do update
       set category = excluded.category, caption = excluded.caption, taken_at = excluded.taken_at,
           url = excluded.url, visible = excluded.visible;
    outcomes := outcomes || crm_verdicts(ready, newest);
end
$$;

-- An order's timeline and what was promised before, made anew from all that was said of it.
create or replace function crm_timeline(the_org uuid, touched uuid[]) returns void volatile language plpgsql as $$
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

-- A batch of one source, of an app (null: any). What the database cannot keep (two events for one
-- place) is found by taking them one by one, and is refused alone.
create or replace function crm_take(the_source text, the_app text, the_events jsonb, at timestamptz, tell boolean)
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

create or replace function crm_tracking(the_org uuid, events crm_event[], at timestamptz, tell boolean,
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

-- The orders as these say that they stand; and what is new in that for their customers. A status
-- from before a cancellation that was granted here is news of yesterday, and stays out.
create or replace function crm_orders_write(the_org uuid, newest crm_event[], now timestamptz, tell boolean) returns void
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

-- --- documents -------------------------------------------------------------------------------

-- Documents that lie with the business, at an https address.
create table document_links (
    org_id      uuid not null,
    link_id     uuid not null,
    customer_id uuid not null,
    order_id    uuid,
    kind        text not null check (kind in ('confirmation', 'packing_slip', 'invoice', 'receipt', 'statement',
                                              'other')),
    name        text not null,
    url         text not null,
    at          timestamptz not null,
    primary key (org_id, link_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id),
    foreign key (org_id, order_id) references orders (org_id, order_id)
);
create index document_links_customer on document_links (org_id, customer_id, at desc);

do $$
declare
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    alter table document_links enable row level security;
    alter table document_links force row level security;
    execute format('create policy org on document_links to parley_staff using (%s) with check (%s)', org, org);
    execute format('create policy own on document_links for select to parley_bot, parley_web using (%s and '
                   'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid)', org);
end
$$;
grant select on document_links to parley_bot, parley_web;
grant select, insert, update, delete on document_links to parley_staff;

create function crm_documents(the_org uuid, events crm_event[], at timestamptz, tell boolean,
                              out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    ready crm_event[];
    newest crm_event[];
    no_order crm_event[];
    no_customer crm_event[];
begin
    select coalesce(array_agg(e) filter (where e.data ? 'order' and o.order_id is null), '{}'),
           coalesce(array_agg(e) filter (where not e.data ? 'order' and c.customer_id is null), '{}'),
           coalesce(array_agg(e) filter (where o.order_id is not null
                                            or not e.data ? 'order' and c.customer_id is not null), '{}')
      into no_order, no_customer, ready
      from unnest(events) e
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      left join orders o on o.org_id = the_org and o.external_id = k_order.order
      cross join lateral (select e.data ->> 'customer' as customer offset 0) k_customer
      left join customers c on c.org_id = the_org and c.external_id = k_customer.customer;
    outcomes := crm_wait(the_org, 'order', 'order', no_order, at)
                || crm_wait(the_org, 'customer', 'customer', no_customer, at);
    newest := crm_newest(the_org, 'document', ready);
    insert into document_links as l (org_id, link_id, customer_id, order_id, kind, name, url, at)
    select the_org, crm_id(the_org, 'document', e.subject), coalesce(o.customer_id, c.customer_id), o.order_id,
           coalesce(e.data ->> 'kind', 'other'), e.data ->> 'name', e.data ->> 'url', coalesce(e.at, crm_documents.at)
      from unnest(newest) e
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      left join orders o on o.org_id = the_org and o.external_id = k_order.order
      cross join lateral (select e.data ->> 'customer' as customer offset 0) k_customer
      left join customers c on c.org_id = the_org and c.external_id = k_customer.customer
        on conflict (org_id, link_id) do update
       set customer_id = excluded.customer_id, order_id = excluded.order_id, kind = excluded.kind,
           name = excluded.name, url = excluded.url, at = excluded.at;
    if tell then
        perform crm_tell(the_org, l.customer_id, 'orders', 'document_ready', n.cause, l.order_id,
                         jsonb_build_object('number', l.link_id, 'name', l.name, 'url', l.url), l.at, crm_documents.at)
           from unnest(newest) n
          cross join lateral (select crm_id(the_org, 'document', n.subject) as link_id offset 0) k
           join document_links l on l.org_id = the_org and l.link_id = k.link_id;
    end if;
    outcomes := outcomes || crm_verdicts(ready, newest);
end
$$;

-- --- invoices --------------------------------------------------------------------------------

-- By the only way in (invoice_put), one after the other: each is a charge or its correction.
create function crm_invoices(the_org uuid, events crm_event[], at timestamptz, tell boolean,
                             out outcomes crm_outcome[])
    volatile language plpgsql as $$
declare
    e crm_event;
    d record;
    p record;
    c uuid;
    o record;
    zone text;
begin
    outcomes := '{}';
    select b.time_zone into zone from businesses b where b.org_id = the_org;
    for e in select x.* from unnest(events) x order by x.version, x.hash loop
        select * into d from jsonb_to_record(e.data)
            r (number text, customer text, "order" text, issued_on date, due_on date, currency text, subtotal int8,
               tax int8, shipping int8, total int8, note text, voided boolean, lines jsonb);
        select x.customer_id into c from customers x where x.org_id = the_org and x.external_id = d.customer;
        if not found then
            outcomes := outcomes || crm_wait(the_org, 'customer', 'customer', array[e], at);
            continue;
        end if;
        select x.order_id, x.customer_id into o from orders x where x.org_id = the_org and x.external_id = d."order";
        if d."order" is not null and o.order_id is null then
            outcomes := outcomes || crm_wait(the_org, 'order', 'order', array[e], at);
            continue;
        end if;
        begin
            if cardinality(crm_newest(the_org, 'invoice', array[e])) = 0 then
                outcomes := outcomes || (e.i, e.hash, 'older', null, null, null)::crm_outcome;
                continue;
            end if;
            select * into p from invoice_put(
                the_org, c, e.subject, d.number, o.order_id, d.issued_on, d.due_on, d.currency, d.subtotal,
                coalesce(d.tax, 0), coalesce(d.shipping, 0), d.total, coalesce(d.note, ''),
                (select coalesce(jsonb_agg(jsonb_build_object('description', l.v ->> 'description', 'qty', l.v ->> 'qty',
                                                              'unit_minor', l.v -> 'unit_price', 'total_minor',
                                                              l.v -> 'total') order by l.n), '[]')
                   from jsonb_array_elements(coalesce(d.lines, '[]')) with ordinality l (v, n)),
                coalesce(d.voided, false), 'crm/' || e.hash, at);
            if p.outcome not in ('made', 'changed', 'same') then
                raise exception using errcode = 'P4220';
            end if;
            if tell and p.outcome = 'made' and not coalesce(d.voided, false) then
                perform crm_tell(the_org, c, 'payments', 'invoice_issued', e.cause, o.order_id,
                                 jsonb_build_object('number', d.number, 'invoice', d.number, 'amount',
                                                    jsonb_build_object('minor', d.total, 'currency', d.currency), 'due',
                                                    crm_time(business_noon(d.due_on, zone))),
                                 coalesce(e.at, crm_invoices.at), at);
            end if;
            outcomes := outcomes || (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
        exception when sqlstate 'P4220' then
            outcomes := outcomes || (e.i, e.hash, 'refused',
                case p.outcome when 'amount' then 'data.total' when 'void' then 'data.voided'
                     else 'data.' || p.outcome end,
                case p.outcome when 'customer' then 'the customer of before: an invoice stays with them'
                     when 'order' then 'an order of the same customer'
                     when 'currency' then 'the currency of before'
                     when 'number' then 'a number that no other invoice has'
                     when 'void' then 'true: what was voided stays so'
                     else 'an amount that can be kept' end,
                (e.data -> p.outcome)::text)::crm_outcome;
        end;
    end loop;
end
$$;

-- --- people ----------------------------------------------------------------------------------

-- What a person of the business says in a conversation that was handed over, and that they are done: as
-- handoffs_say and handoffs_release do (store/sql/handoffs.sql), by the conversation.
create function crm_agent(the_org uuid, e crm_event, at timestamptz) returns crm_outcome
    volatile language plpgsql as $$
declare
    of_conversation constant uuid := case when e.data ->> 'conversation' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                          then (e.data ->> 'conversation')::uuid end;
    who constant text := coalesce(e.data ->> 'agent', 'crm');
    v record;
    h record;
    until timestamptz;
begin
    select c.account_id, c.seq, c.last_inbound_at, p.channel, p.stopped_at into v
      from conversations c join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where c.org_id = the_org and c.conversation_id = of_conversation
       for no key update of c;
    select x.* into h from handoffs x
     where x.org_id = the_org and x.conversation_id = of_conversation and x.state in ('offered', 'human');
    if not found then
        return (e.i, e.hash, 'refused', 'data.conversation', 'a conversation that waits for a person or is in their hands',
                (e.data -> 'conversation')::text)::crm_outcome;
    elsif h.state = 'human' and h.held_by <> who then
        return (e.i, e.hash, 'refused', 'data.agent', 'who holds it: ' || h.held_by, to_jsonb(who)::text)::crm_outcome;
    elsif e.type = 'handoff.released' then
        update handoffs x set state = 'returning' where x.org_id = the_org and x.handoff_id = h.handoff_id;
        update jobs j set name = 'handoff.released', due_at = crm_agent.at, leased_until = null
         where j.org_id = the_org and j.conversation_id = of_conversation and j.kind = 'handoff';
    elsif v.stopped_at is not null then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: the customer said STOP', null)::crm_outcome;
    elsif v.channel = 'whatsapp' and v.last_inbound_at < crm_agent.at - interval '24 hours' then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: WhatsApp takes no words a day after the customer''s last',
                null)::crm_outcome;
    else
        select crm_agent.at + case when b.settings ->> 'handoff_quiet_minutes' ~ '^[0-9]{1,5}$'
                                   then (b.settings ->> 'handoff_quiet_minutes')::int4 else 120 end * interval '1 minute'
          into until from businesses b where b.org_id = the_org;
        update conversations c set seq = v.seq + 1, held_until = until + interval '5 minutes'
         where c.org_id = the_org and c.conversation_id = of_conversation;
        insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
        values (the_org, of_conversation, v.seq + 1, false, 'text',
                jsonb_build_object('kind', 'text', 'body', e.data ->> 'text')::text, crm_agent.at, 'person/' || who);
        insert into outbox (org_id, lane_id, conversation_id, seq, due_at)
        values (the_org, v.account_id, of_conversation, v.seq + 1, crm_agent.at);
        insert into fallbacks (org_id, conversation_id, seq, begun_at, due_at)
        values (the_org, of_conversation, v.seq + 1, crm_agent.at, crm_agent.at);
        update handoffs x set state = 'human', held_by = who, held_at = coalesce(x.held_at, crm_agent.at),
                              answered_at = crm_agent.at
         where x.org_id = the_org and x.handoff_id = h.handoff_id;
        update jobs j set name = 'handoff.quiet', due_at = until, leased_until = null
         where j.org_id = the_org and j.conversation_id = of_conversation and j.kind = 'handoff';
    end if;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, e.hash, crm_agent.at, who,
            case e.type when 'agent.message' then 'handoff answered' else 'handoff released' end, h.handoff_id::text);
    return (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
end
$$;

-- --- a batch ---------------------------------------------------------------------------------

-- Events of a business that were not seen before, what they speak of before what speaks of it; and,
-- where they are wanted, those that waited for these.
create or replace function crm_apply(the_org uuid, events crm_event[], at timestamptz, tell boolean, waited boolean)
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

revoke execute on function crm_documents, crm_invoices, crm_agent, crm_newest_of, crm_verdicts, crm_fresh, crm_report
    from public;
grant execute on function crm_documents, crm_invoices, crm_agent, crm_newest_of, crm_verdicts, crm_fresh, crm_report
    to parley_staff;
