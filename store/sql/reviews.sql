-- Reviews: what flows/review.yaml and flows/review_words.yaml ask and do (bound in store/parts.c).
-- What asks is migration 0051.

-- name: review_ask
-- $1 org  $2 customer  $3 conversation  $4 now
select outcome, number, workflow
  from review_ask($1::uuid, $2::uuid, $3::uuid, $4::timestamptz);

-- name: review_rate
-- $1 org  $2 customer  $3 order number  $4 stars  $5 fresh id  $6 conversation  $7 contact  $8 now
select outcome, ticket, changed
  from review_rate($1::uuid, $2::uuid, $3::text, $4::text, $5::uuid, $6::uuid, $7::uuid, $8::timestamptz);

-- name: review_comment
-- $1 org  $2 customer  $3 order number  $4 words  $5 now
select outcome from review_comment($1::uuid, $2::uuid, $3::text, $4::text, $5::timestamptz);

-- name: review_skip
-- $1 org  $2 customer  $3 order number  $4 now
select outcome from review_skip($1::uuid, $2::uuid, $3::text, $4::timestamptz);

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
-- Where others can read it: of everyone the same, whatever they said.
-- $1 org  $2 customer
select l.value ->> 'name' as name, l.value ->> 'url' as url
  from businesses b
 cross join lateral jsonb_array_elements(case when jsonb_typeof(b.settings -> 'review_links') = 'array'
                                              then b.settings -> 'review_links' else '[]' end)
            with ordinality l (value, position)
 where b.org_id = $1::uuid and $2::uuid is not null
   and l.value ->> 'name' <> '' and length(l.value ->> 'name') <= 40
   and l.value ->> 'url' ~ '^https://[^[:space:]]+$' and length(l.value ->> 'url') <= 500
 order by l.position
 limit 5;
