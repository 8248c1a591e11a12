-- What customers hear that nobody asked for: bot/notices.c, flows/news.yaml, migrations 0042 and 0049.

-- name: notices_place
-- $1 org  $2 now  $3 at most
select notice, how, conversation from notices_place($1::uuid, $2::timestamptz, $3::int4);

-- name: news_tell
-- $1 org  $2 customer  $3 conversation  $4 language  $5 now
select * from news_tell($1::uuid, $2::uuid, $3::uuid, $4::text, $5::timestamptz);
