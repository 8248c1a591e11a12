/*
 * Who is speaking, through the whole service: a code by SMS proves it, the thread that wanted
 * it goes on, and nothing of the code is left lying about.
 */
#include "bot/base/json.h"
#include "tests/support/service.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AMELIA   "15550100001" /* has orders */
#define STRANGER "15550109999"
#define WAIT     (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static unsigned messages;

static void start(unsigned workers)
{
    owner = owner_connect();
    service_start(&service,
                  &(struct service_wish){.sms = true, .codes = true, .workers = workers});
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void say(const char *phone, const char *words)
{
    struct str id = arena_format(&arena, "wamid.verify.%u", messages++);
    struct post post = {.body = post_text(&arena, phone, id.at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static size_t gather(char *bytes, size_t size, size_t n, void *context)
{
    struct str *text = context;

    *text = arena_format(&arena, "%.*s%.*s", STR_ARG(*text), (int)(size * n), bytes);
    return size * n;
}

/* The newest code that came to this phone; terminated. */
static const char *code_of(const char *phone)
{
    struct str text = STR_NONE;
    struct str url = arena_format(&arena, "http://127.0.0.1:%d/control/code?who=%%2B%s",
                                  service.sandbox_port, phone);
    CURL *curl = curl_easy_init();
    json_error_t wrong;

    curl_easy_setopt(curl, CURLOPT_URL, url.at);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, gather);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &text);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_cleanup(curl);
    json_t *answer = json_loadb(text.at, text.len, 0, &wrong);
    const char *code = json_string_value(json_object_get(answer, "code"));
    code = arena_format(&arena, "%s", code ? code : "").at;
    json_decref(answer);
    assert_int_equal(strlen(code), 6);
    return code;
}

/* Another one than the right one. */
static const char *wrong_of(const char *phone)
{
    return strcmp(code_of(phone), "000000") == 0 ? "111111" : "000000";
}

static long verified(void)
{
    return ask_number(owner,
                      "select count(*) from conversations where verified_until between"
                      " now() + interval '29 minutes' and now() + interval '31 minutes'");
}

static void otp_9_orders_are_shown_once_a_code_came_back(void **state)
{
    (void)state;
    start(2);
    say(AMELIA, "my orders");
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 0);
    assert_int_equal(verified(), 0);
    say(AMELIA, code_of(AMELIA));
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 1);
    assert_int_equal(verified(), 1);
    say(AMELIA, "my orders");
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 2);
    assert_true(service_counter(&service, "parley_codes_sent_total") == 1);
    assert_true(service_counter(&service, "parley_sessions_proved_total") == 1);
    service_stop(&service);
}

static void otp_1_a_code_is_in_no_log_and_in_no_message_of_ours(void **state)
{
    (void)state;
    char sql[200];
    start(1);
    say(AMELIA, "my orders");
    const char *code = code_of(AMELIA);
    (void)snprintf(sql, sizeof sql, "select count(*) from messages where body like '%%%s%%'",
                   code);
    assert_int_equal(ask_number(owner, sql), 0);
    assert_int_equal(service_logged(&service, code), 0);
    assert_int_equal(ask_number(owner, "select count(*) from verifications where"
                                       " length(code_hash) = 32"),
                     1);
    service_stop(&service);
}

/* Nobody of the team is shown a code, and be it spent: neither the one that was asked for nor
 * the same one typed again. An order's number is, and a code is no order's. */
static void otp_1_crm_3_a_typed_code_is_in_no_log_and_no_transcript(void **state)
{
    (void)state;
    start(1);
    say(AMELIA, "my orders");
    const char *code = code_of(AMELIA);
    say(AMELIA, arena_format(&arena, "my code is %s", code).at);
    assert_int_equal(verified(), 1);
    assert_int_equal(ask_number(owner, arena_format(&arena,
                                                    "select count(*) from messages where body "
                                                    "like '%%%s%%'",
                                                    code)
                                           .at),
                     0);
    say(AMELIA, arena_format(&arena, "%.3s %s", code, code + 3).at);
    say(AMELIA, "it is about ORD-100123, 2 pieces");
    say(AMELIA, "human");
    assert_int_equal(ask_number(owner, "select count(*) from events_out where type = "
                                       "'handoff.asked' and data::text like '%ORD-100123%' and "
                                       "data::text like '%******%' and data::text like "
                                       "'%*** ***%'"),
                     1);
    assert_int_equal(ask_number(owner, arena_format(&arena,
                                                    "select count(*) from events_out where "
                                                    "replace(data::text, ' ', '') like "
                                                    "'%%%s%%'",
                                                    code)
                                           .at),
                     0);
    service_stop(&service);
}

static void otp_3_five_wrong_codes_lock_codes_and_not_the_conversation(void **state)
{
    (void)state;
    start(1);
    say(AMELIA, "my orders");
    for (int i = 0; i < 5; i++)
        say(AMELIA, wrong_of(AMELIA));
    assert_int_equal(service_arrived(&service, AMELIA, "several wrong codes"), 1);
    assert_int_equal(service_logged(&service, "turns.action_alert"), 1);
    assert_true(service_counter(&service, "parley_code_alerts_total") == 1);
    assert_true(service_counter(&service, "parley_alerts_total") >= 1);
    say(AMELIA, "my orders");
    assert_int_equal(service_arrived(&service, AMELIA, "several wrong codes"), 2);
    say(AMELIA, "help");
    assert_int_equal(service_arrived(&service, AMELIA, "These words always work"), 1);
    assert_true(service_counter(&service, "parley_codes_sent_total") == 1);
    assert_int_equal(verified(), 0);
    service_stop(&service);
}

static void otp_4_logging_out_and_silence_end_the_session(void **state)
{
    (void)state;
    start(1);
    say(AMELIA, "my orders");
    say(AMELIA, code_of(AMELIA));
    say(AMELIA, "log out");
    assert_int_equal(verified(), 0);
    say(AMELIA, "my orders");
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 1);
    say(AMELIA, code_of(AMELIA));
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 2);
    run_sql(owner, "update conversations set verified_until = now()");
    say(AMELIA, "my orders");
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 2);
    service_stop(&service);
}

static void otp_5_a_stranger_becomes_the_customer_whose_phone_has_the_code(void **state)
{
    (void)state;
    start(1);
    say(STRANGER, "my orders");
    say(STRANGER, "+15550109998"); /* nobody's: the same words, and no message anywhere */
    assert_int_equal(service_arrived(&service, STRANGER, "is on record with us"), 1);
    assert_int_equal(service_arrived(&service, "15550109998", NULL), 0);
    say(STRANGER, "123456"); /* wrong, which does not sound like a new code */
    assert_int_equal(service_arrived(&service, STRANGER, "the 6 digits of the code for"), 1);
    say(STRANGER, "another address");
    say(STRANGER, "+1 555 010 0001");
    assert_int_equal(service_arrived(&service, STRANGER, "is on record with us"), 2);
    say(STRANGER, code_of(AMELIA));
    assert_int_equal(service_arrived(&service, STRANGER, "now I know who you are"), 1);
    assert_int_equal(service_arrived(&service, STRANGER, "ORD-1"), 1);
    assert_int_equal(verified(), 1);
    service_stop(&service);
}

static long under_way(void)
{
    return ask_number(owner, "select count(*) from conversations where not at_rest");
}

static void report_one(void)
{
    PGresult *order = PQexec(owner, "select number from orders where customer_id = (select"
                                    " customer_id from customer_phones where phone = '+" AMELIA
                                    "') order by placed_at desc limit 1");

    assert_int_equal(PQntuples(order), 1);
    say(AMELIA,
        arena_format(&arena, "i want to report a problem with %s", PQgetvalue(order, 0, 0)).at);
    PQclear(order);
}

/* What she is reporting on one telephone she goes on with on another, and there it is over: its
 * answer from there does nothing any more. */
static void otp_5_what_was_begun_on_one_telephone_goes_on_on_another(void **state)
{
    (void)state;
    start(2);
    say(AMELIA, "my orders");
    say(AMELIA, code_of(AMELIA));
    report_one();
    assert_int_equal(under_way(), 1);
    say(STRANGER, "my orders");
    say(STRANGER, "+1 555 010 0001");
    say(STRANGER, code_of(AMELIA));
    assert_int_equal(service_arrived(&service, STRANGER, "Shall we go on with that here?"), 1);
    assert_int_equal(under_way(), 2);
    say(STRANGER, "1");
    assert_int_equal(under_way(), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from conversations c join contact_points p"
                                " using (org_id, contact_id) where p.channel = 'whatsapp'"
                                " and p.phone = '+" AMELIA "' and c.state = ''"),
                     1);
    assert_int_equal(
        ask_number(owner, "select count(*) from conversations where not at_rest and state like"
                          " '%\"flow\":\"report\"%'"),
        1);
    service_stop(&service);
}

/* The number is on another telephone now: a new one of theirs, or somebody else's. */
static void otp_4_another_telephone_ends_the_session(void **state)
{
    (void)state;
    start(1);
    say(AMELIA, "my orders");
    say(AMELIA, code_of(AMELIA));
    assert_int_equal(verified(), 1);
    struct str system = arena_format(
        &arena,
        "{\"from\":\"" AMELIA "\",\"id\":\"wamid.verify.identity\",\"timestamp\":\"%lld\","
        "\"type\":\"system\",\"system\":{\"type\":\"customer_identity_changed\",\"body\":"
        "\"changed\"}}",
        (long long)(clock_now() / USEC_PER_SEC));
    struct post post = {.body = post_messages(&arena, &system, 1)};
    service_post(&service, &post, 1, 1, WAIT);
    service_until(&service, owner,
                  "select count(*) from conversations where verified_until is"
                  " not null",
                  0, WAIT);
    say(AMELIA, "my orders");
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 1);
    service_stop(&service);
}

/* WhatsApp tells that a person has another number: the customer stays, the proof does not. */
static void otp_4_another_number_keeps_the_customer_and_ends_the_session(void **state)
{
    (void)state;
    start(1);
    say(AMELIA, "my orders");
    say(AMELIA, code_of(AMELIA));
    assert_int_equal(verified(), 1);
    struct str system = arena_format(
        &arena,
        "{\"from\":\"" AMELIA "\",\"id\":\"wamid.verify.system\",\"timestamp\":\"%lld\","
        "\"type\":\"system\",\"system\":{\"type\":\"user_changed_number\",\"body\":"
        "\"changed\",\"wa_id\":\"15550107777\"}}",
        (long long)(clock_now() / USEC_PER_SEC));
    struct post post = {.body = post_messages(&arena, &system, 1)};
    service_post(&service, &post, 1, 1, WAIT);
    service_until(&service, owner,
                  "select count(*) from contact_points where address ="
                  " '+15550107777' and customer_id is not null",
                  1, WAIT);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where verified_until"
                                       " is not null"),
                     0);
    say("15550107777", "my orders");
    assert_int_equal(service_arrived(&service, "15550107777", "make sure that it's you"), 1);
    assert_int_equal(service_arrived(&service, "15550107777", "ORD-1"), 0);
    service_stop(&service);
}

static void otp_5_a_stranger_registers_and_is_known_in_the_same_turn(void **state)
{
    (void)state;
    start(1);
    run_sql(owner, "update businesses set settings = settings || '{\"registration\": true}'");
    say(STRANGER, "my orders");
    say(STRANGER, "i'm new here");
    say(STRANGER, "Robin Example");
    say(STRANGER, "without email");
    assert_int_equal(service_arrived(&service, STRANGER, "Thank you, Robin Example"), 1);
    assert_int_equal(verified(), 0); /* known, and not yet proved */
    say(STRANGER, code_of(STRANGER));
    assert_int_equal(verified(), 1);
    assert_int_equal(service_arrived(&service, STRANGER, "You have no orders yet"), 1);
    say(STRANGER, "my profile");
    assert_int_equal(service_arrived(&service, STRANGER, "Name: Robin Example"), 1);
    service_stop(&service);
}

static void otp_8_a_new_name_is_shown_and_greeted(void **state)
{
    (void)state;
    start(1);
    say(AMELIA, "my profile");
    say(AMELIA, code_of(AMELIA));
    assert_int_equal(service_arrived(&service, AMELIA, "Name: Amelia Hart"), 1);
    say(AMELIA, "name");
    say(AMELIA, "Amelia Hart-Osei");
    assert_int_equal(service_arrived(&service, AMELIA, "Name: Amelia Hart-Osei"), 1);
    say(AMELIA, "menu");
    say(AMELIA, "hello");
    assert_int_equal(service_arrived(&service, AMELIA, "Hello Amelia Hart-Osei"), 1);
    service_stop(&service);
}

static void otp_6_an_admin_sees_a_colleagues_order_and_takes_their_access(void **state)
{
    (void)state;
    start(1);
    say("15550100009", "my company");
    say("15550100009", code_of("15550100009"));
    assert_int_equal(service_arrived(&service, "15550100009", "Osei Courier Service"), 1);
    say("15550100009", "people");
    say("15550100009", "Noah Adeyemi");
    say("15550100009", "yes");
    assert_int_equal(service_arrived(&service, "15550100009", "has no access any more"), 1);
    say("15550100014", "my orders");
    assert_int_equal(service_arrived(&service, "15550100014", "is switched off"), 1);
    service_stop(&service);
}

static void otp_10_this_is_not_me_shows_nothing_more(void **state)
{
    (void)state;
    start(1);
    say(AMELIA, "my orders");
    say(AMELIA, code_of(AMELIA));
    say(AMELIA, "this isn't me");
    say(AMELIA, "yes");
    assert_int_equal(service_arrived(&service, AMELIA, "no longer connected"), 1);
    say(AMELIA, "my orders");
    assert_int_equal(service_arrived(&service, AMELIA, "don't know this contact yet"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "ORD-1"), 1);
    assert_int_equal(verified(), 0);
    service_stop(&service);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(otp_9_orders_are_shown_once_a_code_came_back),
        TEST(otp_1_a_code_is_in_no_log_and_in_no_message_of_ours),
        TEST(otp_1_crm_3_a_typed_code_is_in_no_log_and_no_transcript),
        TEST(otp_3_five_wrong_codes_lock_codes_and_not_the_conversation),
        TEST(otp_4_logging_out_and_silence_end_the_session),
        TEST(otp_4_another_telephone_ends_the_session),
        TEST(otp_4_another_number_keeps_the_customer_and_ends_the_session),
        TEST(otp_5_a_stranger_becomes_the_customer_whose_phone_has_the_code),
        TEST(otp_5_what_was_begun_on_one_telephone_goes_on_on_another),
        TEST(otp_5_a_stranger_registers_and_is_known_in_the_same_turn),
        TEST(otp_8_a_new_name_is_shown_and_greeted),
        TEST(otp_6_an_admin_sees_a_colleagues_order_and_takes_their_access),
        TEST(otp_10_this_is_not_me_shows_nothing_more),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
