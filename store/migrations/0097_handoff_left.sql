-- A customer who waits for a person may go back to the bot (ended_why: withdrawn); while a person is there they
-- are told once how it comes back.
alter table handoffs add column hinted_at timestamptz;
