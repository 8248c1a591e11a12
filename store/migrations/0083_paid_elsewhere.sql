-- What was paid by other ways than our links (a transfer, cash) comes from the CRM, and closes links that are for
-- more than is still owed: yesterday's link must not take the money a second time.

alter table ledger drop constraint ledger_kind_check;
alter table ledger add constraint ledger_kind_check
    check (kind in ('charge', 'payment', 'elsewhere', 'refund', 'refund_failed', 'dispute', 'dispute_won',
                    'adjustment'));

-- Links that may still be paid and come to more than is owed now are to expire, without a word: whoever asks anew is
-- told how the invoice stands. One that Stripe has not heard of is judged when it is made (payments_claim). The
-- invoice is locked by the caller.
create function checkouts_trim(the_org uuid, the_invoice uuid, at timestamptz) returns void
    volatile language plpgsql as $$
begin
    if (select s.held > greatest(s.outstanding, 0) from invoice_stands(the_org, the_invoice, at::date) s) then
        update checkouts x set dropped = true, due_at = at
         where x.org_id = the_org and x.invoice_id = the_invoice and not x.dropped
           and (x.state = 'open' or x.state = 'wanted' and x.expires_at is not null);
    end if;
end
$$;

-- As before, and links are trimmed to what is left.
create or replace function ledger_add(the_org uuid, the_invoice uuid, the_kind text, the_minor bigint,
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

-- All that was paid elsewhere by now, as whoever keeps the books there says it; none: they say nothing of it. Gives
-- by how much it grew: below nothing when a payment did not hold. What comes to too much stays as a credit, since
-- that money can't go back through Stripe. The invoice is locked by the caller.
create function invoice_paid_elsewhere(the_org uuid, the_invoice uuid, paid bigint, the_cause text, at timestamptz)
    returns bigint volatile language plpgsql as $$
declare
    known bigint;
begin
    select coalesce(-sum(e.minor), 0)::bigint into known from ledger e
     where e.org_id = the_org and e.invoice_id = the_invoice and e.kind = 'elsewhere';
    if paid is null or paid = known then
        return 0;
    end if;
    perform ledger_add(the_org, the_invoice, 'elsewhere', known - paid, 'elsewhere:' || the_cause, at);
    return paid - known;
end
$$;

-- As before, with what was paid elsewhere: told, but not of an invoice that comes so.
create or replace function crm_invoices(the_org uuid, events crm_event[], at timestamptz, tell boolean,
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

revoke execute on function checkouts_trim, invoice_paid_elsewhere from public;
grant execute on function checkouts_trim, invoice_paid_elsewhere to parley_staff;
