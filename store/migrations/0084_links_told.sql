-- A link that is asked for on two channels at once is made once and told on both.

alter table checkouts
    add column also uuid[] not null default '{}',   -- other conversations where it was asked for while it was made
    add column untold uuid[] not null default '{}'; -- where `to_tell` has yet to be heard
create index checkouts_untold on checkouts (org_id, customer_id) where to_tell is not null;
drop index checkouts_tell;
grant update (also, untold) on checkouts to parley_bot;
