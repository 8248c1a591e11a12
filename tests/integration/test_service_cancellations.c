/*
 * A wish to cancel and the decision on it, through the running service: what the customer hears
 * stands in the sandbox's journal, what became of the order in the database.
 */
#include "store/sql.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct service service;
static PGconn *owner;
static char said[4000];

#define AMELIA "15550100001"
#define HERS   "(select customer_id from customer_phones where phone = '+" AMELIA "')"

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, 20 * USEC_PER_SEC);
}

static void write_in(const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, AMELIA, arena_format(&arena, "wamid.c.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, 20 * USEC_PER_SEC);
    assert_int_equal(post.status, 200);
    until("select count(*) from outbox", 0);
}

/* She has proved who she is, at any hour of the day. */
static void start(void)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2});
    nobody_sleeps(owner);
    run_sql(owner, "delete from cancellations");
    run_sql(owner, "delete from cancellation_rules; insert into cancellation_rules (org_id, "
                   "position, rule_id, phase, effect) select org_id, 1, 'ask-us', 'active', "
                   "'review' from businesses");
    write_in("hi");
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
}

static char *id_of_request(void)
{
    static char id[40];
    PGresult *rows = PQexec(owner, "select cancellation_id from cancellations");
    assert_int_equal(PQntuples(rows), 1);
    (void)snprintf(id, sizeof(id), "%s", PQgetvalue(rows, 0, 0));
    PQclear(rows);
    return id;
}

static int decide(char *wish, char *note)
{
    char *words[] = {"cancellation", "decide", id_of_request(), wish, "--note", note, NULL};
    return service_command(&service, words, said, sizeof(said));
}

static void ask_to_cancel(void)
{
    write_in("cancel order 1002, bought the wrong size");
    write_in("yes");
    until(
        "select count(*) from cancellations where status = 'submitted' and note = 'bought the "
        "wrong size' and reason = '' and rule_id = 'ask-us'",
        1);
}

static void can_3_a_decision_reaches_the_customer_once_in_their_conversation(void **state)
{
    (void)state;
    start();
    ask_to_cancel();
    char *list[] = {"cancellation", "list", NULL};
    assert_int_equal(service_command(&service, list, said, sizeof(said)), 0);
    assert_int_equal(decide("review", ""), 0);
    until("select count(*) from notices where state = 'told'", 1);
    assert_int_equal(decide("approve", "No charge will follow."), 0);
    assert_non_null(strstr(said, "the customer is told"));
    until("select count(*) from notices where state = 'told'", 2);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "We are looking at your request"), 1);
    assert_int_equal(
        service_arrived(&service, AMELIA, "ORD-1002 is cancelled, as you asked. No charge"), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from orders where number = 'ORD-1002' and "
                                "status = 'cancelled'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from audit where action like "
                                       "'cancellation %'"),
                     2);
    /* Deciding again changes nothing and says why. */
    assert_int_equal(decide("reject", ""), 1);
    assert_non_null(strstr(said, "decided already"));
    assert_int_equal(ask_number(owner, "select count(*) from jobs"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_stop(&service);
}

static void can_3_what_has_left_is_not_approved_and_who_said_stop_is_not_told(void **state)
{
    (void)state;
    start();
    ask_to_cancel();
    run_sql(owner,
            "select order_ship(org_id, order_id, gen_random_uuid(), 'UPS', '1Z', now()) from "
            "orders where number = 'ORD-1002'");
    assert_int_equal(decide("approve", ""), 1);
    assert_non_null(strstr(said, "on its way"));
    write_in("stop");
    assert_int_equal(decide("reject", ""), 0);
    assert_non_null(strstr(said, "STOP"));
    until("select count(*) from notices where state = 'stopped'", 1);
    assert_int_equal(ask_number(owner, "select count(*) from jobs"), 0);
    assert_int_equal(ask_number(owner,
                                "select count(*) from consent_log where topic = 'all' and not "
                                "wanted and customer_id = " HERS),
                     1);
    service_stop(&service);
}

static void ntf_3_a_decision_waits_for_the_end_of_the_quiet_hours_and_blocks_nothing(
    void **state)
{
    (void)state;
    start();
    ask_to_cancel();
    /* Quiet for all of the day but two minutes that are far away. */
    run_sql(owner,
            "update customer_settings set quiet = true, "
            "quiet_from = x.from_min, quiet_until = (x.from_min + 1438) % 1440 from (select "
            "((extract(hour from now() at time zone 'America/New_York') * 60 + extract(minute "
            "from now() at time zone 'America/New_York'))::int + 720) % 1440 as from_min) x "
            "where customer_id = " HERS);
    assert_int_equal(decide("reject", "It is packed."), 0);
    until("select count(*) from jobs where kind = 'notice' and due_at > now() + interval '10 "
          "hours'", /* twelve by the clock on the wall */
          1);
    write_in("my cancellations");
    assert_int_equal(service_arrived(&service, AMELIA, "not possible"),
                     1); /* answers go at once */
    assert_int_equal(service_arrived(&service, AMELIA, "it isn't possible"), 0);
    run_sql(owner, "update notices set due_at = now(); update jobs set due_at = now()");
    until("select count(*) from notices where state = 'told'", 1);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "it isn't possible"), 1);
    service_stop(&service);
}

/* --- rules ----------------------------------------------------------------------------------
 */

static const char *file_of(const char *bytes)
{
    static char path[] = PARLEY_BUILD_DIR "/rules.json";
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, strlen(bytes), file), strlen(bytes));
    assert_int_equal(fclose(file), 0);
    return path;
}

static int import(const char *bytes)
{
    char *words[] = {"cancellation", "rules", (char *)(uintptr_t)file_of(bytes), NULL};
    return service_command(&service, words, said, sizeof(said));
}

#define RULES_SUM                                                                              \
    "select md5(string_agg(r::text, '/' order by position)) from cancellation_rules r"

/* What `rules` prints is what it reads. */
static void there_and_back(void)
{
    char text[4000] = "[", before[40];
    PGresult *sum = PQexec(owner, RULES_SUM);
    PGresult *rows = PQexecParams(owner, SQL_CANCELLATION_RULES_LIST.text, 1, NULL,
                                  (const char *const[]){"01921a7b-4000-7000-8000-6c61726b0001"},
                                  NULL, NULL, 0);
    (void)snprintf(before, sizeof(before), "%s", PQgetvalue(sum, 0, 0));
    PQclear(sum);
    for (int i = 0; i < PQntuples(rows); i++) {
        strncat(text, i ? ", " : "", sizeof(text) - strlen(text) - 1);
        strncat(text, PQgetvalue(rows, i, 0), sizeof(text) - strlen(text) - 1);
    }
    PQclear(rows);
    strncat(text, "]", sizeof(text) - strlen(text) - 1);
    assert_int_equal(import(text), 0);
    sum = PQexec(owner, RULES_SUM);
    assert_string_equal(before, PQgetvalue(sum, 0, 0));
    PQclear(sum);
}

static void can_2_an_operator_changes_the_rules_all_of_them_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *why;
    } wrong[] = {
        {"[{\"id\": \"a\", \"effect\": \"approve\", \"statusses\": [\"processing\"]}]",
         "statusses"                                                                                        },
        {"[{\"id\": \"a\", \"effect\": \"approve\"}, {\"id\": \"b\", \"effect\": \"maybe\"}]",
         "rule 2"                                                                                           },
        {"[{\"id\": \"a\", \"effect\": \"approve\"}, {\"id\": \"a\", \"effect\": \"refuse\"}]",
         "rule 2"                                                                                           },
        {"[{\"id\": \"a\", \"effect\": \"approve\", \"open_for\": \"a while\"}]",               "interval"  },
        {"[{\"id\": \"a\", \"effect\": \"approve\", \"open_for\": \"-1 day\"}]",                "rule 1"    },
        {"[{\"id\": \"\", \"effect\": \"approve\"}]",                                           "rule 1"    },
        {"[{\"effect\": \"approve\"}]",                                                         "rule 1"    },
        {"[{\"id\": \"a\", \"effect\": \"refuse\", \"why\": \"because\"}]",                     "rule 1"    },
        {"[1]",                                                                                 "no object" },
        {"{\"id\": \"a\"}",                                                                     "a list"    },
        {"[",                                                                                   "rules.json"},
    };
    start();
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        assert_int_equal(import(wrong[i].bytes), 1);
        if (!strstr(said, wrong[i].why) || !strstr(said, "nothing was changed"))
            fail_msg("%s: %s", wrong[i].bytes, said);
        assert_int_equal(ask_number(owner,
                                    "select count(*) from cancellation_rules where rule_id = "
                                    "'ask-us'"),
                         1);
    }
    assert_int_equal(
        import("[{\"id\": \"fresh\", \"workflow\": \"shop\", \"statuses\": "
               "[\"processing\"], \"open_for\": \"365 days\", \"effect\": \"approve\"},"
               " {\"id\": \"else\", \"effect\": \"refuse\", \"why\": \"in_work\", "
               "\"help\": \"call\", \"why_words\": {\"en\": \"No.\"}}]"),
        0);
    assert_int_equal(ask_number(owner,
                                "select count(*) from cancellation_rules where (position, "
                                "rule_id, open_for) = (10, 'fresh', interval '365 days') or "
                                "(position, rule_id, why, help) = (20, 'else', 'in_work', "
                                "'call') and why_words ->> 'en' = 'No.'"),
                     2);
    there_and_back();
    char *order[] = {"cancellation", "try", "ORD-1002", NULL};
    assert_int_equal(service_command(&service, order, said, sizeof(said)), 0);
    order[2] = "ORD-0000";
    assert_int_equal(service_command(&service, order, said, sizeof(said)), 1);
    assert_non_null(strstr(said, "no order"));
    /* A rule of an operator decides the next wish. */
    write_in("cancel order 1002, bought the wrong size");
    write_in("yes");
    until("select count(*) from cancellations where status = 'approved' and rule_id = 'fresh' "
          "and reason = '' and note = 'bought the wrong size'",
          1);
    assert_int_equal(import("[]"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from cancellation_rules"), 0);
    service_stop(&service);
}

/* --- many at once --------------------------------------------------------------------------
 */

enum { MANY = 40, SHIPPERS = 4 };

static const char *phone_of(size_t i)
{
    return arena_format(&arena, "155507%05zu", i).at;
}

static void post_all(const char *lead, const char *format_words)
{
    struct post *posts = arena_array(&arena, struct post, MANY);

    for (size_t i = 0; i < MANY; i++) {
        bool numbered = strcmp(format_words, "cancel") == 0;
        struct str words = numbered ? arena_format(&arena, "cancel order RUN-%zu", 7000 + i)
                                    : str_from(format_words);

        posts[i].body = post_text(&arena, phone_of(i),
                                  arena_format(&arena, "wamid.many.%s.%zu", lead, i).at,
                                  arena_cstr(&arena, words));
    }
    service_post(&service, posts, MANY, 16, 20 * USEC_PER_SEC);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(posts[i].status, 200);
}

/* One process packs, in an order of its own, while the customers say yes. */
static pid_t ship_all(unsigned step)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    PGconn *conn = PQconnectdb(store_pg.url);
    for (unsigned i = 0; i < MANY; i++) {
        char sql[300];
        (void)snprintf(
            sql, sizeof(sql),
            "select order_ship(org_id, order_id, gen_random_uuid(), 'UPS', '1Z', now()), "
            "pg_sleep(0.002) from orders where number = 'RUN-%u' and status = 'processing'",
            7000 + (i * step + step) % MANY);
        PQclear(PQexec(conn, sql));
    }
    PQfinish(conn);
    _exit(0);
}

static void can_2_of_many_parcels_that_leave_while_their_customers_cancel_none_does_both(
    void **state)
{
    (void)state;
    static const unsigned steps[SHIPPERS] = {7, 11, 13, 17};
    pid_t shippers[SHIPPERS];
    start();
    run_sql(owner,
            "update cancellation_rules set effect = 'approve', statuses = array['processing']");
    run_sql(
        owner,
        "insert into customers (org_id, customer_id, name) select org_id, md5('many' || "
        "i)::uuid, 'Customer ' || i from businesses, generate_series(0, 39) i;"
        "insert into customer_phones (org_id, phone, customer_id) select org_id, '+155507' "
        "|| to_char(i, 'FM00000'), md5('many' || i)::uuid from businesses, "
        "generate_series(0, 39) i;"
        "insert into orders (org_id, order_id, number, customer_id, workflow, status, "
        "placed_at, currency, subtotal_minor, total_minor) select org_id, md5('run' || "
        "i)::uuid, 'RUN-' || 7000 + i, md5('many' || i)::uuid, 'shop', 'processing', now(), "
        "'USD', 100, 100 from businesses, generate_series(0, 39) i");
    post_all("a", "hi");
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
    post_all("b", "cancel");
    post_all("c", "1");
    post_all("d", "skip");
    for (size_t i = 0; i < SHIPPERS; i++)
        shippers[i] = ship_all(steps[i]);
    post_all("e", "yes");
    for (size_t i = 0; i < SHIPPERS; i++)
        assert_int_equal(waitpid(shippers[i], NULL, 0), shippers[i]);
    until("select count(*) from outbox", 0);
    long cancelled =
        ask_number(owner, "select count(*) from orders where number like 'RUN-%' and "
                          "status = 'cancelled'");
    long shipped =
        ask_number(owner, "select count(*) from orders where number like 'RUN-%' and "
                          "status = 'shipped'");
    print_message("%ld cancelled, %ld shipped\n", cancelled, shipped);
    assert_int_equal(cancelled + shipped, MANY);
    assert_int_equal(ask_number(owner, "select count(*) from cancellations where status = "
                                       "'approved'"),
                     cancelled);
    assert_int_equal(ask_number(owner,
                                "select count(*) from orders o where number like 'RUN-%' and "
                                "(exists (select 1 from shipments s where s.order_id = "
                                "o.order_id)) <> (status = 'shipped')"),
                     0);
    assert_int_equal(service_arrived(&service, NULL, "has already left us"), shipped);
    assert_int_equal(service_arrived(&service, NULL, "is cancelled."), cancelled);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    assert_int_equal(service_repeated(&service), 0);
    service_stop(&service);
}

static void an_operator_who_errs_is_told(void **state)
{
    (void)state;
    start();
    static char *const wrong[][6] = {
        {"cancellation", NULL},
        { "cancellation",     "decide",      "x", NULL},
        { "cancellation", "decide",       "x", "maybe", NULL},
        { "cancellation",   "list", "--limit", "0", NULL},
    };
    static char *const none[][6] = {
        {"cancellation",                          "show",                                 "x",  NULL},
        {              "cancellation",                                 "show", "01900000-0000-7000-8000-000000000000", NULL    },
        { "cancellation", "decide",                              "01900000-0000-7000-8000-000000000000", "approve",     NULL},
    };
    for (size_t i = 0; i < COUNTOF(wrong); i++)
        assert_int_equal(service_command(&service, wrong[i], said, sizeof(said)), 2);
    for (size_t i = 0; i < COUNTOF(none); i++)
        assert_int_equal(service_command(&service, none[i], said, sizeof(said)), 1);
    ask_to_cancel();
    char *show[] = {"cancellation", "show", id_of_request(), NULL};
    assert_int_equal(service_command(&service, show, said, sizeof(said)), 0);
    service_stop(&service);
}

/* A question that nobody answers, through the whole service: not in the quiet hours, once, and
 * then let go. */
static void ntf_3_can_1_an_unanswered_confirmation_is_reminded_of_once_and_not_at_night(
    void **state)
{
    (void)state;
    start();
    write_in("cancel order 1002, bought the wrong size");
    until("select count(*) from jobs where name like 'cancel/confirm/20m/%'", 1);
    run_sql(
        owner, /* also if clocks are put forward or back meanwhile */
        "update customer_settings s set quiet = true, quiet_from = (m + 1370) % 1440, "
        "quiet_until = (m + 180) % 1440 from (select org_id, customer_id, (extract(hour from "
        "l) * 60 + extract(minute from l))::int as m from (select org_id, customer_id, now() "
        "at time zone customer_zone(org_id, customer_id) as l from customers) c) t "
        "where s.customer_id = t.customer_id");
    run_sql(owner, "update jobs set due_at = now()");
    until(
        "select count(*) from jobs where due_at > now() + interval '50 minutes' and name like "
        "'cancel/confirm/20m/%'",
        1);
    assert_int_equal(service_arrived(&service, AMELIA, "Are you still there?"), 0);
    run_sql(owner, "update customer_settings set quiet = false");
    run_sql(owner, "update jobs set due_at = now()");
    until("select count(*) from jobs where name like 'cancel/still/10h/%'", 1);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "Are you still there?"), 1);
    run_sql(owner, "update conversations set verified_until = now() - interval '1 minute'");
    run_sql(owner, "update jobs set due_at = now()");
    until("select count(*) from jobs", 0);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "so nothing was cancelled"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "Are you still there?"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from cancellations"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_stop(&service);
}

int main(void)
{
#define TORN(test) cmocka_unit_test_teardown(test, tear_down)
    const struct CMUnitTest tests[] = {
        TORN(ntf_3_can_1_an_unanswered_confirmation_is_reminded_of_once_and_not_at_night),
        TORN(can_3_a_decision_reaches_the_customer_once_in_their_conversation),
        TORN(can_3_what_has_left_is_not_approved_and_who_said_stop_is_not_told),
        TORN(ntf_3_a_decision_waits_for_the_end_of_the_quiet_hours_and_blocks_nothing),
        TORN(can_2_an_operator_changes_the_rules_all_of_them_or_none),
        TORN(can_2_of_many_parcels_that_leave_while_their_customers_cancel_none_does_both),
        TORN(an_operator_who_errs_is_told),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
