-- What a person does in a conversation is one function each, whoever calls it: `parley handoff`, the API,
-- and now the CRM, too (0044 had its own). `who` holds the conversation; `actor` is who did it as far as
-- that was proved (a key), where it is another. What was asked by the CRM is not told back to it.

drop function handoff_take(uuid, uuid, text, uuid);
drop function handoff_say(uuid, uuid, text, uuid, text);
drop function handoff_release(uuid, uuid, text, uuid);

create function handoff_noted(the_org uuid, fresh uuid, at timestamptz, actor text, who text, action text,
                              the_handoff uuid) returns void volatile language sql as $$
    insert into audit (org_id, audit_id, at, actor, action, subject, detail)
    values (the_org, fresh, at, coalesce(actor, who), action, the_handoff::text,
            case when actor <> who then jsonb_build_object('agent', who) else '{}' end)
$$;

-- taken, held (by whom), not_open, or none.
create function handoff_take(the_org uuid, the_handoff uuid, who text, fresh uuid, at timestamptz default now(),
                             actor text default null, out outcome text, out holder text)
    volatile language plpgsql as $$
declare
    h record;
    until constant timestamptz := at + handoff_wait(the_org, 'handoff_minutes', 15);
begin
    select x.* into h from handoff_of(the_org, the_handoff) x;
    holder := h.held_by;
    outcome := case when h.handoff_id is null then 'none' when h.state not in ('offered', 'human') then 'not_open'
                    when h.state = 'human' and h.held_by <> who then 'held' else 'taken' end;
    if outcome <> 'taken' then
        return;
    end if;
    update handoffs t set state = 'human', held_by = who, held_at = handoff_take.at, answer_by = until
     where t.org_id = the_org and t.handoff_id = the_handoff;
    update conversations c set held_until = until + interval '5 minutes'
     where c.org_id = the_org and c.conversation_id = h.conversation_id;
    update jobs j set name = 'handoff.timeout', due_at = until, leased_until = null
     where j.org_id = the_org and j.conversation_id = h.conversation_id and j.kind = 'handoff';
    perform handoff_noted(the_org, fresh, at, actor, who, 'handoff taken', the_handoff);
    perform event_of_handoff(the_org, 'handoff.taken', the_handoff, h.conversation_id, jsonb_build_object('by', who),
                             handoff_take.at);
end
$$;

-- A person's words (a reply as JSON), in order with all others. The wait is over until the customer
-- writes again. said, held, not_open, stopped, window_closed, or none.
create function handoff_say(the_org uuid, the_handoff uuid, who text, fresh uuid, reply text,
                            at timestamptz default now(), actor text default null, tell boolean default true,
                            out outcome text, out holder text)
    volatile language plpgsql as $$
declare
    h record;
    c conversations;
    p contact_points;
    until constant timestamptz := at + handoff_wait(the_org, 'handoff_quiet_minutes', 120);
begin
    select x.* into h from handoff_of(the_org, the_handoff) x;
    select x.* into c from conversations x where x.org_id = the_org and x.conversation_id = h.conversation_id;
    select x.* into p from contact_points x where x.org_id = the_org and x.contact_id = c.contact_id;
    holder := h.held_by;
    outcome := case when h.handoff_id is null then 'none' when h.state not in ('offered', 'human') then 'not_open'
                    when h.state = 'human' and h.held_by <> who then 'held'
                    when p.stopped_at is not null then 'stopped'
                    when p.channel = 'whatsapp' and c.last_inbound_at < handoff_say.at - interval '24 hours'
                    then 'window_closed'
                    else 'said' end;
    if outcome <> 'said' then
        return;
    end if;
    update conversations x set seq = c.seq + 1, held_until = until + interval '5 minutes'
     where x.org_id = the_org and x.conversation_id = c.conversation_id;
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    values (the_org, c.conversation_id, c.seq + 1, false, 'text', reply, handoff_say.at, 'person/' || who);
    insert into outbox (org_id, lane_id, conversation_id, seq, due_at)
    values (the_org, c.account_id, c.conversation_id, c.seq + 1, handoff_say.at);
    insert into fallbacks (org_id, conversation_id, seq, begun_at, due_at)
    values (the_org, c.conversation_id, c.seq + 1, handoff_say.at, handoff_say.at);
    if tell and h.state <> 'human' then
        perform event_of_handoff(the_org, 'handoff.taken', the_handoff, h.conversation_id, jsonb_build_object('by', who),
                                 handoff_say.at);
    end if;
    update handoffs t set state = 'human', held_by = who, held_at = coalesce(t.held_at, handoff_say.at),
                          answered_at = handoff_say.at
     where t.org_id = the_org and t.handoff_id = the_handoff;
    update jobs j set name = 'handoff.quiet', due_at = until, leased_until = null
     where j.org_id = the_org and j.conversation_id = h.conversation_id and j.kind = 'handoff';
    perform handoff_noted(the_org, fresh, at, actor, who, 'handoff answered', the_handoff);
end
$$;

-- The conversation goes back to the bot, which says so in its next turn: now. Anybody may: who holds it
-- may have gone home. released, not_open, or none.
create function handoff_release(the_org uuid, the_handoff uuid, who text, fresh uuid, at timestamptz default now(),
                                actor text default null, out outcome text, out holder text)
    volatile language plpgsql as $$
declare
    h record;
begin
    select x.* into h from handoff_of(the_org, the_handoff) x;
    holder := h.held_by;
    outcome := case when h.handoff_id is null then 'none' when h.state not in ('offered', 'human') then 'not_open'
                    else 'released' end;
    if outcome <> 'released' then
        return;
    end if;
    update handoffs t set state = 'returning' where t.org_id = the_org and t.handoff_id = the_handoff;
    update jobs j set name = 'handoff.released', due_at = handoff_release.at, leased_until = null
     where j.org_id = the_org and j.conversation_id = h.conversation_id and j.kind = 'handoff';
    perform handoff_noted(the_org, fresh, at, actor, who, 'handoff released', the_handoff);
end
$$;

-- What a person says, with their name as the customer is to see it; null: no name is shown.
create function handoff_words(agent text, words text) returns text immutable language sql as $$
    select jsonb_strip_nulls(jsonb_build_object('kind', 'text', 'by', agent, 'body', words))::text
$$;

-- --- what was said ---------------------------------------------------------------------------

-- What could be tapped below a message of ours: its titles.
create function said_options(m messages) returns jsonb stable language plpgsql as $$
begin
    return case when not m.inbound
                then (select jsonb_agg(o -> 'title') from jsonb_array_elements(m.body::jsonb -> 'options') o) end;
exception when others then
    return null;
end
$$;

-- The newest messages before and with this one, oldest first: who said it (of a person their name), and
-- what could be tapped below it. No addresses: links of ours are the customer's own keys.
create or replace function handoff_transcript(the_org uuid, the_conversation uuid, until bigint, most integer)
    returns jsonb stable language sql as $$
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'seq', m.seq, 'at', api_time(m.at), 'kind', m.kind, 'text', said_words(m),
               'from', case when m.inbound then 'customer' when m.why like 'person/%' then 'agent' else 'bot' end,
               'agent', case when m.why like 'person/%' then substr(m.why, 8) end,
               'options', said_options(m))) order by m.seq), '[]')
      from messages m
     where m.org_id = the_org and m.conversation_id = the_conversation and m.seq > until - most and m.seq <= until
$$;

revoke execute on function handoff_noted, handoff_take, handoff_say, handoff_release, handoff_words, said_options
    from public;
grant execute on function handoff_noted, handoff_take, handoff_say, handoff_release, handoff_words, said_options
    to parley_staff, parley_bot;
