-- One-time codes on their way out: bot/turn/batch_code.c. The log has them masked, the outbox sealed.

-- name: code_promise
-- A code into a conversation whose message is logged already.
-- $1 org  $2 lane  $3 conversation  $4 seq  $5 now  $6 sealed
insert into outbox (org_id, lane_id, conversation_id, seq, due_at, sealed)
values ($1::uuid, $2::uuid, $3::uuid, $4::int8, $5::timestamptz, $6::bytea);

-- name: code_promise_elsewhere
-- A code to an address that does not write just now: its contact and conversation are found or made,
-- and the conversation's next number is taken under its lock.
-- $1 org  $2 account  $3 channel  $4 address  $5 contact id  $6 conversation id  $7 kind  $8 shown
-- $9 now  $10 sealed
with found as (
    select f.contact_id from (
           select q.contact_id, 0 as rank from contact_points q
            where q.org_id = $1::uuid and q.channel = $3::text and q.address = $4::text
            union all
           select q.contact_id, 1 from contact_points q
            where q.org_id = $1::uuid and q.channel = $3::text and q.phone = $4::text) f
     order by f.rank limit 1
), made as (
    insert into contact_points (org_id, contact_id, channel, address, phone, customer_id, created_at)
    select $1::uuid, $5::uuid, $3::text, $4::text, case when $3::text <> 'email' then $4::text end,
           case when $3::text = 'email' then customer_by_mail($1::uuid, $4::text)
                else (select f.customer_id from customer_phones f
                       where f.org_id = $1::uuid and f.phone = $4::text and f.disputed_at is null) end,
           $9::timestamptz
     where not exists (select 1 from found)
        on conflict (org_id, channel, address) do update set address = excluded.address
    returning contact_id
), conversation as (
    insert into conversations as c (org_id, conversation_id, account_id, contact_id, seq)
    select $1::uuid, $6::uuid, $2::uuid, p.contact_id, 1
      from (select contact_id from found union all select contact_id from made) p
        on conflict (org_id, account_id, contact_id) do update set seq = c.seq + 1
    returning conversation_id, seq
), logged as (
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    select $1::uuid, conversation_id, seq, false, $7::text, $8::text, $9::timestamptz, 'code' from conversation
    returning conversation_id, seq
)
insert into outbox (org_id, lane_id, conversation_id, seq, due_at, sealed)
select $1::uuid, $2::uuid, conversation_id, seq, $9::timestamptz, $10::bytea from logged;
