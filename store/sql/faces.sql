-- What a lane must know to say something by SMS or mail: bot/lane/faces.c.

-- name: faces_of
-- In which language and for whom the lane speaks, for each message that it intends now: those that it
-- has just claimed are among them. And the kept file that it shows, if it is still its reader's to see.
-- $1 org  $2 lane  $3 epoch
select o.conversation_id, o.seq, coalesce(c.language, k.language, b.language) as language, b.name,
       coalesce(b.settings ->> 'address', '') as address, b.website, b.privacy_url,
       coalesce(b.settings ->> 'logo_url', '') as logo_url, coalesce(b.settings ->> 'colour', '') as colour,
       o.document_id, p.customer_id, d.mime, d.size,
       d.document_id is not null and document_reaches($1::uuid, p.customer_id, d.document_id) as theirs,
       coalesce(a.settings ->> 'plain_letters', b.settings ->> 'plain_letters', '') as plain_letters,
       coalesce(a.settings ->> 'mms', b.settings ->> 'mms', '') as mms
  from outbox o
  join conversations c on c.org_id = $1::uuid and c.conversation_id = o.conversation_id
  join contact_points p on p.org_id = $1::uuid and p.contact_id = c.contact_id
  left join customers k on k.org_id = $1::uuid and k.customer_id = p.customer_id
  join businesses b on b.org_id = $1::uuid
  join accounts a on a.org_id = $1::uuid and a.account_id = $2::uuid
  left join documents d on d.org_id = $1::uuid and d.document_id = o.document_id and d.state = 'kept'
 where o.org_id = $1::uuid and o.lane_id = $2::uuid and o.state = 1 and o.epoch = $3::int8
 limit 1000;
