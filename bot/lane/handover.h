/*
 * A reply that is handed over to the lane that sends it, as the letter that goes through shared
 * memory from worker to worker (bot/lane/post.h).
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/uuid.h"

struct handover {
    struct uuid lane;
    int64_t epoch;
    unsigned taker; /* the worker that took the place */
    usec_t at;      /* monotonic: when the turn began */
    struct uuid conversation;
    int64_t seq;
    int64_t last;  /* unsettled before it; 0: nothing */
    usec_t due_at; /* wall */
    struct str address, phone, body;
};

struct str handover_write(struct arena *into, const struct handover *handover);
/* Borrows from the letter. */
MUST_USE bool handover_read(struct str letter, struct handover *handover);
