-- What `parley dead` asks of the database: deliveries that could not be handled.

-- name: dead_letters_list
-- Newest first. The item's own payload stays behind.
-- $1 org  $2 replayed ones too  $3 at most
select d.dead_id, d.at, d.reason, d.item, d.replayed_at, coalesce(a.external_id, ''), coalesce(a.app, ''),
       length(coalesce(w.payload, d.payload))::int8, d.provider
  from dead_letters d
  left join accounts a on a.org_id = d.org_id and a.account_id = d.account_id
  left join dead_letters w on w.org_id = d.org_id and w.dead_id = d.whole_in
 where d.org_id = $1::uuid and ($2::bool or d.replayed_at is null)
 order by d.at desc, d.dead_id desc
 limit $3::int8;

-- name: dead_letters_get
-- $1 org  $2 id
select d.dead_id, d.at, d.reason, d.item, d.replayed_at, coalesce(a.external_id, ''), coalesce(a.app, ''),
       length(coalesce(w.payload, d.payload))::int8, d.provider, coalesce(w.payload, d.payload)
  from dead_letters d
  left join accounts a on a.org_id = d.org_id and a.account_id = d.account_id
  left join dead_letters w on w.org_id = d.org_id and w.dead_id = d.whole_in
 where d.org_id = $1::uuid and d.dead_id = $2::uuid;

-- name: dead_letters_forget
-- The item may be handled again: what was remembered when it was parked goes, and nothing that was
-- remembered later.
-- $1 org  $2 id  $3 hash of the item
delete from seen s using dead_letters d
 where d.org_id = $1::uuid and d.dead_id = $2::uuid and s.org_id = d.org_id and s.account_id = d.account_id
   and s.hash = $3::bytea and s.at = d.at;

-- name: dead_letters_replayed
-- $1 org  $2 id
update dead_letters set replayed_at = now()
 where org_id = $1::uuid and dead_id = $2::uuid and replayed_at is null;

-- name: dead_letters_audit
-- $1 org  $2 audit id  $3 actor  $4 dead letter
insert into audit (org_id, audit_id, at, actor, action, subject)
values ($1::uuid, $2::uuid, now(), $3::text, 'dead letter replayed', $4::text);

-- name: unrouted_list
-- $1 at most
select unrouted_id, received_at, reason, '', null::timestamptz, '', '', length(body)::int8, provider
  from unrouted order by received_at desc, unrouted_id desc limit $1::int8;

-- name: unrouted_get
-- $1 id
select unrouted_id, received_at, reason, '', null::timestamptz, '', '', length(body)::int8, provider, body
  from unrouted where unrouted_id = $1::uuid;

-- name: unrouted_forget
-- It was taken in; what is still nobody's in it was kept anew.
-- $1 id
delete from unrouted where unrouted_id = $1::uuid;

-- name: dead_app_of
-- The app whose secret signs for a number or a business account.
-- $1 external id
select app from directory where external_id = $1::text limit 1;
