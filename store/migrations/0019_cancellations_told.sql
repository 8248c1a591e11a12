-- When the customer heard of a decision; null: not yet. Deciding anew makes it null again.
alter table cancellations add column told_at timestamptz;
grant update (told_at) on cancellations to parley_bot;
