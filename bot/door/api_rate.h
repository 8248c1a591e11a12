/*
 * How many requests a key may make, for all workers of a node together: its bucket lies in
 * shared memory, found by the key's id. Who shows a key that no worker knows has a bucket by
 * the address that they come from, so that somebody who shows invented ones without end keeps
 * nobody else out; what all of them together may cost the database is a generous one in common.
 */
#pragma once

#include "bot/base/uuid.h"
#include "bot/lane/rate.h"

#define API_RATE_SLOTS     256 /* keys that are in use at the same time */
#define API_RATE_STRANGERS 1024

struct api_rate {
    struct {
        _Atomic uint64_t key; /* 0: free */
        struct quota quota;
    } slots[API_RATE_SLOTS];
    struct quota strangers[API_RATE_STRANGERS];
    struct quota unknown; /* of all of them */
};

/* Take one; 0: it may go on, else how long to wait. `per_second` 0: no limit. */
usec_t api_rate_take(struct api_rate *rate, struct uuid key, usec_t now, unsigned per_second,
                     unsigned burst);

/* The same for looking up a key that no worker knows. @who: a hash of the asker's address that
 * nobody outside can work out. */
usec_t api_rate_take_unknown(struct api_rate *rate, uint64_t who, usec_t now);
