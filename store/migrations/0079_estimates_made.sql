-- Estimates are made here: by the CRM (estimate.upserted) and by the API. A draft is the business's own;
-- what is sent awaits the customer; what the customer decided stays as it is.

alter table estimates add column external_id text;
create unique index estimates_external on estimates (org_id, external_id) where external_id is not null;

create or replace function estimate_whole(e estimates) returns jsonb stable language sql as $$
    select jsonb_build_object('id', e.estimate_id, 'external_id', e.external_id, 'order', o.number,
        'version', e.version, 'status', e.status, 'currency', e.currency, 'subtotal_minor', e.subtotal_minor,
        'tax_minor', e.tax_minor, 'total_minor', e.total_minor, 'note', e.note, 'issued_at', api_time(e.issued_at),
        'expires_at', api_time(e.expires_at), 'decided_at', api_time(e.decided_at),
        'items', coalesce((select jsonb_agg(jsonb_build_object('description', i.description, 'qty', i.qty::text,
                'unit_price_minor', i.unit_minor, 'total_minor', i.total_minor) order by i.position)
            from (select * from estimate_items i
                   where i.org_id = e.org_id and i.order_id = e.order_id and i.estimate_id = e.estimate_id
                     and i.version = e.version order by i.position limit 200) i), '[]'))
      from orders o where o.org_id = e.org_id and o.order_id = e.order_id
$$;

-- What an estimate says, in a new version of it. `said`: subtotal, tax, total (minor units), note,
-- expires_at, items of description, qty, unit_price, total.
create function estimate_write(the_org uuid, the_order uuid, the_estimate uuid, said jsonb, at timestamptz)
    returns estimates volatile language plpgsql as $$
declare
    e estimates;
begin
    update estimates x
       set version = x.version + 1, subtotal_minor = (said ->> 'subtotal')::int8, tax_minor = (said ->> 'tax')::int8,
           total_minor = (said ->> 'total')::int8, note = coalesce(said ->> 'note', ''),
           expires_at = (said ->> 'expires_at')::timestamptz, issued_at = estimate_write.at
     where x.org_id = the_org and x.order_id = the_order and x.estimate_id = the_estimate
    returning x.* into e;
    insert into estimate_items (org_id, order_id, estimate_id, version, position, description, qty, unit_minor, total_minor)
    select the_org, the_order, the_estimate, e.version, i.n, i.v ->> 'description', (i.v ->> 'qty')::numeric,
           (i.v ->> 'unit_price')::int8, (i.v ->> 'total')::int8
      from jsonb_array_elements(coalesce(said -> 'items', '[]')) with ordinality i (v, n);
    return e;
end
$$;

-- An empty draft, to be written at once.
create function estimate_begin(the_org uuid, the_order uuid, fresh uuid, called text, at timestamptz)
    returns void volatile language sql as $$
    insert into estimates (org_id, order_id, estimate_id, external_id, version, status, currency, subtotal_minor,
                           total_minor, issued_at)
    select the_org, the_order, fresh, called, 0, 'draft', o.currency, 0, 0, estimate_begin.at
      from orders o where o.org_id = the_org and o.order_id = the_order
$$;

-- An estimate goes on: draft to awaiting (the customer sees it and hears of it; the one before is
-- withdrawn, since a customer decides on one), or withdrawn while it is not decided. True: it did.
create function estimate_step(the_org uuid, the_order uuid, the_estimate uuid, wanted text, quiet boolean, who text,
                              fresh uuid, at timestamptz) returns boolean volatile language plpgsql as $$
declare
    e estimates;
    o record;
begin
    select x.customer_id, x.number into o from orders x
     where x.org_id = the_org and x.order_id = the_order for no key update;
    if wanted = 'awaiting' then
        update estimates x set status = 'withdrawn'
         where x.org_id = the_org and x.order_id = the_order and x.estimate_id <> the_estimate and x.status = 'awaiting';
    end if;
    update estimates x
       set status = wanted, issued_at = case when wanted = 'awaiting' then estimate_step.at else x.issued_at end
     where x.org_id = the_org and x.order_id = the_order and x.estimate_id = the_estimate
       and (x.status = 'draft' and wanted in ('awaiting', 'withdrawn') or x.status = 'awaiting' and wanted = 'withdrawn')
    returning x.* into e;
    if not found then
        return false;
    end if;
    insert into audit (org_id, audit_id, at, actor, action, subject, detail)
    values (the_org, fresh, estimate_step.at, who, 'estimate.' || wanted, o.number,
            jsonb_build_object('version', e.version));
    if wanted = 'awaiting' then
        perform estimate_tell(the_org, o.customer_id, e, o.number, null, quiet, estimate_step.at);
    end if;
    return true;
end
$$;

create function estimate_tell(the_org uuid, the_customer uuid, e estimates, the_number text, cause text, quiet boolean,
                              at timestamptz) returns void volatile language sql as $$
    select notice_make(the_org, the_customer, 'estimates', 'estimate_awaiting', cause, e.order_id,
                       jsonb_build_object('number', the_number, 'total',
                           jsonb_build_object('minor', e.total_minor, 'currency', e.currency)), at, at)
     where not coalesce(quiet, false)
$$;

-- A new draft, or the order's draft written anew; with `send` the customer sees it at once. The items make the
-- sum: of `subtotal`, `tax` and `total` only the tax is asked for.
create function estimate_draft(the_org uuid, the_order uuid, args jsonb, who text, fresh uuid, at timestamptz)
    returns api_answer volatile language plpgsql as $$
declare
    the_estimate uuid;
    e estimates;
    items jsonb;
    subtotal numeric;
    tax constant int8 := coalesce((args ->> 'tax_minor')::int8, 0);
begin
    perform from orders x where x.org_id = the_org and x.order_id = the_order for no key update;
    select jsonb_agg(jsonb_build_object('description', i.v ->> 'description', 'qty', i.v ->> 'qty',
                         'unit_price', i.v -> 'unit_price_minor',
                         'total', round((i.v ->> 'qty')::numeric * (i.v ->> 'unit_price_minor')::int8)) order by i.n),
           sum(round((i.v ->> 'qty')::numeric * (i.v ->> 'unit_price_minor')::int8))
      into items, subtotal
      from jsonb_array_elements(args -> 'items') with ordinality i (v, n);
    if subtotal + tax not between 0 and 99999999999999 then
        return api_error(422, 'invalid', 'items and tax that make an amount from 0 to 99999999999999', 'items');
    end if;
    select x.estimate_id into the_estimate from estimates x
     where x.org_id = the_org and x.order_id = the_order and x.status = 'draft'
     order by x.issued_at desc, x.estimate_id desc limit 1;
    if the_estimate is null then
        the_estimate := fresh;
        perform estimate_begin(the_org, the_order, fresh, null, estimate_draft.at);
    end if;
    e := estimate_write(the_org, the_order, the_estimate,
                        jsonb_build_object('subtotal', subtotal, 'tax', tax, 'total', subtotal + tax, 'note', args ->> 'note',
                                           'expires_at', args ->> 'expires_at', 'items', items), at);
    insert into audit (org_id, audit_id, at, actor, action, subject, detail)
    select the_org, md5(fresh || 'draft')::uuid, estimate_draft.at, who, 'estimate.draft', o.number,
           jsonb_build_object('version', e.version, 'total_minor', e.total_minor)
      from orders o where o.org_id = the_org and o.order_id = the_order;
    if coalesce((args ->> 'send')::boolean, false) then
        perform estimate_step(the_org, the_order, the_estimate, 'awaiting', (args ->> 'quiet')::boolean, who, fresh, at);
        select x.* into e from estimates x
         where x.org_id = the_org and x.order_id = the_order and x.estimate_id = the_estimate;
    end if;
    return api_ok(estimate_whole(e));
end
$$;

create function api_estimates(the_org uuid, the_order uuid) returns api_answer stable language sql as $$
    select api_ok(jsonb_build_object('estimates', coalesce((
        select jsonb_agg(estimate_whole(x.e) order by (x.e).issued_at desc, (x.e).estimate_id)
          from (select e from estimates e
                 where e.org_id = the_org and e.order_id = the_order
                 order by e.issued_at desc, e.estimate_id limit 50) x), '[]')))
$$;

-- --- the CRM ---------------------------------------------------------------------------------

-- What an estimate says, and what somebody says of it, so that one can be held against the other.
create function estimate_says(e estimates) returns jsonb stable language sql as $$
    select jsonb_build_object('subtotal', e.subtotal_minor, 'tax', e.tax_minor, 'total', e.total_minor, 'note', e.note,
        'expires_at', e.expires_at, 'items', coalesce((
            select jsonb_agg(jsonb_build_object('description', i.description, 'qty', trim_scale(i.qty),
                                 'unit_price', i.unit_minor, 'total', i.total_minor) order by i.position)
              from estimate_items i
             where i.org_id = e.org_id and i.order_id = e.order_id and i.estimate_id = e.estimate_id
               and i.version = e.version), '[]'))
$$;

create function estimate_said(d jsonb) returns jsonb stable language sql as $$
    select jsonb_build_object(
        'subtotal', coalesce((d ->> 'subtotal')::int8, (d ->> 'total')::int8 - coalesce((d ->> 'tax')::int8, 0)),
        'tax', coalesce((d ->> 'tax')::int8, 0), 'total', (d ->> 'total')::int8, 'note', coalesce(d ->> 'note', ''),
        'expires_at', (d ->> 'expires_at')::timestamptz, 'items', coalesce((
            select jsonb_agg(jsonb_build_object('description', i.v ->> 'description',
                                 'qty', trim_scale((i.v ->> 'qty')::numeric), 'unit_price', (i.v ->> 'unit_price')::int8,
                                 'total', (i.v ->> 'total')::int8) order by i.n)
              from jsonb_array_elements(d -> 'items') with ordinality i (v, n)), '[]'))
$$;

-- What it says, where that is new, and then how it stands. The customer hears of one that is sent, and of one
-- that says something else than what they were asked about.
create function crm_estimate_go(the_org uuid, x estimates, said jsonb, e crm_event, at timestamptz, tell boolean)
    returns void volatile language plpgsql as $$
declare
    was constant text := x.status;
    wanted constant text := case e.data ->> 'status' when 'sent' then 'awaiting' else e.data ->> 'status' end;
    quiet constant boolean := not tell or coalesce(e.at, at) < at - interval '1 day';
    o record;
begin
    if x.version = 0 or estimate_says(x) <> said then
        x := estimate_write(the_org, x.order_id, x.estimate_id, said, at);
        if was = 'awaiting' and wanted = 'awaiting' then
            select v.customer_id, v.number into o from orders v where v.org_id = the_org and v.order_id = x.order_id;
            perform estimate_tell(the_org, o.customer_id, x, o.number, e.cause, quiet, at);
        end if;
    end if;
    if wanted <> 'draft' and wanted <> was then
        perform estimate_step(the_org, x.order_id, x.estimate_id, wanted, quiet, 'crm', e.hash, at);
    end if;
end
$$;

-- One of them, or what is wrong with it. A customer's decision is not undone by an event: it stands, and what
-- is sent again says the same; another estimate needs another id.
create function crm_estimate(the_org uuid, e crm_event, at timestamptz, tell boolean) returns crm_outcome
    volatile language plpgsql as $$
declare
    o record;
    x estimates;
    said constant jsonb := estimate_said(e.data);
    wanted constant text := e.data ->> 'status';
    decided text; -- the status that would be said of it again
    wrong crm_outcome;
begin
    select v.order_id, v.currency into o from orders v
     where v.org_id = the_org and v.external_id = e.data ->> 'order' for no key update;
    if o.order_id is null then
        return (crm_wait(the_org, 'order', 'order', array[e], at))[1];
    end if;
    select v.* into x from estimates v where v.org_id = the_org and v.external_id = e.subject for update;
    if e.data ->> 'currency' <> o.currency then
        wrong := (e.i, e.hash, 'refused', 'data.currency', 'the order''s: ' || o.currency, (e.data -> 'currency')::text);
    elsif (said ->> 'subtotal')::int8 + (said ->> 'tax')::int8 <> (said ->> 'total')::int8 then
        wrong := (e.i, e.hash, 'refused', 'data.total', 'subtotal and tax together', (e.data -> 'total')::text);
    elsif x.order_id <> o.order_id then
        wrong := (e.i, e.hash, 'refused', 'data.order', 'the order that it belonged to before', (e.data -> 'order')::text);
    end if;
    if wrong.outcome is not null then
        return wrong;
    end if;
    begin
        if cardinality(crm_newest(the_org, 'estimate', array[e])) = 0 then
            return (e.i, e.hash, 'older', null, null, null)::crm_outcome;
        end if;
        if x.status in ('approved', 'declined', 'withdrawn') then
            decided := case x.status when 'withdrawn' then 'withdrawn' else 'sent' end;
            if wanted <> decided or decided = 'sent' and estimate_says(x) <> said then
                raise exception using errcode = 'P4220';
            end if;
            return (e.i, e.hash, 'ignored', null, null, null)::crm_outcome;
        end if;
    exception when sqlstate 'P4220' then
        return (e.i, e.hash, 'refused', 'data.id', 'an id of its own: this estimate was ' || x.status,
                (e.data -> 'id')::text)::crm_outcome;
    end;
    if x.status is null then
        perform estimate_begin(the_org, o.order_id, crm_id(the_org, 'estimate', e.subject), e.subject, at);
        select v.* into x from estimates v where v.org_id = the_org and v.external_id = e.subject;
    end if;
    perform crm_estimate_go(the_org, x, said, e, at, tell);
    return (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
end
$$;

create function crm_estimates(the_org uuid, events crm_event[], at timestamptz, tell boolean) returns crm_outcome[]
    volatile language plpgsql as $$
declare
    e crm_event;
    outcomes crm_outcome[] := '{}';
begin
    for e in select v.* from unnest(events) v order by v.version, v.hash loop -- one may withdraw the one before
        outcomes := outcomes || crm_estimate(the_org, e, at, tell);
    end loop;
    return outcomes;
end
$$;

revoke execute on function estimate_whole, estimate_write, estimate_begin, estimate_step, estimate_tell, estimate_draft,
    api_estimates, estimate_says, estimate_said, crm_estimate_go, crm_estimate, crm_estimates from public;
grant execute on function estimate_whole, estimate_write, estimate_begin, estimate_step, estimate_tell, estimate_draft,
    api_estimates, estimate_says, estimate_said, crm_estimate_go, crm_estimate, crm_estimates to parley_staff;
