/*
 * The named queries of store/sql/ said by hand, with parameters as text: for tests of what a
 * statement promises, also when another connection stands in the middle of something.
 */
#pragma once

#include "store/db.h"
#include "tests/support/store.h"

/* A connection that speaks as the bot, for the demo's shop. */
PGconn *bot_connect(void);

/* Say it with all of its parameters; the result is to be cleared. Fails the test on an error.
 */
PGresult *say_sql(PGconn *conn, const struct sql *sql, const char *const *params);
/* How many rows it changed or gave. */
long say_count(PGconn *conn, const struct sql *sql, const char *const *params);
/* Its first value as a number; -1 when there is no row or NULL. */
long say_number(PGconn *conn, const struct sql *sql, const char *const *params);

/* PARAMS("a", "b"): for the functions above. */
#define PARAMS(...) ((const char *const[]){__VA_ARGS__})
