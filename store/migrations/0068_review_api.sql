-- Reviews through the API (REV-2): figures and the newest, and asking for one now.

create function api_reviews(the_org uuid, args jsonb) returns api_answer stable language plpgsql as $$
declare
    since timestamptz := now() - interval '90 days';
begin
    begin
        if args ->> 'since' !~ '^\d{4}-\d\d-\d\d$' then
            raise invalid_datetime_format;
        end if;
        since := coalesce((args ->> 'since')::date::timestamp at time zone 'UTC', since);
    exception when invalid_datetime_format or datetime_field_overflow then
        return api_error(422, 'invalid', 'a day like 2026-11-01', 'since');
    end;
    if coalesce(args ->> 'limit', '50') !~ '^\d{1,3}$' then
        return api_error(422, 'invalid', 'a number up to 200', 'limit');
    end if;
    return (
        with r as materialized (
            select v.*, o.number, o.workflow, k.number as ticket
              from reviews v
              join orders o on o.org_id = v.org_id and o.order_id = v.order_id
              left join tickets k on k.org_id = v.org_id and k.ticket_id = v.ticket_id
             where v.org_id = the_org and v.requested_at >= since
             order by v.requested_at desc, v.review_id desc limit 100000
        ), figures as (
            select g.what, g.which,
                   jsonb_build_object(
                       'asked', count(*) filter (where r.asked_at is not null),
                       'answered', count(*) filter (where r.asked_at is not null and r.state = 'completed'),
                       'skipped', count(*) filter (where r.state = 'skipped'),
                       'completed', count(*) filter (where r.state = 'completed'),
                       'average', round(avg(r.rating), 2)) as f
              from r
             cross join lateral (values ('all', 'all'), ('rating', r.rating::text), ('workflow', r.workflow),
                                        ('channel', nullif(r.channel, ''))) g (what, which)
             where g.which is not null
             group by g.what, g.which
        )
        select api_ok(jsonb_build_object(
            'figures', coalesce((select jsonb_object_agg(w.what, w.by_which)
                                   from (select f.what, jsonb_object_agg(f.which, f.f) as by_which
                                           from figures f group by f.what) w), '{}'),
            'reviews', coalesce((
                select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                           'order', p.number, 'workflow', p.workflow, 'state', p.state, 'why', nullif(p.why, ''),
                           'rating', p.rating, 'comment', nullif(p.comment, ''), 'channel', nullif(p.channel, ''),
                           'ticket', p.ticket, 'requested_at', api_time(p.requested_at), 'asked_at', api_time(p.asked_at),
                           'reminded_at', api_time(p.reminded_at), 'answered_at', api_time(p.answered_at)))
                           order by p.requested_at desc, p.review_id desc)
                  from (select * from r order by r.requested_at desc, r.review_id desc
                         limit least(coalesce((args ->> 'limit')::integer, 50), 200)) p), '[]'))));
end
$$;

-- Its customer is asked as soon as they may be; 409 where they were, or have answered.
create function api_review_request(the_org uuid, number text, who text, fresh uuid, at timestamptz) returns api_answer
    volatile language plpgsql as $$
declare
    q record;
begin
    select * into q from review_request(the_org, api_review_request.number, at);
    if q.outcome = 'already' then
        return api_error(409, 'already_asked', 'the customer was asked about this order, or has answered');
    elsif q.outcome = 'unfinished' then
        return api_error(409, 'unfinished', 'the order has not come to its end');
    elsif q.outcome <> 'asked' then
        return api_error(404, 'not_found', 'there is no such order');
    end if;
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, fresh, api_review_request.at, who, 'review.requested', q.number);
    return api_ok(jsonb_build_object('order', q.number, 'state', 'requested'));
end
$$;
