-- A review that was asked for by a template is asked for, too; and what of the public places is opened is kept.

-- The order whose review a template has asked for, until they answer: flows/review_answer.yaml.
alter table customers add column review_awaited text, add column review_awaited_at timestamptz;

-- A template is about to ask: as review_ask does it in a conversation. Gives what becomes of the notice.
create function review_told(the_org uuid, n notices, at timestamptz) returns text
    volatile language plpgsql as $$
declare
    r reviews;
    verdict text;
begin
    select v.* into r from reviews v where v.org_id = the_org and v.order_id = n.order_id for update;
    verdict := case when r.state is distinct from case n.kind when 'review_asked' then 'requested' else 'asked' end
                    then 'over' else review_unwanted(the_org, n.order_id) end;
    if verdict is not null then
        update reviews v set state = 'withdrawn', why = verdict
         where v.org_id = the_org and v.review_id = r.review_id and v.state = 'requested' and verdict <> 'over';
        return 'unwanted';
    end if;
    update reviews v
       set state = case n.kind when 'review_asked' then 'asked' else 'reminded' end,
           asked_at = coalesce(v.asked_at, review_told.at),
           reminded_at = case when n.kind = 'review_reminder' then review_told.at end
     where v.org_id = the_org and v.review_id = r.review_id;
    update customers c set review_awaited = o.number, review_awaited_at = review_told.at
      from orders o
     where c.org_id = the_org and c.customer_id = n.customer_id and o.org_id = the_org and o.order_id = n.order_id;
    if n.kind = 'review_asked' then
        perform notice_make(the_org, n.customer_id, 'reviews', 'review_reminder', '', n.order_id,
                            jsonb_build_object('number', n.detail ->> 'number'),
                            at + (select review_time(b.settings, 'review_reminder', interval '3 days')
                                    from businesses b where b.org_id = the_org), at);
    end if;
    return 'told';
end
$$;

-- Whatever they write to that template that means nothing by itself. Outcomes: asked (`number`), rated (and `stars`,
-- which they have written), nothing.
create function review_begin(the_org uuid, the_customer uuid, words text,
                             out outcome text, out number text, out stars text)
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    outcome := 'nothing';
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return;
    end if;
    select c.review_awaited into number from customers c
     where c.org_id = the_org and c.customer_id = the_customer and c.review_awaited is not null
       for no key update;
    if number is null then
        return;
    end if;
    update customers c set review_awaited = null, review_awaited_at = null
     where c.org_id = the_org and c.customer_id = the_customer;
    if not exists (select from reviews v join orders o on o.org_id = v.org_id and o.order_id = v.order_id
                    where v.org_id = the_org and v.customer_id = the_customer and o.number = review_begin.number
                      and v.state in ('asked', 'reminded')) then
        return;
    end if;
    stars := case when words ~ '^\s*[1-5](\s*/\s*5)?[\s.!⭐★]*$' then substring(words from '[1-5]')
                  when words ~ '^[\s\ufe0f]*([⭐★🌟][\s\ufe0f]*){1,5}$'
                  then length(regexp_replace(words, '[^⭐★🌟]', '', 'g'))::text end;
    outcome := case when stars is null then 'asked' else 'rated' end;
end
$$;

-- --- public places ---------------------------------------------------------------------------

alter table short_links add column review_id uuid, add column platform text;

-- Somebody has opened one of the places: the last one is kept, and told when it is another.
create function review_opened(the_org uuid, the_review uuid, the_platform text, at timestamptz) returns boolean
    volatile language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    before text;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return false;
    end if;
    select v.platform into before from reviews v
     where v.org_id = the_org and v.review_id = the_review for no key update;
    update reviews v set platform = the_platform, clicked_at = review_opened.at
     where v.org_id = the_org and v.review_id = the_review;
    if before is distinct from the_platform and found then
        perform review_event(the_org, the_review, 'review.completed', at);
    end if;
    return found;
end
$$;

revoke execute on function review_told, review_begin, review_opened from public;
grant execute on function review_begin, review_opened to parley_bot, parley_staff;
