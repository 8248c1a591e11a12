/*
 * Doors that act for the business and not in a customer's conversation: events of its CRM
 * (bot/door/intake_crm.c), a payment provider's webhooks, the staff's API, broadcasts.
 *
 * How such a door is made, so that one looks like the other:
 *
 *   1. Who calls is proved from the raw bytes before they are read: a signature, a key. What
 *      is forged, stale or unsigned is answered 401 without a word about what would be right.
 *   2. Whose it is comes from `directory` by an outside id and the app or key that was proved,
 *      never from a body alone: one app's secret cannot speak for another's business.
 *   3. Bytes are taken apart by pure code (webhooks/), checked whole, and cards are redacted.
 *   4. All that it does is one transaction for one business, as the role parley_staff: a
 *      `desk_call` with `call.org` set, or a query that sets parley.org_id itself from the
 *      directory, before it touches anything else. Row-level security then keeps to that
 *      business; within it the staff sees every customer's rows.
 *   5. What the customer or the business's systems are to hear of it is written there too
 *      (notice_make, event_out); nothing is sent from here, and no network is waited for.
 *   6. 200 is answered from `done` without an error, so after COMMIT; any error is a 503, and
 *      the sender comes again. What was done must be found done then (an id that is remembered
 *      in the same transaction).
 *
 * The calls go over a pool of its own (database.desk_connections of each worker): a large batch
 * of a CRM takes no connection from the conversations' turns. The service's user has to be a
 * member of parley_staff; where it is not, these doors answer 503 and the rest goes on.
 */
#pragma once

#include "bot/worker.h"

struct desk_call {
    struct db_call call;                  /* made with call_init, call_add */
    void (*done)(struct desk_call *call); /* in; the results are in `call` */
    struct desk_door *door;               /* the door's own */
};

struct desk_door *desk_door_create(struct worker *worker, struct err *err); /* NULL: failed */

/* False: the database is away, or too much waits already. Then answer 503. */
bool desk_door_is_open(const struct desk_door *door);

/* A transaction as staff; `done` runs once. A stopping worker waits for it. */
void desk_door_call(struct desk_door *door, struct desk_call *call);

/* Calls whose `done` has not run yet. */
size_t desk_door_busy(const struct desk_door *door);

void desk_door_close(struct desk_door *door);
void desk_door_destroy(struct desk_door *door); /* accepts NULL */
