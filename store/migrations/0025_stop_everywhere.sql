-- Who said STOP anywhere is written to nowhere unasked, whatever their choices are: the channel on
-- which they said it keeps even answers back (its own row says so); the others still answer.
create function notification_wanted(of_org uuid, of_customer uuid, topic text, channel text)
    returns boolean stable language sql as $$
    select preference_wanted(of_org, of_customer, topic, channel)
           and not exists (select 1 from contact_points p
                            where p.org_id = of_org and p.customer_id = of_customer
                              and p.stopped_at is not null)
$$;

create or replace function notification_due(of_org uuid, of_customer uuid, topic text, channel text,
                                            at timestamptz, out wanted boolean,
                                            out due_at timestamptz)
    stable language sql as $$
    select notification_wanted(of_org, of_customer, topic, channel),
           case when coalesce(s.quiet, true)
                then quiet_until(at, customer_zone(of_org, of_customer),
                                 coalesce(s.quiet_from, 1260), coalesce(s.quiet_until, 480))
                else at end
      from (select 1) one
      left join customer_settings s on s.org_id = of_org and s.customer_id = of_customer
$$;
