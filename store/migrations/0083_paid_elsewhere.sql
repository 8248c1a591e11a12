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

revoke execute on function checkouts_trim, invoice_paid_elsewhere from public;
grant execute on function checkouts_trim, invoice_paid_elsewhere to parley_staff;
