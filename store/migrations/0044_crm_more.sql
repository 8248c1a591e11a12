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

-- Files of a customer's or an order's. They are fetched (0087_files_fetched.sql); the customer hears of one
-- when we have it, or cannot have it, and after a quarter of an hour in any case.
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
    insert into document_links as l (org_id, link_id, external_id, customer_id, order_id, kind, name, url, at,
                                     document_id)
    select the_org, k_link.id, e.subject, coalesce(o.customer_id, c.customer_id), o.order_id,
           coalesce(e.data ->> 'kind', 'other'), e.data ->> 'name', e.data ->> 'url', coalesce(e.at, crm_documents.at),
           crm_file_want(the_org, b.document_id, 'document', e.data ->> 'url',
                         crm_file_name(e.data ->> 'url', e.data ->> 'name'), coalesce(o.customer_id, c.customer_id),
                         e.subject, crm_documents.at)
      from unnest(newest) e
      cross join lateral (select crm_id(the_org, 'document', e.subject) as id offset 0) k_link
      cross join lateral (select e.data ->> 'order' as order offset 0) k_order
      left join orders o on o.org_id = the_org and o.external_id = k_order.order
      cross join lateral (select e.data ->> 'customer' as customer offset 0) k_customer
      left join customers c on c.org_id = the_org and c.external_id = k_customer.customer
      left join document_links b on b.org_id = the_org and b.link_id = k_link.id
        on conflict (org_id, link_id) do update
       set external_id = excluded.external_id, customer_id = excluded.customer_id, order_id = excluded.order_id,
           kind = excluded.kind, name = excluded.name, url = excluded.url, at = excluded.at,
           document_id = excluded.document_id;
    if tell then
        perform crm_tell(the_org, l.customer_id, 'orders', 'document_ready', n.cause, l.order_id,
                         jsonb_build_object('number', l.link_id, 'name', l.name, 'url', l.url), l.at, crm_documents.at)
           from unnest(newest) n
          cross join lateral (select crm_id(the_org, 'document', n.subject) as link_id offset 0) k
           join document_links l on l.org_id = the_org and l.link_id = k.link_id;
        update notices x set due_at = crm_documents.at + interval '15 minutes'
          from unnest(newest) n
          cross join lateral (select crm_id(the_org, 'document', n.subject) as link_id offset 0) k
          join document_links l on l.org_id = the_org and l.link_id = k.link_id
          join documents d on d.org_id = the_org and d.document_id = l.document_id and d.open
         where x.org_id = the_org and x.customer_id = l.customer_id and x.kind = 'document_ready' and x.state = 'waiting'
           and x.made_at = crm_documents.at and x.detail ->> 'number' = l.link_id::text;
    end if;
    outcomes := outcomes || crm_verdicts(ready, newest);
end
$$;

-- --- invoices --------------------------------------------------------------------------------

-- By the only way in (invoice_put), one after the other: each is a charge or its correction.
-- What was paid elsewhere is told, but not of an invoice that comes so.
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
    more bigint;
begin
    outcomes := '{}';
    select b.time_zone into zone from businesses b where b.org_id = the_org;
    for e in select x.* from unnest(events) x order by x.version, x.hash loop
        select * into d from jsonb_to_record(e.data)
            r (number text, customer text, "order" text, issued_on date, due_on date, currency text, subtotal int8,
               tax int8, shipping int8, total int8, paid_elsewhere int8, note text, voided boolean, lines jsonb);
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
            more := invoice_paid_elsewhere(the_org, p.invoice_id, d.paid_elsewhere, 'crm/' || e.hash, at);
            if tell and p.outcome <> 'made' and more > 0 then
                perform crm_tell(the_org, c, 'payments', 'payment_received', e.cause, o.order_id, -- each by itself
                                 jsonb_build_object('number', 'crm/' || e.hash, 'invoice', d.number, 'amount',
                                                    jsonb_build_object('minor', more, 'currency', d.currency)),
                                 coalesce(e.at, crm_invoices.at), at);
            end if;
            if tell and p.outcome = 'made' and not coalesce(d.voided, false) and d.total > more then
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
    agent constant text := nullif(e.data ->> 'agent', '');
    who constant text := coalesce(agent, 'crm');
    the_handoff uuid;
    r record;
begin
    perform from conversations c where c.org_id = the_org and c.conversation_id = of_conversation for no key update;
    select x.handoff_id into the_handoff from handoffs x
     where x.org_id = the_org and x.conversation_id = of_conversation and x.state <> 'done';
    if e.type = 'agent.message' then
        select * into r from handoff_say(the_org, the_handoff, who, e.hash, handoff_words(agent, e.data ->> 'text'),
                                         crm_agent.at, null, false);
    else
        select * into r from handoff_release(the_org, the_handoff, who, e.hash, crm_agent.at);
    end if;
    case r.outcome
    when 'said', 'released' then
        return (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
    when 'held' then
        return (e.i, e.hash, 'refused', 'data.agent', 'who holds it: ' || r.holder, to_jsonb(who)::text)::crm_outcome;
    when 'stopped' then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: the customer said STOP', null)::crm_outcome;
    when 'window_closed' then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: WhatsApp takes no words a day after the customer''s last',
                null)::crm_outcome;
    else
        return (e.i, e.hash, 'refused', 'data.conversation', 'a conversation that waits for a person or is in their hands',
                (e.data -> 'conversation')::text)::crm_outcome;
    end case;
end
$$;

revoke execute on function crm_documents, crm_invoices, crm_agent, crm_newest_of, crm_verdicts, crm_fresh, crm_report
    from public;
grant execute on function crm_documents, crm_invoices, crm_agent, crm_newest_of, crm_verdicts, crm_fresh, crm_report
    to parley_staff;
