-- The audit's chain: one job links what turns and commands have written (bot/later/audit.c), and anybody
-- may look whether it still holds (`parley audit verify`).

-- name: audit_link_more
-- $1 org  $2 at most
select audit_chain($1::uuid, $2::int4);

-- name: audit_verify
-- The first row whose link does not hold: changed, or one before it is gone.
-- $1 org
select r.position, r.audit_id, r.at, r.position <> coalesce(r.last, 0) + 1 as gap
  from (select a.position, a.audit_id, a.at, a.chain, lag(a.position) over w as last,
               audit_link(lag(a.chain) over w, a) as right_chain
          from audit a
         where a.org_id = $1::uuid and a.position is not null
        window w as (order by a.position)) r
 where r.position <> coalesce(r.last, 0) + 1 or r.chain is distinct from r.right_chain
 order by r.position
 limit 1;

-- name: audit_head
-- How far the chain reaches, its last link, and how many rows wait for theirs.
-- $1 org
select max(a.position),
       (select encode(l.chain, 'hex') from audit l
         where l.org_id = $1::uuid and l.position is not null order by l.position desc limit 1),
       (select count(*) from audit l where l.org_id = $1::uuid and l.position is null)
  from audit a where a.org_id = $1::uuid and a.position is not null;
