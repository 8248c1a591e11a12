/*
 * What customers hear that nobody asked for finds its place (NTF-1..3, NTF-5).
 *
 * Whoever changes something adds to `notices` (notice_make, migration 0042). Looking at what is
 * due happens with the look at the business's jobs, before it: where it goes and whether it is
 * wanted is decided in the database (migration 0077), and what is placed becomes a job
 * of that conversation, which the flow `news` tells. What became of each stays in its row.
 *
 * Outside WhatsApp's window an approved template may tell it: its values are rendered here, and
 * a second call writes the message and that it was told, in one transaction. Who dies in
 * between leaves news that is placed and not told; after some seconds it is placed anew.
 */
#pragma once

#include "bot/worker.h"

/* Ask for a business's, into a call that is under construction. */
void notices_look(struct worker *worker, struct db_call *call, struct uuid org, usec_t now);

/* What became of them. True when there may be more that is due. */
bool notices_looked(struct worker *worker, struct uuid org, const PGresult *rows);
