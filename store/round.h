/*
 * A question that is asked of every business, one after the other: so commands find what an
 * operator names without naming the business. Each is asked in a transaction of its own, under
 * that business's row-level security.
 *
 *     OWNED_ROUND(round) = {.conn = conn, .sql = &SQL_TICKETS_GET, .n = 2, .values = values};
 *     while (round_next(&round, err)) ... round.rows, round.org ...
 *     if (round.failed) return false;
 */
#pragma once

#include "store/plain.h"

struct round {
    PGconn *conn; /* borrowed, as the next three are */
    const struct sql *sql;
    int n;
    const char **values; /* values[0] is the business, and written here */
    struct uuid org;     /* out: who was asked */
    PGresult *rows;      /* out: what it said, until the next one's turn */
    bool failed;         /* out: the round ended for that, and err says why */
    PGresult *orgs;      /* inside */
    int next;            /* inside */
};

void round_finish(struct round *round);
#define OWNED_ROUND(name) CLEANUP(round_finish) struct round name

/* Ask the next business. False: none is left, or `failed`. */
MUST_USE bool round_next(struct round *round, struct err *err);
