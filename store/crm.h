/*
 * Events of a CRM in bulk, for `parley import`: what POST /v1/events does, over a plain
 * connection, by the same statement.
 *
 * Connects as the owner and acts as the business's staff; the business is that of the source.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"

struct crm_store;

MUST_USE bool crm_store_open(const char *url, usec_t timeout, struct crm_store **store,
                             struct err *err);
void crm_store_close(struct crm_store **store); /* accepts NULL in it */

/* Tell the planner how large the tables are by now: plans made for small ones are slow when
 * much has come in. */
MUST_USE bool crm_store_analyze(struct crm_store *store, struct err *err);

struct crm_kept {
    int64_t event;      /* its "i" */
    struct str outcome; /* kept, older, repeated, waiting, ignored, refused, foreign */
    struct str path, expected, got; /* where it is refused */
};

/* Take the events of one source, as webhooks/crm_event.h writes them, in one transaction.
 * `tell`: whether customers hear of it. */
MUST_USE bool crm_store_take(struct crm_store *store, struct str source, struct str events,
                             bool tell, struct arena *into, const struct crm_kept **kept,
                             size_t *n, struct err *err);
