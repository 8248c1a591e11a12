-- What is due is looked for by lane alone, and only among what is ready. Led by the business, the
-- index was as good as the primary key in the eyes of a planner who takes the outbox for empty, as it
-- is whenever somebody counts it; a message's row was then found by reading all of the business's.
drop index outbox_due;
create index outbox_due on outbox (lane_id, priority, due_at) where state = 0;
