/*
 * What the store's tests share: a private PostgreSQL with the schema in it, a loop, and ways to
 * wait for the pool's requests one after the other.
 */
#pragma once

#include "store/db.h"
#include "tests/support/pg.h"

/* One server for a whole test program; migrated, without rows. Ends the program on failure. */
void store_open(void);
void store_shut(void);
extern struct pg store_pg;

/* A plain connection as the owner, for arranging and looking. */
PGconn *owner_connect(void);
/* Run SQL on it; the test fails if that fails. */
void run_sql(PGconn *conn, const char *sql);
/* No customer has quiet hours: the test may run at night. */
void nobody_sleeps(PGconn *conn);
/* The one value that a query gives, as a number. */
long ask_number(PGconn *conn, const char *sql);
/* The SQLSTATE of what it gives; "00000" when it works. */
const char *try_sql(PGconn *conn, const char *sql);

/* A loop with a pool on it, made by each test for itself. */
struct rig {
    struct loop loop;
    struct db *db;
    struct arena arena;
    bool closed;
};
void rig_open(struct rig *rig, const struct db_options *options); /* url NULL: store_pg's */
void rig_close(struct rig *rig); /* and everything is checked to be gone */

/* Turn the loop until `*flag`; the test fails after `limit`. */
void turn_until(struct rig *rig, const bool *flag, usec_t limit);
void turn_for(struct rig *rig, usec_t time);

struct db_conn *wait_lease(struct rig *rig);

/* A flight that was flown: its results are copies, to be cleared with `flown_clear`. */
struct flown {
    struct db_flight flight;
    PGresult *results[16];
    struct err err;
    bool done;
};
void wait_flight(struct rig *rig, struct db_conn *conn, struct flown *flown);
void flown_done(struct db_flight *flight); /* keeps the results */
void flown_clear(struct flown *flown);

struct called {
    struct db_call call;
    PGresult *results[16];
    bool done;
};
void wait_call(struct rig *rig, struct called *called);
void called_done(struct db_call *call);
void called_clear(struct called *called);
