-- A kept file goes on with its message to SMS and email, where it goes along; WhatsApp wants files
-- beforehand, so there the words go alone, as before. Whose file it is is asked anew. But for the file
-- this is migration 0033's function: as words alone, since what could be chosen from belongs to the
-- conversation that asked. Outcomes: gone_on, nowhere (there is none, or nothing to say).
create or replace function fall_back(the_org uuid, of_conversation uuid, of_seq bigint, the_topic text,
                          were_tried text[], fresh_contact uuid, fresh_conversation uuid,
                          at timestamptz,
                          out outcome text, out channel text, out account_id uuid)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    said jsonb;
    words text;
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
    words := concat_ws(E'\n', nullif(said ->> 'body', ''),
                       case when file is null then nullif(said ->> 'url', '') end);
    if words = '' and file is null then
        return;
    end if;
    there := notification_conversation(the_org, whose, place.channel, place.address, place.account_id,
                                       fresh_contact, fresh_conversation, at);
    if there is null then
        return;
    end if;
    update conversations c set seq = c.seq + 1
     where c.org_id = the_org and c.conversation_id = there returning c.seq into number;
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    values (the_org, there, number, false, case when file is null then 'text' else said ->> 'kind' end,
            jsonb_strip_nulls(jsonb_build_object(
                'kind', case when file is null then 'text' else said ->> 'kind' end,
                'lang', said -> 'lang', 'body', nullif(words, ''), 'document', file,
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
