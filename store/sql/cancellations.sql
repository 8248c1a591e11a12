-- Cancelling, as flows see it: bound in store/parts.c. What may be cancelled is judged by
-- cancellation_judge (migration 0014), once to tell and once more, under the order's lock, to act.

-- name: cancellable_orders
-- Orders that are under way, newest first: whether each may be cancelled is told when it is looked
-- at. At most 40.
-- $1 org  $2 customer  $3 language
select o.number, o.workflow, o.status, n.status_name,
       status_icon(w.icon, w.phase, n.status_name) as status_icon, o.placed_at, o.total_minor,
       o.currency as total_currency
  from orders o
  join workflow_states w
    on w.org_id = o.org_id and w.workflow = o.workflow and w.status = o.status
 cross join lateral (
    select status_name(w.workflow, w.status, w.names, $3::text) as status_name) n
 where o.org_id = $1::uuid and o.customer_id = $2::uuid and w.phase = 'active'
 order by o.placed_at desc, o.order_id desc
 limit 40;

-- name: cancellation_outlook
-- What would become of a wish to cancel, now. One row. `own` words are in that language.
-- $1 org  $2 customer  $3 number  $4 language  $5 now
select j.verdict as outcome, j.number, j.workflow,
       j.order_status as status, j.why, j.why_own, j.help, j.help_own, j.closed_at, j.closes_at,
       j.asked_status, j.asked_at, nullif(j.rule_id, '') as rule
  from cancellation_judge($1::uuid, $2::uuid, $3::text, $5::timestamptz, $4::text) j;

-- name: cancellation_reasons
-- The business's list, in its order. At most 40.
-- $1 org  $2 customer  $3 language
select r.reason, own_words(r.names, $3::text, b.language) as name
  from cancellation_reasons r
  join businesses b on b.org_id = r.org_id
 where r.org_id = $1::uuid and $2::uuid is not null
 order by r.position, r.reason
 limit 40;

-- name: cancellation_reason
-- One of them, or none.
-- $1 org  $2 customer  $3 language  $4 reason
select r.reason, own_words(r.names, $3::text, b.language) as name
  from cancellation_reasons r
  join businesses b on b.org_id = r.org_id
 where r.org_id = $1::uuid and $2::uuid is not null and r.reason = $4::text;

-- name: cancellation_request
-- $1 org  $2 customer  $3 number  $4 reason  $5 note  $6 language  $7 now  $8 id  $9 conversation
select r.*,
       case when r.outcome in ('approved', 'submitted')
            then event_of_order($1::uuid, 'order.cancellation_requested', $2::uuid, r.number,
                                jsonb_build_object('cancellation', $8::uuid, 'status', r.outcome,
                                                   'reason', nullif($4::text, ''), 'note', nullif($5::text, '')),
                                $7::timestamptz)::text end as later
  from cancellation_request($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text,
                            $7::timestamptz, $8::uuid, $9::uuid) r;

-- name: cancellation_withdraw
-- $1 org  $2 customer  $3 cancellation  $4 now
select w.*,
       case when w.outcome = 'withdrawn' and k.status <> 'withdrawn'
            then event_of_order($1::uuid, 'order.cancellation_withdrawn', $2::uuid, w.number,
                                jsonb_build_object('cancellation', k.cancellation_id), $4::timestamptz)::text end as later
  from cancellation_withdraw($1::uuid, $2::uuid, $3::text, $4::timestamptz) w
  left join cancellations k
    on k.org_id = $1::uuid and k.customer_id = $2::uuid
   and k.cancellation_id = case when $3::text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                then $3::text::uuid end;

-- name: cancellations_list
-- A customer's requests, newest first; with a number, as people type it, those about that order.
-- At most 40.
-- $1 org  $2 customer  $3 language  $4 number
select c.cancellation_id as id, o.number, c.status, c.asked_at, c.status_at,
       own_words(r.names, $3::text, b.language) as reason, nullif(c.note, '') as note,
       nullif(c.decision_note, '') as decision_note,
       c.status in ('submitted', 'in_review') as undecided
  from cancellations c
  join orders o on o.org_id = c.org_id and o.order_id = c.order_id
  join businesses b on b.org_id = c.org_id
  left join cancellation_reasons r on r.org_id = c.org_id and r.reason = c.reason
 where c.org_id = $1::uuid and c.customer_id = $2::uuid
   and (coalesce($4::text, '') = ''
        or upper(regexp_replace(left($4::text, 100), '[^[:alnum:]]', '', 'g'))
           in (o.number_key, ltrim(o.number_key, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')))
 order by c.asked_at desc, c.cancellation_id desc
 limit 40;

-- name: cancellation_by_id
-- $1 org  $2 customer  $3 language  $4 id
select c.cancellation_id as id, o.number, c.status, c.asked_at, c.status_at,
       own_words(r.names, $3::text, b.language) as reason, nullif(c.note, '') as note,
       nullif(c.decision_note, '') as decision_note,
       c.status in ('submitted', 'in_review') as undecided
  from cancellations c
  join orders o on o.org_id = c.org_id and o.order_id = c.order_id
  join businesses b on b.org_id = c.org_id
  left join cancellation_reasons r on r.org_id = c.org_id and r.reason = c.reason
 where c.org_id = $1::uuid and c.customer_id = $2::uuid
   and c.cancellation_id = case when $4::text ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                                then $4::text::uuid end;

-- --- what the business does about them, by `parley cancellation` -----------------------------

-- name: cancellations_open
-- The oldest first; all of them also those that are settled. No word of a customer is among it.
-- $1 org  $2 all  $3 at most
select c.cancellation_id, o.number, c.status, c.asked_at, c.status_at, c.reason, c.rule_id,
       c.note <> '' as has_note
  from cancellations c
  join orders o on o.org_id = c.org_id and o.order_id = c.order_id
 where c.org_id = $1::uuid and ($2::bool or c.status in ('submitted', 'in_review'))
 order by c.asked_at, c.cancellation_id
 limit $3::int8;

-- name: cancellation_look
-- One of them, with what the customer wrote and the rule saw.
-- $1 org  $2 id
select c.cancellation_id, o.number, c.status, c.asked_at, c.status_at, c.reason, c.rule_id, c.note,
       c.facts::text as facts, c.decided_by, c.decision_note
  from cancellations c
  join orders o on o.org_id = c.org_id and o.order_id = c.order_id
 where c.org_id = $1::uuid and c.cancellation_id = $2::uuid;

-- name: cancellation_decide
-- $1 org  $2 id  $3 review, approve or reject  $4 note  $5 who  $6 now
select outcome, number, status
  from cancellation_decide($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::timestamptz);

-- name: cancellation_notice
-- The decision is news for the customer, in the transaction that decided. `how` says what would become of it now:
-- told (not before due_at), unwanted, stopped, closed (only a template would be taken), nowhere.
-- $1 org  $2 id  $3 who  $4 audit id  $5 now
with noted as (
    insert into audit (org_id, audit_id, at, actor, action, subject)
    select $1::uuid, $4::uuid, $5::timestamptz, $3::text, 'cancellation ' || c.status, c.cancellation_id::text
      from cancellations c
     where c.org_id = $1::uuid and c.cancellation_id = $2::uuid
)
select o.how, o.due_at
  from cancellations c
 cross join lateral cancellation_tell($1::uuid, c.cancellation_id, '', $5::timestamptz) t
 cross join lateral notice_outlook($1::uuid, c.customer_id, 'cancellations', $5::timestamptz) o
 where c.org_id = $1::uuid and c.cancellation_id = $2::uuid;

-- name: cancellation_rules_list
-- A business's rules in their order, each as the JSON that `parley cancellation rules` writes and
-- reads: what it does not ask for is left out.
-- $1 org
select jsonb_strip_nulls(jsonb_build_object(
           'id', r.rule_id, 'workflow', r.workflow, 'statuses', to_jsonb(r.statuses),
           'phase', r.phase, 'part_shipped', r.part_shipped, 'paid', r.paid,
           'open_for', r.open_for, 'effect', r.effect)
           || case when r.effect <> 'refuse' then '{}'
              else jsonb_build_object(
                  'why', r.why, 'why_words', nullif(r.why_words, '{}'), 'help', r.help,
                  'help_words', nullif(r.help_words, '{}')) end)::text as rule
  from cancellation_rules r
 where r.org_id = $1::uuid
 order by r.position
 limit 1000;

-- name: cancellation_rules_drop
-- $1 org
delete from cancellation_rules where org_id = $1::uuid;

-- name: cancellation_rule_keep
-- $1 org  $2 position  $3 the rule as JSON
insert into cancellation_rules (org_id, position, rule_id, workflow, statuses, phase, part_shipped,
                                paid, open_for, effect, why, why_words, help, help_words)
select $1::uuid, $2::int2, j.id, j.workflow, j.statuses, j.phase, j.part_shipped, j.paid, j.open_for,
       j.effect, coalesce(j.why, 'by_a_person'), coalesce(j.why_words, '{}'),
       coalesce(j.help, 'person'), coalesce(j.help_words, '{}')
  from jsonb_to_record($3::jsonb)
       j (id text, workflow text, statuses text[], phase text, part_shipped boolean, paid boolean,
          open_for interval, effect text, why text, why_words jsonb, help text, help_words jsonb);

-- name: cancellation_try
-- What would become of a wish to cancel this order at a time, and why: for whoever writes rules.
-- $1 org  $2 number, exactly  $3 at
select j.verdict, coalesce(j.rule_id, '') as rule_id, j.closes_at, j.closed_at,
       coalesce(j.facts, '{}')::text as facts
  from orders o
 cross join lateral cancellation_judge(o.org_id, o.customer_id, o.number, $3::timestamptz, 'en') j
 where o.org_id = $1::uuid and o.number = $2::text;
