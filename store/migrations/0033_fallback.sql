-- Which channel: where a customer is written to first, and where next when it does not arrive.

-- Where the customer wants to hear from us first; null: where they wrote last.
alter table customer_settings add column first_channel text
    check (first_channel in ('whatsapp', 'sms', 'email'));
grant update (first_channel) on customer_settings to parley_bot, parley_web, parley_staff;

-- Messages that go on to the next channel when they do not arrive on this one: what nobody awaits
-- in this conversation just now. A row goes when its message has arrived or has gone on.
create table fallbacks (
    org_id          uuid not null,
    conversation_id uuid not null,
    seq             bigint not null,
    topic           text not null default '', -- '': an answer, which every channel may bring
    tried           text[] not null default '{}', -- the channels before this one
    begun_at        timestamptz not null,
    due_at          timestamptz not null, -- when its arrival is looked at
    primary key (org_id, conversation_id, seq)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
create index fallbacks_due on fallbacks (org_id, due_at);

alter table fallbacks enable row level security;
alter table fallbacks force row level security;
create policy org on fallbacks
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select, insert, update, delete on fallbacks to parley_bot;
grant select, insert on fallbacks to parley_staff;

-- The best place to say something to a customer: the channel that they chose, else that on which they
-- wrote last, else WhatsApp, SMS, email; not one that is among `without`, that they do not want to hear
-- of the topic on, that the business has no account for, or that would not take it at that hour
-- (WhatsApp's window). No row: nowhere. Where they never wrote there is no conversation yet.
--
-- Where nobody can tell whose an address is, nothing is said unasked: a number or a mailbox is a customer's
-- place while it stands on record for them and nobody else, or while they are known to have written from it
-- and it stands on record for nobody else. WhatsApp proves its numbers.
create function notification_places(the_org uuid, the_customer uuid, the_topic text, at timestamptz,
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

-- The conversation of a place, made if there is none.
create function notification_conversation(the_org uuid, the_customer uuid, the_channel text,
                                          the_address text, the_account uuid,
                                          fresh_contact uuid, fresh_conversation uuid,
                                          at timestamptz) returns uuid
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    contact uuid;
    found uuid;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return null;
    end if;
    insert into contact_points as p (org_id, contact_id, channel, address, phone, customer_id, created_at)
    values (the_org, fresh_contact, the_channel, the_address,
            case when the_channel <> 'email' then the_address end, the_customer, at)
        on conflict (org_id, channel, address) do update set address = excluded.address
     where p.customer_id = the_customer
    returning p.contact_id into contact;
    if contact is null then
        return null; -- somebody else's by now
    end if;
    insert into conversations as c (org_id, conversation_id, account_id, contact_id)
    values (the_org, fresh_conversation, the_account, contact)
        on conflict (org_id, account_id, contact_id) do update set seq = c.seq
    returning c.conversation_id into found;
    return found;
end
$$;

-- A message that did not arrive goes on to the next place, as words alone: what could be chosen from
-- belongs to the conversation that asked. Outcomes: gone_on, nowhere (there is none, or nothing to say).
create function fall_back(the_org uuid, of_conversation uuid, of_seq bigint, the_topic text,
                          were_tried text[], fresh_contact uuid, fresh_conversation uuid,
                          at timestamptz,
                          out outcome text, out channel text, out account_id uuid)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    said jsonb;
    words text;
    whose uuid;
    here text;
    place record;
    there uuid;
    number bigint;
begin
    outcome := 'nowhere';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select m.body::jsonb, p.customer_id, p.channel into said, whose, here
      from messages m
      join conversations c on c.org_id = m.org_id and c.conversation_id = m.conversation_id
      join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where m.org_id = the_org and m.conversation_id = of_conversation and m.seq = of_seq
       and not m.inbound;
    words := concat_ws(E'\n', nullif(said ->> 'body', ''), nullif(said ->> 'url', ''));
    if whose is null or words = '' then
        return;
    end if;
    select n.* into place
      from notification_places(the_org, whose, the_topic, at, were_tried || here) n limit 1;
    if place is null then
        return;
    end if;
    there := notification_conversation(the_org, whose, place.channel, place.address, place.account_id,
                                       fresh_contact, fresh_conversation, at);
    if there is null then
        return;
    end if;
    update conversations c set seq = c.seq + 1
     where c.org_id = the_org and c.conversation_id = there returning c.seq into number;
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    values (the_org, there, number, false, 'text',
            jsonb_strip_nulls(jsonb_build_object('kind', 'text', 'lang', said -> 'lang', 'body', words))::text,
            fall_back.at, 'fallback/' || of_conversation || '/' || of_seq);
    insert into outbox (org_id, lane_id, conversation_id, seq, due_at, priority)
    values (the_org, place.account_id, there, number, place.due_at, 1);
    insert into fallbacks (org_id, conversation_id, seq, topic, tried, begun_at, due_at)
    values (the_org, there, number, the_topic, were_tried || here, place.due_at, place.due_at);
    outcome := 'gone_on';
    channel := place.channel;
    account_id := place.account_id;
end
$$;

revoke execute on function notification_places, notification_conversation, fall_back from public;
grant execute on function notification_places, notification_conversation, fall_back
    to parley_bot, parley_staff;
