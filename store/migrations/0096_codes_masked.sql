-- What a person of the team is shown of a conversation has no one-time codes in it. A code that is typed where it was
-- asked for is not kept at all (bot/batch_absorb.c); one that is typed again, or elsewhere, is hidden here.

-- Six digits alone, however they are grouped, within a quarter of an hour of a code that was sent for this address.
create function said_shown(m messages) returns text stable language sql as $$
    select case when m.inbound and s.words ~ '^[^0-9٠-٩۰-۹]{0,40}([0-9٠-٩۰-۹][ .-]?){6}[^0-9٠-٩۰-۹]{0,40}$'
                     and exists (select from conversations c
                                   join code_sends x on x.org_id = c.org_id and x.contact_id = c.contact_id
                                  where c.org_id = m.org_id and c.conversation_id = m.conversation_id
                                    and x.at between m.at - interval '15 minutes' and m.at + interval '1 minute')
                then regexp_replace(s.words, '[0-9٠-٩۰-۹]', '*', 'g')
                else s.words end
      from (select said_words(m) as words) s
$$;

create or replace function handoff_transcript(the_org uuid, the_conversation uuid, until bigint, most integer)
    returns jsonb stable language sql as $$
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'seq', m.seq, 'at', api_time(m.at), 'kind', m.kind, 'text', said_shown(m),
               'from', case when m.inbound then 'customer' when m.why like 'person/%' then 'agent' else 'bot' end,
               'agent', case when m.why like 'person/%' then substr(m.why, 8) end,
               'options', said_options(m))) order by m.seq), '[]')
      from messages m
     where m.org_id = the_org and m.conversation_id = the_conversation and m.seq > until - most and m.seq <= until
$$;

revoke execute on function said_shown from public;
grant execute on function said_shown to parley_staff, parley_bot;
