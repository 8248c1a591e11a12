-- One click in a mail program: nothing comes unasked on this channel any more. Whoever is known says so
-- for every topic, as if they had gone through the settings, and still gets answers; an address of
-- nobody's hears nothing at all, as after STOP. Outcomes: off, stopped, unknown (no such conversation).
-- Saying it again is no change.
create function unsubscribe(the_org uuid, of_conversation uuid, at timestamptz) returns text
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    p contact_points;
    topics constant text[] := array['orders', 'deliveries', 'cancellations', 'estimates',
                                    'payments', 'reviews', 'offers'];
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return 'unknown';
    end if;
    select q.* into p
      from conversations c
      join contact_points q on q.org_id = c.org_id and q.contact_id = c.contact_id
     where c.org_id = the_org and c.conversation_id = of_conversation;
    if p.contact_id is null then
        return 'unknown';
    end if;
    if p.customer_id is null then
        update contact_points q set stopped_at = at
         where q.org_id = the_org and q.contact_id = p.contact_id and q.stopped_at is null;
        if found then
            insert into consent_log (org_id, at, contact_id, channel, topic, wanted, source)
            values (the_org, unsubscribe.at, p.contact_id, p.channel, 'all', false, 'unsubscribe');
        end if;
        return 'stopped';
    end if;
    perform 1 from customers c where c.org_id = the_org and c.customer_id = p.customer_id
        for no key update;
    with changed as (
        insert into preferences as f (org_id, customer_id, topic, channel, wanted, at, source)
        select the_org, p.customer_id, t.topic, p.channel, false, unsubscribe.at, 'unsubscribe'
          from unnest(topics) t (topic)
         where preference_wanted(the_org, p.customer_id, t.topic, p.channel)
            on conflict on constraint preferences_pkey do update
           set wanted = false, at = excluded.at, source = excluded.source
        returning f.topic
    )
    insert into consent_log (org_id, at, customer_id, contact_id, channel, topic, wanted, source)
    select the_org, unsubscribe.at, p.customer_id, p.contact_id, p.channel, c.topic, false, 'unsubscribe'
      from changed c;
    return 'off';
end
$$;
revoke execute on function unsubscribe from public;
grant execute on function unsubscribe to parley_bot;
