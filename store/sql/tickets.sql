-- Reports of customers: what flows do and ask (bound in store/parts.c), and what `parley ticket`
-- does for the business's people.

-- name: ticket_open
-- $1 org  $2 customer  $3 order number  $4 kind  $5 description  $6 email  $7 handles of files
-- $8 id  $9 conversation  $10 contact  $11 now
select outcome, ticket, nullif(files, 0)::int8 as files, nullif(lost, 0)::int8 as lost, due_at
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
