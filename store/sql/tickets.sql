-- Reports of customers: what flows do and ask (bound in store/parts.c), and what `parley ticket`
-- does for the business's people.

-- name: ticket_open
-- $1 org  $2 customer  $3 order number  $4 kind  $5 description  $6 email  $7 handles of files
-- $8 id  $9 conversation  $10 contact  $11 now
select outcome, ticket, nullif(files, 0)::int8 as files, nullif(lost, 0)::int8 as lost, due_at,
       case when outcome = 'opened'
            then event_out($1::uuid, 'ticket.opened', 'ticket/' || ticket, $2::uuid,
                           jsonb_build_object('ticket', ticket, 'kind', $4::text, 'number', nullif($3::text, ''),
                                              'text', $5::text, 'email', nullif($6::text, ''), 'files', files),
                           $11::timestamptz)::text end as later
  from ticket_open($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7::text, $8::uuid, $9::uuid,
                   $10::uuid, $11::timestamptz);

-- name: ticket_attach
-- $1 org  $2 customer  $3 ticket's number  $4 handles of files  $5 conversation
select outcome, nullif(files, 0)::int8 as files from ticket_attach($1::uuid, $2::uuid, $3::text, $4::text, $5::uuid);

-- name: tickets_list
-- Up to 11 from an offset on, newest first.
-- $1 org  $2 customer  $3 offset
select k.number as ticket, k.kind, k.status, k.created_at, o.number as order_number
  from tickets k
  left join orders o on o.org_id = k.org_id and o.order_id = k.order_id
 where k.org_id = $1::uuid and k.customer_id = $2::uuid
 order by k.created_at desc, k.ticket_id desc
offset case when $3::text ~ '^[0-9]{1,9}$' then $3::text::int8 else 0 end
 limit 11;

-- name: ticket_by_number
-- One row, or none: as people type it, so case and joints do not matter.
-- $1 org  $2 customer  $3 number
select k.number as ticket, k.kind, k.status, k.created_at, k.due_at, k.description, o.number as order_number,
       nullif(f.kept, 0) as kept, nullif(f.waiting, 0) as waiting, nullif(f.lost, 0) as lost, a.answers
  from tickets k
  left join orders o on o.org_id = k.org_id and o.order_id = k.order_id
 cross join lateral (
    select count(*) filter (where d.state in ('kept', 'gone')) as kept,
           count(*) filter (where d.state in ('wanted', 'storing')) as waiting,
           count(*) filter (where d.state in ('refused', 'lost')) as lost
      from ticket_documents t
      join documents d on d.org_id = t.org_id and d.document_id = t.document_id
     where t.org_id = k.org_id and t.ticket_id = k.ticket_id) f
 cross join lateral (
    select coalesce(json_agg(json_build_object(
               'at', json_build_object('time', (extract(epoch from w.at) * 1000000)::int8::text),
               'text', w.body) order by w.at, w.answer_id), '[]') as answers
      from (select * from ticket_answers w
             where w.org_id = k.org_id and w.ticket_id = k.ticket_id
             order by w.at desc limit 5) w) a
 where k.org_id = $1::uuid and k.customer_id = $2::uuid
   and upper(regexp_replace(k.number, '[^[:alnum:]]', '', 'g'))
       = upper(regexp_replace(left($3::text, 40), '[^[:alnum:]]', '', 'g'))
 limit 1;

-- --- what the business's people do about them, by `parley ticket` -----------------------------------

-- name: tickets_waiting
-- Who waits longest first; with closed and answered ones, the newest first.
-- $1 org  $2 all of them  $3 at most
select k.ticket_id, k.number, k.kind, k.status, k.created_at, k.due_at, coalesce(o.number, ''),
       (select count(*) from ticket_documents t where t.org_id = k.org_id and t.ticket_id = k.ticket_id)::int8
  from tickets k
  left join orders o on o.org_id = k.org_id and o.order_id = k.order_id
 where k.org_id = $1::uuid and ($2::bool or k.status = 'open')
 order by case when $2::bool then -extract(epoch from k.created_at) else extract(epoch from k.due_at) end
 limit $3::int8;

-- name: tickets_get
-- One of the business's, as people type its number.
-- $1 org  $2 number
select k.ticket_id, k.number, k.kind, k.status, k.created_at, k.due_at, coalesce(o.number, ''), 0::int8,
       k.description, k.contact_email, k.contact_phone, s.name,
       coalesce(c.language, s.language, b.language), c.conversation_id, c.last_inbound_at
  from tickets k
  join customers s on s.org_id = k.org_id and s.customer_id = k.customer_id
  join businesses b on b.org_id = k.org_id
  left join orders o on o.org_id = k.org_id and o.order_id = k.order_id
  left join conversations c on c.org_id = k.org_id and c.conversation_id = k.conversation_id
 where k.org_id = $1::uuid
   and upper(regexp_replace(k.number, '[^[:alnum:]]', '', 'g'))
       = upper(regexp_replace(left($2::text, 40), '[^[:alnum:]]', '', 'g'))
 limit 1;

-- name: tickets_answers
-- $1 org  $2 ticket
select w.at, w.author, w.body from ticket_answers w
 where w.org_id = $1::uuid and w.ticket_id = $2::uuid order by w.at, w.answer_id limit 100;

-- name: tickets_answer
-- The answer, the ticket's new status, and the promise to tell the customer: all of it, or nothing
-- where the ticket is closed already. Without words a ticket is only closed. Where the conversation is not theirs
-- any more (somebody else has the number), or there was none, an answer is news, and goes where they can be reached.
-- $1 org  $2 ticket  $3 status  $4 answer id  $5 author  $6 words  $7 reply (json)
with changed as (
    update tickets k
       set status = $3::text,
           answered_at = case when coalesce($6::text, '') <> '' then now() else k.answered_at end,
           closed_at = case when $3::text = 'closed' then now() end
     where k.org_id = $1::uuid and k.ticket_id = $2::uuid and k.status <> 'closed'
    returning k.ticket_id, k.conversation_id, k.customer_id, k.number
), answered as (
    insert into ticket_answers (org_id, ticket_id, answer_id, at, author, body)
    select $1::uuid, c.ticket_id, $4::uuid, now(), $5::text, $6::text from changed c
     where coalesce($6::text, '') <> ''
), next as (
    update conversations v set seq = v.seq + 1
      from changed c
      join contact_points p on p.org_id = $1::uuid and p.customer_id = c.customer_id
     where v.org_id = $1::uuid and v.conversation_id = c.conversation_id and v.contact_id = p.contact_id
    returning v.conversation_id, v.seq, v.account_id
), said as (
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    select $1::uuid, n.conversation_id, n.seq, false, 'text', $7::text, now(), 'ticket' from next n
    returning conversation_id, seq
), promised as (
    insert into outbox (org_id, lane_id, conversation_id, seq, due_at)
    select $1::uuid, n.account_id, s.conversation_id, s.seq, now()
      from next n join said s on s.conversation_id = n.conversation_id
), watched as (
    insert into fallbacks (org_id, conversation_id, seq, begun_at, due_at)
    select $1::uuid, s.conversation_id, s.seq, now(), now() from said s
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $4::uuid, now(), $5::text, 'ticket ' || $3::text, c.ticket_id::text from changed c
), elsewhere as (
    select notice_make($1::uuid, c.customer_id, '', 'ticket_answered', '', null,
                       jsonb_build_object('ticket', c.number, 'number', c.number, 'said', $6::text), now(), now()) as notice
      from changed c
     where coalesce($6::text, '') <> '' and not exists (select from next)
)
select count(*)::int8,
       (select count(*)::int8 from next) + (select count(notice)::int8 from elsewhere) from changed;

