-- What is intended just now is little and looked for with each claim; without this each look reads all that
-- a business has to send.
create index outbox_intended on outbox (lane_id, epoch) where state = 1;
