-- The API for a business's people and programs (bot/api.c, bot/cmd_key.c), and what they do to orders,
-- estimates and conversations by it or by `parley`: one function each, whoever calls it.

-- --- keys ------------------------------------------------------------------------------------

-- Whoever shows one acts for the business, within its scopes. Only a hash is kept. Its public part is
-- in `directory`, which tells whose it is.
create table api_keys (
    org_id       uuid not null references businesses,
    key_id       uuid not null,
    prefix       text not null,
    name         text not null check (name ~ '^[^[:cntrl:]]{1,60}$'),
    hash         bytea not null check (octet_length(hash) = 32),
    scopes       text[] not null,
    created_at   timestamptz not null,
    created_by   text not null,
    last_used_at timestamptz, -- to the minute
    revoked_at   timestamptz,
    revoked_by   text,
    primary key (org_id, key_id)
);
create unique index api_keys_name on api_keys (org_id, name) where revoked_at is null;
create unique index api_keys_prefix on api_keys (org_id, prefix);

-- What was answered to requests with an Idempotency-Key: for two days the same is answered again.
create table api_answers (
    org_id  uuid not null,
    key_id  uuid not null,
    idem    text not null,
    request bytea not null, -- a hash of what was asked
    at      timestamptz not null,
    status  integer,
    etag    text,
    body    jsonb,
    primary key (org_id, key_id, idem),
    foreign key (org_id, key_id) references api_keys (org_id, key_id)
);
create index api_answers_at on api_answers (org_id, at);

-- Staff finds orders without knowing whose they are.
create index orders_typed on orders (org_id, number_key);
create index orders_placed on orders (org_id, placed_at desc, order_id desc);
create index orders_status on orders (org_id, status, placed_at desc, order_id desc);

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    foreach t in array array['api_keys', 'api_answers'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I to parley_staff using (%s) with check (%s)', t, org, org);
    end loop;
end
$$;
grant select, insert, update on api_keys to parley_staff;
grant select, insert, update, delete on api_answers to parley_staff;

-- --- estimates begin as drafts ---------------------------------------------------------------

alter table estimates drop constraint estimates_status_check;
alter table estimates add constraint estimates_status_check
    check (status in ('draft', 'awaiting', 'approved', 'declined', 'withdrawn'));

-- Customers know nothing of a draft.
do $$
declare
    own constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid'
        ' and status <> ''draft'' and exists (select 1 from orders o where o.org_id = estimates.org_id'
        ' and o.order_id = estimates.order_id)';
begin
    execute format('alter policy own on estimates using (%s) with check (%s)', own, own);
end
$$;

-- --- answers ---------------------------------------------------------------------------------

create type api_answer as (status int4, etag text, body jsonb);

create function api_ok(body jsonb) returns api_answer immutable parallel safe language sql as $$
    select (200, md5(body::text), body)::api_answer
$$;

create function api_error(status integer, code text, message text, path text default null) returns api_answer
    immutable parallel safe language sql as $$
    select (status, null, jsonb_build_object('error', jsonb_strip_nulls(
        jsonb_build_object('code', code, 'message', message, 'path', path))))::api_answer
$$;

create function api_time(at timestamptz) returns text stable parallel safe language sql as $$
    select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- --- orders ----------------------------------------------------------------------------------

-- The order of that number, however it is typed.
create function order_numbered(the_org uuid, typed text) returns uuid stable language sql as $$
    select o.order_id from orders o
     where o.org_id = the_org
       and o.number_key = upper(regexp_replace(left(typed, 100), '[^[:alnum:]]', '', 'g'))
     order by o.number = typed desc, o.placed_at desc limit 1
$$;

create function order_brief(o orders) returns jsonb stable language sql as $$
    select jsonb_build_object('number', o.number, 'customer', o.customer_id, 'workflow', o.workflow,
        'status', o.status, 'progress', o.progress, 'currency', o.currency, 'total_minor', o.total_minor,
        'paid_minor', o.paid_minor, 'placed_at', api_time(o.placed_at), 'expected_at', api_time(o.expected_at),
        'delivered_at', api_time(o.delivered_at))
$$;

-- All of it that staff may see; the newest 200 of each list.
create function order_whole(the_org uuid, the_order uuid) returns jsonb stable language sql as $$
    select order_brief(o) || jsonb_build_object(
        'external_id', o.external_id, 'expected_was', api_time(o.expected_was), 'subtotal_minor', o.subtotal_minor,
        'tax_minor', o.tax_minor, 'shipping_minor', o.shipping_minor, 'address', o.address,
        'instructions', o.instructions, 'contact', o.contact,
        'items', coalesce((select jsonb_agg(jsonb_build_object('code', i.item_code, 'description', i.description,
                'qty', i.qty::text, 'unit_price_minor', i.unit_minor, 'total_minor', i.total_minor) order by i.position)
            from (select * from order_items i where i.org_id = the_org and i.order_id = the_order
                   order by i.position limit 200) i), '[]'),
        'timeline', coalesce((select jsonb_agg(jsonb_build_object('status', e.status, 'at', api_time(e.at),
                'actor', e.actor, 'note', e.note) order by e.at, e.event_id)
            from (select * from order_events e where e.org_id = the_org and e.order_id = the_order
                   order by e.at desc, e.event_id desc limit 200) e), '[]'),
        'notes', coalesce((select jsonb_agg(jsonb_build_object('id', n.note_id, 'at', api_time(n.at), 'author', n.author,
                'text', n.body, 'visible', n.visible) order by n.at, n.note_id)
            from (select * from order_notes n where n.org_id = the_org and n.order_id = the_order
                   order by n.at desc, n.note_id desc limit 200) n), '[]'),
        'photos', coalesce((select jsonb_agg(jsonb_build_object('id', p.photo_id, 'category', p.category,
                'caption', p.caption, 'taken_at', api_time(p.taken_at), 'visible', p.visible)
                order by p.taken_at, p.photo_id)
            from (select * from order_photos p where p.org_id = the_org and p.order_id = the_order
                   order by p.taken_at desc, p.photo_id desc limit 200) p), '[]'))
      from orders o where o.org_id = the_org and o.order_id = the_order
$$;

-- A page of orders, newest first: of a customer by telephone, with a number, in a status, or all.
create function api_orders(the_org uuid, args jsonb) returns api_answer stable language plpgsql as $$
declare
    most constant integer := least(coalesce((args ->> 'limit')::integer, 50), 200);
    digits constant text := regexp_replace(coalesce(args ->> 'phone', ''), '[^0-9]', '', 'g');
    after_at timestamptz := 'infinity';
    after_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    page orders[];
    more boolean;
begin
    if args ? 'after' then
        if args ->> 'after' !~ '^\d{1,18}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
            return api_error(422, 'invalid', 'a value of `next` from the page before', 'after');
        end if;
        after_at := to_timestamp(0) + split_part(args ->> 'after', '.', 1)::int8 * interval '1 microsecond';
        after_id := split_part(args ->> 'after', '.', 2)::uuid;
    end if;
    if args ? 'number' then
        select array_agg(o) into page from orders o
         where o.org_id = the_org and o.order_id = order_numbered(the_org, args ->> 'number')
           and (not args ? 'status' or o.status = args ->> 'status');
    elsif args ? 'phone' then
        select array_agg(x order by (x).placed_at desc, (x).order_id desc) into page
          from (select o as x from customer_phones c
                  join orders o on o.org_id = c.org_id and o.customer_id = c.customer_id
                 where c.org_id = the_org and c.phone in (digits, '+' || digits)
                   and (o.placed_at, o.order_id) < (after_at, after_id)
                   and (not args ? 'status' or o.status = args ->> 'status')
                 order by o.placed_at desc, o.order_id desc limit most + 1) p;
    elsif args ? 'status' then
        select array_agg(x order by (x).placed_at desc, (x).order_id desc) into page
          from (select o as x from orders o
                 where o.org_id = the_org and o.status = args ->> 'status'
                   and (o.placed_at, o.order_id) < (after_at, after_id)
                 order by o.placed_at desc, o.order_id desc limit most + 1) p;
    else
        select array_agg(x order by (x).placed_at desc, (x).order_id desc) into page
          from (select o as x from orders o
                 where o.org_id = the_org and (o.placed_at, o.order_id) < (after_at, after_id)
                 order by o.placed_at desc, o.order_id desc limit most + 1) p;
    end if;
    more := coalesce(cardinality(page), 0) > most;
    page := page[1:most];
    return api_ok(jsonb_build_object(
        'orders', coalesce((select jsonb_agg(order_brief(p) order by p.placed_at desc, p.order_id desc)
                              from unnest(page) p), '[]'),
        'next', case when more then (extract(epoch from page[most].placed_at) * 1000000)::int8 || '.' ||
                                    page[most].order_id end));
end
$$;

-- What staff changes of an order; members that are not there stay as they are:
--   status, expected_at ('none': no date), expected_local (likewise, by the business's clock),
--   paid_minor, progress, note, note_visible (true), quiet (the customer is not told), if_match
-- The customer sees it with their next look and hears of a new status or date. `fresh` is a new id.
create function order_change(the_org uuid, the_order uuid, change jsonb, who text, fresh uuid, at timestamptz)
    returns api_answer volatile language plpgsql as $$
declare
    o orders;
    was orders;
    now_in workflow_states;
    ships boolean;
begin
    select x.* into o from orders x where x.org_id = the_org and x.order_id = the_order for no key update;
    if not found then
        return api_error(404, 'not_found', 'there is no such order');
    end if;
    if not change ?| '{status,expected_at,expected_local,paid_minor,progress,note}' then
        return api_error(422, 'invalid', 'say what to change');
    end if;
    if change ? 'if_match' and change ->> 'if_match' <> md5(order_whole(the_org, the_order)::text) then
        return api_error(412, 'changed', 'the order has changed since it was read');
    end if;
    was := o;
    o.status := coalesce(change ->> 'status', o.status);
    select w.* into now_in from workflow_states w
     where w.org_id = the_org and w.workflow = o.workflow and w.status = o.status;
    if not found then
        return api_error(422, 'invalid', 'one of: ' || coalesce((
            select string_agg(w.status, ', ' order by w.position) from workflow_states w
             where w.org_id = the_org and w.workflow = o.workflow), ''), 'status');
    end if;
    if change ? 'paid_minor' and (change ->> 'paid_minor')::int8 not between 0 and o.total_minor then
        return api_error(422, 'invalid', 'from 0 to the total, ' || o.total_minor, 'paid_minor');
    end if;
    if change ? 'expected_local' then
        o.expected_at := nullif(change ->> 'expected_local', 'none')::timestamp at time zone zone_or_utc(
            (select b.time_zone from businesses b where b.org_id = the_org));
    elsif change ? 'expected_at' then
        o.expected_at := nullif(change ->> 'expected_at', 'none')::timestamptz;
    end if;
    if o.status <> was.status then
        o.progress := null; -- the status has one of its own
        o.delivered_at := case when now_in.phase = 'done' then coalesce(o.delivered_at, order_change.at) end;
    end if;
    o.progress := coalesce((change ->> 'progress')::smallint, o.progress);
    update orders x
       set status = o.status, progress = o.progress, expected_at = o.expected_at, delivered_at = o.delivered_at,
           paid_minor = coalesce((change ->> 'paid_minor')::int8, x.paid_minor), version = x.version + 1,
           expected_was = case when o.expected_at is distinct from was.expected_at and was.expected_at is not null
                               then was.expected_at else x.expected_was end,
           expected_changed_at = case when o.expected_at is distinct from was.expected_at
                                      then order_change.at else x.expected_changed_at end
     where x.org_id = the_org and x.order_id = the_order;
    if o.status <> was.status then
        insert into order_events (org_id, order_id, event_id, status, at, actor)
        values (the_org, the_order, fresh, o.status, order_change.at, who);
    end if;
    if change ? 'note' then
        insert into order_notes (org_id, order_id, note_id, at, author, body, visible)
        values (the_org, the_order, fresh, order_change.at, who, change ->> 'note',
                coalesce((change ->> 'note_visible')::boolean, true));
    end if;
    insert into audit (org_id, audit_id, at, actor, action, subject, detail)
    values (the_org, fresh, order_change.at, who, 'order.updated', o.number,
            (change - '{note,if_match,quiet}'::text[]) || case when change ? 'note' then '{"note": true}' else '{}' end::jsonb
            || case when o.status <> was.status then jsonb_build_object('status_was', was.status) else '{}' end);

    ships := exists (select from workflow_states w where w.org_id = the_org and w.workflow = o.workflow and w.in_transit);
    if coalesce((change ->> 'quiet')::boolean, false) then
        null;
    elsif o.status <> was.status then
        perform crm_tell(the_org, o.customer_id,
            case when ships and (now_in.in_transit or now_in.phase = 'done') then 'deliveries' else 'orders' end,
            case when now_in.in_transit then 'shipped' when ships and now_in.phase = 'done' then 'delivered'
                 when now_in.phase = 'active' and o.status in ('ready', 'ready_for_pickup') then 'ready_for_pickup'
                 else 'order_status' end,
            null, the_order, jsonb_build_object('number', o.number, 'status', o.status, 'expected_at',
                case when now_in.in_transit then crm_time(o.expected_at) end), order_change.at, order_change.at);
    elsif now_in.phase = 'active' and o.expected_at <> was.expected_at then
        perform crm_tell(the_org, o.customer_id, case when ships then 'deliveries' else 'orders' end,
            'expected_changed', null, the_order, jsonb_build_object('number', o.number,
                'expected_at', crm_time(o.expected_at), 'expected_was', crm_time(was.expected_at)),
            order_change.at, order_change.at);
    end if;
    return api_ok(order_whole(the_org, the_order));
end
$$;

-- --- estimates -------------------------------------------------------------------------------

create function estimate_whole(e estimates) returns jsonb stable language sql as $$
    select jsonb_build_object('id', e.estimate_id, 'order', o.number, 'version', e.version, 'status', e.status,
        'currency', e.currency, 'subtotal_minor', e.subtotal_minor, 'tax_minor', e.tax_minor,
        'total_minor', e.total_minor, 'note', e.note, 'issued_at', api_time(e.issued_at),
        'expires_at', api_time(e.expires_at), 'decided_at', api_time(e.decided_at))
      from orders o where o.org_id = e.org_id and o.order_id = e.order_id
$$;

-- The newest estimate of an order goes on: a draft is shown to the customer (awaiting), what is not
-- decided yet is withdrawn. `change`: status, quiet.
create function estimate_change(the_org uuid, the_order uuid, change jsonb, who text, fresh uuid,
                                           at timestamptz) returns api_answer volatile language plpgsql as $$
declare
    e estimates;
    wanted constant text := change ->> 'status';
begin
    perform from orders x where x.org_id = the_org and x.order_id = the_order for no key update;
    select x.* into e from estimates x
     where x.org_id = the_org and x.order_id = the_order
     order by x.status = 'draft' desc, x.issued_at desc, x.estimate_id desc limit 1 for update;
    if not found then
        return api_error(404, 'not_found', 'there is no such estimate');
    end if;
    if e.status = wanted then
        return api_ok(estimate_whole(e));
    end if;
    if not estimate_step(the_org, the_order, e.estimate_id, wanted, (change ->> 'quiet')::boolean, who, fresh, at) then
        return api_error(409, 'conflict', 'it is ' || e.status, 'status');
    end if;
    select x.* into e from estimates x
     where x.org_id = the_org and x.order_id = the_order and x.estimate_id = e.estimate_id;
    return api_ok(estimate_whole(e));
end
$$;

-- --- photos ----------------------------------------------------------------------------------

-- The file goes later, as all that nothing counts on. False: the order has no such photo.
create function photo_remove(the_org uuid, the_order uuid, the_photo uuid, who text, fresh uuid, at timestamptz)
    returns boolean volatile language plpgsql as $$
declare
    file uuid;
begin
    delete from order_photos p
     where p.org_id = the_org and p.order_id = the_order and p.photo_id = the_photo
    returning p.document_id into file;
    if not found then
        return false;
    end if;
    update documents d set ticketed = exists (select 1 from ticket_documents t
                                               where t.org_id = d.org_id and t.document_id = d.document_id)
     where d.org_id = the_org and d.document_id = file;
    insert into audit (org_id, audit_id, at, actor, action, subject, detail)
    values (the_org, fresh, photo_remove.at, who, 'photo.removed', the_photo::text,
            jsonb_build_object('order', the_order));
    return true;
end
$$;

-- --- a person --------------------------------------------------------------------------------

-- Whatever a person does takes the conversation first, as a turn does, so that their words come in
-- order with the bot's and no turn sees half of it.
create function handoff_of(the_org uuid, the_handoff uuid) returns table (
    handoff_id uuid, conversation_id uuid, state text, held_by text, customer_id uuid)
    volatile language plpgsql as $$
begin
    perform from handoffs h
      join conversations c on c.org_id = h.org_id and c.conversation_id = h.conversation_id
     where h.org_id = the_org and h.handoff_id = the_handoff
       for no key update of c;
    return query
    select h.handoff_id, h.conversation_id, h.state, coalesce(h.held_by, ''), p.customer_id
      from handoffs h
      join conversations c on c.org_id = h.org_id and c.conversation_id = h.conversation_id
      join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where h.org_id = the_org and h.handoff_id = the_handoff;
end
$$;

-- So many minutes by the business's settings.
create function handoff_wait(the_org uuid, setting text, otherwise integer) returns interval stable language sql as $$
    select (case when b.settings ->> setting ~ '^[0-9]{1,5}$' then (b.settings ->> setting)::int4 else otherwise end)
           * interval '1 minute'
      from businesses b where b.org_id = the_org
$$;

-- taken, held (by whom), not_open, or none.
create function handoff_take(the_org uuid, the_handoff uuid, who text, fresh uuid, out outcome text, out holder text)
    volatile language plpgsql as $$
declare
    h record;
    until constant timestamptz := now() + handoff_wait(the_org, 'handoff_minutes', 15);
begin
    select x.* into h from handoff_of(the_org, the_handoff) x;
    holder := h.held_by;
    outcome := case when h.handoff_id is null then 'none' when h.state not in ('offered', 'human') then 'not_open'
                    when h.state = 'human' and h.held_by <> who then 'held' else 'taken' end;
    if outcome <> 'taken' then
        return;
    end if;
    update handoffs t set state = 'human', held_by = who, held_at = now(), answer_by = until
     where t.org_id = the_org and t.handoff_id = the_handoff;
    update conversations c set held_until = until + interval '5 minutes'
     where c.org_id = the_org and c.conversation_id = h.conversation_id;
    update jobs j set name = 'handoff.timeout', due_at = until, leased_until = null
     where j.org_id = the_org and j.conversation_id = h.conversation_id and j.kind = 'handoff';
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, fresh, now(), who, 'handoff taken', the_handoff::text);
    perform event_of_handoff(the_org, 'handoff.taken', the_handoff, h.conversation_id, jsonb_build_object('by', who),
                             now());
end
$$;

-- A person's words (a reply as JSON), in order with all others. The wait is over until the customer
-- writes again. said, held, not_open, stopped, window_closed, or none.
create function handoff_say(the_org uuid, the_handoff uuid, who text, fresh uuid, reply text,
                            out outcome text, out holder text)
    volatile language plpgsql as $$
declare
    h record;
    c conversations;
    p contact_points;
    until constant timestamptz := now() + handoff_wait(the_org, 'handoff_quiet_minutes', 120);
begin
    select x.* into h from handoff_of(the_org, the_handoff) x;
    select x.* into c from conversations x where x.org_id = the_org and x.conversation_id = h.conversation_id;
    select x.* into p from contact_points x where x.org_id = the_org and x.contact_id = c.contact_id;
    holder := h.held_by;
    outcome := case when h.handoff_id is null then 'none' when h.state not in ('offered', 'human') then 'not_open'
                    when h.state = 'human' and h.held_by <> who then 'held'
                    when p.stopped_at is not null then 'stopped'
                    when p.channel = 'whatsapp' and c.last_inbound_at < now() - interval '24 hours' then 'window_closed'
                    else 'said' end;
    if outcome <> 'said' then
        return;
    end if;
    update conversations x set seq = c.seq + 1, held_until = until + interval '5 minutes'
     where x.org_id = the_org and x.conversation_id = c.conversation_id;
    insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)
    values (the_org, c.conversation_id, c.seq + 1, false, 'text', reply, now(), 'person/' || who);
    insert into outbox (org_id, lane_id, conversation_id, seq, due_at)
    values (the_org, c.account_id, c.conversation_id, c.seq + 1, now());
    insert into fallbacks (org_id, conversation_id, seq, begun_at, due_at)
    values (the_org, c.conversation_id, c.seq + 1, now(), now());
    if h.state <> 'human' then
        perform event_of_handoff(the_org, 'handoff.taken', the_handoff, h.conversation_id, jsonb_build_object('by', who),
                             now());
    end if;
    update handoffs t set state = 'human', held_by = who, held_at = coalesce(t.held_at, now()), answered_at = now()
     where t.org_id = the_org and t.handoff_id = the_handoff;
    update jobs j set name = 'handoff.quiet', due_at = until, leased_until = null
     where j.org_id = the_org and j.conversation_id = h.conversation_id and j.kind = 'handoff';
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, fresh, now(), who, 'handoff answered', the_handoff::text);
end
$$;

-- The conversation goes back to the bot, which says so in its next turn: now. released, not_open, or none.
create function handoff_release(the_org uuid, the_handoff uuid, who text, fresh uuid,
                                out outcome text, out holder text)
    volatile language plpgsql as $$
declare
    h record;
begin
    select x.* into h from handoff_of(the_org, the_handoff) x;
    holder := h.held_by;
    outcome := case when h.handoff_id is null then 'none' when h.state not in ('offered', 'human') then 'not_open'
                    else 'released' end;
    if outcome <> 'released' then
        return;
    end if;
    update handoffs t set state = 'returning' where t.org_id = the_org and t.handoff_id = the_handoff;
    update jobs j set name = 'handoff.released', due_at = now(), leased_until = null
     where j.org_id = the_org and j.conversation_id = h.conversation_id and j.kind = 'handoff';
    insert into audit (org_id, audit_id, at, actor, action, subject)
    values (the_org, fresh, now(), who, 'handoff released', the_handoff::text);
end
$$;

-- What was said: the words, whoever wrote them.
create function said_words(m messages) returns text stable language plpgsql as $$
begin
    return case when m.inbound then m.body else coalesce(m.body::jsonb ->> 'body', '') end;
exception when others then
    return '';
end
$$;

-- The newest messages before and with this one, oldest first.
create function handoff_transcript(the_org uuid, the_conversation uuid, until bigint, most integer) returns jsonb
    stable language sql as $$
    select coalesce(jsonb_agg(jsonb_build_object(
               'seq', m.seq, 'at', api_time(m.at), 'kind', m.kind, 'text', said_words(m),
               'from', case when m.inbound then 'customer' when m.why like 'person/%' then 'agent' else 'bot' end)
               order by m.seq), '[]')
      from messages m
     where m.org_id = the_org and m.conversation_id = the_conversation and m.seq > until - most and m.seq <= until
$$;

create function handoff_whole(h handoffs) returns jsonb stable language sql as $$
    select jsonb_build_object('id', h.handoff_id, 'conversation', h.conversation_id, 'state', h.state,
        'reason', h.reason, 'asked_at', api_time(h.asked_at), 'answer_by', api_time(h.answer_by), 'held_by', h.held_by,
        'answered_at', api_time(h.answered_at), 'ended_at', api_time(h.ended_at), 'ended_why', h.ended_why,
        'customer', p.customer_id, 'channel', p.channel, 'language', c.language)
      from conversations c
      join contact_points p on p.org_id = c.org_id and p.contact_id = c.contact_id
     where c.org_id = h.org_id and c.conversation_id = h.conversation_id
$$;

create function api_handoffs(the_org uuid, args jsonb) returns api_answer stable language sql as $$
    select api_ok(jsonb_build_object('handoffs', coalesce((
        select jsonb_agg(handoff_whole(x.h) order by (x.h).asked_at, (x.h).handoff_id)
          from (select h from handoffs h
                 where h.org_id = the_org
                   and (h.state <> 'done' or coalesce((args ->> 'all')::boolean, false))
                 order by h.asked_at desc, h.handoff_id desc
                 limit least(coalesce((args ->> 'limit')::integer, 50), 200)) x), '[]')))
$$;

create function api_handoff(the_org uuid, the_handoff uuid) returns api_answer stable language sql as $$
    select coalesce((select api_ok(handoff_whole(h) || jsonb_build_object('transcript',
                        handoff_transcript(the_org, h.conversation_id, c.seq, least(c.seq - h.seq + 20, 200)::integer)))
                       from handoffs h
                       join conversations c on c.org_id = h.org_id and c.conversation_id = h.conversation_id
                      where h.org_id = the_org and h.handoff_id = the_handoff),
                    api_error(404, 'not_found', 'there is no such handoff'))
$$;

-- `agent`: the person, where several use one key; else the key's name holds the conversation, and no
-- name is shown.
create function api_handoff_act(the_org uuid, act text, args jsonb, who text, fresh uuid)
    returns api_answer volatile language plpgsql as $$
declare
    the_handoff constant uuid := (args ->> 'handoff')::uuid;
    agent constant text := nullif(args ->> 'agent', '');
    holds constant text := coalesce(agent, who);
    r record;
begin
    if act = 'take' then
        select * into r from handoff_take(the_org, the_handoff, holds, fresh, now(), who);
    elsif act = 'say' then
        select * into r from handoff_say(the_org, the_handoff, holds, fresh, handoff_words(agent, args ->> 'text'),
                                         now(), who);
    else
        select * into r from handoff_release(the_org, the_handoff, holds, fresh, now(), who);
    end if;
    return case r.outcome
        when 'none' then api_error(404, 'not_found', 'there is no such handoff')
        when 'held' then api_error(409, 'held', r.holder || ' holds it')
        when 'not_open' then api_error(409, 'over', 'the bot has the conversation again')
        when 'stopped' then api_error(409, 'stopped', 'the customer said STOP: nothing may be sent')
        when 'window_closed' then api_error(409, 'window_closed',
            'the customer last wrote more than 24 hours ago, and WhatsApp takes no more words')
        else api_handoff(the_org, the_handoff) end;
end
$$;

-- --- customers -------------------------------------------------------------------------------

-- By our id or the CRM's.
create function api_customer(the_org uuid, id text) returns api_answer stable language sql as $$
    select coalesce((
        select api_ok(jsonb_build_object('id', c.customer_id, 'external_id', c.external_id, 'name', c.name,
                   'email', c.email, 'company', c.company, 'language', c.language, 'time_zone', c.time_zone,
                   'phones', coalesce((select jsonb_agg(p.phone order by p.phone) from customer_phones p
                                        where p.org_id = the_org and p.customer_id = c.customer_id), '[]')))
          from customers c
         where c.org_id = the_org
           and c.customer_id = coalesce(
               (select x.customer_id from customers x where x.org_id = the_org and x.external_id = id),
               case when id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then id::uuid end)),
        api_error(404, 'not_found', 'there is no such customer'))
$$;

-- --- one request -----------------------------------------------------------------------------
create function api_do(the_org uuid, op text, args jsonb, who text, fresh uuid, at timestamptz) returns api_answer
    volatile language plpgsql as $$
declare
    the_order uuid;
begin
    if args ? 'order' then
        the_order := order_numbered(the_org, args ->> 'order');
        if the_order is null then
            return api_error(404, 'not_found', 'there is no such order');
        end if;
    end if;
    case op
    when 'orders' then return api_orders(the_org, args);
    when 'order' then return api_ok(order_whole(the_org, the_order));
    when 'order.change' then return order_change(the_org, the_order, args - 'order', who, fresh, at);
    when 'order.note' then
        return order_change(the_org, the_order, jsonb_build_object('note', args ->> 'text', 'note_visible',
                            coalesce((args ->> 'visible')::boolean, true)), who, fresh, at);
    when 'photo.remove' then
        if photo_remove(the_org, the_order, (args ->> 'photo')::uuid, who, fresh, at) then
            return (204, null, null)::api_answer;
        end if;
        return api_error(404, 'not_found', 'the order has no such photo');
    when 'estimates' then return api_estimates(the_org, the_order);
    when 'estimate.draft' then return estimate_draft(the_org, the_order, args - 'order', who, fresh, at);
    when 'estimate.change' then return estimate_change(the_org, the_order, args - 'order', who, fresh, at);
    when 'handoffs' then return api_handoffs(the_org, args);
    when 'handoff' then return api_handoff(the_org, (args ->> 'handoff')::uuid);
    when 'handoff.take' then return api_handoff_act(the_org, 'take', args, who, fresh);
    when 'handoff.say' then return api_handoff_act(the_org, 'say', args, who, fresh);
    when 'handoff.release' then return api_handoff_act(the_org, 'release', args, who, fresh);
    when 'customer' then return api_customer(the_org, args ->> 'customer');
    when 'reviews' then return api_reviews(the_org, args);
    when 'review.request' then return api_review_request(the_org, args ->> 'order', who, fresh, at);
    end case;
end
$$;

-- A request under a key that was proved, once where it has an Idempotency-Key: a repeated one waits
-- for the first and gets its answer. A key that was revoked meanwhile does nothing.
create function api_run(the_org uuid, the_key uuid, op text, args jsonb, idem text, request bytea, fresh uuid,
                        at timestamptz) returns api_answer
    volatile language plpgsql set lock_timeout = '5s' as $$
declare
    k api_keys;
    before api_answers;
    answer api_answer;
begin
    select x.* into k from api_keys x where x.org_id = the_org and x.key_id = the_key and x.revoked_at is null;
    if not found then
        return api_error(401, 'unauthorized', 'this key is not valid');
    end if;
    if k.last_used_at is null or k.last_used_at < api_run.at - interval '1 minute' then
        update api_keys x set last_used_at = api_run.at
         where x.org_id = the_org and x.key_id = the_key
           and (x.last_used_at is null or x.last_used_at < api_run.at - interval '1 minute');
    end if;
    if idem is null then
        return api_do(the_org, op, args, k.name, fresh, api_run.at);
    end if;
    delete from api_answers a
     where a.ctid = any (array(select x.ctid from api_answers x
                                where x.org_id = the_org and x.at < api_run.at - interval '2 days'
                                order by x.at limit 10));
    insert into api_answers (org_id, key_id, idem, request, at)
    values (the_org, the_key, api_run.idem, api_run.request, api_run.at)
        on conflict do nothing;
    if not found then
        select a.* into before from api_answers a
         where a.org_id = the_org and a.key_id = the_key and a.idem = api_run.idem;
        if before.request <> api_run.request then
            return api_error(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request');
        end if;
        return (before.status, before.etag, before.body)::api_answer;
    end if;
    answer := api_do(the_org, op, args, k.name, fresh, api_run.at);
    update api_answers a set status = answer.status, etag = answer.etag, body = answer.body
     where a.org_id = the_org and a.key_id = the_key and a.idem = api_run.idem;
    return answer;
end
$$;

-- The key of this public part, whosever it is: who shows it proves the rest by its hash. Sets the business.
create function api_key_find(the_prefix text)
    returns table (org_id uuid, key_id uuid, hash bytea, name text, scopes text) volatile language plpgsql as $$
declare
    the_org uuid;
begin
    select d.org_id into the_org from directory d where d.kind = 'api_key' and d.external_id = the_prefix;
    if the_org is null then
        return;
    end if;
    perform set_config('parley.org_id', the_org::text, true);
    return query
    select k.org_id, k.key_id, k.hash, k.name, array_to_string(k.scopes, ',') from api_keys k
     where k.org_id = the_org and k.prefix = the_prefix and k.revoked_at is null;
end
$$;

revoke execute on function order_change, estimate_change, photo_remove, handoff_take, handoff_say, handoff_release,
    api_handoff_act, api_do, api_run, api_key_find from public;
grant execute on function order_change, estimate_change, photo_remove, handoff_take, handoff_say, handoff_release,
    api_handoff_act, api_do, api_run, api_key_find to parley_staff;
grant execute on function handoff_take, handoff_say, handoff_release to parley_bot;
