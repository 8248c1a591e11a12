-- What did not arrive goes on to the next channel: migrations 0033 and 0040, bot/lane/fallbacks.c.

-- name: fallbacks_watch
-- Messages just promised, to be looked after.
-- $1 org  $2 conversations  $3 seqs  $4 topics  $5 now
insert into fallbacks (org_id, conversation_id, seq, topic, begun_at, due_at)
select $1::uuid, i.conversation_id, i.seq, i.topic, $5::timestamptz, $5::timestamptz
  from unnest($2::uuid[], $3::int8[], $4::text[]) i (conversation_id, seq, topic);

-- name: fallbacks_failed
-- These will not arrive: those that are looked after are looked at now. Those that are due are written, too:
-- who looks at this moment does not see the failure yet, and would put them off.
-- $1 org  $2 conversations  $3 seqs  $4 now
update fallbacks f set due_at = $4::timestamptz
  from unnest($2::uuid[], $3::int8[]) i (conversation_id, seq)
 where f.org_id = $1::uuid and f.conversation_id = i.conversation_id and f.seq = i.seq;

-- name: fallbacks_look
-- What is due to be looked at: arrived ones are done with; failed ones go on, and on WhatsApp and SMS
-- those that the provider has had so long and has not delivered. Mail servers do not report, so a mail
-- that has not come back by then has arrived. Who has said STOP there since hears of it nowhere. What is still
-- ours to send (again: then a failure is of the attempt before), or of which nobody knows, is looked at later, for
-- a day.
-- $1 org  $2 now  $3 after (microseconds)  $4 contact ids  $5 conversation ids (as many)
-- $6 what stands before the code in a short address; empty: there are none  $7 codes (as many)
with due as materialized (
    select f.conversation_id, f.seq, f.topic, f.tried, f.begun_at + $3::int8 * interval '1 microsecond' as until
      from fallbacks f
     where f.org_id = $1::uuid and f.due_at <= $2::timestamptz
     order by f.due_at
     limit cardinality($4::uuid[])
       for update skip locked
), judged as materialized (
    select d.*, row_number() over (order by d.conversation_id, d.seq) as place,
           case when m.delivery >= 3 then 'arrived'
                when m.delivery = 2 and not w.again then case when w.stopped then 'stopped' else 'failed' end
                when m.at < $2::timestamptz - interval '1 day' then 'arrived'
                when o.state is not null or m.delivery = 0 then 'ours'
                when d.until > $2::timestamptz then 'theirs'
                when p.channel = 'email' then 'arrived'
                when w.stopped then 'stopped'
                else 'failed' end as verdict
      from due d
      join messages m on m.org_id = $1::uuid and m.conversation_id = d.conversation_id and m.seq = d.seq
      join conversations c on c.org_id = $1::uuid and c.conversation_id = d.conversation_id
      join contact_points p on p.org_id = $1::uuid and p.contact_id = c.contact_id
      left join outbox o on o.org_id = $1::uuid and o.conversation_id = d.conversation_id and o.seq = d.seq
     cross join lateral (select p.stopped_at is not null and not p.unreachable as stopped,
                                coalesce(o.state <> 1 or o.attempt > 1, false) as again) w
), later as (
    update fallbacks f
       set begun_at = case j.verdict when 'ours' then $2::timestamptz else f.begun_at end,
           due_at = case j.verdict when 'ours' then $2::timestamptz + least(interval '1 minute',
                                                       $3::int8 * interval '1 microsecond')
                                   else j.until end
      from judged j
     where j.verdict in ('ours', 'theirs')
       and f.org_id = $1::uuid and f.conversation_id = j.conversation_id and f.seq = j.seq
), done as (
    delete from fallbacks f using judged j
     where j.verdict in ('arrived', 'failed', 'stopped')
       and f.org_id = $1::uuid and f.conversation_id = j.conversation_id and f.seq = j.seq
), gone as materialized (
    select j.conversation_id, j.seq, g.*
      from judged j
     cross join lateral fall_back($1::uuid, j.conversation_id, j.seq, j.topic, j.tried,
                                  ($4::uuid[])[j.place], ($5::uuid[])[j.place], $2::timestamptz,
                                  $6::text, ($7::text[])[j.place]) g
     where j.verdict = 'failed'
     order by j.place
), told as (
    update messages m
       set reason = case g.outcome when 'gone_on' then 'went on by ' || g.channel
                                   else coalesce(m.reason, 'not delivered') || ', and there is no other way' end
      from gone g
     where m.org_id = $1::uuid and m.conversation_id = g.conversation_id and m.seq = g.seq
)
select conversation_id, seq, outcome, channel, account_id from gone
 union all
select j.conversation_id, j.seq, 'nowhere', null, null from judged j where j.verdict = 'stopped';
