-- An address that takes no messages (a mail came back, was complained about, or is on the carrier's own list) gets none any
-- more. It counted as its owner's STOP, which is for all their places, so that a mailbox that was gone silenced their
-- WhatsApp as well. Now it says nothing about other places, and news goes on by the next one. And whoever has said
-- STOP in one place and then writes START from another hears of things there.
alter table contact_points add column unreachable boolean not null default false; -- `stopped_at` is no word of its owner's
alter table contact_points add column started_at timestamptz;                     -- when START was written from there last

alter table contact_points no force row level security; -- of all businesses
alter table consent_log no force row level security;
update contact_points p set unreachable = true
 where p.channel = 'email' and p.stopped_at is not null
   and (select l.source from consent_log l
         where l.org_id = p.org_id and l.contact_id = p.contact_id and l.topic = 'all'
         order by l.at desc limit 1) in ('channel', 'provider');
alter table contact_points force row level security;
alter table consent_log force row level security;

create or replace function notification_wanted(of_org uuid, of_customer uuid, topic text, channel text)
    returns boolean stable language plpgsql as $$
begin
    return preference_wanted(of_org, of_customer, notification_wanted.topic, notification_wanted.channel)
           and not exists (select 1 from contact_points p
                            where p.org_id = of_org and p.customer_id = of_customer and p.stopped_at is not null
                              and not p.unreachable
                              and not exists (select 1 from contact_points s
                                               where s.org_id = of_org and s.customer_id = of_customer
                                                 and s.channel = notification_wanted.channel
                                                 and s.started_at > p.stopped_at));
end
$$;

-- As in 0081, but for the addresses that take nothing.
create or replace function broadcast_places(the_org uuid, the_customer uuid, the_topic text, the_channel text,
                                 content jsonb, countries text[], at timestamptz)
    returns table (channel text, address text, account_id uuid, conversation_id uuid, verdict text)
    stable language sql as $$
    with written as (
        select p.channel, p.address, p.contact_id, coalesce(p.phone, case p.channel when 'sms' then p.address end) as phone,
               p.stopped_at, p.unreachable
          from contact_points p
         where p.org_id = the_org and p.customer_id = the_customer
    ), known as (
        select w.channel, w.address, w.contact_id, w.phone, w.unreachable,
               case w.channel
                    when 'sms' then not exists (select from customer_phones f
                                                 where f.org_id = the_org and f.phone = w.address
                                                   and (f.customer_id <> the_customer or f.disputed_at is not null))
                    when 'email' then not exists (select from customers e
                                                   where e.org_id = the_org and e.email <> ''
                                                     and lower(e.email) = lower(w.address)
                                                     and e.customer_id <> the_customer)
                    else true end as theirs
          from written w
        union all
        select k.channel, f.phone, null, f.phone, false, f.disputed_at is null
          from customer_phones f
         cross join (values ('whatsapp'), ('sms')) k (channel)
         where f.org_id = the_org and f.customer_id = the_customer
           and (select p.contact_id from contact_points p
                 where p.org_id = the_org and p.channel = k.channel and p.address = f.phone limit 1) is null
           and (select p.contact_id from contact_points p
                 where p.org_id = the_org and p.channel = k.channel and p.phone = f.phone limit 1) is null
        union all
        select 'email', lower(c.email), null, null, false,
               customer_by_mail(the_org, c.email) is not distinct from the_customer
          from customers c
         where c.org_id = the_org and c.customer_id = the_customer and c.email <> ''
           and (select p.contact_id from contact_points p
                 where p.org_id = the_org and p.channel = 'email' and p.address = lower(c.email) limit 1) is null
    )
    select k.channel, k.address, coalesce(v.account_id, a.account_id), v.conversation_id,
           case when exists (select from written w where w.stopped_at is not null and not w.unreachable)
                     or k.unreachable then 'stopped'
                when not k.theirs then 'not_theirs'
                when coalesce(v.account_id, a.account_id) is null then 'no_account'
                when k.channel <> 'email' and k.phone is not null and k.phone !~ '^\+[1-9][0-9]{6,14}$' then 'invalid'
                when k.channel = 'email' and k.address !~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$' then 'invalid'
                when not notification_wanted(the_org, the_customer, the_topic, k.channel) then 'no_consent'
                when k.channel <> 'email' and not broadcast_country_open(countries, k.phone) then 'country'
                when k.channel = 'whatsapp' and not content ? 'template'
                     and coalesce(v.last_inbound_at < at - interval '23 hours 50 minutes', true) then 'closed'
                when not (content ? 'words') and not (k.channel = 'whatsapp' and content ? 'template') then 'no_words'
                end
      from known k
      left join lateral (
          select c.account_id, c.conversation_id, c.last_inbound_at
            from accounts e
            join conversations c on c.org_id = the_org and c.account_id = e.account_id and c.contact_id = k.contact_id
           where e.org_id = the_org and e.channel = k.channel
           order by c.last_inbound_at desc nulls last, c.conversation_id limit 1) v on true
      left join lateral (
          select e.account_id from accounts e
           where e.org_id = the_org and e.channel = k.channel order by e.external_id limit 1) a on true
      left join customer_settings s on s.org_id = the_org and s.customer_id = the_customer
     where the_channel in ('', k.channel)
     order by k.channel is not distinct from s.first_channel desc, v.last_inbound_at desc nulls last,
              array_position(array['whatsapp', 'sms', 'email'], k.channel), k.address
$$;
