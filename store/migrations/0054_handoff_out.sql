-- What the business's systems are told of a conversation in a person's hands: what led to it, and every
-- word of the customer's while it lasts.

-- The last message that they were told of.
alter table handoffs add column heard_seq bigint not null default 0;

-- Beside who and why: the language, the address, and the last 20 messages.
create function handoff_context(the_org uuid, the_conversation uuid) returns jsonb stable language sql as $$
    select jsonb_build_object('language', coalesce(c.language, b.language), 'address', p.address, 'name', p.display_name,
               'transcript', handoff_transcript(the_org, the_conversation, c.seq, 20))
      from conversations c
      join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
      join businesses b on b.org_id = c.org_id
     where c.org_id = the_org and c.conversation_id = the_conversation
$$;

-- The customers of these conversations wrote: that is told once, in order. Where a person had answered
-- all before, the wait begins anew. The caller has the conversations' rows locked.
create function handoff_heard(the_org uuid, conversations uuid[], answer_by timestamptz) returns void
    volatile language plpgsql as $$
declare
    h record;
    m record;
begin
    with waits as (
        update jobs j set name = 'handoff.timeout', due_at = handoff_heard.answer_by, leased_until = null
         where j.org_id = the_org and j.conversation_id = any (conversations) and j.kind = 'handoff'
           and j.name = 'handoff.quiet'
        returning j.conversation_id
    )
    update handoffs x set answer_by = handoff_heard.answer_by
      from waits w
     where x.org_id = the_org and x.conversation_id = w.conversation_id and x.state <> 'done';
    for h in select x.handoff_id, x.conversation_id, greatest(x.heard_seq, x.seq) as heard from handoffs x
              where x.org_id = the_org and x.conversation_id = any (conversations) and x.state in ('offered', 'human')
              order by x.handoff_id
    loop
        for m in select x.seq, x.kind, x.body, x.at from messages x
                  where x.org_id = the_org and x.conversation_id = h.conversation_id and x.inbound and x.seq > h.heard
                  order by x.seq limit 200
        loop
            perform event_of_handoff(the_org, 'message.received', h.handoff_id, h.conversation_id,
                        jsonb_build_object('seq', m.seq, 'kind', m.kind, 'text', m.body, 'at', api_time(m.at)), m.at);
            update handoffs x set heard_seq = m.seq where x.org_id = the_org and x.handoff_id = h.handoff_id;
        end loop;
    end loop;
end
$$;

-- Nobody answered in time: what the customer wrote since they asked becomes a report, which the team
-- answers as any other. Strangers have none; their words stay in the conversation. The ticket's number.
create function handoff_unanswered(the_org uuid, the_handoff uuid, at timestamptz) returns text
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    h record;
    made record;
    story text;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return null;
    end if;
    select x.conversation_id, x.seq, c.contact_id, p.customer_id into h
      from handoffs x
      join conversations c on c.org_id = x.org_id and c.conversation_id = x.conversation_id
      join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where x.org_id = the_org and x.handoff_id = the_handoff;
    if h.customer_id is null then
        return null;
    end if;
    select left(string_agg(m.body, E'\n' order by m.seq), 2000) into story
      from (select x.seq, x.body from messages x
             where x.org_id = the_org and x.conversation_id = h.conversation_id and x.inbound and x.seq >= h.seq
               and x.body <> '' order by x.seq limit 50) m;
    select * into made from ticket_open(the_org, h.customer_id, '', 'other', coalesce(story, '?'), '', '',
                                        gen_random_uuid(), h.conversation_id, h.contact_id, handoff_unanswered.at);
    if made.outcome = 'opened' then
        perform event_out(the_org, 'ticket.opened', 'ticket/' || made.ticket, h.customer_id,
                          jsonb_build_object('ticket', made.ticket, 'kind', 'other', 'text', coalesce(story, '?'),
                                             'handoff', the_handoff), handoff_unanswered.at);
    end if;
    return made.ticket;
end
$$;

revoke execute on function handoff_context, handoff_heard, handoff_unanswered from public;
grant execute on function handoff_context, handoff_heard, handoff_unanswered to parley_bot, parley_staff;
