-- How many went tells whether there are more, of what waited as of what was seen; and neither goes in one large
-- transaction. Else crm_sweep is migration 0043's.

create or replace function crm_sweep(the_org uuid, at timestamptz, most integer) returns integer
    volatile language plpgsql as $$
declare
    n integer;
    m integer;
begin
    with gone as (
        delete from crm_waiting w
         where w.ctid = any (array(select x.ctid from crm_waiting x
                                    where x.org_id = the_org and x.at < crm_sweep.at - interval '30 days'
                                    limit most))
        returning w.*
    )
    insert into dead_letters (org_id, dead_id, at, provider, reason, item, payload)
    select the_org, gen_random_uuid(), crm_sweep.at, 'crm',
           'waited 30 days for the ' || g.needs_kind || ' that it speaks of', g.hash::text,
           convert_to(g.event::text, 'UTF8')
      from gone g;
    get diagnostics m = row_count;
    delete from crm_seen s
     where s.ctid = any (array(select x.ctid from crm_seen x
                                where x.org_id = the_org and x.at < crm_sweep.at - interval '15 days' limit most));
    get diagnostics n = row_count;
    return greatest(n, m);
end
$$;
