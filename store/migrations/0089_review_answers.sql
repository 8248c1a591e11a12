-- A review that was asked for by a template is asked for, too; and what of the public places is opened is kept.

-- The order whose review a template has asked for, until they answer: flows/review_answer.yaml.
alter table customers add column review_awaited text, add column review_awaited_at timestamptz;

-- A template is about to ask: as review_ask does it in a conversation. Gives what becomes of the notice.
create function review_told(the_org uuid, n notices, at timestamptz) returns text
    volatile language plpgsql as $$
declare
    r reviews;
    verdict text;
begin
    select v.* into r from reviews v where v.org_id = the_org and v.order_id = n.order_id for update;
    verdict := case when r.state is distinct from case n.kind when 'review_asked' then 'requested' else 'asked' end
                    then 'over' else review_unwanted(the_org, n.order_id) end;
    if verdict is not null then
        update reviews v set state = 'withdrawn', why = verdict
         where v.org_id = the_org and v.review_id = r.review_id and v.state = 'requested' and verdict <> 'over';
        return 'unwanted';
    end if;
    update reviews v
       set state = case n.kind when 'review_asked' then 'asked' else 'reminded' end,
           asked_at = coalesce(v.asked_at, review_told.at),
           reminded_at = case when n.kind = 'review_reminder' then review_told.at end
     where v.org_id = the_org and v.review_id = r.review_id;
    update customers c set review_awaited = o.number, review_awaited_at = review_told.at
      from orders o
     where c.org_id = the_org and c.customer_id = n.customer_id and o.org_id = the_org and o.order_id = n.order_id;
    if n.kind = 'review_asked' then
        perform notice_make(the_org, n.customer_id, 'reviews', 'review_reminder', '', n.order_id,
                            jsonb_build_object('number', n.detail ->> 'number'),
                            at + (select review_time(b.settings, 'review_reminder', interval '3 days')
                                    from businesses b where b.org_id = the_org), at);
    end if;
    return 'told';
end
$$;

-- As before, and what asks for a review says so to the review. Tell it by what the template became with its values (`body`, a reply as JSON), once: the message, its
-- promise, where its button leads, and that it is looked after. An empty body: the values do not fit, and it goes
-- where it would without a template. `lane` is who sends it.
create or replace function notice_tell(the_org uuid, the_notice uuid, the_body text, at timestamptz, short_code text,
                            short_url text,
                            out outcome text, out lane uuid)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    n notices;
    c record;
    number bigint;
begin
    outcome := 'nothing';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select w.* into n from notices w
     where w.org_id = the_org and w.notice_id = the_notice and w.state = 'placed' and w.template is not null
       for update;
    if not found then
        return;
    end if;
    select v.account_id, p.stopped_at, p.customer_id into c
      from conversations v
      join contact_points p on p.org_id = v.org_id and p.contact_id = v.contact_id
     where v.org_id = the_org and v.conversation_id = n.conversation_id;
    if the_body = '' then
        n.template := null;
        update notices w set template = null where w.org_id = the_org and w.notice_id = the_notice;
        select p.how into outcome from notice_place_job(the_org, n, notice_tell.at) p;
        return;
    end if;
    outcome := case when c.stopped_at is not null then 'stopped'
                    when c.customer_id is distinct from n.customer_id then 'nowhere'
                    when notice_flow(n.kind) = 'review_asked' then review_told(the_org, n, at)
                    else 'told' end;
    if outcome = 'told' then
        update conversations v set seq = v.seq + 1
         where v.org_id = the_org and v.conversation_id = n.conversation_id returning v.seq into number;
        insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
        values (the_org, n.conversation_id, number, false, 'template', the_body, notice_tell.at, 'notice/' || n.kind);
        insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority)
        values (the_org, c.account_id, n.conversation_id, number, notice_tell.at, 1);
        insert into fallbacks (org_id, conversation_id, seq, topic, begun_at, due_at)
        values (the_org, n.conversation_id, number, n.topic, notice_tell.at, notice_tell.at);
        if short_code <> '' then
            insert into short_links (org_id, code, url, made_at)
            values (the_org, short_code, short_url, notice_tell.at);
        end if;
        lane := c.account_id;
    end if;
    update notices w set state = outcome, state_at = notice_tell.at, seq = number
     where w.org_id = the_org and w.notice_id = the_notice;
end
$$;

-- Whatever they write to that template that means nothing by itself. Outcomes: asked (`number`), rated (and `stars`,
-- which they have written), nothing.
create function review_begin(the_org uuid, the_customer uuid, words text,
                             out outcome text, out number text, out stars text)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    outcome := 'nothing';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select c.review_awaited into number from customers c
     where c.org_id = the_org and c.customer_id = the_customer and c.review_awaited is not null
       for no key update;
    if number is null then
        return;
    end if;
    update customers c set review_awaited = null, review_awaited_at = null
     where c.org_id = the_org and c.customer_id = the_customer;
    if not exists (select from reviews v join orders o on o.org_id = v.org_id and o.order_id = v.order_id
                    where v.org_id = the_org and v.customer_id = the_customer and o.number = review_begin.number
                      and v.state in ('asked', 'reminded')) then
        return;
    end if;
    stars := case when words ~ '^\s*[1-5](\s*/\s*5)?[\s.!⭐★]*$' then substring(words from '[1-5]')
                  when words ~ '^[\s\ufe0f]*([⭐★🌟][\s\ufe0f]*){1,5}$'
                  then length(regexp_replace(words, '[^⭐★🌟]', '', 'g'))::text end;
    outcome := case when stars is null then 'asked' else 'rated' end;
end
$$;

-- As before; the question of a template is answered.
create or replace function review_rate(the_org uuid, the_customer uuid, the_number text, stars text, fresh uuid,
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

-- --- public places ---------------------------------------------------------------------------

alter table short_links add column review_id uuid, add column platform text;

-- Somebody has opened one of the places: the last one is kept, and told when it is another.
create function review_opened(the_org uuid, the_review uuid, the_platform text, at timestamptz) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    before text;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return false;
    end if;
    select v.platform into before from reviews v
     where v.org_id = the_org and v.review_id = the_review for no key update;
    update reviews v set platform = the_platform, clicked_at = review_opened.at
     where v.org_id = the_org and v.review_id = the_review;
    if before is distinct from the_platform and found then
        perform review_event(the_org, the_review, 'review.completed', at);
    end if;
    return found;
end
$$;

-- As before, with the place that was opened.
create or replace function review_event(the_org uuid, the_review uuid, the_type text, at timestamptz) returns void
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

revoke execute on function review_told, review_begin, review_opened from public;
grant execute on function review_begin, review_opened to parley_bot, parley_staff;
