-- Work for later: bot/later/jobs.c claims what is due, bot/batch_*.c makes turns of it.

-- name: jobs_claim
-- What is due of this business and nobody has, oldest first; ours until the lease lapses.
-- $1 org  $2 now  $3 lease until  $4 at most
with due as (
    select j.job_id
      from jobs j
     where j.org_id = $1::uuid and j.due_at <= $2::timestamptz
       and (j.leased_until is null or j.leased_until <= $2::timestamptz)
     order by j.due_at
     limit $4::int4
       for update skip locked
), claimed as (
    update jobs j set leased_until = $3::timestamptz, attempts = least(j.attempts + 1, 30000)
      from due d
     where j.org_id = $1::uuid and j.job_id = d.job_id
    returning j.job_id, j.name, j.due_at, j.attempts, j.conversation_id
)
select k.job_id, k.name, k.due_at, k.attempts::int4, c.account_id, p.address
  from claimed k
  join conversations c on c.org_id = $1::uuid and c.conversation_id = k.conversation_id
  join contact_points p on p.org_id = $1::uuid and p.contact_id = c.contact_id
 order by k.due_at;

-- name: jobs_next
-- When the next one is due.
-- $1 org
select due_at from jobs where org_id = $1::uuid and leased_until is null order by due_at limit 1;

-- name: turn_jobs
-- Which of these are still as they were claimed: what a customer's answer or a person changed
-- meanwhile is not to happen any more. Asked when the conversations are ours. The time is compared in a way
-- that no index knows: ten thousand may be due at one moment, and each would be looked for among them.
-- $1 org  $2 ids  $3 when they were due
select j.job_id
  from unnest($2::uuid[], $3::timestamptz[]) i (job_id, due_at)
  join jobs j on j.org_id = $1::uuid and j.job_id = i.job_id and j.due_at is not distinct from i.due_at;

-- name: turn_jobs_done
-- $1 org  $2 ids
delete from jobs where org_id = $1::uuid and job_id = any ($2::uuid[]);

-- name: turn_timers_end
-- The timers of these conversations are over; others may follow.
-- $1 org  $2 conversations
delete from jobs where org_id = $1::uuid and conversation_id = any ($2::uuid[]) and kind = 'timer';

-- name: turn_timers_begin
-- $1 org  $2 ids  $3 conversations  $4 names  $5 due
insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
select $1::uuid, i.job_id, 'timer', i.conversation_id, i.name, i.due_at
  from unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) i (job_id, conversation_id, name, due_at);
