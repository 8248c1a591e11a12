/*
 * The outbox's lanes: one for each sending account, held by one worker at a time.
 *
 * A lane gives order (a conversation's messages leave one after the other), an exact rate (a
 * token bucket for the account and one for each person) and promise 4: the intent to send is
 * committed just before the wire, under the lane's epoch; an answer that got lost makes a
 * sending unknown, which only its own conversation waits for, until the provider's status
 * callback or `unknown_wait`.
 */
#pragma once

#include "bot/worker.h"

struct lanes *lanes_create(struct worker *worker);

/* There is something new in this lane; nothing happens when it is not ours. */
void lanes_wake(struct lanes *lanes, struct uuid id);

/* A message that a turn has intended on the holder's behalf; copied. One that comes too late,
 * or to who holds the lane no more, is left to those who look after the outbox. */
struct handover;
void lanes_hand(struct lanes *lanes, const struct handover *handover);

/* Whether this worker holds it. */
bool lanes_holds(const struct lanes *lanes, struct uuid id);

/* Claim nothing more; `drained` runs when no sending is under way and the leases are given
 * back. */
void lanes_drain(struct lanes *lanes, void (*drained)(struct worker *worker));

void lanes_close(struct lanes *lanes);
void lanes_destroy(struct lanes *lanes);
