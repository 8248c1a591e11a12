-- What happened to an invoice, made up by chance, and told in any order: see test_store_payments.c.

create function pg_temp.say(kind text, link uuid, intent text, object text, status text, minor bigint)
    returns jsonb language sql as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'id', 'evt_' || kind || coalesce(object, '') || coalesce(status, '') || intent || minor, 'kind', kind,
        'checkout', link, 'session', case when link is not null then 'cs_' || link end, 'payment_intent', intent,
        'object', object, 'status', status, 'minor', minor, 'currency', 'usd',
        'org', case when link is not null then current_setting('parley.org_id') end))
$$;

create function pg_temp.chance(below integer) returns integer volatile language sql as $$
    select floor(random() * below)::integer
$$;

-- One link: how much of it was paid, given back by the business and taken back by the bank in the end, and what
-- is said of it.
create function pg_temp.link_history(link uuid, amount bigint, out came bigint, out back bigint, out taken bigint,
                                     out events jsonb[])
    volatile language plpgsql as $$
declare
    intent constant text := 'pi_' || link;
    fate constant integer := pg_temp.chance(7);
    part bigint;
    cumulated bigint := 0;
    comes_back boolean;
begin
    came := amount;
    back := 0;
    taken := 0;
    events := case fate
        when 0 then array[pg_temp.say('expired', link, intent, null, null, amount)]
        when 1 then array[pg_temp.say('processing', link, intent, null, null, amount),
                          pg_temp.say('async_failed', link, intent, null, null, amount)]
        when 2 then array[pg_temp.say('processing', link, intent, null, null, amount),
                          pg_temp.say('paid', link, intent, null, null, amount)]
        when 3 then array[pg_temp.say('expired', link, intent, null, null, amount),
                          pg_temp.say('paid', link, intent, null, null, amount)]
        else array[pg_temp.say('declined', link, intent, null, null, amount),
                   pg_temp.say('paid', link, intent, null, null, amount)] end;
    if fate < 2 then
        came := 0;
        return;
    end if;
    for n in 1..pg_temp.chance(3) loop
        part := 1 + pg_temp.chance((amount / 4)::integer);
        cumulated := cumulated + part;
        comes_back := pg_temp.chance(4) = 0;
        events := events || pg_temp.say('refund', null, intent, 're_' || n || link, 'pending', part)
                         || pg_temp.say('refund', null, intent, 're_' || n || link, 'succeeded', part)
                         || pg_temp.say('charge_refunded', null, intent, 'ch_' || link, n::text, cumulated);
        if comes_back then
            events := events || pg_temp.say('refund', null, intent, 're_' || n || link, 'failed', part);
        else
            back := back + part;
        end if;
    end loop;
    if pg_temp.chance(4) = 0 then
        part := amount / 3 + 1;
        events := events || pg_temp.say('dispute', null, intent, 'du_' || link, 'needs_response', part)
                         || pg_temp.say('dispute', null, intent, 'du_' || link, 'under_review', part);
        case pg_temp.chance(3)
        when 0 then
            events := events || pg_temp.say('dispute', null, intent, 'du_' || link, 'won', part);
        when 1 then
            events := events || pg_temp.say('dispute', null, intent, 'du_' || link, 'lost', part);
            taken := taken + part;
        else
            taken := taken + part;
        end case;
    end if;
end
$$;

-- Told in some order, with repetitions; what stands afterwards. Nothing of it stays.
create function pg_temp.tell(the_invoice uuid, events jsonb[]) returns text
    volatile language plpgsql as $$
declare
    e jsonb;
    stands text;
begin
    for e in select x from unnest(events) x, generate_series(1, 1 + pg_temp.chance(2)) order by random() loop
        perform stripe_take(e, '2026-06-10 12:00Z');
    end loop;
    select s.outstanding || ' ' || s.paid || ' ' || s.disputed || ' '
           || coalesce((select string_agg(c.state, ',' order by c.checkout_id) from checkouts c
                         where c.org_id = current_setting('parley.org_id')::uuid and c.invoice_id = the_invoice), '')
           || ' ' || (select count(*) from stripe_early y join checkouts c on y.payment_intent = 'pi_' || c.checkout_id
                        where c.org_id = current_setting('parley.org_id')::uuid and c.invoice_id = the_invoice)
      into stands
      from invoice_stands(current_setting('parley.org_id')::uuid, the_invoice, '2026-06-10') s;
    raise exception using errcode = 'PT001', message = stands;
exception when sqlstate 'PT001' then
    return stands;
end
$$;

create function pg_temp.play(histories integer) returns void volatile language plpgsql as $$
declare
    org constant uuid := current_setting('parley.org_id')::uuid;
    the_customer uuid;
    total bigint;
    amount bigint;
    link uuid;
    i record;
    h record;
    came bigint;
    back bigint;
    taken bigint;
    owed bigint;
    events jsonb[];
    first text;
    second text;
begin
    for k in 1..histories loop
        perform setseed((k % 100000) / 100000.0);
        total := 100 + pg_temp.chance(1000000);
        came := 0;
        back := 0;
        taken := 0;
        events := '{}';
        the_customer := md5('history/' || k)::uuid;
        begin
            insert into customers (org_id, customer_id) values (org, the_customer);
            select * into i
              from invoice_put(org, the_customer, null, 'H-' || k, null, '2026-06-01', null, 'USD', total, 0, 0,
                               total, '', null, false, 'h', '2026-06-01');
            for n in 1..1 + pg_temp.chance(3) loop
                amount := 50 + pg_temp.chance(least(total, 900000)::integer);
                link := md5(k || '/' || n)::uuid;
                insert into checkouts (org_id, checkout_id, invoice_id, customer_id, minor, currency, state,
                                       idempotency_key, session_id, expires_at, made_at, state_at)
                values (org, link, i.invoice_id, the_customer, amount, 'USD', 'open', 'k', 'cs_' || link,
                        '2026-06-11', '2026-06-10', '2026-06-10');
                select * into h from pg_temp.link_history(link, amount);
                came := came + h.came;
                back := back + h.back;
                taken := taken + h.taken;
                events := events || h.events;
            end loop;
            first := pg_temp.tell(i.invoice_id, events);
            second := pg_temp.tell(i.invoice_id, events);
            raise exception using errcode = 'PT002';
        exception when sqlstate 'PT002' then
            null;
        end;
        -- What is given back settles what was too much, and beyond that is a gift; what a bank takes is owed.
        owed := case when came <= total then total - came else least(total - came + back, 0) end + taken;
        if first <> second then
            raise exception 'history %: % and %', k, first, second;
        elsif split_part(first, ' ', 1)::bigint <> owed or split_part(first, ' ', 2)::bigint <> came - back - taken then
            raise exception 'history %: %, but % came for %, % went back and % was taken, so % is owed', k, first,
                            came, total, back, taken, owed;
        elsif first !~ ' 0$' then
            raise exception 'history %: something still waits for its payment', k;
        end if;
    end loop;
end
$$;
