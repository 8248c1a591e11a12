-- Kept files on their way to a provider: bot/file/upload*.c. A message that shows one waits in state 5
-- until the provider has it; the row in `uploads` is there from the transaction of the turn.

-- name: turn_files
-- Messages that were just promised and show a kept file. Where files go along with a message they are
-- ready. Where the provider has to have them beforehand: if it has, they are ready and name it; else
-- they wait, and it is wanted. The upload's row stays locked until the turn is
-- committed, so whoever ends the upload meanwhile sees the message, too. What is not this
-- customer's to see is not sent.
-- $1 org  $2 accounts  $3 conversations  $4 seqs  $5 documents  $6 customers  $7 now
-- $8 older handles are not trusted  $9 beforehand
with i as materialized (
    select i.*, document_reaches($1::uuid, i.customer_id, i.document_id) as good
      from unnest($2::uuid[], $3::uuid[], $4::int8[], $5::uuid[], $6::uuid[], $9::bool[])
           i (account_id, conversation_id, seq, document_id, customer_id, beforehand)
), wanted as (
    insert into uploads as u (org_id, account_id, document_id, due_at)
    select distinct $1::uuid, i.account_id, i.document_id, $7::timestamptz
      from i where i.good and i.beforehand order by 2, 3
        on conflict (org_id, account_id, document_id) do update
       set open = u.media_id is null or u.uploaded_at < $8::timestamptz,
           media_id = case when u.uploaded_at >= $8::timestamptz then u.media_id end,
           due_at = case when u.open then u.due_at else $7::timestamptz end,
           attempts = case when u.open then u.attempts else 0 end
    returning u.account_id, u.document_id, u.media_id
), refused as (
    update messages m set delivery = greatest(m.delivery, 2), reason = 'the file is not theirs'
      from i
     where not i.good and m.org_id = $1::uuid and m.conversation_id = i.conversation_id and m.seq = i.seq
), dropped as (
    delete from outbox o using i
     where not i.good and o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq
)
update outbox o
   set state = case when i.beforehand and w.media_id is null then 5 else 0 end,
       document_id = i.document_id, media_id = w.media_id
  from i left join wanted w
    on i.beforehand and w.account_id = i.account_id and w.document_id = i.document_id
 where i.good and o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq;

-- name: uploads_claim
-- What is due, oldest first, each leased to one worker.
-- $1 org  $2 now  $3 lease's end  $4 at most
with due as (
    select u.account_id, u.document_id from uploads u
     where u.org_id = $1::uuid and u.open and u.due_at <= $2::timestamptz
     order by u.due_at limit $4::int4
       for update skip locked
)
update uploads u set due_at = $3::timestamptz, attempts = u.attempts + 1
  from due
 where u.org_id = $1::uuid and u.account_id = due.account_id and u.document_id = due.document_id
returning u.account_id, u.document_id, u.attempts;

-- name: upload_ready
-- Only while the lease is the one that it was claimed under: who slept past it brings a handle that is
-- nobody's. The handle is as old as its upload's beginning.
-- $1 org  $2 account  $3 document  $4 the provider's handle  $5 when its upload began  $6 the lease's end
update uploads set open = false, media_id = $4::text, uploaded_at = $5::timestamptz, reason = null
 where org_id = $1::uuid and account_id = $2::uuid and document_id = $3::uuid and open
   and due_at = $6::timestamptz;

-- name: upload_release
-- After it, in the same transaction: what waited may go. Its place in the lane is the one it had.
-- $1 org  $2 account  $3 document  $4 the provider's handle
update outbox set state = 0, media_id = $4::text
 where org_id = $1::uuid and document_id = $3::uuid and lane_id = $2::uuid and state = 5
   and exists (select 1 from uploads u
                where u.org_id = $1::uuid and u.account_id = $2::uuid and u.document_id = $3::uuid
                  and not u.open and u.media_id = $4::text);

-- name: upload_later
-- Only while the lease is ours; then it is given back.
-- $1 org  $2 account  $3 document  $4 next attempt  $5 attempts so far  $6 reason  $7 the lease's end
update uploads set due_at = $4::timestamptz, attempts = $5::int4, reason = $6::text
 where org_id = $1::uuid and account_id = $2::uuid and document_id = $3::uuid and open
   and due_at = $7::timestamptz;

-- name: upload_refused
-- The provider does not take it, or it is not there any more; while the lease is ours.
-- $1 org  $2 account  $3 document  $4 reason  $5 the lease's end
update uploads set open = false, media_id = null, reason = $4::text
 where org_id = $1::uuid and account_id = $2::uuid and document_id = $3::uuid and open
   and due_at = $5::timestamptz;

-- name: upload_drop
-- After it, in the same transaction: what waited for it is not sent.
-- $1 org  $2 account  $3 document  $4 reason  $5 the lease's end  $6 code
with dropped as (
    delete from outbox
     where org_id = $1::uuid and document_id = $3::uuid and lane_id = $2::uuid and state = 5
       and exists (select 1 from uploads u
                    where u.org_id = $1::uuid and u.account_id = $2::uuid and u.document_id = $3::uuid
                      and not u.open and u.media_id is null and u.due_at = $5::timestamptz)
    returning conversation_id, seq
)
update messages m
   set delivery = greatest(m.delivery, 2), error = greatest(m.error, $6::int4), reason = $4::text
  from dropped d
 where m.org_id = $1::uuid and m.conversation_id = d.conversation_id and m.seq = d.seq;

-- name: uploads_forget
-- Of messages that the provider refused, which now wait again: the handles that they named are
-- worth nothing. The uploads' rows are locked, whatever becomes of them, until this is committed.
-- $1 org  $2 account  $3 conversations  $4 seqs  $5 now
update uploads u
   set open = u.media_id is null or u.media_id = f.media_id,
       media_id = nullif(u.media_id, f.media_id),
       due_at = case when u.open then u.due_at else $5::timestamptz end,
       attempts = case when u.open then u.attempts else 0 end
  from (select distinct o.document_id, o.media_id
          from unnest($3::uuid[], $4::int8[]) i (conversation_id, seq)
          join outbox o on o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq
         where o.state = 5) f
 where u.org_id = $1::uuid and u.account_id = $2::uuid and u.document_id = f.document_id;

-- name: uploads_known
-- After it: where another handle is known by now, they need not wait.
-- $1 org  $2 account  $3 conversations  $4 seqs
update outbox o set state = 0, media_id = u.media_id
  from unnest($3::uuid[], $4::int8[]) i (conversation_id, seq), uploads u
 where o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq and o.state = 5
   and u.org_id = $1::uuid and u.account_id = $2::uuid and u.document_id = o.document_id
   and u.media_id is not null;

-- name: document_kept
-- A file that is kept.
-- $1 org  $2 id
select sha256, mime, filename, size from documents
 where org_id = $1::uuid and document_id = $2::uuid and state = 'kept';
