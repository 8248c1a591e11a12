-- The business's logo for papers: small, asked for with each of them, and so kept beside the business
-- rather than among files.
alter table businesses drop column logo_id;
create table business_logos (
    org_id uuid primary key references businesses,
    png    bytea not null check (length(png) between 1 and 262144),
    at     timestamptz not null,
    actor  text not null
);
alter table business_logos enable row level security;
alter table business_logos force row level security;
create policy org on business_logos
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select on business_logos to parley_bot, parley_web, parley_staff;
grant insert, update, delete on business_logos to parley_staff;
