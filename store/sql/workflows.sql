-- The kinds of work of a business and their states, as operators write them: store/workflows.c.

-- name: workflow_list
-- Every state, workflow by workflow, in order.
-- $1 org
select workflow, status, phase, in_transit, progress::int8, icon, names::text
  from workflow_states
 where org_id = $1::uuid
 order by workflow, position, status
 limit 5000;

-- name: workflow_left_out
-- The states in which there are orders and which a new list of states leaves out.
-- $1 org  $2 workflow  $3 statuses that stay
select w.status, count(*)::int8 as orders
  from workflow_states w
  join orders o on o.org_id = w.org_id and o.workflow = w.workflow and o.status = w.status
 where w.org_id = $1::uuid and w.workflow = $2::text and w.status <> all ($3::text[])
 group by w.status
 order by w.status
 limit 100;

-- name: workflow_drop
-- What a new list of states leaves out goes.
-- $1 org  $2 workflow  $3 statuses that stay
delete from workflow_states
 where org_id = $1::uuid and workflow = $2::text and status <> all ($3::text[]);

-- name: workflow_keep
-- One state as the list has it.
-- $1 org  $2 workflow  $3 status  $4 position  $5 phase  $6 in transit  $7 progress  $8 icon
-- $9 names, JSON by language
insert into workflow_states (org_id, workflow, status, position, phase, in_transit, progress,
                             icon, names)
values ($1::uuid, $2::text, $3::text, $4::smallint, $5::text, $6::boolean, $7::smallint,
        $8::text, $9::jsonb)
    on conflict (org_id, workflow, status) do update
   set position = excluded.position, phase = excluded.phase, in_transit = excluded.in_transit,
       progress = excluded.progress, icon = excluded.icon, names = excluded.names;
