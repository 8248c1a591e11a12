/*
 * Which messages leave in one request, and that they stay together: statement by statement, as
 * a lane says them.
 */
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/said.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ANA  "00000000-0000-7000-8000-00000000000a"
#define BEN  "00000000-0000-7000-8000-00000000000b"
#define B1   "00000000-0000-7000-8000-0000000000b1"
#define B2   "00000000-0000-7000-8000-0000000000b2"
#define NONE "00000000-0000-0000-0000-000000000000"
#define T(s) "2026-11-21 12:00:" s "+00"

static PGconn *owner, *one, *two;
static char org[UUID_TEXT_LEN + 1], lane[UUID_TEXT_LEN + 1];

static int set_up(void **state)
{
    (void)state;
    run_sql(owner, "rollback");
    run_sql(one, "rollback");
    run_sql(two, "rollback");
    run_sql(owner, "delete from outbox; delete from messages; delete from lanes");
    return 0;
}

/* So many people, each with messages 1..n, due one after the other. */
static void promise(int people, int n)
{
    char line[1100];

    (void)snprintf(
        line, sizeof line,
        "insert into messages (org_id, conversation_id, seq, inbound, kind, body, at)"
        " select org_id, md5('c' || g)::uuid, s, false, 'text', '{}', now()"
        " from businesses, generate_series(1, %d) g, generate_series(1, %d) s;"
        "insert into outbox (org_id, lane_id, conversation_id, seq, due_at)"
        " select org_id, account_id, md5('c' || g)::uuid, s,"
        " timestamptz '" T("00") "' + g * interval '1 millisecond'"
                                 " from accounts, generate_series(1, %d) g,"
                                 " generate_series(1, %d) s",
        people, n, people, n);
    run_sql(owner, line);
}

static void hold(PGconn *conn, const char *who, const char *now, const char *until)
{
    assert_true(say_number(conn, &SQL_LANE_ACQUIRE, PARAMS(org, lane, who, now, until)) > 0);
}

static long bundle(PGconn *conn, const char *who, const char *epoch, const char *now,
                   const char *most, const char *id)
{
    return say_count(conn, &SQL_BUNDLE_INTEND,
                     PARAMS(org, lane, who, epoch, now, most, id, "3", "2"));
}

static long count_of(const char *where)
{
    char line[400];

    (void)snprintf(line, sizeof line, "select count(*) from outbox where %s", where);
    return ask_number(owner, line);
}

static void put_off(PGconn *conn, const char *state, const char *due)
{
    char line[500];

    (void)snprintf(line, sizeof line,
                   "update outbox set state = %s, due_at = '%s' where state = 1", state, due);
    run_sql(conn, line);
}

/* --- the tests ------------------------------------------------------------------------------
 */

static void ch_5_a_bundle_has_one_message_of_each_conversation(void **state)
{
    (void)state;
    promise(5, 3);
    hold(one, ANA, T("00"), T("20"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 5);
    assert_int_equal(count_of("state = 1 and seq = 1 and attempt = 1 and bundle_id = '" B1
                              "' and bundle_at between 1 and 5"),
                     5);
    assert_int_equal(
        ask_number(owner, "select count(distinct bundle_at) from outbox where state = 1"), 5);
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B2), 0); /* each waits for its own */
}

static void ch_5_few_are_left_to_go_alone(void **state)
{
    (void)state;
    promise(2, 4);
    hold(one, ANA, T("00"), T("20"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 0);
    assert_int_equal(count_of("state = 0 and bundle_id is null"), 8);
    assert_int_equal(bundle(one, BEN, "1", T("05"), "100", B1), 0); /* holds nothing */
}

static void ch_5_what_was_on_the_wire_or_shows_a_file_is_in_no_bundle(void **state)
{
    (void)state;
    promise(6, 1);
    run_sql(owner, "update outbox set attempt = 1 where conversation_id = md5('c1')::uuid");
    run_sql(owner, "update outbox set document_id = '" ANA
                   "' where conversation_id = md5('c2')::uuid");
    hold(one, ANA, T("00"), T("20"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 4);
    assert_int_equal(count_of("state = 0"), 2);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "10", "10")),
        2);
}

/* The same members at the same places under the same id, ahead of whatever else waits. */
static void ch_5_a_bundle_goes_again_as_it_was(void **state)
{
    (void)state;
    promise(8, 1);
    hold(one, ANA, T("00"), T("20"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "4", B1), 4);
    run_sql(owner, "create temporary table before as select * from outbox where state = 1");
    put_off(owner, "6", T("07"));
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "1", "1")), 1);
    run_sql(owner, "update outbox set state = 0, attempt = 0 where state = 1");
    assert_int_equal(bundle(one, ANA, "1", T("06"), "4", B2), 4); /* is not due: others */
    assert_int_equal(count_of("state = 1 and bundle_id = '" B2 "'"), 4);
    assert_int_equal(bundle(one, ANA, "1", T("08"), "2", BEN),
                     4); /* whole, whatever the most */
    assert_int_equal(ask_number(owner, "select count(*) from outbox o join before b"
                                       " using (conversation_id, seq, bundle_id, bundle_at)"
                                       " where o.state = 1 and o.attempt = 2"),
                     4);
    run_sql(owner, "drop table before");
}

/* Its carrier takes none: two wait to go again, and nobody joins them. */
static void ch_5_while_bundles_wait_there_are_no_new_ones(void **state)
{
    (void)state;
    promise(9, 1);
    hold(one, ANA, T("00"), T("20"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "3", B1), 3);
    put_off(owner, "6", T("15"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "3", B2), 3);
    put_off(owner, "6", T("15"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "3", BEN), 0);
    assert_int_equal(
        say_count(one, &SQL_OUTBOX_INTEND, PARAMS(org, lane, ANA, "1", T("05"), "1", "1")), 1);
    assert_int_equal(bundle(one, ANA, "1", T("16"), "3", BEN), 3);
}

/* One of them may still be on the wire by somebody else's hand. */
static void ch_5_a_bundle_waits_until_all_of_it_may_go_again(void **state)
{
    (void)state;
    promise(4, 1);
    hold(one, ANA, T("00"), T("20"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 4);
    run_sql(owner, "update outbox set state = 6, due_at = '" T("05") "' where bundle_at > 1");
    assert_int_equal(bundle(one, ANA, "1", T("06"), "100", B2), 0);
    run_sql(owner, "update outbox set state = 6, due_at = '" T("05") "' where bundle_at = 1");
    assert_int_equal(bundle(one, ANA, "1", T("06"), "100", B2), 4);
}

static void ch_5_a_dead_holders_bundle_is_the_next_ones(void **state)
{
    (void)state;
    promise(4, 1);
    hold(one, ANA, T("00"), T("10"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 4);
    hold(two, BEN, T("11"), T("21"));
    (void)say_count(two, &SQL_BUNDLE_INHERIT, PARAMS(org, lane, "2", T("12"), "6"));
    (void)say_count(two, &SQL_LANE_INHERIT, PARAMS(org, lane, "2", T("20")));
    assert_int_equal(count_of("state = 6 and bundle_id = '" B1 "'"), 4);
    assert_int_equal(say_number(two, &SQL_BUNDLE_NEXT, PARAMS(org, lane)) > 0, 1);
    assert_int_equal(bundle(two, BEN, "2", T("13"), "100", B2), 4);
    assert_int_equal(count_of("state = 1 and bundle_id = '" B1 "' and epoch = 2"), 4);
    assert_int_equal(bundle(one, ANA, "1", T("13"), "100", B2), 0);
}

/* What kills its senders does not do so for ever. */
static void ch_5_a_bundle_that_outlived_too_many_senders_is_orphaned(void **state)
{
    (void)state;
    promise(4, 1);
    hold(one, ANA, T("00"), T("10"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 4);
    run_sql(owner, "update outbox set attempt = 20, repeats = 6");
    hold(two, BEN, T("11"), T("21"));
    (void)say_count(two, &SQL_BUNDLE_INHERIT, PARAMS(org, lane, "2", T("12"), "6"));
    (void)say_count(two, &SQL_LANE_INHERIT, PARAMS(org, lane, "2", T("12")));
    assert_int_equal(count_of("state = 3"), 4);
    assert_int_equal(
        say_count(two, &SQL_OUTBOX_GIVE_UP, PARAMS(org, lane, T("13"), "6", "f", T("13"))), 4);
}

/* A claim whose answer was lost, and one that was never heard of. */
static void ch_5_what_was_never_on_the_wire_stays_in_its_bundle(void **state)
{
    (void)state;
    promise(4, 1);
    hold(one, ANA, T("00"), T("30"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 4);
    (void)say_count(one, &SQL_LANE_RECLAIM, PARAMS(org, lane, ANA, "1"));
    assert_int_equal(count_of("state = 6 and attempt = 0"), 4);
    run_sql(owner, "update outbox set due_at = '" T("05") "'");
    assert_int_equal(bundle(one, ANA, "2", T("06"), "100", B2), 4);
    assert_int_equal(count_of("state = 1 and bundle_id = '" B1 "'"), 4);
    (void)say_count(one, &SQL_LANE_LOST, PARAMS(org, lane, "t", "2", T("20"), "{}", "{}"));
    assert_int_equal(count_of("state = 6 and bundle_id = '" B1 "'"), 4);
}

/* Statuses and STOP find their message where it is; it goes again with the others, so that the
 * request stays the same. */
static void ch_5_a_status_takes_nothing_out_of_a_bundle(void **state)
{
    (void)state;
    promise(4, 1);
    hold(one, ANA, T("00"), T("30"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 4);
    put_off(owner, "6", T("07"));
    run_sql(owner, "update messages set delivery = 3");
    PGresult *result =
        PQexec(owner, "select '{' || conversation_id || '}' from outbox where bundle_at = 2");
    assert_int_equal(say_count(one, &SQL_TURN_STATUSES_SETTLE,
                               PARAMS(org, PQgetvalue(result, 0, 0), "{1}", "{f}", "{null}")),
                     0);
    PQclear(result);
    (void)say_count(one, &SQL_OUTBOX_REPORTED, PARAMS(org, lane));
    assert_int_equal(bundle(one, ANA, "1", T("08"), "100", B2), 4);
}

static void ch_5_a_refused_bundle_parts_before_anything_else_of_it_happens(void **state)
{
    char ids[600], seqs[60], into[600];

    (void)state;
    promise(4, 1);
    hold(one, ANA, T("00"), T("30"));
    assert_int_equal(bundle(one, ANA, "1", T("05"), "100", B1), 4);
    PGresult *result = PQexec(owner, "select array_agg(conversation_id order by bundle_at),"
                                     " array_agg(seq order by bundle_at) from outbox");
    (void)snprintf(ids, sizeof ids, "%s", PQgetvalue(result, 0, 0));
    (void)snprintf(seqs, sizeof seqs, "%s", PQgetvalue(result, 0, 1));
    PQclear(result);
    (void)snprintf(into, sizeof into, "{%s,%s,%s,%s}", B2, B2, B2, NONE);
    (void)say_count(two, &SQL_BUNDLE_PART, PARAMS(org, ids, seqs, into, "2"));
    assert_int_equal(count_of("bundle_id = '" B1 "'"), 4); /* another's epoch */
    (void)say_count(one, &SQL_BUNDLE_PART, PARAMS(org, ids, seqs, into, "1"));
    assert_int_equal(count_of("bundle_id = '" B2 "' and bundle_at < 4"), 3);
    assert_int_equal(count_of("bundle_id is null and bundle_at = 4"), 1);
}

static void ch_5_an_orphan_under_a_key_goes_again_whoever_waits_for_it(void **state)
{
    (void)state;
    promise(2, 1);
    run_sql(owner, "update outbox set state = 3, priority = 1, attempt = 1");
    assert_int_equal(say_count(one, &SQL_BUNDLE_ORPHANS, PARAMS(org, lane, T("05"), "6", "f")),
                     0);
    assert_int_equal(say_count(one, &SQL_BUNDLE_ORPHANS, PARAMS(org, lane, T("05"), "1", "t")),
                     0);
    assert_int_equal(count_of("state = 3"), 2);
    (void)say_count(one, &SQL_BUNDLE_ORPHANS, PARAMS(org, lane, T("05"), "6", "t"));
    assert_int_equal(count_of("state = 0"), 2);
}

static void make_shop(void)
{
    struct seed_options options = {
        .url = pg_url(&store_pg, "parley"), .phone_number_id = "1", .business_account_id = "2"};
    struct seed_counts counts;
    struct err err = {0};

    if (!seed_demo(&options, &counts, &err)) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    uuid_format(seed_demo_org, org);
    owner = owner_connect();
    one = bot_connect();
    two = bot_connect();
    run_sql(owner, "insert into contact_points (org_id, contact_id, channel, address)"
                   " select org_id, md5('c' || g)::uuid, 'email', g || '@example.net'"
                   " from businesses, generate_series(1, 9) g");
    run_sql(owner, "insert into conversations (org_id, conversation_id, account_id, contact_id)"
                   " select org_id, md5('c' || g)::uuid, account_id, md5('c' || g)::uuid"
                   " from accounts, generate_series(1, 9) g");
    PGresult *result = PQexec(owner, "select account_id from accounts");
    (void)snprintf(lane, sizeof lane, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
}

#define FRESH(test) cmocka_unit_test_setup(test, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ch_5_a_bundle_has_one_message_of_each_conversation),
        FRESH(ch_5_few_are_left_to_go_alone),
        FRESH(ch_5_what_was_on_the_wire_or_shows_a_file_is_in_no_bundle),
        FRESH(ch_5_a_bundle_goes_again_as_it_was),
        FRESH(ch_5_while_bundles_wait_there_are_no_new_ones),
        FRESH(ch_5_a_bundle_waits_until_all_of_it_may_go_again),
        FRESH(ch_5_a_dead_holders_bundle_is_the_next_ones),
        FRESH(ch_5_a_bundle_that_outlived_too_many_senders_is_orphaned),
        FRESH(ch_5_what_was_never_on_the_wire_stays_in_its_bundle),
        FRESH(ch_5_a_status_takes_nothing_out_of_a_bundle),
        FRESH(ch_5_a_refused_bundle_parts_before_anything_else_of_it_happens),
        FRESH(ch_5_an_orphan_under_a_key_goes_again_whoever_waits_for_it),
    };
    store_open();
    make_shop();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(one);
    PQfinish(two);
    PQfinish(owner);
    store_shut();
    return failed;
}
