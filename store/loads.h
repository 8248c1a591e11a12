/*
 * What flows may look up, by name: each load is a query and the variables that it takes.
 *
 * The queries run inside a turn's transaction with business and customer set, so that row-level
 * security decides what there is to see. (bot/batch.c sends them; flows/actions declares them.)
 */
#pragma once

#include "store/db.h"

struct load {
    const char *name;
    const struct sql *sql;
    const char *const
        *takes;  /* NULL-terminated, in the order of the query's parameters from $3 on */
    bool single; /* answers one record, or nothing; else a list */
};

/* NULL when there is no such load. */
const struct load *loads_find(struct str name);

/* $1 org, $2 customer, then what it takes; what is missing is NULL. */
const struct db_param *load_params(struct arena *into, const struct load *load, struct uuid org,
                                   struct uuid customer, const struct record *takes);

/* The rows as the flow gets them. */
MUST_USE bool load_answer(struct arena *into, const struct load *load, const PGresult *rows,
                          struct value *answer, struct err *err);
