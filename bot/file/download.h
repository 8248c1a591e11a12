/*
 * Fetching files that customers sent, into the document store.
 *
 * A file is a row of `documents`, committed with the turn that it came in; so nothing that
 * happens afterwards can lose it but the end of the provider's own handle. A worker claims due
 * rows under a lease, fetches (bounded in size while it streams, from the provider's hosts
 * only), holds the bytes against the provider's hash, looks what they are, stores them and says
 * so. What fails is tried again, later and later; what cannot be kept is said to whoever
 * counts on it. Who was asleep past its lease says, stores and removes nothing any more.
 *
 *     wanted -> storing -> kept           the bytes are in the store
 *        |         |                      a worker that died in between is found out by looking
 *        +---------+--> refused           not what we keep: too large, another kind, hostile
 *                  +--> lost              the handle ended first
 *     kept -> gone                        nothing counted on it, and its time was over
 */
#pragma once

#include "bot/worker.h"

struct downloads *downloads_create(struct worker *worker);

/* Files of that business were committed: begin at once, if there is room. */
void downloads_wake(struct downloads *downloads, struct uuid org);

/* Nothing more begins, and what is under way is left to its lease. */
void downloads_close(struct downloads *downloads);
/* After the loop has run out. Accepts NULL. */
void downloads_destroy(struct downloads *downloads);
