-- The business decides: `wish` is review, approve or reject. The conversation is locked before the
-- order, as a turn does, and the order before the request. Outcomes: in_review, approved, rejected;
-- shipped (approving came too late: the parcel is on its way), no_state (there is no state to put
-- the order into, and it would be told cancelled while it goes on), decided, withdrawn, gone.
create or replace function cancellation_decide(
    of_org uuid, of_id uuid, wish text, of_note text, who text, at timestamptz,
    out outcome text, out number text, out status text, out customer_id uuid,
    out conversation_id uuid)
    volatile language plpgsql as $$
declare
    c record;
    o record;
begin
    select x.order_id, x.conversation_id into c
      from cancellations x where x.org_id = of_org and x.cancellation_id = of_id;
    if not found then
        outcome := 'gone';
        return;
    end if;
    perform 1 from conversations v
      where v.org_id = of_org and v.conversation_id = c.conversation_id for no key update;
    perform 1 from orders x where x.org_id = of_org and x.order_id = c.order_id for update;
    select x.* into c
      from cancellations x where x.org_id = of_org and x.cancellation_id = of_id
       for no key update;
    select x.number, x.status, s.phase,
           s.in_transit or s.phase = 'done' and exists (
               select 1 from shipments p
                where p.org_id = x.org_id and p.order_id = x.order_id
                  and p.status <> 'label_created') as shipped,
           (select w.status from workflow_states w
             where w.org_id = x.org_id and w.workflow = x.workflow and w.phase = 'cancelled'
             order by w.position limit 1) as cancelled
      into o
      from orders x
      join workflow_states s
        on s.org_id = x.org_id and s.workflow = x.workflow and s.status = x.status
     where x.org_id = of_org and x.order_id = c.order_id;
    number := o.number;
    status := c.status;
    customer_id := c.customer_id;
    conversation_id := c.conversation_id;
    if c.status not in ('submitted', 'in_review') then
        outcome := case c.status when 'withdrawn' then 'withdrawn' else 'decided' end;
        return;
    end if;
    if wish = 'approve' and o.shipped then
        outcome := 'shipped';
        return;
    end if;
    if wish = 'approve' and o.cancelled is null then
        outcome := 'no_state';
        return;
    end if;
    outcome := case wish when 'approve' then 'approved' when 'reject' then 'rejected'
               else 'in_review' end;
    status := outcome;
    update cancellations x
       set status = outcome, status_at = at, decided_by = left(who, 100),
           decision_note = left(coalesce(of_note, ''), 500)
     where x.org_id = of_org and x.cancellation_id = of_id;
    if outcome = 'approved' and o.phase <> 'cancelled' then
        update orders x set status = o.cancelled
         where x.org_id = of_org and x.order_id = c.order_id;
        insert into order_events (org_id, order_id, event_id, status, at, actor)
        values (of_org, c.order_id, of_id, o.cancelled, at, left(who, 100));
    end if;
end
$$;
