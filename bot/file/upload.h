/*
 * Kept files on their way to a provider, before messages that show them can go.
 *
 * What a turn promises with a file in it waits in the outbox in a state of its own, so its lane
 * passes it by: other conversations go on, and its own waits as for any message. The row in
 * `uploads`, one for each file and account, is committed with the turn. A worker claims it
 * under a lease, reads the bytes, uploads them, and in one transaction keeps the provider's
 * handle and makes ready all that waits for it. Whoever dies in between leaves the lease to
 * lapse, and the upload is repeated, which hurts nobody; the message itself was never near the
 * wire. Who was asleep past its lease uploads nothing any more, and what it brings counts only
 * if nobody else has claimed the row since: an old answer ends nothing that began after it.
 *
 *     open -> has a handle    used by all later messages, as long as the provider keeps it
 *       |
 *       +---> refused         what waits is not sent, and its row in the log says why
 */
#pragma once

#include "bot/worker.h"

struct uploads *uploads_create(struct worker *worker);

/* Files of that business are wanted: begin at once, if there is room. */
void uploads_wake(struct uploads *uploads, struct uuid org);

/* Nothing more begins, and what is under way is left to its lease. */
void uploads_close(struct uploads *uploads);
/* After the loop has run out. Accepts NULL. */
void uploads_destroy(struct uploads *uploads);
