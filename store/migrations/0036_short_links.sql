-- Short addresses for long ones, since every character of an SMS costs: /s/<code>.
create table short_links (
    org_id  uuid not null,
    code    text not null, -- two letters of the business, then nine that nobody can guess
    url     text not null,
    made_at timestamptz not null,
    primary key (org_id, code)
);
create index short_links_made on short_links (org_id, made_at);

alter table short_links enable row level security;
alter table short_links force row level security;
create policy org on short_links
    using (org_id = nullif(current_setting('parley.org_id', true), '')::uuid)
    with check (org_id = nullif(current_setting('parley.org_id', true), '')::uuid);
grant select, insert, delete on short_links to parley_bot;
grant select on short_links to parley_staff;
