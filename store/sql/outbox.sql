-- The queries of a lane: bot/lane/lane_*.c. States are 0 ready, 1 intended, 2 unknown, 3 orphaned,
-- 4 waiting behind others of its conversation, 5 waiting until the provider has its file, 6 to go again in
-- its bundle (bundles.sql).

-- name: lane_acquire
-- Take a lane that nobody holds; the new epoch fences its last holder off. Who only looks whether it is free
-- neither locks its row nor writes.
-- $1 org  $2 lane  $3 holder  $4 now  $5 lease until
insert into lanes as l (org_id, lane_id, holder, epoch, lease_until)
select $1::uuid, $2::uuid, $3::uuid, 1, $5::timestamptz
 where not exists (select from lanes h
                    where h.org_id = $1::uuid and h.lane_id = $2::uuid and h.lease_until >= $4::timestamptz)
    on conflict (org_id, lane_id) do update
   set holder = excluded.holder, epoch = l.epoch + 1, lease_until = excluded.lease_until
 where l.lease_until < $4::timestamptz
returning l.epoch, l.stopped_at;

-- name: lane_renew
-- $1 org  $2 lane  $3 holder  $4 epoch  $5 lease until
update lanes set lease_until = $5::timestamptz
 where org_id = $1::uuid and lane_id = $2::uuid and holder = $3::uuid and epoch = $4::int8
returning stopped_at;

-- name: lane_release
-- $1 org  $2 lane  $3 holder  $4 epoch
update lanes set lease_until = '-infinity', holder = null
 where org_id = $1::uuid and lane_id = $2::uuid and holder = $3::uuid and epoch = $4::int8;

-- name: lane_stop
-- The provider refuses the account itself; null starts it again.
-- $1 org  $2 lane  $3 now or null  $4 why
update lanes set stopped_at = $3::timestamptz, stopped_why = $4::text
 where org_id = $1::uuid and lane_id = $2::uuid;

-- name: lane_inherit
-- What the last holder intended, and did not live to settle, may be on the wire or not. A turn may
-- still intend on its behalf a moment later.
-- $1 org  $2 lane  $3 epoch  $4 wait until
update outbox set state = 3, due_at = $4::timestamptz
 where org_id = $1::uuid and lane_id = $2::uuid and state = 1 and epoch < $3::int8;

-- name: lane_lost
-- Intended by a turn on the holder's behalf, and never handed over: the worker died in between, or
-- was too slow. What the holder has in its hands is named.
-- $1 org  $2 lane  $3 whether  $4 epoch  $5 long ago  $6 conversations  $7 seqs
update outbox o set state = case when o.bundle_id is null then 0 else 6 end, attempt = o.attempt - 1
 where $3::bool and o.org_id = $1::uuid and o.lane_id = $2::uuid and o.state = 1 and o.epoch = $4::int8
   and o.intent_at < $5::timestamptz
   and not exists (select 1 from unnest($6::uuid[], $7::int8[]) h (conversation_id, seq)
                    where h.conversation_id = o.conversation_id and h.seq = o.seq);

-- name: lane_wait_anew
-- While nobody held the lane, nobody may have listened to the provider either; nor to what waits on the disk.
-- $1 org  $2 lane  $3 wait until  $4 whether
update outbox set due_at = $3::timestamptz
 where $4::bool and org_id = $1::uuid and lane_id = $2::uuid and state in (2, 3) and due_at < $3::timestamptz;

-- name: lane_reclaim
-- The holder's next epoch; what it intended under this one, and knows not to be on the wire, is ready
-- again.
-- $1 org  $2 lane  $3 holder  $4 epoch
with fenced as (
    update lanes set epoch = epoch + 1
     where org_id = $1::uuid and lane_id = $2::uuid and holder = $3::uuid and epoch = $4::int8
    returning epoch
), ready as (
    update outbox o set state = case when o.bundle_id is null then 0 else 6 end, attempt = o.attempt - 1
      from fenced
     where o.org_id = $1::uuid and o.lane_id = $2::uuid and o.state = 1 and o.epoch = $4::int8
)
select epoch from fenced;

-- name: lane_depth
-- Of a long backlog only the first are counted.
-- $1 org  $2 lane
select count(*) filter (where state in (0, 6)), count(*) filter (where state = 1),
       count(*) filter (where state in (2, 3)), count(*) filter (where state = 4)
  from (select state from outbox where org_id = $1::uuid and lane_id = $2::uuid limit 50000) o;

-- name: outbox_intend
-- The intent to send, committed just before the wire: only the head of a conversation, only while
-- the lane is held under this epoch. Answers first, and of a broadcast no more than it may have of the rate. Of a
-- long backlog the first thousand are looked at: see outbox_part. The nested loop keeps their order; if it did not,
-- fairness would suffer, but nothing else.
-- $1 org  $2 lane  $3 holder  $4 epoch  $5 now  $6 limit  $7 of a broadcast's at most
with held as (
    select 1 from lanes
     where org_id = $1::uuid and lane_id = $2::uuid and holder = $3::uuid and epoch = $4::int8
       and lease_until > $5::timestamptz
       for share
), due as (
    (select o.conversation_id, o.seq
       from (select b.conversation_id, b.seq
               from outbox b
              where exists (select 1 from held)
                and b.org_id = $1::uuid and b.lane_id = $2::uuid and b.state = 0
                and b.priority < 2 and b.due_at <= $5::timestamptz
              order by b.priority, b.due_at
              limit 1000) b
      cross join lateral (
            select l.conversation_id, l.seq -- one row by its key, whatever the statistics say
              from outbox l
             where l.org_id = $1::uuid and l.conversation_id = b.conversation_id and l.seq = b.seq
               and l.seq = (select e.seq from outbox e
                             where e.org_id = $1::uuid and e.conversation_id = b.conversation_id
                             order by e.seq limit 1)
               for update skip locked) o)
     union all
    (select o.conversation_id, o.seq
       from (select b.conversation_id, b.seq
               from outbox b
              where exists (select 1 from held)
                and b.org_id = $1::uuid and b.lane_id = $2::uuid and b.state = 0
                and b.priority = 2 and b.due_at <= $5::timestamptz
              order by b.due_at
              limit 1000) b
      cross join lateral (
            select l.conversation_id, l.seq
              from outbox l
             where l.org_id = $1::uuid and l.conversation_id = b.conversation_id and l.seq = b.seq
               and l.seq = (select e.seq from outbox e
                             where e.org_id = $1::uuid and e.conversation_id = b.conversation_id
                             order by e.seq limit 1)
               for update skip locked) o
      limit $7::int4)
     limit $6::int4
)
update outbox o set state = 1, attempt = o.attempt + 1, epoch = $4::int8, intent_at = $5::timestamptz
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
          t.message_id, t.refs, t.subject, o.media_id;

-- name: outbox_part
-- A few conversations that may not go on (a busy writer's, one whose answer was lost) can have
-- thousands of messages ready, older than any that could go. What stands behind another of its
-- conversation goes out of sight; what settles the other brings it back.
-- $1 org  $2 lane  $3 now
with followers as (
    select l.conversation_id, l.seq
      from (select b.conversation_id, b.seq
              from outbox b
             where b.org_id = $1::uuid and b.lane_id = $2::uuid and b.state = 0 and b.due_at <= $3::timestamptz
             order by b.priority, b.due_at
             limit 1000) b
     cross join lateral (
           select l.conversation_id, l.seq
             from outbox l
            where l.org_id = $1::uuid and l.conversation_id = b.conversation_id and l.seq = b.seq
              and l.seq > (select e.seq from outbox e
                            where e.org_id = $1::uuid and e.conversation_id = b.conversation_id
                            order by e.seq limit 1)
              for update skip locked) l
)
update outbox o set state = 4 from followers f
 where o.org_id = $1::uuid and o.conversation_id = f.conversation_id and o.seq = f.seq and o.state = 0;

-- name: outbox_promote
-- The next of these conversations are in sight again.
-- $1 org  $2 lane  $3 conversations
with next as materialized (
    select n.conversation_id, n.seq
      from unnest($3::uuid[]) i (conversation_id)
     cross join lateral (
           select l.conversation_id, l.seq, l.state from outbox l
            where l.org_id = $1::uuid and l.conversation_id = i.conversation_id
            order by l.seq limit 1) n
     where n.state = 4
)
update outbox o set state = 0 from next n
 where o.org_id = $1::uuid and o.lane_id = $2::uuid and o.conversation_id = n.conversation_id and o.seq = n.seq;

-- name: outbox_promote_all
-- Others than the lane end sendings too: a status settles one, STOP takes some back.
-- $1 org  $2 lane  $3 whether
update outbox o set state = 0
 where $3::bool and o.org_id = $1::uuid and o.lane_id = $2::uuid and o.state = 4
   and o.seq = (select e.seq from outbox e
                 where e.org_id = $1::uuid and e.conversation_id = o.conversation_id
                 order by e.seq limit 1);

-- name: outbox_sent
-- The provider took them; without an id when it does not say under which. A failure that was known before is of
-- another attempt when it came under another id.
-- $1 org  $2 conversations  $3 seqs  $4 provider ids  $5 hashes  $6 attempts
update messages m
   set delivery = case when m.delivery = 2 and i.attempt > 1 and i.provider_id is not null
                            and m.provider_hash <> i.hash then 1
                       else greatest(m.delivery, 1) end,
       provider_id = coalesce(i.provider_id, m.provider_id),
       provider_hash = case when i.provider_id is null then m.provider_hash else i.hash end, attempts = i.attempt
  from unnest($2::uuid[], $3::int8[], $4::text[], $5::bytea[], $6::int2[])
       i (conversation_id, seq, provider_id, hash, attempt)
 where m.org_id = $1::uuid and m.conversation_id = i.conversation_id and m.seq = i.seq;

-- name: outbox_failed
-- They will not be sent; a sign that one arrived all the same overrules it. After outbox_settle: what that
-- left is being sent.
-- $1 org  $2 conversations  $3 seqs  $4 errors  $5 reasons  $6 attempts
update messages m
   set delivery = greatest(m.delivery, 2), error = greatest(m.error, i.error), reason = i.reason, attempts = i.attempt
  from unnest($2::uuid[], $3::int8[], $4::int4[], $5::text[], $6::int2[])
       i (conversation_id, seq, error, reason, attempt)
 where m.org_id = $1::uuid and m.conversation_id = i.conversation_id and m.seq = i.seq
   and not exists (select from outbox o
                    where o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq);

-- name: outbox_told_to_stop
-- The provider does not deliver these, because their reader told it to stop: then we stop, too. Unless
-- they have written to us since; what we send now will tell. A mailbox is on such a list for other reasons, too.
-- $1 org  $2 conversations  $3 seqs  $4 now
with stopped as (
    update contact_points p set stopped_at = $4::timestamptz, unreachable = p.channel = 'email'
      from unnest($2::uuid[], $3::int8[]) i (conversation_id, seq)
      join messages m on m.org_id = $1::uuid and m.conversation_id = i.conversation_id and m.seq = i.seq
      join conversations c on c.org_id = $1::uuid and c.conversation_id = i.conversation_id
     where p.org_id = $1::uuid and p.contact_id = c.contact_id and p.stopped_at is null
       and (c.last_inbound_at is null or c.last_inbound_at <= m.at)
    returning p.customer_id, p.contact_id, p.channel,
              contact_opted($1::uuid, p.customer_id, p.contact_id, p.channel, p.address, 'all', false, 'provider', $4::timestamptz)
)
insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source)
select $1::uuid, $4::timestamptz, s.customer_id, s.contact_id, s.channel, 'all', false, 'provider'
  from stopped s;

-- name: outbox_settle
-- Settled rows go. But one that a later epoch has intended is on another wire by now, whatever came of the
-- first: it stays its sender's to settle, or what follows in its conversation would overtake it there. Should
-- that sender die, outbox_reported finds what the first has left in the log.
-- $1 org  $2 conversations  $3 seqs  $4 epochs of their intents
delete from outbox o using unnest($2::uuid[], $3::int8[], $4::int8[]) i (conversation_id, seq, epoch)
 where o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq
   and (o.state <> 1 or o.epoch <= i.epoch);

-- name: outbox_put_off
-- Back to ready, or unknown, until a time. Only rows that this holder still intends.
-- $1 org  $2 conversations  $3 seqs  $4 states  $5 due  $6 attempts  $7 epoch
update outbox o set state = i.state, due_at = i.due, attempt = i.attempt
  from unnest($2::uuid[], $3::int8[], $4::int2[], $5::timestamptz[], $6::int2[])
       i (conversation_id, seq, state, due, attempt)
 where o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq
   and o.state = 1 and o.epoch = $7::int8;

-- name: outbox_reported
-- The unsure that the provider has reported on by now. That one of several attempts failed says nothing of the
-- others: turn_statuses.
-- $1 org  $2 lane
delete from outbox o using messages m
 where o.org_id = $1::uuid and o.lane_id = $2::uuid and o.state in (2, 3)
   and m.org_id = $1::uuid and m.conversation_id = o.conversation_id and m.seq = o.seq and m.delivery > 0
   and not (m.delivery = 2 and o.attempt > 1 and m.provider_hash is not null);

-- name: outbox_repeat
-- An unknown whose time is up is repeated once, unless it is a broadcast's; more often only while the
-- provider reports on all that it takes, for then what it does not report has not arrived. An orphan
-- most likely never left, so it does not spend that one repetition; one that outlived so many senders
-- may be what kills them. What is said unasked (receipts, papers, news) is repeated like answers: given
-- up it would be lost to whoever has no other channel, and as often come twice where there is one.
-- $1 org  $2 lane  $3 now  $4 attempts at most  $5 whether the provider reports on all
update outbox set state = 0, repeats = repeats + case state when 2 then 1 else 0 end
 where org_id = $1::uuid and lane_id = $2::uuid and state in (2, 3) and due_at <= $3::timestamptz
   and priority < 2
   and case state when 2 then repeats = 0 or $5::bool and attempt < $4::int4 else attempt < $4::int4 end
returning conversation_id, seq;

-- name: outbox_give_up
-- An unknown that may not be repeated: these are to be settled as failed. One that was repeated waits
-- longer, for what can be known about the provider's reports.
-- $1 org  $2 lane  $3 now  $4 attempts at most  $5 whether the provider reports on all  $6 long ago
select conversation_id, seq, attempt from outbox
 where org_id = $1::uuid and lane_id = $2::uuid and state in (2, 3) and due_at <= $3::timestamptz
   and (priority > 1
        or case state when 3 then attempt >= $4::int4
                      else repeats > 0 and (attempt >= $4::int4 or not $5::bool and due_at <= $6::timestamptz) end)
 limit 500;

-- name: lane_reports
-- On how many of these messages the provider has reported since it took them.
-- $1 org  $2 conversations  $3 seqs
select count(*) from unnest($2::uuid[], $3::int8[]) i (conversation_id, seq)
  join messages m on m.org_id = $1::uuid and m.conversation_id = i.conversation_id and m.seq = i.seq
 where m.delivery > 1;

-- name: early_join
-- Statuses that waited for their message, a few at a time: how many were looked at. What is not known yet is
-- looked at again when it is twice as old. A message that failed goes on by another channel now.
-- $1 org  $2 now  $3 at most
with due as materialized (
    select e.provider_hash, e.delivery, e.error, e.at
      from early_statuses e
     where e.org_id = $1::uuid and e.due_at <= $2::timestamptz
     order by e.due_at limit $3::int4
       for update skip locked
), found as materialized (
    select d.provider_hash, d.delivery, d.error, d.at, m.conversation_id, m.seq
      from due d
      left join lateral (
           select x.conversation_id, x.seq from messages x
            where x.org_id = $1::uuid and x.provider_hash = d.provider_hash and not x.inbound limit 1) m on true
     order by m.conversation_id, m.seq
), joined as (
    update messages m
       set delivery = greatest(m.delivery, f.delivery), error = greatest(m.error, f.error)
      from found f
     where m.org_id = $1::uuid and m.conversation_id = f.conversation_id and m.seq = f.seq
), failed as (
    update fallbacks b set due_at = $2::timestamptz
      from found f
     where f.delivery = 2
       and b.org_id = $1::uuid and b.conversation_id = f.conversation_id and b.seq = f.seq
), gone as (
    delete from early_statuses e using found f
     where f.seq is not null and e.org_id = $1::uuid and e.provider_hash = f.provider_hash
), later as (
    update early_statuses e
       set due_at = $2::timestamptz + greatest($2::timestamptz - f.at, interval '5 seconds')
      from found f
     where f.seq is null and e.org_id = $1::uuid and e.provider_hash = f.provider_hash
)
select count(*) from due;
