-- Who said STOP anywhere is written to nowhere unasked, whatever their choices are: the channel on
-- which they said it keeps even answers back (its own row says so); the others still answer.
create function notification_wanted(of_org uuid, of_customer uuid, topic text, channel text)
    returns boolean stable language plpgsql as $$
begin
    return preference_wanted(of_org, of_customer, notification_wanted.topic, notification_wanted.channel)
           and not exists (select 1 from contact_points p
                            where p.org_id = of_org and p.customer_id = of_customer and p.stopped_at is not null);
end
$$;
