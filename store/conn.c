/*
 * One connection of the pool.
 *
 * Always true: while there is a PGconn there is a watch on its socket and never two; `timer`
 * serves whatever the state waits for; a flight that ended has left `conn->flight` before its
 * `done` runs, so `done` may send the next one or release the connection.
 *
 * We never send a cancel request, since libpq's waits for an answer: the server is asked to
 * look after its client now and then (client_connection_check_interval), so closing the socket
 * ends what runs there.
 */
#include "store/db_parts.h"
#include "store/sql.h"

#include "bot/loop/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BACKOFF_FIRST (50 * USEC_PER_MSEC)
#define BACKOFF_MAX   (5 * USEC_PER_SEC)

static bool is_open(enum conn_state state)
{
    return state == CONN_IDLE || state == CONN_LEASED || state == CONN_CLEANING;
}

static void timer_gone(struct timer *timer)
{
    struct db_conn *conn = CONTAINER_OF(timer, struct db_conn, timer);
    conn->db->open_handles--;
    pool_wake(conn->db);
}

static void conn_enter(struct db_conn *conn, enum conn_state state)
{
    bool was_open = is_open(conn->state);
    conn->state = state;
    if (was_open != is_open(state))
        pool_count(conn->db, !was_open);
    if (state == CONN_SHUT) {
        conn->db->open_handles++;
        timer_close(&conn->timer, timer_gone);
        arena_finish(&conn->arena);
    }
    if (state == CONN_SHUT || state == CONN_IDLE)
        pool_wake(conn->db);
}

/* --- the socket ----------------------------------------------------------------------------
 */

static void watch_gone(struct poll_watch *poll)
{
    struct conn_watch *watch = CONTAINER_OF(poll, struct conn_watch, poll);
    struct db *db = watch->db;
    free(watch);
    db->open_handles--;
    pool_wake(db);
}

static void watch_end(struct db_conn *conn)
{
    if (!conn->watch)
        return;
    conn->watch->conn = NULL;
    poll_close(&conn->watch->poll, watch_gone);
    conn->watch = NULL;
}

static void conn_ready(struct poll_watch *poll, int status, int events);

static bool watch_begin(struct db_conn *conn, struct err *err)
{
    watch_end(conn);
    struct conn_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        abort();
    watch->conn = conn;
    watch->db = conn->db;
    if (!poll_open(conn->db->loop, &watch->poll, PQsocket(conn->pg), conn_ready, err)) {
        free(watch);
        return false;
    }
    conn->db->open_handles++;
    conn->watch = watch;
    return true;
}

static void conn_disconnect(struct db_conn *conn)
{
    timer_stop(&conn->timer);
    watch_end(conn);
    PQfinish(conn->pg);
    conn->pg = NULL;
}

/* --- losing it, and trying again -----------------------------------------------------------
 */

static void timer_fired(struct timer *timer);

/* Half as long again or half as short, so that a thousand clients do not come back at once. */
static usec_t with_jitter(usec_t delay)
{
    uint32_t chance = 0;
    random_bytes(&chance, sizeof(chance));
    return delay / 2 + (usec_t)((double)delay * chance / UINT32_MAX);
}

static void conn_down(struct db_conn *conn)
{
    if (conn->db->closing) {
        conn_enter(conn, CONN_SHUT);
        return;
    }
    usec_t delay = BACKOFF_FIRST << (conn->failures < 8 ? conn->failures : 8);
    if (conn->stale)
        delay = 0;
    conn->stale = false;
    conn->failures++;
    conn_enter(conn, CONN_DOWN);
    timer_start(conn->db->loop, &conn->timer,
                with_jitter(delay < BACKOFF_MAX ? delay : BACKOFF_MAX), timer_fired);
}

static void run_ending(struct loop_task *task)
{
    struct db_conn *conn = CONTAINER_OF(task, struct db_conn, ending);
    struct db_flight *flight = conn->flight;
    conn->flight = NULL;
    flight_end(flight);
}

/* The PGconn is of no use any more. A flight under way ends at the end of the loop's turn. */
static void conn_lose(struct db_conn *conn, const struct err *why)
{
    conn->lost = *why;
    if (why->code != ERR_CANCELED)
        conn->db->last = *why;
    conn_disconnect(conn);
    if (conn->state == CONN_LEASED)
        conn_enter(conn, CONN_LOST);
    if (conn->flight) {
        if (conn->flight->err.code == ERR_NONE)
            conn->flight->err = *why;
        loop_post(conn->db->loop, &conn->ending, run_ending);
    } else if (conn->state != CONN_LOST) {
        conn_down(conn);
    }
}

/* libpq's messages end in a newline and may have several lines. */
static void conn_lose_saying(struct db_conn *conn, const char *what)
{
    struct err err;
    struct str said = str_trim(str_from(PQerrorMessage(conn->pg)));
    (void)err_raise(&err, ERR_RETRY, "%s: %.*s", what, STR_ARG(said));
    for (char *at = err.text; *at; at++) {
        if (*at == '\n')
            *at = ' ';
    }
    conn_lose(conn, &err);
}

static void timer_fired(struct timer *timer)
{
    struct db_conn *conn = CONTAINER_OF(timer, struct db_conn, timer);
    struct err err;
    if (conn->state == CONN_DOWN) {
        conn_start(conn);
    } else if (conn->state == CONN_CONNECTING) {
        (void)err_raise(&err, ERR_RETRY, "connect: no answer in time");
        conn_lose(conn, &err);
    } else {
        if (conn->flight)
            conn->flight->late = true;
        (void)err_raise(&err, ERR_RETRY, "database: no answer in time");
        conn_lose(conn, &err);
    }
}

/* --- flights -------------------------------------------------------------------------------
 */

static void conn_flush(struct db_conn *conn)
{
    int rest = PQflush(conn->pg);
    if (rest < 0) {
        conn_lose_saying(conn, "write");
    } else {
        poll_want(&conn->watch->poll, UV_READABLE | (rest ? UV_WRITABLE : 0));
    }
}

static void send_flight(struct db_conn *conn, struct db_flight *flight)
{
    assert(!conn->flight);
    flight->results = calloc(flight->n + 1, sizeof(PGresult *));
    if (!flight->results)
        abort();
    conn->flight = flight;
    conn->answered = 0;
    if (!conn->pg) {
        flight->err = conn->lost;
        loop_post(conn->db->loop, &conn->ending, run_ending);
        return;
    }
    timer_start(conn->db->loop, &conn->timer,
                flight->deadline ? flight->deadline : conn->db->options.deadline, timer_fired);
    if (!flight_write(flight, conn)) {
        conn_lose_saying(conn, "send");
    } else {
        conn_flush(conn);
    }
}

void flight_go(struct db_conn *conn, struct db_flight *flight)
{
    assert(conn->state == CONN_LEASED || conn->state == CONN_LOST);
    send_flight(conn, flight);
}

static void conn_landed(struct db_conn *conn)
{
    struct db_flight *flight = conn->flight;
    conn->flight = NULL;
    timer_stop(&conn->timer);
    if (flight_found_stale(flight))
        conn->stale = true;
    flight_end(flight);
}

/* A NULL comes after each query's result; the sync ends the flight. `done` may have closed the
 * connection or sent the next flight. */
static void conn_read_results(struct db_conn *conn)
{
    while (conn->pg && conn->flight && !PQisBusy(conn->pg)) {
        PGresult *result = PQgetResult(conn->pg);
        if (!result) {
            if (PQstatus(conn->pg) == CONNECTION_BAD)
                return;
            conn->answered++;
        } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            conn_landed(conn);
        } else if (conn->answered < conn->n_ahead) {
            flight_take_ahead(conn->flight, conn, result);
        } else {
            flight_take(conn->flight, conn->answered - conn->n_ahead, result);
        }
    }
}

static void conn_read(struct db_conn *conn)
{
    bool whole = PQconsumeInput(conn->pg);
    conn_read_results(conn);
    /* The last words of a server that closes are results, and are read first. */
    if (conn->pg && (!whole || PQstatus(conn->pg) == CONNECTION_BAD))
        conn_lose_saying(conn, "connection lost");
}

/* --- connecting ----------------------------------------------------------------------------
 */

static bool checks_schema(const struct db_conn *conn)
{
    return conn->db->options.unfit != NULL && conn == conn->db->conns;
}

/* Of other errors, nobody knows what they say of the schema. */
static void tell_fit(const struct db_conn *conn, const struct db_flight *flight)
{
    static const char missing[] = "42"; /* a class of SQLSTATE: syntax and names */

    if (checks_schema(conn) &&
        (flight->err.code == ERR_NONE || strncmp(flight->sqlstate, missing, 2) == 0))
        atomic_store(conn->db->options.unfit, flight->err.code != ERR_NONE);
}

static void own_done(struct db_flight *flight)
{
    struct db_conn *conn = CONTAINER_OF(flight, struct db_conn, own);
    tell_fit(conn, flight);
    if (flight->err.code == ERR_NONE && conn->pg && !conn->db->closing) {
        conn->failures = 0;
        arena_finish(&conn->arena); /* of all queries there are it is megabytes */
        conn_enter(conn, CONN_IDLE);
        return;
    }
    if (flight->err.code != ERR_NONE && conn->pg) {
        conn->db->last = flight->err;
        log_event(LOG_WARN, "db.refused", LOG_ERR(&flight->err));
    }
    conn_disconnect(conn);
    conn_down(conn);
}

static void own_begin(struct db_conn *conn)
{
    arena_reset(&conn->arena);
    flight_init(&conn->own, &conn->arena);
    conn->own.deadline = conn->db->options.connect_timeout;
    conn->own.done = own_done;
}

static const char *role_command(struct db_conn *conn)
{
    char *quoted = PQescapeIdentifier(conn->pg, conn->db->role, strlen(conn->db->role));
    if (!quoted)
        abort();
    const char *command = arena_format(&conn->arena, "SET ROLE %s", quoted).at;
    PQfreemem(quoted);
    return command;
}

/* Every query of ours reaches its rows by an index from few keys. The planner, whose statistics
 * are always of yesterday and whose plan is kept for as long as the connection, would now and
 * then read a whole table instead: on a young table that cost six times the CPU of a turn. By
 * index also means in the order of the keys, and locks are taken in that order. */
static const char *const settings[] = {"SET lock_timeout = '250ms'",
                                       "SET client_connection_check_interval = '1s'",
                                       "SET jit = off",
                                       "SET plan_cache_mode = force_generic_plan",
                                       "SET enable_seqscan = off",
                                       "SET enable_hashjoin = off",
                                       "SET enable_mergejoin = off",
                                       "SET enable_material = off",
                                       "SET enable_bitmapscan = off",
                                       "SET TimeZone = 'UTC'"};

/* Everything there is, so that what does not fit the schema is found now and not in the middle
 * of the night. The others get to know what they need, when they need it: parsing some hundred
 * queries costs a connection a tenth of a second of CPU and some megabytes for good. */
static void add_all(struct db_conn *conn)
{
    for (size_t i = 0; i < sql_all_n; i++) {
        conn->known[i + 1] = true;
        flight_add_query(&conn->own, &(struct flight_query){.kind = FLIGHT_PREPARE,
                                                            .name = sql_all[i]->name,
                                                            .text = sql_all[i]->text});
    }
}

static void conn_prepare(struct db_conn *conn)
{
    conn_enter(conn, CONN_PREPARING);
    own_begin(conn);
    for (size_t i = 0; i < COUNTOF(settings); i++)
        flight_add_text(conn, &conn->own, settings[i]);
    if (conn->db->role)
        flight_add_text(conn, &conn->own, role_command(conn));
    for (size_t i = 0; i < sql_all_n; i++)
        conn->known[i + 1] = false;
    if (checks_schema(conn))
        add_all(conn);
    send_flight(conn, &conn->own);
}

static void conn_connect_on(struct db_conn *conn)
{
    struct err err = {.code = ERR_NONE};
    PostgresPollingStatusType step = PQconnectPoll(conn->pg);
    if (step == PGRES_POLLING_FAILED) {
        conn_lose_saying(conn, "connect");
        return;
    }
    /* libpq may have moved to another socket, even to one of the same number. */
    if (!watch_begin(conn, &err)) {
        conn_lose(conn, &err);
        return;
    }
    if (step != PGRES_POLLING_OK) {
        poll_want(&conn->watch->poll,
                  step == PGRES_POLLING_WRITING ? UV_WRITABLE : UV_READABLE);
    } else if (PQsetnonblocking(conn->pg, 1) != 0 || !PQenterPipelineMode(conn->pg)) {
        conn_lose_saying(conn, "pipeline mode");
    } else {
        conn_prepare(conn);
    }
}

static void conn_ready(struct poll_watch *poll, int status, int events)
{
    struct db_conn *conn = CONTAINER_OF(poll, struct conn_watch, poll)->conn;
    if (!conn)
        return;
    if (conn->state == CONN_CONNECTING) {
        conn_connect_on(conn);
        return;
    }
    /* libpq meets the error itself, and has words for it; but not yet, while others lie in the
     * socket before it, and with an error it is watched no more. */
    if (status < 0)
        poll_want(&conn->watch->poll, UV_READABLE);
    if (status < 0 || (events & UV_READABLE))
        conn_read(conn);
    if (conn->pg && (events & UV_WRITABLE))
        conn_flush(conn);
}

static void ignore_notice(void *owner, const PGresult *notice)
{
    (void)owner;
    (void)notice;
}

void conn_start(struct db_conn *conn)
{
    const struct db *db = conn->db;
    const char *names[] = {"dbname", "client_encoding", "application_name", NULL};
    const char *values[] = {db->url, "UTF8", db->application, NULL};
    struct err err = {.code = ERR_NONE};
    conn_enter(conn, CONN_CONNECTING);
    conn->pg = PQconnectStartParams(names, values, 1);
    if (!conn->pg)
        abort();
    PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
    timer_start(db->loop, &conn->timer, db->options.connect_timeout, timer_fired);
    if (PQstatus(conn->pg) == CONNECTION_BAD) {
        conn_lose_saying(conn, "connect");
        return;
    }
    if (!watch_begin(conn, &err)) {
        conn_lose(conn, &err);
    } else {
        poll_want(&conn->watch->poll, UV_WRITABLE);
    }
}

/* --- leases --------------------------------------------------------------------------------
 */

static void conn_roll_back(struct db_conn *conn)
{
    conn_enter(conn, CONN_CLEANING);
    own_begin(conn);
    flight_add_text(conn, &conn->own, "ROLLBACK");
    send_flight(conn, &conn->own);
}

void conn_release(struct db_conn *conn)
{
    assert(conn->state == CONN_LEASED || conn->state == CONN_LOST);
    assert(!conn->flight);
    if (!conn->pg || conn->stale || conn->db->closing) {
        conn_disconnect(conn);
        conn_down(conn);
    } else if (PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
        conn_roll_back(conn);
    } else {
        conn_enter(conn, CONN_IDLE);
    }
}

void conn_shut(struct db_conn *conn)
{
    struct err err;
    (void)err_raise(&err, ERR_CANCELED, "the pool is closing");
    switch (conn->state) {
    case CONN_CONNECTING:
    case CONN_PREPARING:
    case CONN_CLEANING:
    case CONN_LEASED:
    case CONN_IDLE:
        conn_lose(conn, &err);
        break;
    case CONN_DOWN:
        timer_stop(&conn->timer);
        conn_enter(conn, CONN_SHUT);
        break;
    case CONN_LOST: /* until it is released */
    case CONN_SHUT:
        break;
    }
}
