/*
 * Mail through the whole service: promises in the outbox, the sandbox as Resend's API, and what
 * comes between them.
 */
#include "bot/base/json.h"
#include "bot/base/message.h"
#include "tests/support/service.h"
#include "tests/support/sink.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#define WAIT (40 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static struct sink sink;
static PGconn *owner;

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    sink_stop(&sink);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void start_with(const struct service_wish *wish)
{
    char org[UUID_TEXT_LEN + 1];

    owner = owner_connect();
    service_start(&service, wish);
    uuid_format(seed_demo_org, org);
    run_sql(owner, arena_format(&arena, "set parley.org_id = '%s'", org).at);
}

static void start(unsigned workers, const char *faults)
{
    start_with(&(struct service_wish){.mail = true, .workers = workers, .faults = faults});
}

/* By a mail server, where mails leave one after the other, or more at once. */
static void start_smtp(unsigned workers, const char *more, const char *tls)
{
    const char *settings =
        arena_format(&arena,
                     "  transport: smtp\n%ssmtp:\n  host: %s\n  port: %d\n  tls: %s\n%s", more,
                     sink.cert[0] != '\0' ? "localhost" : "127.0.0.1", sink.port, tls,
                     sink.cert[0] == '\0' ? ""
                                          : arena_format(&arena,
                                                         "  ca_file: %s\n  user: parley\n"
                                                         "  password: a good word\n",
                                                         sink.cert)
                                                .at)
            .at;

    start_with(&(struct service_wish){.mail = true, .workers = workers, .more = settings});
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

/* What the doctor says of mail. */
static void doctor_says(const char *wanted)
{
    static char said[16384];
    char *words[] = {"doctor", NULL};

    (void)service_command(&service, words, said, sizeof said);
    if (strstr(said, wanted) == NULL)
        fail_msg("\"%s\" is not in:\n%s", wanted, said);
    assert_null(strstr(said, "a good word"));
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
                                       "<a class=\\\"o\\\" href=\\\"http"};
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
    doctor_says("Resend takes the key");
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

/* As somebody did who heard no answer: the key is used, for a mail in other words. */
static void take_before(const char *address, unsigned number)
{
    static const char body[] =
        "{\"from\":\"a@lark.example\",\"to\":[\"ana@example.net\"],\"subject\":\"x\","
        "\"text\":\"Other words.\",\"html\":\"<p>Other words.</p>\"}";
    PGresult *person =
        PQexec(owner, arena_format(&arena, "select md5('%s')::uuid", address).at);
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer re_0123456789");
    long status = 0;

    headers = curl_slist_append(
        headers,
        arena_format(&arena, "Idempotency-Key: p1.%s.%u", PQgetvalue(person, 0, 0), number).at);
    curl_easy_setopt(
        curl, CURLOPT_URL,
        arena_format(&arena, "http://127.0.0.1:%d/emails", service.sandbox_port).at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    assert_int_equal(status, 200);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    PQclear(person);
}

/* The answer to the first try was lost, and the customer wrote again before the second, which
 * thus belongs into another thread. Nothing waits for what will not come. */
static void ch_5_a_key_that_was_used_for_other_words_was_taken(void **state)
{
    (void)state;
    start(1, NULL);
    take_before("ana@example.net", 1);
    promise_text("ana@example.net", 1, "One.");
    promise_text("ana@example.net", 2, "Two.");
    all_settled();
    assert_int_equal(service_arrived(&service, "ana@example.net", "One."), 0);
    assert_int_equal(service_arrived(&service, "ana@example.net", "Two."), 1);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 1 and"
                                       " attempts = 1"),
                     2);
    assert_int_equal(ask_number(owner, "select count(*) from messages where seq = 1 and"
                                       " provider_id is null and provider_hash is null"),
                     1);
    service_stop(&service);
}

static void kill_workers(int rounds)
{
    pid_t pids[4];

    for (int round = 0; round < rounds; round++) {
        (void)usleep(300000);
        size_t n = service_workers(&service, pids, COUNTOF(pids));
        if (n > 0)
            assert_int_equal(kill(pids[(size_t)round % n], SIGKILL), 0);
    }
}

/* Workers die on the wire. */
static void ch_5_through_deaths_each_mail_arrives_once(void **state)
{
    (void)state;
    enum { PEOPLE = 8, EACH = 4 };

    start(2, "{\"delay_ms\": 20, \"delay_max_ms\": 120, \"lose_answer\": 0.1}");
    promise_many(PEOPLE, EACH);
    kill_workers(4);
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

/* --- by SMTP --------------------------------------------------------------------------------
 */

static const char *header_of(const json_t *mail, const char *name)
{
    const json_t *pair;
    size_t i;

    json_array_foreach(json_object_get(mail, "headers"), i, pair)
    {
        if (strcmp(json_string_value(json_array_get(pair, 0)), name) == 0)
            return json_string_value(json_array_get(pair, 1));
    }
    return "";
}

static const char *part_of(const json_t *mail, const char *type)
{
    const char *part = json_string_value(json_object_get(json_object_get(mail, "parts"), type));

    return part != NULL ? part : "";
}

/* As Python's mail parser reads it. */
static void ch_5_by_smtp_a_mail_is_read_as_it_was_meant(void **state)
{
    (void)state;
    static const struct reply_option options[] = {
        {.id = STR("a"), .title = STR("Zobacz")}
    };
    struct reply reply = {.kind = REPLY_BUTTONS,
                          .body = STR("Zażółć gęślą jaźń: zamówienie LK-1001 jest w drodze\n.\n"
                                      "Długa linia, która na pewno się nie zmieści w jednej."),
                          .options = options,
                          .n_options = 1};

    sink_start(&sink, true, "parley", "a good word", NULL);
    start_smtp(1, "", "starttls");
    promise("ana@example.net", 1, &reply, 0);
    promise("ana@example.net", 2, &reply, 1);
    all_settled();
    OWNED_JSON(taken) = sink_taken(&sink);
    assert_int_equal(json_array_size(taken), 2);
    const json_t *mail = json_array_get(taken, 0);
    assert_string_equal(json_string_value(json_object_get(mail, "from")), SERVICE_MAIL);
    assert_string_equal(json_string_value(json_object_get(mail, "user")), "parley");
    assert_true(json_is_true(json_object_get(mail, "tls")));
    assert_true(json_is_true(json_object_get(mail, "ascii")));
    assert_int_equal(json_array_size(json_object_get(mail, "defects")), 0);
    assert_int_equal(json_integer_value(json_object_get(mail, "bare")), 0);
    assert_true(json_integer_value(json_object_get(mail, "longest")) <= 200);
    assert_string_equal(header_of(mail, "To"), "ana@example.net");
    assert_string_equal(header_of(mail, "Subject"),
                        "Zażółć gęślą jaźń: zamówienie LK-1001 jest w drodze");
    assert_non_null(strstr(header_of(mail, "From"), "<" SERVICE_MAIL ">"));
    assert_non_null(strstr(header_of(mail, "Reply-To"), "support+"));
    assert_non_null(strstr(part_of(mail, "text/plain"), "\r\n.\r\nDługa linia, która"));
    assert_non_null(strstr(part_of(mail, "text/plain"), "1. Zobacz"));
    assert_non_null(strstr(part_of(mail, "text/html"), "Długa linia, która na pewno"));
    assert_string_equal(header_of(mail, "List-Unsubscribe"), "");
    assert_non_null(strstr(header_of(json_array_get(taken, 1), "List-Unsubscribe"), "mailto:"));
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 1 and"
                                       " provider_id like '<p1.%@in.lark.example>'"),
                     2);
    assert_int_equal(service_logged(&service, "a good word"), 0);
    doctor_says("takes mail (");
    service_stop(&service);
}

/* Mails of each person, in the order in which they first came; a repetition has the id of the
 * first. */
static void at_least_once(unsigned people, unsigned each)
{
    OWNED_JSON(taken) = sink_taken(&sink);
    const json_t *mail;
    size_t at;

    for (unsigned i = 0; i < people; i++) {
        const char *to = arena_format(&arena, "p%u@example.net", i).at;
        unsigned next = 1;
        json_array_foreach(taken, at, mail)
        {
            unsigned number;
            if (strcmp(header_of(mail, "To"), to) != 0)
                continue;
            const char *id = header_of(mail, "Message-ID");
            const char *dot =
                strrchr(arena_cstr(&arena, str_slice(str_from(id), 0,
                                                     str_find(str_from(id), STR("@")))),
                        '.');
            assert_non_null(dot);
            number = (unsigned)strtoul(dot + 1, NULL, 10);
            const char *words = arena_format(&arena, "Words %u.%u.", i, number).at;
            if (strstr(part_of(mail, "text/plain"), words) == NULL)
                fail_msg("%s says something else than %s", id, words);
            assert_true(number <= next);
            next += number == next;
        }
        if (next != each + 1)
            fail_msg("%s got %u of %u", to, next - 1, each);
    }
}

static void ch_5_by_smtp_lost_answers_are_repeated_under_the_same_id(void **state)
{
    (void)state;
    enum { PEOPLE = 8, EACH = 3 };

    sink_start(&sink, false, NULL, NULL,
               "{\"lose_answer\": 0.15, \"busy\": 0.1, \"later\": 0.1}");
    start_smtp(2, "", "none");
    promise_many(PEOPLE, EACH);
    all_settled();
    at_least_once(PEOPLE, EACH);
    assert_true(service_counter(&service, "parley_send_unknown_total") > 0);
    service_stop(&service);
}

/* Workers die with a mail on the wire, before it was taken and after. */
static void ch_5_by_smtp_through_deaths_each_mail_arrives(void **state)
{
    (void)state;
    enum { PEOPLE = 8, EACH = 3 };

    sink_start(&sink, false, NULL, NULL, "{\"delay\": 0.15}");
    start_smtp(2, "", "none");
    promise_many(PEOPLE, EACH);
    kill_workers(4);
    all_settled();
    at_least_once(PEOPLE, EACH);
    service_stop(&service);
}

static void ch_5_by_smtp_a_refusal_says_whose_it_is(void **state)
{
    (void)state;
    sink_start(&sink, false, NULL, NULL,
               "{\"rcpt\": {\"dee@example.net\": \"550 5.1.1 no such user\","
               " \"fay@example.net\": \"554 5.7.1 relay access denied\"}}");
    start_smtp(1, "", "none");
    promise_text("dee@example.net", 1, "One.");
    promise_text("fay@example.net", 1, "Two.");
    promise_text("eve@example.net", 1, "Three.");
    all_settled();
    OWNED_JSON(taken) = sink_taken(&sink);
    assert_int_equal(json_array_size(taken), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from messages where delivery = 2 and"
                                " error = 550 and reason = '550: the address takes no mail'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 2 and"
                                       " error = 554 and reason like '%may not send to%'"),
                     1);
    service_stop(&service);
}

/* Signing in is refused: nobody's mail goes, none is lost, and all go when it works again. */
static void ch_5_by_smtp_a_refused_password_stops_the_lane(void **state)
{
    (void)state;
    sink_start(&sink, true, "parley", "another word", NULL);
    start_smtp(1, "", "starttls");
    promise_text("eve@example.net", 1, "One.");
    promise_text("fay@example.net", 1, "Two.");
    service_until(&service, owner, "select count(*) from lanes where stopped_at is not null", 1,
                  WAIT);
    OWNED_JSON(taken) = sink_taken(&sink);
    assert_int_equal(json_array_size(taken), 0);
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 2);
    doctor_says("refuses user or password");
    assert_true(service_logged(&service, "lane.stopped") >= 1);
    service_stop(&service);
}

/* A server that offers no STARTTLS hears neither mail nor password. */
static void ch_5_by_smtp_nothing_goes_in_the_clear_when_tls_is_wanted(void **state)
{
    (void)state;
    sink_start(&sink, false, NULL, NULL, NULL);
    start_smtp(1, "", "starttls");
    promise_text("eve@example.net", 1, "One.");
    service_until(&service, owner, "select count(*) from outbox where attempt >= 2", 1, WAIT);
    OWNED_JSON(taken) = sink_taken(&sink);
    assert_int_equal(json_array_size(taken), 0);
    doctor_says("offers no STARTTLS");
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(ch_5_a_promise_leaves_as_a_mail_of_two_parts, tear_down),
        cmocka_unit_test_teardown(ch_5_an_answer_is_in_the_thread_of_what_it_answers,
                                  tear_down),
        cmocka_unit_test_teardown(ch_5_through_lost_answers_each_mail_arrives_once, tear_down),
        cmocka_unit_test_teardown(ch_5_a_key_that_was_used_for_other_words_was_taken,
                                  tear_down),
        cmocka_unit_test_teardown(ch_5_through_deaths_each_mail_arrives_once, tear_down),
        cmocka_unit_test_teardown(ch_5_a_refused_mail_says_why_and_holds_up_nobody, tear_down),
        cmocka_unit_test_teardown(ch_5_by_smtp_a_mail_is_read_as_it_was_meant, tear_down),
        cmocka_unit_test_teardown(ch_5_by_smtp_lost_answers_are_repeated_under_the_same_id,
                                  tear_down),
        cmocka_unit_test_teardown(ch_5_by_smtp_through_deaths_each_mail_arrives, tear_down),
        cmocka_unit_test_teardown(ch_5_by_smtp_a_refusal_says_whose_it_is, tear_down),
        cmocka_unit_test_teardown(ch_5_by_smtp_a_refused_password_stops_the_lane, tear_down),
        cmocka_unit_test_teardown(ch_5_by_smtp_nothing_goes_in_the_clear_when_tls_is_wanted,
                                  tear_down),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
