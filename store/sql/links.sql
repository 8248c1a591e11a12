-- Links of our mails that come back: bot/view/link_pages.c.

-- name: link_message
-- What a link of a mail is about, and who got it. Only what was really said has links.
-- $1 org  $2 conversation  $3 seq
select m.body, m.at, coalesce(c.language, b.language), b.time_zone, b.name, b.email,
       c.account_id, p.channel, p.address, p.phone
  from messages m
  join conversations c on c.org_id = m.org_id and c.conversation_id = m.conversation_id
  join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
  join businesses b on b.org_id = m.org_id
 where m.org_id = $1::uuid and m.conversation_id = $2::uuid and m.seq = $3::int8 and not m.inbound;

-- name: link_conversation
-- Likewise for who wants to hear nothing more: that is good as long as there is somebody to hear it, also
-- when the message itself has been forgotten.
-- $1 org  $2 conversation
select '', null::timestamptz, coalesce(c.language, b.language), b.time_zone, b.name
  from conversations c
  join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
  join businesses b on b.org_id = c.org_id
 where c.org_id = $1::uuid and c.conversation_id = $2::uuid;

-- name: link_unsubscribe
-- $1 org  $2 conversation  $3 now
select unsubscribe($1::uuid, $2::uuid, $3::timestamptz) as outcome;

-- name: short_links_keep
-- $1 org  $2 codes  $3 addresses  $4 now
insert into short_links (org_id, code, url, made_at)
select $1::uuid, i.code, i.url, $4::timestamptz from unnest($2::text[], $3::text[]) i (code, url)
    on conflict do nothing;

-- name: short_links_find
-- What is older is good for nothing any more, whether it has been swept out or not. That one of the public places
-- is opened is kept with the review.
-- $1 org  $2 code  $3 older than
select url, document_id, customer_id, made_at,
       case when review_id is not null then review_opened($1::uuid, review_id, platform, now()) end as opened
  from short_links where org_id = $1::uuid and code = $2::text and made_at >= $3::timestamptz;

-- name: short_links_forget
-- $1 org  $2 older than  $3 limit
delete from short_links
 where ctid = any (array(select ctid from short_links
                          where org_id = $1::uuid and made_at < $2::timestamptz limit $3::int4));

-- name: link_file
-- A file behind a link, if it is still there and its reader's to see. No hash: it is being fetched still, for who
-- has the conversation in their hands.
-- $1 org  $2 document  $3 customer  $4 whether it is for a person of the business
select case when d.state = 'kept' then d.sha256 end as sha256, coalesce(d.mime, '') as mime, d.filename,
       coalesce(d.size, 0) as size
  from documents d
 where d.org_id = $1::uuid and d.document_id = $2::uuid
   and case when $4::bool
            then d.state in ('wanted', 'storing', 'kept')
                 and exists (select from handoffs h
                              where h.org_id = d.org_id and h.conversation_id = d.conversation_id)
            else d.state = 'kept' and document_reaches($1::uuid, $3::uuid, $2::uuid) end;
