/*
 * One batch: at most so many turns of one business, in one transaction over one connection.
 *
 *     lease -> take conversations, remember deliveries -> (create contacts) -> step, in rounds
 * of facts and actions -> write all, COMMIT
 *
 * The batch knows nothing of queues; it says of each item what became of it.
 */
#pragma once

#include "bot/turn/turns.h"

enum batch_end {
    BATCH_COMMITTED, /* `items` are settled, `put_off` are to lead the next batch */
    BATCH_SICK,      /* nothing happened; the world is unwell: try again later */
    BATCH_BAD        /* nothing happened; one of the items has bad data */
};

/* Who is to blame for a sick one. */
enum batch_blame {
    BLAME_NOBODY,  /* the database was not there, or said that it is unwell */
    BLAME_PERHAPS, /* it refused: one of the items, if it goes on so */
    BLAME_ONE      /* it took too long over one of the items, or over anything */
};

/* What a business is like, for every flow; read again now and then. */
struct business {
    struct uuid org;
    const struct record *facts; /* name, email, phone, ... */
    struct str language, time_zone, currency;
    bool reading_known; /* whoever is known may read without a code */
    bool registration;  /* strangers may become customers by themselves */
    usec_t read_at;     /* monotonic; 0: never */
    struct arena arena;
};

struct batch {
    struct worker *worker;
    struct business *business;
    struct item *items; /* in: in order */
    size_t n;
    void (*done)(struct batch *batch);
    unsigned slot; /* where its deliveries are remembered: shared.h */
    /* out */
    enum batch_end end;
    enum batch_blame blame;
    struct err err;
    struct item *put_off; /* a part of `items`, in order */
    struct batch_work *work;
    struct batch *next; /* the pool's */
};

/* Begin; `done` runs once, from the loop. */
void batch_start(struct batch *batch);

/* A batch's memory is kept warm between uses. */
struct batch *batch_create(struct worker *worker);
void batch_destroy(struct batch *batch);
