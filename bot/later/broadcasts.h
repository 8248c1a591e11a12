/*
 * Broadcasts on their way: the ledger is written, and fed to the lanes (BRO-2).
 *
 * A broadcast that has something to do is claimed under a lease with the look at its business's
 * jobs. Its audience is then written down slice by slice, and after that small slices go to the
 * outbox with the lowest priority: never more than a lane sends in two seconds, so that it can
 * be paused, and so that nobody's answer waits long behind it. All of that happens in the
 * database (migration 0052), as the business's staff and over the staff's connections; each
 * slice is one transaction, so whoever dies leaves nothing half done.
 */
#pragma once

#include "bot/worker.h"

struct broadcasts *broadcasts_create(struct worker *worker);

/* Ask for one of a business's, into a call that is under construction. */
void broadcasts_look(const struct broadcasts *broadcasts, struct db_call *call, struct uuid org,
                     usec_t now);

/* What was claimed goes on from here by itself. */
void broadcasts_looked(struct broadcasts *broadcasts, struct uuid org, const PGresult *rows);

void broadcasts_close(struct broadcasts *broadcasts);
void broadcasts_destroy(struct broadcasts *broadcasts); /* accepts NULL */
