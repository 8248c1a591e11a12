/*
 * A round's questions to the database: the batch's flight is open, and each of these adds what
 * a turn needs to it. What was asked is remembered in `work->asked`; batch_answer brings the
 * results back.
 */
#pragma once

#include "bot/turn/batch_inside.h"

/* Which of the batch's timers are still as they were claimed: sets `live` of their jobs. */
void batch_ask_jobs(struct batch_work *work);

/* Sets the turn's book, or asks for it: the one that the conversation began with, unless
 * nothing is under way. */
void batch_ask_book(struct batch_work *work, struct turn *turn);

/* Who the customer is, where there is one: known before the first step, as every flow may use
 * it. */
void batch_ask_customer(struct batch_work *work, struct turn *turn);

/* All that the turn's step waits for. What cannot be asked is answered at once. */
void batch_ask_needs(struct batch_work *work, struct turn *turn);

/* The rows of one question. False, and work->batch->err says why, when they are not what the
 * flow was promised. */
MUST_USE bool batch_answer(struct batch_work *work, const struct asked *asked,
                           const PGresult *rows);
