-- What strangers ask for is counted apart from what customers ask for themselves: else anybody who
-- knows a customer's number could use up the codes that may go there, and a lock would be a weapon
-- after all. And a stranger who meets a budget that others have used up is not told: that codes went to
-- a number today says that somebody has it.

alter table code_sends add column link boolean not null default false; -- asked for by a stranger

-- Which budget is used up; none: another code may go.
-- What strangers ask for is counted apart everywhere: were the budgets of a block of numbers and of the
-- business one for all, a few strangers could use up the codes of every customer. Strangers have budgets of
-- their own, and smaller ones; and a day's, since five tries come with each code and who is patient would
-- guess three hundred times a day.
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
