-- As in 0077, but both ways are asked about the same news. With more waiting than are looked at at once, the second
-- half took some that nobody had held against a template: they went by another channel, or were called closed.
create or replace function notices_place(the_org uuid, at timestamptz, most integer, templates jsonb)
    returns table (notice uuid, how text, conversation uuid, template text, language text, zone text,
                   news jsonb)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    n notices;
    looked_at uuid[];
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    perform notices_lost(the_org, at);
    looked_at := array(
        select w.notice_id from notices w
         where w.org_id = the_org and w.state = 'waiting' and w.due_at <= at
         order by w.kind = 'order_status', w.due_at
         limit most
           for update skip locked);
    for n in
        select w.* from unnest(looked_at) with ordinality l (notice_id, place)
          join notices w on w.org_id = the_org and w.notice_id = l.notice_id
         where templates <> '[]'
         order by l.place
    loop
        select n.notice_id, p.* into notice, how, conversation, template, language, zone, news
          from notice_place_template(the_org, n, templates, at) p;
        if how = 'template' then
            return next;
        end if;
    end loop;
    for n in
        select w.* from unnest(looked_at) l (notice_id)
          join notices w on w.org_id = the_org and w.notice_id = l.notice_id
         where w.state = 'waiting' and w.due_at <= at
         order by w.due_at
    loop
        select n.notice_id, p.* into notice, how, conversation from notice_place_job(the_org, n, at) p;
        template := null;
        language := null;
        zone := null;
        news := null;
        return next;
    end loop;
end
$$;
