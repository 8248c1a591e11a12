/*
 * parley order, and what customers see of it with their next message: another date, what was
 * paid, a note.
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AMELIA "15550100001"
#define WAIT   (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static char told[4000];

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 1});
    nobody_sleeps(owner);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void write_in(const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, AMELIA, arena_format(&arena, "wamid.o.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static void greet(void)
{
    write_in("hi");
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
}

static int order(char *number, char *option, char *value)
{
    char *words[] = {"order", "update", number, option, value, NULL};
    return service_command(&service, words, told, sizeof(told));
}

static void ord_4_a_date_that_moves_is_shown_beside_the_old_one_and_is_news(void **state)
{
    (void)state;
    greet();
    run_sql(owner,
            "update orders set expected_at = '2030-03-01 11:00+00', expected_was = null, "
            "expected_changed_at = null where number = 'ORD-1002'");
    assert_int_equal(order("ord 1002", "--expected", "2030-03-08"), 0);
    write_in("ORD-1002");
    assert_true(service_arrived(&service, AMELIA, "8 March") >=
                1); /* the news may be there, too */
    assert_int_equal(service_arrived(&service, AMELIA, "(before: Friday, 1 March"), 1);
    write_in("what's new?");
    assert_int_equal(
        service_arrived(&service, AMELIA, "ORD-1002, the date has changed: Friday"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from audit where action = "
                                       "'order.updated' and subject = 'ORD-1002'"),
                     1);
    /* The same date once more is no news; none at all leaves what was promised before. */
    run_sql(owner, "update orders set expected_changed_at = '2030-01-01' where number = "
                   "'ORD-1002'");
    assert_int_equal(order("ORD-1002", "--expected", "2030-03-08 12:00"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from orders where number = 'ORD-1002' "
                                       "and expected_changed_at = '2030-01-01'"),
                     1);
    assert_int_equal(order("ORD-1002", "--expected", "none"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from orders where number = 'ORD-1002' "
                                       "and expected_at is null and expected_was is not null"),
                     1);
    service_stop(&service);
}

static void can_4_what_was_paid_is_shown_and_judged_by(void **state)
{
    (void)state;
    greet();
    run_sql(owner,
            "delete from cancellations; delete from cancellation_rules; insert into "
            "cancellation_rules (org_id, position, rule_id, paid, effect) select org_id, "
            "1, 'paid-by-us', true, 'review' from businesses");
    run_sql(owner, "update orders set paid_minor = 0 where number = 'ORD-1002'");
    write_in("cancel 1002");
    assert_int_equal(service_arrived(&service, AMELIA, "I can't cancel order ORD-1002 here"),
                     1);
    assert_int_equal(order("ORD-1002", "--paid", "5.50"), 0);
    write_in("ORD-1002");
    assert_int_equal(service_arrived(&service, AMELIA, "Paid: "), 1);
    write_in("cancel 1002");
    assert_int_equal(service_arrived(&service, AMELIA, "The team decides on this one"), 1);
    service_stop(&service);
}

static void ord_5_a_note_is_visible_at_once(void **state)
{
    (void)state;
    greet();
    assert_int_equal(order("ORD-1002", "--note", "It is wrapped\nand ready."), 0);
    write_in("ORD-1002");
    assert_int_equal(service_arrived(&service, AMELIA, "It is wrapped"), 1);
    service_stop(&service);
}

static void ord_10_a_status_is_visible_at_once_and_told_unless_quietly(void **state)
{
    (void)state;
    greet();
    run_sql(owner, "update orders set status = 'processing' where number = 'ORD-1002'");
    char *shipped[] = {"order", "status", "ORD-1002", "shipped", "--as", "ann", NULL};
    assert_int_equal(service_command(&service, shipped, told, sizeof(told)), 0);
    write_in("ORD-1002");
    assert_int_equal(ask_number(owner,
                                "select count(*) from order_events e join orders o using "
                                "(org_id, order_id) where o.number = 'ORD-1002' and "
                                "e.status = 'shipped' and e.actor = 'ann'"),
                     1);
    service_until(&service, owner,
                  "select count(*) from notices where kind = 'shipped' and state = 'told'", 1,
                  WAIT);
    char *back[] = {"order", "status", "ORD-1002", "processing", "--quiet", NULL};
    assert_int_equal(service_command(&service, back, told, sizeof(told)), 0);
    char *hidden[] = {"order", "note", "ORD-1002", "Ours alone.", "--hidden", NULL};
    assert_int_equal(service_command(&service, hidden, told, sizeof(told)), 0);
    write_in("ORD-1002");
    assert_int_equal(service_arrived(&service, AMELIA, "Ours alone."), 0);
    assert_int_equal(ask_number(owner, "select count(*) from notices"), 1);
    service_stop(&service);
}

static void what_cannot_be_meant_is_refused_and_changes_nothing(void **state)
{
    static char *const wrong[][2] = {
        {"--expected", "2030-02-30"      },
        {"--expected", "soon"            },
        {"--expected", "2030-03-08x"     },
        {"--expected", ""                },
        {"--paid",     "-1"              },
        {"--paid",     "1000000000000"   },
        {"--paid",     "5.555"           },
        {"--paid",     "many"            },
        {"--note",     "  "              },
        {"--note",     "\xff\xfe"        },
        {"--expected", "2030-03-08 25:00"},
    };
    (void)state;
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        if (order("ORD-1002", wrong[i][0], wrong[i][1]) == 0)
            fail_msg("%s %s was taken", wrong[i][0], wrong[i][1]);
    }
    assert_int_not_equal(order("ORD-9999", "--paid", "1"), 0);
    assert_non_null(strstr(told, "there is no order 'ORD-9999'"));
    char *burnt[] = {"order", "status", "ORD-1002", "burnt", NULL};
    assert_int_not_equal(service_command(&service, burnt, told, sizeof(told)), 0);
    assert_non_null(strstr(told, "status: one of: processing, shipped"));
    char *nothing[] = {"order", "update", "ORD-1002", NULL};
    assert_int_not_equal(service_command(&service, nothing, told, sizeof(told)), 0);
    assert_non_null(strstr(told, "say what"));
    assert_int_equal(
        ask_number(owner, "select count(*) from audit where action = 'order.updated'"), 0);
    char *shown[] = {"order", "show", "ord1002", "--json", NULL};
    assert_int_equal(service_command(&service, shown, told, sizeof(told)), 0);
    assert_non_null(strstr(told, "\"number\": \"ORD-1002\""));
    char *note[] = {"order", "note", "ORD-1002", "Ask \033[2Jfor Eve.", "--hidden", NULL};
    assert_int_equal(service_command(&service, note, told, sizeof(told)), 0);
    char *read[] = {"order", "show", "ORD-1002", NULL};
    assert_int_equal(service_command(&service, read, told, sizeof(told)), 0);
    assert_non_null(strstr(told, "\nitems\n"));
    assert_non_null(strstr(told, "Waxed canvas saddlebag"));
    assert_non_null(strstr(told, "\n  1 x  ")); /* and not 1.000 */
    assert_non_null(strstr(told, "  processing  "));
    const char *whole = strstr(told, "ORD-1002  "); /* behind a folder's name, by chance */
    assert_non_null(whole);
    assert_null(strstr(whole, "T0")); /* 2026-11-21 20:37:00Z, as everywhere */
    assert_null(strstr(whole, "T1"));
    assert_null(strstr(whole, "T2"));
    assert_non_null(strstr(told, "  (hidden)\n"));
    assert_non_null(strstr(told, "for Eve."));
    assert_null(strchr(told, '\033')); /* what somebody wrote commands no terminal */
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            ord_4_a_date_that_moves_is_shown_beside_the_old_one_and_is_news, set_up, tear_down),
        cmocka_unit_test_setup_teardown(can_4_what_was_paid_is_shown_and_judged_by, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ord_5_a_note_is_visible_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            ord_10_a_status_is_visible_at_once_and_told_unless_quietly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_meant_is_refused_and_changes_nothing,
                                        set_up, tear_down),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
