-- Many messages in one request: bot/lane/bundle*.c. State 6 is one in a bundle that is to go again, and goes with
-- all the others of it or not at all.

-- name: bundle_intend
-- The intent to send a bundle: the first one that is to go again, as it was; else a new one of the
-- heads of conversations that never were on the wire and show no file, when there are enough of them and
-- not too many bundles wait already: a provider that takes none gets no more. As outbox_intend otherwise. One of a bundle that another transaction holds is waited for: without it the
-- request would be another one.
-- $1 org  $2 lane  $3 holder  $4 epoch  $5 now  $6 at most  $7 bundle id  $8 at least  $9 bundles that may wait
with held as (
    select 1 from lanes
     where org_id = $1::uuid and lane_id = $2::uuid and holder = $3::uuid and epoch = $4::int8
       and lease_until > $5::timestamptz
       for share
), again as materialized (
    select b.bundle_id
      from outbox b
     where exists (select 1 from held)
       and b.org_id = $1::uuid and b.lane_id = $2::uuid and b.bundle_id is not null and b.state = 6
       and b.due_at <= $5::timestamptz
       and not exists (select 1 from outbox m
                        where m.org_id = $1::uuid and m.bundle_id = b.bundle_id and m.state <> 6)
     order by b.due_at
     limit 1
), old as materialized (
    select o.conversation_id, o.seq, o.bundle_id, o.bundle_at
      from outbox o
     where o.org_id = $1::uuid and o.bundle_id = (select bundle_id from again)
     order by o.conversation_id, o.seq
       for update
), heads as materialized (
    select o.conversation_id, o.seq
      from (select b.conversation_id, b.seq
              from outbox b
             where exists (select 1 from held) and not exists (select 1 from again)
               and (select count(distinct w.bundle_id) from outbox w
                     where w.org_id = $1::uuid and w.lane_id = $2::uuid and w.bundle_id is not null
                       and w.state = 6) < $9::int4
               and b.org_id = $1::uuid and b.lane_id = $2::uuid and b.state = 0
               and b.due_at <= $5::timestamptz
             order by b.priority, b.due_at
             limit 1000) b
     cross join lateral (
           select l.conversation_id, l.seq
             from outbox l
            where l.org_id = $1::uuid and l.conversation_id = b.conversation_id and l.seq = b.seq
              and l.attempt = 0 and l.bundle_id is null and l.document_id is null and l.media_id is null
              and l.seq = (select e.seq from outbox e
                            where e.org_id = $1::uuid and e.conversation_id = b.conversation_id
                            order by e.seq limit 1)
              for update skip locked) o
     limit $6::int4
), due as (
    select conversation_id, seq, bundle_id, bundle_at from old
     union all
    select conversation_id, seq, $7::uuid, row_number() over ()::int2
      from heads
     where (select count(*) from heads) >= $8::int4
)
update outbox o
   set state = 1, attempt = o.attempt + 1, epoch = $4::int8, intent_at = $5::timestamptz,
       bundle_id = d.bundle_id, bundle_at = d.bundle_at
  from due d
  join messages m on m.org_id = $1::uuid and m.conversation_id = d.conversation_id and m.seq = d.seq
  join conversations c on c.org_id = $1::uuid and c.conversation_id = d.conversation_id
  join contact_points p on p.org_id = $1::uuid and p.contact_id = c.contact_id
  left join mail_threads t on t.org_id = $1::uuid and t.conversation_id = c.conversation_id
 where o.org_id = $1::uuid and o.conversation_id = d.conversation_id and o.seq = d.seq
returning o.conversation_id, o.seq, o.attempt, o.repeats, o.priority, o.due_at, m.body, p.address, p.phone,
          c.last_inbound_at,
          (p.stopped_at is not null and not o.exempt
           or case when o.priority = 2 then broadcast_unwanted($1::uuid, o.conversation_id, o.seq) else false end) as stopped, o.sealed, m.at,
          t.message_id, t.refs, t.subject, o.media_id, o.bundle_id, o.bundle_at;

-- name: bundle_part
-- The provider refused the request, so nothing of it was taken: its members go in others, or alone where
-- the new one is none. Before they are put off, in the same transaction.
-- $1 org  $2 conversations  $3 seqs  $4 new bundles  $5 epoch
update outbox o
   set bundle_id = nullif(i.bundle_id, '00000000-0000-0000-0000-000000000000'::uuid)
  from unnest($2::uuid[], $3::int8[], $4::uuid[]) i (conversation_id, seq, bundle_id)
 where o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq
   and o.state = 1 and o.epoch = $5::int8;

-- name: bundle_inherit
-- What the last holder intended in a bundle goes again as it was, at once: under its key that is
-- harmless. Before lane_inherit, which has those that outlived too many senders: that is counted apart,
-- since a bundle has more attempts than a sender may have killed.
-- $1 org  $2 lane  $3 epoch  $4 now  $5 deaths at most
update outbox set state = 6, due_at = $4::timestamptz, repeats = repeats + 1
 where org_id = $1::uuid and lane_id = $2::uuid and bundle_id is not null and state = 1 and epoch < $3::int8
   and repeats < $5::int4;

-- name: bundle_orphans
-- Where a provider knows our keys an orphan may go again, whoever waits for it.
-- $1 org  $2 lane  $3 now  $4 attempts at most  $5 whether
update outbox set state = 0
 where $5::bool and org_id = $1::uuid and lane_id = $2::uuid and state = 3 and priority > 0
   and due_at <= $3::timestamptz and attempt < $4::int4;

-- name: bundle_next
-- When the first bundle goes again.
-- $1 org  $2 lane
select min(due_at) from outbox
 where org_id = $1::uuid and lane_id = $2::uuid and bundle_id is not null and state = 6;
