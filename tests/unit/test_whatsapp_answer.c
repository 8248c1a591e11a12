/*
 * What becomes of a message by the answer to it. The question behind each test: may it have
 * been taken? Where that is open, the outcome must be unknown and nothing else.
 */
#include "webhooks/whatsapp.h"

#include "bot/base/err.h"
#include "tests/support/sending_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct sending_result answered(int status, const char *body)
{
    const struct http_answer answer = {
        .fate = HTTP_ANSWERED, .status = status, .body = str_from(body)};
    struct sending_result result;
    memset(&result, 0xee, sizeof(result));
    whatsapp_answer(&arena, &answer, &result);
    return result;
}

static struct sending_result error_of(int status, int code)
{
    struct str body = arena_format(
        &arena,
        "{\"error\":{\"message\":\"(#%d) m\",\"type\":\"OAuthException\",\"code\":%d,"
        "\"error_data\":{\"details\":\"details here\"},\"fbtrace_id\":\"A\"}}",
        code, code);
    return answered(status, body.at);
}

static void assert_sending(struct sending_result result, enum sending wanted)
{
    if (result.sending != wanted) {
        fail_msg("%s is not %s (%.*s)", sending_name(result.sending), sending_name(wanted),
                 STR_ARG(result.reason));
    }
}

static void an_id_means_taken(void **state)
{
    (void)state;
    struct sending_result result =
        answered(200, "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"+1\","
                      "\"wa_id\":\"1\"}],\"messages\":[{\"id\":\"wamid.9\"}]}");
    assert_sending(result, SENDING_ACCEPTED);
    assert_true(str_eq(result.provider_id, STR("wamid.9")));
    assert_int_equal(result.code, 0);
    assert_int_equal(result.wait, 0);
    assert_false(result.alert);
    result = answered(200, "{\"messages\":[{\"id\":\"w\",\"message_status\":"
                           "\"held_for_quality_assessment\"}]}");
    assert_sending(result, SENDING_ACCEPTED);
    assert_true(str_eq(result.reason, STR("held_for_quality_assessment")));
    result = answered(200, "{\"messages\":[{\"id\":\"w\",\"message_status\":\"accepted\"}]}");
    assert_int_equal(result.reason.len, 0);
}

static void an_id_in_a_failure_is_none(void **state)
{
    (void)state;
    static const char body[] = "{\"messages\":[{\"id\":\"w\"}]}";
    assert_sending(answered(500, body), SENDING_UNKNOWN);
    assert_sending(answered(199, body), SENDING_UNKNOWN);
    assert_sending(answered(400, body), SENDING_REFUSED);
    assert_sending(answered(300, body), SENDING_RETRY);
    assert_sending(answered(299, body), SENDING_ACCEPTED);
}

static void a_success_that_cannot_be_read_is_unknown(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "ok",
                                         "{}",
                                         "[]",
                                         "{\"messages\":[]}",
                                         "{\"messages\":[{}]}",
                                         "{\"messages\":[{\"id\":\"\"}]}",
                                         "{\"messages\":[{\"id\":null}]}",
                                         "{\"messages\":{\"id\":\"w\"}}",
                                         "{\"messages\":[{\"id\":\"w\"}]",
                                         "{\"success\":true}",
                                         "{\"error\":7}",
                                         "{\"error\":{}}",
                                         "<html>",
                                         "\xff\xfe"};
    for (size_t i = 0; i < COUNTOF(bodies); i++) {
        assert_sending(answered(200, bodies[i]), SENDING_UNKNOWN);
        assert_sending(answered(202, bodies[i]), SENDING_UNKNOWN);
    }
}

static void a_server_error_without_metas_own_words_is_unknown(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "<html>502 Bad Gateway</html>",
                                         "{\"message\":\"upstream\"}",
                                         "{\"error\":\"bad\"}",
                                         "{\"error\":{\"message\":\"no code\"}}",
                                         "{\"error\":{\"code\":\"x\"}}",
                                         "{\"error\":{\"code\":-1}}",
                                         "{\"error\":{\"code\":99999999999}}"};
    static const int statuses[] = {500, 502, 503, 504, 599, 408, 100, 0, -1};
    for (size_t i = 0; i < COUNTOF(bodies); i++) {
        for (size_t j = 0; j < COUNTOF(statuses); j++)
            assert_sending(answered(statuses[j], bodies[i]), SENDING_UNKNOWN);
    }
}

static void a_lost_answer_is_unknown_and_an_unsent_request_is_tried_again(void **state)
{
    (void)state;
    struct http_answer answer = {
        .fate = HTTP_UNKNOWN, .status = 200, .body = STR("{\"messages\":[{\"id\":\"w\"}]}")};
    struct sending_result result;
    whatsapp_answer(&arena, &answer, &result);
    assert_sending(result, SENDING_UNKNOWN);
    assert_int_equal(result.provider_id.len, 0);
    answer.fate = HTTP_NOT_SENT;
    whatsapp_answer(&arena, &answer, &result);
    assert_sending(result, SENDING_RETRY);
    assert_int_equal(result.max_attempts, 0);
}

static void statuses_without_a_body_speak_for_themselves(void **state)
{
    (void)state;
    assert_sending(answered(401, ""), SENDING_STOP_LANE);
    assert_true(answered(401, "").alert);
    assert_sending(answered(429, ""), SENDING_RETRY);
    static const int refused[] = {400, 403, 404, 405, 413, 415, 422, 499};
    for (size_t i = 0; i < COUNTOF(refused); i++)
        assert_sending(answered(refused[i], ""), SENDING_REFUSED);
    assert_sending(answered(302, ""), SENDING_RETRY);
    assert_true(answered(302, "").alert);
}

static void a_wish_to_wait_is_obeyed_within_reason(void **state)
{
    (void)state;
    struct http_answer answer = {
        .fate = HTTP_ANSWERED, .status = 429, .retry_after = 7 * USEC_PER_SEC};
    struct sending_result result;
    whatsapp_answer(&arena, &answer, &result);
    assert_int_equal(result.wait, 7 * USEC_PER_SEC);
    answer.retry_after = INT64_MAX;
    whatsapp_answer(&arena, &answer, &result);
    assert_int_equal(result.wait, USEC_PER_DAY);
    answer.retry_after = INT64_MIN;
    whatsapp_answer(&arena, &answer, &result);
    assert_int_equal(result.wait, 0);
    answer.body = STR("{\"error\":{\"code\":80007}}");
    answer.retry_after = USEC_PER_SEC; /* our own wait for this code is longer */
    whatsapp_answer(&arena, &answer, &result);
    assert_int_equal(result.wait, 10 * USEC_PER_MIN);
}

/* The published list, as data: what each code must lead to. */
static const struct {
    int code;
    enum sending sending;
    bool alert;
} codes[] = {
    {0,       SENDING_STOP_LANE, true },
    {1,       SENDING_RETRY,     true },
    {2,       SENDING_RETRY,     false},
    {3,       SENDING_STOP_LANE, true },
    {4,       SENDING_RETRY,     false},
    {10,      SENDING_STOP_LANE, true },
    {33,      SENDING_REFUSED,   true },
    {100,     SENDING_REFUSED,   true },
    {190,     SENDING_STOP_LANE, true },
    {200,     SENDING_STOP_LANE, true },
    {250,     SENDING_STOP_LANE, true },
    {299,     SENDING_STOP_LANE, true },
    {368,     SENDING_STOP_LANE, true },
    {80007,   SENDING_RETRY,     false},
    {130429,  SENDING_RETRY,     false},
    {130472,  SENDING_ELSEWHERE, false},
    {130497,  SENDING_ELSEWHERE, true },
    {131000,  SENDING_RETRY,     false},
    {131005,  SENDING_STOP_LANE, true },
    {131008,  SENDING_REFUSED,   true },
    {131009,  SENDING_REFUSED,   true },
    {131016,  SENDING_RETRY,     false},
    {131021,  SENDING_REFUSED,   false},
    {131026,  SENDING_ELSEWHERE, false},
    {131031,  SENDING_STOP_LANE, true },
    {131037,  SENDING_STOP_LANE, true },
    {131042,  SENDING_STOP_LANE, true },
    {131045,  SENDING_STOP_LANE, true },
    {131047,  SENDING_ELSEWHERE, false},
    {131048,  SENDING_RETRY,     true },
    {131049,  SENDING_ELSEWHERE, false},
    {131050,  SENDING_REFUSED,   false},
    {131051,  SENDING_REFUSED,   true },
    {131052,  SENDING_RETRY,     true },
    {131053,  SENDING_RETRY,     true },
    {131056,  SENDING_PAIR_WAIT, false},
    {131057,  SENDING_RETRY,     false},
    {131062,  SENDING_ELSEWHERE, false},
    {132000,  SENDING_REFUSED,   true },
    {132001,  SENDING_REFUSED,   true },
    {132005,  SENDING_REFUSED,   true },
    {132007,  SENDING_REFUSED,   true },
    {132012,  SENDING_REFUSED,   true },
    {132015,  SENDING_ELSEWHERE, true },
    {132016,  SENDING_ELSEWHERE, true },
    {133004,  SENDING_RETRY,     false},
    {133010,  SENDING_STOP_LANE, true },
    {134011,  SENDING_STOP_LANE, true },
    {135000,  SENDING_REFUSED,   true },
    {2388019, SENDING_REFUSED,   true },
    {2388040, SENDING_REFUSED,   true },
    {2388047, SENDING_REFUSED,   true },
    {2388072, SENDING_REFUSED,   true },
    {2388073, SENDING_REFUSED,   true },
    {2388293, SENDING_REFUSED,   true },
    {2388299, SENDING_REFUSED,   true },
};

static void every_published_code_has_its_outcome(void **state)
{
    (void)state;
    static const int statuses[] = {400, 401, 403, 404, 429, 500, 503};
    for (size_t i = 0; i < COUNTOF(codes); i++) {
        for (size_t j = 0; j < COUNTOF(statuses); j++) {
            struct sending_result result = error_of(statuses[j], codes[i].code);
            if (result.sending != codes[i].sending || result.alert != codes[i].alert)
                fail_msg("%d is %s", codes[i].code, sending_name(result.sending));
            assert_int_equal(result.code, codes[i].code);
            assert_true(result.reason.len > 0);
            assert_int_equal(result.provider_id.len, 0);
        }
        struct sending_result later;
        whatsapp_error(&arena, codes[i].code, &later);
        assert_sending(later, codes[i].sending);
    }
}

static void a_code_that_we_do_not_know_follows_its_http_status(void **state)
{
    (void)state;
    assert_sending(error_of(400, 987654), SENDING_REFUSED);
    assert_true(error_of(400, 987654).alert);
    assert_sending(error_of(500, 987654), SENDING_RETRY);
    assert_sending(error_of(429, 987654), SENDING_RETRY);
    assert_sending(error_of(401, 987654), SENDING_STOP_LANE);
    assert_sending(answered(400, "{\"error\":{\"code\":987654,\"is_transient\":true}}"),
                   SENDING_RETRY);
    assert_sending(answered(200, "{\"error\":{\"code\":190}}"), SENDING_STOP_LANE);
    struct sending_result later;
    whatsapp_error(&arena, 987654, &later);
    assert_sending(later, SENDING_REFUSED);
    whatsapp_error(&arena, -7, &later);
    assert_sending(later, SENDING_REFUSED);
}

static void neighbours_of_a_code_are_not_taken_for_it(void **state)
{
    (void)state;
    static const int strangers[] = {5,      9,       11,      32,        34,     99,     101,
                                    189,    191,     199,     300,       367,    369,    130428,
                                    130430, 131027,  131046,  131063,    131999, 132002, 132017,
                                    135001, 2388018, 2388300, 2147483647};
    for (size_t i = 0; i < COUNTOF(strangers); i++) {
        struct sending_result result = error_of(400, strangers[i]);
        assert_sending(result, SENDING_REFUSED);
        assert_non_null(strstr(arena_cstr(&arena, result.reason), "do not know"));
    }
}

static void limits_of_attempts_and_waits_come_from_the_table(void **state)
{
    (void)state;
    assert_int_equal(error_of(400, 1).max_attempts, 3);
    assert_int_equal(error_of(400, 131053).max_attempts, 2);
    assert_int_equal(error_of(400, 130429).wait, 2 * USEC_PER_SEC);
    assert_int_equal(error_of(400, 131048).wait, USEC_PER_HOUR);
    assert_int_equal(error_of(500, 131057).wait, 2 * USEC_PER_MIN);
}

static void a_reason_helps_whoever_mends_it_and_names_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *details, *reason;
    } all[] = {
        {"to=+15550100001 is not valid",   "100: a parameter is invalid (to=# is not valid)"},
        {"call +1 (555) 010-0001, please", "100: a parameter is invalid (call #, please)"   },
        {"wa_id 15550100001",              "100: a parameter is invalid (wa_id #)"          },
        {"from 555-0100",                  "100: a parameter is invalid (from #)"           },
        {"from 55-0100",                   "100: a parameter is invalid (from 55-0100)"     },
        {"parameter 3 of 10 is over 1024",
         "100: a parameter is invalid (parameter 3 of 10 is over 1024)"                     },
        {"",                               "100: a parameter is invalid (m)"                },
    };
    for (size_t i = 0; i < COUNTOF(all); i++) {
        struct str body = arena_format(&arena,
                                       "{\"error\":{\"message\":\"m\",\"code\":100,"
                                       "\"error_data\":{\"details\":\"%s\"}}}",
                                       all[i].details);
        struct sending_result result = answered(400, body.at);
        assert_string_equal(arena_cstr(&arena, result.reason), all[i].reason);
    }
    char longer[5000];
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    struct str body =
        arena_format(&arena, "{\"error\":{\"code\":100,\"message\":\"%s\"}}", longer);
    assert_true(answered(400, body.at).reason.len < 250);
    /* a code that is nobody's bug needs no details, and none are kept */
    assert_null(strstr(arena_cstr(&arena, error_of(400, 131026).reason), "details here"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_id_means_taken, teardown),
        cmocka_unit_test_teardown(an_id_in_a_failure_is_none, teardown),
        cmocka_unit_test_teardown(a_success_that_cannot_be_read_is_unknown, teardown),
        cmocka_unit_test_teardown(a_server_error_without_metas_own_words_is_unknown, teardown),
        cmocka_unit_test_teardown(a_lost_answer_is_unknown_and_an_unsent_request_is_tried_again,
                                  teardown),
        cmocka_unit_test_teardown(statuses_without_a_body_speak_for_themselves, teardown),
        cmocka_unit_test_teardown(a_wish_to_wait_is_obeyed_within_reason, teardown),
        cmocka_unit_test_teardown(every_published_code_has_its_outcome, teardown),
        cmocka_unit_test_teardown(a_code_that_we_do_not_know_follows_its_http_status, teardown),
        cmocka_unit_test_teardown(neighbours_of_a_code_are_not_taken_for_it, teardown),
        cmocka_unit_test_teardown(limits_of_attempts_and_waits_come_from_the_table, teardown),
        cmocka_unit_test_teardown(a_reason_helps_whoever_mends_it_and_names_nobody, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
