-- What customers hear that nobody asked for: bot/later/notices.c, flows/news.yaml, migrations 0042, 0051, 0056, 0077, 0085.

-- name: notices_place
-- $1 org  $2 now  $3 at most  $4 templates as JSON: [{"kind", "name", "needs"}], those that say most first
select notice, how, conversation, template, language, zone, news::json
  from notices_place($1::uuid, $2::timestamptz, $3::int4, $4::text::jsonb);

-- name: notice_tell
-- $1 org  $2 notice  $3 the reply as JSON; empty: its values do not fit  $4 now
-- $5 the short address's code, and  $6 where it leads; empty: it has none
select outcome, lane from notice_tell($1::uuid, $2::uuid, $3::text, $4::timestamptz, $5::text, $6::text);

-- name: news_tell
-- $1 org  $2 customer  $3 conversation  $4 language  $5 now
select * from news_tell($1::uuid, $2::uuid, $3::uuid, $4::text, $5::timestamptz);

-- name: templates_changed
-- What Meta's webhooks say; null: nothing new of that.
-- $1 org  $2 accounts  $3 names  $4 languages  $5 statuses  $6 categories  $7 qualities  $8 reasons  $9 times
select count(c.changed)
  from (select template_changed($1::uuid, i.account, i.name, i.language, i.status, i.category, i.quality, i.reason,
                                i.at) as changed
          from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                      $9::timestamptz[])
               with ordinality i (account, name, language, status, category, quality, reason, at, place)
         order by i.name, i.language, i.account, i.place) c;
