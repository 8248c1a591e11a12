/*
 * Kinds of work and the states that they go through, as a business writes them itself.
 *
 * Keeping one replaces it as a whole, in one transaction: an order never stands at a state that
 * is not there. What customers are told of a state is looked up each time, so a change is seen
 * with the next message.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct workflow_state {
    struct str status;
    struct str phase; /* active, done or cancelled */
    bool in_transit;
    int progress;    /* percent */
    struct str icon; /* empty: one by phase */
    struct str
        names; /* what people read, by language: {"en":"Ready"}; "{}" where ours will do */
};

struct workflow {
    struct str name;
    const struct workflow_state *states; /* in order */
    size_t n;
};

struct workflows;

MUST_USE bool workflows_open(const char *url, usec_t timeout, struct workflows **store,
                             struct err *err);
void workflows_close(struct workflows **store); /* accepts NULL in it */
#define OWNED_WORKFLOWS(name) CLEANUP(workflows_close) struct workflows *name

/* The one business that there is. ERR_REJECT when there is none, or more than one. */
MUST_USE bool workflows_only_business(struct workflows *store, struct uuid *org,
                                      struct err *err);

/* All workflows of a business, by name. */
MUST_USE bool workflows_list(struct workflows *store, struct uuid org, struct arena *into,
                             const struct workflow **list, size_t *n, struct err *err);

/* ERR_REJECT when orders stand at a state that the new list leaves out. */
MUST_USE bool workflows_keep(struct workflows *store, struct uuid org,
                             const struct workflow *workflow, struct err *err);
