/*
 * Short addresses in the place of long ones, where every character costs:
 * <public_url>/s/<code>.
 *
 * A code has letters and digits that nobody mixes up. It begins with a mark of the business, so
 * that it can be looked for; the rest cannot be guessed, since behind it may be a page that is
 * for its reader alone; the long ones, that open a customer's own page, are made anew from the
 * service's key and looked for by their hash. It is good for 90 days, and a file's for a day,
 * as any link to a file.
 */
#pragma once

#include "bot/worker.h"

#define SHORT_LINK_LEN      11
#define SHORT_LINK_LONG     18 /* one that opens what is a customer's: portal.h */
#define SHORT_LINK_GOOD_FOR (90 * USEC_PER_DAY)

/* A new code of that business. */
struct str short_link_code(struct arena *into, struct uuid org);

/* A long code of that business, spelled from a secret: a letter for each of sixteen bytes. */
struct str short_link_spell(struct arena *into, struct uuid org, const uint8_t bytes[16]);

/* Whether a code may be of that business. */
bool short_link_may_be_of(struct str code, struct uuid org);

/* What stands before a code; empty when the service has no public address. */
struct str short_link_before(struct arena *into, const struct config *config);

/* The same, and so many new codes of that business, with spaces between: for a statement that
 * makes the links itself. Empty likewise. */
struct str short_link_fresh(struct arena *into, const struct config *config, struct uuid org,
                            size_t n);

/* The short address, where it is worth it; else empty, and there is nothing to keep. */
struct str short_link_address(struct arena *into, const struct config *config, struct str url,
                              struct str code);

/* GET /s/<code>: goes on to the long one, or to the file that it stands for. */
void short_link_visit(struct worker *worker, struct http_exchange *exchange, struct str code);
