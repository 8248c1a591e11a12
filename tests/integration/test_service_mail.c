/*
 * Mail through the whole service: promises in the outbox, the sandbox as Resend's API, and what
 * comes between them.
 */
#include "bot/base/json.h"
#include "bot/base/message.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT (40 * USEC_PER_SEC)

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

static void start(unsigned workers, const char *faults)
{
    owner = owner_connect();
    char org[UUID_TEXT_LEN + 1];

    service_start(&service,
                  &(struct service_wish){.mail = true, .workers = workers, .faults = faults});
    uuid_format(seed_demo_org, org);
    run_sql(owner, arena_format(&arena, "set parley.org_id = '%s'", org).at);
}

/* --- promises -------------------------------------------------------------------------------
 */

/* As a turn writes them: conversation, message, outbox. */
static void promise(const char *address, unsigned number, const struct reply *reply,
                    unsigned priority)
{
    const char *person =
        arena_format(&arena, "md5('%s')::uuid", address).at; /* of contact and conversation */
    struct str body = reply_to_json(&arena, reply);
    char *quoted = PQescapeLiteral(owner, body.at, body.len);

    run_sql(owner,
            arena_format(&arena,
                         "insert into contact_points (org_id, contact_id, channel, address)"
                         " select org_id, %s, 'email', '%s' from accounts where channel ="
                         " 'email' on conflict do nothing",
                         person, address)
                .at);
    run_sql(owner,
            arena_format(
                &arena,
                "insert into conversations (org_id, conversation_id, account_id,"
                " contact_id, language) select org_id, %s, account_id, %s, 'pl' from accounts"
                " where channel = 'email' on conflict do nothing",
                person, person)
                .at);
    run_sql(owner,
            arena_format(&arena,
                         "with a as (select * from accounts where channel = 'email'), m as"
                         " (insert into messages (org_id, conversation_id, seq, inbound, kind,"
                         " body, at) select org_id, %s, %u, false, '%s', %s, now() from a)"
                         " insert into outbox (org_id, lane_id, conversation_id, seq, due_at,"
                         " priority) select org_id, account_id, %s, %u, now(), %u from a",
                         person, number, reply_kind_name(reply->kind), quoted, person, number,
                         priority)
                .at);
    PQfreemem(quoted);
}

static void promise_text(const char *address, unsigned number, const char *words)
{
    struct reply reply = {.kind = REPLY_TEXT, .body = str_from(words)};

    promise(address, number, &reply, 0);
}

static void all_settled(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

/* --- the tests ------------------------------------------------------------------------------
 */

static void ch_5_a_promise_leaves_as_a_mail_of_two_parts(void **state)
{
    (void)state;
    static const struct reply_option options[] = {
        {.id = STR("a"), .title = STR("Zobacz")},
        {.id = STR("b"), .title = STR("Menu")  }
    };
    struct reply reply = {.kind = REPLY_BUTTONS,
                          .body = STR("Zamówienie LK-1001 wysłane."),
                          .options = options,
                          .n_options = 2};

    start(1, NULL);
    promise("ana@example.net", 1, &reply, 0);
    promise("ben@example.net", 1, &reply, 1);
    all_settled();
    static const char *const said[] = {"\"from\":\"Lark",
                                       "<" SERVICE_MAIL ">",
                                       "\"subject\":\"Zamówienie LK-1001 wysłane\"",
                                       "1. Zobacz\\n2. Menu",
                                       "<html lang=\\\"pl\\\" dir=\\\"ltr\\\">",
                                       "support+",
                                       "\"Auto-Submitted\":\"auto-replied\"",
                                       "href=\\\"mailto:support%2B"};
    for (size_t i = 0; i < COUNTOF(said); i++) {
        if (service_arrived(&service, "ana@example.net", said[i]) != 1)
            fail_msg("%s is not in the mail", said[i]);
    }
    assert_int_equal(service_arrived(&service, "ana@example.net", "List-Unsubscribe"), 0);
    assert_int_equal(
        service_arrived(&service, "ben@example.net", "\"List-Unsubscribe\":\"<mailto:support+"),
        1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 1"
                                       " and provider_id like '%-%-4%'"),
                     2);
    assert_int_equal(service_logged(&service, "ana@example.net"), 0);
    service_stop(&service);
}

static void ch_5_an_answer_is_in_the_thread_of_what_it_answers(void **state)
{
    (void)state;
    start(1, NULL);
    run_sql(owner, "insert into mail_threads (org_id, conversation_id, message_id, refs,"
                   " subject) select org_id, md5('cy@example.net')::uuid, '<b@x.example>',"
                   " '<a@x.example>', 'My lamp' from accounts where channel = 'email'");
    promise_text("cy@example.net", 1, "Here it is.");
    all_settled();
    assert_int_equal(service_arrived(&service, "cy@example.net", "\"subject\":\"Re: My lamp\""),
                     1);
    assert_int_equal(
        service_arrived(&service, "cy@example.net", "\"In-Reply-To\":\"<b@x.example>\""), 1);
    assert_int_equal(service_arrived(&service, "cy@example.net",
                                     "\"References\":\"<a@x.example> <b@x.example>\""),
                     1);
    service_stop(&service);
}

static void promise_many(unsigned people, unsigned each)
{
    for (unsigned n = 1; n <= each; n++) {
        for (unsigned i = 0; i < people; i++) {
            promise_text(arena_format(&arena, "p%u@example.net", i).at, n,
                         arena_format(&arena, "Words %u.%u.", i, n).at);
        }
    }
}

static void once_and_in_order(unsigned people, unsigned each)
{
    for (unsigned n = 1; n <= each; n++) {
        for (unsigned i = 0; i < people; i++) {
            const char *to = arena_format(&arena, "p%u@example.net", i).at;
            const char *words = arena_format(&arena, "Words %u.%u.", i, n).at;
            if (service_arrived(&service, to, words) != 1)
                fail_msg("%s arrived %zu times", words, service_arrived(&service, to, words));
        }
    }
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_disordered(&service), 0);
}

/* Requests and answers are lost, answers are garbage or a proxy's: under its key each mail is
 * sent until it is known to be taken, and taken once. */
static void ch_5_through_lost_answers_each_mail_arrives_once(void **state)
{
    (void)state;
    enum { PEOPLE = 10, EACH = 4 };

    start(2, "{\"lose_answer\": 0.3, \"lose_request\": 0.2, \"empty_5xx\": 0.2,"
             " \"garbage\": 0.1, \"throttle\": 0.1}");
    promise_many(PEOPLE, EACH);
    all_settled();
    once_and_in_order(PEOPLE, EACH);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 1"),
                     PEOPLE * EACH);
    service_stop(&service);
}

/* Workers die on the wire. */
static void ch_5_through_deaths_each_mail_arrives_once(void **state)
{
    (void)state;
    enum { PEOPLE = 8, EACH = 4 };
    pid_t pids[4];

    start(2, "{\"delay_ms\": 20, \"delay_max_ms\": 120, \"lose_answer\": 0.1}");
    promise_many(PEOPLE, EACH);
    for (int round = 0; round < 4; round++) {
        (void)usleep(300000);
        size_t n = service_workers(&service, pids, COUNTOF(pids));
        if (n > 0)
            assert_int_equal(kill(pids[(size_t)round % n], SIGKILL), 0);
    }
    all_settled();
    once_and_in_order(PEOPLE, EACH);
    service_stop(&service);
}

/* An address that Resend refuses for good is refused, and the others go on. */
static void ch_5_a_refused_mail_says_why_and_holds_up_nobody(void **state)
{
    (void)state;
    start(1, "{\"fail\": [{\"code\": 422, \"http\": 422, \"probability\": 1,"
             " \"to\": \"dee@example.net\"}]}");
    promise_text("dee@example.net", 1, "One.");
    promise_text("eve@example.net", 1, "Two.");
    promise_text("no address", 1, "Three.");
    all_settled();
    assert_int_equal(service_arrived(&service, "eve@example.net", "Two."), 1);
    assert_int_equal(service_arrived(&service, "dee@example.net", NULL), 0);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 2 and"
                                       " error = 422 and reason like '422 validation_error%'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 2 and"
                                       " reason like '%no address to send to'"),
                     1);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(ch_5_a_promise_leaves_as_a_mail_of_two_parts, tear_down),
        cmocka_unit_test_teardown(ch_5_an_answer_is_in_the_thread_of_what_it_answers,
                                  tear_down),
        cmocka_unit_test_teardown(ch_5_through_lost_answers_each_mail_arrives_once, tear_down),
        cmocka_unit_test_teardown(ch_5_through_deaths_each_mail_arrives_once, tear_down),
        cmocka_unit_test_teardown(ch_5_a_refused_mail_says_why_and_holds_up_nobody, tear_down),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
