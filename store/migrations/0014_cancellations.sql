-- Cancelling: whether an order may be cancelled is each business's own rules, kept as data; a
-- request is judged in one transaction with the order that it is about.
--
-- The order's row is the lock between fulfilment and cancelling. Whoever cancels takes it FOR
-- UPDATE and judges afterwards; whoever ships changes that row too (or adds a parcel, whose
-- foreign key waits for it), and looks first whether the order still goes (see order_ship). So of
-- a parcel and a cancellation that come at the same instant one is told that it is too late.

-- What has been paid and not given back. Nothing fills it before payments do.
alter table orders add column paid_minor bigint not null default 0 check (paid_minor >= 0);

-- The first rule, by position, that fits the facts decides; one that leaves a fact out (null) fits
-- any. `open_for` counts from when the order was placed: hours and minutes as they pass, days and
-- months by the business's own clock, so that "1 day" ends at the same time of day also when the
-- clocks are changed in between. At its last instant a window is closed.
-- A refusal says why and what else helps: keys of ours, or the business's words by language.
create table cancellation_rules (
    org_id       uuid not null references businesses,
    rule_id      text not null check (rule_id <> ''),
    position     smallint not null,
    workflow     text,
    statuses     text[],
    phase        text check (phase in ('active', 'done', 'cancelled')),
    part_shipped boolean,
    paid         boolean,
    open_for     interval check (open_for > interval '0'),
    effect       text not null check (effect in ('approve', 'review', 'refuse')),
    why          text not null default 'by_a_person'
                 check (why in ('by_a_person', 'part_shipped', 'in_work', 'made_to_order',
                                'finished')),
    why_words    jsonb not null default '{}',
    help         text not null default 'person'
                 check (help in ('person', 'return', 'refuse_parcel', 'call')),
    help_words   jsonb not null default '{}',
    primary key (org_id, position),
    unique (org_id, rule_id)
);

-- Why people cancel, in the business's words by language.
create table cancellation_reasons (
    org_id   uuid not null references businesses,
    reason   text not null check (reason <> ''),
    position smallint not null,
    names    jsonb not null,
    primary key (org_id, reason)
);

create table cancellations (
    org_id          uuid not null,
    cancellation_id uuid not null,
    order_id        uuid not null,
    customer_id     uuid not null,
    conversation_id uuid,            -- where it was asked, and is answered
    status          text not null check (status in ('submitted', 'in_review', 'approved',
                                                    'rejected', 'refunded', 'withdrawn')),
    reason          text not null default '',
    note            text not null default '' check (length(note) <= 500),
    rule_id         text not null,   -- as it was called then
    facts           jsonb not null,  -- what the rule saw
    asked_at        timestamptz not null,
    status_at       timestamptz not null,
    decided_by      text not null default '',
    decision_note   text not null default '',
    primary key (org_id, cancellation_id),
    foreign key (org_id, order_id) references orders (org_id, order_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id)
);
create index cancellations_customer on cancellations (org_id, customer_id, asked_at desc);
create index cancellations_order on cancellations (org_id, order_id, asked_at desc);
create index cancellations_undecided on cancellations (org_id, asked_at)
    where status in ('submitted', 'in_review');
create unique index cancellations_one_open on cancellations (org_id, order_id)
    where status in ('submitted', 'in_review');

-- --- who may do what -------------------------------------------------------------------------

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
    customer constant text :=
        'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid';
begin
    foreach t in array array['cancellation_rules', 'cancellation_reasons', 'cancellations'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
    end loop;
    foreach t in array array['cancellation_rules', 'cancellation_reasons'] loop
        execute format('create policy org on %I using (%s) with check (%s)', t, org, org);
    end loop;
    execute format('create policy org on cancellations to parley_staff using (%s) with check (%s)',
                   org, org);
    execute format('create policy own on cancellations to parley_bot, parley_web'
                   ' using (%s and %s) with check (%s and %s)', org, customer, org, customer);
end
$$;

grant select on cancellation_rules, cancellation_reasons, cancellations to parley_bot, parley_web,
                                                                         parley_staff;
grant insert on cancellations to parley_bot;
grant update (status, status_at) on cancellations to parley_bot;
grant update (status) on orders to parley_bot;
grant insert on order_events to parley_bot;
grant insert, update, delete on cancellation_rules, cancellation_reasons to parley_staff;
grant insert, update on cancellations to parley_staff;

-- --- judging ---------------------------------------------------------------------------------

-- A zone that PostgreSQL knows: a business that wrote nonsense gets UTC, and its customers answers.
create function zone_or_utc(zone text) returns text stable language plpgsql as $$
begin
    perform timestamp '2000-01-01' at time zone zone;
    return zone;
exception when invalid_parameter_value then
    return 'UTC';
end
$$;

-- When a window that opened at `placed` closes. An hour that comes twice counts as the later one,
-- and one that is left out as the hour after it: both are the customer's gain.
create function cancellation_closes(placed timestamptz, open_for interval, zone text)
    returns timestamptz stable language sql as $$
    select case
           when d.days = interval '0' then placed + open_for
           else ((placed at time zone zone) + d.days) at time zone zone + (open_for - d.days) end
      from (select make_interval(years => extract(year from open_for)::int,
                                 months => extract(month from open_for)::int,
                                 days => extract(day from open_for)::int) as days) d
$$;

-- The words of a business in a language, else in its own, else any.
create function own_words(words jsonb, language text, of_business text) returns text
    immutable language sql as $$
    select coalesce(words ->> language, words ->> of_business, words ->> 'en',
                    (select w.value from jsonb_each_text(words) w order by w.key limit 1))
$$;

-- What becomes of a wish to cancel at `at`. Volatile, so that after a lock it sees what the lock
-- waited for. The verdicts: approve, review; gone, already_cancelled, already_asked, shipped,
-- too_late (closed_at says since when), not_allowed. `number` is the order's own, exactly.
create function cancellation_judge(
    of_org uuid, of_customer uuid, of_number text, at timestamptz, language text,
    out verdict text, out order_id uuid, out number text, out workflow text,
    out order_status text, out cancelled_status text, out rule_id text, out why text,
    out why_own text, out help text, out help_own text, out closed_at timestamptz,
    out closes_at timestamptz, out asked_status text, out asked_at timestamptz, out facts jsonb)
    volatile language plpgsql as $$
declare
    o record;
    b record;
    asked record;
    rule record;
begin
    select x.*, s.phase, s.in_transit, p.left_us,
           (select c.status from workflow_states c
             where c.org_id = x.org_id and c.workflow = x.workflow and c.phase = 'cancelled'
             order by c.position limit 1) as cancelled
      into o
      from orders x
      join workflow_states s
        on s.org_id = x.org_id and s.workflow = x.workflow and s.status = x.status
     cross join lateral (
        select count(*) filter (where p.status <> 'label_created') > 0 as left_us
          from shipments p where p.org_id = x.org_id and p.order_id = x.order_id) p
     where x.org_id = of_org and x.customer_id = of_customer and x.number = of_number;
    if not found then
        verdict := 'gone';
        return;
    end if;
    select zone_or_utc(x.time_zone) as zone, x.language as own into b
      from businesses x where x.org_id = of_org;
    order_id := o.order_id;
    number := o.number;
    workflow := o.workflow;
    order_status := o.status;
    cancelled_status := o.cancelled;
    facts := jsonb_build_object(
        'at', at, 'placed_at', o.placed_at, 'workflow', o.workflow, 'status', o.status,
        'phase', o.phase, 'part_shipped', o.left_us and o.phase = 'active' and not o.in_transit,
        'shipped', o.in_transit or o.phase = 'done' and o.left_us, 'paid', o.paid_minor > 0,
        'paid_minor', o.paid_minor, 'currency', o.currency, 'zone', b.zone);

    if o.phase = 'cancelled' then
        verdict := 'already_cancelled';
        return;
    end if;
    select c.status, c.asked_at into asked
      from cancellations c
     where c.org_id = of_org and c.order_id = o.order_id and c.status <> 'withdrawn'
     order by c.asked_at desc, c.cancellation_id desc limit 1;
    if found then
        verdict := 'already_asked';
        asked_status := asked.status;
        asked_at := asked.asked_at;
        return;
    end if;

    select r.*, cancellation_closes(o.placed_at, r.open_for, b.zone) as closes into rule
      from cancellation_rules r
     where r.org_id = of_org
       and coalesce(r.workflow = o.workflow, true)
       and (r.statuses is null or o.status = any (r.statuses))
       and coalesce(r.phase = o.phase, true)
       and coalesce(r.part_shipped = (facts -> 'part_shipped')::boolean, true)
       and coalesce(r.paid = (facts -> 'paid')::boolean, true)
       and coalesce(at < cancellation_closes(o.placed_at, r.open_for, b.zone), true)
     order by r.position limit 1;
    rule_id := coalesce(rule.rule_id, '');
    if rule.effect in ('approve', 'review') then
        -- Without a state to put the order into, a person has to see to it.
        verdict := case when o.cancelled is null then 'review' else rule.effect end;
        closes_at := rule.closes;
        return;
    end if;
    why := coalesce(rule.why, 'by_a_person');
    help := coalesce(rule.help, 'person');
    why_own := own_words(rule.why_words, language, b.own);
    help_own := own_words(rule.help_words, language, b.own);
    if (facts -> 'shipped')::boolean then
        verdict := 'shipped';
        return;
    end if;
    -- The last window that was open to this very order, and would have come before the refusal.
    select max(cancellation_closes(o.placed_at, r.open_for, b.zone)) into closed_at
      from cancellation_rules r
     where r.org_id = of_org and r.open_for is not null and r.effect <> 'refuse'
       and coalesce(r.position < rule.position, true)
       and coalesce(r.workflow = o.workflow, true)
       and (r.statuses is null or o.status = any (r.statuses))
       and coalesce(r.phase = o.phase, true)
       and coalesce(r.part_shipped = (facts -> 'part_shipped')::boolean, true)
       and coalesce(r.paid = (facts -> 'paid')::boolean, true);
    verdict := case when closed_at is null then 'not_allowed' else 'too_late' end;
end
$$;

-- --- acting ----------------------------------------------------------------------------------

-- Ask for a cancellation: the order is locked, judged, and the request kept, with the rule and
-- what it saw. Outcomes: submitted, approved, and the refusals of cancellation_judge.
create function cancellation_request(
    of_org uuid, of_customer uuid, of_number text, of_reason text, of_note text, language text,
    at timestamptz, new_id uuid, of_conversation uuid,
    out outcome text, out number text, out workflow text, out status text,
    out why text, out why_own text, out help text, out help_own text,
    out closed_at timestamptz, out asked_status text, out asked_at timestamptz)
    volatile language plpgsql as $$
declare
    j record;
begin
    perform 1 from orders o
      where o.org_id = of_org and o.customer_id = of_customer and o.number = of_number
        for update;
    select * into j from cancellation_judge(of_org, of_customer, of_number, at, language);
    number := j.number;
    workflow := j.workflow;
    status := j.order_status;
    why := j.why;
    why_own := j.why_own;
    help := j.help;
    help_own := j.help_own;
    closed_at := j.closed_at;
    asked_status := j.asked_status;
    asked_at := j.asked_at;
    outcome := case j.verdict when 'approve' then 'approved' when 'review' then 'submitted'
               else j.verdict end;
    if outcome not in ('approved', 'submitted') then
        return;
    end if;
    insert into cancellations (org_id, cancellation_id, order_id, customer_id, conversation_id,
                               status, reason, note, rule_id, facts, asked_at, status_at,
                               decided_by)
    values (of_org, new_id, j.order_id, of_customer, of_conversation, outcome,
            coalesce((select r.reason from cancellation_reasons r
                       where r.org_id = of_org and r.reason = of_reason), ''),
            left(coalesce(of_note, ''), 500), j.rule_id, j.facts, at, at,
            case outcome when 'approved' then 'rule' else '' end);
    if outcome = 'approved' then
        update orders o set status = j.cancelled_status
         where o.org_id = of_org and o.order_id = j.order_id;
        insert into order_events (org_id, order_id, event_id, status, at, actor)
        values (of_org, j.order_id, new_id, j.cancelled_status, at, 'customer');
        status := j.cancelled_status;
    end if;
end
$$;

-- Take a request back while nobody has decided. Outcomes: withdrawn, decided, gone.
create function cancellation_withdraw(
    of_org uuid, of_customer uuid, of_id text, at timestamptz,
    out outcome text, out number text, out status text)
    volatile language plpgsql as $$
declare
    c record;
begin
    select x.cancellation_id, x.status, o.number into c
      from cancellations x
      join orders o on o.org_id = x.org_id and o.order_id = x.order_id
     where x.org_id = of_org and x.customer_id = of_customer
       and x.cancellation_id = case when of_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                    then of_id::uuid end
       for no key update of x;
    if not found then
        outcome := 'gone';
        return;
    end if;
    number := c.number;
    status := c.status;
    if c.status not in ('submitted', 'in_review') then
        outcome := case c.status when 'withdrawn' then 'withdrawn' else 'decided' end;
        return;
    end if;
    update cancellations x set status = 'withdrawn', status_at = at
     where x.org_id = of_org and x.cancellation_id = c.cancellation_id;
    outcome := 'withdrawn';
    status := 'withdrawn';
end
$$;

-- The business decides: `wish` is review, approve or reject. The conversation is locked before the
-- order, as a turn does, and the order before the request. Outcomes: in_review, approved, rejected;
-- shipped (approving came too late: the parcel is on its way), no_state (there is no state to put
-- the order into, and it would be told cancelled while it goes on), decided, withdrawn, gone.
create function cancellation_decide(
    of_org uuid, of_id uuid, wish text, of_note text, who text, at timestamptz,
    out outcome text, out number text, out status text, out customer_id uuid,
    out conversation_id uuid)
    volatile language plpgsql as $$
declare
    c record;
    o record;
begin
    select x.order_id, x.conversation_id into c
      from cancellations x where x.org_id = of_org and x.cancellation_id = of_id;
    if not found then
        outcome := 'gone';
        return;
    end if;
    perform 1 from conversations v
      where v.org_id = of_org and v.conversation_id = c.conversation_id for no key update;
    perform 1 from orders x where x.org_id = of_org and x.order_id = c.order_id for update;
    select x.* into c
      from cancellations x where x.org_id = of_org and x.cancellation_id = of_id
       for no key update;
    select x.number, x.status, s.phase,
           s.in_transit or s.phase = 'done' and exists (
               select 1 from shipments p
                where p.org_id = x.org_id and p.order_id = x.order_id
                  and p.status <> 'label_created') as shipped,
           (select w.status from workflow_states w
             where w.org_id = x.org_id and w.workflow = x.workflow and w.phase = 'cancelled'
             order by w.position limit 1) as cancelled
      into o
      from orders x
      join workflow_states s
        on s.org_id = x.org_id and s.workflow = x.workflow and s.status = x.status
     where x.org_id = of_org and x.order_id = c.order_id;
    number := o.number;
    status := c.status;
    customer_id := c.customer_id;
    conversation_id := c.conversation_id;
    if c.status not in ('submitted', 'in_review') then
        outcome := case c.status when 'withdrawn' then 'withdrawn' else 'decided' end;
        return;
    end if;
    if wish = 'approve' and o.shipped then
        outcome := 'shipped';
        return;
    end if;
    if wish = 'approve' and o.cancelled is null then
        outcome := 'no_state';
        return;
    end if;
    outcome := case wish when 'approve' then 'approved' when 'reject' then 'rejected'
               else 'in_review' end;
    status := outcome;
    update cancellations x
       set status = outcome, status_at = at, decided_by = left(who, 100),
           decision_note = left(coalesce(of_note, ''), 500)
     where x.org_id = of_org and x.cancellation_id = of_id;
    if outcome = 'approved' and o.phase <> 'cancelled' then
        update orders x set status = o.cancelled
         where x.org_id = of_org and x.order_id = c.order_id;
        insert into order_events (org_id, order_id, event_id, status, at, actor)
        values (of_org, c.order_id, of_id, o.cancelled, at, left(who, 100));
    end if;
end
$$;

-- The order leaves: its state, its parcel and its timeline at once, unless it was cancelled first.
-- Outcomes: shipped, cancelled, gone. For whoever packs, from outside the conversation.
create function order_ship(
    of_org uuid, of_order uuid, new_id uuid, of_carrier text, of_tracking text, at timestamptz)
    returns text volatile language plpgsql as $$
declare
    o record;
begin
    perform 1 from orders x where x.org_id = of_org and x.order_id = of_order for update;
    select s.phase, (select w.status from workflow_states w
                      where w.org_id = x.org_id and w.workflow = x.workflow and w.in_transit
                      order by w.position limit 1) as shipped
      into o
      from orders x
      join workflow_states s
        on s.org_id = x.org_id and s.workflow = x.workflow and s.status = x.status
     where x.org_id = of_org and x.order_id = of_order;
    if not found or o.shipped is null then
        return 'gone';
    elsif o.phase = 'cancelled' then
        return 'cancelled';
    end if;
    update orders x set status = o.shipped where x.org_id = of_org and x.order_id = of_order;
    insert into shipments (org_id, order_id, shipment_id, carrier, tracking_number, status,
                           shipped_at)
    values (of_org, of_order, new_id, of_carrier, of_tracking, 'picked_up', at);
    insert into order_events (org_id, order_id, event_id, status, at, actor)
    values (of_org, of_order, new_id, o.shipped, at, 'fulfilment');
    return 'shipped';
end
$$;
