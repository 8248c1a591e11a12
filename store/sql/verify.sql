-- Codes, and what they prove. Actions of flows/verify.yaml and its neighbours: one row each, its
-- `outcome` first. Columns that speak to the shell (bot/turn/batch_action.c): `channel` and `destination`
-- (the code that was made leaves there), `who` (proved, changed, gone) and `customer_id`, `alert`.

-- name: send_code
-- `until_at` is when the code ends (code_issue), or the lock.
-- A code for the customer who is known, to another address than the one that writes if there is
-- one. `way` counts through the addresses; `next` is the one after.
-- $1 org  $2 customer  $3 way  $4 contact  $5 hash of the new code  $6 id  $7 now
-- $8 channels that can carry it
with own as (
    select p.phone, coalesce(p.phone, p.address) as address from contact_points p
     where p.org_id = $1::uuid and p.contact_id = $4::uuid
), carried as (
    select 'sms' = any (c.list) as sms, 'email' = any (c.list) as email, 'whatsapp' = any (c.list) as whatsapp
      from (select string_to_array($8::text, ',') as list) c
), away as (
    (select case when f.phone = o.phone then 2 else 0 end as rank, 'sms' as channel, f.phone as destination
       from customer_phones f cross join own o cross join carried k
      where k.sms and f.org_id = $1::uuid and f.customer_id = $2::uuid and f.disputed_at is null
      order by 1, 3 limit 4)
     union all
    select 1, 'email', c.email from customers c cross join carried k
     where k.email and c.org_id = $1::uuid and c.customer_id = $2::uuid and c.email <> ''
), ways as (
    select a.channel, a.destination, row_number() over (order by a.rank, a.destination) - 1 as place,
           count(*) over () as n
      from (select * from away
             union all
            select 3, 'whatsapp', o.address from own o
             cross join carried k
             where $2::uuid is not null and k.whatsapp and not exists (select from away)) a
), way as (
    select * from ways
     where place = case when $3::text ~ '^[0-9]{1,4}$' then $3::text::int8 else 0 end % n
)
select i.outcome, i.channel, i.destination, i.masked, i.alert,
       case when i.outcome = 'sent' then $7::timestamptz + interval '5 minutes' else i.until end as until_at,
       coalesce((w.place + 1) % w.n, 0) as next, coalesce(w.n, 0) as ways
  from (select) one
  left join way w on true
 cross join lateral code_issue($1::uuid, $4::uuid, 'verify', $2::uuid, w.channel, w.destination,
                               $5::text, $6::uuid, $7::timestamptz) i;

-- name: send_link_code
-- A code to a number or an address of mail that may be on record. Whether it is, nobody can tell
-- from what comes back.
-- $1 org  $2 customer  $3 identity  $4 contact  $5 hash of the new code  $6 id  $7 now
-- $8 channels that can carry it
with carried as (
    select case when $3::text like '%@%' then 'email' else 'sms' end as channel
), asked as (
    select k.channel,
           coalesce($3::text like '+%' or $3::text like '%@%', false) as clear,
           $2::uuid is null and k.channel = any (string_to_array($8::text, ',')) as reachable
      from carried k
)
select case when not a.clear then 'unclear' when not a.reachable then 'unavailable' else i.outcome end as outcome,
       i.channel, i.destination, i.masked, i.alert,
       case when i.outcome = 'sent' then $7::timestamptz + interval '5 minutes' else i.until end as until_at
  from asked a
 cross join lateral code_issue($1::uuid, $4::uuid, 'link',
                               customer_reached($1::uuid, $3::text), a.channel,
                               case when a.clear and a.reachable then $3::text end,
                               $5::text, $6::uuid, $7::timestamptz) i;

-- name: check_code
-- A right one proves the customer, or links the address to the customer that it was sent to. The last
-- visit is told when it was another one: whoever proves a second address just now knows of the first.
-- $1 org  $2 customer  $3 contact  $4 hash of what was typed  $5 id  $6 now
with tried as materialized (
    select * from code_try($1::uuid, $3::uuid, array['verify', 'link'], $2::uuid, $4::text, $6::timestamptz)
), linked as (
    update contact_points p set customer_id = t.customer_id from tried t
     where p.org_id = $1::uuid and p.contact_id = $3::uuid and t.outcome = 'right' and t.purpose = 'link'
    returning p.contact_id
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $5::uuid, $6::timestamptz, 'customer', 'verify.linked', l.contact_id::text from linked l
), visited as materialized (
    select customer_visit($1::uuid, t.customer_id, $6::timestamptz) as before from tried t where t.outcome = 'right'
)
select case t.outcome when 'right' then 'verified' else t.outcome end as outcome,
       t.remaining as "left", t.until as until_at, t.alert, t.customer_id,
       case t.outcome when 'right' then 'proved' end as who,
       case when v.before < $6::timestamptz - interval '1 hour' then v.before end as last_visit_at,
       case t.outcome when 'right' then
           event_of_customer($1::uuid, 'customer.verified', t.customer_id,
                             jsonb_build_object('linked', t.purpose = 'link', 'channel',
                                                (select p.channel from contact_points p
                                                  where p.org_id = $1::uuid and p.contact_id = $3::uuid)),
                             $6::timestamptz)::text end as later
  from tried t left join visited v on true;

-- name: thread_elsewhere
-- What the same customer is in the middle of at another contact point, with an order of theirs: the
-- newest of the last day, where the bot has the word and nobody said STOP. What waits for a code there
-- is not meant: who wrote that has proved nothing. The state is looked at by its beginning, and not
-- read as JSON, so that nothing that people wrote into it can be in the way.
-- $1 org  $2 customer  $3 contact  $4 now
with others as (
    select p.channel, c.last_inbound_at,
           substring(c.state from '^\{"v":"[0-9a-f]+","flow":"(cancel|report|estimate)"') as flow,
           substring(c.state from '"number":"([A-Za-z0-9-]{1,40})"') as number
      from contact_points p
      join accounts a on a.org_id = $1::uuid and a.channel = p.channel
      join conversations c on c.org_id = $1::uuid and c.account_id = a.account_id and c.contact_id = p.contact_id
     where p.org_id = $1::uuid and p.customer_id = $2::uuid and p.contact_id <> $3::uuid
       and p.stopped_at is null and not c.at_rest
       and c.last_inbound_at > $4::timestamptz - interval '1 day'
       and coalesce(c.held_until <= $4::timestamptz, true)
       and not exists (select from handoffs h where h.org_id = $1::uuid
                          and h.conversation_id = c.conversation_id and h.state <> 'done')
     order by c.last_inbound_at desc
     limit 10
)
select t.flow, t.number, t.channel
  from others t
  join orders o on o.org_id = $1::uuid and o.number = t.number and o.customer_id = $2::uuid
 where t.flow is not null
 order by t.last_inbound_at desc
 limit 1;

-- name: thread_take
-- It is gone on with here: there it is at rest from now on, so that its buttons do nothing and its timers
-- say nothing. Where that conversation has a turn just now, or has gone on, nothing is taken.
-- $1 org  $2 customer  $3 contact  $4 now  $5 flow  $6 number
with other as (
    select c.conversation_id
      from contact_points p
      join accounts a on a.org_id = $1::uuid and a.channel = p.channel
      join conversations c on c.org_id = $1::uuid and c.account_id = a.account_id and c.contact_id = p.contact_id
     where p.org_id = $1::uuid and p.customer_id = $2::uuid and p.contact_id <> $3::uuid
       and p.stopped_at is null and not c.at_rest
       and c.last_inbound_at > $4::timestamptz - interval '1 day'
       and coalesce(c.held_until <= $4::timestamptz, true)
       and not exists (select from handoffs h where h.org_id = $1::uuid
                          and h.conversation_id = c.conversation_id and h.state <> 'done')
       and c.state like '{"v":"%","flow":"' || $5::text || '",%'
       and substring(c.state from '"number":"([A-Za-z0-9-]{1,40})"') = $6::text
       and $5::text in ('cancel', 'report', 'estimate')
     order by c.last_inbound_at desc
     limit 1
       for no key update of c skip locked
), taken as (
    update conversations c set state = '', at_rest = true from other o
     where c.org_id = $1::uuid and c.conversation_id = o.conversation_id
    returning c.conversation_id
)
select case when exists (select from taken) then 'taken' else 'gone' end as outcome,
       case when exists (select from taken) then 'yes' end as alone;

-- name: not_me
-- The number has another owner now: the address is nobody's, at once, and the number proves
-- nothing more. Said on WhatsApp, which proves a number, it holds for SMS to that number as well;
-- an SMS speaks for itself only, since anybody can write one in another's name. What was under
-- way in their other conversations is not for the new owner to read, nor what was promised there
-- and waits, for the end of quiet hours perhaps.
-- $1 org  $2 customer  $3 contact  $4 id  $5 now
with own as (
    select p.contact_id, p.channel, p.phone, p.address from contact_points p
     where p.org_id = $1::uuid and p.contact_id = $3::uuid
), theirs as (
    select contact_id from own
     union
    select q.contact_id
      from own o
      join contact_points q on q.org_id = $1::uuid and q.channel = 'sms' and q.phone = o.phone
     where o.channel = 'whatsapp' and q.customer_id = $2::uuid
), unlinked as (
    update contact_points p set customer_id = null from theirs t
     where p.org_id = $1::uuid and p.contact_id = t.contact_id
    returning p.contact_id
), disputed as (
    update customer_phones f set disputed_at = $5::timestamptz from own o
     where f.org_id = $1::uuid and f.phone = o.phone and f.disputed_at is null
), left_behind as (
    select place_left($1::uuid, $2::uuid, u.contact_id, $5::timestamptz) from unlinked u
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $4::uuid, $5::timestamptz, 'customer', 'verify.not_me', $2::uuid::text
)
select 'unlinked' as outcome, (select 'gone' from unlinked limit 1) as who,
       (select contact_unlinked($1::uuid, $2::uuid, o.channel, o.address, $5::timestamptz)::text from own o
         where $2::uuid is not null) as later
 where (select count(*) from left_behind) >= 0;

-- name: profile
-- What a customer sees of themselves.
-- $1 org  $2 customer
select c.name, coalesce(nullif(c.email, ''), nullif(c.email_told, '')) as email, c.email_verified_at is not null as email_verified,
       nullif(c.company, '') as company, c.company_admin, coalesce(c.language, '') as language
  from customers c where c.org_id = $1::uuid and c.customer_id = $2::uuid;

-- name: profile_places
-- Where the customer writes from: what a code or the record has joined to them. At most nine; the
-- one that writes is first. Masked, as everywhere: who looks over a shoulder learns no address.
-- $1 org  $2 customer  $3 contact
select p.contact_id::text as place, p.channel, code_masked(coalesce(p.phone, p.address)) as masked,
       case when p.contact_id = $3::uuid then 'here' end as here
  from contact_points p
 where p.org_id = $1::uuid and p.customer_id = $2::uuid
 order by p.contact_id = $3::uuid desc, p.created_at, p.contact_id
 limit 9;

-- name: profile_place
-- $1 org  $2 customer  $3 place  $4 contact
select p.contact_id::text as place, p.channel, code_masked(coalesce(p.phone, p.address)) as masked,
       case when p.contact_id = $4::uuid then 'here' end as here
  from contact_points p
 where p.org_id = $1::uuid and p.customer_id = $2::uuid and p.contact_id::text = $3::text;

-- name: place_remove
-- One of the others is not theirs any more: nobody's from now on, and what was under way there is
-- not for its new owner to read, nor what was promised there and waits. Its number proves nothing
-- more, unless the customer writes from the same number now.
-- $1 org  $2 customer  $3 place  $4 contact  $5 id  $6 now
with unlinked as (
    update contact_points p set customer_id = null
     where p.org_id = $1::uuid and p.customer_id = $2::uuid and p.contact_id::text = $3::text
       and p.contact_id <> $4::uuid
    returning p.contact_id, p.phone
), disputed as (
    update customer_phones f set disputed_at = $6::timestamptz from unlinked u
     where f.org_id = $1::uuid and f.phone = u.phone and f.disputed_at is null
       and not exists (select from contact_points o
                        where o.org_id = $1::uuid and o.contact_id = $4::uuid and o.phone = u.phone)
), left_behind as (
    select place_left($1::uuid, $2::uuid, u.contact_id, $6::timestamptz) from unlinked u
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $5::uuid, $6::timestamptz, 'customer', 'verify.place_removed', u.contact_id::text
      from unlinked u
)
select case when exists (select from unlinked) then 'removed' else 'gone' end as outcome,
       case when exists (select from unlinked)
            then customer_updated($1::uuid, $2::uuid, 'contacts', $6::timestamptz)::text end as later
 where (select count(*) from left_behind) >= 0;

-- name: set_name
-- $1 org  $2 customer  $3 name  $4 id  $5 now
with told as (
    select btrim(regexp_replace($3::text, '[[:cntrl:][:space:]]+', ' ', 'g')) as name
), changed as (
    update customers c set name = left(t.name, 80) from told t
     where c.org_id = $1::uuid and c.customer_id = $2::uuid and t.name ~ '[[:alpha:]]'
    returning c.customer_id
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $4::uuid, $5::timestamptz, 'customer', 'profile.name', customer_id::text from changed
)
select case when exists (select from changed) then 'saved' else 'unreadable' end as outcome,
       case when exists (select from changed) then 'changed' end as who,
       case when exists (select from changed)
            then customer_updated($1::uuid, $2::uuid, 'name', $5::timestamptz)::text end as later;

-- name: send_email_code
-- A code to the address that is to be the new one. $3 has been read as an address by the flow.
-- $1 org  $2 customer  $3 email  $4 contact  $5 hash of the new code  $6 id  $7 now
-- $8 channels that can carry it
with asked as (
    select exists (select from customers c where c.org_id = $1::uuid and c.customer_id = $2::uuid
                      and lower(c.email) = lower($3::text)) as same,
           'email' = any (string_to_array($8::text, ',')) as reachable
)
select case when a.same then 'same' when not a.reachable then 'unavailable' else i.outcome end as outcome,
       i.channel, i.destination, i.masked, i.alert,
       case when i.outcome = 'sent' then $7::timestamptz + interval '5 minutes' else i.until end as until_at
  from asked a
 cross join lateral code_issue($1::uuid, $4::uuid, 'email', $2::uuid, 'email',
                               case when not a.same and a.reachable then $3::text end,
                               $5::text, $6::uuid, $7::timestamptz) i;

-- name: check_email_code
-- $1 org  $2 customer  $3 contact  $4 hash of what was typed  $5 id  $6 now
with tried as materialized (
    select * from code_try($1::uuid, $3::uuid, array['email'], $2::uuid, $4::text, $6::timestamptz)
), changed as (
    update customers c set email = t.destination, email_told = '', email_verified_at = $6::timestamptz from tried t
     where c.org_id = $1::uuid and c.customer_id = $2::uuid and t.outcome = 'right'
    returning c.customer_id
), noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $5::uuid, $6::timestamptz, 'customer', 'profile.email', customer_id::text from changed
)
select case t.outcome when 'right' then 'changed' else t.outcome end as outcome,
       t.remaining as "left", t.until as until_at, t.alert, case t.outcome when 'right' then 'changed' end as who,
       case t.outcome when 'right' then customer_updated($1::uuid, $2::uuid, 'email', $6::timestamptz)::text end as later
  from tried t;

-- name: register_customer
-- Whoever writes becomes a customer, where the business lets people; known from then on, and not
-- yet verified.
-- $1 org  $2 customer  $3 name  $4 email  $5 contact  $6 id  $7 now
with told as (
    select left(btrim(regexp_replace(coalesce($3::text, ''), '[[:cntrl:][:space:]]+', ' ', 'g')), 80) as name
), made as materialized (
    select case when $2::uuid is null then customer_register($1::uuid, $5::uuid, $6::uuid, t.name,
                                              coalesce($4::text, ''), $7::timestamptz) end as customer_id
      from told t
)
select case when m.customer_id is null then 'refused' else 'registered' end as outcome,
       m.customer_id, case when m.customer_id is not null then 'changed' end as who,
       case when m.customer_id is not null
            then event_of_customer($1::uuid, 'customer.registered', m.customer_id,
                                   jsonb_build_object('name', $3::text, 'email', nullif($4::text, '')),
                                   $7::timestamptz)::text end as later
  from made m;
