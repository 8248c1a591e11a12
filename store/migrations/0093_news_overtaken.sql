-- That a parcel has left is no news any more once it is out for delivery or delivered: what a system tells
-- late, or out of order, does not go to the customer backwards (bot/notices.c).

-- Whether later news of this parcel was made within three days; without a number, of any parcel of the order.
create function crm_overtaken(the_org uuid, the_customer uuid, of_order uuid, parcel text, at timestamptz) returns boolean
    stable language sql as $$
    select exists (
        select from notices n
         where n.org_id = the_org and n.customer_id = the_customer and n.order_id = of_order
           and n.kind in ('out_for_delivery', 'delivered') and n.state <> 'replaced'
           and n.made_at > crm_overtaken.at - interval '3 days'
           and coalesce(n.detail ->> 'tracking_number' = parcel, true))
$$;

-- As in 0051, and in the order in which things happen.
create or replace function crm_tell(the_org uuid, the_customer uuid, the_topic text, the_kind text, the_cause text,
                         of_order uuid, the_detail jsonb, happened timestamptz, at timestamptz) returns void
    volatile language plpgsql as $$
declare
    due timestamptz := at;
    parcel constant text := the_detail ->> 'tracking_number';
begin
    if of_order is not null then
        perform review_due(the_org, of_order, happened); -- an order that is done; others are passed over
    end if;
    if happened < at - interval '1 day'
       or the_kind = 'shipped' and crm_overtaken(the_org, the_customer, of_order, parcel, at)
       or the_kind in ('shipped', 'delivered', 'out_for_delivery') and exists (
           select from notices n
            where n.org_id = the_org and n.customer_id = the_customer and n.order_id = of_order
              and n.kind = the_kind and n.state <> 'replaced'
              and n.made_at > at - case the_kind when 'out_for_delivery' then interval '8 hours'
                                   else interval '3 days' end
              and case when parcel is null then true
                       when n.detail ->> 'tracking_number' is null then n.state <> 'waiting' -- this one says more
                       else n.detail ->> 'tracking_number' = parcel end) then
        return;
    end if;
    if the_kind in ('out_for_delivery', 'delivered') then
        update notices n set state = 'replaced', state_at = at
         where n.org_id = the_org and n.customer_id = the_customer and n.order_id = of_order
           and n.kind = 'shipped' and n.state in ('waiting', 'placed') and n.template is null
           and n.made_at > at - interval '14 days'
           and coalesce(n.detail ->> 'tracking_number' = parcel, true);
    end if;
    if the_cause is not null then
        select coalesce(min(n.due_at), at + interval '5 seconds') into due
          from notices n
         where n.org_id = the_org and n.customer_id = the_customer and n.cause = the_cause
           and n.state = 'waiting' and n.due_at > at;
    end if;
    perform notice_make(the_org, the_customer, the_topic, the_kind, the_cause, of_order, jsonb_strip_nulls(the_detail), due, at);
end
$$;

revoke execute on function crm_overtaken from public;
grant execute on function crm_overtaken to parley_staff;
