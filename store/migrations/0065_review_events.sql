-- Events about reviews name the order as all events do (0050): `number` is ours, `order` the CRM's.
create or replace function review_event(the_org uuid, the_review uuid, the_type text, at timestamptz) returns void
    volatile language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    select event_of_order(the_org, the_type, r.customer_id, o.number,
                          jsonb_build_object(
                              'rating', r.rating, 'comment', nullif(r.comment, ''), 'channel', nullif(r.channel, ''),
                              'ticket', k.number, 'changed', case when r.changed_at is not null then true end),
                          at)
      from reviews r
      join orders o on o.org_id = r.org_id and o.order_id = r.order_id
      left join tickets k on k.org_id = r.org_id and k.ticket_id = r.ticket_id
     where r.org_id = the_org and r.review_id = the_review
$$;
