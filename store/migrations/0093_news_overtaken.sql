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

revoke execute on function crm_overtaken from public;
grant execute on function crm_overtaken to parley_staff;
