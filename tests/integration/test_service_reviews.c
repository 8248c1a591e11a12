/*
 * A review, from the order that comes to its end to the stars, the running service: asked once,
 * reminded once, whatever is repeated and whoever dies; and not at all where it is unwanted.
 * A day passes by moving what is due.
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA      "15550100001"
#define WAIT        (60 * USEC_PER_SEC)
#define FORMAT(...) arena_format(&arena, __VA_ARGS__).at

static struct arena arena;
static struct service service;
static PGconn *owner;

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, WAIT);
}

static void write_in(const char *phone, const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, phone, arena_format(&arena, "wamid.r.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    until("select count(*) from outbox", 0);
}

/* As the CRM or staff do: the status, and what is due then, in one transaction. */
static void finish(const char *number)
{
    run_sql(owner, FORMAT("begin; update orders set status = 'delivered' where number = '%s' "
                          "and workflow = 'shop';"
                          "select review_due(org_id, order_id, now()) from orders where number "
                          "= '%s'; commit",
                          number, number));
}

/* A day later; the customer has written meanwhile, or WhatsApp would take nothing. */
static void days_pass(void)
{
    run_sql(owner, "update notices set due_at = now() where state in ('waiting', 'placed') and "
                   "topic = 'reviews'");
    until(
        "select count(*) from notices where state in ('waiting', 'placed') and due_at <= now() "
        "and topic = 'reviews'",
        0);
    until("select count(*) from outbox", 0);
}

static long asked(const char *number)
{
    return ask_number(owner,
                      FORMAT("select count(*) from messages where not inbound and body like "
                             "'%%Order %s is finished%%'",
                             number));
}

static long in_state(const char *number, const char *state)
{
    return ask_number(
        owner, FORMAT("select count(*) from reviews r join orders o using (org_id, order_id) "
                      "where o.number = '%s' and r.state = '%s'",
                      number, state));
}

static void rev_1_a_day_after_the_end_the_customer_is_asked_once(void **state)
{
    (void)state;
    write_in(AMELIA, "hi");
    finish("ORD-1001");
    finish("ORD-1001");
    assert_int_equal(ask_number(owner, "select count(*) from notices where kind = "
                                       "'review_asked' and due_at between now() + interval '23 "
                                       "hours' and now() + interval '25 hours'"),
                     1);
    days_pass();
    finish("ORD-1001");
    days_pass();
    assert_int_equal(asked("ORD-1001"), 1);
    assert_int_equal(in_state("ORD-1001", "reminded"), 1);
}

static void rev_1_stars_and_words_are_kept_and_a_low_one_is_a_report(void **state)
{
    (void)state;
    write_in(AMELIA, "2");
    assert_int_equal(in_state("ORD-1001", "completed"), 1);
    write_in(AMELIA, "The lamp flickers since the second day.");
    assert_int_equal(
        ask_number(owner, "select count(*) from reviews r join tickets k using (org_id, "
                          "ticket_id) where r.rating = 2 and r.comment like '%flickers%' and "
                          "k.description like '2/5: %flickers%' and k.kind = 'quality'"),
        1);
    assert_int_equal(ask_number(owner, "select count(*) from events_out where type = "
                                       "'review.completed' and subject = 'order/ORD-1001'"),
                     2);
    assert_int_equal(ask_number(owner, "select count(*) from events_out e join tickets k on "
                                       "e.subject = 'ticket/' || k.number where e.type = "
                                       "'ticket.opened' and k.kind = 'quality'"),
                     1);
    assert_int_equal(service_arrived(&service, AMELIA, "Google: http://127.0.0.1:"), 1);
    days_pass();
    assert_int_equal(in_state("ORD-1001", "completed"), 1);
}

static void rev_1_stars_may_be_changed_for_a_week(void **state)
{
    (void)state;
    write_in(AMELIA, "menu");
    write_in(AMELIA, "leave a review ORD-1001");
    write_in(AMELIA, "4");
    write_in(AMELIA, "skip");
    assert_int_equal(ask_number(owner, "select count(*) from reviews where rating = 4 and "
                                       "changed_at is not null and ticket_id is not null"),
                     1);
    run_sql(owner,
            "update reviews set answered_at = now() - interval '8 days' where rating = 4 and "
            "ticket_id is not null");
    write_in(AMELIA, "leave a review ORD-1001");
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1001 can't be reviewed"), 1);
}

static void withdrawn(const char *number, const char *why)
{
    assert_int_equal(asked(number), 0);
    assert_int_equal(
        ask_number(owner, FORMAT("select count(*) from reviews r join orders o using "
                                 "(org_id, order_id) where o.number = '%s' and "
                                 "r.state = 'withdrawn' and r.why = '%s'",
                                 number, why)),
        1);
}

static void order(const char *number)
{
    run_sql(owner,
            FORMAT("insert into orders (org_id, order_id, number, customer_id, workflow, "
                   "status, placed_at, currency, subtotal_minor, total_minor) select "
                   "org_id, gen_random_uuid(), '%s', customer_id, 'shop', 'shipped', "
                   "now(), 'USD', 100, 100 from customer_phones where phone = '+" AMELIA "'",
                   number));
}

static void rev_1_nobody_is_asked_who_should_not_be(void **state)
{
    (void)state;
    order("R-1");
    finish("R-1");
    run_sql(owner,
            "insert into tickets (org_id, ticket_id, number, customer_id, order_id, kind, "
            "description, created_at, due_at) select org_id, gen_random_uuid(), 'T-R', "
            "customer_id, order_id, 'damaged', 'x', now(), now() from orders where number = "
            "'R-1'");
    days_pass();
    withdrawn("R-1", "ticket");
    order("R-2");
    finish("R-2");
    run_sql(owner, "update orders set status = 'shipped' where number = 'R-2'");
    days_pass();
    withdrawn("R-2", "unfinished");
    order("R-3");
    run_sql(owner,
            "insert into preferences select org_id, customer_id, 'reviews', c, false, "
            "now(), 'chat' from customer_phones, unnest(array['whatsapp', 'email']) c where "
            "phone = '+" AMELIA "' on conflict do nothing");
    finish("R-3");
    days_pass();
    withdrawn("R-3", "unwanted");
    run_sql(owner, "delete from preferences where topic = 'reviews'");
    run_sql(owner, "update businesses set settings = settings || '{\"reviews\": false}'");
    order("R-4");
    finish("R-4");
    assert_int_equal(in_state("R-4", "requested"), 0);
    run_sql(owner, "update businesses set settings = settings - 'reviews'");
    finish("R-2"); /* taken up again, and finished again */
    days_pass();
    assert_int_equal(asked("R-2"), 1);
}

static void rev_1_two_orders_are_two_questions_on_two_days(void **state)
{
    (void)state;
    run_sql(owner,
            "update reviews set asked_at = asked_at - interval '2 days' where asked_at is "
            "not null; update notices set state = 'replaced' where kind = 'review_reminder' "
            "and state = 'waiting'");
    order("R-5");
    order("R-6");
    finish("R-5");
    finish("R-6");
    days_pass();
    assert_int_equal(asked("R-5") + asked("R-6"), 1);
    run_sql(owner,
            "update reviews set asked_at = asked_at - interval '2 days' where asked_at is "
            "not null");
    run_sql(owner, "update notices set due_at = now() where kind = 'review_asked' and state = "
                   "'waiting'");
    until(
        "select count(*) from reviews r join orders o using (org_id, order_id) where o.number "
        "in ('R-5', 'R-6') and r.state = 'asked'",
        2);
    write_in(AMELIA, "6"); /* not now */
    assert_int_equal(in_state("R-5", "skipped") + in_state("R-6", "skipped"), 1);
    assert_int_equal(
        ask_number(owner, "select count(*) from events_out where type = 'review.skipped'"), 1);
}

static void rev_1_deaths_in_between_ask_nobody_twice_and_forget_nobody(void **state)
{
    pid_t pids[4];

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        char phone[16];
        (void)snprintf(phone, sizeof(phone), "155501000%02u", i + 4);
        write_in(phone, "hi");
        run_sql(
            owner,
            FORMAT("insert into orders (org_id, order_id, number, customer_id, workflow, "
                   "status, placed_at, currency, subtotal_minor, total_minor) select org_id, "
                   "gen_random_uuid(), 'K-%u-', customer_id, 'shop', 'delivered', now(), "
                   "'USD', 100, 100 from customer_phones where phone = '+%s'",
                   i, phone));
    }
    run_sql(owner,
            "select review_due(org_id, order_id, now() - interval '1 day') from orders where "
            "number like 'K-%'");
    for (unsigned i = 0; i < 2; i++) {
        run_sql(owner,
                "select review_due(org_id, order_id, now() - interval '1 day') from orders "
                "where number like 'K-%'");
        usleep(300 * 1000);
        if (service_workers(&service, pids, 4) > 0)
            (void)kill(pids[0], SIGKILL);
    }
    service_until(&service, owner,
                  "select count(*) from reviews r join orders o using (org_id, order_id) where "
                  "o.number like 'K-%' and r.state = 'asked'",
                  6, 3 * WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, 3 * WAIT);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(
            ask_number(owner, FORMAT("select count(*) from messages where not inbound "
                                     "and body like '%%review.rate%%=K-%u-~c:one%%'",
                                     i)),
            1);
    }
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
}

static void rev_2_the_business_asks_reads_and_counts(void **state)
{
    static char said[1 << 15];
    char *list[] = {"review", "list", "--state", "completed", NULL};
    char *json[] = {"review", "list", "--since", "2020-01-31", "--json", NULL};
    char *stats[] = {"review", "stats", NULL};
    char *counted[] = {"review", "stats", "--json", NULL};
    char *ask[] = {"review", "ask", "ord 1003", NULL};
    char *early[] = {"review", "ask", "ORD-1005", NULL};
    char *nothing[] = {"review", "ask", "ORD-77777", NULL};
    char *wrong[] = {"review", "list", "--since", "yesterday", NULL};

    (void)state;
    assert_int_equal(service_command(&service, list, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "REP-2004"));
    assert_non_null(strstr(said, "*****"));
    assert_null(strstr(said, "ORD-1015"));
    assert_int_equal(service_command(&service, json, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "\"why\":\"unwanted\""));
    assert_int_equal(service_command(&service, stats, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "average"));
    assert_int_equal(service_command(&service, counted, said, sizeof(said)), 0);
    long average = ask_number(owner, "select round(avg(rating) * 100) from reviews");
    assert_non_null(strstr(said, FORMAT("\"average_hundredths\":%ld", average)));
    assert_non_null(strstr(said, "\"of\":\"channel\",\"which\":\"email\""));
    run_sql(owner,
            "update reviews set asked_at = asked_at - interval '2 days' where asked_at is "
            "not null");
    assert_int_equal(service_command(&service, ask, said, sizeof(said)), 0);
    until("select count(*) from reviews r join orders o using (org_id, order_id) where "
          "o.number = "
          "'ORD-1003' and r.asked_at is not null and r.source = 'staff'",
          1);
    until("select count(*) from outbox", 0);
    assert_int_equal(asked("ORD-1003"), 1);
    assert_int_not_equal(service_command(&service, ask, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "was asked"));
    assert_int_not_equal(service_command(&service, early, said, sizeof(said)), 0);
    assert_non_null(strstr(said, "not come to its end"));
    assert_int_not_equal(service_command(&service, nothing, said, sizeof(said)), 0);
    assert_int_not_equal(service_command(&service, wrong, said, sizeof(said)), 0);
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2});
    nobody_sleeps(owner);
    run_sql(owner, "select set_config('parley.org_id', org_id::text, false) from businesses");
    return 0;
}

static int shut_all(void **state)
{
    (void)state;
    service_stop(&service);
    service_end(&service);
    PQfinish(owner);
    store_shut();
    arena_finish(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rev_1_a_day_after_the_end_the_customer_is_asked_once),
        cmocka_unit_test(rev_1_stars_and_words_are_kept_and_a_low_one_is_a_report),
        cmocka_unit_test(rev_1_stars_may_be_changed_for_a_week),
        cmocka_unit_test(rev_1_nobody_is_asked_who_should_not_be),
        cmocka_unit_test(rev_1_two_orders_are_two_questions_on_two_days),
        cmocka_unit_test(rev_1_deaths_in_between_ask_nobody_twice_and_forget_nobody),
        cmocka_unit_test(rev_2_the_business_asks_reads_and_counts),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
