/*
 * Queries that travel together: one write, one sync, one answer.
 *
 * A flight gathers its queries in its arena and is written at once when it goes. After an error
 * PostgreSQL passes over the rest up to the sync, so the first error is the flight's, and the
 * results behind it are missing. The results' array is not in the arena: an owner may finish
 * the arena inside `done`, and results are cleared after it.
 */
#include "store/db_parts.h"
#include "store/sql.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

void flight_init(struct db_flight *flight, struct arena *into)
{
    *flight = (struct db_flight){.into = into};
}

void flight_add_query(struct db_flight *flight, const struct flight_query *query)
{
    struct flight_query *queries = flight->internal;
    assert(flight->n < FLIGHT_QUERIES_MAX);
    if (flight->n == flight->room) {
        flight->room = flight->room * 2 + 8;
        queries = arena_array(flight->into, struct flight_query, flight->room);
        if (flight->n > 0)
            memcpy(queries, flight->internal, flight->n * sizeof(*queries));
        flight->internal = queries;
    }
    queries[flight->n++] = *query;
}

void flight_add(struct db_conn *conn, struct db_flight *flight, const struct sql *sql,
                const struct db_param *params)
{
    (void)conn;
    size_t n = (size_t)sql->n_params;
    assert(n <= DB_PARAMS_MAX);
    const char **values = arena_array(flight->into, const char *, n);
    int *lengths = arena_array(flight->into, int, n);
    for (size_t i = 0; i < n; i++) {
        values[i] = params[i].bytes;
        lengths[i] = params[i].len;
    }
    flight_add_query(flight, &(struct flight_query){
                                 .kind = sql->name ? FLIGHT_PREPARED : FLIGHT_TEXT,
                                 .name = sql->name,
                                 .text = sql->text,
                                 .n_params = sql->n_params,
                                 .at = sql->at,
                                 .values = values,
                                 .lengths = lengths,
                             });
}

void flight_add_text(struct db_conn *conn, struct db_flight *flight, const char *command)
{
    (void)conn;
    flight_add_query(flight, &(struct flight_query){.kind = FLIGHT_TEXT, .text = command});
}

static void add_setting(struct db_flight *flight, const char *name, struct uuid id)
{
    char text[UUID_TEXT_LEN + 1] = "";
    if (!uuid_is_none(id))
        uuid_format(id, text);
    flight_add_text(NULL, flight,
                    arena_format(flight->into, "SET LOCAL parley.%s = '%s'", name, text).at);
}

void flight_set_org(struct db_conn *conn, struct db_flight *flight, struct uuid org)
{
    (void)conn;
    add_setting(flight, "org_id", org);
}

void flight_set_customer(struct db_conn *conn, struct db_flight *flight, struct uuid customer)
{
    (void)conn;
    add_setting(flight, "customer_id", customer);
}

static bool write_query(const struct flight_query *query, PGconn *pg)
{
    static const int binary[DB_PARAMS_MAX] = {[0 ... DB_PARAMS_MAX - 1] = 1};
    switch (query->kind) {
    case FLIGHT_PREPARED:
        return PQsendQueryPrepared(pg, query->name, query->n_params, query->values,
                                   query->lengths, binary, 1);
    case FLIGHT_TEXT:
        return PQsendQueryParams(pg, query->text, query->n_params, NULL, query->values,
                                 query->lengths, binary, 1);
    case FLIGHT_PREPARE:
        return PQsendPrepare(pg, query->name, query->text, 0, NULL);
    }
    return false;
}

static bool is_ahead(const struct db_conn *conn, size_t at)
{
    for (size_t i = 0; i < conn->n_ahead; i++) {
        if (conn->ahead[i] == at)
            return true;
    }
    return false;
}

/* First of all, so that whatever fails later has not kept it from being known. */
static bool write_ahead(const struct db_flight *flight, struct db_conn *conn)
{
    const struct flight_query *queries = flight->internal;
    conn->n_ahead = 0;
    for (size_t i = 0; i < flight->n; i++) {
        size_t at = queries[i].at;
        if (queries[i].kind != FLIGHT_PREPARED || at == 0 || conn->known[at] ||
            is_ahead(conn, at))
            continue;
        conn->ahead[conn->n_ahead++] = at;
        if (!PQsendPrepare(conn->pg, queries[i].name, queries[i].text, 0, NULL))
            return false;
    }
    return true;
}

bool flight_write(struct db_flight *flight, struct db_conn *conn)
{
    const struct flight_query *queries = flight->internal;
    if (!write_ahead(flight, conn))
        return false;
    for (size_t i = 0; i < flight->n; i++) {
        if (!write_query(&queries[i], conn->pg))
            return false;
    }
    return PQpipelineSync(conn->pg);
}

/* --- errors --------------------------------------------------------------------------------
 */

static bool class_is(const char *state, const char *classes)
{
    for (; *classes; classes += 2) {
        if (strncmp(state, classes, 2) == 0)
            return true;
    }
    return false;
}

/* A query that asks for more than there can be (54: a text too long for an index) is its data's
 * fault, as a wrong value is. */
#define OF_DATA "222354"

/* Also 58, the disk's own errors; a standby that will not write; a transaction left idle. */
static enum err_code code_of_state(const char *state, bool stale)
{
    if (stale || class_is(state, "0840535557") || class_is(state, "58") ||
        strcmp(state, "25006") == 0 || strcmp(state, "25P03") == 0)
        return ERR_RETRY;
    return class_is(state, OF_DATA) || strcmp(state, "0A000") == 0 ? ERR_REJECT : ERR_BROKEN;
}

bool flight_found_stale(const struct db_flight *flight)
{
    return flight->stale;
}

static const char *error_part(const PGresult *result, int part)
{
    const char *text = PQresultErrorField(result, part);
    return text ? text : "";
}

/* Whether a plan or a prepared query has gone out of date, as after a migration. "Not
 * supported" is said of values, too (an infinity as a whole number): those are never supported.
 */
static bool is_stale(const PGresult *result)
{
    const char *state = error_part(result, PG_DIAG_SQLSTATE);

    return strcmp(state, "26000") == 0 ||
           (strcmp(state, "0A000") == 0 &&
            strcmp(error_part(result, PG_DIAG_SOURCE_FUNCTION), "RevalidateCachedQuery") == 0);
}

/* What PostgreSQL says of data may quote the data, and people's words have no place in an
 * error: those errors name the constraint and the column only. */
static void raise_result(struct db_flight *flight, const char *what, const PGresult *result)
{
    const char *state = error_part(result, PG_DIAG_SQLSTATE);
    if (state[0] == '\0') { /* libpq's own words: the connection is gone */
        (void)err_raise(&flight->err, ERR_RETRY, "%s: the connection was lost", what);
        return;
    }
    (void)snprintf(flight->sqlstate, sizeof(flight->sqlstate), "%s", state);
    flight->stale = is_stale(result);
    enum err_code code = code_of_state(flight->sqlstate, flight->stale);
    if (code == ERR_REJECT) {
        (void)err_raise(&flight->err, code, "%s: data error %s %s %s %s", what, state,
                        error_part(result, PG_DIAG_TABLE_NAME),
                        error_part(result, PG_DIAG_COLUMN_NAME),
                        error_part(result, PG_DIAG_CONSTRAINT_NAME));
    } else {
        (void)err_raise(&flight->err, code, "%s: %s %s", what, state,
                        error_part(result, PG_DIAG_MESSAGE_PRIMARY));
    }
}

/* A COMMIT of a transaction that has failed succeeds, and says ROLLBACK. */
static bool is_false_commit(const struct flight_query *query, PGresult *result)
{
    return query->kind == FLIGHT_TEXT && strncasecmp(query->text, "commit", 6) == 0 &&
           strcmp(PQcmdStatus(result), "ROLLBACK") == 0;
}

static const char *query_name(const struct flight_query *query)
{
    return query->name ? query->name : "command";
}

static void flight_judge(struct db_flight *flight, size_t at, PGresult *result)
{
    const struct flight_query *query = (const struct flight_query *)flight->internal + at;
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
        if (is_false_commit(query, result))
            (void)err_raise(&flight->err, ERR_BROKEN, "commit: the transaction had failed");
        break;
    case PGRES_TUPLES_OK:
    case PGRES_PIPELINE_ABORTED:
        break;
    case PGRES_FATAL_ERROR:
        raise_result(flight, query_name(query), result);
        break;
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_SINGLE_TUPLE:
    case PGRES_PIPELINE_SYNC:
    default:
        (void)err_raise(&flight->err, ERR_BROKEN, "%s: unexpected answer: %s",
                        query_name(query), PQresStatus(PQresultStatus(result)));
    }
}

void flight_take(struct db_flight *flight, size_t query, PGresult *result)
{
    if (query >= flight->n || flight->results[query]) {
        PQclear(result);
        return;
    }
    flight->results[query] = result;
    if (flight->err.code != ERR_NONE)
        return;
    flight_judge(flight, query, result);
    if (flight->err.code != ERR_NONE)
        flight->failed = query;
}

void flight_take_ahead(struct db_flight *flight, struct db_conn *conn, PGresult *result)
{
    size_t at = conn->ahead[conn->answered];
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        conn->known[at] = true;
    } else if (flight->err.code == ERR_NONE) {
        raise_result(flight, sql_all[at - 1]->name, result);
        flight->err.code =
            ERR_RETRY; /* the schema does not fit, which is nobody's data's fault */
        flight->failed = 0;
    }
    PQclear(result);
}

void flight_end(struct db_flight *flight)
{
    PGresult **results = flight->results;
    size_t n = flight->n;
    flight->done(flight); /* which may have freed or reused it */
    for (size_t i = 0; i < n; i++)
        PQclear(results[i]);
    free(results);
}
