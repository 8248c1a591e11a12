/*
 * Migrations: once each, in order, by one migrator at a time, and never quietly different.
 */
#include "store/migrate.h"
#include "tests/support/store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static PGconn *owner;
static char url[160];

#define CREATE_A "create table a (n int)"
#define CREATE_B "create table b (n int)"

static void fresh_database(void)
{
    run_sql(owner, "drop database if exists trial with (force)");
    run_sql(owner, "create database trial");
    (void)snprintf(url, sizeof(url), "%s", pg_url(&store_pg, "trial"));
}

static bool run(const struct migration *migrations, size_t n, size_t *applied, struct err *err)
{
    const struct migrate_options options = {.url = url, .migrations = migrations, .n = n};
    *err = (struct err){.code = ERR_NONE};
    return migrate_run(&options, applied, err);
}

static size_t count_missing(const struct migration *migrations, size_t n)
{
    struct arena arena = {0};
    struct err err = {.code = ERR_NONE};
    const struct migration **missing = NULL;
    size_t n_missing = 0;
    const struct migrate_options options = {.url = url, .migrations = migrations, .n = n};
    if (!migrate_check(&options, &arena, &missing, &n_missing, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i + 1 < n_missing; i++)
        assert_true(missing[i]->number < missing[i + 1]->number);
    arena_finish(&arena);
    return n_missing;
}

static long trial_number(const char *sql)
{
    PGconn *conn = PQconnectdb(url);
    long number = ask_number(conn, sql);
    PQfinish(conn);
    return number;
}

static void ours_apply_once_and_are_then_complete(void **state)
{
    (void)state;
    struct err err;
    size_t applied = 0;
    fresh_database();
    assert_int_equal(count_missing(migrations_all, migrations_all_n), migrations_all_n);
    if (!run(NULL, 0, &applied, &err))
        fail_msg("%s", err.text);
    assert_int_equal(applied, migrations_all_n);
    assert_int_equal(count_missing(migrations_all, migrations_all_n), 0);
    assert_true(run(NULL, 0, &applied, &err));
    assert_int_equal(applied, 0);
}

static void an_edited_migration_is_refused_and_named(void **state)
{
    (void)state;
    struct migration set[] = {
        {1, "a", CREATE_A},
        {2, "b", CREATE_B}
    };
    struct err err;
    size_t applied = 0;
    fresh_database();
    assert_true(run(set, 1, &applied, &err));
    set[0].text = CREATE_A " ";
    assert_false(run(set, 2, &applied, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_non_null(strstr(err.text, "0001_a"));
    assert_int_equal(trial_number("select count(*) from pg_class where relname = 'b'"), 0);
}

static void a_database_newer_than_the_program_is_refused(void **state)
{
    (void)state;
    const struct migration set[] = {
        {1, "a", CREATE_A},
        {2, "b", CREATE_B}
    };
    struct err err;
    size_t applied = 0;
    fresh_database();
    assert_true(run(set, 2, &applied, &err));
    assert_false(run(set, 1, &applied, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_non_null(strstr(err.text, "newer"));
}

static void one_that_came_too_late_is_refused(void **state)
{
    (void)state;
    const struct migration set[] = {
        {1, "a", CREATE_A},
        {2, "b", CREATE_B}
    };
    struct err err;
    size_t applied = 0;
    fresh_database();
    assert_true(run(set + 1, 1, &applied, &err));
    assert_false(run(set, 2, &applied, &err));
    assert_non_null(strstr(err.text, "renumber"));
}

static void one_that_fails_leaves_nothing_and_says_where(void **state)
{
    (void)state;
    struct migration set[] = {
        {1, "a",   CREATE_A                                     },
        {2, "bad", CREATE_B ";\n\nselect no_such_column from b;"}
    };
    struct err err;
    size_t applied = 0;
    fresh_database();
    assert_false(run(set, 2, &applied, &err));
    assert_int_equal(applied, 1);
    assert_non_null(strstr(err.text, "0002_bad: line 3"));
    assert_int_equal(trial_number("select count(*) from pg_class where relname = 'b'"), 0);
    set[1].text = CREATE_B;
    assert_true(run(set, 2, &applied, &err));
    assert_int_equal(applied, 1);
}

static void one_without_a_transaction_runs_statement_by_statement(void **state)
{
    (void)state;
    const struct migration set[] = {
        {1, "a",     CREATE_A},
        {2, "plain",
         "-- no transaction; and a semicolon that ends nothing\n"
         "create index concurrently if not exists a_n on a (n);\n"
         "/* ; */ insert into a select 1 where ';' <> '' and not exists (select 1 from a);\n"
         "do $body$ begin perform 1; perform 2; end $body$;\n"
         "create index concurrently if not exists a_n2 on a (n, \"n\");\n"
         "-- the end;\n"     }
    };
    struct err err;
    size_t applied = 0;
    fresh_database();
    if (!run(set, 2, &applied, &err))
        fail_msg("%s", err.text);
    assert_int_equal(trial_number("select count(*) from pg_indexes where tablename = 'a'"), 2);
    assert_int_equal(trial_number("select count(*) from a"), 1);
}

struct migrator {
    pthread_t thread;
    const struct migration *migrations;
    size_t n, applied;
    bool ok;
    struct err err;
};

static void *migrate_in_thread(void *what)
{
    struct migrator *migrator = what;
    const struct migrate_options options = {
        .url = url, .migrations = migrator->migrations, .n = migrator->n};
    migrator->ok = migrate_run(&options, &migrator->applied, &migrator->err);
    return NULL;
}

/* With an index made concurrently, which waits for every snapshot of others. */
static void migrators_at_the_same_time_apply_each_once(void **state)
{
    (void)state;
    const struct migration set[] = {
        {1, "a",     CREATE_A "; select pg_sleep(0.2)"                          },
        {2, "plain", "-- no transaction\ncreate index concurrently a_n on a (n)"},
        {3, "b",     CREATE_B                                                   }
    };
    struct migrator migrators[6] = {{.ok = false}};
    size_t applied = 0;
    fresh_database();
    for (size_t i = 0; i < COUNTOF(migrators); i++) {
        migrators[i].migrations = set;
        migrators[i].n = COUNTOF(set);
        assert_int_equal(
            pthread_create(&migrators[i].thread, NULL, migrate_in_thread, &migrators[i]), 0);
    }
    for (size_t i = 0; i < COUNTOF(migrators); i++)
        (void)pthread_join(migrators[i].thread, NULL);
    for (size_t i = 0; i < COUNTOF(migrators); i++) {
        if (!migrators[i].ok)
            fail_msg("%s", migrators[i].err.text);
        applied += migrators[i].applied;
    }
    assert_int_equal(applied, COUNTOF(set));
}

static void a_database_that_is_away_is_retry(void **state)
{
    (void)state;
    struct err err;
    size_t applied = 0;
    (void)snprintf(url, sizeof(url), "host=/nonexistent dbname=x");
    assert_false(run(NULL, 0, &applied, &err));
    assert_int_equal(err.code, ERR_RETRY);
}

static int arrange(void **state)
{
    (void)state;
    owner = owner_connect();
    return 0;
}

static int leave(void **state)
{
    (void)state;
    PQfinish(owner);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_apply_once_and_are_then_complete),
        cmocka_unit_test(an_edited_migration_is_refused_and_named),
        cmocka_unit_test(a_database_newer_than_the_program_is_refused),
        cmocka_unit_test(one_that_came_too_late_is_refused),
        cmocka_unit_test(one_that_fails_leaves_nothing_and_says_where),
        cmocka_unit_test(one_without_a_transaction_runs_statement_by_statement),
        cmocka_unit_test(migrators_at_the_same_time_apply_each_once),
        cmocka_unit_test(a_database_that_is_away_is_retry),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, arrange, leave);
    store_shut();
    return failed;
}
