-- no transaction: deliveries go on meanwhile.
--
-- What goes by age is found by age, also where there is much of it: deliveries of nobody, and those that no
-- daily partition took.
create index concurrently if not exists unrouted_at on unrouted (received_at);
create index if not exists payloads_default_at on payloads_default (org_id, received_at);
