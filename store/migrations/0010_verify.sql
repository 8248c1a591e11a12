-- Who is speaking: codes, sessions, and the ways to be linked to a customer on record.
--
-- Everything about a code hangs on the address that writes (the contact), and not on the customer
-- whom the code is about: a lock can then hold up nobody but the one who guesses.

alter table conversations add column verified_until timestamptz; -- a code proved it; silence ends it
alter table customers add column email_verified_at timestamptz;
alter table customers add column company_admin boolean not null default false;
-- Somebody else has the number now, and said so: it proves nothing, and gets no codes.
alter table customer_phones add column disputed_at timestamptz;
create index customers_email on customers (org_id, lower(email)) where email <> '';

-- One row for an address, so that only the newest code can be right.
create table verifications (
    org_id       uuid not null,
    contact_id   uuid not null,
    purpose      text check (purpose in ('verify', 'link', 'email')),
    customer_id  uuid,                        -- whom a right code proves; none: no code is right
    destination  text,
    code_hash    bytea,                       -- keyed; none: no code is open
    expires_at   timestamptz,
    wrong        smallint not null default 0, -- tries since the last right one or lock
    locks        smallint not null default 0, -- since the last right one
    locked_until timestamptz,
    primary key (org_id, contact_id),
    foreign key (org_id, contact_id) references contact_points (org_id, contact_id)
) with (fillfactor = 70);

-- Codes that were asked for, to be counted against the budgets. Rows are added, never changed:
-- a counter for a business would make its turns wait for each other.
create table code_sends (
    org_id      uuid not null references businesses,
    send_id     uuid not null,
    at          timestamptz not null,
    contact_id  uuid not null,
    destination text not null,
    prefix      text not null,
    primary key (org_id, send_id)
);
create index code_sends_at on code_sends (org_id, at);
create index code_sends_contact on code_sends (org_id, contact_id, at);
create index code_sends_destination on code_sends (org_id, destination, at);
create index code_sends_prefix on code_sends (org_id, prefix, at);

do $$
declare
    t text;
    org constant text := 'org_id = nullif(current_setting(''parley.org_id'', true), '''')::uuid';
begin
    foreach t in array array['verifications', 'code_sends'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy org on %I using (%s) with check (%s)', t, org, org);
    end loop;
end
$$;

grant select, insert, update on verifications to parley_bot;
grant select, insert, delete on code_sends to parley_bot;
grant update (name, email, email_verified_at) on customers to parley_bot;
grant update (disputed_at) on customer_phones to parley_bot;
grant select on verifications, code_sends to parley_staff;
grant update (wrong, locks, locked_until) on verifications to parley_staff;

-- --- where a code goes -------------------------------------------------------------------------

-- Enough to know one's own by, too little to learn another's.
create function code_masked(destination text) returns text language sql immutable as $$
    select case when destination like '%@%'
           then left(destination, 1) || '•••@' || left(split_part(destination, '@', 2), 1) || '•••'
                || coalesce(substring(destination from '\.[^.]+$'), '')
           else '•••' || right(destination, 3) end
$$;

-- Numbers that are rented together lie together: all but the last four digits. Mail has none.
create function code_prefix(destination text) returns text language sql immutable as $$
    select case when destination like '%@%' then ''
           else left(destination, greatest(length(destination) - 4, 0)) end
$$;

-- How many codes an hour: of the business's settings, {"codes": {"contact": 5, ...}}.
create function code_allowed(the_org uuid, what text, otherwise integer) returns integer
    language sql stable as $$
    select coalesce((select (settings #>> array['codes', what])::integer from businesses
                      where org_id = the_org and settings #>> array['codes', what] ~ '^[0-9]{1,6}$'),
                    otherwise)
$$;

-- A new code for an address, in the place of the one before. Without a destination there is
-- nowhere to send it; without a customer it is nobody's: all looks the same from outside, but no
-- channel comes back, so that nothing is sent, and no try can be right.
-- What a stranger asks for is judged by their own budgets only (0023_code_budgets.sql): another one that
-- is used up makes the code nobody's.
create function code_issue(the_org uuid, the_contact uuid, why text, whose uuid, over text,
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

-- One try. The row is locked, so tries that come at once are judged one after the other.
create function code_try(the_org uuid, the_contact uuid, purposes text[], the_customer uuid, given text,
                         at_now timestamptz,
                         out outcome text, out remaining integer, out until timestamptz, out alert text,
                         out purpose text, out customer_id uuid, out destination text)
    language plpgsql as $$
declare
    v verifications;
    pauses constant interval[] := array['5 minutes', '15 minutes', '1 hour', '24 hours'];
begin
    select * into v from verifications w
     where w.org_id = the_org and w.contact_id = the_contact for update;
    if v.locked_until > at_now then
        outcome := 'locked';
        until := v.locked_until;
    elsif v.code_hash is null or v.purpose <> all (purposes)
          or v.purpose <> 'link' and v.customer_id is distinct from the_customer then
        outcome := 'none';
    elsif given is null then
        outcome := 'malformed';
    elsif v.expires_at <= at_now then
        outcome := 'expired';
    elsif v.customer_id is not null and v.code_hash = decode(given, 'hex') then
        outcome := 'right';
        purpose := v.purpose;
        customer_id := v.customer_id;
        destination := v.destination;
        update verifications w set code_hash = null, wrong = 0, locks = 0, locked_until = null
         where w.org_id = the_org and w.contact_id = the_contact;
    elsif v.wrong >= 4 then
        outcome := 'locked';
        until := at_now + pauses[least(v.locks + 1, 4)];
        alert := 'verify.locked';
        update verifications w set code_hash = null, wrong = 0, locks = least(w.locks + 1, 100),
                                   locked_until = until
         where w.org_id = the_org and w.contact_id = the_contact;
    else
        outcome := 'wrong';
        remaining := 4 - v.wrong;
        update verifications w set wrong = w.wrong + 1
         where w.org_id = the_org and w.contact_id = the_contact;
    end if;
end
$$;

-- --- customers whom the speaker is not yet -----------------------------------------------------

-- These look past the rule that the bot sees only the customer who speaks, so each does one thing,
-- in the business of this transaction only, and says no more than it must.

-- Who can be reached there. Two customers with one address of mail are none.
create function customer_reached(the_org uuid, identity text) returns uuid
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select case when count(*) = 1 then min(f.customer_id::text)::uuid end
      from (select p.customer_id from customer_phones p
             where p.org_id = the_org and p.phone = identity and p.disputed_at is null
             union
            select e.customer_id from customers e
             where e.org_id = the_org and e.email <> '' and lower(e.email) = lower(identity)) f
      join customers c on c.org_id = the_org and c.customer_id = f.customer_id and c.portal_access
     where the_org = nullif(current_setting('parley.org_id', true), '')::uuid
$$;

-- A visit begins; when the one before did comes back.
create function customer_visit(the_org uuid, the_customer uuid, at_now timestamptz) returns timestamptz
    language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    before timestamptz;
begin
    if the_org is distinct from nullif(current_setting('parley.org_id', true), '')::uuid then
        return null;
    end if;
    select last_seen_at into before from customers
     where org_id = the_org and customer_id = the_customer for update;
    update customers set last_seen_at = at_now where org_id = the_org and customer_id = the_customer;
    return before;
end
$$;

-- A new customer of a business that lets people register: whoever writes from the address, and the
-- number that it proves. An address of mail that is somebody's already is not taken down, and
-- nobody hears of it.
create function customer_register(the_org uuid, the_contact uuid, fresh uuid, the_name text,
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

revoke execute on function customer_reached, customer_visit, customer_register from public;
grant execute on function customer_reached, customer_visit, customer_register to parley_bot;
