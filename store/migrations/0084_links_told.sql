-- A link that is asked for on two channels at once is made once and told on both.

alter table checkouts
    add column also uuid[] not null default '{}',   -- other conversations where it was asked for while it was made
    add column untold uuid[] not null default '{}'; -- where `to_tell` has yet to be heard
create index checkouts_untold on checkouts (org_id, customer_id) where to_tell is not null;
drop index checkouts_tell;
grant update (also, untold) on checkouts to parley_bot;

-- A link for `the_amount` (minor units as text; none: all that may be paid). Outcomes: wanted (it will be
-- told), open (there is one for the same amount: `url`, `until`), paid, void, gone, processing (what is owed
-- is on its way already), too_much (`able` is what may be paid), too_little (`least` is what a link must be
-- for, and what must remain unless nothing does).
create or replace function checkout_make(the_org uuid, the_customer uuid, the_number text, the_amount text,
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
create or replace function checkout_tell(the_org uuid, the_customer uuid, the_conversation uuid, at timestamptz,
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

-- It is to be told where it was asked for; at once for what they wait for, else after the quiet hours. That a link
-- has expired, which nobody waits for, is told in one place.
create or replace function checkout_news(the_org uuid, c checkouts, what text, at timestamptz) returns void
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
