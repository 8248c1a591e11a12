-- The unsure are few and looked for often; without this each look reads all that a business has to send.
create index outbox_unsure on outbox (lane_id, due_at) where state in (2, 3);
