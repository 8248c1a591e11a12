-- The SMS that goes on for another message has short addresses, too, as other SMS have: in the place of
-- a link, and of a kept file, which would else stand there with a long one where no MMS goes.

-- Behind a short address may be a kept file, for its reader; its link is made when it is opened, and ends a
-- day after `made_at`.
alter table short_links add column document_id uuid, add column customer_id uuid;

-- But for short addresses this is migration 0038's function. The code is one that nobody has, and the
-- address before it; an empty address: there are none. What is saved must be worth a row, as in
-- bot/short_link.c.
create function fall_back(the_org uuid, of_conversation uuid, of_seq bigint, the_topic text,
                          were_tried text[], fresh_contact uuid, fresh_conversation uuid,
                          at timestamptz, short_before text, short_code text,
                          out outcome text, out channel text, out account_id uuid)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    said jsonb;
    words text;
    link text;
    short text;
    file uuid;
    whose uuid;
    here text;
    place record;
    there uuid;
    number bigint;
begin
    outcome := 'nowhere';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select m.body::jsonb, p.customer_id, p.channel into said, whose, here
      from messages m
      join conversations c on c.org_id = m.org_id and c.conversation_id = m.conversation_id
      join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where m.org_id = the_org and m.conversation_id = of_conversation and m.seq = of_seq
       and not m.inbound;
    if said ->> 'document' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        file := (said ->> 'document')::uuid;
    end if;
    if whose is null then
        return;
    end if;
    select n.* into place
      from notification_places(the_org, whose, the_topic, at, were_tried || here) n limit 1;
    if place is null then
        return;
    end if;
    if place.channel = 'whatsapp' or not document_reaches(the_org, whose, file) then
        file := null;
    end if;
    link := case when file is null then nullif(said ->> 'url', '') end;
    if place.channel = 'sms' and short_before <> ''
       and (file is not null
            or octet_length(link) >= octet_length(short_before || short_code) + 15) then
        short := short_before || short_code;
    end if;
    words := concat_ws(E'\n', nullif(said ->> 'body', ''),
                       case when file is null then coalesce(short, link) end);
    if words = '' and file is null then
        return;
    end if;
    there := notification_conversation(the_org, whose, place.channel, place.address, place.account_id,
                                       fresh_contact, fresh_conversation, at);
    if there is null then
        return;
    end if;
    if short is not null then
        insert into short_links (org_id, code, url, made_at, document_id, customer_id)
        values (the_org, short_code, coalesce(link, ''), greatest(fall_back.at, place.due_at), file,
                case when file is not null then whose end);
    end if;
    update conversations c set seq = c.seq + 1
     where c.org_id = the_org and c.conversation_id = there returning c.seq into number;
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    values (the_org, there, number, false, case when file is null then 'text' else said ->> 'kind' end,
            jsonb_strip_nulls(jsonb_build_object(
                'kind', case when file is null then 'text' else said ->> 'kind' end,
                'lang', said -> 'lang', 'body', nullif(words, ''), 'document', file,
                'url', case when file is not null then short end,
                'filename', case when file is not null then said -> 'filename' end))::text,
            fall_back.at, 'fallback/' || of_conversation || '/' || of_seq);
    insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority, document_id)
    values (the_org, place.account_id, there, number, place.due_at, 1, file);
    insert into fallbacks (org_id, conversation_id, seq, topic, tried, begun_at, due_at)
    values (the_org, there, number, the_topic, were_tried || here, place.due_at, place.due_at);
    outcome := 'gone_on';
    channel := place.channel;
    account_id := place.account_id;
end
$$;

-- As the version before this one calls it.
create or replace function fall_back(the_org uuid, of_conversation uuid, of_seq bigint, the_topic text,
                          were_tried text[], fresh_contact uuid, fresh_conversation uuid,
                          at timestamptz,
                          out outcome text, out channel text, out account_id uuid)
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select f.outcome, f.channel, f.account_id
      from fall_back(the_org, of_conversation, of_seq, the_topic, were_tried, fresh_contact,
                     fresh_conversation, at, '', '') f
$$;

revoke execute on function fall_back(uuid, uuid, bigint, text, text[], uuid, uuid, timestamptz, text, text)
    from public;
grant execute on function fall_back(uuid, uuid, bigint, text, text[], uuid, uuid, timestamptz, text, text)
    to parley_bot, parley_staff;
