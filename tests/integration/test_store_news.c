/*
 * What customers and the business's systems are to hear: added by whoever changes something, in
 * its own transaction, and read by nobody else.
 */
#include "store/seed.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AMELIA "+15550100001"
#define LUCIA  "+15550100002"
#define ORG    "'01921a7b-4000-7000-8000-6c61726b0001'"
#define OTHER  "'01921a7b-4000-7000-8000-6c61726b0002'"
#define NOW    "'2026-06-10 12:00Z'"

static PGconn *owner;
static PGconn *staff;
static PGconn *bot; /* Amelia's turn */
static char amelia[40], lucia[40];

#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)
static char text[2048];

static const char *ask(PGconn *conn, const char *sql)
{
    static char answers[4][600];
    static unsigned at;
    char *answer = answers[at++ % 4];
    PGresult *result = PQexec(conn, sql);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    (void)snprintf(answer, sizeof(answers[0]), "%s", ok ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    if (!ok)
        fail_msg("%s\n%s", sql, PQerrorMessage(conn));
    return answer;
}

static const char *notice(const char *customer, const char *kind, const char *number)
{
    return FORMAT("select notice_make(" ORG ", '%s', 'orders', '%s', 'cause-1', null,"
                  " '{\"number\": \"%s\"}', " NOW ", " NOW ") is not null",
                  customer, kind, number);
}

static int arrange(void **state)
{
    (void)state;
    struct seed_options options = {
        .url = store_pg.url, .phone_number_id = "106", .reset = true};
    struct seed_counts counts;
    struct err err = {.code = ERR_NONE};
    if (!seed_demo(&options, &counts, &err))
        fail_msg("%s", err.text);
    (void)snprintf(
        amelia, sizeof(amelia), "%s",
        ask(owner, "select customer_id from customer_phones where phone = '" AMELIA "'"));
    (void)snprintf(
        lucia, sizeof(lucia), "%s",
        ask(owner, "select customer_id from customer_phones where phone = '" LUCIA "'"));
    run_sql(staff, "set role parley_staff; set parley.org_id = " ORG);
    run_sql(bot, FORMAT("set role parley_bot; set parley.org_id = " ORG
                        "; set parley.customer_id = '%s'",
                        amelia));
    return 0;
}

static void ntf_2_the_newest_of_the_same_news_is_told_and_others_stand_beside_it(void **state)
{
    (void)state;
    assert_string_equal(ask(bot, notice(amelia, "order_status", "ORD-1")), "t");
    assert_string_equal(ask(bot, notice(amelia, "order_status", "ORD-2")), "t");
    assert_string_equal(ask(staff, notice(amelia, "order_status", "ORD-1")), "t");
    assert_string_equal(ask(staff,
                            "select string_agg(concat(detail->>'number', ' ', state), ', '"
                            " order by detail->>'number', state) from notices"),
                        "ORD-1 replaced, ORD-1 waiting, ORD-2 waiting");
}

static void nobody_makes_or_reads_news_of_others(void **state)
{
    (void)state;
    assert_string_equal(
        ask(staff, notice("01921a7b-4000-7000-8000-000000000000", "shipped", "1")), "f");
    /* A decision of the business concerns others than who writes; it is made, and not seen. */
    assert_string_equal(ask(bot, notice(lucia, "shipped", "ORD-3")), "t");
    assert_string_equal(ask(bot, "select count(*) from notices"), "0");
    assert_string_equal(ask(bot, "select event_out(" OTHER
                                 ", 'ticket.opened', 'ticket/1', null, '{}', " NOW ") is null"),
                        "t");
    assert_string_equal(try_sql(bot, "select * from events_out"), "42501");
    assert_string_equal(try_sql(bot, "insert into notices (org_id) values (" ORG ")"), "42501");
    run_sql(staff, "set parley.org_id = " OTHER);
    assert_string_equal(ask(staff, "select count(*) from notices"), "0");
    assert_string_equal(ask(staff, notice(amelia, "shipped", "ORD-3")), "f");
}

static void crm_2_the_events_of_a_subject_are_counted_in_their_order(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_string_equal(
            ask(bot, FORMAT("select event_out(" ORG ", 'order.cancellation_requested',"
                            " 'order/ORD-1', '%s', '{\"n\": %d}', " NOW ") is not null",
                            amelia, i)),
            "t");
    }
    assert_string_equal(ask(bot, "select event_out(" ORG
                                 ", 'ticket.opened', 'ticket/T-1', null, null, " NOW
                                 ") is not null"),
                        "t");
    run_sql(staff, "select events_out_spread(" ORG ", " NOW ", 100)");
    assert_string_equal(ask(staff,
                            "select string_agg(concat(subject, ' ', seq, ' ', data->>'n'), ', '"
                            " order by subject, seq) from events_out"),
                        "order/ORD-1 1 0, order/ORD-1 2 1, order/ORD-1 3 2, ticket/T-1 1 ");
    /* A transaction that is taken back leaves no gap. */
    run_sql(bot, "begin; select event_out(" ORG
                 ", 'ticket.opened', 'order/ORD-1', null, '{}', " NOW "); rollback");
    assert_string_equal(ask(bot, "select event_out(" ORG
                                 ", 'order.updated', 'order/ORD-1', null, '{}', " NOW
                                 ") is not null"),
                        "t");
    run_sql(staff, "select events_out_spread(" ORG ", " NOW ", 100)");
    assert_string_equal(
        ask(staff, "select max(seq) from events_out where subject = 'order/ORD-1'"), "4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            ntf_2_the_newest_of_the_same_news_is_told_and_others_stand_beside_it, arrange),
        cmocka_unit_test_setup(nobody_makes_or_reads_news_of_others, arrange),
        cmocka_unit_test_setup(crm_2_the_events_of_a_subject_are_counted_in_their_order,
                               arrange),
    };
    store_open();
    owner = owner_connect();
    staff = owner_connect();
    bot = owner_connect();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(bot);
    PQfinish(staff);
    PQfinish(owner);
    store_shut();
    return failed;
}
