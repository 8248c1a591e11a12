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

-- --- the CRM ---------------------------------------------------------------------------------

-- What a person of the business says in a conversation that was handed over, and that they are done.
create or replace function crm_agent(the_org uuid, e crm_event, at timestamptz) returns crm_outcome
    volatile language plpgsql as $$
declare
    of_conversation constant uuid := case when e.data ->> 'conversation' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                          then (e.data ->> 'conversation')::uuid end;
    agent constant text := nullif(e.data ->> 'agent', '');
    who constant text := coalesce(agent, 'crm');
    the_handoff uuid;
    r record;
begin
    perform from conversations c where c.org_id = the_org and c.conversation_id = of_conversation for no key update;
    select x.handoff_id into the_handoff from handoffs x
     where x.org_id = the_org and x.conversation_id = of_conversation and x.state <> 'done';
    if e.type = 'agent.message' then
        select * into r from handoff_say(the_org, the_handoff, who, e.hash, handoff_words(agent, e.data ->> 'text'),
                                         crm_agent.at, null, false);
    else
        select * into r from handoff_release(the_org, the_handoff, who, e.hash, crm_agent.at);
    end if;
    case r.outcome
    when 'said', 'released' then
        return (e.i, e.hash, 'kept', null, null, null)::crm_outcome;
    when 'held' then
        return (e.i, e.hash, 'refused', 'data.agent', 'who holds it: ' || r.holder, to_jsonb(who)::text)::crm_outcome;
    when 'stopped' then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: the customer said STOP', null)::crm_outcome;
    when 'window_closed' then
        return (e.i, e.hash, 'refused', 'data.text', 'nothing: WhatsApp takes no words a day after the customer''s last',
                null)::crm_outcome;
    else
        return (e.i, e.hash, 'refused', 'data.conversation', 'a conversation that waits for a person or is in their hands',
                (e.data -> 'conversation')::text)::crm_outcome;
    end case;
end
$$;

-- --- the API ---------------------------------------------------------------------------------

-- `agent`: the person, where several use one key; else the key's name holds the conversation, and no
-- name is shown.
create or replace function api_handoff_act(the_org uuid, act text, args jsonb, who text, fresh uuid)
    returns api_answer volatile language plpgsql as $$
declare
    the_handoff constant uuid := (args ->> 'handoff')::uuid;
    agent constant text := nullif(args ->> 'agent', '');
    holds constant text := coalesce(agent, who);
    r record;
begin
    if act = 'take' then
        select * into r from handoff_take(the_org, the_handoff, holds, fresh, now(), who);
    elsif act = 'say' then
        select * into r from handoff_say(the_org, the_handoff, holds, fresh, handoff_words(agent, args ->> 'text'),
                                         now(), who);
    else
        select * into r from handoff_release(the_org, the_handoff, holds, fresh, now(), who);
    end if;
    return case r.outcome
        when 'none' then api_error(404, 'not_found', 'there is no such handoff')
        when 'held' then api_error(409, 'held', r.holder || ' holds it')
        when 'not_open' then api_error(409, 'over', 'the bot has the conversation again')
        when 'stopped' then api_error(409, 'stopped', 'the customer said STOP: nothing may be sent')
        when 'window_closed' then api_error(409, 'window_closed',
            'the customer last wrote more than 24 hours ago, and WhatsApp takes no more words')
        else api_handoff(the_org, the_handoff) end;
end
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
