-- Events on their way to the business's other systems: bot/events_out.c, bot/cmd_events.c. What is done
-- with them is migration 0050.

-- name: events_out_claim
-- $1 org  $2 endpoints  $3 how many of each  $4 now  $5 lease's end
select name, event, attempt, kind, about, number, happened, coalesce(customer, ''), coalesce(customer_called, ''),
       detail::text
  from events_out_claim($1::uuid, $2::text[], $3::int4[], $4::timestamptz, $5::timestamptz);

-- name: events_out_settle
-- $1 org  $2 endpoint  $3 event  $4 attempt  $5 verdict  $6 status  $7 reason  $8 next attempt
-- $9 hold, $10 pause, $11 longest pause (microseconds)  $12 attempts at most  $13 off after (microseconds)  $14 now
select events_out_settle($1::uuid, $2::text, $3::uuid, $4::int4, $5::text, $6::int4, $7::text, $8::timestamptz,
                         $9::int8, $10::int8, $11::int8, $12::int4, $13::int8, $14::timestamptz);

-- name: events_out_forget
-- $1 org  $2 older than  $3 at most
select events_out_forget($1::uuid, $2::timestamptz, $3::int4);
