/*
 * Links to a customer's own pages: <public_url>/customer/<token>.
 *
 * A token is the business's id, so that it is looked for there alone, and 32 bytes that are a
 * keyed hash of the link's own id: nobody can foresee them without the service's key, and the
 * database has only their SHA-256. So no message, log or backup holds a link that opens
 * anything: what is said and kept is a mark, "portal:<id>", and the address takes its place
 * when the message is made for the wire.
 */
#pragma once

#include "bot/base/crypto.h"
#include "bot/base/uuid.h"
#include "bot/config/config.h"

#define PORTAL_TOKEN_LEN 64

/* What is kept of a link's token: 32 bytes. Empty when no link can be made: the service has no
 * public address or no key. */
struct str portal_hash(struct arena *into, const struct config *config, struct uuid org,
                       struct uuid link);

/* Whether a url is the mark of a link. */
bool portal_is_mark(struct str url, struct uuid *link);

/* The address for a mark; any other url as it is. Empty: there is none to be made. */
struct str portal_address(struct arena *into, const struct config *config, struct uuid org,
                          struct str url);

/* The same in few letters, <public_url>/s/<code>, for where every character costs. It leads on
 * to the address itself. */
struct str portal_short_address(struct arena *into, const struct config *config,
                                struct uuid org, struct str url);

/* What is kept of a link's short code: 32 bytes, or empty; and of a code that somebody brings.
 */
struct str portal_short_hash(struct arena *into, const struct config *config, struct uuid org,
                             struct uuid link);
struct str portal_code_hash(struct arena *into, struct str code);

/* Take a token apart: whose it says it is, and what would be kept of it. False when it has not
 * even a token's form; then `hash` and `org` are such that nothing is found. */
bool portal_token_read(struct str token, struct uuid *org, struct hash *hash);
