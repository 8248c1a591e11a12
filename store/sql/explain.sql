-- What `parley explain` asks: one message, what it answers or what answered it, and what became of it.

-- name: explain_find
-- The newest message with that provider's id.
-- $1 org  $2 hash of the id
select conversation_id, seq from messages
 where org_id = $1::uuid and provider_hash = $2::bytea
 order by at desc limit 1;

-- name: explain_find_inbound
-- The same of a message that came in: no index leads to it, since only this command looks for one.
-- $1 org  $2 provider's id
select conversation_id, seq from messages
 where org_id = $1::uuid and inbound and provider_id = $2::text
 order by at desc limit 1;

-- name: explain_conversation
-- $1 org  $2 conversation
select c.seq, c.language, p.channel, p.address, a.external_id, p.customer_id
  from conversations c
  join contact_points p on p.org_id = $1::uuid and p.contact_id = c.contact_id
  join accounts a on a.org_id = $1::uuid and a.account_id = c.account_id
 where c.org_id = $1::uuid and c.conversation_id = $2::uuid;

-- name: explain_messages
-- The message, what caused it, and what it caused: all within a few numbers of it.
-- $1 org  $2 conversation  $3 seq
with this as (
    select cause from messages where org_id = $1::uuid and conversation_id = $2::uuid and seq = $3::int8
)
select m.seq, m.inbound, m.kind, m.body, m.at, m.delivery, coalesce(m.provider_id, ''), m.error,
       coalesce(m.reason, ''), m.attempts, m.cause, coalesce(m.why, ''), m.payload_id is not null,
       o.state, o.attempt, o.due_at
  from messages m
  left join outbox o on o.org_id = $1::uuid and o.conversation_id = m.conversation_id and o.seq = m.seq
 where m.org_id = $1::uuid and m.conversation_id = $2::uuid
   and m.seq between $3::int8 - 200 and $3::int8 + 40
   and (m.seq = $3::int8 or m.cause = $3::int8 or m.seq = (select cause from this))
 order by m.seq limit 60;

-- name: explain_cancellations
-- The wishes to cancel that came from this conversation within a minute of that message: which rule
-- decided, and the facts that it saw. Speaks for one customer.
-- $1 org  $2 conversation  $3 seq
select o.number, c.status, c.rule_id, c.facts::text as facts
  from messages m
  join conversations v on v.org_id = $1::uuid and v.conversation_id = m.conversation_id
  join contact_points p on p.org_id = $1::uuid and p.contact_id = v.contact_id
  join cancellations c on c.org_id = $1::uuid and c.customer_id = p.customer_id
   and c.conversation_id = v.conversation_id
  join orders o on o.org_id = $1::uuid and o.order_id = c.order_id
 where m.org_id = $1::uuid and m.conversation_id = $2::uuid and m.seq = $3::int8
   and c.asked_at between m.at - interval '1 minute' and m.at + interval '1 minute'
 order by c.asked_at limit 10;
