/*
 * One plain connection, for commands that may wait and need no loop: a query at a time, each
 * answered before the next. The service never uses it.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/err.h"
#include "bot/base/str.h"
#include "bot/base/uuid.h"
#include "store/sql.h"

#include <libpq-fe.h>

void plain_close(PGconn **conn);
void plain_clear(PGresult **rows);
#define OWNED_CONN(name) CLEANUP(plain_close) PGconn *name
#define OWNED_ROWS(name) CLEANUP(plain_clear) PGresult *name

/* Connect and take on the role; empty: stay as connected. ERR_RETRY when the database cannot be
 * reached, ERR_REJECT when it refuses. `who` is shown in pg_stat_activity. */
MUST_USE bool plain_connect(const char *url, struct str role, usec_t timeout, const char *who,
                            PGconn **conn, struct err *err);
MUST_USE bool plain_command(PGconn *conn, const char *text, struct err *err);
/* BEGIN, for one business. */
MUST_USE bool plain_begin(PGconn *conn, struct uuid org, struct err *err);
/* A named query; values are text, NULL is null. Rows come in binary. */
MUST_USE bool plain_ask(PGconn *conn, const struct sql *sql, int n, const char *const *values,
                        PGresult **rows, struct err *err);
/* The same in a transaction of its own, for one business: its id is written to values[0], which
 * is good until this returns. */
MUST_USE bool plain_ask_of(PGconn *conn, struct uuid org, const struct sql *sql, int n,
                           const char **values, PGresult **rows, struct err *err);
