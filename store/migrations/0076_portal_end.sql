-- Nothing ends a link by its token: whoever wants to says so in the chat, or to the business's people.
drop function portal_end(uuid, bytea, timestamptz);
