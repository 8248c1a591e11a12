-- A file is given up after its provider has said so often that there is none, or has sent other bytes than were
-- promised, and no longer after as many attempts of any kind: when the network had been away for a while, the first
-- such answer was the last.

alter table documents add column refusals integer not null default 0;
