-- What strangers ask for is counted apart from what customers ask for themselves: else anybody who
-- knows a customer's number could use up the codes that may go there, and a lock would be a weapon
-- after all. And a stranger who meets a budget that others have used up is not told: that codes went to
-- a number today says that somebody has it.

alter table code_sends add column link boolean not null default false; -- asked for by a stranger

drop function code_spent(uuid, uuid, text, timestamptz);

-- Which budget is used up; none: another code may go.
create function code_spent(the_org uuid, the_contact uuid, the_destination text, is_link boolean,
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
    many := code_allowed(the_org, 'prefix', 30);
    if code_prefix(the_destination) <> ''
       and (select count(*) from (select from code_sends where org_id = the_org
                                     and prefix = code_prefix(the_destination) and at > since
                                   limit many) s) >= many then
        return 'prefix';
    end if;
    many := code_allowed(the_org, 'business', 1000);
    if (select count(*) from (select from code_sends where org_id = the_org and at > since limit many) s)
       >= many then
        return 'business';
    end if;
    return null;
end
$$;

-- As in 0010_verify.sql, but that a stranger learns of their own budget only: another one that is used
-- up makes the code nobody's.
create or replace function code_issue(the_org uuid, the_contact uuid, why text, whose uuid, over text,
                                      to_whom text, hash text, send uuid, at_now timestamptz,
                                      out outcome text, out channel text, out destination text,
                                      out masked text, out until timestamptz, out alert text)
    language plpgsql as $$
declare
    spent text;
begin
    if to_whom is null then
        outcome := 'nowhere';
        return;
    end if;
    insert into verifications (org_id, contact_id) values (the_org, the_contact) on conflict do nothing;
    select v.locked_until into until from verifications v
     where v.org_id = the_org and v.contact_id = the_contact for update;
    if until > at_now then
        outcome := 'locked';
        return;
    end if;
    until := null;
    spent := code_spent(the_org, the_contact, to_whom, why = 'link', at_now);
    alert := 'verify.budget_' || spent;
    if spent = 'contact' or spent is not null and why <> 'link' then
        outcome := 'too_many';
        return;
    elsif spent is not null then
        whose := null;
    end if;
    insert into code_sends (org_id, send_id, at, contact_id, destination, prefix, link)
    values (the_org, send, at_now, the_contact, to_whom, code_prefix(to_whom), why = 'link');
    update verifications v
       set purpose = why, customer_id = whose, destination = to_whom, code_hash = decode(hash, 'hex'),
           expires_at = at_now + interval '5 minutes'
     where v.org_id = the_org and v.contact_id = the_contact;
    outcome := 'sent';
    channel := case when whose is not null then over end;
    destination := to_whom;
    masked := code_masked(to_whom);
end
$$;
