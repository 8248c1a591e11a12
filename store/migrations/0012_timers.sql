-- What happens by itself: timers, conversations handed over to a person, the audit's chain.

-- A conversation that a person was asked for. One at a time is open; the others are history.
create table handoffs (
    org_id          uuid not null,
    handoff_id      uuid not null,
    conversation_id uuid not null,
    state           text not null default 'offered'
        check (state in ('offered', 'human', 'returning', 'done')),
    reason          text not null,      -- asked, misunderstood
    asked_at        timestamptz not null,
    seq             bigint not null,    -- the message that asked: what is above it led here
    answer_by       timestamptz not null, -- promised: afterwards the bot says sorry and returns
    held_by         text,
    held_at         timestamptz,
    answered_at     timestamptz,        -- when a person last wrote
    ended_at        timestamptz,
    ended_why       text,               -- released, unanswered, quiet
    primary key (org_id, handoff_id),
    foreign key (org_id, conversation_id) references conversations (org_id, conversation_id)
);
create unique index handoffs_open on handoffs (org_id, conversation_id) where state <> 'done';
create index handoffs_asked on handoffs (org_id, asked_at);
create index handoffs_conversation on handoffs (org_id, conversation_id);

alter table handoffs enable row level security;
alter table handoffs force row level security;
create policy org on handoffs
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select, insert, update on handoffs to parley_bot, parley_staff;

-- --- the audit's chain -----------------------------------------------------------------------

-- Rows are chained in the order in which one job finds them; `position` tells that order, for ids
-- made by many workers do not.
alter table audit add column position bigint;
create unique index audit_position on audit (org_id, position) where position is not null;
create index audit_loose on audit (org_id, at, audit_id) where position is null;
grant update (chain, position) on audit to parley_bot, parley_staff;

-- The hash that holds a row to all before it.
create function audit_link(before bytea, a audit) returns bytea
    language sql stable set search_path = pg_catalog, public, pg_temp as $$
    select sha256(coalesce(before, '\x'::bytea) || convert_to(jsonb_build_array(
        a.org_id, a.audit_id, (extract(epoch from a.at) * 1000000)::int8, a.actor, a.action,
        a.subject, a.detail, a.position)::text, 'UTF8'))
$$;

-- Chain the next rows of a business, at most so many; how many there were. Whoever comes while
-- another is at it finds nothing to do.
create function audit_chain(org uuid, most integer) returns integer
    language plpgsql set search_path = pg_catalog, public, pg_temp as $$
declare
    before bytea;
    last bigint;
    n integer := 0;
    r audit;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('parley.audit.' || org, 0)) then
        return 0;
    end if;
    select a.position, a.chain into last, before
      from audit a where a.org_id = org and a.position is not null
     order by a.position desc limit 1;
    last := coalesce(last, 0);
    for r in select * from audit a where a.org_id = org and a.position is null
              order by a.at, a.audit_id limit most loop
        last := last + 1;
        r.position := last;
        before := audit_link(before, r);
        update audit a set position = last, chain = before
         where a.org_id = org and a.audit_id = r.audit_id;
        n := n + 1;
    end loop;
    return n;
end
$$;
revoke execute on function audit_chain from public;
grant execute on function audit_chain to parley_bot, parley_staff;

-- --- work for later --------------------------------------------------------------------------

-- Fewer than one in a hundred conversations have any, and what there is changes at once.
alter table jobs set (autovacuum_vacuum_cost_delay = 0, fillfactor = 70);
