/*
 * Handing a conversation over to a person, in the turn's own transaction.
 *
 * Who asks for a person is recorded in `handoffs` with the moment until which a person's word
 * is promised; a job of that moment says sorry when it never came. While a person holds the
 * conversation what the customer writes is kept, and begins that wait anew when all before had
 * been answered. A turn that has nothing to do with this costs nothing.
 */
#pragma once

#include "bot/turn/batch_inside.h"

/* After a step: what its result means for who speaks. */
void batch_handoff_absorb(struct batch_work *work, struct turn *turn, const struct item *item,
                          const struct flow_result *result);

/* The customer wrote, and it is for the person who has the conversation, if one has. */
void batch_handoff_waits(const struct batch_work *work, struct turn *turn,
                         const struct item *item);

/* For batch_write.c, after the conversations. */
void batch_handoffs_write(struct batch_work *work);

/* After the commit: who is awaited, and who was awaited in vain. */
void batch_handoffs_log(const struct batch_work *work);
