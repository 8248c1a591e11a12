-- What is kept for a while only. Each is cheap when there is nothing to do, and is run again
-- while it changes as many rows as its limit.

-- name: retention_partitions
-- Make the payloads' partitions of the coming days and drop the old ones.
-- $1 now  $2 days ahead  $3 days to keep
select made, dropped from payload_partitions($1::timestamptz, $2::int4, $3::int4);

-- name: retention_payloads
-- Payloads that no daily partition took, in the default one; days of their own go as a whole, and are over by then.
-- $1 org  $2 older than  $3 limit
delete from payloads p
 using (select x.payload_id, x.received_at from payloads x
         where x.org_id = $1::uuid and x.received_at < $2::timestamptz limit $3::int4) o
 where p.org_id = $1::uuid and p.received_at < $2::timestamptz
   and p.payload_id = o.payload_id and p.received_at = o.received_at;

-- name: retention_seen
-- $1 org  $2 older than  $3 limit
delete from seen
 where ctid = any (array(select ctid from seen
                          where org_id = $1::uuid and at < $2::timestamptz limit $3::int4));

-- name: retention_early
-- Statuses whose message never came to be known.
-- $1 org  $2 older than  $3 limit
delete from early_statuses
 where ctid = any (array(select ctid from early_statuses
                          where org_id = $1::uuid and at < $2::timestamptz limit $3::int4));

-- name: retention_codes
-- Codes that no budget counts any more.
-- $1 org  $2 older than  $3 limit
delete from code_sends
 where ctid = any (array(select ctid from code_sends
                          where org_id = $1::uuid and at < $2::timestamptz limit $3::int4));

-- name: retention_unrouted
-- $1 older than  $2 limit
delete from unrouted
 where ctid = any (array(select ctid from unrouted where received_at < $1::timestamptz limit $2::int4));
