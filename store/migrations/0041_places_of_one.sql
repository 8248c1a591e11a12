-- Where nobody can tell whose an address is, nothing is said unasked: a mailbox that two customers have
-- on record was a place of both, and the first of them to be written to there was then taken for the one
-- who writes from it; and a number was a place for good once a message had gone there, also when it was
-- taken off the record or given to another customer. Now a number or a mailbox is a customer's place
-- while it stands on record for them and nobody else, or while they are known to have written from it
-- and it stands on record for nobody else. WhatsApp proves its numbers, and stays as it was. Else this
-- is migration 0033's function.
create or replace function notification_places(the_org uuid, the_customer uuid, the_topic text, at timestamptz,
                                    without text[])
    returns table (channel text, address text, account_id uuid, contact_id uuid,
                   conversation_id uuid, due_at timestamptz)
    stable language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with known as (
        select p.channel, p.address, p.contact_id,
               case p.channel
                    when 'sms' then exists (select from customer_phones f
                                             where f.org_id = the_org and f.phone = p.address
                                               and f.customer_id = the_customer and f.disputed_at is null)
                    when 'email' then customer_by_mail(the_org, p.address) is not distinct from the_customer
                    else true end as on_record
          from contact_points p
         where p.org_id = the_org and p.customer_id = the_customer
           and (p.channel <> 'sms'
                or not exists (select from customer_phones f
                                where f.org_id = the_org and f.phone = p.address
                                  and f.customer_id <> the_customer))
           and (p.channel <> 'email'
                or not exists (select from customers e
                                where e.org_id = the_org and e.email <> ''
                                  and lower(e.email) = lower(p.address)
                                  and e.customer_id <> the_customer
                                  and (e.email_verified_at is not null or e.external_id is not null)))
        union all
        select 'sms', f.phone, null, true
          from customer_phones f
         where f.org_id = the_org and f.customer_id = the_customer and f.disputed_at is null
           and not exists (select from contact_points p
                            where p.org_id = the_org and p.channel = 'sms' and p.address = f.phone)
        union all
        select 'email', lower(c.email), null, true
          from customers c
         where c.org_id = the_org and c.customer_id = the_customer and c.email <> ''
           and customer_by_mail(the_org, c.email) = the_customer
           and not exists (select from contact_points p
                            where p.org_id = the_org and p.channel = 'email'
                              and p.address = lower(c.email))
    ), placed as (
        select k.channel, k.address, coalesce(v.account_id, a.account_id) as account_id, k.contact_id,
               v.conversation_id, v.last_inbound_at,
               case when the_topic = '' then at
                    else greatest(d.due_at, v.held_until + interval '1 second') end as due_at
          from known k
          left join lateral (
              select c.account_id, c.conversation_id, c.last_inbound_at, c.held_until
                from accounts e
                join conversations c on c.org_id = the_org and c.account_id = e.account_id
                                    and c.contact_id = k.contact_id
               where e.org_id = the_org and e.channel = k.channel
               order by c.last_inbound_at desc nulls last, c.conversation_id limit 1) v on true
          left join lateral (
              select e.account_id from accounts e
               where e.org_id = the_org and e.channel = k.channel
               order by e.external_id limit 1) a on true
         cross join lateral notification_due(the_org, the_customer, the_topic, k.channel, at) d
         where k.channel <> all (without)
           and coalesce(v.account_id, a.account_id) is not null
           and (k.on_record or v.last_inbound_at is not null)
           and not exists (select from contact_points p
                            where p.org_id = the_org and p.contact_id = k.contact_id
                              and p.stopped_at is not null)
           and (d.wanted or the_topic = '')
    )
    select p.channel, p.address, p.account_id, p.contact_id, p.conversation_id, p.due_at
      from placed p
      left join customer_settings s on s.org_id = the_org and s.customer_id = the_customer
     where the_org = nullif(current_setting('parley.org_id', true), '')::uuid
       and (p.channel <> 'whatsapp'
            or p.due_at < p.last_inbound_at + interval '23 hours 50 minutes')
     order by p.channel is not distinct from s.first_channel desc,
              p.last_inbound_at desc nulls last,
              array_position(array['whatsapp', 'sms', 'email'], p.channel), p.address
$$;
