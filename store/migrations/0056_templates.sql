-- Outside WhatsApp's service window only what Meta has approved may be said: which of our templates that
-- are, and news told by one.

-- As Meta says of them: by its webhooks and when asked (`parley templates`). An account is a WhatsApp
-- business account.
create table whatsapp_templates (
    org_id     uuid not null references businesses,
    account    text not null,
    name       text not null,
    language   text not null,
    status     text not null default 'PENDING',
    category   text not null default '',
    quality    text not null default '',
    reason     text not null default '',
    updated_at timestamptz not null,
    primary key (org_id, name, language, account)
);

alter table whatsapp_templates enable row level security;
alter table whatsapp_templates force row level security;
create policy org on whatsapp_templates to parley_bot, parley_staff
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select, insert, update on whatsapp_templates to parley_bot, parley_staff;
grant delete on whatsapp_templates to parley_staff;

alter table notices add column template text; -- the one that tells it, or told it
create index notices_made on notices (org_id, made_at);

-- What Meta said of one: of its status, its category or its quality; null: nothing new. What is older than
-- what is known changes nothing.
create function template_changed(the_org uuid, the_waba text, the_name text, the_language text,
                                 the_status text, the_category text, the_quality text, the_reason text,
                                 at timestamptz) returns boolean
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into whatsapp_templates as t (org_id, account, name, language, status, category, quality, reason,
                                         updated_at)
    select the_org, the_waba, the_name, the_language, coalesce(the_status, 'PENDING'),
           coalesce(the_category, ''), coalesce(the_quality, ''), coalesce(the_reason, ''), at
     where the_org = nullif(current_setting('parley.org_id', true), '')::uuid
        on conflict (org_id, name, language, account) do update
       set status = coalesce(the_status, t.status), category = coalesce(the_category, t.category),
           quality = coalesce(the_quality, t.quality),
           reason = case when the_status is null then t.reason else coalesce(the_reason, '') end,
           updated_at = at
     where t.updated_at <= at
    returning true
$$;

-- Whether it may be used: approved in every account of the business that has it.
create function template_usable(the_org uuid, the_name text, the_language text) returns boolean
    stable language sql as $$
    select coalesce(bool_and(t.status in ('APPROVED', 'REINSTATED', 'FLAGGED')), false)
      from whatsapp_templates t
     where t.org_id = the_org and t.name = the_name and t.language = the_language
$$;

-- What news tells of: its detail, and of its order what there is now. What is null or blank is not there.
create function notice_news(the_org uuid, n notices, language text) returns jsonb stable language sql as $$
    select coalesce(jsonb_object_agg(v.key, v.value), '{}')
      from (select coalesce((select to_jsonb(o)
                               from (select x.number, x.workflow, x.status,
                                            status_name(w.workflow, w.status, w.names, language) as status_name
                                       from orders x
                                       join workflow_states w on w.org_id = x.org_id and w.workflow = x.workflow
                                                             and w.status = x.status
                                      where x.org_id = the_org and x.order_id = n.order_id
                                        and x.customer_id = n.customer_id) o), '{}') || n.detail as all_of_it) d
     cross join lateral jsonb_each(d.all_of_it) v
     where jsonb_typeof(v.value) <> 'null' and (jsonb_typeof(v.value) <> 'string' or v.value #>> '{}' ~ '[^\s\u00a0]')
$$;

-- Where a template would reach the customer on WhatsApp though the window is closed, and which: the first of
-- `templates` ([{"kind", "name", "needs": [fields]}]) for this news, in their language or else English. No row:
-- none, or there is a better place.
create function notice_template(the_org uuid, n notices, templates jsonb, at timestamptz,
                                out conversation_id uuid, out due_at timestamptz, out template text,
                                out language text)
    stable language plpgsql as $$
declare
    w record;
    p record;
    spoken text;
begin
    select v.conversation_id, v.last_inbound_at, d.due_at,
           case when v.language_settled or v.language <> '' then v.language end as language,
           s.first_channel into w
      from contact_points k
      join accounts e on e.org_id = the_org and e.channel = 'whatsapp'
      join conversations v on v.org_id = the_org and v.account_id = e.account_id and v.contact_id = k.contact_id
     cross join lateral notification_due(the_org, n.customer_id, n.topic, 'whatsapp', at) d
      left join customer_settings s on s.org_id = the_org and s.customer_id = n.customer_id
     where k.org_id = the_org and k.customer_id = n.customer_id and k.channel = 'whatsapp'
       and k.stopped_at is null and (d.wanted or n.topic = '')
       and coalesce(v.held_until, at) <= at
     order by v.last_inbound_at desc nulls last, v.conversation_id limit 1;
    if not found then
        return;
    end if;
    select x.channel, c.last_inbound_at into p
      from notification_places(the_org, n.customer_id, n.topic, at, '{}') x
      left join conversations c on c.org_id = the_org and c.conversation_id = x.conversation_id
     limit 1;
    if found and (p.channel = 'whatsapp' or p.channel is not distinct from w.first_channel
                  or (w.first_channel is distinct from 'whatsapp'
                      and coalesce(p.last_inbound_at, '-infinity') > coalesce(w.last_inbound_at, '-infinity'))) then
        return;
    end if;
    spoken := coalesce(w.language, (select c.language from customers c
                                     where c.org_id = the_org and c.customer_id = n.customer_id),
                       (select b.language from businesses b where b.org_id = the_org));
    select t.value ->> 'name', l.language into template, language
      from jsonb_array_elements(templates) with ordinality t (value, place)
     cross join (values (spoken, 1), ('en', 2)) l (language, place)
     where t.value ->> 'kind' = n.kind
       and notice_news(the_org, n, l.language) ?& array(select jsonb_array_elements_text(t.value -> 'needs'))
       and template_usable(the_org, t.value ->> 'name', l.language)
     order by l.place, t.place limit 1;
    if template is not null then
        conversation_id := w.conversation_id;
        due_at := case when n.topic = '' then at else w.due_at end;
    end if;
end
$$;

-- What is due finds its place: by a template where that is the best one, else as migration 0049 (or a later
-- one) has it. News of one cause is one message: of those that a template would tell, the one that says most;
-- the others are told with it. A customer gets three templates an hour: what is more waits. For those with a
-- template, what it is to be filled with comes along.
-- Both ways are asked about the same news: with more waiting than are looked at at once, one that looked for
-- itself would take some that nobody had held against a template, and call them closed.
create function notices_place(the_org uuid, at timestamptz, most integer, templates jsonb)
    returns table (notice uuid, how text, conversation uuid, template text, language text, zone text,
                   news jsonb)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    n notices;
    looked_at uuid[];
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    perform notices_lost(the_org, at);
    looked_at := array(
        select w.notice_id from notices w
         where w.org_id = the_org and w.state = 'waiting' and w.due_at <= at
         order by w.kind = 'order_status', w.due_at
         limit most
           for update skip locked);
    for n in
        select w.* from unnest(looked_at) with ordinality l (notice_id, place)
          join notices w on w.org_id = the_org and w.notice_id = l.notice_id
         where templates <> '[]'
         order by l.place
    loop
        select n.notice_id, p.* into notice, how, conversation, template, language, zone, news
          from notice_place_template(the_org, n, templates, at) p;
        if how = 'template' then
            return next;
        end if;
    end loop;
    for n in
        select w.* from unnest(looked_at) l (notice_id)
          join notices w on w.org_id = the_org and w.notice_id = l.notice_id
         where w.state = 'waiting' and w.due_at <= at
         order by w.due_at
    loop
        select n.notice_id, p.* into notice, how, conversation from notice_place_job(the_org, n, at) p;
        template := null;
        language := null;
        zone := null;
        news := null;
        return next;
    end loop;
end
$$;

-- Tell it by what the template became with its values (`body`, a reply as JSON), once: the message, its
-- promise, and that it is looked after. An empty body: the values do not fit. `lane` is who sends it.
create function notice_tell(the_org uuid, the_notice uuid, the_body text, at timestamptz,
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
    outcome := case when the_body = '' then 'closed'
                    when c.stopped_at is not null then 'stopped'
                    when c.customer_id is distinct from n.customer_id then 'nowhere'
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
        lane := c.account_id;
    end if;
    update notices w set state = outcome, state_at = notice_tell.at, seq = number
     where w.org_id = the_org and w.notice_id = the_notice;
end
$$;

revoke execute on function template_changed, template_usable, notice_news, notice_template, notice_tell,
    notices_place(uuid, timestamptz, integer, jsonb) from public;
grant execute on function template_changed, notice_tell, notices_place(uuid, timestamptz, integer, jsonb)
    to parley_bot, parley_staff;
