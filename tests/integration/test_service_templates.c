/*
 * News outside WhatsApp's service window: by a template that Meta has approved, else by the
 * next channel. The running service with a number for SMS too, one start for all.
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA "15550100001"
#define LUCIA  "15550100002"
#define PIOTR  "15550100003"
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
        .body = post_text(&arena, phone, arena_format(&arena, "wamid.t.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    until("select count(*) from messages where inbound and kind = 'text'", n);
    until("select count(*) from outbox", 0);
}

/* Everybody's window is closed. */
static void days_pass(void)
{
    run_sql(owner,
            "update conversations set last_inbound_at = last_inbound_at - interval '2 days'");
}

static void make(const char *phone, const char *topic, const char *kind, const char *cause,
                 const char *order, const char *detail)
{
    run_sql(owner,
            arena_format(
                &arena,
                "select set_config('parley.org_id', org_id::text, false) from businesses;"
                "select notice_make(p.org_id, p.customer_id, '%s', '%s', '%s', (select "
                "order_id from "
                "orders where number = '%s'), '%s', now(), now()) from customer_phones p where "
                "phone = '+%s'",
                topic, kind, cause, order, detail, phone)
                .at);
}

/* What Meta would say of a template, by its webhook. */
static void meta_says(const char *name, const char *language, const char *event)
{
    static long at = 1794961200;
    struct post post = {
        .body = arena_format(
            &arena,
            "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"" SERVICE_BUSINESS
            "\",\"time\":%ld,\"changes\":[{\"value\":{\"event\":\"%s\","
            "\"message_template_id\":1,\"message_template_name\":\"%s\","
            "\"message_template_language\":\"%s\",\"reason\":\"NONE\"},"
            "\"field\":\"message_template_status_update\"}]}]}",
            ++at, event, name, language)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    until(arena_format(&arena,
                       "select count(*) from whatsapp_templates where name = '%s' and language "
                       "= '%s' and status = '%s'",
                       name, language, event)
              .at,
          1);
}

static long stand(const char *state)
{
    return ask_number(
        owner,
        arena_format(&arena, "select count(*) from notices where state = '%s'", state).at);
}

static long said(const char *kind, const char *like)
{
    return ask_number(owner, arena_format(&arena,
                                          "select count(*) from messages where not inbound and "
                                          "kind = '%s' and body like '%%%s%%'",
                                          kind, like)
                                 .at);
}

static void all_settled(void)
{
    until(
        "select count(*) from notices where state in ('waiting', 'placed') and due_at < now() "
        "+ interval '1 minute'",
        0);
    until("select count(*) from outbox", 0);
}

static void begin(void)
{
    run_sql(owner, "delete from notices; delete from fallbacks");
}

static void ch_3_outside_the_window_an_approved_template_tells_it_in_their_language(
    void **state)
{
    (void)state;
    write_in(AMELIA, "hi");
    write_in(LUCIA, "hola");
    days_pass();
    meta_says("order_status", "en", "APPROVED");
    meta_says("order_status", "es", "APPROVED");
    meta_says("payment_received", "en", "APPROVED");
    make(AMELIA, "orders", "order_status", "", "ORD-1001", "{}");
    make(LUCIA, "orders", "order_status", "", "",
         "{\"number\": \"ORD-9\", \"workflow\": \"shop\", \"status\": \"shipped\"}");
    all_settled();
    assert_int_equal(stand("told"), 2);
    assert_int_equal(said("template", "\"order_status\"%\"ORD-1001\""), 1);
    assert_int_equal(said("template", "Novedades de tu pedido ORD-9. Ahora está así: Enviado"),
                     1);
    assert_int_equal(service_arrived(&service, LUCIA, "ORD-9"), 1);
    /* an amount as they read it, in English where Spanish is not approved */
    make(LUCIA, "payments", "payment_received", "", "",
         "{\"amount\": {\"minor\": 4090, \"currency\": \"EUR\"}, \"invoice\": \"INV-7\"}");
    all_settled();
    assert_int_equal(said("template", "your payment of €40.90. It is for the invoice INV-7"),
                     1);
}

static void ch_3_a_paused_template_is_not_used_and_the_next_channel_is(void **state)
{
    (void)state;
    begin();
    meta_says("order_status", "en", "PAUSED");
    make(AMELIA, "orders", "order_status", "", "ORD-1001", "{}");
    all_settled();
    assert_int_equal(said("text", "Order ORD-1001"), 1);
    assert_int_equal(
        ask_number(owner, "select count(*) from messages m join conversations using (org_id, "
                          "conversation_id) join contact_points p using (org_id, contact_id) "
                          "where p.channel = 'sms' and m.body like '%Order ORD-1001%'"),
        1);
    meta_says("order_status", "en", "APPROVED");
}

static void can_3_outside_the_window_a_decision_is_told_by_a_template(void **state)
{
    (void)state;
    begin();
    meta_says("cancellation_decided_v2", "es", "APPROVED");
    make(LUCIA, "cancellations", "cancellation_decided", "", "",
         "{\"number\": \"ORD-9\", \"decision\": \"in_review\"}");
    all_settled();
    assert_int_equal(
        said("template", "cancelar el pedido ORD-9. Ahora está así: 🔎 en revisión"), 1);
    assert_int_equal(stand("told"), 1);
}

static void ntf_2_three_events_of_one_cause_are_one_template(void **state)
{
    (void)state;
    begin();
    meta_says("order_shipped_plain", "en", "APPROVED");
    run_sql(owner, "begin");
    make(AMELIA, "orders", "order_status", "c-1", "ORD-1001", "{}");
    make(AMELIA, "deliveries", "shipped", "c-1", "ORD-1001", "{}");
    make(AMELIA, "deliveries", "expected_changed", "c-1", "ORD-1001", "{}");
    run_sql(owner, "commit");
    all_settled();
    assert_int_equal(said("template", "\"order_shipped_plain\""), 1);
    assert_int_equal(stand("told"), 2); /* the change of day has no template, and goes by SMS */
    assert_int_equal(stand("replaced"), 1);
}

static void ntf_2_no_more_than_three_templates_come_in_an_hour(void **state)
{
    (void)state;
    begin();
    for (unsigned i = 0; i < 5; i++) {
        make(LUCIA, "payments", "payment_received", "", "",
             arena_format(&arena,
                          "{\"amount\": {\"minor\": 100, \"currency\": \"EUR\"}, \"number\": "
                          "\"%u\", \"invoice\": \"M-%u\"}",
                          i, i)
                 .at);
    }
    all_settled();
    assert_int_equal(said("template", "invoice M-"), 3);
    assert_int_equal(stand("told"), 3);
    assert_int_equal(stand("waiting"), 2);
}

static void ntf_5_a_death_in_between_says_no_template_twice_and_forgets_none(void **state)
{
    pid_t pids[4];
    (void)state;
    begin();
    for (unsigned i = 4; i < 12; i++)
        write_in(arena_format(&arena, "155501000%02u", i).at, "hi");
    days_pass();
    for (unsigned i = 0; i < 16; i++) {
        make(arena_format(&arena, "155501000%02u", i % 8 + 4).at, "orders", "order_status", "",
             "",
             arena_format(
                 &arena,
                 "{\"number\": \"K-%u-\", \"workflow\": \"shop\", \"status\": \"shipped\"}", i)
                 .at);
        if (i % 5 == 4) {
            usleep(200 * 1000);
            if (service_workers(&service, pids, 4) > 0)
                (void)kill(pids[0], SIGKILL);
        }
    }
    /* what a dead worker had placed is placed anew after fifteen seconds */
    for (unsigned round = 0; round < 100 && stand("told") < 16; round++) {
        usleep(200 * 1000);
        run_sql(owner,
                "update notices set state_at = state_at - interval '15 seconds' where state = "
                "'placed' and state_at < now() - interval '3 seconds'");
    }
    service_until(&service, owner, "select count(*) from outbox", 0, 3 * WAIT);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(said("template", arena_format(&arena, "K-%u-\\\"", i).at), 1);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
}

/* Meta's side played by the sandbox: looked at, approved, told by webhook, held against. */
static void ch_3_templates_are_pushed_once_and_approved_by_webhook(void **state)
{
    static char told[128 * 1024];
    (void)state;
    begin();
    run_sql(owner, "delete from whatsapp_templates");
    char *push[] = {"templates", "push", NULL},
         *look[] = {"templates", "status", "--json", NULL};
    char *news[] = {"notices", "list", "--customer", "+" AMELIA, "--json", NULL};
    assert_int_equal(service_command(&service, push, told, sizeof told), 0);
    until("select count(*) - count(*) filter (where status = 'APPROVED') from "
          "whatsapp_templates",
          0);
    long all = ask_number(owner, "select count(*) from whatsapp_templates");
    assert_true(all >= 4L * 18);
    assert_int_equal(service_command(&service, push, told, sizeof told), 0);
    assert_null(strstr(told, "pushed"));
    assert_int_equal(service_command(&service, look, told, sizeof told), 0);
    assert_non_null(strstr(told, "APPROVED"));
    assert_null(strstr(told, "different"));
    assert_null(strstr(told, "missing"));
    assert_int_equal(ask_number(owner, "select count(*) from whatsapp_templates"), all);
    make(AMELIA, "deliveries", "shipped", "", "ORD-1002",
         "{\"carrier\": \"DHL\", \"tracking_number\": \"JD01\"}");
    all_settled();
    assert_int_equal(said("template", "\"order_shipped\"%DHL%JD01"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "JD01"), 1);
    assert_int_equal(service_command(&service, news, told, sizeof told), 0);
    assert_non_null(strstr(told, "order_shipped"));
    assert_non_null(strstr(told, "whatsapp"));
    assert_null(strstr(told, AMELIA));
}

/* --- reviews ------------------------------------------------------------------------------ */

static void rev_1_what_a_template_asks_is_asked_and_its_answer_begins_the_review(void **state)
{
    (void)state;
    begin();
    write_in(AMELIA, "hi");
    days_pass();
    meta_says("review_asked", "en", "APPROVED");
    run_sql(owner,
            "select set_config('parley.org_id', org_id::text, false) from businesses;"
            "update businesses set settings = settings || '{\"review_links\": [{\"name\": "
            "\"Google\", \"url\": \"https://g.example/a/long/way/to/go\"}]}';"
            "delete from reviews where order_id = (select order_id from orders where number = "
            "'ORD-1001'); update orders set status = 'delivered' where number = 'ORD-1001';"
            "select review_due(org_id, order_id, now() - interval '25 hours') from orders "
            "where number = 'ORD-1001'");
    until("select count(*) from reviews r join orders o using (org_id, order_id) where "
          "o.number = 'ORD-1001' and r.state = 'asked' and r.asked_at is not null",
          1);
    assert_int_equal(said("template", "\"review_asked\"%\"ORD-1001\""), 1);
    assert_int_equal(ask_number(owner, "select count(*) from notices where kind = "
                                       "'review_reminder' and state = 'waiting'"),
                     1);
    write_in(AMELIA, "5");
    assert_int_equal(ask_number(owner, "select count(*) from reviews r join orders o using "
                                       "(org_id, order_id) where o.number = 'ORD-1001' and "
                                       "r.rating = 5 and r.state = 'completed'"),
                     1);
    assert_int_equal(
        ask_number(owner, "select count(*) from customers where review_awaited is not null"),
        0);
    assert_int_equal(ask_number(owner, "select count(*) from notices where kind = "
                                       "'review_reminder' and state = 'waiting'"),
                     0);
}

/* What was asked shows nothing, so its answer proves nothing: the button that comes with it. */
static void rev_1_otp_9_the_templates_button_needs_no_code(void **state)
{
    long codes = ask_number(owner, "select count(*) from code_sends");

    (void)state;
    run_sql(owner, "update conversations set verified_until = null");
    write_in(AMELIA, "review ORD-1001"); /* as the button's payload says it */
    write_in(AMELIA, "4");
    assert_int_equal(ask_number(owner, "select count(*) from reviews r join orders o using "
                                       "(org_id, order_id) where o.number = 'ORD-1001' and "
                                       "r.rating = 4 and r.state = 'completed'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from code_sends"), codes);
    run_sql(owner, "update conversations set verified_until = now() + interval '1 hour'");
}

static void rev_1_the_place_that_was_opened_is_kept_and_told(void **state)
{
    PGresult *rows;
    const char *path;

    (void)state;
    write_in(AMELIA, "The new pump is quiet.");
    rows = PQexec(owner, "select code from short_links where platform = 'Google'");
    assert_int_equal(PQntuples(rows), 1);
    path = arena_format(&arena, "/s/%s", PQgetvalue(rows, 0, 0)).at;
    PQclear(rows);
    assert_int_equal(service_arrived(&service, AMELIA, path), 1);
    assert_int_equal(service_get(&service, path), 302);
    assert_int_equal(service_get(&service, path), 302);
    assert_int_equal(ask_number(owner, "select count(*) from reviews r join orders o using "
                                       "(org_id, order_id) where r.platform = 'Google' and "
                                       "r.clicked_at is not null and o.number = 'ORD-1001'"),
                     1);
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from events_out where type = 'review.completed' and "
                   "data ->> 'platform' = 'Google' and data ->> 'comment' like '%quiet%'"),
        1);
}

/* A tap on a template's button, days later. */
static void tap(const char *phone, const char *payload)
{
    static unsigned n;
    struct str message =
        arena_format(&arena,
                     "{\"from\":\"%s\",\"id\":\"wamid.tap.%u\",\"timestamp\":\"%lld\","
                     "\"type\":\"button\","
                     "\"button\":{\"payload\":\"%s\",\"text\":\"Track it\"}}",
                     phone, ++n, (long long)time(NULL), payload);
    struct post post = {.body = post_messages(&arena, &message, 1)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    until(
        arena_format(&arena, "select count(*) from messages where kind = 'choice' and inbound")
            .at,
        n);
    until("select count(*) from outbox", 0);
}

static void ch_3_a_button_leads_to_the_parcel_and_a_tap_starts_its_flow(void **state)
{
    (void)state;
    begin();
    write_in(PIOTR, "hi");
    days_pass();
    make(PIOTR, "deliveries", "shipped", "", "",
         "{\"number\": \"REP-2002\", \"carrier\": \"DHL\", \"tracking_number\": \"JD03\", "
         "\"url\": "
         "\"https://dhl.example/JD03\"}");
    all_settled();
    assert_int_equal(said("template", "https://dhl.example/JD03%\"order_shipped_link\"%JD03"),
                     1);
    PGresult *rows = PQexec(owner, "select code from short_links where url = "
                                   "'https://dhl.example/JD03'");
    assert_int_equal(PQntuples(rows), 1);
    assert_int_equal(service_arrived(&service, PIOTR, PQgetvalue(rows, 0, 0)), 1);
    PQclear(rows);
    size_t before = service_arrived(&service, AMELIA, "say:track ORD-1001");
    make(AMELIA, "deliveries", "shipped", "", "ORD-1001", "{}");
    all_settled();
    assert_int_equal(service_arrived(&service, AMELIA, "say:track ORD-1001"), before + 1);
    before = service_arrived(&service, AMELIA, "ORD-1001");
    tap(AMELIA, "say:track ORD-1001");
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1001"), before + 1);
    assert_int_equal(service_findings(&service), 0);
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2, .sms = true});
    nobody_sleeps(owner);
    run_sql(owner, "insert into preferences (org_id, customer_id, topic, channel, wanted, at,"
                   " source) select org_id, customer_id, t, 'sms', true, now(), 'test' from "
                   "customers, unnest(array['orders', 'deliveries']) t on conflict (org_id, "
                   "customer_id, topic, channel) do update set wanted = true");
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
        cmocka_unit_test(
            ch_3_outside_the_window_an_approved_template_tells_it_in_their_language),
        cmocka_unit_test(ch_3_a_paused_template_is_not_used_and_the_next_channel_is),
        cmocka_unit_test(can_3_outside_the_window_a_decision_is_told_by_a_template),
        cmocka_unit_test(ntf_2_three_events_of_one_cause_are_one_template),
        cmocka_unit_test(ntf_2_no_more_than_three_templates_come_in_an_hour),
        cmocka_unit_test(ch_3_templates_are_pushed_once_and_approved_by_webhook),
        cmocka_unit_test(rev_1_what_a_template_asks_is_asked_and_its_answer_begins_the_review),
        cmocka_unit_test(rev_1_the_place_that_was_opened_is_kept_and_told),
        cmocka_unit_test(rev_1_otp_9_the_templates_button_needs_no_code),
        cmocka_unit_test(ch_3_a_button_leads_to_the_parcel_and_a_tap_starts_its_flow),
        cmocka_unit_test(ntf_5_a_death_in_between_says_no_template_twice_and_forgets_none),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
