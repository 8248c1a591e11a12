/*
 * The audit's chain: what is linked holds, whoever changes a row or takes one away is found
 * out, and many linkers at once make one chain.
 */
#include "store/chain.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ORG "01921a7b-4000-7000-8000-0000000000a1"

static PGconn *owner;
static struct arena arena;

static void fill(int n)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql,
                   "insert into audit (org_id, audit_id, at, actor, action, subject, detail)"
                   " select '" ORG "', gen_random_uuid(), now() - random() * interval '1 day',"
                   "        'ann', 'did ' || n, 's' || n, jsonb_build_object('b', n, 'a', 'ä')"
                   "   from generate_series(1, %d) n",
                   n);
    run_sql(owner, sql);
}

static int setup(void **state)
{
    (void)state;
    owner = owner_connect();
    run_sql(owner,
            "truncate audit; delete from directory;"
            "insert into directory (kind, external_id, org_id) values ('x', 'x', '" ORG "')");
    fill(50);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    PQfinish(owner);
    arena_finish(&arena);
    return 0;
}

static long link_rows(int most)
{
    char sql[200];

    (void)snprintf(sql, sizeof sql, "select audit_chain('" ORG "', %d)", most);
    return ask_number(owner, sql);
}

static struct chain_state verified(void)
{
    const struct chain_state *states = NULL;
    struct err err = {0};
    size_t n = 0;

    if (!chain_verify(pg_url(&store_pg, "parley"), STR("parley_bot"), 5 * USEC_PER_SEC, &arena,
                      &states, &n, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, 1);
    return states[0];
}

static void stf_3_what_is_linked_holds_and_goes_on(void **state)
{
    (void)state;
    assert_int_equal(verified().linked, 0);
    assert_int_equal(verified().loose, 50);
    assert_int_equal(link_rows(20), 20);
    assert_int_equal(link_rows(20), 20);
    assert_int_equal(link_rows(20), 10);
    assert_int_equal(link_rows(20), 0);
    struct chain_state before = verified();
    assert_false(before.broken);
    assert_int_equal(before.linked, 50);
    assert_int_equal(before.head.len, 64);
    fill(5); /* with times before some that are linked: the chain has its own order */
    assert_int_equal(link_rows(100), 5);
    struct chain_state after = verified();
    assert_false(after.broken);
    assert_int_equal(after.linked, 55);
    assert_false(str_eq(before.head, after.head));
}

static void stf_3_a_row_that_was_changed_is_found(void **state)
{
    static const char *const changes[] = {
        "update audit set actor = 'bob' where position = 17",
        "update audit set action = action || ' ' where position = 17",
        "update audit set subject = 'other' where position = 17",
        "update audit set at = at + interval '1 microsecond' where position = 17",
        "update audit set detail = detail || '{\"c\": 1}' where position = 17",
        "update audit set audit_id = gen_random_uuid() where position = 17",
        "update audit set chain = sha256('x') where position = 17",
        "update audit set chain = null where position = 17",
    };

    (void)state;
    assert_int_equal(link_rows(100), 50);
    for (size_t i = 0; i < COUNTOF(changes); i++) {
        run_sql(owner, "create temp table kept as select * from audit");
        run_sql(owner, changes[i]);
        struct chain_state found = verified();
        if (!found.broken || found.position != 17 || found.gap)
            fail_msg("not found: %s", changes[i]);
        run_sql(owner, "delete from audit; insert into audit select * from kept;"
                       "drop table kept");
        assert_false(verified().broken);
    }
}

static void stf_3_a_row_that_is_gone_or_slipped_in_is_found(void **state)
{
    (void)state;
    assert_int_equal(link_rows(100), 50);
    run_sql(owner, "delete from audit where position = 30");
    struct chain_state found = verified();
    assert_true(found.broken && found.gap);
    assert_int_equal(found.position, 31);
    run_sql(owner, "update audit set position = position - 1 where position > 30");
    found = verified();
    assert_true(found.broken && !found.gap);
    assert_int_equal(found.position, 30);
}

static void stf_3_the_first_row_counts_too(void **state)
{
    (void)state;
    assert_int_equal(link_rows(100), 50);
    run_sql(owner, "delete from audit where position = 1");
    struct chain_state found = verified();
    assert_true(found.broken && found.gap);
    assert_int_equal(found.position, 2);
}

/* The head, written down elsewhere, tells of rows cut off at the end. */
static void stf_3_rows_cut_off_at_the_end_change_the_head(void **state)
{
    (void)state;
    assert_int_equal(link_rows(100), 50);
    struct str head = verified().head;
    run_sql(owner, "delete from audit where position > 45");
    assert_false(verified().broken);
    assert_false(str_eq(verified().head, head));
}

static void stf_3_the_service_s_role_can_link_and_change_nothing_else(void **state)
{
    (void)state;
    run_sql(owner, "set role parley_bot; set parley.org_id = '" ORG "'");
    assert_int_equal(link_rows(100), 50);
    assert_string_equal(try_sql(owner, "update audit set actor = 'bob'"), "42501");
    assert_string_equal(try_sql(owner, "delete from audit"), "42501");
    run_sql(owner, "reset role");
    assert_false(verified().broken);
}

static void many_linkers_at_once_make_one_chain(void **state)
{
    pid_t pids[6];

    (void)state;
    fill(2000);
    for (int i = 0; i < 6; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            PGconn *conn = PQconnectdb(pg_url(&store_pg, "parley"));
            for (int k = 0; k < 40; k++)
                PQclear(PQexec(conn, "select audit_chain('" ORG "', 25)"));
            PQfinish(conn);
            _exit(0);
        }
    }
    for (int i = 0; i < 6; i++)
        (void)waitpid(pids[i], NULL, 0);
    while (link_rows(100) > 0)
        ;
    struct chain_state found = verified();
    assert_false(found.broken);
    assert_int_equal(found.linked, 2050);
    assert_int_equal(found.loose, 0);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(stf_3_what_is_linked_holds_and_goes_on),
        FRESH(stf_3_a_row_that_was_changed_is_found),
        FRESH(stf_3_a_row_that_is_gone_or_slipped_in_is_found),
        FRESH(stf_3_the_first_row_counts_too),
        FRESH(stf_3_rows_cut_off_at_the_end_change_the_head),
        FRESH(stf_3_the_service_s_role_can_link_and_change_nothing_else),
        FRESH(many_linkers_at_once_make_one_chain),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
