/*
 * What becomes of an SMS by the answer to it, and by what is reported later. The question
 * behind each: may it have been taken? Where that is open, the outcome is unknown and nothing
 * else.
 */
#include "bot/base/crypto.h"
#include "tests/support/sending_name.h"
#include "webhooks/twilio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;

static int start(void **state)
{
    (void)state;
    return crypto_init(&err) ? 0 : -1;
}

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

    memset(&result, 0xee, sizeof result);
    twilio_answer(&arena, &answer, &result);
    return result;
}

static void assert_sending(struct sending_result result, enum sending wanted)
{
    if (result.sending != wanted) {
        fail_msg("%s is not %s (%.*s)", sending_name(result.sending), sending_name(wanted),
                 STR_ARG(result.reason));
    }
}

static void ch_4_an_id_means_taken(void **state)
{
    (void)state;
    struct sending_result result = answered(
        201,
        "{\"sid\":\"SM1f0e\",\"status\":\"queued\",\"error_code\":null,\"num_media\":\"0\"}");
    assert_sending(result, SENDING_ACCEPTED);
    assert_true(str_eq(result.provider_id, STR("SM1f0e")));
}

static void ch_4_each_code_has_its_remedy(void **state)
{
    (void)state;
    static const struct {
        int http, code;
        enum sending wanted;
        bool alert;
    } cases[] = {
        {401, 20003, SENDING_STOP_LANE, true },
        {429, 20429, SENDING_RETRY,     false},
        {500, 20500, SENDING_RETRY,     false},
        {404, 20404, SENDING_REFUSED,   true },
        {400, 21211, SENDING_ELSEWHERE, false},
        {400, 21614, SENDING_ELSEWHERE, false},
        {400, 21610, SENDING_ELSEWHERE, false},
        {400, 21408, SENDING_ELSEWHERE, true },
        {400, 21603, SENDING_REFUSED,   true },
        {400, 21606, SENDING_REFUSED,   true },
        {400, 21611, SENDING_RETRY,     false},
        {400, 21617, SENDING_REFUSED,   true },
        {403, 30002, SENDING_STOP_LANE, true },
        {400, 14107, SENDING_RETRY,     false},
        {400, 63038, SENDING_RETRY,     true },
        {400, 99999, SENDING_REFUSED,   true },
        {503, 99999, SENDING_RETRY,     false},
        {401, 99999, SENDING_STOP_LANE, true },
        {429, 99999, SENDING_RETRY,     false},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str body = arena_format(
            &arena,
            "{\"code\":%d,\"message\":\"The number +15550100001 is bad\",\"status\":%d}",
            cases[i].code, cases[i].http);
        struct sending_result result = answered(cases[i].http, body.at);
        assert_sending(result, cases[i].wanted);
        assert_int_equal(result.code, cases[i].code);
        assert_int_equal(result.alert, cases[i].alert);
        assert_true(str_find(result.reason, STR("1555")) == result.reason.len);
    }
}

static void what_twilio_did_not_say_settles_nothing(void **state)
{
    (void)state;
    struct sending_result result;
    const struct http_answer lost = {.fate = HTTP_UNKNOWN}, none = {.fate = HTTP_NOT_SENT};
    assert_sending(answered(502, ""), SENDING_UNKNOWN);
    assert_sending(answered(504, "<html>"), SENDING_UNKNOWN);
    assert_sending(answered(500, "{}"), SENDING_UNKNOWN);
    assert_sending(answered(201, ""), SENDING_UNKNOWN);
    assert_sending(answered(201, "{\"status\":\"queued\"}"), SENDING_UNKNOWN);
    assert_sending(answered(200, "<html>"), SENDING_UNKNOWN);
    assert_sending(answered(408, ""), SENDING_UNKNOWN);
    assert_sending(answered(400, ""), SENDING_REFUSED);
    assert_sending(answered(401, ""), SENDING_STOP_LANE);
    assert_sending(answered(429, ""), SENDING_RETRY);
    assert_sending(answered(302, ""), SENDING_RETRY);
    twilio_answer(&arena, &lost, &result);
    assert_sending(result, SENDING_UNKNOWN);
    twilio_answer(&arena, &none, &result);
    assert_sending(result, SENDING_RETRY);
}

static void a_wish_to_wait_is_obeyed_within_reason(void **state)
{
    (void)state;
    struct http_answer answer = {.fate = HTTP_ANSWERED,
                                 .status = 429,
                                 .body = STR("{\"code\":20429,\"status\":429}"),
                                 .retry_after = 90 * USEC_PER_SEC};
    struct sending_result result;
    twilio_answer(&arena, &answer, &result);
    assert_true(result.wait == 90 * USEC_PER_SEC);
    answer.retry_after = 300 * USEC_PER_DAY;
    twilio_answer(&arena, &answer, &result);
    assert_true(result.wait == USEC_PER_DAY);
}

static void errors_that_come_later_have_the_same_remedies(void **state)
{
    (void)state;
    struct sending_result result;
    twilio_error(&arena, 30005, &result);
    assert_sending(result, SENDING_ELSEWHERE);
    assert_false(result.told_to_stop);
    twilio_error(&arena, 30003, &result);
    assert_sending(result, SENDING_ELSEWHERE);
    twilio_error(&arena, 21610, &result);
    assert_true(result.told_to_stop);
    twilio_error(&arena, 30007, &result);
    assert_sending(result, SENDING_REFUSED);
    assert_true(result.alert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_4_an_id_means_taken),
        cmocka_unit_test(ch_4_each_code_has_its_remedy),
        cmocka_unit_test(what_twilio_did_not_say_settles_nothing),
        cmocka_unit_test(a_wish_to_wait_is_obeyed_within_reason),
        cmocka_unit_test(errors_that_come_later_have_the_same_remedies),
    };
    return cmocka_run_group_tests(tests, start, teardown);
}
