/*
 * The audit's chain, looked at from outside: does every row still hold to those before it?
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct chain_state {
    struct uuid org;
    int64_t linked;  /* rows in the chain */
    int64_t loose;   /* rows that are not linked yet */
    struct str head; /* the last link, in hex: kept elsewhere, it tells also of rows cut off */
    bool broken;
    /* when broken: the first row that does not hold */
    int64_t position;
    struct uuid audit_id;
    usec_t at;
    bool gap; /* one before it is missing; else this one, or its link, was changed */
};

/* Of every business that is in the directory. */
MUST_USE bool chain_verify(const char *url, struct str role, usec_t timeout, struct arena *into,
                           const struct chain_state **states, size_t *n, struct err *err);
