-- A card that was declined is told whenever that is heard, also when its link is over by then. The business's
-- systems hear of each, and what has become of the link since; the customer hears of it unless something newer
-- has been said about that payment, or nothing is owed any more.

drop function payment_failed(uuid, checkouts, invoices, text, text, timestamptz);

-- Payment failed: the customer hears it, and the business's systems do. `since`: what the link has come to by now,
-- null while it is open.
create function payment_failed(the_org uuid, c checkouts, i invoices, why text, the_event text, at timestamptz,
                               since text default null)
    returns void volatile language plpgsql as $$
begin
    if since is null or since = 'expired'
                        and (select s.outstanding > 0 from invoice_stands(the_org, i.invoice_id, at::date) s) then
        perform notice_make(the_org, c.customer_id, '', 'payment_failed', 'payment/' || the_event, i.order_id,
                            jsonb_build_object('number', the_event, 'invoice', i.number, 'reason', why, 'amount',
                                jsonb_build_object('minor', c.minor, 'currency', c.currency)), at, at);
    end if;
    perform event_out(the_org, 'payment.failed', 'invoice/' || i.number, c.customer_id,
                      jsonb_strip_nulls(jsonb_build_object('invoice_id', i.invoice_id, 'number', i.number,
                          'amount_minor', c.minor, 'currency', c.currency, 'error_reason', why, 'since', since)), at);
end
$$;

create or replace function stripe_checkout(the_org uuid, e jsonb, at timestamptz, out outcome text, out alert text)
    volatile language plpgsql as $$
declare
    c checkouts;
    i invoices;
begin
    select * into c from checkouts x
     where x.org_id = the_org and x.checkout_id = uuid_or_null(e ->> 'checkout');
    if c.checkout_id is null or c.session_id is not null and e ->> 'session' is not null
                                and c.session_id <> e ->> 'session' then
        outcome := 'foreign';
        return;
    end if;
    i := invoice_lock(the_org, c.invoice_id);
    insert into stripe_seen (org_id, event_id, at) values (the_org, e ->> 'id', at) on conflict do nothing;
    if not found then
        outcome := 'again';
        return;
    end if;
    select * into c from checkouts x
     where x.org_id = the_org and x.checkout_id = c.checkout_id for no key update;
    outcome := e ->> 'kind';
    if outcome = 'paid' then
        select p.outcome, p.alert into outcome, alert from stripe_paid(the_org, c, i, e, at) p;
    elsif outcome = 'processing' and c.state in ('wanted', 'open', 'expired') then
        update checkouts x
           set state = 'processing', state_at = at, session_id = coalesce(x.session_id, e ->> 'session'),
               payment_intent = coalesce(e ->> 'payment_intent', x.payment_intent), url = null,
               due_at = at + interval '1 day', attempts = 0
         where x.org_id = the_org and x.checkout_id = c.checkout_id;
    elsif outcome = 'async_failed' and c.state not in ('completed', 'failed') then
        update checkouts x
           set state = 'failed', state_at = at, due_at = null, url = null, reason = coalesce(e ->> 'reason', 'bank')
         where x.org_id = the_org and x.checkout_id = c.checkout_id;
        perform payment_failed(the_org, c, i, coalesce(e ->> 'reason', 'bank'), e ->> 'id', at);
    elsif outcome = 'expired' and c.state in ('wanted', 'open') then
        update checkouts x set state = 'expired', state_at = at, due_at = null, url = null
         where x.org_id = the_org and x.checkout_id = c.checkout_id;
        if (select s.payable > 0 from invoice_stands(the_org, i.invoice_id, at::date) s) then
            perform checkout_news(the_org, c, 'expired', at);
        end if;
    elsif outcome = 'declined' then
        -- Stripe's events come in any order: the link may be over by now, in whatever way.
        perform payment_failed(the_org, c, i, coalesce(e ->> 'reason', 'declined'), e ->> 'id', at,
                               case when c.state not in ('wanted', 'open') then c.state end);
    else
        outcome := 'late';
    end if;
end
$$;
