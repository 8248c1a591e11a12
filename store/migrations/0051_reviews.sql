-- Reviews: asked for once an order, job or repair is done, and given: flows/review.yaml,
-- store/sql/reviews.sql, bot/cmd_review.c.

-- One an order, for ever: that is what makes sure that nobody is asked twice. `requested` waits for
-- its time; `withdrawn` says in `why` what came between (a ticket, a refund, nowhere to ask).
create table reviews (
    org_id       uuid not null references businesses,
    review_id    uuid not null,
    order_id     uuid not null,
    customer_id  uuid not null,
    state        text not null default 'requested'
        check (state in ('requested', 'asked', 'reminded', 'completed', 'skipped', 'withdrawn')),
    why          text not null default '',
    source       text not null check (source in ('timer', 'staff', 'customer')),
    rating       smallint check (rating between 1 and 5),
    comment      text not null default '' check (length(comment) <= 2000),
    channel      text not null default '', -- on which it was answered
    platform     text not null default '', -- whose link was opened last
    ticket_id    uuid,                     -- opened for a low rating
    requested_at timestamptz not null,
    asked_at     timestamptz,
    reminded_at  timestamptz,
    answered_at  timestamptz,              -- first: from then on it may be changed for some days
    changed_at   timestamptz,
    clicked_at   timestamptz,
    primary key (org_id, review_id),
    unique (org_id, order_id),
    foreign key (org_id, order_id) references orders (org_id, order_id),
    foreign key (org_id, customer_id) references customers (org_id, customer_id),
    check ((state = 'completed') = (rating is not null))
) with (fillfactor = 80);
create index reviews_requested on reviews (org_id, requested_at);
create index reviews_customer on reviews (org_id, customer_id, asked_at);

do $$
declare
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    alter table reviews enable row level security;
    alter table reviews force row level security;
    execute format('create policy org on reviews to parley_staff using (%s) with check (%s)', org, org);
    execute format('create policy own on reviews for select to parley_bot, parley_web using (%s and '
                   'customer_id = nullif(current_setting(''parley.customer_id'', true), '''')::uuid)', org);
end
$$;
grant select on reviews to parley_bot, parley_web;
grant select, insert, update, delete on reviews to parley_staff;

-- --- settings --------------------------------------------------------------------------------

-- A time in a business's settings, as "24 hours" or "3 days".
create function review_time(settings jsonb, name text, otherwise interval) returns interval
    immutable parallel safe language sql as $$
    select case when settings ->> name ~ '^[0-9]{1,4} (minute|hour|day)s?$'
                then (settings ->> name)::interval else otherwise end
$$;

-- --- asking ----------------------------------------------------------------------------------

-- An order has come to its end at `at`: its customer is to be asked a while later, once. Called where
-- the status changes, in the same transaction; harmless when it is not done, or was asked about. What
-- was withdrawn since it was taken up again begins anew. Null: nobody is asked.
create function review_due(the_org uuid, the_order uuid, at timestamptz) returns uuid
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    o record;
    found_id uuid;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return null;
    end if;
    select x.customer_id, x.number, b.settings into o
      from orders x
      join workflow_states w on w.org_id = x.org_id and w.workflow = x.workflow and w.status = x.status
      join businesses b on b.org_id = x.org_id
     where x.org_id = the_org and x.order_id = the_order and w.phase = 'done';
    if not found or o.settings ->> 'reviews' = 'false' or at < now() - interval '14 days' then
        return null;
    end if;
    insert into reviews as r (org_id, review_id, order_id, customer_id, source, requested_at)
    values (the_org, gen_random_uuid(), the_order, o.customer_id, 'timer', now())
        on conflict (org_id, order_id) do update
       set state = 'requested', why = '', customer_id = excluded.customer_id, requested_at = excluded.requested_at
     where r.state = 'withdrawn' and r.why = 'unfinished'
    returning r.review_id into found_id;
    if found_id is not null then
        perform notice_make(the_org, o.customer_id, 'reviews', 'review_asked', '', the_order,
                            jsonb_build_object('number', o.number),
                            at + review_time(o.settings, 'review_after', interval '24 hours'), now());
    end if;
    return found_id;
end
$$;

-- Somebody of the business wants it asked now. Outcomes: asked (it is on its way), already (it was
-- asked about, or answered), unfinished, unknown.
create function review_request(the_org uuid, the_number text, at timestamptz)
    returns table (outcome text, number text, review uuid)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    o record;
begin
    outcome := 'unknown';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return next;
        return;
    end if;
    select x.order_id, x.customer_id, x.number, w.phase into o
      from orders x
      join workflow_states w on w.org_id = x.org_id and w.workflow = x.workflow and w.status = x.status
     where x.org_id = the_org
       and x.number_key = upper(regexp_replace(left(the_number, 100), '[^[:alnum:]]', '', 'g'))
     order by x.number = the_number desc, x.placed_at desc limit 1;
    number := o.number;
    if o.order_id is null then
        return next;
        return;
    elsif o.phase <> 'done' then
        outcome := 'unfinished';
        return next;
        return;
    end if;
    insert into reviews as r (org_id, review_id, order_id, customer_id, source, requested_at)
    values (the_org, gen_random_uuid(), o.order_id, o.customer_id, 'staff', at)
        on conflict (org_id, order_id) do update
       set state = 'requested', why = '', source = 'staff', customer_id = excluded.customer_id,
           requested_at = excluded.requested_at
     where r.state in ('requested', 'withdrawn') and r.asked_at is null
    returning r.review_id into review;
    outcome := case when review is null then 'already' else 'asked' end;
    if review is not null then
        perform notice_make(the_org, o.customer_id, 'reviews', 'review_asked', '', o.order_id,
                            jsonb_build_object('number', o.number), at, at);
    end if;
    return next;
end
$$;

-- Why nobody should be asked about this order now; null: they may be.
create function review_unwanted(the_org uuid, the_order uuid) returns text
    stable language sql as $$
    select case
           when b.settings ->> 'reviews' = 'false' then 'off'
           when w.phase is distinct from 'done' then 'unfinished'
           when exists (select from tickets k where k.org_id = the_org and k.customer_id = o.customer_id
                           and k.order_id = the_order and k.status <> 'closed') then 'ticket'
           when exists (select from cancellations c where c.org_id = the_org and c.order_id = the_order
                           and c.status in ('submitted', 'in_review', 'approved', 'refunded')) then 'cancelled'
           when exists (select from invoices i
                          join refunds f on f.org_id = i.org_id and f.invoice_id = i.invoice_id
                         where i.org_id = the_org and i.order_id = the_order and f.state <> 'failed') then 'refunded'
           end
      from orders o
      join businesses b on b.org_id = o.org_id
      left join workflow_states w on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
     where o.org_id = the_org and o.order_id = the_order
$$;

-- The flow that tells a kind of news.
create function notice_flow(kind text) returns text immutable parallel safe language sql as $$
    select case when kind in ('review_asked', 'review_reminder') then 'review_asked' else 'news' end
$$;

-- What was to be asked here and now: one review, marked as asked in the turn that asks it, its reminder
-- made with it. One question a day; others wait. Outcomes: asked, reminded, nothing.
create function review_ask(the_org uuid, the_customer uuid, of_conversation uuid, at timestamptz,
                           out outcome text, out number text, out workflow text)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    n notices;
    r reviews;
    verdict text;
    asked_lately timestamptz;
    place record;
    wish jsonb;
begin
    outcome := 'nothing';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    for n in
        select x.* from notices x
         where x.org_id = the_org and x.conversation_id = of_conversation and x.state = 'placed'
           and x.due_at <= review_ask.at and x.customer_id = the_customer and notice_flow(x.kind) = 'review_asked'
         order by x.due_at, x.made_at limit 10
           for update
    loop
        select v.* into r from reviews v where v.org_id = the_org and v.order_id = n.order_id for update;
        select max(coalesce(v.reminded_at, v.asked_at)) into asked_lately
          from reviews v
         where v.org_id = the_org and v.customer_id = the_customer and v.state in ('asked', 'reminded')
           and v.asked_at > review_ask.at - interval '30 days' and v.review_id is distinct from r.review_id;
        select p.channel, c.seq into place
          from conversations c join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
         where c.org_id = the_org and c.conversation_id = of_conversation;
        verdict := case when r.state is distinct from case n.kind when 'review_asked' then 'requested' else 'asked' end
                        then 'over'
                        when not notification_wanted(the_org, the_customer, n.topic, place.channel) then 'unwanted'
                        else review_unwanted(the_org, n.order_id) end;
        if outcome <> 'nothing' or verdict is null and asked_lately > review_ask.at - interval '20 hours' then
            update notices x
               set state = 'waiting', state_at = review_ask.at,
                   due_at = greatest(coalesce(asked_lately, review_ask.at), review_ask.at - interval '1 day')
                            + interval '1 day'
             where x.org_id = the_org and x.notice_id = n.notice_id;
            continue;
        end if;
        update notices x
           set state = case when verdict is null then 'told' else 'unwanted' end, state_at = review_ask.at,
               seq = case when verdict is null then place.seq + 1 end
         where x.org_id = the_org and x.notice_id = n.notice_id;
        if verdict is not null then
            update reviews v set state = 'withdrawn', why = verdict
             where v.org_id = the_org and v.review_id = r.review_id and v.state = 'requested' and verdict <> 'over';
            continue;
        end if;
        outcome := case n.kind when 'review_asked' then 'asked' else 'reminded' end;
        update reviews v
           set state = outcome, asked_at = coalesce(v.asked_at, review_ask.at),
               reminded_at = case outcome when 'reminded' then review_ask.at end
         where v.org_id = the_org and v.review_id = r.review_id;
        select o.number, o.workflow, b.settings into number, workflow, wish
          from orders o join businesses b on b.org_id = o.org_id
         where o.org_id = the_org and o.order_id = n.order_id;
        if outcome = 'asked' then
            perform notice_make(the_org, the_customer, 'reviews', 'review_reminder', '', n.order_id,
                                jsonb_build_object('number', number),
                                review_ask.at + review_time(wish, 'review_reminder', interval '3 days'), review_ask.at);
        end if;
    end loop;
end
$$;

-- --- answering -------------------------------------------------------------------------------

-- What the CRM hears of a review (events_out): its stars and words, and the place that was opened.
create function review_event(the_org uuid, the_review uuid, the_type text, at timestamptz) returns void
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select event_of_order(the_org, the_type, r.customer_id, o.number,
                          jsonb_build_object(
                              'rating', r.rating, 'comment', nullif(r.comment, ''), 'channel', nullif(r.channel, ''),
                              'ticket', k.number, 'platform', nullif(r.platform, ''),
                              'changed', case when r.changed_at is not null or r.platform <> '' then true end),
                          at)
      from reviews r
      join orders o on o.org_id = r.org_id and o.order_id = r.order_id
      left join tickets k on k.org_id = r.org_id and k.ticket_id = r.ticket_id
     where r.org_id = the_org and r.review_id = the_review
$$;

-- What still waits to be asked or reminded of is over.
create function review_notices_end(the_org uuid, the_customer uuid, the_order uuid, at timestamptz) returns void
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update notices n set state = 'replaced', state_at = at
     where n.org_id = the_org and n.customer_id = the_customer and n.order_id = the_order
       and n.kind in ('review_asked', 'review_reminder') and n.state in ('waiting', 'placed')
$$;

-- The customer's stars for an order of theirs that is done. 1 and 2 also open a ticket. Outcomes: rated;
-- low (and `ticket`, where there is one); closed (it was given too long ago to be changed); unknown.
-- The question of a template is answered so, too.
create function review_rate(the_org uuid, the_customer uuid, the_number text, stars text, fresh uuid,
                            of_conversation uuid, the_contact uuid, at timestamptz,
                            out outcome text, out ticket text, out changed boolean)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    o record;
    r reviews;
    opened record;
begin
    outcome := 'unknown';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid
       or stars is null or stars !~ '^[1-5]$' then
        return;
    end if;
    select x.order_id, x.number, w.phase into o
      from orders x
      join workflow_states w on w.org_id = x.org_id and w.workflow = x.workflow and w.status = x.status
     where x.org_id = the_org and x.customer_id = the_customer
       and x.order_id = order_typed(the_org, the_customer, the_number)
       for no key update of x;
    if o.order_id is null then
        return;
    end if;
    select v.* into r from reviews v where v.org_id = the_org and v.order_id = o.order_id for update;
    if r.review_id is null and o.phase <> 'done' then
        return;
    elsif r.answered_at < at - interval '7 days' and r.state = 'completed' then
        outcome := 'closed';
        return;
    end if;
    changed := r.state = 'completed';
    insert into reviews as v (org_id, review_id, order_id, customer_id, state, source, rating, channel,
                              requested_at, answered_at)
    select the_org, fresh, o.order_id, the_customer, 'completed', 'customer', stars::smallint, p.channel, at, at
      from contact_points p where p.org_id = the_org and p.contact_id = the_contact
        on conflict (org_id, order_id) do update
       set state = 'completed', why = '', rating = excluded.rating, channel = excluded.channel,
           changed_at = case when v.state = 'completed' then review_rate.at end,
           answered_at = case when v.state = 'completed' then v.answered_at else review_rate.at end
    returning v.* into r;
    if r.review_id is null then
        return;
    end if;
    perform review_notices_end(the_org, the_customer, o.order_id, at);
    update customers c set review_awaited = null, review_awaited_at = null
     where c.org_id = the_org and c.customer_id = the_customer and c.review_awaited = o.number;
    outcome := 'rated';
    if r.rating <= 2 then
        outcome := 'low';
        if r.ticket_id is null then
            select * into opened
              from ticket_open(the_org, the_customer, o.number, 'quality', r.rating || '/5', '', '', gen_random_uuid(),
                               of_conversation, the_contact, at) t;
            if opened.outcome = 'opened' then
                update reviews v
                   set ticket_id = (select k.ticket_id from tickets k
                                     where k.org_id = the_org and k.number = opened.ticket)
                 where v.org_id = the_org and v.review_id = r.review_id;
            end if;
            ticket := opened.ticket;
        else
            select k.number into ticket from tickets k where k.org_id = the_org and k.ticket_id = r.ticket_id;
        end if;
    end if;
    perform review_event(the_org, r.review_id, 'review.completed', at);
end
$$;

-- Words to the stars; they go to the ticket, too. Outcomes: kept, closed, unknown.
create function review_comment(the_org uuid, the_customer uuid, the_number text, words text, at timestamptz,
                               out outcome text)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    r reviews;
begin
    outcome := 'unknown';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select v.* into r from reviews v
     where v.org_id = the_org and v.customer_id = the_customer and v.state = 'completed'
       and v.order_id = order_typed(the_org, the_customer, the_number)
       for update;
    if not found then
        return;
    elsif r.answered_at < at - interval '7 days' then
        outcome := 'closed';
        return;
    end if;
    update reviews v set comment = left(words, 2000), changed_at = review_comment.at
     where v.org_id = the_org and v.review_id = r.review_id;
    update tickets k set description = left(r.rating || '/5: ' || words, 2000)
     where k.org_id = the_org and k.ticket_id = r.ticket_id and k.status <> 'closed';
    perform review_event(the_org, r.review_id, 'review.completed', at);
    outcome := 'kept';
end
$$;

-- "Not now": asked no more. Outcomes: skipped, over (there is nothing to skip).
create function review_skip(the_org uuid, the_customer uuid, the_number text, at timestamptz, out outcome text)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    r reviews;
begin
    outcome := 'over';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    update reviews v set state = 'skipped', answered_at = review_skip.at
     where v.org_id = the_org and v.customer_id = the_customer and v.state in ('requested', 'asked', 'reminded')
       and v.order_id = order_typed(the_org, the_customer, the_number)
    returning v.* into r;
    if found then
        perform review_notices_end(the_org, the_customer, r.order_id, at);
        perform review_event(the_org, r.review_id, 'review.skipped', at);
        outcome := 'skipped';
    end if;
end
$$;

revoke execute on function review_due, review_request, review_ask, review_event, review_notices_end, review_rate,
    review_comment, review_skip from public;
grant execute on function review_due, review_request to parley_staff;
grant execute on function review_ask, review_rate, review_comment, review_skip to parley_bot, parley_staff;
