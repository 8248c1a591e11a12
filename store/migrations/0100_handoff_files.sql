-- Whoever has a conversation in their hands sees the files that its customer sends, and what kind each message is.

alter table documents add column seq bigint; -- the message that it came with, the last one if it came with several

-- Each file and the message that it came with; the caller has the conversations' rows locked.
create function documents_place(the_org uuid, conversations uuid[], handles text[], seqs bigint[]) returns void
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    update documents d set seq = i.seq
      from unnest(conversations, handles, seqs) i (conversation_id, handle, seq)
     where d.org_id = the_org and d.conversation_id = i.conversation_id and d.handle = i.handle
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
$$;

-- The files of a message: what their senders call them. What they are turns out when they are fetched; where they
-- can be had stands in what is sent out (bot/event_files.c).
create function said_files(the_org uuid, of_conversation uuid, of_seq bigint) returns jsonb
    stable language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', d.document_id, 'kind', d.kind,
                                                          'name', nullif(d.filename, ''))) order by d.document_id)
      from documents d
     where d.org_id = the_org and d.conversation_id = of_conversation and d.seq = of_seq
       and the_org = nullif(current_setting('parley.org_id', true), '')::uuid
$$;

create or replace function handoff_transcript(the_org uuid, the_conversation uuid, until bigint, most integer)
    returns jsonb stable language sql as $$
    select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
               'seq', m.seq, 'at', api_time(m.at), 'kind', m.kind, 'text', said_shown(m),
               'from', case when m.inbound then 'customer' when m.why like 'person/%' then 'agent' else 'bot' end,
               'agent', case when m.why like 'person/%' then substr(m.why, 8) end,
               'options', said_options(m), 'files', case when m.inbound then said_files(the_org, the_conversation, m.seq) end)) order by m.seq), '[]')
      from messages m
     where m.org_id = the_org and m.conversation_id = the_conversation and m.seq > until - most and m.seq <= until
$$;

-- The customers of these conversations wrote: that is told once, in order. Where a person had answered
-- all before, the wait begins anew. The caller has the conversations' rows locked.
create or replace function handoff_heard(the_org uuid, conversations uuid[], answer_by timestamptz) returns void
    volatile language plpgsql as $$
declare
    h record;
    m messages;
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
        for m in select x.* from messages x
                  where x.org_id = the_org and x.conversation_id = h.conversation_id and x.inbound and x.seq > h.heard
                  order by x.seq limit 200
        loop
            perform event_of_handoff(the_org, 'message.received', h.handoff_id, h.conversation_id,
                        jsonb_strip_nulls(jsonb_build_object('seq', m.seq, 'kind', m.kind, 'text', said_shown(m),
                                                             'at', api_time(m.at),
                                                             'files', said_files(the_org, m.conversation_id, m.seq))), m.at);
            update handoffs x set heard_seq = m.seq where x.org_id = the_org and x.handoff_id = h.handoff_id;
        end loop;
    end loop;
end
$$;

revoke execute on function documents_place, said_files from public;
grant execute on function documents_place to parley_bot;
grant execute on function said_files to parley_bot, parley_staff;
