-- Conversations in a person's hands: bot/batch_handoff.c in turns, store/handoffs.c for commands.
-- The conversation's row is locked before any of these, so they come one after the other.

-- name: turn_handoff_end
-- The bot speaks again.
-- $1 org  $2 conversations  $3 whys  $4 now
with ended as (
    update handoffs h set state = 'done', ended_at = $4::timestamptz, ended_why = i.why
      from unnest($2::uuid[], $3::text[]) i (conversation_id, why)
     where h.org_id = $1::uuid and h.conversation_id = i.conversation_id and h.state <> 'done'
), dropped as (
    delete from jobs j
     where j.org_id = $1::uuid and j.conversation_id = any ($2::uuid[]) and j.kind = 'handoff'
)
update conversations c set held_until = null
 where c.org_id = $1::uuid and c.conversation_id = any ($2::uuid[]);

-- name: turn_handoff_begin
-- A person is asked for. Who asks again while nobody has come is promised anew.
-- $1 org  $2 ids  $3 job ids  $4 conversations  $5 reasons  $6 seqs  $7 answer by  $8 held until  $9 now
with i as materialized (
    select * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::int8[], $7::timestamptz[], $8::timestamptz[])
        i (handoff_id, job_id, conversation_id, reason, seq, answer_by, held_until)
), asked as (
    insert into handoffs as h (org_id, handoff_id, conversation_id, reason, asked_at, seq, answer_by)
    select $1::uuid, i.handoff_id, i.conversation_id, i.reason, $9::timestamptz, i.seq, i.answer_by from i
        on conflict (org_id, conversation_id) where state <> 'done' do update
       set answer_by = excluded.answer_by
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
-- The customer wrote to a person who had answered all before: the wait begins anew.
-- $1 org  $2 conversations  $3 answer by
with waits as (
    update jobs j set name = 'handoff.timeout', due_at = $3::timestamptz, leased_until = null
     where j.org_id = $1::uuid and j.conversation_id = any ($2::uuid[]) and j.kind = 'handoff'
       and j.name = 'handoff.quiet'
    returning j.conversation_id
)
update handoffs h set answer_by = $3::timestamptz
  from waits w
 where h.org_id = $1::uuid and h.conversation_id = w.conversation_id and h.state <> 'done';
