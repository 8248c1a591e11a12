/*
 * The pool's inside: for the files that make it, and nobody else.
 *
 * A connection is a slot of the pool, for the pool's life; its PGconn comes and goes. What it
 * is doing is its state, and one function, `conn_enter`, moves it. At most one flight is under
 * way on a connection.
 */
#pragma once

#include "store/db.h"

#define DB_PARAMS_MAX 64 /* of one query; as in embed/embed.c */

enum flight_kind {
    FLIGHT_PREPARED, /* by its name */
    FLIGHT_TEXT,     /* parsed on the spot */
    FLIGHT_PREPARE   /* makes a query known */
};

struct flight_query {
    enum flight_kind kind;
    const char *name;
    const char *text;
    int n_params;
    size_t at;                 /* FLIGHT_PREPARED: sql.at */
    const char *const *values; /* in the flight's arena, as libpq wants them */
    const int *lengths;
};

enum conn_state {
    CONN_DOWN,       /* waits for its next try */
    CONN_CONNECTING, /* libpq is at it */
    CONN_PREPARING,  /* settings and queries are under way */
    CONN_IDLE,
    CONN_LEASED,
    CONN_CLEANING, /* released in a transaction: a rollback is under way */
    CONN_LOST,     /* leased, but its PGconn is gone */
    CONN_SHUT      /* the pool closes */
};

/* libpq may change its socket while it connects, and a libuv handle takes a turn to close: so
 * watches are heap objects that reap themselves. */
struct conn_watch {
    struct poll_watch poll;
    struct db_conn *conn;
    struct db *db;
};

struct db_conn {
    struct db *db;
    enum conn_state state;
    PGconn *pg;
    struct conn_watch *watch;
    struct timer timer; /* the connect timeout, the backoff or the flight's deadline */
    struct loop_task
        ending; /* runs `done` of a flight that ended in the call that started it */
    struct db_flight *flight;
    bool *known;   /* by sql.at: queries that this connection has prepared */
    size_t *ahead; /* those that the flight under way prepares before it begins */
    size_t n_ahead;
    size_t answered; /* those, then queries of the flight, that have their result */
    bool stale;      /* its prepared queries no longer fit: remake it when released */
    unsigned failures;
    struct err lost;      /* CONN_LOST: why */
    struct db_flight own; /* settings, queries and rollbacks: the pool's flights */
    struct arena arena;   /* for them */
};

struct db {
    struct loop *loop;
    struct db_options options;
    char *url;
    char *role;
    char *application;
    struct db_conn *conns;
    unsigned n_conns;
    struct db_lease *waiting;
    struct db_lease **last_waiting;
    unsigned n_waiting;
    struct loop_task
        serving;             /* hands idle connections to waiting leases; ends a closing pool */
    struct timer impatience; /* the first waiting lease's deadline */
    unsigned open_handles;
    unsigned n_open; /* connections ready for work */
    bool closing;
    bool closed_called;
    struct err last;
    void (*closed)(struct db *db);
};

/* --- flight.c ------------------------------------------------------------------------------
 */

void flight_add_query(struct db_flight *flight, const struct flight_query *query);
/* Put all queries into libpq's buffer, and one sync; what the connection does not know yet goes
 * ahead. False: libpq says why. */
MUST_USE bool flight_write(struct db_flight *flight, struct db_conn *conn);
/* What has gone ahead is answered: the connection knows it, or the flight has failed. */
void flight_take_ahead(struct db_flight *flight, struct db_conn *conn, PGresult *result);
/* Keep a result; the first that is an error becomes the flight's. */
void flight_take(struct db_flight *flight, size_t query, PGresult *result);
/* Run `done`, then clear the results. */
void flight_end(struct db_flight *flight);
/* Whether the error says that prepared queries must be prepared anew. */
bool flight_found_stale(const struct db_flight *flight);

/* --- conn.c --------------------------------------------------------------------------------
 */

void conn_start(struct db_conn *conn); /* CONN_DOWN: try now */
void conn_release(struct db_conn *conn);
void conn_shut(struct db_conn *conn); /* the pool closes; a leased one stays until released */

/* --- pool.c --------------------------------------------------------------------------------
 */

void pool_wake(struct db *db); /* a connection is idle, or the pool may be done closing */
/* Count a connection in or out of those ready for work. */
void pool_count(struct db *db, bool joined);
