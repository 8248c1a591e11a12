-- Statuses whose message is not known (yet): nearly all are of what others send from the business's number, and wait for
-- ten days for what never comes. Each lane read all of them every five seconds, half a second of work for a hundred
-- thousand. Now each is looked at when it is due: at once, and then whenever it has become twice as old.
alter table early_statuses add column due_at timestamptz not null default now();
create index early_statuses_due on early_statuses (org_id, due_at);
create index early_statuses_aged on early_statuses (org_id, at);
