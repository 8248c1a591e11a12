-- The API of a business's people and programs: bot/door/api.c, and its keys: store/api_keys.c. What is done
-- is migration 0053.

-- name: api_key_find
-- Whose key that is, by its public part; none where there is none. Sets the business by itself.
-- $1 public part
select org_id, key_id, hash, name, scopes from api_key_find($1::text);

-- name: api_run
-- $1 org  $2 key  $3 what  $4 arguments (json)  $5 Idempotency-Key, or null  $6 hash of the request
-- $7 fresh id  $8 now
select status::int8, coalesce(etag, ''), coalesce(body::text, '')
  from api_run($1::uuid, $2::uuid, $3::text, $4::text::jsonb, $5::text, $6::bytea, $7::uuid, $8::timestamptz);

-- name: api_key_create
-- One row, or none when another key of this business has the name.
-- $1 org  $2 id  $3 public part  $4 name  $5 hash  $6 scopes, by commas  $7 who  $8 now
with made as (
    insert into api_keys (org_id, key_id, prefix, name, hash, scopes, created_at, created_by)
    select $1::uuid, $2::uuid, $3::text, $4::text, $5::bytea, string_to_array($6::text, ','), $8::timestamptz, $7::text
     where not exists (select from api_keys k
                        where k.org_id = $1::uuid and k.name = $4::text and k.revoked_at is null)
    returning org_id, prefix, name, scopes
), found as (
    insert into directory (kind, external_id, org_id)
    select 'api_key', m.prefix, m.org_id from made m
)
insert into audit (org_id, audit_id, at, actor, action, subject, detail)
select m.org_id, $2::uuid, $8::timestamptz, $7::text, 'key.created', m.name, jsonb_build_object('scopes', m.scopes)
  from made m
returning 1;

-- name: api_key_list
-- $1 org
select key_id, prefix, name, array_to_string(scopes, ','), created_at, created_by, last_used_at, revoked_at,
       coalesce(revoked_by, '')
  from api_keys where org_id = $1::uuid
 order by revoked_at is not null, created_at, key_id
 limit 1000;

-- name: api_key_revoke
-- It works no more, from the next request on. One row, or none.
-- $1 org  $2 name or public part  $3 who  $4 now  $5 audit row
with k as (
    update api_keys x set revoked_at = $4::timestamptz, revoked_by = $3::text
     where x.org_id = $1::uuid and x.revoked_at is null and (x.name = $2::text or x.prefix = $2::text)
    returning x.name, x.prefix
), gone as (
    delete from directory d using k where d.kind = 'api_key' and d.external_id = k.prefix
)
insert into audit (org_id, audit_id, at, actor, action, subject)
select $1::uuid, $5::uuid, $4::timestamptz, $3::text, 'key.revoked', k.name from k
returning 1;

-- name: api_file_begin
-- $1 org  $2 key  $3 Idempotency-Key, or null  $4 hash of the request  $5 order's number  $6 now
select coalesce(f.status, 0)::int8, coalesce(f.body::text, ''), f.the_order
  from api_file_begin($1::uuid, $2::uuid, $3::text, $4::bytea, $5::text, $6::timestamptz) f;

-- name: api_file_end
-- With the file's own last step: what was answered, for whoever asks again.
-- $1 org  $2 key  $3 Idempotency-Key  $4 status  $5 answer (json)
update api_answers a set status = $4::int4, body = $5::text::jsonb
 where a.org_id = $1::uuid and a.key_id = $2::uuid and a.idem = $3::text
returning a.body::text;
