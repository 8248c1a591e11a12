-- Paying: links, what Stripe tells of them, and money that goes back.
--
-- A link holds its amount back until it is surely over, so that links made side by side never come to
-- more than is owed: what a new one may be made for is judged under the invoice's lock. Where a new
-- wish does not fit beside older links that nobody has paid yet, those are closed first, at Stripe: the
-- newer wish is what the customer wants now, and made to wait for a day they would pay elsewhere. It
-- waits until Stripe says that the older one is over, and is judged once more then. Expiring alone,
-- without holding back, would let both be paid while the closing is under way.
--
-- Whatever Stripe says is true, also when it should not have happened: money that came is on the books,
-- and what is too much goes back.

alter table payments add column refunded_minor bigint not null default 0; -- what the ledger has of refunds of it
create index stripe_seen_old on stripe_seen (org_id, at);

-- An approved cancellation whose order may have been paid for: to be paid back, once.
alter table cancellations add column refund_due boolean not null default false;
create index cancellations_refund_due on cancellations (org_id) where refund_due;

create function cancellation_approved() returns trigger language plpgsql as $$
begin
    new.refund_due := true;
    return new;
end
$$;
create trigger approved before insert on cancellations
    for each row when (new.status = 'approved') execute function cancellation_approved();
create trigger approved_later before update of status on cancellations
    for each row when (new.status = 'approved' and old.status <> 'approved')
    execute function cancellation_approved();
create function invoice_stands(the_org uuid, the_invoice uuid, today date)
    returns table (outstanding bigint, paid bigint, held bigint, payable bigint, state text,
                   overdue_days bigint, disputed bigint)
    stable language sql as $$
    select l.owed, l.paid, c.held + d.disputed,
           case when i.voided_at is null then greatest(l.owed - c.held - d.disputed, 0) else 0 end,
           case when i.voided_at is not null then 'void'
                when c.processing and l.owed > 0 then 'processing'
                when l.owed <= 0 then 'paid'
                when c.failed then 'failed'
                when i.due_on < today then 'overdue'
                else 'open' end,
           case when i.voided_at is null and l.owed > 0 and i.due_on < today then (today - i.due_on)::bigint end,
           d.disputed
      from invoices i
     cross join lateral (
         select coalesce(sum(e.minor), 0)::bigint as owed,
                coalesce(-sum(e.minor) filter (where e.kind not in ('charge', 'adjustment')), 0)::bigint as paid
           from ledger e where e.org_id = i.org_id and e.invoice_id = i.invoice_id) l
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

create function uuid_or_null(said text) returns uuid immutable language sql as $$
    select case when said ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then said::uuid end
$$;

-- --- a conversation's rights -----------------------------------------------------------------

-- To lock an invoice of this customer's, to make a link, and to have told of it.
do $$
declare
    own constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid and '
                         'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid';
begin
    execute format('create policy lock on invoices for update to parley_bot using (%s) with check (%s)', own, own);
    execute format('create policy make on checkouts for insert to parley_bot with check (%s)', own);
    execute format('create policy tell on checkouts for update to parley_bot using (%s) with check (%s)', own, own);
end
$$;
grant update (viewed_at) on invoices to parley_bot;
grant insert on checkouts to parley_bot;
grant update (dropped, due_at, to_tell) on checkouts to parley_bot;

-- --- making a link ---------------------------------------------------------------------------

-- What Stripe takes at least: about half a dollar. In minor units, whatever the currency.
create function payment_least(currency text) returns bigint immutable language sql as $$
    select case when currency in ('BHD', 'JOD', 'KWD', 'OMR', 'TND') then 500
                when currency in ('BIF', 'CLP', 'DJF', 'GNF', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND',
                                  'VUV', 'XAF', 'XOF', 'XPF') then 1000
                else 50 end::bigint
$$;

-- A link for `the_amount` (minor units as text; none: all that may be paid). Outcomes: wanted (it will be
-- told), open (there is one for the same amount: `url`, `until`), paid, void, gone, processing (what is owed
-- is on its way already), too_much (`able` is what may be paid), too_little (`least` is what a link must be
-- for, and what must remain unless nothing does).
create function checkout_make(the_org uuid, the_customer uuid, the_number text, the_amount text,
                              the_conversation uuid, fresh uuid, at timestamptz,
                              out outcome text, out number text,
                              out amount_minor bigint, out amount_currency text,
                              out able_minor bigint, out able_currency text,
                              out least_minor bigint, out least_currency text,
                              out url text, out until timestamptz)
    volatile language plpgsql as $$
declare
    i invoices;
    s record;
    c checkouts;
    live bigint;
begin
    select * into i from invoices x
     where x.org_id = the_org and x.customer_id = the_customer and x.number = the_number for no key update;
    if i.invoice_id is null then
        outcome := 'gone';
        return;
    end if;
    select * into s from invoice_stands(the_org, i.invoice_id, at::date);
    select coalesce(sum(x.minor), 0)::bigint into live from checkouts x
     where x.org_id = the_org and x.invoice_id = i.invoice_id and x.state in ('wanted', 'open');
    number := i.number;
    able_minor := case when i.voided_at is null then greatest(s.outstanding - s.held + live, 0) else 0 end;
    amount_minor := case when the_amount ~ '^[0-9]{1,14}$' then the_amount::bigint else able_minor end;
    least_minor := payment_least(i.currency);
    amount_currency := i.currency;
    able_currency := i.currency;
    least_currency := i.currency;
    if i.voided_at is not null then
        outcome := 'void';
    elsif s.outstanding <= 0 then
        outcome := 'paid';
    elsif able_minor <= 0 then
        outcome := 'processing';
    elsif amount_minor > able_minor then
        outcome := 'too_much';
    elsif amount_minor < least_minor
          or able_minor - amount_minor > 0 and able_minor - amount_minor < least_minor then
        outcome := 'too_little';
    end if;
    if outcome is not null then
        return;
    end if;
    select * into c from checkouts x
     where x.org_id = the_org and x.invoice_id = i.invoice_id and x.minor = amount_minor and not x.dropped
       and (x.state = 'wanted' or x.state = 'open' and x.expires_at > at + interval '5 minutes')
     order by x.made_at desc limit 1;
    if c.checkout_id is not null then
        outcome := c.state;
        url := c.url;
        until := c.expires_at;
        if c.state = 'wanted' and cardinality(c.also) < 5 then
            update checkouts x set also = x.also || the_conversation
             where x.org_id = the_org and x.checkout_id = c.checkout_id
               and the_conversation is distinct from x.conversation_id and not the_conversation = any (x.also);
        end if;
        return;
    end if;
    if amount_minor > able_minor - live then
        update checkouts x set dropped = true, due_at = at
         where x.org_id = the_org and x.invoice_id = i.invoice_id and x.state in ('wanted', 'open')
           and not x.dropped;
    end if;
    insert into checkouts (org_id, checkout_id, invoice_id, customer_id, conversation_id, minor, currency,
                           idempotency_key, made_at, state_at, due_at)
    values (the_org, fresh, i.invoice_id, the_customer, the_conversation, amount_minor, i.currency,
            'parley/checkout/' || fresh, at, at, at);
    outcome := 'wanted';
end
$$;

-- What became of a link that was asked for here, each told once. Outcomes: open, expired, failed, nothing.
create function checkout_tell(the_org uuid, the_customer uuid, the_conversation uuid, at timestamptz,
                                         out outcome text, out number text, out amount_minor bigint,
                                         out amount_currency text, out url text, out until timestamptz,
                                         out reason text)
    volatile language plpgsql as $$
declare
    c checkouts;
begin
    outcome := 'nothing';
    for c in select * from checkouts x
              where x.org_id = the_org and x.customer_id = the_customer and x.to_tell is not null
                and (the_conversation = any (x.untold)
                     or x.untold = '{}' and x.conversation_id = the_conversation) -- from before there was `untold`
              order by x.made_at, x.checkout_id limit 20 for no key update loop
        update checkouts x
           set untold = array_remove(x.untold, the_conversation),
               to_tell = case when array_remove(x.untold, the_conversation) <> '{}' then x.to_tell end
         where x.org_id = the_org and x.checkout_id = c.checkout_id;
        if c.state = c.to_tell and not c.dropped then
            outcome := c.state;
            select i.number into number from invoices i
             where i.org_id = the_org and i.invoice_id = c.invoice_id;
            amount_minor := c.minor;
            amount_currency := c.currency;
            url := c.url;
            until := c.expires_at;
            reason := c.reason;
            exit;
        end if;
    end loop;
end
$$;

-- --- what follows is for who acts for the business: parley_staff -----------------------------

-- It is to be told where it was asked for; at once for what they wait for, else after the quiet hours.
-- That a link has expired, which nobody waits for, is told in one place.
create function checkout_news(the_org uuid, c checkouts, what text, at timestamptz) returns void
    volatile language plpgsql as $$
declare
    place record;
begin
    if c.conversation_id is null or c.dropped then
        return;
    end if;
    update checkouts x set untold = '{}' where x.org_id = the_org and x.checkout_id = c.checkout_id;
    for place in select v.conversation_id, d.due_at
                   from conversations v
                   join contact_points p on p.org_id = v.org_id and p.contact_id = v.contact_id
                  cross join lateral notification_due(the_org, c.customer_id, 'payments', p.channel, at) d
                  where v.org_id = the_org and p.customer_id = c.customer_id
                    and v.conversation_id = any (case when what = 'expired' then array[c.conversation_id]
                                                      else c.also || c.conversation_id end)
                    and (what <> 'expired' or d.wanted) loop
        update checkouts x set to_tell = what, untold = x.untold || place.conversation_id
         where x.org_id = the_org and x.checkout_id = c.checkout_id;
        insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
        values (the_org, gen_random_uuid(), 'notice', place.conversation_id, 'notice.pay_link',
                case when what = 'expired' then place.due_at else at end);
    end loop;
end
$$;

-- The order and the invoice, locked in this order.
create function invoice_lock(the_org uuid, the_invoice uuid) returns invoices
    volatile language plpgsql as $$
declare
    i invoices;
begin
    perform from orders o
      where o.org_id = the_org
        and o.order_id = (select x.order_id from invoices x where x.org_id = the_org and x.invoice_id = the_invoice)
        for no key update;
    select * into i from invoices x
     where x.org_id = the_org and x.invoice_id = the_invoice for no key update;
    return i;
end
$$;

-- What a worker is to do now, under a lease: `what` is create, expire, look or refund. The settled values of
-- a request are settled here, so that every attempt is the same. `life`: of a link from its first attempt.
create function payments_claim(the_org uuid, at timestamptz, lease timestamptz, life interval, most integer)
    returns table (what text, id uuid, attempts integer, began timestamptz, session_id text,
                   payment_intent text, idempotency_key text, minor bigint, currency text,
                   expires_at timestamptz, number text, invoice_id uuid, business text, language text,
                   refund_cause text)
    volatile language plpgsql as $$
declare
    r record;
    c checkouts;
    i invoices;
    s record;
    doing text;
begin
    for r in select x.cancellation_id from cancellations x where x.org_id = the_org and x.refund_due limit 20 loop
        perform cancellation_refund(the_org, r.cancellation_id, at);
    end loop;
    for r in select x.checkout_id, x.invoice_id from checkouts x
              where x.org_id = the_org and x.due_at <= at order by x.due_at limit most loop
        select * into i from invoices x
         where x.org_id = the_org and x.invoice_id = r.invoice_id for no key update skip locked;
        continue when not found;
        select * into c from checkouts x
         where x.org_id = the_org and x.checkout_id = r.checkout_id and x.due_at <= at for no key update;
        continue when not found;
        if c.state = 'wanted' and c.expires_at is null and c.dropped then
            -- Stripe has never heard of it.
            update checkouts x set state = 'expired', state_at = at, due_at = null
             where x.org_id = the_org and x.checkout_id = c.checkout_id;
            continue;
        end if;
        if c.state = 'wanted' and c.expires_at is null then
            -- Older ones that were closed for it have to be over first.
            if exists (select from checkouts o
                        where o.org_id = the_org and o.invoice_id = c.invoice_id and o.dropped
                          and o.state in ('wanted', 'open')) then
                update checkouts x set due_at = at + interval '2 seconds'
                 where x.org_id = the_org and x.checkout_id = c.checkout_id;
                continue;
            end if;
            select * into s from invoice_stands(the_org, c.invoice_id, at::date);
            if i.voided_at is not null or s.held > s.outstanding then
                update checkouts x set state = 'failed', state_at = at, due_at = null, reason = 'paid_meanwhile'
                 where x.org_id = the_org and x.checkout_id = c.checkout_id returning * into c;
                perform checkout_news(the_org, c, 'failed', at);
                continue;
            end if;
        end if;
        doing := case when c.state = 'wanted' then 'create' when c.state = 'open' and c.dropped then 'expire'
                      else 'look' end;
        update checkouts x
           set due_at = lease, attempts = x.attempts + 1,
               expires_at = coalesce(x.expires_at, date_trunc('second', at + life))
         where x.org_id = the_org and x.checkout_id = c.checkout_id
        returning * into c;
        return query
        select doing, c.checkout_id, c.attempts, c.expires_at - life, c.session_id, c.payment_intent,
               c.idempotency_key, c.minor, c.currency, c.expires_at, i.number, i.invoice_id, b.name,
               coalesce(u.language, b.language), null::text
          from businesses b
          left join customers u on u.org_id = b.org_id and u.customer_id = c.customer_id
         where b.org_id = the_org;
    end loop;
    return query
    with due as materialized (
        select x.refund_id from refunds x
         where x.org_id = the_org and x.due_at <= at order by x.due_at limit most for update skip locked
    ), taken as (
        update refunds x set due_at = lease, attempts = x.attempts + 1
          from due d where x.org_id = the_org and x.refund_id = d.refund_id
        returning x.*
    )
    select case when t.provider_id is null then 'refund' else 'look_refund' end, t.refund_id, t.attempts,
           t.made_at, t.provider_id, t.payment_intent, t.idempotency_key, t.minor, t.currency,
           null::timestamptz, j.number, j.invoice_id, b.name, b.language, t.cause
      from taken t
      join invoices j on j.org_id = t.org_id and j.invoice_id = t.invoice_id
      join businesses b on b.org_id = the_org;
end
$$;

-- Stripe has made it. False: it was over by then.
create function checkout_opened(the_org uuid, the_checkout uuid, the_session text, the_url text,
                                at timestamptz) returns boolean
    volatile language plpgsql as $$
declare
    c checkouts;
begin
    update checkouts x
       set state = 'open', state_at = at, session_id = the_session, url = the_url,
           due_at = case when x.dropped then at else x.expires_at + interval '10 minutes' end, attempts = 0
     where x.org_id = the_org and x.checkout_id = the_checkout and x.state = 'wanted'
    returning * into c;
    if c.checkout_id is null then
        return false;
    end if;
    perform checkout_news(the_org, c, 'open', at);
    return true;
end
$$;

-- Stripe will not make it, or could not in time.
create function checkout_refused(the_org uuid, the_checkout uuid, why text, at timestamptz) returns boolean
    volatile language plpgsql as $$
declare
    c checkouts;
begin
    update checkouts x set state = 'failed', state_at = at, due_at = null, reason = why
     where x.org_id = the_org and x.checkout_id = the_checkout and x.state = 'wanted'
    returning * into c;
    if c.checkout_id is null then
        return false;
    end if;
    perform checkout_news(the_org, c, 'failed', at);
    return true;
end
$$;

-- --- money that goes back --------------------------------------------------------------------

-- What of a payment is about to go back and not on the ledger yet.
create function refunds_coming(p payments) returns bigint stable language sql as $$
    select greatest(coalesce(sum(x.minor) filter (where x.state in ('wanted', 'pending')), 0)
                    - greatest(p.refunded_minor
                               - coalesce(sum(x.minor) filter (where x.state = 'succeeded'), 0), 0), 0)::bigint
      from refunds x where x.org_id = p.org_id and x.payment_intent = p.payment_intent
$$;

-- How much of a payment has not gone back, and is not about to. The invoice is locked.
create function payment_left(the_org uuid, the_intent text) returns bigint stable language sql as $$
    select greatest(p.minor - p.refunded_minor - refunds_coming(p) - d.disputed, 0)
      from payments p
     cross join lateral (select coalesce(sum(x.minor), 0)::bigint as disputed from disputes x
                          where x.org_id = p.org_id and x.invoice_id = p.invoice_id
                            and x.payment_intent = p.payment_intent and x.state in ('open', 'lost')) d
     where p.org_id = the_org and p.payment_intent = the_intent
$$;

-- Wish for a refund, once for each cause; no more than is left of the payment.
create function refund_want(the_org uuid, the_intent text, most bigint, the_cause text,
                            the_cancellation uuid, at timestamptz) returns bigint
    volatile language plpgsql as $$
declare
    fresh constant uuid := gen_random_uuid();
    amount constant bigint := least(most, payment_left(the_org, the_intent));
begin
    if amount is null or amount <= 0 then
        return 0;
    end if;
    insert into refunds (org_id, refund_id, payment_intent, invoice_id, customer_id, cancellation_id, cause,
                         minor, currency, idempotency_key, made_at, state_at, due_at)
    select the_org, fresh, p.payment_intent, p.invoice_id, p.customer_id, the_cancellation, the_cause, amount,
           p.currency, 'parley/refund/' || the_cause, refund_want.at, refund_want.at, refund_want.at
      from payments p where p.org_id = the_org and p.payment_intent = the_intent
        on conflict (org_id, cause) do nothing;
    return case when found then amount else 0 end;
end
$$;

-- What was paid for an order whose cancellation is approved goes back, and its invoices are void.
create function cancellation_refund(the_org uuid, the_cancellation uuid, at timestamptz) returns bigint
    volatile language plpgsql as $$
declare
    c cancellations;
    r record;
    p record;
    back bigint := 0;
begin
    select * into c from cancellations x where x.org_id = the_org and x.cancellation_id = the_cancellation;
    perform from orders o where o.org_id = the_org and o.order_id = c.order_id for no key update;
    update cancellations x set refund_due = false
     where x.org_id = the_org and x.cancellation_id = the_cancellation and x.refund_due;
    if not found then
        return 0; -- another worker was faster
    end if;
    for r in select i.invoice_id from invoices i where i.org_id = the_org and i.order_id = c.order_id
              order by i.invoice_id for no key update loop
        for p in select x.payment_intent, x.minor from payments x
                  where x.org_id = the_org and x.invoice_id = r.invoice_id order by x.at, x.payment_id loop
            back := back + refund_want(the_org, p.payment_intent, p.minor,
                                       'cancellation/' || the_cancellation || '/' || p.payment_intent,
                                       the_cancellation, at);
        end loop;
        perform invoice_void(the_org, r.invoice_id, at);
    end loop;
    return back;
end
$$;

-- Bring the ledger to what is known of a payment's refunds. Each says so itself; the charge says the sum,
-- with those that failed later among it. What more of the two has gone back is what has. The customer is
-- told whenever it grew. The invoice is locked.
create function refund_book(the_org uuid, the_intent text, the_event text, at timestamptz) returns bigint
    volatile language plpgsql as $$
declare
    p payments;
    i invoices;
    known bigint;
    failed bigint;
    more bigint;
begin
    select * into p from payments x where x.org_id = the_org and x.payment_intent = the_intent;
    select coalesce(sum(x.minor) filter (where x.state = 'succeeded'), 0)::bigint,
           coalesce(sum(x.minor) filter (where x.state = 'failed' and x.provider_id is not null), 0)::bigint
      into known, failed
      from refunds x where x.org_id = the_org and x.payment_intent = the_intent;
    more := greatest(known, p.charge_refunded_minor - failed) - p.refunded_minor;
    if more = 0 then
        return 0;
    end if;
    perform ledger_add(the_org, p.invoice_id, case when more > 0 then 'refund' else 'refund_failed' end, more,
                       'refund:' || the_intent || ':' || the_event, at);
    update payments x set refunded_minor = x.refunded_minor + more
     where x.org_id = the_org and x.payment_intent = the_intent;
    if more > 0 then
        select * into i from invoices x where x.org_id = the_org and x.invoice_id = p.invoice_id;
        perform notice_make(the_org, p.customer_id, '', 'refunded', 'refund/' || the_event, i.order_id,
                            jsonb_build_object('number', the_event, 'invoice', i.number, 'amount',
                                jsonb_build_object('minor', more, 'currency', p.currency)), at, at);
    end if;
    return more;
end
$$;

-- --- what Stripe says ------------------------------------------------------------------------

-- Payment failed: the customer hears it, and the business's systems do.
create function payment_failed(the_org uuid, c checkouts, i invoices, why text, the_event text, at timestamptz)
    returns void volatile language plpgsql as $$
begin
    perform notice_make(the_org, c.customer_id, '', 'payment_failed', 'payment/' || the_event, i.order_id,
                        jsonb_build_object('number', the_event, 'invoice', i.number, 'reason', why, 'amount',
                            jsonb_build_object('minor', c.minor, 'currency', c.currency)), at, at);
    perform event_out(the_org, 'payment.failed', 'invoice/' || i.number, c.customer_id,
                      jsonb_build_object('invoice_id', i.invoice_id, 'number', i.number, 'amount_minor', c.minor,
                                         'currency', c.currency, 'error_reason', why), at);
end
$$;

create function stripe_paid(the_org uuid, c checkouts, i invoices, e jsonb, at timestamptz,
                            out outcome text, out alert text)
    volatile language plpgsql as $$
declare
    intent constant text := e ->> 'payment_intent';
    came constant bigint := (e ->> 'minor')::bigint;
    s record;
    r record;
    wanted bigint;
begin
    if intent is null or came is null or came <= 0 or upper(e ->> 'currency') is distinct from i.currency then
        outcome := 'unfit';
        alert := 'payments.unfit';
        return;
    end if;
    update checkouts x
       set state = 'completed', state_at = at, session_id = coalesce(x.session_id, e ->> 'session'),
           payment_intent = intent, due_at = null, url = null
     where x.org_id = the_org and x.checkout_id = c.checkout_id;
    if not ledger_add(the_org, i.invoice_id, 'payment', -came, 'payment:' || intent, at) then
        outcome := 'again';
        return;
    end if;
    outcome := 'paid';
    insert into payments (org_id, payment_id, payment_intent, invoice_id, customer_id, checkout_id, minor,
                          currency, method, at)
    values (the_org, gen_random_uuid(), intent, i.invoice_id, i.customer_id, c.checkout_id, came, i.currency,
            coalesce(e ->> 'method', ''), at);
    -- Refunds and disputes name the payment only. What came of them before now is done now.
    perform pg_advisory_xact_lock(hashtextextended('stripe/' || intent, 0));
    insert into directory (kind, external_id, org_id) values ('stripe_payment', intent, the_org)
        on conflict do nothing;
    select * into s from invoice_stands(the_org, i.invoice_id, at::date);
    perform notice_make(the_org, i.customer_id, '', 'payment_received', 'payment/' || intent, i.order_id,
                        jsonb_build_object('number', intent, 'invoice', i.number, 'amount',
                            jsonb_build_object('minor', came, 'currency', i.currency)), at, at);
    perform event_out(the_org, 'payment.made', 'invoice/' || i.number, i.customer_id,
                      jsonb_build_object('invoice_id', i.invoice_id, 'number', i.number, 'amount_minor', came,
                                         'currency', i.currency, 'payment_method', coalesce(e ->> 'method', ''),
                                         'outstanding_minor', s.outstanding), at);
    if came <> c.minor then
        alert := 'payments.other_amount';
    end if;
    -- A link that was over for us and was paid all the same, or an order cancelled meanwhile.
    select coalesce(sum(refunds_coming(x)), 0)::bigint into wanted from payments x
     where x.org_id = the_org and x.invoice_id = i.invoice_id;
    if -s.outstanding - wanted > 0 then
        perform refund_want(the_org, intent, least(-s.outstanding - wanted, came), 'over/' || intent, null, at);
        alert := 'payments.overpaid';
    end if;
    for r in select x.event, x.event_id from stripe_early x where x.payment_intent = intent order by x.event_id loop
        perform stripe_event(the_org, r.event, at);
        delete from stripe_early x where x.payment_intent = intent and x.event_id = r.event_id;
    end loop;
end
$$;

create function stripe_checkout(the_org uuid, e jsonb, at timestamptz, out outcome text, out alert text)
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
    elsif outcome = 'declined' and c.state in ('wanted', 'open') then
        perform payment_failed(the_org, c, i, coalesce(e ->> 'reason', 'declined'), e ->> 'id', at);
    else
        outcome := 'late';
    end if;
end
$$;

create function stripe_refund(the_org uuid, p payments, e jsonb, at timestamptz, out outcome text, out alert text)
    volatile language plpgsql as $$
declare
    r refunds;
    stands constant text := case e ->> 'status' when 'succeeded' then 'succeeded' when 'failed' then 'failed'
                            when 'canceled' then 'failed' else 'pending' end;
    ranks constant text[] := array['wanted', 'pending', 'succeeded', 'failed'];
begin
    outcome := 'refund';
    select * into r from refunds x
     where x.org_id = the_org and x.payment_intent = p.payment_intent
       and (x.provider_id = e ->> 'object' or x.provider_id is null and x.refund_id = uuid_or_null(e ->> 'refund'))
     order by x.provider_id nulls last limit 1 for no key update;
    if r.refund_id is null then
        if coalesce((e ->> 'minor')::bigint, 0) <= 0 then
            outcome := 'unfit';
            return;
        end if;
        insert into refunds (org_id, refund_id, payment_intent, invoice_id, customer_id, cause, minor, currency,
                             state, idempotency_key, provider_id, made_at, state_at)
        values (the_org, gen_random_uuid(), p.payment_intent, p.invoice_id, p.customer_id,
                'stripe/' || (e ->> 'object'), (e ->> 'minor')::bigint, p.currency, 'wanted', '', e ->> 'object',
                at, at)
        returning * into r;
    end if;
    if array_position(ranks, stands) <= array_position(ranks, r.state) and r.provider_id is not null then
        outcome := 'late';
        return;
    end if;
    update refunds x
       set state = case when array_position(ranks, stands) > array_position(ranks, x.state) then stands else x.state end,
           state_at = at, provider_id = e ->> 'object', reason = coalesce(e ->> 'reason', x.reason),
           due_at = case when stands = 'pending' then at + interval '1 day' end, attempts = 0
     where x.org_id = the_org and x.refund_id = r.refund_id;
    if stands = 'failed' then
        alert := 'payments.refund_failed';
    end if;
    perform refund_book(the_org, p.payment_intent, e ->> 'id', at);
    if stands = 'succeeded' and r.cancellation_id is not null then
        update cancellations x set status = 'refunded', status_at = at
         where x.org_id = the_org and x.cancellation_id = r.cancellation_id and x.status = 'approved'
           and not exists (select from refunds o
                            where o.org_id = the_org and o.cancellation_id = r.cancellation_id
                              and o.state <> 'succeeded');
    end if;
end
$$;

create function stripe_dispute(the_org uuid, p payments, e jsonb, at timestamptz, out outcome text, out alert text)
    volatile language plpgsql as $$
declare
    amount constant bigint := least((e ->> 'minor')::bigint, p.minor);
    stands constant text := case when e ->> 'status' in ('needs_response', 'under_review') then 'open'
                                 when e ->> 'status' in ('won', 'lost') then e ->> 'status' end;
begin
    outcome := 'dispute';
    if stands is null or amount is null or amount <= 0 then
        outcome := 'noted'; -- an inquiry: nothing was taken
        return;
    end if;
    insert into disputes as x (org_id, provider_id, payment_intent, invoice_id, customer_id, minor, currency,
                               reason, state, state_at)
    values (the_org, e ->> 'object', p.payment_intent, p.invoice_id, p.customer_id, amount, p.currency,
            coalesce(e ->> 'reason', ''), stands, at)
        on conflict (org_id, provider_id) do update set state = excluded.state, state_at = at
     where x.state = 'open' and excluded.state <> 'open';
    if not found then
        outcome := 'late';
    end if;
    if ledger_add(the_org, p.invoice_id, 'dispute', amount, 'dispute:' || (e ->> 'object'), at) then
        alert := 'payments.disputed';
    end if;
    if stands = 'won' then
        perform ledger_add(the_org, p.invoice_id, 'dispute_won', -amount, 'dispute_won:' || (e ->> 'object'), at);
    end if;
end
$$;

-- One event, decoded (webhooks/stripe_event.h says what stands in it), for one business: done once, in any
-- order. Outcomes: what it did; again, late (there is nothing to do any more), foreign (not this business's),
-- unknown (of a payment that we have not heard of), unfit (its amount or currency can't be), noted.
create function stripe_event(the_org uuid, e jsonb, at timestamptz, out outcome text, out alert text)
    volatile language plpgsql as $$
declare
    p payments;
begin
    if e ->> 'kind' in ('paid', 'processing', 'async_failed', 'expired', 'declined') then
        select x.outcome, x.alert into outcome, alert from stripe_checkout(the_org, e, at) x;
        return;
    end if;
    select * into p from payments x where x.org_id = the_org and x.payment_intent = e ->> 'payment_intent';
    if p.payment_id is null then
        outcome := 'unknown';
        return;
    end if;
    perform invoice_lock(the_org, p.invoice_id);
    insert into stripe_seen (org_id, event_id, at) values (the_org, e ->> 'id', at) on conflict do nothing;
    if not found then
        outcome := 'again';
        return;
    end if;
    delete from stripe_seen x
     where x.org_id = the_org
       and x.event_id in (select o.event_id from stripe_seen o
                           where o.org_id = the_org and o.at < stripe_event.at - interval '40 days' limit 4);
    select * into p from payments x where x.org_id = the_org and x.payment_id = p.payment_id;
    case e ->> 'kind'
    when 'refund' then
        select x.outcome, x.alert into outcome, alert from stripe_refund(the_org, p, e, at) x;
    when 'dispute' then
        select x.outcome, x.alert into outcome, alert from stripe_dispute(the_org, p, e, at) x;
    when 'charge_refunded' then
        outcome := 'charge_refunded';
        update payments x set charge_refunded_minor = greatest(x.charge_refunded_minor,
                                                               least((e ->> 'minor')::bigint, x.minor))
         where x.org_id = the_org and x.payment_id = p.payment_id;
        perform refund_book(the_org, p.payment_intent, e ->> 'id', at);
    else
        outcome := 'noted';
    end case;
end
$$;

-- An event at the door: whose it is comes from the metadata that we gave, or from the payment; then it is
-- that business's transaction. What names a payment that nobody knows waits a month for it.
create function stripe_take(e jsonb, at timestamptz, out outcome text, out alert text, out org uuid)
    volatile language plpgsql as $$
declare
    intent constant text := e ->> 'payment_intent';
begin
    if e ->> 'checkout' is not null and e ->> 'kind' in ('paid', 'processing', 'async_failed', 'expired',
                                                         'declined') then
        org := uuid_or_null(e ->> 'org');
    elsif intent is not null then
        select d.org_id into org from directory d where d.kind = 'stripe_payment' and d.external_id = intent;
        if org is null then
            -- The payment may be coming in at this moment: it looks for what waits under this lock.
            perform pg_advisory_xact_lock(hashtextextended('stripe/' || intent, 0));
            select d.org_id into org from directory d where d.kind = 'stripe_payment' and d.external_id = intent;
        end if;
        if org is null then
            insert into stripe_early (payment_intent, event_id, event, at) values (intent, e ->> 'id', e, at)
                on conflict do nothing;
            delete from stripe_early x
             where (x.payment_intent, x.event_id) in (select o.payment_intent, o.event_id from stripe_early o
                                                       where o.at < stripe_take.at - interval '30 days' limit 10);
            outcome := 'early';
            return;
        end if;
    end if;
    if org is null then
        outcome := 'unknown';
        return;
    end if;
    perform set_config('parley.org_id', org::text, true);
    select x.outcome, x.alert into outcome, alert from stripe_event(org, e, at) x;
end
$$;
