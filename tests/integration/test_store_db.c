/*
 * The pool, against a real server that is killed, restarted and kept busy.
 */
#include "store/sql.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct uuid org_one = {
    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
};
static const struct db_options two = {.connections = 2, .application = "test"};

#define QUERY(n, words) (&(const struct sql){.text = (words), .n_params = (n)})

/* One query in a call; the test fails if that fails. */
static void call_one(struct rig *rig, struct called *called, const struct sql *sql,
                     const struct db_param *params)
{
    called_clear(called);
    call_init(&called->call, &rig->arena, (struct uuid){{0}});
    call_add(&called->call, sql, params);
    wait_call(rig, called);
    if (called->call.err.code != ERR_NONE)
        fail_msg("%s", called->call.err.text);
}

/* --- values --------------------------------------------------------------------------------
 */

static void every_type_survives_the_round_trip(void **state)
{
    (void)state;
    struct rig rig;
    struct called got = {.done = false};
    rig_open(&rig, &two);
    struct arena *a = &rig.arena;
    struct str hostile = {"\x01 ' \" \\ \xf0\x9f\x9a\xb2 $1 %s", 16};
    struct str bytes = {"\0\xff\0", 3};
    const usec_t times[] = {1, -1, 1795168800123456, 946684800 * USEC_PER_SEC, INT64_MAX};
    for (size_t i = 0; i < COUNTOF(times); i++) {
        const struct db_param params[] = {
            param_bool(a, true),         param_bool(a, false),     param_int4(a, INT16_MIN),
            param_int4(a, INT32_MIN),    param_int8(a, INT64_MIN), param_int8(a, INT64_MAX),
            param_text(hostile),         param_text(STR("")),      param_text(bytes),
            param_uuid(a, org_one),      param_time(a, times[i]),  param_time(a, 0),
            param_text(STR("{\"a\":1}"))};
        call_one(&rig, &got,
                 QUERY(13, "select $1::bool, $2::bool, $3::int4, $4::int4, $5::int8, $6::int8,"
                           " $7::text, $8::text, $9::bytea, $10::uuid, $11::timestamptz,"
                           " $12::timestamptz, $13::json, $13::json::jsonb, null::int8,"
                           " null::text, null::uuid, '-infinity'::timestamptz"),
                 params);
        const PGresult *rows = got.results[0];
        assert_int_equal(rows_n(rows), 1);
        assert_true(row_bool(rows, 0, 0));
        assert_false(row_bool(rows, 0, 1));
        assert_int_equal(row_int(rows, 0, 2), INT16_MIN);
        assert_int_equal(row_int(rows, 0, 3), INT32_MIN);
        assert_true(row_int(rows, 0, 4) == INT64_MIN && row_int(rows, 0, 5) == INT64_MAX);
        assert_true(str_eq(row_text(rows, 0, 6), hostile));
        assert_true(!row_null(rows, 0, 7) && row_text(rows, 0, 7).len == 0);
        assert_true(str_eq(row_text(rows, 0, 8), bytes));
        assert_true(uuid_eq(row_uuid(rows, 0, 9), org_one));
        assert_true(row_time(rows, 0, 10) == times[i]);
        assert_true(row_null(rows, 0, 11) && row_time(rows, 0, 11) == 0);
        assert_true(str_eq(row_text(rows, 0, 12), STR("{\"a\":1}")));
        assert_true(str_eq(row_text(rows, 0, 13), STR("{\"a\": 1}")));
        assert_int_equal(row_int(rows, 0, 14), 0);
        assert_int_equal(row_text(rows, 0, 15).len, 0);
        assert_true(uuid_is_none(row_uuid(rows, 0, 16)));
        assert_true(row_time(rows, 0, 17) == INT64_MIN);
    }
    called_clear(&got);
    rig_close(&rig);
}

static void an_array_survives_with_nulls_and_when_empty(void **state)
{
    (void)state;
    struct rig rig;
    struct called got = {.done = false};
    rig_open(&rig, &two);
    const size_t sizes[] = {0, 1, 2, 5000};
    for (size_t s = 0; s < COUNTOF(sizes); s++) {
        struct db_array arrays[8];
        struct db_param params[8];
        for (size_t t = 0; t < 8; t++)
            array_init(&arrays[t], &rig.arena, (enum db_type)t);
        for (size_t i = 0; i < sizes[s]; i++) {
            bool null = i % 3 == 1;
            for (size_t t = 0; null && t < 8; t++)
                array_null(&arrays[t]);
            if (null)
                continue;
            array_bool(&arrays[DB_BOOL], i % 2);
            array_int(&arrays[DB_INT2], -(int64_t)i);
            array_int(&arrays[DB_INT4], (int64_t)i * 100000);
            array_int(&arrays[DB_INT8], INT64_MIN + (int64_t)i);
            array_text(&arrays[DB_TEXT], arena_format(&rig.arena, "{,\"%zu\\}", i));
            array_text(&arrays[DB_BYTEA], (struct str){"\0\1", 2});
            array_uuid(&arrays[DB_UUID], org_one);
            array_time(&arrays[DB_TIME], (usec_t)i + 1);
        }
        for (size_t t = 0; t < 8; t++)
            params[t] = param_array(&arrays[t]);
        call_one(&rig, &got,
                 QUERY(8, "select * from unnest($1::bool[], $2::int2[], $3::int4[], $4::int8[],"
                          " $5::text[], $6::bytea[], $7::uuid[], $8::timestamptz[])"
                          " with ordinality order by ordinality"),
                 params);
        const PGresult *rows = got.results[0];
        assert_int_equal(rows_n(rows), sizes[s]);
        for (int i = 0; i < rows_n(rows); i++) {
            for (int t = 0; t < 8; t++)
                assert_int_equal(row_null(rows, i, t), i % 3 == 1);
            if (i % 3 == 1)
                continue;
            assert_int_equal(row_bool(rows, i, DB_BOOL), i % 2);
            assert_int_equal(row_int(rows, i, DB_INT2), -i);
            assert_int_equal(row_int(rows, i, DB_INT4), i * 100000);
            assert_true(row_int(rows, i, DB_INT8) == INT64_MIN + i);
            assert_true(
                str_eq(row_text(rows, i, DB_TEXT), arena_format(&rig.arena, "{,\"%d\\}", i)));
            assert_int_equal(row_text(rows, i, DB_BYTEA).len, 2);
            assert_true(uuid_eq(row_uuid(rows, i, DB_UUID), org_one));
            assert_true(row_time(rows, i, DB_TIME) == i + 1);
        }
    }
    called_clear(&got);
    rig_close(&rig);
}

static void rows_become_values_by_their_names_and_types(void **state)
{
    (void)state;
    struct rig rig;
    struct called got = {.done = false};
    struct err err = {.code = ERR_NONE};
    struct value all;
    rig_open(&rig, &two);
    call_one(&rig, &got,
             QUERY(0,
                   "select 1999::int8 as total_minor, 'EUR' as total_currency,"
                   " 'x'::text as name, true as ok, 7::int2 as n, null::text as missing,"
                   " null::int8 as due_minor, 'EUR' as due_currency,"
                   " 'PLN' as other_currency,"
                   " timestamptz '2026-11-20 10:00:00Z' as at,"
                   " '[{\"qty\":2,\"price\":{\"minor\":-5,\"currency\":\"JPY\"},"
                   "\"when\":{\"time\":\"1795168800000000\"},\"gone\":null,"
                   "\"never\":{\"time\":null},\"free\":{\"minor\":null,\"currency\":\"JPY\"},"
                   "\"yes\":true,\"word\":\"\\u00e9\"}]'::jsonb as items"),
             NULL);
    assert_true(rows_to_values(&rig.arena, got.results[0], &all, &err));
    assert_int_equal(all.list->n, 1);
    const struct record *row = all.list->items[0].record;
    struct value total = record_get(row, STR("total"));
    assert_int_equal(total.kind, VALUE_MONEY);
    assert_int_equal(total.money.minor, 1999);
    assert_string_equal(total.money.currency, "EUR");
    assert_int_equal(record_get(row, STR("total_minor")).kind, VALUE_NONE);
    assert_int_equal(record_get(row, STR("total_currency")).kind, VALUE_NONE);
    assert_int_equal(record_get(row, STR("missing")).kind, VALUE_NONE);
    assert_int_equal(record_get(row, STR("due")).kind, VALUE_NONE);
    assert_int_equal(record_get(row, STR("other_currency")).kind, VALUE_TEXT);
    assert_true(record_get(row, STR("ok")).yes);
    assert_int_equal(record_get(row, STR("n")).number, 7);
    assert_true(record_get(row, STR("at")).time == 1795168800 * USEC_PER_SEC);
    const struct record *item = record_get(row, STR("items")).list->items[0].record;
    assert_int_equal(record_get(item, STR("qty")).number, 2);
    assert_int_equal(record_get(item, STR("price")).money.minor, -5);
    assert_true(record_get(item, STR("when")).time == 1795168800 * USEC_PER_SEC);
    assert_int_equal(record_get(item, STR("gone")).kind, VALUE_NONE);
    assert_int_equal(record_get(item, STR("never")).kind, VALUE_NONE);
    assert_int_equal(record_get(item, STR("free")).kind, VALUE_NONE);
    assert_true(str_eq(record_get(item, STR("word")).text, STR("\u00e9")));

    call_one(&rig, &got, QUERY(0, "select 1.5::numeric as weight"), NULL);
    assert_false(rows_to_values(&rig.arena, got.results[0], &all, &err));
    assert_int_equal(err.code, ERR_BROKEN);
    call_one(&rig, &got, QUERY(0, "select 1::int8 as x_minor, 'ZZZ' as x_currency"), NULL);
    assert_false(rows_to_values(&rig.arena, got.results[0], &all, &err));
    called_clear(&got);
    rig_close(&rig);
}

/* --- flights and transactions --------------------------------------------------------------
 */

static void a_data_error_fails_the_flight_names_its_query_and_quotes_no_data(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown = {.done = false};
    rig_open(&rig, &two);
    struct db_conn *conn = wait_lease(&rig);
    flight_init(&flown.flight, &rig.arena);
    flight_add_text(conn, &flown.flight, "BEGIN");
    flight_add(conn, &flown.flight, QUERY(0, "create temp table t (id int primary key)"), NULL);
    struct db_param secret = param_text(STR("marked-words"));
    flight_add(conn, &flown.flight, QUERY(1, "select $1::text::int8"), &secret);
    flight_add_text(conn, &flown.flight, "COMMIT");
    wait_flight(&rig, conn, &flown);
    assert_int_equal(flown.err.code, ERR_REJECT);
    assert_int_equal(flown.flight.failed, 2);
    assert_string_equal(flown.flight.sqlstate, "22P02");
    assert_null(strstr(flown.err.text, "marked-words"));
    flown_clear(&flown);
    db_release(rig.db, conn);

    /* Rolled back: whoever comes next finds no transaction, and no table. */
    struct called got = {.done = false};
    for (int i = 0; i < 4; i++) {
        call_one(&rig, &got, QUERY(0, "select to_regclass('pg_temp.t') is null"), NULL);
        assert_true(row_bool(got.results[0], 0, 0));
    }
    called_clear(&got);
    rig_close(&rig);
}

static void a_transaction_spans_flights_and_is_rolled_back_when_released_open(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown = {.done = false};
    PGconn *owner = owner_connect();
    run_sql(owner, "create table kept (id int primary key)");
    rig_open(&rig, &(struct db_options){.connections = 1});
    for (int commit = 0; commit < 2; commit++) {
        struct db_conn *conn = wait_lease(&rig);
        const char *const steps[] = {"BEGIN", "insert into kept values (1)",
                                     commit ? "COMMIT" : "select 1"};
        for (size_t i = 0; i < COUNTOF(steps); i++) {
            flight_init(&flown.flight, &rig.arena);
            flight_add_text(conn, &flown.flight, steps[i]);
            wait_flight(&rig, conn, &flown);
            assert_int_equal(flown.err.code, ERR_NONE);
            flown_clear(&flown);
        }
        db_release(rig.db, conn);
        db_release(rig.db, wait_lease(&rig)); /* after the rollback */
        assert_int_equal(ask_number(owner, "select count(*) from kept"), commit);
    }
    run_sql(owner, "drop table kept");
    PQfinish(owner);
    rig_close(&rig);
}

static void the_commit_of_a_failed_transaction_is_no_success(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown = {.done = false};
    rig_open(&rig, &two);
    struct db_conn *conn = wait_lease(&rig);
    flight_init(&flown.flight, &rig.arena);
    flight_add_text(conn, &flown.flight, "BEGIN");
    flight_add_text(conn, &flown.flight, "select 1/0");
    wait_flight(&rig, conn, &flown);
    assert_int_equal(flown.err.code, ERR_REJECT);
    flown_clear(&flown);
    flight_init(&flown.flight, &rig.arena);
    flight_add_text(conn, &flown.flight, "COMMIT");
    wait_flight(&rig, conn, &flown);
    assert_int_equal(flown.err.code, ERR_BROKEN);
    flown_clear(&flown);
    db_release(rig.db, conn);
    rig_close(&rig);
}

static void an_error_of_ours_is_broken_and_a_lock_is_retry(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown = {.done = false};
    PGconn *owner = owner_connect();
    /* of its own: statements that are prepared wait for the tables that they name */
    run_sql(owner,
            "create table if not exists locked (); grant select on locked to parley_bot");
    run_sql(owner, "begin; lock table locked in access exclusive mode");
    rig_open(&rig, &two);
    const struct {
        const char *sql;
        enum err_code code;
    } cases[] = {
        {"select no_such_column",                      ERR_BROKEN},
        {"selekt 1",                                   ERR_BROKEN},
        {"select count(*) from locked",                ERR_RETRY },
        {"do $$ begin raise sqlstate '40001'; end $$", ERR_RETRY },
        {"do $$ begin raise sqlstate '53100'; end $$", ERR_RETRY },
        {"do $$ begin raise sqlstate '23505'; end $$", ERR_REJECT}
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct db_conn *conn = wait_lease(&rig);
        flight_init(&flown.flight, &rig.arena);
        flight_add_text(conn, &flown.flight, cases[i].sql);
        wait_flight(&rig, conn, &flown);
        assert_int_equal(flown.err.code, cases[i].code);
        flown_clear(&flown);
        db_release(rig.db, conn);
    }
    PQfinish(owner);
    rig_close(&rig);
}

static void a_flight_larger_than_the_sockets_buffers_arrives_whole(void **state)
{
    (void)state;
    struct rig rig;
    struct called called = {.done = false};
    rig_open(&rig, &two);
    size_t len = 300000;
    char *text = arena_alloc(&rig.arena, len);
    memset(text, 'x', len);
    call_init(&called.call, &rig.arena, org_one);
    for (size_t i = 0; i < 60; i++) {
        struct db_param param = param_text((struct str){text, len - i});
        call_add(&called.call, QUERY(1, "select length($1::text), $1::text"), &param);
    }
    wait_call(&rig, &called);
    assert_int_equal(called.call.err.code, ERR_NONE);
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(row_int(called.results[i], 0, 0), len - i);
        assert_int_equal(row_text(called.results[i], 0, 1).len, len - i);
    }
    called_clear(&called);
    rig_close(&rig);
}

static void an_empty_flight_is_answered(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown = {.done = false};
    rig_open(&rig, &two);
    struct db_conn *conn = wait_lease(&rig);
    flight_init(&flown.flight, &rig.arena);
    wait_flight(&rig, conn, &flown);
    assert_int_equal(flown.err.code, ERR_NONE);
    db_release(rig.db, conn);
    rig_close(&rig);
}

/* --- calls ---------------------------------------------------------------------------------
 */

static void a_call_runs_as_its_role_for_its_business_and_leaves_nothing_behind(void **state)
{
    (void)state;
    static const struct sql ask = {
        .text = "select current_user::text, current_setting('parley.org_id', true),"
                " current_setting('parley.customer_id', true)"};
    struct rig rig;
    struct called got = {.done = false};
    rig_open(&rig, &(struct db_options){.connections = 1, .role = "parley_bot"});
    call_init(&got.call, &rig.arena, org_one);
    got.call.customer = org_one;
    call_add(&got.call, &ask, NULL);
    wait_call(&rig, &got);
    assert_true(str_eq(row_text(got.results[0], 0, 0), STR("parley_bot")));
    assert_true(str_eq(row_text(got.results[0], 0, 1), uuid_str(&rig.arena, org_one)));
    assert_true(str_eq(row_text(got.results[0], 0, 2), uuid_str(&rig.arena, org_one)));
    call_one(&rig, &got, &ask, NULL);
    assert_int_equal(row_text(got.results[0], 0, 1).len, 0);
    assert_int_equal(row_text(got.results[0], 0, 2).len, 0);
    called_clear(&got);
    rig_close(&rig);
}

#define CALLS 1000

struct crowd {
    struct db_call calls[CALLS];
    struct arena arenas[CALLS];
    int times[CALLS];
    size_t left;
    bool all;
};
static struct crowd *crowd;

static void crowd_done(struct db_call *call)
{
    size_t i = (size_t)(call - crowd->calls);
    crowd->times[i]++;
    assert_int_equal(call->err.code, ERR_NONE);
    assert_int_equal(row_int(call->results[0], 0, 0), i);
    arena_finish(&crowd->arenas[i]); /* with all that the call was made of */
    crowd->all = --crowd->left == 0;
}

static void a_thousand_calls_at_once_each_get_their_own_answer(void **state)
{
    (void)state;
    struct rig rig;
    crowd = calloc(1, sizeof(*crowd));
    assert_non_null(crowd);
    crowd->left = CALLS;
    rig_open(&rig, &(struct db_options){.connections = 4, .deadline = 30 * USEC_PER_SEC});
    for (size_t i = 0; i < CALLS; i++) {
        struct db_param param = param_int8(&crowd->arenas[i], (int64_t)i);
        call_init(&crowd->calls[i], &crowd->arenas[i], org_one);
        call_add(&crowd->calls[i], QUERY(1, "select $1::int8"), &param);
        crowd->calls[i].done = crowd_done;
        db_call(rig.db, &crowd->calls[i]);
    }
    struct db_health health;
    db_health(rig.db, &health);
    assert_int_equal(health.waiting, CALLS);
    turn_until(&rig, &crowd->all, 30 * USEC_PER_SEC);
    for (size_t i = 0; i < CALLS; i++)
        assert_int_equal(crowd->times[i], 1);
    db_health(rig.db, &health);
    assert_int_equal(health.waiting, 0);
    assert_int_equal(health.busy, 0);
    free(crowd);
    rig_close(&rig);
}

/* --- a database in trouble -----------------------------------------------------------------
 */

static long backend_of(struct rig *rig, struct db_conn *conn)
{
    struct flown flown = {.done = false};
    flight_init(&flown.flight, &rig->arena);
    flight_add_text(conn, &flown.flight, "select pg_backend_pid()");
    wait_flight(rig, conn, &flown);
    long pid = (long)row_int(flown.results[0], 0, 0);
    flown_clear(&flown);
    return pid;
}

static void kill_backend(PGconn *owner, long pid)
{
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "select pg_terminate_backend(%ld, 2000)", pid);
    run_sql(owner, sql);
}

/* Send without waiting; `land` waits. */
static void take_off(struct rig *rig, struct db_conn *conn, struct flown *flown,
                     const char *const *commands, usec_t deadline)
{
    *flown = (struct flown){.done = false};
    flight_init(&flown->flight, &rig->arena);
    for (; *commands; commands++)
        flight_add_text(conn, &flown->flight, *commands);
    flown->flight.deadline = deadline;
    flown->flight.done = flown_done;
    flight_go(conn, &flown->flight);
    assert_false(flown->done);
}

static void a_connection_killed_in_flight_is_retry_and_is_replaced(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown;
    PGconn *owner = owner_connect();
    rig_open(&rig, &(struct db_options){.connections = 1});
    struct db_conn *conn = wait_lease(&rig);
    long pid = backend_of(&rig, conn);
    take_off(&rig, conn, &flown,
             (const char *const[]){"BEGIN", "select pg_sleep(20)", "COMMIT", NULL},
             20 * USEC_PER_SEC);
    turn_for(&rig, 100 * USEC_PER_MSEC);
    kill_backend(owner, pid);
    turn_until(&rig, &flown.done, 5 * USEC_PER_SEC);
    assert_int_equal(flown.err.code, ERR_RETRY);
    assert_string_equal(flown.flight.sqlstate, "57P01");
    flown_clear(&flown);
    /* Whoever goes on with a lost connection hears the same. */
    take_off(&rig, conn, &flown, (const char *const[]){"COMMIT", NULL}, 0);
    turn_until(&rig, &flown.done, 5 * USEC_PER_SEC);
    assert_int_equal(flown.err.code, ERR_RETRY);
    flown_clear(&flown);
    db_release(rig.db, conn);
    conn = wait_lease(&rig);
    assert_true(backend_of(&rig, conn) != pid);
    db_release(rig.db, conn);
    PQfinish(owner);
    rig_close(&rig);
}

/* What it had not read makes our socket an error, while its last words still lie in it. */
static void a_server_that_dies_before_it_has_read_all_is_noticed_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown;
    rig_open(&rig, &(struct db_options){.connections = 1});
    struct db_conn *conn = wait_lease(&rig);
    /* more than its buffer takes, and ours do */
    const char *more = arena_format(&rig.arena, "select 1%60000s", "").at;
    take_off(&rig, conn, &flown, (const char *const[]){"select pg_sleep(20)", more, NULL},
             20 * USEC_PER_SEC);
    turn_for(&rig, 100 * USEC_PER_MSEC);
    pg_halt(&store_pg, SIGQUIT);
    turn_until(&rig, &flown.done, 5 * USEC_PER_SEC);
    assert_int_equal(flown.err.code, ERR_RETRY);
    flown_clear(&flown);
    db_release(rig.db, conn);
    assert_true(pg_boot(&store_pg));
    db_release(rig.db, wait_lease(&rig));
    rig_close(&rig);
}

static void a_connection_killed_between_flights_fails_the_next_one(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown;
    PGconn *owner = owner_connect();
    run_sql(owner, "create table kept (id int primary key)");
    rig_open(&rig, &(struct db_options){.connections = 1});
    for (int noticed = 0; noticed < 2; noticed++) {
        struct db_conn *conn = wait_lease(&rig);
        long pid = backend_of(&rig, conn);
        take_off(&rig, conn, &flown,
                 (const char *const[]){"BEGIN", "insert into kept values (1)", NULL}, 0);
        turn_until(&rig, &flown.done, 5 * USEC_PER_SEC);
        flown_clear(&flown);
        kill_backend(owner, pid);
        if (noticed)
            turn_for(&rig, 50 * USEC_PER_MSEC);
        take_off(&rig, conn, &flown, (const char *const[]){"COMMIT", NULL}, 0);
        turn_until(&rig, &flown.done, 5 * USEC_PER_SEC);
        assert_int_equal(flown.err.code, ERR_RETRY);
        flown_clear(&flown);
        db_release(rig.db, conn);
        assert_int_equal(ask_number(owner, "select count(*) from kept"), 0);
    }
    run_sql(owner, "drop table kept");
    PQfinish(owner);
    rig_close(&rig);
}

static void an_idle_connection_that_dies_is_replaced_unasked(void **state)
{
    (void)state;
    struct rig rig;
    struct db_health health;
    PGconn *owner = owner_connect();
    rig_open(&rig, &(struct db_options){.connections = 3, .application = "idlers"});
    turn_for(&rig, 300 * USEC_PER_MSEC);
    db_health(rig.db, &health);
    assert_int_equal(health.open, 3);
    run_sql(owner, "select pg_terminate_backend(pid, 2000) from pg_stat_activity"
                   " where application_name = 'idlers'");
    turn_for(&rig, 50 * USEC_PER_MSEC);
    turn_for(&rig, 1000 * USEC_PER_MSEC);
    db_health(rig.db, &health);
    assert_int_equal(health.open, 3);
    assert_int_equal(ask_number(owner, "select count(*) from pg_stat_activity"
                                       " where application_name = 'idlers'"),
                     3);
    PQfinish(owner);
    rig_close(&rig);
}

static void a_flight_past_its_deadline_is_retry_and_ends_on_the_server_too(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown;
    PGconn *owner = owner_connect();
    rig_open(&rig, &(struct db_options){.connections = 1, .application = "sleeper"});
    struct db_conn *conn = wait_lease(&rig);
    usec_t begun = clock_monotonic();
    take_off(&rig, conn, &flown, (const char *const[]){"select pg_sleep(30)", NULL},
             150 * USEC_PER_MSEC);
    turn_until(&rig, &flown.done, 5 * USEC_PER_SEC);
    usec_t took = clock_monotonic() - begun;
    assert_in_range(took, 148 * USEC_PER_MSEC, 4 * USEC_PER_SEC);
    assert_int_equal(flown.err.code, ERR_RETRY);
    flown_clear(&flown);
    db_release(rig.db, conn);
    db_release(rig.db, wait_lease(&rig));
    turn_for(&rig, 2500 * USEC_PER_MSEC);
    assert_int_equal(ask_number(owner, "select count(*) from pg_stat_activity"
                                       " where application_name = 'sleeper'"
                                       " and state = 'active'"),
                     0);
    PQfinish(owner);
    rig_close(&rig);
}

static void lease_kept(struct db_lease *lease)
{
    lease->until = -1; /* seen */
}

static void leases_are_granted_in_turn_and_end_when_their_time_is_over(void **state)
{
    (void)state;
    struct rig rig;
    struct db_lease patient = {.done = lease_kept, .deadline = 9 * USEC_PER_SEC};
    struct db_lease hasty = {.done = lease_kept, .deadline = 60 * USEC_PER_MSEC};
    struct db_lease last = {.done = lease_kept, .deadline = 9 * USEC_PER_SEC};
    rig_open(&rig, &(struct db_options){.connections = 1});
    struct db_conn *conn = wait_lease(&rig);
    db_lease(rig.db, &patient);
    db_lease(rig.db, &hasty);
    db_lease(rig.db, &last);
    turn_for(&rig, 150 * USEC_PER_MSEC);
    assert_int_equal(hasty.until, -1);
    assert_null(hasty.conn);
    assert_int_equal(hasty.err.code, ERR_RETRY);
    assert_true(patient.until != -1 && last.until != -1);
    db_release(rig.db, conn);
    assert_null(patient.conn); /* not inside the call */
    turn_for(&rig, 20 * USEC_PER_MSEC);
    assert_ptr_equal(patient.conn, conn);
    assert_null(last.conn);
    db_release(rig.db, patient.conn);
    turn_for(&rig, 20 * USEC_PER_MSEC);
    assert_ptr_equal(last.conn, conn);
    db_release(rig.db, last.conn);
    rig_close(&rig);
}

/* Both are asked for while the one connection is idle: only the first can have it. */
static void a_lease_that_came_second_to_an_idle_connection_ends_in_time_too(void **state)
{
    (void)state;
    struct rig rig;
    struct db_lease quick = {.done = lease_kept, .deadline = 9 * USEC_PER_SEC};
    struct db_lease second = {.done = lease_kept, .deadline = 60 * USEC_PER_MSEC};
    rig_open(&rig, &(struct db_options){.connections = 1});
    struct db_conn *conn = wait_lease(&rig);
    db_release(rig.db, conn);
    turn_for(&rig, 20 * USEC_PER_MSEC);
    db_lease(rig.db, &quick);
    db_lease(rig.db, &second);
    turn_for(&rig, 200 * USEC_PER_MSEC);
    assert_ptr_equal(quick.conn, conn);
    assert_int_equal(second.until, -1);
    assert_null(second.conn);
    assert_int_equal(second.err.code, ERR_RETRY);
    db_release(rig.db, quick.conn);
    rig_close(&rig);
}

static void a_server_that_crashes_and_returns_is_met_again(void **state)
{
    (void)state;
    struct rig rig;
    struct called called = {.done = false};
    struct db_health health;
    rig_open(&rig, &(struct db_options){.connections = 3, .deadline = 10 * USEC_PER_SEC});
    call_one(&rig, &called, QUERY(0, "select 1"), NULL);
    turn_for(&rig, 300 * USEC_PER_MSEC); /* all three have joined */
    db_health(rig.db, &health);
    assert_int_equal(health.open, 3);
    pg_halt(&store_pg, SIGKILL);
    turn_for(&rig, 300 * USEC_PER_MSEC);
    db_health(rig.db, &health);
    assert_int_equal(health.open, 0);
    assert_int_equal(health.last.code, ERR_RETRY);
    /* Asked while it is away, answered when it is back. */
    called_clear(&called);
    call_init(&called.call, &rig.arena, org_one);
    call_add(&called.call, QUERY(0, "select 5::int8"), NULL);
    called.call.done = called_done;
    db_call(rig.db, &called.call);
    turn_for(&rig, 300 * USEC_PER_MSEC);
    assert_false(called.done);
    assert_true(pg_boot(&store_pg));
    turn_until(&rig, &called.done, 10 * USEC_PER_SEC);
    assert_int_equal(called.call.err.code, ERR_NONE);
    called_clear(&called);
    rig_close(&rig);
}

static void without_a_database_calls_end_at_their_deadline_and_say_why(void **state)
{
    (void)state;
    struct rig rig;
    struct called called = {.done = false};
    rig_open(&rig, &(struct db_options){.url = "host=/nonexistent dbname=none",
                                        .connections = 2,
                                        .deadline = 200 * USEC_PER_MSEC});
    call_init(&called.call, &rig.arena, org_one);
    call_add(&called.call, QUERY(0, "select 1"), NULL);
    wait_call(&rig, &called);
    assert_int_equal(called.call.err.code, ERR_RETRY);
    assert_non_null(strstr(called.call.err.text, "/nonexistent"));
    called_clear(&called);
    rig_close(&rig);
}

static void a_schema_that_does_not_fit_is_found_before_a_connection_joins(void **state)
{
    (void)state;
    struct rig rig;
    struct db_health health = {0};
    _Atomic bool unfit = false;
    PGconn *owner = owner_connect();
    run_sql(owner, "create database bare");
    char *url = strdup(pg_url(&store_pg, "bare"));
    rig_open(&rig, &(struct db_options){.url = url, .connections = 1, .unfit = &unfit});
    for (int i = 0; i < 100 && !(i > 3 && strstr(health.last.text, "42P01")); i++) {
        turn_for(&rig, 100 * USEC_PER_MSEC);
        db_health(rig.db, &health);
        assert_int_equal(health.open, 0);
    }
    assert_non_null(strstr(health.last.text, "42P01"));
    assert_true(unfit);
    rig_close(&rig);
    /* Elsewhere it is the database that is sick, and nobody's data. */
    struct called called = {.done = false};
    rig_open(&rig, &(struct db_options){.url = url, .connections = 1});
    call_init(&called.call, &rig.arena, (struct uuid){{0}});
    call_add(&called.call, &SQL_ACCOUNTS_ALL, NULL);
    call_add(&called.call, &SQL_ACCOUNTS_ALL, NULL);
    wait_call(&rig, &called);
    assert_int_equal(called.call.err.code, ERR_RETRY);
    assert_non_null(strstr(called.call.err.text, "42P01"));
    called_clear(&called);
    call_one(&rig, &called, QUERY(0, "select 1"), NULL);
    called_clear(&called);
    rig_close(&rig);
    run_sql(owner, "drop database bare with (force)");
    PQfinish(owner);
    free(url);
}

static void a_connection_string_is_checked_and_not_repeated(void **state)
{
    (void)state;
    struct loop loop;
    struct db *db = NULL;
    struct err err = {.code = ERR_NONE};
    assert_true(loop_init(&loop, &err));
    struct db_options options = {.url = "postgres://me:hidden@[bad/x", .connections = 1};
    assert_false(db_create(&loop, &options, &db, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_null(strstr(err.text, "hidden"));
    options.url = NULL;
    assert_false(db_create(&loop, &options, &db, &err));
    assert_true(loop_finish(&loop));
}

static void a_query_that_a_migration_made_stale_is_retry_and_prepared_anew(void **state)
{
    (void)state;
    struct rig rig;
    struct called called = {.done = false};
    PGconn *owner = owner_connect();
    rig_open(&rig, &(struct db_options){.connections = 1});
    call_one(&rig, &called, &SQL_ACCOUNTS_ALL, NULL);
    called_clear(&called);
    run_sql(owner, "alter table directory alter column app type varchar(80)");
    call_init(&called.call, &rig.arena, (struct uuid){{0}});
    call_add(&called.call, &SQL_ACCOUNTS_ALL, NULL);
    wait_call(&rig, &called);
    assert_int_equal(called.call.err.code, ERR_RETRY);
    call_one(&rig, &called, &SQL_ACCOUNTS_ALL, NULL);
    called_clear(&called);
    run_sql(owner, "alter table directory alter column app type text");
    PQfinish(owner);
    rig_close(&rig);
}

/* --- life ----------------------------------------------------------------------------------
 */

static void closing_cancels_what_is_under_way_and_what_waits(void **state)
{
    (void)state;
    struct rig rig;
    struct flown flown;
    struct db_lease waiting = {.done = lease_kept, .deadline = 9 * USEC_PER_SEC};
    rig_open(&rig, &(struct db_options){.connections = 1});
    struct db_conn *conn = wait_lease(&rig);
    take_off(&rig, conn, &flown, (const char *const[]){"select pg_sleep(20)", NULL},
             20 * USEC_PER_SEC);
    db_lease(rig.db, &waiting);
    db_close(rig.db, NULL);
    assert_false(flown.done); /* not inside the call */
    assert_true(waiting.until != -1);
    turn_until(&rig, &flown.done, USEC_PER_SEC);
    assert_int_equal(flown.err.code, ERR_CANCELED);
    turn_for(&rig, 20 * USEC_PER_MSEC);
    assert_int_equal(waiting.until, -1);
    assert_int_equal(waiting.err.code, ERR_CANCELED);
    struct db_lease late = {.done = lease_kept};
    db_lease(rig.db, &late);
    turn_for(&rig, 20 * USEC_PER_MSEC);
    assert_int_equal(late.err.code, ERR_CANCELED);
    flown_clear(&flown);
    db_release(rig.db, conn);
    turn_for(&rig, 50 * USEC_PER_MSEC);
    db_destroy(rig.db);
    assert_true(loop_finish(&rig.loop));
    arena_finish(&rig.arena);
}

static void a_pool_may_be_closed_at_any_moment_of_connecting(void **state)
{
    (void)state;
    for (int turns = 0; turns < 40; turns++) {
        struct rig rig;
        rig_open(&rig, &two);
        for (int i = 0; i < turns; i++)
            uv_run(&rig.loop.uv, UV_RUN_NOWAIT);
        rig_close(&rig);
    }
}

struct chain {
    struct rig *rig;
    struct db_conn *conn;
    struct db_flight flight;
    struct arena arena;
    int left;
    bool done;
};

/* Ends the arena that the flight lives in, and flies it again, from inside `done`. */
static void chain_done(struct db_flight *flight)
{
    struct chain *chain = CONTAINER_OF(flight, struct chain, flight);
    assert_int_equal(flight->err.code, ERR_NONE);
    assert_int_equal(row_int(flight->results[0], 0, 0), 42);
    arena_finish(&chain->arena);
    chain->done = chain->left-- == 0;
    if (chain->done)
        return;
    flight_init(flight, &chain->arena);
    flight_add(chain->conn, flight, QUERY(0, "select 42::int8"), NULL);
    flight->done = chain_done;
    flight_go(chain->conn, flight);
}

static void a_flight_may_be_reused_inside_its_own_done(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, &two);
    struct chain chain = {.rig = &rig, .conn = wait_lease(&rig), .left = 200};
    flight_init(&chain.flight, &chain.arena);
    flight_add(chain.conn, &chain.flight, QUERY(0, "select 42::int8"), NULL);
    chain.flight.done = chain_done;
    flight_go(chain.conn, &chain.flight);
    turn_until(&rig, &chain.done, 10 * USEC_PER_SEC);
    db_release(rig.db, chain.conn);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_survives_the_round_trip),
        cmocka_unit_test(an_array_survives_with_nulls_and_when_empty),
        cmocka_unit_test(rows_become_values_by_their_names_and_types),
        cmocka_unit_test(a_data_error_fails_the_flight_names_its_query_and_quotes_no_data),
        cmocka_unit_test(a_transaction_spans_flights_and_is_rolled_back_when_released_open),
        cmocka_unit_test(the_commit_of_a_failed_transaction_is_no_success),
        cmocka_unit_test(an_error_of_ours_is_broken_and_a_lock_is_retry),
        cmocka_unit_test(a_flight_larger_than_the_sockets_buffers_arrives_whole),
        cmocka_unit_test(an_empty_flight_is_answered),
        cmocka_unit_test(a_call_runs_as_its_role_for_its_business_and_leaves_nothing_behind),
        cmocka_unit_test(a_thousand_calls_at_once_each_get_their_own_answer),
        cmocka_unit_test(a_connection_killed_in_flight_is_retry_and_is_replaced),
        cmocka_unit_test(a_server_that_dies_before_it_has_read_all_is_noticed_at_once),
        cmocka_unit_test(a_connection_killed_between_flights_fails_the_next_one),
        cmocka_unit_test(an_idle_connection_that_dies_is_replaced_unasked),
        cmocka_unit_test(a_flight_past_its_deadline_is_retry_and_ends_on_the_server_too),
        cmocka_unit_test(leases_are_granted_in_turn_and_end_when_their_time_is_over),
        cmocka_unit_test(a_lease_that_came_second_to_an_idle_connection_ends_in_time_too),
        cmocka_unit_test(a_server_that_crashes_and_returns_is_met_again),
        cmocka_unit_test(without_a_database_calls_end_at_their_deadline_and_say_why),
        cmocka_unit_test(a_schema_that_does_not_fit_is_found_before_a_connection_joins),
        cmocka_unit_test(a_connection_string_is_checked_and_not_repeated),
        cmocka_unit_test(a_query_that_a_migration_made_stale_is_retry_and_prepared_anew),
        cmocka_unit_test(closing_cancels_what_is_under_way_and_what_waits),
        cmocka_unit_test(a_pool_may_be_closed_at_any_moment_of_connecting),
        cmocka_unit_test(a_flight_may_be_reused_inside_its_own_done),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
