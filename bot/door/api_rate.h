/*
 * How many requests a key may make, for all workers of a node together: its bucket lies in
 * shared memory, found by the key's id. Who looks up keys that are not there has one bucket in
 * common with all others who do.
 */
#pragma once

#include "bot/base/uuid.h"
#include "bot/lane/rate.h"

#define API_RATE_SLOTS 256 /* keys that are in use at the same time */

struct api_rate {
    struct {
        _Atomic uint64_t key; /* 0: free */
        struct quota quota;
    } slots[API_RATE_SLOTS];
    struct quota unknown;
};

/* Take one; 0: it may go on, else how long to wait. `per_second` 0: no limit. */
usec_t api_rate_take(struct api_rate *rate, struct uuid key, usec_t now, unsigned per_second,
                     unsigned burst);

/* The same for looking up a key that no worker knows. */
usec_t api_rate_take_unknown(struct api_rate *rate, usec_t now);
