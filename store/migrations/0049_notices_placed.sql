-- Where news goes, and telling it: bot/notices.c, the flow `news`.

-- What is due finds its place, all of one customer that is due together in one job of one conversation,
-- so that it is one message. Placed news that was not told (a person had taken the conversation meanwhile,
-- it became somebody else's) is looked at anew. Security definer: it is about many customers at once.
-- Each kind of news begins the flow that tells it (notice_flow, 0051_reviews.sql).
create function notices_place(the_org uuid, at timestamptz, most integer)
    returns table (notice uuid, how text, conversation uuid)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    n notices;
    place record;
    there uuid;
    due timestamptz;
    flow text;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    update notices w set state = 'waiting', state_at = at
     where w.org_id = the_org and w.state = 'placed' and w.due_at < at - interval '2 minutes'
       and not exists (select from jobs j where j.org_id = the_org and j.conversation_id = w.conversation_id
                          and j.kind = 'notice');
    for n in
        select w.* from notices w
         where w.org_id = the_org and w.state = 'waiting' and w.due_at <= at
         order by w.due_at
         limit most
           for update skip locked
    loop
        there := null;
        select p.* into place
          from notification_places(the_org, n.customer_id, n.topic, at, '{}') p limit 1;
        if found then
            due := place.due_at;
            there := coalesce(place.conversation_id,
                              notification_conversation(the_org, n.customer_id, place.channel, place.address,
                                                        place.account_id, gen_random_uuid(), gen_random_uuid(),
                                                        at));
        end if;
        if there is null then
            select case when bool_or(p.stopped_at is not null) then 'stopped'
                        when not bool_or(n.topic = '' or
                                         notification_wanted(the_org, n.customer_id, n.topic, p.channel))
                            then 'unwanted'
                        when bool_or(p.channel = 'whatsapp') then 'closed'
                        else 'nowhere' end into how
              from contact_points p where p.org_id = the_org and p.customer_id = n.customer_id;
            how := coalesce(how, 'nowhere');
            update notices w set state = how, state_at = at
             where w.org_id = the_org and w.notice_id = n.notice_id;
            update reviews r set state = 'withdrawn', why = how
             where n.kind = 'review_asked' and r.org_id = the_org and r.order_id = n.order_id
               and r.state = 'requested';
        else
            how := 'placed';
            flow := 'notice.' || notice_flow(n.kind) || '/' || n.topic;
            insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
            select the_org, gen_random_uuid(), 'notice', there, flow, due
             where not exists (select from jobs j
                                where j.org_id = the_org and j.conversation_id = there and j.kind = 'notice'
                                  and j.name like 'notice.' || notice_flow(n.kind) || '/%' and j.due_at = due);
            update notices w set state = how, state_at = at, conversation_id = there, due_at = due
             where w.org_id = the_org and w.notice_id = n.notice_id;
        end if;
        notice := n.notice_id;
        conversation := there;
        return next;
    end loop;
end
$$;

-- What is due in this conversation, marked as told; what is not wanted any more is not. Its words come from
-- its kind, its detail and, where it is about an order, the order as it stands.
create function news_tell(the_org uuid, the_customer uuid, of_conversation uuid, language text,
                          at timestamptz, out outcome text, out news json)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    outcome := 'nothing';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    with due as materialized (
        select n.notice_id, c.seq + 1 as seq,
               case when n.topic = '' or notification_wanted(the_org, the_customer, n.topic, p.channel)
                    then 'told' else 'unwanted' end as verdict
          from notices n
          join conversations c on c.org_id = the_org and c.conversation_id = of_conversation
          join contact_points p on p.org_id = the_org and p.contact_id = c.contact_id
                               and p.customer_id = the_customer
         where n.org_id = the_org and n.conversation_id = of_conversation and n.state = 'placed'
           and n.due_at <= at and n.customer_id = the_customer
           and notice_flow(n.kind) = 'news'
         order by n.made_at
         limit 10
           for update of n
    ), told as (
        update notices n set state = d.verdict, state_at = at, seq = case d.verdict when 'told' then d.seq end
          from due d
         where n.org_id = the_org and n.notice_id = d.notice_id
        returning n.*
    )
    select json_agg(coalesce(to_jsonb(o), '{}') || t.detail || jsonb_build_object('kind', t.kind) order by t.made_at)
      into news
      from told t
      left join lateral (
          select x.number, x.workflow, x.status, s.status_name,
                 status_icon(w.icon, w.phase, s.status_name) as status_icon
            from orders x
            join workflow_states w on w.org_id = x.org_id and w.workflow = x.workflow and w.status = x.status
           cross join lateral (select status_name(w.workflow, w.status, w.names, language) as status_name) s
           where x.org_id = the_org and x.order_id = t.order_id and x.customer_id = the_customer) o on true
     where t.state = 'told';
    if news is not null then
        outcome := 'told';
    end if;
end
$$;

revoke execute on function notices_place, news_tell from public;
grant execute on function notices_place, news_tell to parley_bot, parley_staff;
