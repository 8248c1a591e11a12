-- Files that customers sent: wanted with the turn, fetched afterwards (bot/file/download.c), kept under
-- their own hash (bot/file/documents.c). Nothing here runs in a customer's name but `documents_want`.

-- name: documents_want
-- In the transaction of the turn that they came in. The same file of the same conversation is one row.
-- $1 org  $2 ids  $3 accounts  $4 conversations  $5 customers  $6 handles  $7 kinds  $8 captions
-- $9 filenames  $10 hashes as the channel says  $11 times  $12 how long handles live (seconds)  $13 now
insert into documents (org_id, document_id, account_id, conversation_id, customer_id, handle, kind, caption,
                       filename, claimed_sha256, at, expires_at, due_at)
select $1::uuid, i.document_id, i.account_id, i.conversation_id, i.customer_id, i.handle, i.kind,
       coalesce(i.caption, ''), coalesce(i.filename, ''), i.claimed_sha256, i.at, i.at + $12::int8 * interval '1 second', $13::timestamptz
  from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
              $10::bytea[], $11::timestamptz[])
       i (document_id, account_id, conversation_id, customer_id, handle, kind, caption, filename,
          claimed_sha256, at)
    on conflict do nothing;

-- name: documents_place
-- In the same transaction, once their messages are numbered.
-- $1 org  $2 conversations  $3 handles  $4 messages
select documents_place($1::uuid, $2::uuid[], $3::text[], $4::int8[]);

-- name: documents_claim
-- What is due, oldest first, each leased to one worker: what somebody sent in a conversation before what
-- nobody waits for there (a CRM's files, of which there may be very many). `due_at` is the lease: whoever dies
-- leaves it to lapse, and who sleeps past it finds another one there, so that nothing of what it then says counts.
-- $1 org  $2 now  $3 lease's end  $4 at most  $5 at most of the latter
with sent as (
    select d.document_id from documents d
     where d.org_id = $1::uuid and d.open and d.conversation_id is not null and d.due_at <= $2::timestamptz
     order by d.due_at limit $4::int4
       for update skip locked
), given as (
    select d.document_id from documents d
     where d.org_id = $1::uuid and d.open and d.conversation_id is null and d.due_at <= $2::timestamptz
     order by d.due_at limit $5::int4
       for update skip locked
), due as (
    select document_id from sent
     union all
    select document_id from given
     limit $4::int4
)
update documents d set due_at = $3::timestamptz, attempts = d.attempts + 1
  from due
 where d.org_id = $1::uuid and d.document_id = due.document_id
returning d.document_id, d.conversation_id, d.account_id, d.handle, d.state, d.claimed_sha256, d.sha256,
          d.size, d.attempts, d.expires_at, d.kind, d.refusals;

-- name: documents_storing
-- The bytes are here and are what they should be; from now on there may be a file.
-- No row when the same bytes are just being removed for another document, or the lease is another's.
-- $1 org  $2 id  $3 sha256  $4 size  $5 mime  $6 width  $7 height  $8 the lease's end
update documents d set state = 'storing', sha256 = $3::bytea, size = $4::int8, mime = $5::text,
       width = nullif($6::int4, 0), height = nullif($7::int4, 0)
 where d.org_id = $1::uuid and d.document_id = $2::uuid and d.state in ('wanted', 'storing')
   and d.due_at = $8::timestamptz
   and not exists (select 1 from documents g
                    where g.org_id = d.org_id and g.sha256 = $3::bytea and g.state = 'gone' and g.open);

-- name: documents_kept
-- $1 org  $2 id  $3 now  $4 the lease's end
update documents set state = 'kept', open = false, reason = null, kept_at = $3::timestamptz
 where org_id = $1::uuid and document_id = $2::uuid and state = 'storing' and due_at = $4::timestamptz
returning 1 as kept;

-- name: documents_linked_kept
-- As documents_kept, of a file that a CRM named by its address: its customer may hear of it now.
-- $1 org  $2 id  $3 now  $4 the lease's end
with held as materialized (
    select 1 from documents where org_id = $1::uuid and document_id = $2::uuid and due_at = $4::timestamptz
       for update
)
select 1 as kept from held where crm_file_kept($1::uuid, $2::uuid, $3::timestamptz);

-- name: documents_stray
-- Bytes were stored by who slept past its lease: unless a row has them, they are there for nobody. A row of
-- their own says so and is claimed like any other, so that nobody stores the same while they are removed.
-- $1 org  $2 a new id  $3 sha256  $4 now
insert into documents (org_id, document_id, handle, kind, at, expires_at, due_at, state, sha256)
select $1::uuid, $2::uuid, '', '', $4::timestamptz, $4::timestamptz, $4::timestamptz, 'gone', $3::bytea
 where not exists (select 1 from documents d
                    where d.org_id = $1::uuid and d.sha256 = $3::bytea
                      and (d.state in ('storing', 'kept') or d.state = 'gone' and d.open));

-- name: documents_linked_end
-- As documents_end; the CRM hears of it.
-- $1 org  $2 id  $3 state: refused, lost  $4 reason  $5 now  $6 the lease's end
with held as materialized (
    select 1 from documents where org_id = $1::uuid and document_id = $2::uuid and due_at = $6::timestamptz
       for update
)
select 1 as ended from held
 where crm_file_end($1::uuid, $2::uuid, $3::text, $4::text, $5::timestamptz);

-- name: documents_payload
-- The delivery that a file came within.
-- $1 org  $2 payload
select p.body from payloads p where p.org_id = $1::uuid and p.payload_id = $2::uuid limit 1;

-- name: documents_later
-- $1 org  $2 id  $3 next attempt  $4 reason  $5 the lease's end  $6 whether that was an answer about the file
update documents set due_at = $3::timestamptz, reason = $4::text, refusals = refusals + $6::boolean::int4
 where org_id = $1::uuid and document_id = $2::uuid and open and due_at = $5::timestamptz;

-- name: documents_end
-- It cannot be kept. Where a report counts on it, telling so is still open; a report that is opened
-- later tells by itself.
-- $1 org  $2 id  $3 state: refused, lost  $4 reason  $5 now  $6 the lease's end
update documents d
   set state = $3::text, reason = $4::text, due_at = $5::timestamptz,
       open = d.ticketed
 where d.org_id = $1::uuid and d.document_id = $2::uuid and d.state in ('wanted', 'storing')
   and d.due_at = $6::timestamptz
returning d.conversation_id, d.open, d.sha256;

-- name: documents_untold
-- What is to be told in a conversation: how many files, why the first of them, and in what language. While a
-- person has it nothing is: the rows are claimed again when their leases end, until the bot may speak.
-- $1 org  $2 conversation  $3 now
select count(*)::int8 as files, min(d.reason) as reason, c.language, c.account_id, b.language as fallback,
       b.name, b.phone
  from documents d
  join conversations c on c.org_id = d.org_id and c.conversation_id = d.conversation_id
  join businesses b on b.org_id = d.org_id
 where d.org_id = $1::uuid and d.conversation_id = $2::uuid and d.open and d.state in ('refused', 'lost')
   and coalesce(c.held_until <= $3::timestamptz, true)
 group by c.language, c.account_id, b.language, b.name, b.phone;

-- name: documents_tell
-- Once for all of them: the message, the promise to send it and to look after it, and that it was told, or nothing.
-- $1 org  $2 conversation  $3 reply (json)  $4 now
with free as materialized (
    select 1 from conversations c
     where c.org_id = $1::uuid and c.conversation_id = $2::uuid and coalesce(c.held_until <= $4::timestamptz, true)
       for update
), told as (
    update documents set open = false
     where org_id = $1::uuid and conversation_id = $2::uuid and open and state in ('refused', 'lost')
       and exists (select from free)
    returning 1
), next as (
    update conversations c set seq = c.seq + 1
     where c.org_id = $1::uuid and c.conversation_id = $2::uuid and exists (select 1 from told)
    returning c.seq, c.account_id
), said as (
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    select $1::uuid, $2::uuid, n.seq, false, 'text', $3::text, $4::timestamptz, 'documents' from next n
    returning seq
), watched as (
    insert into fallbacks (org_id, conversation_id, seq, topic, begun_at, due_at)
    select $1::uuid, $2::uuid, s.seq, '', $4::timestamptz, $4::timestamptz from said s
)
insert into outbox (org_id, lane_id, conversation_id, seq, due_at)
select $1::uuid, n.account_id, $2::uuid, s.seq, $4::timestamptz from next n join said s on s.seq = n.seq;

-- name: documents_others
-- Whether another row keeps the same bytes: then the file stays.
-- $1 org  $2 sha256  $3 id
select 1 from documents d
 where d.org_id = $1::uuid and d.sha256 = $2::bytea and d.document_id <> $3::uuid
   and d.state in ('storing', 'kept')
 limit 1;

-- name: documents_loose
-- Kept, old, and nothing counts on them: from now on they are gone, and the file is to be removed.
-- So is what a command of staff's began to store and never finished.
-- $1 org  $2 older than  $3 now  $4 at most
update documents d set state = 'gone', open = true, due_at = $3::timestamptz
  from (select l.document_id from documents l
         where l.org_id = $1::uuid and l.state in ('kept', 'storing') and not l.open
           and l.at < $2::timestamptz and not l.ticketed
         order by l.at limit $4::int4 for update skip locked) o
 where d.org_id = $1::uuid and d.document_id = o.document_id;

-- name: documents_closed
-- The file is removed, and with it what the customer called it, and how providers know it.
-- $1 org  $2 id  $3 the lease's end
with closed as (
    update documents set open = false, caption = '', filename = ''
     where org_id = $1::uuid and document_id = $2::uuid and state = 'gone' and due_at = $3::timestamptz
    returning 1
)
delete from uploads where org_id = $1::uuid and document_id = $2::uuid and exists (select 1 from closed);

-- name: documents_of_ticket
-- $1 org  $2 ticket
select d.document_id, d.state, d.kind, d.mime, d.size, d.sha256, d.caption, d.filename, d.reason
  from ticket_documents t
  join documents d on d.org_id = t.org_id and d.document_id = t.document_id
 where t.org_id = $1::uuid and t.ticket_id = $2::uuid
 order by t.position
 limit 100;
