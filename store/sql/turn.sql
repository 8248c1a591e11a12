-- The queries of a turn: bot/turn/batch.c runs them in this order, in one transaction, for one business.

-- name: turn_take
-- Take conversations, passing over those that another worker holds. No row: new, or held.
-- $1 org  $2 account ids  $3 addresses  $4 channels
select i.ord::int4 as ord, c.conversation_id, c.contact_id, p.customer_id, c.seq, c.state, c.at_rest,
       c.language, c.language_settled, c.last_inbound_at, c.held_until, p.stopped_at, p.phone,
       c.verified_until, p.unreachable
  from unnest($2::uuid[], $3::text[], $4::text[]) with ordinality i (account_id, address, channel, ord)
  join contact_points p on p.org_id = $1::uuid and p.channel = i.channel and p.address = i.address
 cross join lateral (
       select l.* from conversations l
        where l.org_id = $1::uuid and l.account_id = i.account_id and l.contact_id = p.contact_id
          for no key update skip locked) c;

-- name: turn_see
-- Remember deliveries; the rows that come back are new, the others were handled before.
-- $1 org  $2 account ids  $3 hashes (sorted)  $4 now
insert into seen (org_id, account_id, hash, at)
select $1::uuid, i.account_id, i.hash, $4::timestamptz from unnest($2::uuid[], $3::bytea[]) i (account_id, hash)
    on conflict do nothing
returning account_id, hash;

-- name: turn_unsee
-- Forget what this transaction remembered of turns that it puts off.
-- $1 org  $2 account ids  $3 hashes
delete from seen s using unnest($2::uuid[], $3::bytea[]) i (account_id, hash)
 where s.org_id = $1::uuid and s.account_id = i.account_id and s.hash = i.hash;

-- name: turn_adopt_by_phone
-- A contact known by number alone gets the user id that its channel now gives.
-- $1 org  $2 user ids  $3 phones
update contact_points p set address = i.user_id
  from unnest($2::text[], $3::text[]) i (user_id, phone)
 where p.org_id = $1::uuid and p.channel = 'whatsapp' and p.address = i.phone and i.user_id <> i.phone
   and not exists (select 1 from contact_points q
                    where q.org_id = $1::uuid and q.channel = 'whatsapp' and q.address = i.user_id);

-- name: turn_take_found
-- As turn_take, after contacts were created; a sender who came with a number alone is also found
-- by it where their user id is known.
-- $1 org  $2 account ids  $3 addresses  $4 channels
select i.ord::int4 as ord, c.conversation_id, c.contact_id, p.customer_id, c.seq, c.state, c.at_rest,
       c.language, c.language_settled, c.last_inbound_at, c.held_until, p.stopped_at, p.phone,
       c.verified_until, p.unreachable
  from unnest($2::uuid[], $3::text[], $4::text[]) with ordinality i (account_id, address, channel, ord)
 cross join lateral (
       select q.* from contact_points q
        where q.org_id = $1::uuid and q.channel = i.channel and q.address = i.address
        union all
       select q.* from contact_points q
        where q.org_id = $1::uuid and q.channel = i.channel and q.phone = i.address and q.address <> i.address) p
 cross join lateral (
       select l.* from conversations l -- locked one by one, and looked for last of all
        where l.org_id = $1::uuid and l.account_id = i.account_id and l.contact_id = p.contact_id
          for no key update skip locked) c
 order by i.ord, p.address = i.address, p.created_at;

-- name: turn_create_contacts
-- Whoever writes from a number or a mail address that is on record is that customer.
-- $1 org  $2 ids  $3 addresses (sorted)  $4 phones  $5 names  $6 channels  $7 now
insert into contact_points (org_id, contact_id, channel, address, phone, display_name, customer_id, created_at)
select $1::uuid, i.contact_id, i.channel, i.address, i.phone, i.name,
       case when i.channel = 'email' then customer_by_mail($1::uuid, i.address) else f.customer_id end,
       $7::timestamptz
  from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[]) i (contact_id, address, phone, name, channel)
  left join customer_phones f on f.org_id = $1::uuid and f.phone = i.phone and f.disputed_at is null
 where i.address is distinct from i.phone
    or not exists (select 1 from contact_points q
                    where q.org_id = $1::uuid and q.channel = i.channel and q.phone = i.phone)
    on conflict do nothing;

-- name: turn_create_conversations
-- $1 org  $2 ids  $3 account ids  $4 addresses (sorted)  $5 channels
insert into conversations (org_id, conversation_id, account_id, contact_id)
select $1::uuid, i.conversation_id, i.account_id, p.contact_id
  from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) i (conversation_id, account_id, address, channel)
 cross join lateral (
       select q.contact_id from contact_points q
        where q.org_id = $1::uuid and q.channel = i.channel and q.address = i.address
        union all
       select q.contact_id from contact_points q
        where q.org_id = $1::uuid and q.channel = i.channel and q.phone = i.address and q.address <> i.address) p
    on conflict do nothing;

-- name: turn_business
-- $1 org
select name, language, time_zone, currency, country, email, phone, website, privacy_url,
       (settings->'hours')::text,
       case when settings->>'handoff_minutes' ~ '^[0-9]{1,4}$' then (settings->>'handoff_minutes')::int4 end,
       coalesce(settings ->> 'reading' = 'known', false) as reading_known,
       coalesce(settings ->> 'registration' = 'true', false) as registration
  from businesses where org_id = $1::uuid;

-- name: turn_customer
-- What every flow may know of the one who writes. Runs with the customer set.
-- $1 org  $2 customer
select name, coalesce(nullif(email, ''), email_told), company, language, time_zone, portal_access,
       case when review_awaited_at > now() - interval '14 days' then review_awaited end as review_awaited,
       review_awaited_at
  from customers where org_id = $1::uuid and customer_id = $2::uuid;

-- name: turn_log
-- What was said, both ways.
-- $1 org  $2 conversations  $3 seqs  $4 inbound  $5 kinds  $6 bodies  $7 times  $8 provider hashes
-- $9 provider ids  $10 payloads  $11 causes  $12 whys
insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, provider_hash, provider_id,
                      payload_id, cause, why)
select $1::uuid, i.* from unnest($2::uuid[], $3::int8[], $4::bool[], $5::text[], $6::text[],
    $7::timestamptz[], $8::bytea[], $9::text[], $10::uuid[], $11::int8[], $12::text[]) i;

-- name: turn_promise
-- Messages to be sent. Where the lane's holder has given an epoch, this is the intent too: unless
-- something of the conversation waits that this epoch has not intended, or the customer said STOP
-- meanwhile. `last` is what is then still to be settled before it.
-- $1 org  $2 lanes  $3 conversations  $4 seqs  $5 due  $6 exempt  $7 priorities  $8 contacts
-- $9 epochs, 0 for none  $10 now
with i as (
    select i.*, h.last,
           i.epoch > 0 and not h.waits
           and not exists (select 1 from contact_points p
                            where i.epoch > 0 and p.org_id = $1::uuid and p.contact_id = i.contact_id
                              and p.stopped_at is not null) as intended
      from unnest($2::uuid[], $3::uuid[], $4::int8[], $5::timestamptz[], $6::bool[], $7::int2[], $8::uuid[], $9::int8[])
           with ordinality i (lane_id, conversation_id, seq, due_at, exempt, priority, contact_id, epoch, ord)
     cross join lateral (
           select max(o.seq) as last, coalesce(bool_or(o.state <> 1 or o.epoch <> i.epoch), false) as waits
             from outbox o
            where i.epoch > 0 and o.org_id = $1::uuid and o.conversation_id = i.conversation_id) h
), kept as (
    insert into outbox (org_id, lane_id, conversation_id, seq, due_at, exempt, priority, state, attempt, epoch, intent_at)
    select $1::uuid, i.lane_id, i.conversation_id, i.seq, i.due_at, i.exempt, i.priority,
           i.intended::int::int2, i.intended::int::int2, case when i.intended then i.epoch else 0 end,
           case when i.intended then $10::timestamptz end
      from i
)
select i.ord::int4, i.last from i where i.intended order by i.ord;

-- name: turn_keep
-- What the conversations have become.
-- $1 org  $2 conversations  $3 seqs  $4 states  $5 at rest  $6 languages  $7 settled  $8 last inbound
-- $9 verified until  $10 now
update conversations c
   set seq = i.seq, state = i.state, at_rest = i.at_rest, language = i.language,
       language_settled = i.settled, last_inbound_at = greatest(c.last_inbound_at, i.inbound_at),
       verified_until = i.verified_until, last_turn_at = $10::timestamptz
  from unnest($2::uuid[], $3::int8[], $4::text[], $5::bool[], $6::text[], $7::bool[], $8::timestamptz[],
              $9::timestamptz[])
       i (conversation_id, seq, state, at_rest, language, settled, inbound_at, verified_until)
 where c.org_id = $1::uuid and c.conversation_id = i.conversation_id;

-- name: turn_payloads
-- $1 org  $2 ids  $3 times  $4 bodies  $5 providers
insert into payloads (org_id, payload_id, received_at, provider, body)
select $1::uuid, i.payload_id, i.received_at, i.provider, i.body
  from unnest($2::uuid[], $3::timestamptz[], $4::bytea[], $5::text[]) i (payload_id, received_at, body, provider);

-- name: turn_threads
-- What the last mail of these conversations was: the next one to them answers it.
-- $1 org  $2 conversations  $3 message ids  $4 what they refer to  $5 subjects
insert into mail_threads as t (org_id, conversation_id, message_id, refs, subject)
select $1::uuid, i.* from unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) i
    on conflict (org_id, conversation_id) do update
   set message_id = excluded.message_id, refs = excluded.refs, subject = excluded.subject;

-- name: turn_stop_lock
-- A turn of the same person on another number of the business may be about to intend; it looks for STOP
-- while it holds its conversation, so STOP takes them all.
-- $1 org  $2 contacts
select 1 from accounts a
  join conversations c on c.org_id = $1::uuid and c.account_id = a.account_id and c.contact_id = any ($2::uuid[])
 where a.org_id = $1::uuid
   for no key update of c;

-- name: turn_stop
-- STOP: from the commit on nothing leaves for this contact but what is exempt.
-- $1 org  $2 contacts  $3 now
with stopped as (
    update contact_points set stopped_at = $3::timestamptz, unreachable = false
     where org_id = $1::uuid and contact_id = any ($2::uuid[]) and (stopped_at is null or unreachable)
    returning customer_id, contact_id, channel,
              contact_opted($1::uuid, customer_id, contact_id, channel, address, 'all', false, 'message', $3::timestamptz)
)
insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source)
select $1::uuid, $3::timestamptz, s.customer_id, s.contact_id, s.channel, 'all', false, 'message'
  from stopped s;

-- name: turn_stop_outbox
-- What was promised before and is not on the wire yet is taken back. Conflicts row by row with
-- the sender's intent, so that each message is either intended before STOP commits or never.
-- $1 org  $2 contacts
with taken_back as (
    delete from outbox o using conversations c
     where o.org_id = $1::uuid and c.org_id = $1::uuid and o.conversation_id = c.conversation_id
       and c.contact_id = any ($2::uuid[]) and o.state in (0, 4, 5) and not o.exempt
    returning o.conversation_id, o.seq
)
update messages m set delivery = greatest(m.delivery, 2), reason = 'stopped'
  from taken_back t
 where m.org_id = $1::uuid and m.conversation_id = t.conversation_id and m.seq = t.seq;

-- name: turn_start
-- START ends the silence of the place where it is written, and any words that of a mailbox which took nothing. Of a person who said STOP elsewhere it is known from then
-- on that they want to hear of things here; there nothing leaves before START is written there.
-- $1 org  $2 contacts
with started as (
    update contact_points p set stopped_at = null, unreachable = false,
           started_at = case when unreachable then started_at else now() end
     where org_id = $1::uuid and contact_id = any ($2::uuid[])
       and (stopped_at is not null
            or exists (select from contact_points q
                        where q.org_id = $1::uuid and q.customer_id = p.customer_id and q.stopped_at is not null
                          and not q.unreachable and q.stopped_at >= coalesce(p.started_at, '-infinity')))
    returning customer_id, contact_id, channel,
              contact_opted($1::uuid, customer_id, contact_id, channel, address, 'all', true, 'message', now())
)
insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source)
select $1::uuid, now(), s.customer_id, s.contact_id, s.channel, 'all', true, 'message'
  from started s;

-- name: turn_switch_lock
-- As turn_stop_lock, for those whose channel says that they want to hear nothing, or something again.
-- $1 org  $2 channels  $3 addresses
select 1 from unnest($2::text[], $3::text[]) i (channel, address)
  join contact_points p on p.org_id = $1::uuid and p.channel = i.channel and p.address = i.address
  join accounts a on a.org_id = $1::uuid
  join conversations c on c.org_id = $1::uuid and c.account_id = a.account_id and c.contact_id = p.contact_id
   for no key update of c;

-- name: turn_switch
-- STOP and START that the channel has taken care of itself, as carriers do for SMS and mailboxes by
-- their unsubscribe button: as if it had been written, and nothing is answered. Whoever is not known
-- yet is remembered. Of a mailbox it is no word about its owner's other places: mostly it is a mail that came back.
-- $1 org  $2 channels  $3 addresses  $4 stopped  $5 ids  $6 phones  $7 now
with wanted as (
    select distinct on (i.channel, i.address) i.*
      from unnest($2::text[], $3::text[], $4::bool[], $5::uuid[], $6::text[]) with ordinality
           i (channel, address, stopped, contact_id, phone, ord)
     order by i.channel, i.address, i.ord desc
), switched as (
    insert into contact_points as p (org_id, contact_id, channel, address, phone, stopped_at, created_at, unreachable,
                                     started_at)
    select $1::uuid, w.contact_id, w.channel, w.address, w.phone,
           case when w.stopped then $7::timestamptz end, $7::timestamptz, w.stopped and w.channel = 'email',
           case when not w.stopped then $7::timestamptz end
      from wanted w
        on conflict (org_id, channel, address) do update
       set stopped_at = case when excluded.stopped_at is null then null
                             else coalesce(p.stopped_at, excluded.stopped_at) end,
           unreachable = excluded.unreachable and (p.stopped_at is null or p.unreachable),
           started_at = coalesce(excluded.started_at, p.started_at)
    returning p.customer_id, p.contact_id, p.channel, p.stopped_at is not null as stopped,
              contact_opted($1::uuid, p.customer_id, p.contact_id, p.channel, p.address, 'all', p.stopped_at is null,
                            'channel', $7::timestamptz)
), taken_back as (
    delete from outbox o using conversations c, switched s
     where s.stopped and o.org_id = $1::uuid and c.org_id = $1::uuid
       and o.conversation_id = c.conversation_id and c.contact_id = s.contact_id
       and o.state in (0, 4) and not o.exempt
    returning o.conversation_id, o.seq
), told as (
    update messages m set delivery = greatest(m.delivery, 2), reason = 'stopped'
      from taken_back t
     where m.org_id = $1::uuid and m.conversation_id = t.conversation_id and m.seq = t.seq
)
insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source)
select $1::uuid, $7::timestamptz, s.customer_id, s.contact_id, s.channel, 'all', not s.stopped, 'channel'
  from switched s;

-- name: turn_preferences
-- WhatsApp's own stop and resume of marketing.
-- $1 org  $2 addresses  $3 stopped  $4 now
with switched as (
    update contact_points p
       set marketing_stopped_at = case when i.stopped then $4::timestamptz end
      from unnest($2::text[], $3::bool[]) i (address, stopped)
     where p.org_id = $1::uuid and p.channel = 'whatsapp' and p.address = i.address
    returning p.customer_id, p.contact_id, p.channel, i.stopped,
              contact_opted($1::uuid, p.customer_id, p.contact_id, p.channel, p.address, 'offers', not i.stopped,
                            'channel', $4::timestamptz)
)
insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source)
select $1::uuid, $4::timestamptz, s.customer_id, s.contact_id, s.channel, 'offers', not s.stopped,
       'channel'
  from switched s;

-- name: turn_rename
-- A person's number or user id changed: the contact keeps its history and its customer under the new
-- one. What a code proved no longer holds, nor does a code that is on its way.
-- $1 org  $2 old addresses  $3 new addresses  $4 new phones
with renamed as (
    update contact_points p set address = i.new_address, phone = coalesce(i.new_phone, p.phone)
      from unnest($2::text[], $3::text[], $4::text[]) i (old_address, new_address, new_phone)
     where p.org_id = $1::uuid and p.channel = 'whatsapp' and p.address = i.old_address
       and not exists (select 1 from contact_points q
                        where q.org_id = $1::uuid and q.channel = 'whatsapp' and q.address = i.new_address)
    returning p.contact_id
), voided as (
    update verifications v set code_hash = null from renamed r
     where v.org_id = $1::uuid and v.contact_id = r.contact_id
)
update conversations c set verified_until = null from renamed r
 where c.org_id = $1::uuid and c.contact_id = r.contact_id and c.verified_until is not null;

-- name: turn_unprove
-- The same address, on another telephone perhaps: what a code proved there no longer holds.
-- $1 org  $2 addresses
with changed as (
    select p.contact_id from unnest($2::text[]) i (address)
      join contact_points p on p.org_id = $1::uuid and p.channel = 'whatsapp' and p.address = i.address
), voided as (
    update verifications v set code_hash = null from changed r
     where v.org_id = $1::uuid and v.contact_id = r.contact_id
)
update conversations c set verified_until = null from changed r
 where c.org_id = $1::uuid and c.contact_id = r.contact_id and c.verified_until is not null;

-- name: turn_statuses
-- Delivery states and errors join: the highest wins, in any order and any number of times. But a failure is one
-- attempt's, by the provider's id: of what was taken under another id it says nothing, and where none was taken yet
-- that id is kept, for outbox_sent.
-- $1 org  $2 conversations  $3 seqs  $4 deliveries  $5 errors  $6 hashes of the ids; null: all attempts are one
update messages m
   set delivery = greatest(m.delivery, i.delivery, case when i.failed and (i.whole or m.provider_id is null
                                                        or m.provider_hash = any (i.hashes)) then 2 end),
       provider_hash = case when m.provider_id is null then coalesce(i.hashes[1], m.provider_hash)
                            else m.provider_hash end,
       error = greatest(m.error, i.error)
  from (select conversation_id, seq, max(error) as error,
               max(delivery) filter (where delivery <> 2) as delivery, bool_or(delivery = 2) as failed,
               bool_or(delivery = 2 and hash is null) as whole,
               array_agg(hash) filter (where delivery = 2 and hash is not null) as hashes
          from unnest($2::uuid[], $3::int8[], $4::int2[], $5::int4[], $6::bytea[])
               s (conversation_id, seq, delivery, error, hash)
         group by conversation_id, seq order by conversation_id, seq) i
 where m.org_id = $1::uuid and m.conversation_id = i.conversation_id and m.seq = i.seq
   and not m.inbound and (m.delivery < i.delivery or m.delivery < 2 and i.failed or m.error < i.error);

-- name: turn_statuses_settle
-- A status is the sign that an unknown sending waited for. One that failed does not end a message
-- that is waiting for another attempt, nor one of whose attempts another may be on its way. What is intended is
-- its sender's to settle, who is about to and need not be waited for; should the sender die, outbox_reported
-- finds what the status left in the log.
-- One of a bundle goes again with it, so that the request stays the same.
-- $1 org  $2 conversations  $3 seqs  $4 failed  $5 hashes of the providers' ids; null: all attempts are one
delete from outbox o using unnest($2::uuid[], $3::int8[], $4::bool[], $5::bytea[])
                           i (conversation_id, seq, failed, hash)
 where o.org_id = $1::uuid and o.conversation_id = i.conversation_id and o.seq = i.seq
   and o.state not in (1, 6)
   and (not i.failed or o.state in (2, 3) and (o.attempt < 2 or i.hash is null))
returning o.state;

-- name: turn_statuses_by_id
-- Statuses that carry no key find their message by the provider's id. One that failed goes on by another
-- channel now, as with fallbacks_failed.
-- $1 org  $2 hashes  $3 deliveries  $4 errors  $5 now
with moved as (
    update messages m
       set delivery = greatest(m.delivery, i.delivery), error = greatest(m.error, i.error)
      from (select hash, max(delivery) as delivery, max(error) as error, bool_or(delivery = 2) as failed
              from unnest($2::bytea[], $3::int2[], $4::int4[]) s (hash, delivery, error)
             group by hash order by hash) i
     where m.org_id = $1::uuid and m.provider_hash = i.hash and not m.inbound
    returning m.conversation_id, m.seq, m.provider_hash, i.failed
), failed as (
    update fallbacks f set due_at = $5::timestamptz from moved d
     where d.failed and f.org_id = $1::uuid and f.conversation_id = d.conversation_id and f.seq = d.seq
)
select provider_hash from moved;

-- name: turn_statuses_early
-- Those whose message is not known yet wait for it.
-- $1 org  $2 hashes  $3 deliveries  $4 errors  $5 now
insert into early_statuses as e (org_id, provider_hash, delivery, error, at, due_at)
select $1::uuid, i.hash, max(i.delivery), max(i.error), $5::timestamptz, $5::timestamptz
  from unnest($2::bytea[], $3::int2[], $4::int4[]) i (hash, delivery, error)
 where not exists (select 1 from messages m where m.org_id = $1::uuid and m.provider_hash = i.hash)
 group by i.hash order by i.hash
    on conflict (org_id, provider_hash) do update
   set delivery = greatest(e.delivery, excluded.delivery), error = greatest(e.error, excluded.error);

-- name: turn_bury
-- What could not be handled, with its delivery and the reason.
-- $1 org  $2 ids  $3 accounts  $4 reasons  $5 items  $6 payloads  $7 which others have them
-- $8 providers  $9 now
insert into dead_letters (org_id, dead_id, at, provider, account_id, reason, item, payload, whole_in)
select $1::uuid, i.dead_id, $9::timestamptz, i.provider, i.account_id, i.reason, i.item, i.payload, i.whole_in
  from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bytea[], $7::uuid[], $8::text[])
       i (dead_id, account_id, reason, item, payload, whole_in, provider);

-- name: turn_note
-- Account and template events: recorded for a person.
-- $1 org  $2 ids  $3 actions  $4 subjects  $5 details (json)  $6 channels  $7 now
insert into audit (org_id, audit_id, at, actor, action, subject, detail)
select $1::uuid, i.audit_id, $7::timestamptz, i.channel, i.action, i.subject, i.detail::jsonb
  from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
       i (audit_id, action, subject, detail, channel);

-- name: unrouted_keep
-- A delivery of nobody that we know.
-- $1 id  $2 now  $3 reason  $4 body  $5 provider
insert into unrouted (unrouted_id, received_at, provider, reason, body)
values ($1::uuid, $2::timestamptz, $5::text, $3::text, $4::bytea);

-- name: book_keep
-- $1 version  $2 files
insert into flow_versions (version, files) values ($1::bytea, $2::bytea) on conflict do nothing;

-- name: book_find
-- $1 version
select files from flow_versions where version = $1::bytea;
