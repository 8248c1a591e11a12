/*
 * PostgreSQL on our loop: a pool of connections in pipeline mode.
 *
 * Work is done in flights: queries that are sent together and whose results come back together,
 * one round trip for all. A lease is a connection for one's own use, usually for one
 * transaction; flights follow each other on it. A query is prepared with the first flight of
 * a connection that has it.
 *
 * The first failed query of a flight fails the flight: `err.code` is ERR_RETRY for a sick
 * database (SQLSTATE classes 08, 40, 53, 55, 57, a lost connection, a passed deadline),
 * ERR_REJECT for data (22, 23), ERR_BROKEN for the rest. A released connection that is still in
 * a transaction is rolled back before it is used again.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"
#include "bot/base/value.h"
#include "bot/loop/loop.h"

#include <libpq-fe.h>

/* A query of store/sql/, made a constant by the build: SQL_OUTBOX_CLAIM. */
struct sql {
    const char *name;
    const char *text;
    int n_params;
    size_t at; /* its place in sql_all, counted from 1; 0: not among them */
};

/* --- parameters: binary, in an arena ------------------------------------------------------ */

struct db_param {
    const char *bytes; /* NULL is SQL NULL */
    int len;
};

struct db_param param_null(void);
struct db_param param_bool(struct arena *into, bool yes);
struct db_param param_int4(struct arena *into, int32_t number);
struct db_param param_int8(struct arena *into, int64_t number);
struct db_param param_text(struct str text); /* also bytea, json; borrowed; STR_NONE is NULL */
struct db_param param_uuid(struct arena *into, struct uuid id);
struct db_param param_time(struct arena *into, usec_t time); /* timestamptz; 0 is NULL */

/* Arrays are built column by column, for `unnest($1::uuid[], $2::text[], ...)`. */
enum db_type { DB_BOOL, DB_INT2, DB_INT4, DB_INT8, DB_TEXT, DB_BYTEA, DB_UUID, DB_TIME };

struct db_array {
    struct arena *into;
    enum db_type type;
    char *bytes;
    size_t len, room;
    size_t n;
};
void array_init(struct db_array *array, struct arena *into, enum db_type type);
void array_null(struct db_array *array);
void array_bool(struct db_array *array, bool yes);
void array_int(struct db_array *array,
               int64_t number); /* INT2, INT4, INT8 by the array's type */
void array_text(struct db_array *array,
                struct str text); /* TEXT, BYTEA; a NULL pointer is NULL */
void array_uuid(struct db_array *array, struct uuid id);
void array_time(struct db_array *array, usec_t time); /* 0 is NULL */
struct db_param param_array(struct db_array *array);

/* --- results: binary, borrowed from the flight ---------------------------------------------
 */

int rows_n(const PGresult *rows);
int64_t rows_changed(const PGresult *rows); /* of an INSERT, UPDATE or DELETE */
bool row_null(const PGresult *rows, int row, int column);
bool row_bool(const PGresult *rows, int row, int column);
int64_t row_int(const PGresult *rows, int row, int column); /* int2, int4, int8; 0 for NULL */
struct str row_text(const PGresult *rows, int row,
                    int column); /* text, bytea, json; empty for NULL */
struct uuid row_uuid(const PGresult *rows, int row, int column);
usec_t row_time(const PGresult *rows, int row, int column); /* 0 for NULL */

/*
 * Rows as values, copied into the arena: each row a record of its columns by name; columns
 * "X_minor" and "X_currency" together are the money "X"; NULL columns are left out; a json
 * column is read as a list or record (numbers as int, text as text, {"minor","currency"} as
 * money,
 * {"time": "<usec>"} as an instant).
 */
MUST_USE bool rows_to_values(struct arena *into, const PGresult *rows, struct value *list,
                             struct err *err);

/* --- flights --------------------------------------------------------------------------------
 */

struct db;
struct db_conn;

#define FLIGHT_QUERIES_MAX 1024 /* the arrays grow in the arena */

struct db_flight {
    struct arena *into; /* in: parameters are copied nowhere: they must live until `done` */
    usec_t deadline; /* in: duration; 0: the pool's default. Passing it cancels and closes the
                        connection */
    void (*done)(struct db_flight *flight);
    /* out */
    PGresult **results; /* one for each query, cleared after `done` returns */
    size_t n;
    struct err err; /* err.code is ERR_NONE when all went well */
    char sqlstate[6];
    bool late;     /* the deadline passed: what it asked takes too long, or nobody is there */
    size_t failed; /* which query failed */
    /* the pool's own */
    bool stale;
    void *internal;
    size_t room;
};

/* A flight begins empty; `into` is kept. Queries go out in the order they were added. */
void flight_init(struct db_flight *flight, struct arena *into);
void flight_add(struct db_conn *conn, struct db_flight *flight, const struct sql *sql,
                const struct db_param *params);
/* A command without parameters: BEGIN, COMMIT, a validated SET LOCAL. */
void flight_add_text(struct db_conn *conn, struct db_flight *flight, const char *command);
/* Send. Nothing else may be added; `done` runs once, from the loop. */
void flight_go(struct db_conn *conn, struct db_flight *flight);

/* --- leases
 * ----------------------------------------------------------------------------------- */

struct db_lease {
    usec_t deadline; /* in: how long to wait for a connection; 0: the pool's default */
    void (*done)(struct db_lease *lease);
    struct db_conn *conn; /* out; NULL when err is set */
    struct err err;
    struct db_lease *next; /* the pool's own */
    usec_t until;
};

/* Ask for a connection; first come, first served. */
void db_lease(struct db *db, struct db_lease *lease);
/* Give it back. No flight may be under way. */
void db_release(struct db *db, struct db_conn *conn);

/*
 * One query, or a few, in a transaction of their own for one business, on any free connection:
 * what most modules need. Fill `flight`-like inputs with `call_add`, then `db_call`.
 */
struct db_call {
    struct arena *into;
    struct uuid org;      /* SET LOCAL parley.org_id; none: a global table */
    struct uuid customer; /* SET LOCAL parley.customer_id; none: unset */
    usec_t deadline;
    void (*done)(struct db_call *call);
    /* out: results[i] of the i-th call_add */
    PGresult **results;
    size_t n;
    struct err err;
    char sqlstate[6];
    /* the pool's own */
    struct db_lease lease;
    struct db_flight flight;
    void *internal;
};
void call_init(struct db_call *call, struct arena *into, struct uuid org);
void call_add(struct db_call *call, const struct sql *sql, const struct db_param *params);
void db_call(struct db *db, struct db_call *call);

struct db_options {
    const char *url; /* a libpq connection string or URI; the password may come from a file */
    unsigned connections; /* kept open */
    usec_t connect_timeout;
    usec_t deadline;         /* default for flights and leases */
    const char *role;        /* "parley_bot": SET ROLE after connecting; NULL: as connected */
    const char *application; /* application_name */
    _Atomic bool *unfit; /* prepare all queries on one connection before it joins the pool, and
                            say here whether the schema lacks what they need; NULL: neither */
};

/* Returns at once; connections are made in the background and remade with backoff. */
MUST_USE bool db_create(struct loop *loop, const struct db_options *options, struct db **db,
                        struct err *err);
/* Everything under way ends with ERR_CANCELED; `closed` runs when all handles are gone. */
void db_close(struct db *db, void (*closed)(struct db *db));
void db_destroy(struct db *db); /* after `closed`; accepts NULL */

struct db_health {
    unsigned open, busy, waiting; /* connections ready, of these leased; leases that wait */
    struct err last;              /* why the last connection could not be made */
};
void db_health(const struct db *db, struct db_health *health);

/* --- transactions' first words ---------------------------------------------------------------
 */

/* "SET LOCAL parley.org_id = '...'" and the like, made from a uuid, so that nothing else can
 * get in. */
void flight_set_org(struct db_conn *conn, struct db_flight *flight, struct uuid org);
void flight_set_customer(struct db_conn *conn, struct db_flight *flight,
                         struct uuid customer); /* none: '' */
