/*
 * SMS through the whole service: Twilio's door, signed by a signature made apart from the code
 * under test, and the sandbox as Twilio's API.
 */
#include "tests/support/files.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#define SERVICE_OF_NUMBERS "MG0123456789abcdef0123456789abcdef"

#define ANA   "+15550100001"
#define WAIT  (60 * USEC_PER_SEC)
#define TWIML "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>"

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
    service_start(&service,
                  &(struct service_wish){.sms = true, .workers = workers, .faults = faults});
}

static struct post post_one(struct post post)
{
    post.sms = true;
    service_post(&service, &post, 1, 1, 0);
    return post;
}

/* --- the door -------------------------------------------------------------------------------
 */

static void ch_4_a_message_is_answered_when_it_is_kept_and_with_no_words(void **state)
{
    (void)state;
    start(1, NULL);
    struct post post =
        post_one((struct post){.body = post_sms(&arena, ANA, "SM1", "hello", "&New=1")});
    assert_int_equal(post.status, 200);
    assert_string_equal(post.said, TWIML);
    assert_int_equal(ask_number(owner, "select count(*) from seen"), 1);
    post = post_one((struct post){.body = post_sms(&arena, ANA, "SM2", "hello", ""),
                                  .door = SERVICE_TWILIO_DOOR "?shop=lark&n=1"});
    assert_int_equal(post.status, 200);
    service_stop(&service);
}

static void ch_4_what_twilio_did_not_sign_stays_outside(void **state)
{
    (void)state;
    start(1, NULL);
    struct post post = post_one(
        (struct post){.body = post_sms(&arena, ANA, "SM1", "hello", ""), .forged = true});
    assert_int_equal(post.status, 401);
    assert_int_equal(ask_number(owner, "select count(*) from seen"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from unrouted"), 0);
    service_stop(&service);
}

/* Nothing that was signed is thrown away: a person may look at it. */
static void ch_4_what_is_nobodys_or_unreadable_is_kept_and_answered(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "MessageSid=SM1&To=%2B15559999999&From=%2B15550100001&Body=hello",
        "Something=else",
    };
    start(1, NULL);
    long kept = ask_number(owner, "select count(*) from unrouted");
    for (size_t i = 0; i < COUNTOF(bodies); i++) {
        struct post post = post_one((struct post){.body = str_from(bodies[i])});
        assert_int_equal(post.status, 200);
        assert_string_equal(post.said, TWIML);
    }
    assert_int_equal(ask_number(owner, "select count(*) from unrouted"), kept + 2);
    service_stop(&service);
}

/* --- a conversation -------------------------------------------------------------------------
 */

static void say(const char *id, const char *words, const char *more)
{
    struct post post = post_one((struct post){.body = post_sms(&arena, ANA, id, words, more)});

    assert_int_equal(post.status, 200);
}

static long said(void)
{
    return ask_number(owner, "select count(*) from messages where not inbound");
}

/* A worker whose database is not there yet takes it to the disk first. */
static void heard(const char *id)
{
    service_until(&service, owner,
                  arena_format(&arena,
                               "select count(*) from messages where inbound and provider_id ="
                               " '%s'",
                               id)
                      .at,
                  1, WAIT);
}

static void all_settled(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static void ch_4_a_conversation_by_sms_goes_both_ways(void **state)
{
    (void)state;
    start(1, NULL);
    say("SM1", "hello", "");
    all_settled();
    assert_true(service_arrived(&service, ANA, NULL) >= 1);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where channel ="
                                       " 'sms' and address = '" ANA "'"),
                     1);
    service_stop(&service);
}

/* Every character costs: a long address leaves as a short one, which leads to the long one. */
static void ch_4_a_long_address_leaves_as_a_short_one(void **state)
{
    (void)state;
    start(2, NULL);
    say("SM1", "hello", "");
    heard("SM1");
    run_sql(owner, "update conversations set verified_until = now() + interval '1 hour'");
    run_sql(owner,
            "update shipments set url = 'https://carrier.example/a/very/long/way/to/tell/'"
            " || 'you/where/it/is?number=' || tracking_number");
    PGresult *rows = PQexec(
        owner,
        "select s.tracking_number from shipments s join orders o using (org_id, order_id)"
        " join customer_phones f using (org_id, customer_id) where f.phone = '" ANA
        "' limit 1");
    say("SM2", arena_format(&arena, "track %s", PQgetvalue(rows, 0, 0)).at, "");
    PQclear(rows);
    heard("SM2");
    all_settled();
    assert_int_equal(service_arrived(&service, ANA, "carrier.example"), 0);
    assert_int_equal(service_arrived(&service, ANA, "/s/"), 1);
    rows = PQexec(owner, "select code, url from short_links");
    assert_int_equal(PQntuples(rows), 1);
    struct str url =
        arena_format(&arena, "http://127.0.0.1:%d/s/%s", service.port, PQgetvalue(rows, 0, 0));
    CURL *curl = curl_easy_init();
    const char *leads = NULL;
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, arena_cstr(&arena, url));
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &leads);
    assert_int_equal(status, 302);
    assert_string_equal(leads, PQgetvalue(rows, 0, 1));
    /* one that is none */
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena, "%.*s-", (int)url.len - 1, url.at).at);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    assert_int_equal(status, 404);
    curl_easy_cleanup(curl);
    PQclear(rows);
    service_stop(&service);
}

/* A messaging service has many numbers: a conversation is the service's, whichever was written
 * to.
 */
static void ch_4_a_messaging_service_is_an_account_like_a_number(void **state)
{
    (void)state;
    start(1, NULL);
    run_sql(owner, "update accounts set external_id = '" SERVICE_OF_NUMBERS "'"
                   " where channel = 'sms'");
    run_sql(owner, "update directory set external_id = '" SERVICE_OF_NUMBERS "'"
                   " where kind = 'sms'");
    service_again(&service);
    say("SM1", "hello", "&MessagingServiceSid=" SERVICE_OF_NUMBERS);
    all_settled();
    assert_int_equal(service_arrived(&service, ANA, "\"service\":\"" SERVICE_OF_NUMBERS "\""),
                     said());
    service_until(&service, owner,
                  "select count(*) from messages where not inbound and delivery = 3", said(),
                  WAIT);
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

/* --- STOP and START -------------------------------------------------------------------------
 */

static long stopped_now(void)
{
    return ask_number(owner, "select count(*) from contact_points where channel = 'sms' and"
                             " address = '" ANA "' and stopped_at is not null");
}

static long consents(const char *source)
{
    return ask_number(owner, arena_format(&arena,
                                          "select count(*) from consent_log where source = '%s'"
                                          " and topic = 'all' and channel = 'sms'",
                                          source)
                                 .at);
}

/* With advanced opt-out Twilio has answered and blocked: we keep it, and say nothing. Whatever
 * came before is not undone by a delivery that comes once more. */
static void ch_4_a_stop_that_twilio_answered_is_kept_once_and_in_silence(void **state)
{
    (void)state;
    start(1, NULL);
    say("SM1", "Basta", "&OptOutType=STOP"); /* nobody whom we knew */
    assert_int_equal(stopped_now(), 1);
    say("SM2", "hello?", "");
    say("SM1", "Basta", "&OptOutType=STOP");
    assert_int_equal(said(), 0);
    assert_int_equal(consents("channel"), 1);
    say("SM3", "Hola", "&OptOutType=START");
    assert_int_equal(stopped_now(), 0);
    say("SM1", "Basta", "&OptOutType=STOP");
    assert_int_equal(stopped_now(), 0);
    assert_int_equal(consents("channel"), 2);
    say("SM4", "HELP", "&OptOutType=HELP");
    assert_int_equal(said(), 0);
    say("SM5", "hello", "");
    assert_true(said() > 0);
    service_stop(&service);
}

static void ch_4_a_gateway_s_word_alone_stops_and_in_a_sentence_it_does_not(void **state)
{
    (void)state;
    start(1, NULL);
    say("SM1", "stop, the parcel is broken", "");
    assert_int_equal(stopped_now(), 0);
    say("SM2", "CANCEL", "");
    assert_int_equal(stopped_now(), 1);
    assert_int_equal(consents("message"), 1);
    struct post post = {.body = post_text(&arena, "15550100002", "wamid.c", "CANCEL")};
    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where stopped_at is"
                                       " not null"),
                     1);
    say("SM3", "yes", "");
    assert_int_equal(stopped_now(), 0);
    all_settled();
    service_stop(&service);
}

/* They come in one delivery, and are handled as one. */
static void ntf_1_of_stop_and_start_at_once_the_last_one_counts(void **state)
{
    static const char *const said_so[][2] = {
        {"START", "STOP" },
        {"STOP",  "START"}
    };
    static const long stopped[] = {1, 0};

    (void)state;
    start(1, NULL);
    for (size_t i = 0; i < COUNTOF(said_so); i++) {
        struct str two[2];
        for (int n = 0; n < 2; n++) {
            two[n] = post_message(&arena, "15550100002",
                                  arena_format(&arena, "wamid.%zu.%d", i, n).at, said_so[i][n]);
        }
        struct post post = {.body = post_messages(&arena, two, 2)};
        service_post(&service, &post, 1, 1, WAIT);
        assert_int_equal(ask_number(owner,
                                    "select count(*) from contact_points where channel = "
                                    "'whatsapp' and stopped_at is not null"),
                         stopped[i]);
    }
    all_settled();
    service_stop(&service);
}

/* Twilio knows of a STOP that we were never told of. */
static void ch_4_who_told_the_provider_to_stop_hears_nothing_more_until_start(void **state)
{
    (void)state;
    static const char *const faults[] = {
        "{\"fail\": [{\"code\": 21610, \"http\": 400, \"next\": 1}]}",
        "{\"fail\": [{\"code\": 21610, \"http\": 400, \"next\": 1, \"late\": true}]}"};

    for (size_t i = 0; i < COUNTOF(faults); i++) {
        start(1, faults[i]);
        say("SM1", "hello", "");
        all_settled();
        service_until(&service, owner,
                      "select count(*) from contact_points where stopped_at is not null", 1,
                      WAIT);
        assert_int_equal(consents("provider"), 1);
        assert_int_equal(ask_number(owner, "select count(*) from events_out where type = "
                                           "'contact.opted_out'"),
                         1);
        assert_true(ask_number(owner, "select count(*) from messages where error = 21610") >=
                    1);
        long before = said();
        say("SM2", "hello?", "");
        assert_int_equal(said(), before);
        say("SM3", "START", "");
        assert_int_equal(stopped_now(), 0);
        assert_true(said() > before);
        all_settled();
        assert_int_equal(stopped_now(), 0);
        service_stop(&service);
        PQfinish(owner);
        owner = NULL;
    }
}

/* --- files ---------------------------------------------------------------------------------
 */

static const char *file_fields(size_t n, const char *const *ids)
{
    struct str out = arena_format(&arena, "&NumMedia=%zu", n);

    for (size_t i = 0; i < n; i++) {
        out = arena_format(&arena,
                           "%.*s&MediaContentType%zu=image%%2Fpng&MediaUrl%zu=https%%3A%%2F%%2F"
                           "api.twilio.com%%2F2010-04-01%%2FAccounts%%2FAC1%%2FMessages%%2F"
                           "MM1%%2FMedia%%2FME%s",
                           STR_ARG(out), i, i, ids[i]);
    }
    return out.at;
}

static long documents(const char *state)
{
    return ask_number(
        owner,
        arena_format(&arena, "select count(*) from documents where state = '%s'", state).at);
}

/* Each is asked for with our credentials at the API, and fetched without them where it lies. */
static void ch_4_files_of_an_mms_are_fetched_and_kept(void **state)
{
    (void)state;
    const char *ids[2];

    start(1, NULL);
    ids[0] = service_media(&service, &arena, "image/png", file_png(&arena, 31, 17));
    ids[1] = service_media(&service, &arena, "image/png", file_png(&arena, 64, 64));
    say("MM1", "it is broken", file_fields(2, ids));
    say("MM1", "it is broken", file_fields(2, ids));
    service_until(&service, owner, "select count(*) from documents where state = 'kept'", 2,
                  WAIT);
    assert_int_equal(ask_number(owner, "select count(*) from documents"), 2);
    assert_int_equal(ask_number(owner, "select count(*) from documents where width = 31 and"
                                       " caption = 'it is broken'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound and kind ="
                                       " 'image'"),
                     2);
    all_settled();
    assert_int_equal(service_findings(&service), 0);
    assert_int_equal(service_logged(&service, "document.retry"), 0);
    service_stop(&service);
}

/* The API leads to an address that is not Twilio's: it is not called, and nothing is lost. */
static void ch_4_an_answer_that_leads_to_others_is_not_followed(void **state)
{
    (void)state;
    const char *id;

    start(1, "{\"media_abroad\": true}");
    id = service_media(&service, &arena, "image/png", file_png(&arena, 31, 17));
    say("MM1", "", file_fields(1, &id));
    usec_t end = clock_monotonic() + WAIT;
    while (service_logged(&service, "document.foreign_address") == 0 && clock_monotonic() < end)
        (void)usleep(20000);
    assert_true(service_logged(&service, "document.foreign_address") > 0);
    assert_int_equal(documents("wanted"), 1);
    service_stop(&service);
}

static void ch_4_a_file_that_is_gone_is_given_up_after_some_tries(void **state)
{
    (void)state;
    static const char *const nobodys = "123";

    start(1, NULL);
    say("MM1", "", file_fields(1, &nobodys));
    service_until(&service, owner, "select count(*) from documents where state = 'lost'", 1,
                  WAIT);
    service_stop(&service);
}

/* --- what was parked -----------------------------------------------------------------------
 */

static void ops_5_an_sms_to_a_number_that_was_nobodys_is_handed_in_anew(void **state)
{
    (void)state;
    static char *replay[] = {"dead", "replay", "--all", NULL};
    char said_of_it[2000];

    start(1, NULL);
    run_sql(owner, "delete from unrouted");
    struct post post = post_one((struct post){
        .body = STR("MessageSid=SM1&To=%2B15559999999&From=%2B15550100001&Body=a+%2B+b")});
    assert_int_equal(post.status, 200);
    assert_int_equal(ask_number(owner, "select count(*) from unrouted where provider ="
                                       " 'twilio'"),
                     1);
    run_sql(owner, "update accounts set external_id = '+15559999999' where channel = 'sms'");
    run_sql(owner, "update directory set external_id = '+15559999999' where kind = 'sms'");
    (void)usleep(
        1200000); /* strangers' numbers have the directory read once a second at most */
    if (service_command(&service, replay, said_of_it, sizeof said_of_it) != 0)
        fail_msg("%s", said_of_it);
    assert_int_equal(ask_number(owner, "select count(*) from unrouted"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound and"
                                       " body = 'a + b' and provider_id = 'SM1'"),
                     1);
    service_stop(&service);
}

/* --- who speaks ------------------------------------------------------------------------------
 */

static long shown(void)
{
    return ask_number(
        owner, "select count(*) from messages where not inbound and body like '%ORD-1%'");
}

/* A business that lets whoever it knows read has said so of WhatsApp: the sender of an SMS is
 * whoever its writer says. */
static void otp_9_a_known_number_reads_on_whatsapp_and_not_by_sms(void **state)
{
    (void)state;
    start(1, NULL);
    run_sql(owner, "update businesses set settings = settings || '{\"reading\": \"known\"}'");
    assert_int_equal(
        post_one((struct post){.body = post_sms(&arena, ANA, "SM1", "my orders", "")}).status,
        200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(shown(), 0);
    struct post post = {.body = post_text(&arena, &ANA[1], "wamid.read", "my orders")};
    service_post(&service, &post, 1, 1, WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(shown(), 1);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(ch_4_a_message_is_answered_when_it_is_kept_and_with_no_words,
                                  tear_down),
        cmocka_unit_test_teardown(ch_4_what_twilio_did_not_sign_stays_outside, tear_down),
        cmocka_unit_test_teardown(ch_4_what_is_nobodys_or_unreadable_is_kept_and_answered,
                                  tear_down),
        cmocka_unit_test_teardown(otp_9_a_known_number_reads_on_whatsapp_and_not_by_sms,
                                  tear_down),
        cmocka_unit_test_teardown(ch_4_a_conversation_by_sms_goes_both_ways, tear_down),
        cmocka_unit_test_teardown(ch_4_a_long_address_leaves_as_a_short_one, tear_down),
        cmocka_unit_test_teardown(ops_5_an_sms_to_a_number_that_was_nobodys_is_handed_in_anew,
                                  tear_down),
        cmocka_unit_test_teardown(ch_4_a_messaging_service_is_an_account_like_a_number,
                                  tear_down),
        cmocka_unit_test_teardown(ch_4_files_of_an_mms_are_fetched_and_kept, tear_down),
        cmocka_unit_test_teardown(ch_4_an_answer_that_leads_to_others_is_not_followed,
                                  tear_down),
        cmocka_unit_test_teardown(ch_4_a_file_that_is_gone_is_given_up_after_some_tries,
                                  tear_down),
        cmocka_unit_test_teardown(ch_4_a_stop_that_twilio_answered_is_kept_once_and_in_silence,
                                  tear_down),
        cmocka_unit_test_teardown(
            ch_4_a_gateway_s_word_alone_stops_and_in_a_sentence_it_does_not, tear_down),
        cmocka_unit_test_teardown(ntf_1_of_stop_and_start_at_once_the_last_one_counts,
                                  tear_down),
        cmocka_unit_test_teardown(
            ch_4_who_told_the_provider_to_stop_hears_nothing_more_until_start, tear_down),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
