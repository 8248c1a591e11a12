-- Reviews: what flows/review.yaml and flows/review_words.yaml ask and do (bound in store/parts.c).
-- What asks is migration 0051.

-- name: review_ask
-- $1 org  $2 customer  $3 conversation  $4 now
select outcome, number, workflow
  from review_ask($1::uuid, $2::uuid, $3::uuid, $4::timestamptz);

-- name: review_begin
-- $1 org  $2 customer  $3 words
select outcome, number, stars from review_begin($1::uuid, $2::uuid, $3::text);

-- name: review_rate
-- $1 org  $2 customer  $3 order number  $4 stars  $5 fresh id  $6 conversation  $7 contact  $8 now
select outcome, ticket,
       case when outcome in ('rated', 'low') then 'events' end as later,
       case when outcome = 'low' and ticket is not null
            then event_out($1::uuid, case when changed then 'ticket.updated' else 'ticket.opened' end,
                           'ticket/' || ticket, $2::uuid,
                           jsonb_build_object('ticket', ticket, 'kind', 'quality', 'number', $3::text,
                                              'text', $4::text || '/5', 'files', 0), $8::timestamptz)::text end as event
  from review_rate($1::uuid, $2::uuid, $3::text, $4::text, $5::uuid, $6::uuid, $7::uuid, $8::timestamptz);

-- name: review_comment
-- $1 org  $2 customer  $3 order number  $4 words  $5 now
select outcome, case outcome when 'kept' then 'events' end as later
  from review_comment($1::uuid, $2::uuid, $3::text, $4::text, $5::timestamptz);

-- name: review_skip
-- $1 org  $2 customer  $3 order number  $4 now
select outcome, case outcome when 'skipped' then 'events' end as later
  from review_skip($1::uuid, $2::uuid, $3::text, $4::timestamptz);

-- name: reviews_asked
-- Those that we have asked them for and that they have not given yet; with a number, that one, also while what they
-- gave may still be changed. Two at most: more are not told apart.
-- $1 org  $2 customer  $3 order number, or ''  $4 now
select o.number
  from reviews r
  join orders o on o.org_id = r.org_id and o.order_id = r.order_id
 where r.org_id = $1::uuid and r.customer_id = $2::uuid and r.asked_at > $4::timestamptz - interval '180 days'
   and case when coalesce($3::text, '') = '' then r.state in ('asked', 'reminded')
            else r.order_id = order_typed($1::uuid, $2::uuid, $3::text)
                 and (r.state in ('asked', 'reminded')
                      or r.state = 'completed' and r.answered_at > $4::timestamptz - interval '7 days') end
 order by r.asked_at desc
 limit 2;

-- name: reviews_open
-- Orders of theirs that came to their end and may be reviewed, the newest first; with a number, that one.
-- `rating`, where there is one that may still be changed.
-- $1 org  $2 customer  $3 order number, or ''  $4 language  $5 now
select o.number, o.workflow, o.status, s.status_name, o.placed_at, r.rating::int8 as rating
  from orders o
  join workflow_states w on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
                        and w.phase = 'done'
  left join reviews r on r.org_id = o.org_id and r.order_id = o.order_id
 cross join lateral (select status_name(w.workflow, w.status, w.names, $4::text) as status_name) s
 where o.org_id = $1::uuid and o.customer_id = $2::uuid
   and case when coalesce($3::text, '') = '' then o.placed_at > $5::timestamptz - interval '180 days'
            else o.order_id = order_typed($1::uuid, $2::uuid, $3::text) end
   and (r.rating is null or r.answered_at > $5::timestamptz - interval '7 days')
 order by o.placed_at desc
 limit 9;

-- name: review_links
-- Where others can read it: of everyone the same, whatever they said. Where we have an address, by links of ours, so
-- that it is known which one was opened.
-- $1 org  $2 customer  $3 order number  $4 what stands before a code, and fresh codes; null: no address  $5 now
with fresh as materialized (
    select string_to_array($4::text, ' ') as words
), places as materialized (
    select l.value ->> 'name' as name, l.value ->> 'url' as url, l.position
      from businesses b
     cross join lateral jsonb_array_elements(case when jsonb_typeof(b.settings -> 'review_links') = 'array'
                                                  then b.settings -> 'review_links' else '[]' end)
                with ordinality l (value, position)
     where b.org_id = $1::uuid
       and l.value ->> 'name' <> '' and length(l.value ->> 'name') <= 40
       and l.value ->> 'url' ~ '^https://[^[:space:]]+$' and length(l.value ->> 'url') <= 500
     order by l.position
     limit 5
), numbered as materialized (
    select p.name, p.url, row_number() over (order by p.position) as n from places p
), made as (
    insert into short_links (org_id, code, url, made_at, review_id, platform)
    select $1::uuid, f.words[1 + p.n], p.url, $5::timestamptz, r.review_id, p.name
      from numbered p
      join fresh f on f.words[1 + p.n] is not null
      join reviews r on r.org_id = $1::uuid and r.customer_id = $2::uuid
                    and r.order_id = order_typed($1::uuid, $2::uuid, $3::text)
        on conflict do nothing
    returning code, platform
)
select p.name, coalesce(f.words[1] || m.code, p.url) as url
  from numbered p
 cross join fresh f
  left join made m on m.code = f.words[1 + p.n]
 order by p.n;

-- --- what the business's people see and ask for: store/reviews.c, parley_staff's ---------------------

-- name: reviews_request
-- $1 org  $2 order number  $3 now, in seconds since 1970
select outcome, number, review from review_request($1::uuid, $2::text, to_timestamp($3::float8));

-- name: reviews_list
-- The newest first.
-- $1 org  $2 since, or null  $3 at most  $4 state, or ''
select r.review_id, o.number, r.state, coalesce(r.rating, 0)::int8, r.comment, r.channel, r.platform,
       coalesce(k.number, '') as ticket, r.requested_at, r.asked_at, r.reminded_at, r.answered_at, r.why, o.workflow
  from reviews r
  join orders o on o.org_id = r.org_id and o.order_id = r.order_id
  left join tickets k on k.org_id = r.org_id and k.ticket_id = r.ticket_id
 where r.org_id = $1::uuid and ($2::timestamptz is null or r.requested_at >= $2::timestamptz)
   and ($4::text = '' or r.state = $4::text)
 order by r.requested_at desc, r.review_id desc
 limit $3::int8;

-- name: reviews_stats
-- Figures: of all ('all'), and by rating, workflow, channel. `asked` counts who was asked, `answered` who
-- gave stars after it; `completed` and the average also have reviews that were given unasked.
-- $1 org  $2 since, or null
with r as materialized (
    select v.*, o.workflow from reviews v
      join orders o on o.org_id = v.org_id and o.order_id = v.order_id
     where v.org_id = $1::uuid and ($2::timestamptz is null or v.requested_at >= $2::timestamptz)
     order by v.requested_at desc limit 100000
)
select g.what, g.which, count(*) filter (where r.asked_at is not null)::int8 as asked,
       count(*) filter (where r.asked_at is not null and r.state = 'completed')::int8 as answered,
       count(*) filter (where r.state = 'skipped')::int8 as skipped,
       count(*) filter (where r.state = 'completed')::int8 as completed,
       coalesce(round(avg(r.rating) * 100), 0)::int8 as average,
       count(*) filter (where r.platform <> '')::int8 as opened
  from r
 cross join lateral (values ('all', ''), ('rating', r.rating::text), ('workflow', r.workflow),
                            ('channel', nullif(r.channel, ''))) g (what, which)
 where g.which is not null
 group by g.what, g.which
 order by array_position(array['all', 'rating', 'workflow', 'channel'], g.what), g.which;
