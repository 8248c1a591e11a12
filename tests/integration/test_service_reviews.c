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
#define WAIT        (20 * USEC_PER_SEC)
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
    assert_int_equal(service_arrived(&service, AMELIA, "Google: https://g.example"), 1);
    days_pass();
    assert_int_equal(in_state("ORD-1001", "completed"), 1);
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2});
    run_sql(owner, "insert into customer_settings (org_id, customer_id, quiet) select org_id, "
                   "customer_id, false from customers on conflict (org_id, customer_id) do "
                   "update set quiet = false;"
                   "select set_config('parley.org_id', org_id::text, false) from businesses");
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
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
