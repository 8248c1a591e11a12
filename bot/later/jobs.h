/*
 * Work for later: timers of conversations, and handed-over conversations that nobody answers.
 *
 * A due row of `jobs` is claimed under a lease and handed to bot/turn/turns as an event of its
 * conversation. From there on it is a turn like any other: in order, in a batch, and its row is
 * deleted by the transaction that keeps what it did. A worker that dies leaves the row behind,
 * and when the lease lapses another claims it; a row that has changed since it was claimed, or
 * is gone, makes no turn.
 *
 * Every worker may claim every business's jobs; they take turns by the clock, so that a
 * business is looked at once a second on each node, and one that is stuck holds nothing up.
 */
#pragma once

#include "bot/worker.h"

struct jobs *jobs_create(struct worker *worker);

/* A job was committed: look at that business when it is due, if that is before the next look.
 */
void jobs_made(struct jobs *jobs, struct uuid org, usec_t due_at);

/* How many claimed jobs have not come to their end. */
size_t jobs_open(const struct jobs *jobs);

void jobs_close(struct jobs *jobs);
void jobs_destroy(struct jobs *jobs);
