/*
 * What is wanted of Stripe: links to pay, closing them, looking what became of them, refunds.
 *
 * A turn writes what it wants as a row, with the key that every attempt goes under; nothing is
 * asked of the world inside a transaction. A worker claims the row under a lease, asks, and
 * keeps the answer in another transaction. Whoever dies in between leaves the lease to lapse,
 * and the same request goes out again under the same key, which Stripe answers as it did
 * before: no link is made twice, and no money goes back twice. All of it as parley_staff
 * (bot/door/desk_door.h).
 *
 *     wanted -> open -> completed         paid; told by the event, or by looking
 *       |        | `--> processing -> completed, failed     a bank takes days
 *       |        `----> expired
 *       `-> failed                        Stripe will not, or could not in a quarter of an hour
 */
#pragma once

#include "bot/worker.h"

struct payments *payments_create(struct worker *worker);

/* Something is wanted for that business: begin at once, if there is room. */
void payments_wake(struct payments *payments, struct uuid org);

/* Nothing more begins, and what is under way is left to its lease. */
void payments_close(struct payments *payments);
/* After the loop has run out. Accepts NULL. */
void payments_destroy(struct payments *payments);
