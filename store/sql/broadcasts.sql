-- Broadcasts: bot/later/broadcasts.c feeds them, store/broadcasts.c is the staff's. Migrations 0052, 0066, 0081, 0095, 0106, 0111.

-- name: broadcasts_claim
-- $1 org  $2 now  $3 lease's end
select broadcast_id, state from broadcast_claim($1::uuid, $2::timestamptz, $3::timestamptz);

-- Both of these commit without waiting for the disk, and without making others wait for it: what is lost with the
-- database is done anew, and the intent to send, which is not lost, lies behind it in the log.

-- name: broadcast_gather
-- $1 org  $2 broadcast  $3 at most  $4 now
select g.looked, g.over
  from set_config('synchronous_commit', 'off', true),
       broadcast_gather($1::uuid, $2::uuid, $3::int4, $4::timestamptz) g;

-- name: broadcast_feed
-- Nobody awaits these: the lanes find them by themselves.
-- $1 org  $2 broadcast  $3 channels  $4 rooms  $5 at most  $6 now  $7 lease's end
select f.placed, f.looked, f.how, f.why
  from set_config('synchronous_commit', 'off', true)
 cross join broadcast_feed($1::uuid, $2::uuid, $3::text[], $4::int4[], $5::int4, $6::timestamptz, $7::timestamptz) f;

-- --- the staff's --------------------------------------------------------------------------------

-- name: broadcast_make
-- No row: there is one of that name.
-- $1 org  $2 fresh id  $3 name  $4 topic  $5 channel or ''  $6 audience  $7 whether there is a list  $8 content
-- $9 not before, or null  $10 whether by each recipient's clock, and not the business's  $11 who
with made as (
    insert into broadcasts (org_id, broadcast_id, name, topic, channel, audience, listed, content, starts_at, local_at,
                            made_at, made_by)
    select $1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::jsonb, $7::bool, $8::jsonb,
           case when not $10::bool then $9::timestamp at time zone zone_or_utc(b.time_zone) end,
           case when $10::bool then $9::timestamp end, now(), $11::text
      from businesses b where b.org_id = $1::uuid
        on conflict (org_id, name) do nothing
    returning broadcast_id, name
)
insert into audit (org_id, audit_id, at, actor, action, subject)
select $1::uuid, gen_random_uuid(), now(), $11::text, 'broadcast.made', m.name from made m
returning 1;

-- name: broadcast_lines
-- $1 org  $2 broadcast  $3 lines as JSON: [{"line", "phone", "email", "external_id", "given"}]
insert into broadcast_lines (org_id, broadcast_id, line, phone, email, external_id, given)
select $1::uuid, $2::uuid, l.line, l.phone, lower(l.email), l.external_id, coalesce(l.given, '{}')
  from jsonb_to_recordset($3::jsonb) l (line bigint, phone text, email text, external_id text, given jsonb);

-- name: broadcast_find
-- $1 org  $2 name
select b.broadcast_id, b.state, b.paused, b.topic, b.channel, b.gathered, b.made_at, b.made_by, b.started_at,
       b.ended_at, b.paused_why, case when b.state <> 'done' then broadcast_template_wrong(b) end as wrong
  from broadcasts b where b.org_id = $1::uuid and b.name = $2::text;

-- name: broadcasts_list
-- The newest first.
-- $1 org  $2 at most
select b.name, b.state, b.paused, b.gathered, b.made_at, b.made_by, b.started_at, b.ended_at
  from broadcasts b where b.org_id = $1::uuid order by b.made_at desc limit $2::int4;

-- name: broadcast_try
-- For a dry run, whose transaction is rolled back.
-- $1 org  $2 broadcast
update broadcasts set state = 'gathering' where org_id = $1::uuid and broadcast_id = $2::uuid and state = 'draft'
returning 1;

-- name: broadcast_change
-- $1 org  $2 name  $3 start, pause, resume or cancel  $4 who
select outcome, state, taken_back, why from broadcast_change($1::uuid, $2::text, $3::text, $4::text, now());

-- name: broadcast_on_wire
-- What a lane has in its hands just now, by name.
-- $1 org  $2 name
select count(*)
  from broadcasts b
  join broadcast_recipients r on r.org_id = b.org_id and r.broadcast_id = b.broadcast_id and r.state = 'placed'
  join outbox o on o.org_id = b.org_id and o.conversation_id = r.conversation_id and o.seq = r.seq and o.state = 1
 where b.org_id = $1::uuid and b.name = $2::text;

-- name: broadcast_prices
-- $1 org
select c.channel, e.key as prefix, e.value as price
  from businesses b
 cross join (values ('whatsapp'), ('sms'), ('email')) c (channel)
 cross join lateral jsonb_each_text(case jsonb_typeof(b.settings -> 'prices' -> c.channel)
                                    when 'object' then b.settings -> 'prices' -> c.channel else '{}' end) e
 where b.org_id = $1::uuid
 order by c.channel desc, e.key
 limit 1000;

-- name: broadcast_price
-- $1 org  $2 channel  $3 beginning of numbers, or ''  $4 price, or null  $5 who
select broadcast_price($1::uuid, $2::text, $3::text, $4::text, $5::text);

-- name: broadcast_countries
-- $1 org
select y.prefix
  from businesses b
 cross join lateral jsonb_array_elements_text(case jsonb_typeof(b.settings -> 'broadcast_countries')
                                              when 'array' then b.settings -> 'broadcast_countries' else '[]' end)
            y (prefix)
 where b.org_id = $1::uuid
 order by y.prefix
 limit 1000;

-- name: broadcast_countries_keep
-- $1 org  $2 beginnings by blanks, those with a '-' are left out; none: everywhere  $3 who
select broadcast_countries_keep($1::uuid, array_remove(string_to_array($2::text, ' '), ''), $3::text);

-- name: broadcast_groups
-- How many of each channel, language and state; `late` of them wait for the end of quiet hours. Segments and
-- price are a guess: by the words as they are written, and the business's own table of prices, where the
-- longest beginning of a number counts.
-- $1 org  $2 broadcast
with grouped as (
    select r.channel, r.language, r.state, r.reason, x.prefix, count(*) as n, count(*) filter (where r.late) as late,
           x.price, x.segments
      from broadcast_recipients r
      join broadcasts b on b.org_id = r.org_id and b.broadcast_id = r.broadcast_id
      join businesses w on w.org_id = r.org_id
     cross join lateral (
         select p.prefix, p.price,
                case when r.channel <> 'sms' then 1 else s.segments end as segments
           from (select 1) one
           left join lateral (
               select e.key as prefix, e.value::numeric as price
                 from jsonb_each_text(case jsonb_typeof(w.settings -> 'prices' -> r.channel)
                                      when 'object' then w.settings -> 'prices' -> r.channel else '{}' end) e
                where e.value ~ '^[0-9]{1,6}(\.[0-9]{1,6})?$'
                  and (e.key = '' or starts_with(r.address, e.key))
                order by length(e.key) desc limit 1) p on true
          cross join lateral (
               select concat(b.content -> 'words' -> r.language ->> 'body', b.content -> 'opt_out' ->> r.language) as t) t
          cross join lateral (
               select case when octet_length(t.t) = length(t.t) then case when length(t.t) <= 160 then 1 else ceil(length(t.t) / 153.0)::int end
                           when length(t.t) <= 70 then 1 else ceil(length(t.t) / 67.0)::int end as segments) s) x
     where r.org_id = $1::uuid and r.broadcast_id = $2::uuid
     group by r.channel, r.language, r.state, r.reason, x.prefix, x.price, x.segments
)
select coalesce(channel, '') as channel, coalesce(language, '') as language, state, coalesce(reason, '') as reason,
       sum(n)::int8 as n, sum(late)::int8 as late, (max(segments) filter (where state <> 'excluded'))::int4 as segments,
       (sum(n * segments * price) filter (where state <> 'excluded'))::text as price,
       (sum(n) filter (where state <> 'excluded' and price is null))::int8 as unpriced
  from grouped
 group by channel, language, state, reason
 order by state, channel, n desc, reason
 limit 1000;

-- name: broadcast_counts
-- How far it is: cheap enough for every second.
-- $1 org  $2 broadcast
select count(*) filter (where state = 'waiting') as waiting, count(*) filter (where state = 'placed') as placed,
       count(*) filter (where state = 'sent') as sent, count(*) filter (where state = 'failed') as failed,
       count(*) filter (where state = 'excluded') as excluded, count(*) filter (where state = 'cancelled') as cancelled
  from broadcast_recipients where org_id = $1::uuid and broadcast_id = $2::uuid;

-- name: broadcast_figures
-- What became of the messages: an answer or a no within seven days counts as to this one.
-- $1 org  $2 broadcast
select count(*) filter (where m.delivery in (1, 3, 4, 5, 6)) as sent,
       count(*) filter (where m.delivery in (3, 4, 5)) as delivered,
       count(*) filter (where m.delivery in (4, 5)) as read,
       count(*) filter (where m.delivery = 2) as failed,
       count(*) filter (where m.delivery = 2 and m.reason = 'outcome unknown') as unknown,
       count(a.seq) as replied,
       count(*) filter (where o.gone) as opted_out
  from broadcast_recipients r
  join messages m on m.org_id = $1::uuid and m.conversation_id = r.conversation_id and m.seq = r.seq
  left join lateral (
      select i.seq from messages i
       where i.org_id = $1::uuid and i.conversation_id = r.conversation_id and i.seq > r.seq and i.inbound
         and i.at < m.at + interval '7 days'
       order by i.seq limit 1) a on true
  left join lateral (
      select true as gone from consent_log l
       where l.org_id = $1::uuid and l.customer_id = r.customer_id and not l.wanted
         and l.topic in ('all', 'offers') and l.at >= m.at and l.at < m.at + interval '7 days' limit 1) o on true
 where r.org_id = $1::uuid and r.broadcast_id = $2::uuid and r.seq is not null;

-- name: broadcast_reasons
-- Why messages failed.
-- $1 org  $2 broadcast
select coalesce(nullif(m.reason, ''), case when m.error <> 0 then 'code ' || m.error else 'not said' end) as reason,
       count(*) as n
  from broadcast_recipients r
  join messages m on m.org_id = $1::uuid and m.conversation_id = r.conversation_id and m.seq = r.seq and m.delivery = 2
 where r.org_id = $1::uuid and r.broadcast_id = $2::uuid and r.seq is not null
 group by 1
 order by n desc limit 50;
