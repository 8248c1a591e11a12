-- Mails that leave in one request. Which they were is kept with the intent to send them: a request
-- whose answer was lost is repeated as it was, under the same key. State 6: in such a request, which is
-- to go again as a whole.
alter table outbox
    add column bundle_id uuid,
    add column bundle_at smallint;
create index outbox_bundle on outbox (org_id, bundle_id) where bundle_id is not null;
create index outbox_bundled on outbox (lane_id, due_at) where bundle_id is not null;
