-- Events of a business's CRM: bot/door/intake_crm.c, store/crm.c. What is done with them is migration 0043.

-- name: crm_take
-- A batch of one source, in the order of the batch: what became of each, and why it is refused.
-- Sets the business by itself.
-- $1 source  $2 app, or null: any  $3 events (json)  $4 now  $5 whether customers hear of it
select i, outcome, coalesce(path, ''), coalesce(expected, ''), coalesce(got, '')
  from crm_take($1::text, $2::text, $3::text::jsonb, $4::timestamptz, $5::bool);

-- name: crm_sweep
-- $1 org  $2 now  $3 at most
select crm_sweep($1::uuid, $2::timestamptz, $3::int4);
