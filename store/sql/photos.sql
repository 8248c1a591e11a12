-- Photos of orders, as staff keeps them: store/photos.c. A plain connection of parley_staff's.

-- name: photo_order
-- The order with that number, however it is typed.
-- $1 org  $2 number
select order_id, number from orders
 where org_id = $1::uuid
   and number_key = upper(regexp_replace(left($2::text, 100), '[^[:alnum:]]', '', 'g'))
 order by number = $2::text desc, placed_at desc
 limit 1;

-- name: photo_begin
-- Before its bytes are stored, so that they are somebody's whatever happens. No row when the same
-- bytes are just being removed.
-- $1 org  $2 document  $3 now  $4 sha256  $5 size  $6 mime  $7 width  $8 height  $9 file name
insert into documents (org_id, document_id, handle, kind, filename, at, expires_at, due_at, state, open,
                       sha256, size, mime, width, height)
select $1::uuid, $2::uuid, '', case when $6::text = 'application/pdf' then 'document' else 'image' end,
       $9::text, $3::timestamptz, $3::timestamptz, $3::timestamptz, 'storing', false,
       $4::bytea, $5::int8, $6::text, nullif($7::int4, 0), nullif($8::int4, 0)
 where not exists (select 1 from documents g
                    where g.org_id = $1::uuid and g.sha256 = $4::bytea
                      and g.state = 'gone' and g.open)
returning document_id;

-- name: photo_keep
-- The bytes are there: the file counts, and the order has a photo.
-- $1 org  $2 document  $3 now  $4 order  $5 photo  $6 category  $7 caption  $8 who  $9 taken at
-- $10 audit row
with kept as (
    update documents set state = 'kept', kept_at = $3::timestamptz, ticketed = true
     where org_id = $1::uuid and document_id = $2::uuid and state = 'storing'
    returning document_id
), added as (
    insert into order_photos (org_id, order_id, photo_id, category, caption, taken_at, document_id, added_by)
    select $1::uuid, $4::uuid, $5::uuid, $6::text, $7::text, $9::timestamptz, k.document_id, $8::text
      from kept k
    returning photo_id
)
insert into audit (org_id, audit_id, at, actor, action, subject, detail)
select $1::uuid, $10::uuid, $3::timestamptz, $8::text, 'photo.added', a.photo_id::text,
       jsonb_build_object('order', $4::uuid, 'category', $6::text)
  from added a
returning 1;

-- name: photo_replace
-- The bytes are there: the photo shows them from now on, and keeps all else.
-- $1 org  $2 document  $3 now  $4 order  $5 photo  $6 who  $7 audit row
with kept as (
    update documents set state = 'kept', kept_at = $3::timestamptz, ticketed = true
     where org_id = $1::uuid and document_id = $2::uuid and state = 'storing'
    returning document_id
), before as (
    select p.document_id from order_photos p
     where p.org_id = $1::uuid and p.order_id = $4::uuid and p.photo_id = $5::uuid
), changed as (
    update order_photos p set document_id = k.document_id, url = '', added_by = $6::text
      from kept k
     where p.org_id = $1::uuid and p.order_id = $4::uuid and p.photo_id = $5::uuid
    returning p.photo_id
), loose as (
    update documents d set ticketed = exists (select 1 from ticket_documents t
                                               where t.org_id = d.org_id and t.document_id = d.document_id)
      from before b
     where d.org_id = $1::uuid and d.document_id = b.document_id
)
insert into audit (org_id, audit_id, at, actor, action, subject, detail)
select $1::uuid, $7::uuid, $3::timestamptz, $6::text, 'photo.replaced', c.photo_id::text,
       jsonb_build_object('order', $4::uuid)
  from changed c
returning 1;

-- name: photo_remove
-- The file goes later, as all that nothing counts on.
-- $1 org  $2 order  $3 photo  $4 now  $5 who  $6 audit row
select 1 where photo_remove($1::uuid, $2::uuid, $3::uuid, $5::text, $6::uuid, $4::timestamptz);

-- name: photo_describe
-- $1 org  $2 order  $3 photo  $4 caption  $5 now  $6 who  $7 audit row
with changed as (
    update order_photos set caption = $4::text
     where org_id = $1::uuid and order_id = $2::uuid and photo_id = $3::uuid
    returning photo_id
)
insert into audit (org_id, audit_id, at, actor, action, subject, detail)
select $1::uuid, $7::uuid, $5::timestamptz, $6::text, 'photo.described', c.photo_id::text,
       jsonb_build_object('order', $2::uuid)
  from changed c
returning 1;

-- name: photos_of
-- $1 org  $2 order
select p.photo_id, p.category, p.caption, p.taken_at, p.visible, p.url, coalesce(d.mime, ''),
       coalesce(d.size, 0), coalesce(d.state, '')
  from order_photos p
  left join documents d on d.org_id = p.org_id and d.document_id = p.document_id
 where p.org_id = $1::uuid and p.order_id = $2::uuid
 order by p.taken_at, p.photo_id
 limit 1000;
