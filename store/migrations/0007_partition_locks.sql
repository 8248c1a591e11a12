-- Dropping a day's payloads needs the whole table for a moment. Somebody who reads it for long, as
-- a backup does, kept the broom waiting, and every delivery waited behind the broom: it gives up
-- at once now, and comes again in an hour.
alter function payload_partitions(timestamptz, integer, integer) set lock_timeout = '100ms';
