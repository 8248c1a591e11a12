-- What became of a link to pay with is told by a job in a turn, and while a person has the conversation that turn says
-- nothing. When the conversation comes back, what nobody has heard yet is told.
create function handoff_links(the_org uuid, of_conversations uuid[], at timestamptz) returns void
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)
    select the_org, gen_random_uuid(), 'notice', c.conversation_id, 'notice.pay_link', at
      from conversations c
      join contact_points p on p.org_id = the_org and p.contact_id = c.contact_id
     where c.org_id = the_org and c.conversation_id = any (of_conversations)
       and exists (select from checkouts x
                    where x.org_id = the_org and x.customer_id = p.customer_id and x.to_tell is not null
                      and c.conversation_id = any (x.untold) and x.made_at > at - interval '2 days')
       and not exists (select from jobs j
                        where j.org_id = the_org and j.conversation_id = c.conversation_id
                          and j.name = 'notice.pay_link');
end
$$;

revoke execute on function handoff_links from public;
grant execute on function handoff_links to parley_bot;
