-- Conversations in a person's hands: bot/turn/batch_handoff.c in turns, store/handoffs.c for commands.
-- The conversation's row is locked before any of these, so they come one after the other.

-- name: turn_handoff_end
-- The bot speaks again. What nobody answered becomes a report.
-- $1 org  $2 conversations  $3 whys  $4 now
with ended as (
    update handoffs h set state = 'done', ended_at = $4::timestamptz, ended_why = i.why
      from unnest($2::uuid[], $3::text[]) i (conversation_id, why)
     where h.org_id = $1::uuid and h.conversation_id = i.conversation_id and h.state <> 'done'
    returning event_of_handoff($1::uuid, 'handoff.returned', h.handoff_id, i.conversation_id,
                               jsonb_strip_nulls(jsonb_build_object('why', i.why, 'by', nullif(h.held_by, ''),
                                   'ticket', case when i.why = 'unanswered'
                                                  then handoff_unanswered($1::uuid, h.handoff_id, $4::timestamptz) end)),
                               $4::timestamptz)
), dropped as (
    delete from jobs j
     where j.org_id = $1::uuid and j.conversation_id = any ($2::uuid[]) and j.kind = 'handoff'
)
update conversations c set held_until = null
 where c.org_id = $1::uuid and c.conversation_id = any ($2::uuid[]);

-- name: turn_handoff_papers
-- After turn_handoff_end: papers that were asked for and became ready while the bot was silent are told now.
-- $1 org  $2 conversations  $3 whys (as many)  $4 now
insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
select $1::uuid, gen_random_uuid(), 'notice', c.conversation_id, 'notice.paper_ready/', $4::timestamptz
  from unnest($2::uuid[], $3::text[]) i (conversation_id, why)
  join conversations c on c.org_id = $1::uuid and c.conversation_id = i.conversation_id
  join contact_points p on p.org_id = $1::uuid and p.contact_id = c.contact_id
 where exists (select from papers x
                where x.org_id = $1::uuid and x.customer_id = p.customer_id and x.conversation_id = c.conversation_id
                  and x.state in ('kept', 'failed') and x.made_at > $4::timestamptz - interval '1 day');

-- name: turn_handoff_links
-- And what became of links to pay with.
-- $1 org  $2 conversations  $3 whys (as many)  $4 now
select handoff_links($1::uuid, $2::uuid[], $4::timestamptz) where cardinality($3::text[]) > 0;

-- name: turn_handoff_begin
-- A person is asked for. Who asks again while nobody has come is promised anew.
-- $1 org  $2 ids  $3 job ids  $4 conversations  $5 reasons  $6 seqs  $7 answer by  $8 held until  $9 now
with i as materialized (
    select * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::int8[], $7::timestamptz[], $8::timestamptz[])
        i (handoff_id, job_id, conversation_id, reason, seq, answer_by, held_until)
), asked as (
    insert into handoffs as h (org_id, handoff_id, conversation_id, reason, asked_at, seq, answer_by, heard_seq)
    select $1::uuid, i.handoff_id, i.conversation_id, i.reason, $9::timestamptz, i.seq, i.answer_by, c.seq
      from i join conversations c on c.org_id = $1::uuid and c.conversation_id = i.conversation_id
        on conflict (org_id, conversation_id) where state <> 'done' do update
       set answer_by = excluded.answer_by
    returning case when h.asked_at = $9::timestamptz then
        event_of_handoff($1::uuid, 'handoff.asked', h.handoff_id, h.conversation_id,
                         jsonb_build_object('reason', h.reason, 'answer_by', api_time(h.answer_by))
                         || handoff_context($1::uuid, h.conversation_id),
                         $9::timestamptz) end
), dropped as (
    delete from jobs j
     where j.org_id = $1::uuid and j.conversation_id = any ($4::uuid[]) and j.kind = 'handoff'
), timed as (
    insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
    select $1::uuid, i.job_id, 'handoff', i.conversation_id, 'handoff.timeout', i.answer_by from i
)
update conversations c set held_until = i.held_until
  from i
 where c.org_id = $1::uuid and c.conversation_id = i.conversation_id;

-- name: turn_handoff_waits
-- The customer wrote to a person: the business's systems hear it, and where all before had been answered the
-- wait begins anew.
-- $1 org  $2 conversations  $3 answer by
select handoff_heard($1::uuid, $2::uuid[], $3::timestamptz);

-- name: agent_files_tell
-- An action: what a person of the business shows here and has come, each once. A picture has no name beside it.
-- $1 org  $2 customer  $3 conversation  $4 now
with told as (
    update documents d set shown_at = $4::timestamptz
     where d.org_id = $1::uuid and d.customer_id = $2::uuid and d.shown_in = $3::uuid and d.shown_at is null
       and d.state = 'kept'
    returning d.document_id, d.filename, d.mime, d.shown_by, d.at
)
select case when count(*) > 0 then 'told' else 'nothing' end as outcome,
       json_agg(json_build_object('document', t.document_id, 'says', concat_ws(': ', t.shown_by, t.filename),
                                  'filename', case when t.mime not like 'image/%' then t.filename end) order by t.at)
           filter (where t.document_id is not null) as files
  from told t;

-- name: handoff_there
-- An action: awaited (nobody has taken it yet), there (somebody has; said once in a handoff), told.
-- $1 org  $2 customer, whoever it is  $3 conversation  $4 now
with h as (
    select x.handoff_id, x.state, x.hinted_at from handoffs x
     where x.org_id = $1::uuid and x.conversation_id = $3::uuid and x.state <> 'done'
       and ($2::uuid is null or true)
     limit 1
), hinted as (
    update handoffs x set hinted_at = $4::timestamptz
      from h
     where x.org_id = $1::uuid and x.handoff_id = h.handoff_id and h.state = 'human' and h.hinted_at is null
)
select case when (select h.state from h) is null or (select h.state from h) = 'offered' then 'awaited'
            when (select h.state from h) = 'human' and (select h.hinted_at from h) is null then 'there'
            else 'told' end as outcome;

-- --- what people do about it, by `parley handoff` --------------------------------------------

-- name: handoffs_list
-- Who waits first. What was written is not among it.
-- $1 org  $2 ended ones too  $3 at most
select h.handoff_id, h.conversation_id, h.state, h.reason, h.asked_at, h.answer_by, coalesce(h.held_by, ''),
       h.answered_at, h.ended_at, coalesce(h.ended_why, ''), p.channel, p.address, p.display_name, h.seq
  from handoffs h
  join conversations c on c.org_id = h.org_id and c.conversation_id = h.conversation_id
  join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
 where h.org_id = $1::uuid and ($2::bool or h.state <> 'done')
 order by h.asked_at, h.handoff_id
 limit $3::int8;

-- name: handoffs_find
-- $1 org  $2 id
select h.handoff_id, h.conversation_id, h.state, h.reason, h.asked_at, h.answer_by, coalesce(h.held_by, ''),
       h.answered_at, h.ended_at, coalesce(h.ended_why, ''), p.channel, p.address, p.display_name, h.seq
  from handoffs h
  join conversations c on c.org_id = h.org_id and c.conversation_id = h.conversation_id
  join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
 where h.org_id = $1::uuid and h.handoff_id = $2::uuid;

-- name: handoffs_said
-- What led to it and what was said since, oldest first.
-- $1 org  $2 conversation  $3 the message that asked  $4 so many before it
select m.seq, m.inbound, m.kind, m.body, m.at, m.delivery, coalesce(m.why, '')
  from messages m
 where m.org_id = $1::uuid and m.conversation_id = $2::uuid and m.seq > $3::int8 - $4::int8
 order by m.seq
 limit 500;

-- What a person does is in functions (migration 0053), which the API and the CRM call, too.

-- name: handoffs_take
-- $1 org  $2 handoff  $3 who  $4 audit id
select outcome, holder from handoff_take($1::uuid, $2::uuid, $3::text, $4::uuid);

-- name: handoffs_say
-- $1 org  $2 handoff  $3 who  $4 audit id  $5 the reply as JSON
select outcome, holder from handoff_say($1::uuid, $2::uuid, $3::text, $4::uuid, $5::text);

-- name: handoffs_release
-- $1 org  $2 handoff  $3 who  $4 audit id
select outcome, holder from handoff_release($1::uuid, $2::uuid, $3::text, $4::uuid);
