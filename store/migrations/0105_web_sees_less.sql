-- What customers' pages need no right to. Row-level security keeps other businesses out of these tables, and not
-- other customers of the same one: the audit tells of all of them, companies are whose they are, and the
-- directory names even other businesses. And no page tells the business's systems what a person of the business did.

revoke select, insert on audit from parley_web;
revoke select on directory, companies from parley_web;
revoke execute on function event_of_handoff from parley_web;

-- As in 0045; where a customer is set, it is of theirs only.
create or replace function invoice_viewed(the_org uuid, the_customer uuid, the_invoice uuid, at timestamptz)
    returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    i invoices;
begin
    update invoices x set viewed_at = at
     where x.org_id = the_org and x.invoice_id = the_invoice and x.customer_id = the_customer
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
       and the_customer = coalesce(nullif(current_setting('parley.customer_id', true), '')::uuid, the_customer)
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
