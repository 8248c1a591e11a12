/*
 * Replies that need not wait for their lane: where its holder has places, the turn commits them
 * as intended already and hands them over, so that they leave without a transaction of their
 * own.
 *
 * Only answers to somebody who is writing just now, only all of a conversation's in this batch,
 * and never one that lies sealed or speaks after STOP.
 */
#pragma once

#include "bot/lane/handover.h"
#include "bot/turn/batch_inside.h"

/* Something to be sent, as it stands in the outbox. */
void batch_promise(struct batch_work *work, const struct promise *promise);

/* For batch_write.c: take places where there are some, and write all promises. */
void batch_promises_write(struct batch_work *work);
/* After the commit: hand over what is intended, wake the lanes of the rest. */
void batch_promises_go(struct batch_work *work);
/* There was no commit: places go back. */
void batch_promises_undo(struct batch_work *work);
