-- Templates with buttons: where one leads stands behind a short address that is kept with the message. And what is
-- blank is as good as empty: a template cannot say it.

-- Tell it by what the template became with its values (`body`, a reply as JSON), once: the message, its
-- promise, where its button leads, and that it is looked after. An empty body: the values do not fit, and it goes
-- where it would without a template. `lane` is who sends it.
-- What asks for a review says so to the review.
create function notice_tell(the_org uuid, the_notice uuid, the_body text, at timestamptz, short_code text,
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

-- As the version before this one calls it.
create or replace function notice_tell(the_org uuid, the_notice uuid, the_body text, at timestamptz,
                            out outcome text, out lane uuid)
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select t.outcome, t.lane from notice_tell(the_org, the_notice, the_body, at, '', '') t
$$;

revoke execute on function notice_tell(uuid, uuid, text, timestamptz, text, text) from public;
grant execute on function notice_tell(uuid, uuid, text, timestamptz, text, text) to parley_bot, parley_staff;
