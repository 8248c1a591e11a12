-- A decision on a wish to cancel is news as other news is: it waits for the end of quiet hours, goes where the
-- customer wants it, by a template outside WhatsApp's window, on to the next channel when it does not arrive,
-- and stands in `parley notices`. And placing news is one function with one order of things: what was lost is
-- taken up first, so that it may be told by a template again.

-- --- placing ---------------------------------------------------------------------------------

-- Why no place was found for news of a topic.
create function notice_nowhere(the_org uuid, the_customer uuid, the_topic text) returns text
    stable language sql as $$
    select case when bool_or(p.stopped_at is not null) then 'stopped'
                when not bool_or(the_topic = '' or notification_wanted(the_org, the_customer, the_topic, p.channel))
                    then 'unwanted'
                when bool_or(p.channel = 'whatsapp') then 'closed'
                else 'nowhere' end
      from contact_points p where p.org_id = the_org and p.customer_id = the_customer
$$;

-- What would become of news that is made now, for whoever decides: told (not before due_at), or why not. `closed`:
-- only a template that Meta has approved would be taken.
create function notice_outlook(the_org uuid, the_customer uuid, the_topic text, at timestamptz,
                               out how text, out due_at timestamptz)
    stable language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select 'told', p.due_at into how, due_at
      from notification_places(the_org, the_customer, the_topic, at, '{}') p limit 1;
    how := coalesce(how, notice_nowhere(the_org, the_customer, the_topic));
end
$$;

-- Placed and not told: a worker died with a template in its hands, a person had taken the conversation meanwhile,
-- it became somebody else's. It is looked at anew, as if it had never been placed. What a worker was telling by a
-- template is lost when it has not told it after some seconds: nothing but that worker's memory knew of it. Should
-- it live after all, only one of the two tells it (notice_tell).
create function notices_lost(the_org uuid, at timestamptz) returns void volatile language sql as $$
    update notices n set state = 'waiting', state_at = at, template = null
     where n.org_id = the_org and n.state = 'placed'
       and case when n.template is not null then n.state_at < at - interval '15 seconds'
                else n.due_at < at - interval '2 minutes'
                     and not exists (select from jobs j
                                      where j.org_id = the_org and j.conversation_id = n.conversation_id
                                        and j.kind = 'notice') end
$$;

-- By a template, where that is the best place: then what it is to be filled with comes along. News of one cause is
-- one message: of those that a template would tell, the first; the others are told with it. A customer gets three
-- templates an hour: what is more waits. No `how`: not by a template.
create function notice_place_template(the_org uuid, n notices, templates jsonb, at timestamptz, out how text,
                                      out conversation uuid, out template text, out language text, out zone text,
                                      out news jsonb)
    volatile language plpgsql as $$
declare
    t record;
    lately integer;
begin
    select x.* into t from notice_template(the_org, n, templates, at) x;
    if t.template is null then
        return;
    end if;
    select count(*) into lately from notices w
     where w.org_id = the_org and w.customer_id = n.customer_id and w.template is not null
       and w.state in ('placed', 'told') and w.state_at > at - interval '1 hour';
    if n.cause <> '' and exists (
        select from notices w
         where w.org_id = the_org and w.customer_id = n.customer_id and w.cause = n.cause
           and w.template is not null and w.state in ('placed', 'told')
           and w.made_at > n.made_at - interval '10 minutes') then
        how := 'replaced';
        update notices w set state = how, state_at = at where w.org_id = the_org and w.notice_id = n.notice_id;
    elsif t.due_at > at or lately >= 3 then
        how := 'later';
        update notices w set due_at = greatest(t.due_at, case when lately >= 3 then at + interval '1 hour' end)
         where w.org_id = the_org and w.notice_id = n.notice_id;
    else
        how := 'template';
        conversation := t.conversation_id;
        template := t.template;
        language := t.language;
        zone := customer_zone(the_org, n.customer_id);
        news := notice_news(the_org, n, t.language);
        update notices w
           set state = 'placed', state_at = at, conversation_id = t.conversation_id, due_at = at, template = t.template
         where w.org_id = the_org and w.notice_id = n.notice_id;
    end if;
end
$$;

-- By a turn of the best conversation: all of a customer that is due there together is one job, and one message.
create function notice_place_job(the_org uuid, n notices, at timestamptz, out how text, out conversation uuid)
    volatile language plpgsql as $$
declare
    place record;
    flow constant text := 'notice.' || notice_flow(n.kind) || '/';
begin
    select p.* into place from notification_places(the_org, n.customer_id, n.topic, at, '{}') p limit 1;
    if found then
        conversation := coalesce(place.conversation_id,
                                 notification_conversation(the_org, n.customer_id, place.channel, place.address,
                                                           place.account_id, gen_random_uuid(), gen_random_uuid(), at));
    end if;
    if conversation is null then
        how := notice_nowhere(the_org, n.customer_id, n.topic);
        update notices w set state = how, state_at = at where w.org_id = the_org and w.notice_id = n.notice_id;
        update reviews r set state = 'withdrawn', why = how
         where n.kind = 'review_asked' and r.org_id = the_org and r.order_id = n.order_id and r.state = 'requested';
        return;
    end if;
    how := 'placed';
    insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
    select the_org, gen_random_uuid(), 'notice', conversation, flow || n.topic, place.due_at
     where not exists (select from jobs j
                        where j.org_id = the_org and j.conversation_id = conversation and j.kind = 'notice'
                          and starts_with(j.name, flow) and j.due_at = place.due_at);
    update notices w set state = how, state_at = at, conversation_id = conversation, due_at = place.due_at
     where w.org_id = the_org and w.notice_id = n.notice_id;
end
$$;

drop function notices_place(uuid, timestamptz, integer);

-- --- decisions -------------------------------------------------------------------------------

-- What was decided about a wish to cancel, to be told. News of one cause that came seconds ago is waited for.
create function cancellation_tell(the_org uuid, the_cancellation uuid, the_cause text, at timestamptz) returns void
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    c record;
    due timestamptz := at;
begin
    select k.customer_id, k.order_id, k.status, k.decision_note, o.number into c
      from cancellations k
      join orders o on o.org_id = k.org_id and o.order_id = k.order_id
     where k.org_id = the_org and k.cancellation_id = the_cancellation
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid;
    if not found then
        return;
    end if;
    if the_cause <> '' then
        select coalesce(min(n.due_at), at + interval '5 seconds') into due
          from notices n
         where n.org_id = the_org and n.customer_id = c.customer_id and n.cause = the_cause
           and n.state = 'waiting' and n.due_at > at;
    end if;
    perform notice_make(the_org, c.customer_id, 'cancellations', 'cancellation_decided', the_cause, c.order_id,
                        jsonb_strip_nulls(jsonb_build_object('number', c.number, 'decision', c.status,
                                                             'note', nullif(c.decision_note, ''))), due, at);
end
$$;

-- Decisions that were promised by a job of their own are promised as news.
insert into notices (org_id, notice_id, customer_id, topic, kind, order_id, detail, made_at, due_at, state_at)
select k.org_id, gen_random_uuid(), k.customer_id, 'cancellations', 'cancellation_decided', k.order_id,
       jsonb_strip_nulls(jsonb_build_object('number', o.number, 'decision', k.status,
                                            'note', nullif(k.decision_note, ''))),
       k.status_at, j.due_at, k.status_at
  from jobs j
  join conversations c on c.org_id = j.org_id and c.conversation_id = j.conversation_id
  join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
  join cancellations k on k.org_id = p.org_id and k.customer_id = p.customer_id
  join orders o on o.org_id = k.org_id and o.order_id = k.order_id
 where j.kind = 'notice' and j.name = 'notice.cancellation_decided' and k.told_at is null
   and k.status in ('in_review', 'approved', 'rejected') and k.decided_by not in ('', 'rule');
delete from jobs where kind = 'notice' and name = 'notice.cancellation_decided';
alter table cancellations drop column told_at;

revoke execute on function notice_nowhere, notice_outlook, notices_lost, notice_place_template, notice_place_job,
    cancellation_tell from public;
grant execute on function notice_outlook, cancellation_tell to parley_staff;
