#include "tests/support/store.h"

#include "bot/base/crypto.h"
#include "store/migrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct pg store_pg;

/* The same for the same migrations. */
static void name_schema(char name[2 * HASH16_LEN + 1])
{
    struct str *texts = calloc(migrations_all_n, sizeof *texts);
    assert_non_null(texts);
    for (size_t i = 0; i < migrations_all_n; i++)
        texts[i] = str_from(migrations_all[i].text);
    struct hash16 hash = hash16_of(texts, migrations_all_n);
    hex_format(hash.bytes, sizeof hash.bytes, name);
    free(texts);
}

void store_open(void)
{
    struct err err = {.code = ERR_NONE};
    size_t applied = 0;
    char name[2 * HASH16_LEN + 1];
    if (!crypto_init(&err))
        exit(1);
    name_schema(name);
    if (pg_start_kept(&store_pg, name))
        return;
    if (!pg_start(&store_pg, NULL))
        exit(1);
    const struct migrate_options options = {.url = store_pg.url};
    if (!migrate_run(&options, &applied, &err)) {
        (void)fprintf(stderr, "migrate: %s\n", err.text);
        pg_stop(&store_pg);
        exit(1);
    }
    if (!pg_keep(&store_pg, name))
        exit(1);
}

void store_shut(void)
{
    pg_stop(&store_pg);
}

PGconn *owner_connect(void)
{
    PGconn *conn = PQconnectdb(pg_url(&store_pg, "parley"));
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return conn;
}

void run_sql(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s\n%s", PQerrorMessage(conn), sql);
    PQclear(result);
}

void nobody_sleeps(PGconn *conn)
{
    run_sql(conn,
            "insert into customer_settings (org_id, customer_id, quiet) select org_id, "
            "customer_id, false from customers on conflict (org_id, customer_id) do update "
            "set quiet = false");
}

long ask_number(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("%s\n%s", PQerrorMessage(conn), sql);
    long number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

const char *try_sql(PGconn *conn, const char *sql)
{
    static char state[6];
    PGresult *result = PQexec(conn, sql);
    const char *got = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    (void)snprintf(state, sizeof(state), "%s", got ? got : "00000");
    PQclear(result);
    return state;
}

void rig_open(struct rig *rig, const struct db_options *options)
{
    struct err err = {.code = ERR_NONE};
    struct db_options filled = *options;
    *rig = (struct rig){.closed = false};
    if (!filled.url)
        filled.url = pg_url(&store_pg, "parley");
    assert_true(loop_init(&rig->loop, &err));
    assert_true(db_create(&rig->loop, &filled, &rig->db, &err));
}

static struct rig *closing;

static void closed(struct db *db)
{
    assert_ptr_equal(db, closing->db);
    assert_false(closing->closed);
    closing->closed = true;
}

void rig_close(struct rig *rig)
{
    closing = rig;
    db_close(rig->db, closed);
    assert_false(rig->closed);
    turn_until(rig, &rig->closed, 5 * USEC_PER_SEC);
    db_destroy(rig->db);
    assert_true(loop_finish(&rig->loop));
    arena_finish(&rig->arena);
}

static void nothing(uv_timer_t *timer)
{
    (void)timer;
}

/* A tick keeps the loop from sleeping through the limit. */
static void turn_with_tick(struct rig *rig, const bool *flag, usec_t limit)
{
    uv_timer_t tick;
    usec_t end = clock_monotonic() + limit;
    uv_timer_init(&rig->loop.uv, &tick);
    uv_timer_start(&tick, nothing, 5, 5);
    while (!(flag && *flag) && clock_monotonic() < end)
        uv_run(&rig->loop.uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&rig->loop.uv, UV_RUN_NOWAIT);
}

void turn_until(struct rig *rig, const bool *flag, usec_t limit)
{
    turn_with_tick(rig, flag, limit);
    if (!*flag)
        fail_msg("it did not happen in %d ms", (int)(limit / USEC_PER_MSEC));
}

void turn_for(struct rig *rig, usec_t time)
{
    turn_with_tick(rig, NULL, time);
}

struct waited_lease {
    struct db_lease lease;
    bool done;
};

static void lease_done(struct db_lease *lease)
{
    CONTAINER_OF(lease, struct waited_lease, lease)->done = true;
}

struct db_conn *wait_lease(struct rig *rig)
{
    struct waited_lease waited = {.lease.done = lease_done};
    db_lease(rig->db, &waited.lease);
    assert_false(waited.done);
    turn_until(rig, &waited.done, 10 * USEC_PER_SEC);
    if (!waited.lease.conn)
        fail_msg("%s", waited.lease.err.text);
    return waited.lease.conn;
}

static void copy_results(PGresult **from, size_t n, PGresult **to)
{
    for (size_t i = 0; from && i < n && i < 16; i++)
        to[i] = from[i] ? PQcopyResult(from[i], PG_COPYRES_ATTRS | PG_COPYRES_TUPLES) : NULL;
}

static void clear_results(PGresult **results)
{
    for (size_t i = 0; i < 16; i++)
        PQclear(results[i]);
}

void flown_done(struct db_flight *flight)
{
    struct flown *flown = CONTAINER_OF(flight, struct flown, flight);
    assert_false(flown->done);
    copy_results(flight->results, flight->n, flown->results);
    flown->err = flight->err;
    flown->done = true;
}

void wait_flight(struct rig *rig, struct db_conn *conn, struct flown *flown)
{
    flown->flight.done = flown_done;
    flight_go(conn, &flown->flight);
    assert_false(flown->done);
    turn_until(rig, &flown->done, 10 * USEC_PER_SEC);
}

void flown_clear(struct flown *flown)
{
    clear_results(flown->results);
    *flown = (struct flown){.done = false};
}

void called_done(struct db_call *call)
{
    struct called *called = CONTAINER_OF(call, struct called, call);
    assert_false(called->done);
    copy_results(call->results, call->n, called->results);
    called->done = true;
}

void wait_call(struct rig *rig, struct called *called)
{
    called->call.done = called_done;
    db_call(rig->db, &called->call);
    assert_false(called->done);
    turn_until(rig, &called->done, 10 * USEC_PER_SEC);
}

void called_clear(struct called *called)
{
    clear_results(called->results);
    *called = (struct called){.done = false};
}
