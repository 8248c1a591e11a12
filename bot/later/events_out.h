/*
 * Events on their way to a business's other systems (CRM-2).
 *
 * Whoever does something that these are to hear of adds an event in the same transaction
 * (event_out, migrations 0042 and 0050). The look at the business's jobs claims what is due at
 * the endpoints, each delivery under a lease; the request is made outside of any transaction,
 * and how it ended is kept in another one, which claims the endpoint's next at once. Whoever
 * dies in between leaves the lease to lapse: an event arrives at least once, and has one id.
 *
 * A delivery that fails is repeated after the pauses of events.retry and holds back only later
 * events of its subject at that endpoint. An endpoint that keeps failing is asked with one at a
 * time; one that answers 410, or nothing good for days, is switched off with an alert, and what
 * it has not heard waits there until `parley events endpoint on`.
 */
#pragma once

#include "bot/worker.h"

struct events_out *events_out_create(struct worker *worker);

/* Claim a business's, in a call that is under construction; what was claimed is begun. Adds
 * nothing where no endpoint is in the settings. */
void events_out_look(struct events_out *events, struct db_call *call, struct uuid org,
                     usec_t now);
/* The same call's result, or NULL when nothing was added: the last one of the call. */
void events_out_looked(struct events_out *events, struct db_call *call);

/* Nothing more begins; what is under way is left to its lease. */
void events_out_close(struct events_out *events);
/* After the loop has run out. Accepts NULL. */
void events_out_destroy(struct events_out *events);
