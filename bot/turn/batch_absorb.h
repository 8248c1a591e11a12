/*
 * The end of a step: what it said and decided is taken up into its turn and the batch's rows.
 */
#pragma once

#include "bot/turn/batch_inside.h"

/* The turn's flow is done with this item: log it, promise the replies, keep state, timer,
 * consent, session and handoff. */
void batch_absorb(struct batch_work *work, struct turn *turn, struct item *item);

/* What cannot be handled is kept for a person, and the customer is told that it was us; while a
 * person has the conversation, that one is told of it. A timer is only given up: nobody awaits
 * an answer. */
void batch_park(struct batch_work *work, struct turn *turn, struct item *item,
                const char *reason);

/*
 * A mail that nobody vouches for, in a conversation that is somebody's: it is logged without
 * its words, and its From address is asked to answer our mail, whose token vouches. State,
 * language, consent, hand-over, thread and session stay as they are.
 */
void batch_doubt(struct batch_work *work, struct turn *turn, const struct item *item);
