/*
 * News that nobody asked for, from the row that somebody adds to what the customer gets: the
 * running service, one start for all.
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA "15550100001"
#define LUCIA  "15550100002"
#define WAIT   (60 * USEC_PER_SEC)

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
        .body = post_text(&arena, phone, arena_format(&arena, "wamid.n.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    until("select count(*) from outbox", 0);
}

/* Somebody's transaction adds news. `detail` is JSON. */
static void make(const char *phone, const char *topic, const char *kind, const char *order,
                 const char *detail)
{
    run_sql(
        owner,
        arena_format(
            &arena,
            "select set_config('parley.org_id', org_id::text, false) from businesses;"
            "select notice_make(p.org_id, p.customer_id, '%s', '%s', '', (select order_id from "
            "orders where number = '%s'), '%s', clock_timestamp(), clock_timestamp()) from "
            "customer_phones p where "
            "phone = '+%s'",
            topic, kind, order, detail, phone)
            .at);
}

static long stand(const char *state)
{
    return ask_number(
        owner,
        arena_format(&arena, "select count(*) from notices where state = '%s'", state).at);
}

static void all_settled(void)
{
    until("select count(*) from notices where state in ('waiting', 'placed')", 0);
    until("select count(*) from outbox", 0);
}

static void ntf_2_what_happened_together_is_one_message_and_told_once(void **state)
{
    (void)state;
    write_in(AMELIA, "hi");
    run_sql(owner, "begin"); /* so that both are there at once */
    make(AMELIA, "deliveries", "delivered", "ORD-1002", "{\"place\": \"Front door\"}");
    make(AMELIA, "payments", "payment_received", "",
         "{\"amount\": {\"minor\": 4090, \"currency\": \"EUR\"}, \"invoice\": \"INV-7\"}");
    run_sql(owner, "commit");
    all_settled();
    assert_int_equal(stand("told"), 2);
    assert_int_equal(
        service_arrived(&service, AMELIA,
                        "Order ORD-1002 has been delivered. Front door.\\n\\nPayment of"),
        1);
    assert_int_equal(
        ask_number(owner, "select count(*) from notices n join messages m using (org_id, "
                          "conversation_id, seq) where m.body like '%has been delivered%'"),
        2);
}

static void ntf_1_what_is_not_wanted_is_not_told_and_says_so(void **state)
{
    (void)state;
    run_sql(
        owner,
        "insert into preferences select org_id, customer_id, 'deliveries', 'whatsapp', false, "
        "now(), 'chat' from customer_phones where phone = '+" AMELIA "'");
    make(AMELIA, "deliveries", "out_for_delivery", "ORD-1002", "{}");
    all_settled();
    assert_int_equal(service_arrived(&service, AMELIA, "out for delivery"), 0);
    /* A mail address on record would have it. */
    assert_int_equal(stand("unwanted") + stand("told"), 3);
    run_sql(owner, "delete from preferences");
    make(AMELIA, "orders", "order_status", "ORD-1001", "{}");
    all_settled();
    assert_int_equal(service_arrived(&service, AMELIA, "Order ORD-1001:"), 1);
    write_in(AMELIA, "stop");
    make(AMELIA, "orders", "order_status", "ORD-1001", "{}");
    all_settled();
    assert_int_equal(service_arrived(&service, AMELIA, "Order ORD-1001:"), 1);
    assert_int_equal(stand("stopped"), 1);
    write_in(AMELIA, "start");
}

static void ntf_3_news_waits_for_the_end_of_the_quiet_hours(void **state)
{
    (void)state;
    run_sql(owner,
            "update customer_settings set quiet = true, quiet_from = (extract(hour from now() "
            "at time "
            "zone customer_zone(org_id, customer_id))::int * 60 + 1380) % 1440, quiet_until = "
            "(extract(hour from now() at time zone customer_zone(org_id, customer_id))::int * "
            "60 + 240) "
            "% 1440 where customer_id = (select customer_id from customer_phones where phone = "
            "'+" AMELIA "')");
    make(AMELIA, "orders", "ready_for_pickup", "ORD-1001", "{}");
    until("select count(*) from jobs where name = 'notice.news/orders' and due_at > now()", 1);
    assert_int_equal(service_arrived(&service, AMELIA, "ready for pickup"), 0);
    run_sql(owner, "update customer_settings set quiet = false; update notices set due_at = "
                   "now() where state = "
                   "'placed'; update jobs set due_at = now()");
    all_settled();
    assert_int_equal(service_arrived(&service, AMELIA, "ready for pickup"), 1);
}

static void ch_3_outside_the_window_news_goes_by_another_channel_or_says_why_not(void **state)
{
    (void)state;
    write_in(LUCIA, "hola");
    run_sql(owner, "update conversations set last_inbound_at = now() - interval '2 days'");
    make(LUCIA, "orders", "order_status", "",
         "{\"number\": \"ORD-9\", \"workflow\": \"shop\", \"status\": "
         "\"shipped\"}");
    all_settled();
    assert_int_equal(service_arrived(&service, LUCIA, "ORD-9"), 0);
    assert_int_equal(stand("closed"), 1);
}

static void ntf_5_a_death_in_between_tells_nothing_twice_and_forgets_nothing(void **state)
{
    pid_t pids[4];
    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        char phone[16];
        (void)snprintf(phone, sizeof(phone), "155501000%02u", i + 3);
        write_in(phone, "hi");
    }
    for (unsigned i = 0; i < 24; i++) {
        char phone[16];
        (void)snprintf(phone, sizeof(phone), "155501000%02u", i % 12 + 3);
        make(phone, "orders", "order_status", "",
             arena_format(
                 &arena,
                 "{\"number\": \"D-%u-\", \"workflow\": \"shop\", \"status\": \"shipped\"}", i)
                 .at);
        if (i % 6 == 5) {
            usleep(300 * 1000);
            if (service_workers(&service, pids, 4) > 0)
                (void)kill(pids[0], SIGKILL);
        }
    }
    service_until(&service, owner,
                  "select count(*) from notices where state in ('waiting', 'placed')", 0,
                  3 * WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, 3 * WAIT);
    for (unsigned i = 0; i < 24; i++) {
        assert_int_equal(
            ask_number(owner,
                       arena_format(&arena,
                                    "select count(*) from messages where body like '%%D-%u-%%'",
                                    i)
                           .at),
            1);
    }
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2});
    nobody_sleeps(owner);
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
        cmocka_unit_test(ntf_2_what_happened_together_is_one_message_and_told_once),
        cmocka_unit_test(ntf_1_what_is_not_wanted_is_not_told_and_says_so),
        cmocka_unit_test(ntf_3_news_waits_for_the_end_of_the_quiet_hours),
        cmocka_unit_test(ch_3_outside_the_window_news_goes_by_another_channel_or_says_why_not),
        cmocka_unit_test(ntf_5_a_death_in_between_tells_nothing_twice_and_forgets_nothing),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
