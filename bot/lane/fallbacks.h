/*
 * Messages that did not arrive go on to the customer's next channel (CH-7).
 *
 * What nobody awaits in its conversation (a notice, a person's answer, a ticket's) has a row in
 * `fallbacks` until it has arrived. Looking at what is due happens with the look at the
 * business's jobs; where it goes is decided in the database (migrations 0033 and 0040).
 */
#pragma once

#include "bot/worker.h"

/* Ask for a business's, into a call that is under construction. */
void fallbacks_look(struct worker *worker, struct db_call *call, struct uuid org, usec_t now);

/* What went on: wakes the lanes that it goes by. */
void fallbacks_looked(struct worker *worker, struct uuid org, const PGresult *rows);

/* Whether what an event of our own making says is told wherever the customer can be reached,
 * and of which topic of their preferences it is; empty: every channel may bring it. */
bool fallbacks_topic(struct str timer, struct str *topic);
