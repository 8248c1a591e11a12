/*
 * Links to customers' own pages, for the business's people: which there are, and ending them.
 * A plain connection of parley_staff's.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct portal_links;

struct portal_link_row {
    struct uuid id;
    struct str customer; /* by the business's own id, else ours */
    usec_t made_at, last_used_at, expires_at;
};

/* `business` NULL: the only one. Close what was opened in any case. */
MUST_USE bool portal_links_open(const char *url, usec_t timeout, const char *business,
                                struct portal_links **links, struct err *err);
void portal_links_close(struct portal_links **links);

/* Those that are good, the newest first, at most 1000; of one customer, or ("") of all. */
MUST_USE bool portal_links_list(struct portal_links *links, struct str customer,
                                struct arena *into, const struct portal_link_row **rows,
                                size_t *n, struct err *err);

/* End a link by its id, or all of a customer. ERR_REJECT: there is none that is good. */
MUST_USE bool portal_links_revoke(struct portal_links *links, struct str which, const char *who,
                                  struct uuid fresh, size_t *n, struct err *err);
