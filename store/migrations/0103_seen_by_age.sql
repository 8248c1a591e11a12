-- no transaction: every delivery writes into `seen`, and none is to wait until an index has been made.
--
-- What is remembered of deliveries goes by age, every hour. The BRIN indexes that were to find what is old are of
-- no use to connections which plan without bitmap scans, as all of ours do: looking for nothing read all of a
-- business's rows by their key, which from two million on took longer than a connection waits, and then nothing of
-- that business was forgotten any more, codes, short links and events among it. A row of a batch costs its place
-- at the end of an index, where it stands beside those of the same moment.
drop index concurrently if exists seen_aged;
create index concurrently seen_aged on seen (org_id, at);
drop index concurrently if exists seen_at;
drop index concurrently if exists crm_seen_aged;
create index concurrently crm_seen_aged on crm_seen (org_id, at);
drop index concurrently if exists crm_seen_at;
