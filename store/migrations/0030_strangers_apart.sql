-- What strangers ask for is counted apart everywhere: the budgets of a block of numbers and of the
-- business were one for all, so a few strangers could use up the codes of every customer. Strangers
-- have budgets of their own now, and smaller ones; and a day's, since five tries come with each code
-- and who is patient would have guessed three hundred times a day.

create or replace function code_spent(the_org uuid, the_contact uuid, the_destination text, is_link boolean,
                                      at_now timestamptz)
    returns text language plpgsql stable as $$
declare
    since constant timestamptz := at_now - interval '1 hour';
    many integer;
begin
    many := code_allowed(the_org, 'contact', 5);
    if (select count(*) from (select from code_sends where org_id = the_org and contact_id = the_contact
                                 and at > since limit many) s) >= many then
        return 'contact';
    end if;
    many := case when is_link then code_allowed(the_org, 'link', 3)
            else code_allowed(the_org, 'destination', 5) end;
    if (select count(*) from (select from code_sends where org_id = the_org
                                 and destination = the_destination and link = is_link and at > since
                               limit many) s) >= many then
        return 'destination';
    end if;
    many := code_allowed(the_org, 'link_day', 20);
    if is_link
       and (select count(*) from (select from code_sends where org_id = the_org
                                     and destination = the_destination and link
                                     and at > at_now - interval '1 day'
                                   limit many) s) >= many then
        return 'destination';
    end if;
    many := case when is_link then code_allowed(the_org, 'link_prefix', 10)
            else code_allowed(the_org, 'prefix', 30) end;
    if code_prefix(the_destination) <> ''
       and (select count(*) from (select from code_sends where org_id = the_org
                                     and prefix = code_prefix(the_destination) and link = is_link
                                     and at > since
                                   limit many) s) >= many then
        return 'prefix';
    end if;
    many := case when is_link then code_allowed(the_org, 'link_business', 200)
            else code_allowed(the_org, 'business', 1000) end;
    if (select count(*) from (select from code_sends where org_id = the_org and link = is_link
                                 and at > since limit many) s)
       >= many then
        return 'business';
    end if;
    return null;
end
$$;

-- What somebody says at registration is an address that they say, and no address on record: it proves
-- nothing and links nobody until a code has come back from it. It is kept apart and always, so that
-- nothing tells whether it is somebody's already.

alter table customers add column email_told text not null default '';
grant update (email_told) on customers to parley_bot;

create or replace function customer_register(the_org uuid, the_contact uuid, fresh uuid, the_name text,
                                             the_email text, at_now timestamptz) returns uuid
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    writer contact_points;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid
       or not exists (select from businesses where org_id = the_org
                         and settings ->> 'registration' = 'true') then
        return null;
    end if;
    select * into writer from contact_points
     where org_id = the_org and contact_id = the_contact for update;
    if writer.contact_id is null or writer.customer_id is not null then
        return null;
    end if;
    insert into customers (org_id, customer_id, name, email_told, created_at)
    values (the_org, fresh, the_name, left(the_email, 254), at_now);
    update contact_points set customer_id = fresh where org_id = the_org and contact_id = the_contact;
    insert into customer_phones (org_id, phone, customer_id)
    select the_org, writer.phone, fresh where writer.phone is not null
        on conflict (org_id, phone) do update
       set customer_id = excluded.customer_id, disputed_at = null
     where customer_phones.disputed_at is not null;
    return fresh;
end
$$;
