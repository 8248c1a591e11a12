-- Reports: a customer's wait for each other. Their conversations and pages have each a lock of their own, and from two of
-- them at once (a page's form while they write, SMS beside WhatsApp) the same report was opened twice, since neither saw
-- the other's. Else ticket_open is migration 0016's.

create or replace function ticket_open(org uuid, customer uuid, order_number text, what text, story text, email text,
                            handles text, id uuid, conversation uuid, contact uuid, now timestamptz,
                            out outcome text, out ticket text, out files integer, out lost integer,
                            out due_at timestamptz)
    language plpgsql volatile set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_variable
declare
    ordered uuid;
    lately integer;
    wish jsonb;
begin
    files := 0;
    lost := 0;
    select b.settings into wish from businesses b where b.org_id = org;
    if customer is null then
        outcome := 'unknown';
        return;
    end if;
    if coalesce(email, '') <> '' and
       (length(email) > 254 or email !~ '^[^@[:space:]<>"]+@[^@[:space:]<>"]+\.[^@[:space:]<>".]{2,}$') then
        outcome := 'bad_email';
        return;
    end if;
    if coalesce(order_number, '') <> '' then
        select o.order_id into ordered from orders o
         where o.org_id = org and o.customer_id = customer and o.number = order_number;
        if ordered is null then
            outcome := 'no_order';
            return;
        end if;
    end if;
    perform from customers c where c.org_id = org and c.customer_id = customer for no key update;
    select k.number, k.due_at into ticket, due_at from tickets k
     where k.org_id = org and k.customer_id = customer and k.created_at > now - interval '1 hour'
       and k.order_id is not distinct from ordered and k.kind = what and k.description = story
       and k.status <> 'closed'
     limit 1;
    if ticket is not null then
        outcome := 'twice';
        return;
    end if;
    select count(*) into lately from tickets k
     where k.org_id = org and k.customer_id = customer and k.created_at > now - interval '24 hours';
    if lately >= coalesce(substring(wish->>'tickets_a_day' from '^[0-9]{1,6}$')::int, 10) then
        outcome := 'too_many';
        return;
    end if;
    due_at := now + interval '24 hours';
    loop
        ticket := ticket_number();
        insert into tickets (org_id, ticket_id, number, customer_id, conversation_id, order_id, kind,
                             description, contact_email, contact_phone, created_at, due_at)
        values (org, id, ticket, customer, conversation, ordered, what, story, coalesce(email, ''),
                coalesce((select p.phone from contact_points p
                           where p.org_id = org and p.contact_id = contact), ''), now, due_at)
            on conflict on constraint tickets_org_id_number_key do nothing;
        exit when found;
    end loop;
    perform ticket_take_files(org, id, conversation, handles, 5);
    select count(*) filter (where d.state not in ('refused', 'lost')),
           count(*) filter (where d.state in ('refused', 'lost')) into files, lost
      from ticket_documents t join documents d on d.org_id = t.org_id and d.document_id = t.document_id
     where t.org_id = org and t.ticket_id = id;
    outcome := 'opened';
end
$$;
