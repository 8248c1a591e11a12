-- What somebody says at registration is an address that they say, and no address on record: it proves
-- nothing and links nobody until a code has come back from it. It is kept apart and always, so that
-- nothing tells whether it is somebody's already.

alter table customers add column email_told text not null default '';
grant update (email_told) on customers to parley_bot;
