/*
 * What does not arrive on WhatsApp goes on by SMS, through the whole service: refused at once,
 * reported as failed later, or never reported as delivered.
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define ANA  "15550100001"
#define USER "US.13491208655302741918" /* as whom WhatsApp knows her: only there she fails */
#define WAIT (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

/* Ana has written on WhatsApp and wants to hear of her orders by SMS, too. */
static void start(unsigned workers, const char *faults)
{
    struct post post = {.body = post_text(&arena, ANA, "wamid.fall.1", "hello")};

    owner = owner_connect();
    service_start(&service,
                  &(struct service_wish){.sms = true, .workers = workers, .faults = faults});
    run_sql(owner, "delete from preferences");
    run_sql(owner, "insert into preferences (org_id, customer_id, topic, channel, wanted, at,"
                   " source) select org_id, customer_id, 'orders', 'sms', true, now(), 'test'"
                   " from customer_phones where phone = '+" ANA "'");
    run_sql(owner, "insert into customer_settings (org_id, customer_id, quiet) select org_id,"
                   " customer_id, false from customer_phones where phone = '+" ANA "'"
                   " on conflict (org_id, customer_id) do update set quiet = false");
    service_post(&service, &post, 1, 1, WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    run_sql(owner, "update contact_points set address = '" USER "', phone = null");
}

/* A notice, as those who promise one write it. */
static void promise(unsigned number, const char *words)
{
    run_sql(owner,
            arena_format(
                &arena,
                "with c as (update conversations set seq = seq + 1 where account_id ="
                " (select account_id from accounts where channel = 'whatsapp' limit 1)"
                " returning org_id, conversation_id, account_id, seq), m as (insert into"
                " messages (org_id, conversation_id, seq, inbound, kind, body, at, why)"
                " select org_id, conversation_id, seq, false, 'text',"
                " '{\"kind\":\"text\",\"lang\":\"en\",\"body\":\"%s %u\"}', now(), 'notice'"
                " from c), o as (insert into outbox (org_id, lane_id, conversation_id,"
                " seq, due_at, priority) select org_id, account_id, conversation_id, seq,"
                " now(), 1 from c) insert into fallbacks (org_id, conversation_id, seq,"
                " topic, begun_at, due_at) select org_id, conversation_id, seq, 'orders',"
                " now(), now() from c",
                words, number)
                .at);
}

static void settled(void)
{
    /* one that is looked at before it has left is looked at again in a minute */
    service_until(
        &service, owner,
        "with soon as (update fallbacks set due_at = now() where due_at between now() +"
        " interval '5 seconds' and now() + interval '61 seconds') select count(*) from"
        " fallbacks",
        0, WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static long said_by(const char *channel)
{
    return ask_number(owner, arena_format(&arena,
                                          "select count(*) from messages join conversations"
                                          " using (org_id, conversation_id) join contact_points"
                                          " using (org_id, contact_id) where channel = '%s' and"
                                          " body like '%%Good news%%' and delivery >= 3",
                                          channel)
                                 .at);
}

/* --- the tests ------------------------------------------------------------------------------
 */

static void ch_7_what_arrives_stays_where_it_is(void **state)
{
    (void)state;
    start(2, "{}");
    for (unsigned i = 0; i < 5; i++)
        promise(i, "Good news");
    settled();
    assert_int_equal(said_by("whatsapp"), 5);
    assert_int_equal(said_by("sms"), 0);
    service_stop(&service);
}

static void ch_7_a_refusal_means_the_next_channel(void **state)
{
    (void)state;
    start(2, "{\"fail\": [{\"code\": 131026, \"http\": 400, \"probability\": 1, \"to\": \"" USER
             "\"}]}");
    for (unsigned i = 0; i < 5; i++)
        promise(i, "Good news");
    settled();
    service_until(
        &service, owner,
        "select count(*) from messages where body like '%Good news%' and delivery >= 3", 5,
        WAIT);
    assert_int_equal(said_by("sms"), 5);
    assert_int_equal(said_by("whatsapp"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from messages where reason ="
                                       " 'went on by sms'"),
                     5);
    assert_int_equal((long)service_counter(&service, "parley_fallbacks_total"), 5);
    service_stop(&service);
}

/* Taken, and reported as failed a moment later. */
static void ch_7_a_failure_that_is_reported_later_means_the_next_channel_too(void **state)
{
    (void)state;
    start(2, "{\"fail\": [{\"code\": 131026, \"http\": 400, \"probability\": 1, \"late\": true,"
             " \"to\": \"" USER "\"}]}");
    for (unsigned i = 0; i < 5; i++)
        promise(i, "Good news");
    service_until(
        &service, owner,
        "select count(*) from messages where body like '%Good news%' and delivery >= 3", 5,
        WAIT);
    settled();
    assert_int_equal(said_by("sms"), 5);
    service_stop(&service);
}

/* What WhatsApp says of our first promise to Ana, as of the message with that id. */
static void report_failed(const char *id)
{
    PGresult *sent = PQexec(owner, "select conversation_id, seq from messages where why ="
                                   " 'notice'");
    struct post post = {
        .body = arena_format(
            &arena,
            "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"" SERVICE_BUSINESS
            "\",\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":"
            "\"whatsapp\",\"metadata\":{\"display_phone_number\":\"15550783881\","
            "\"phone_number_id\":\"" SERVICE_NUMBER "\"},\"statuses\":[{\"id\":\"%s\","
            "\"status\":\"failed\",\"timestamp\":\"%lld\",\"recipient_id\":\"" ANA "\","
            "\"biz_opaque_callback_data\":\"p1.%s.%s\",\"errors\":[{\"code\":131026,"
            "\"title\":\"x\"}]}]}}]}]}",
            id, (long long)(clock_now() / USEC_PER_SEC), PQgetvalue(sent, 0, 0),
            PQgetvalue(sent, 0, 1))};

    PQclear(sent);
    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
}

/* The answer to the first attempt was lost; the second was taken. That the first has failed is
 * told only then. */
static void ch_7_a_late_failure_of_an_attempt_that_was_repeated_starts_nothing(void **state)
{
    (void)state;
    start(2, "{\"lose_callback\": 1}");
    promise(1, "Good news");
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    report_failed("wamid.of-the-first-attempt");
    service_until(&service, owner, "select count(*) from fallbacks where due_at <= now()", 0,
                  WAIT);
    assert_int_equal(ask_number(owner, "select count(*) from fallbacks"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where why like"
                                       " 'fallback/%'"),
                     0);
    PGresult *taken = PQexec(owner, "select provider_id from messages where why = 'notice'");
    report_failed(PQgetvalue(taken, 0, 0));
    PQclear(taken);
    service_until(&service, owner,
                  "select 1 - count(*) from messages where why like 'fallback/%'", 0, WAIT);
    service_stop(&service);
}

/* The worker that looks dies all the time: each goes on once all the same. */
static void ch_7_a_death_in_between_sends_nothing_twice(void **state)
{
    pid_t pids[4];

    (void)state;
    start(2, "{\"fail\": [{\"code\": 131026, \"http\": 400, \"probability\": 1, \"to\": \"" USER
             "\"}]}");
    for (unsigned i = 0; i < 30; i++)
        promise(i, "Good news");
    for (int i = 0; i < 6; i++) {
        usleep(400 * 1000);
        if (service_workers(&service, pids, 4) > 0)
            (void)kill(pids[0], SIGKILL);
    }
    service_until(
        &service, owner,
        "select count(*) from messages where body like '%Good news%' and delivery >= 3", 30,
        2 * WAIT);
    /* what was watched while it was still ours is looked at again in a minute, and has arrived
     */
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    for (unsigned i = 0; i < 30; i++) {
        const char *words = arena_format(&arena, "Good news %u\"", i).at;
        assert_int_equal(
            ask_number(owner, arena_format(&arena,
                                           "select count(*) from messages where why like"
                                           " 'fallback/%%' and body like '%%%s%%'",
                                           words)
                                  .at),
            1);
    }
    assert_int_equal(said_by("sms"), 30);
    service_stop(&service);
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    return 0;
}

static int shut_all(void **state)
{
    (void)state;
    store_shut();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(ch_7_what_arrives_stays_where_it_is, tear_down),
        cmocka_unit_test_teardown(ch_7_a_refusal_means_the_next_channel, tear_down),
        cmocka_unit_test_teardown(
            ch_7_a_failure_that_is_reported_later_means_the_next_channel_too, tear_down),
        cmocka_unit_test_teardown(
            ch_7_a_late_failure_of_an_attempt_that_was_repeated_starts_nothing, tear_down),
        cmocka_unit_test_teardown(ch_7_a_death_in_between_sends_nothing_twice, tear_down),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
