-- As in 0045, but that an invoice which is known by one id of the CRM's is not another one's because both have its
-- number: the second took the place of the first, its id and its total, and what was owed was one of the two.
create or replace function invoice_put(the_org uuid, the_customer uuid, the_external_id text, the_number text,
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
        if i.external_id <> the_external_id then
            outcome := 'number'; -- found by it, and known by another id
            return;
        elsif i.customer_id <> the_customer then
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
