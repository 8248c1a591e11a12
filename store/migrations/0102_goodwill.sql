-- What a business gives back is not owed again.
--
-- A refund is booked as what it is: money that went back. What it does to the invoice is another question. It first
-- settles what was paid too much (or for an invoice that is void); what goes beyond that is a gift of the business's,
-- and the customer owes no more than before: otherwise a paid invoice would be overdue again and be asked for.
-- Whoever wants it paid after all raises the invoice's total or issues another. What a bank takes back (a dispute, a
-- transfer that did not hold) is no gift and is owed again.
--
-- It is counted from sums and not booked as an entry, so the order in which Stripe tells of payments and refunds does
-- not matter, and a refund that comes back takes the gift along. Weighed: entries of their own (a credit note) would
-- have to be taken back and made anew whenever something older comes late. Also, a business whose books lower the
-- invoice's total for the same refund need not fear that it counts twice.

create or replace function invoice_stands(the_org uuid, the_invoice uuid, today date)
    returns table (outstanding bigint, paid bigint, held bigint, payable bigint, state text,
                   overdue_days bigint, disputed bigint)
    stable language sql as $$
    select o.owed, l.paid, c.held + d.disputed,
           case when i.voided_at is null then greatest(o.owed - c.held - d.disputed, 0) else 0 end,
           case when i.voided_at is not null then 'void'
                when c.processing and o.owed > 0 then 'processing'
                when o.owed <= 0 then 'paid'
                when c.failed then 'failed'
                when i.due_on < today then 'overdue'
                else 'open' end,
           case when i.voided_at is null and o.owed > 0 and i.due_on < today then (today - i.due_on)::bigint end,
           d.disputed
      from invoices i
     cross join lateral (
         select coalesce(sum(e.minor), 0)::bigint as booked,
                coalesce(-sum(e.minor) filter (where e.kind not in ('charge', 'adjustment')), 0)::bigint as paid,
                coalesce(sum(e.minor) filter (where e.kind in ('refund', 'refund_failed')), 0)::bigint as back,
                coalesce(-sum(e.minor) filter (where e.kind not in ('dispute', 'dispute_won', 'refund',
                                                                    'refund_failed')), 0)::bigint as too_much
           from ledger e where e.org_id = i.org_id and e.invoice_id = i.invoice_id) l
     cross join lateral (select l.booked - greatest(l.back - greatest(l.too_much, 0), 0) as owed) o
     cross join lateral (
         select coalesce(sum(x.minor) filter (where x.state in ('wanted', 'open', 'processing')), 0)::bigint as held,
                coalesce(bool_or(x.state = 'processing'), false) as processing,
                coalesce((array_agg(x.state order by x.made_at desc, x.checkout_id desc))[1] = 'failed', false)
                    as failed
           from checkouts x where x.org_id = i.org_id and x.invoice_id = i.invoice_id) c
     cross join lateral (
         select coalesce(sum(p.minor), 0)::bigint as disputed
           from disputes p where p.org_id = i.org_id and p.invoice_id = i.invoice_id and p.state = 'open') d
     where i.org_id = the_org and i.invoice_id = the_invoice
$$;
