/* What goes to Resend, held against its published description, and what its answers mean. */
#include "bot/base/json.h"
#include "tests/sandbox/schema.h"
#include "tests/support/face_samples.h"
#include "tests/support/sending_name.h"
#include "tests/support/shared_data.h"
#include "webhooks/resend_out.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEY "p1.0192f3a4-0000-7000-8000-00000000000a.7"

static struct arena arena;
static struct err err;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const struct face face = {STR("Order LK-1"), STR("Shipped."), STR("<p>Shipped.</p>")};
static const struct reply reply = {.kind = REPLY_TEXT, .body = STR("Shipped.")};

static struct resend_sender sender_of(void)
{
    return (struct resend_sender){.base = STR("https://api.resend.com/"),
                                  .api_key = STR("re_123")};
}

static struct outbound to_ana(void)
{
    return (struct outbound){.key = STR(KEY),
                             .account = STR("support@in.lark.example"),
                             .to = {.email = STR("ana@example.net")},
                             .reply = &reply,
                             .face = &face,
                             .from_name = STR("Lark & Sons"),
                             .reply_to = STR("support+abc@in.lark.example")};
}

static struct http_request encode(const struct resend_sender *sender,
                                  const struct outbound *message)
{
    struct http_request request;

    if (!resend_encode(&arena, sender, message, &request, &err))
        fail_msg("%s", err.text);
    return request;
}

static json_t *body_of(const struct http_request *request)
{
    json_t *body;

    if (!json_read(request->body, &body, &err))
        fail_msg("%s: %.*s", err.text, STR_ARG(request->body));
    return body;
}

static void assert_str(struct str is, const char *wanted)
{
    if (!str_eq(is, str_from(wanted)))
        fail_msg("is:\n%.*s\nwanted:\n%s", STR_ARG(is), wanted);
}

static const char *header(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(json_object_get(body, "headers"), name));
}

static const char *member(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

/* --- requests ----------------------------------------------------------------------------- */

static void ch_5_a_mail_goes_with_its_key_and_may_be_repeated(void **state)
{
    (void)state;
    struct resend_sender sender = sender_of();
    struct outbound message = to_ana();
    struct http_request request = encode(&sender, &message);
    OWNED_JSON(body) = body_of(&request);
    const json_t *tag = json_array_get(json_object_get(body, "tags"), 0);

    assert_string_equal(request.method, "POST");
    assert_str(request.url, "https://api.resend.com/emails");
    assert_true(request.repeatable);
    assert_str(request.headers[0].value, "Bearer re_123");
    assert_str(request.headers[2].name, "Idempotency-Key");
    assert_str(request.headers[2].value, KEY);
    assert_string_equal(member(body, "from"), "\"Lark & Sons\" <support@in.lark.example>");
    assert_string_equal(member(body, "subject"), "Order LK-1");
    assert_string_equal(member(body, "html"), "<p>Shipped.</p>");
    assert_string_equal(member(body, "text"), "Shipped.");
    assert_string_equal(json_string_value(json_array_get(json_object_get(body, "reply_to"), 0)),
                        "support+abc@in.lark.example");
    assert_string_equal(member(tag, "name"), "key");
    assert_string_equal(member(tag, "value"), "p1_0192f3a4-0000-7000-8000-00000000000a_7");
    assert_null(header(body, "List-Unsubscribe"));
    assert_string_equal(header(body, "Auto-Submitted"), "auto-replied");
}

static void ch_5_an_answer_names_what_it_answers(void **state)
{
    (void)state;
    struct resend_sender sender = sender_of();
    struct outbound message = to_ana();
    struct mail_thread thread = {.in_reply_to = STR("<b@x.example>"),
                                 .references = STR("<a@x.example> <b@x.example>")};
    message.thread = &thread;
    struct http_request request = encode(&sender, &message);
    OWNED_JSON(body) = body_of(&request);
    assert_string_equal(header(body, "In-Reply-To"), "<b@x.example>");
    assert_string_equal(header(body, "References"), "<a@x.example> <b@x.example>");
}

static void ch_5_a_long_thread_keeps_its_first_and_its_last(void **state)
{
    (void)state;
    struct resend_sender sender = sender_of();
    struct outbound message = to_ana();
    struct str all = STR("<first@x.example>");
    for (int i = 0; i < 100; i++) {
        all =
            arena_format(&arena, "%.*s <%04d-aaaaaaaaaaaaaaaaaaaa@x.example>", STR_ARG(all), i);
    }
    struct mail_thread thread = {.in_reply_to = STR("<0099-aaaaaaaaaaaaaaaaaaaa@x.example>"),
                                 .references = all};
    message.thread = &thread;
    struct http_request request = encode(&sender, &message);
    OWNED_JSON(body) = body_of(&request);
    struct str references = str_from(header(body, "References"));
    assert_true(references.len < 950);
    assert_true(str_starts(references, STR("<first@x.example> <00")));
    assert_true(str_ends(references, thread.in_reply_to));
}

static void ch_5_what_is_no_answer_can_be_stopped_with_one_click(void **state)
{
    (void)state;
    struct resend_sender sender = sender_of();
    struct outbound message = to_ana();
    message.unasked = true;
    struct http_request request = encode(&sender, &message);
    OWNED_JSON(by_mail) = body_of(&request);
    assert_string_equal(header(by_mail, "List-Unsubscribe"),
                        "<mailto:support+abc@in.lark.example?subject=stop&body=stop>");
    assert_null(header(by_mail, "List-Unsubscribe-Post"));
    message.unsubscribe = STR("https://parley.example/u/7f3a");
    request = encode(&sender, &message);
    OWNED_JSON(by_web) = body_of(&request);
    assert_string_equal(header(by_web, "List-Unsubscribe"), "<https://parley.example/u/7f3a>");
    assert_string_equal(header(by_web, "List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert_string_equal(header(by_web, "Auto-Submitted"), "auto-generated");
}

static void ch_5_a_file_goes_along_under_its_name(void **state)
{
    (void)state;
    struct attachment file = {.mime = STR("image/png"),
                              .name = STR("łódź.png"),
                              .size = 5,
                              .bytes = STR("\x89PNG\n")};
    struct resend_sender sender = sender_of();
    struct outbound message = to_ana();

    message.attachment = &file;
    struct http_request request = encode(&sender, &message);
    OWNED_JSON(body) = body_of(&request);
    const json_t *files = json_object_get(body, "attachments");
    assert_int_equal(json_array_size(files), 1);
    const json_t *one = json_array_get(files, 0);
    assert_string_equal(json_string_value(json_object_get(one, "filename")), "łódź.png");
    assert_string_equal(json_string_value(json_object_get(one, "content")), "iVBORwo=");
    assert_string_equal(json_string_value(json_object_get(one, "content_type")), "image/png");
    assert_true(request.repeatable);
    struct http_request again = encode(&sender, &message);
    assert_true(str_eq(request.body, again.body)); /* its key promises so */
    file.bytes = STR_NONE;
    again = encode(&sender, &message);
    assert_int_equal(str_find(again.body, STR("attachments")), again.body.len);
}

static void ch_5_nothing_gets_into_the_head_that_ends_a_line(void **state)
{
    (void)state;
    static const char *const bad[] = {"<a@b>\r\nBcc: x@y.example", "a@b",    "<a b@c>", "<>",
                                      "<a@b> <\xc3\xa9@c>",        "<<a@b>>"};
    struct resend_sender sender = sender_of();
    struct outbound message = to_ana();
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct mail_thread thread = {.in_reply_to = str_from(bad[i]),
                                     .references = str_from(bad[i])};
        message.thread = &thread;
        struct http_request request = encode(&sender, &message);
        OWNED_JSON(body) = body_of(&request);
        assert_null(header(body, "In-Reply-To"));
        const char *references = header(body, "References");
        assert_true(references == NULL || strcmp(references, "<a@b>") == 0);
    }
    message.thread = NULL;
    message.from_name = STR("A\r\nBcc: \"x\" \\ <y@z>");
    struct http_request request = encode(&sender, &message);
    OWNED_JSON(body) = body_of(&request);
    assert_string_equal(member(body, "from"),
                        "\"ABcc: \\\"x\\\" \\\\ <y@z>\" <support@in.lark.example>");
}

static void ch_5_addresses_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "ana",
                                      "@example.net",
                                      "ana@",
                                      "ana@example..net",
                                      "ana@-x",
                                      "a b@example.net",
                                      "ana@example.net\r\n",
                                      "ana@example.net>, <eve@example.net",
                                      ".ana@example.net",
                                      "an..a@example.net",
                                      "\"a\"@example.net",
                                      "ana@ex\xc3\xa4mple.net"};
    struct resend_sender sender = sender_of();
    struct http_request request;
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct outbound message = to_ana();
        message.to.email = str_from(bad[i]);
        if (resend_encode(&arena, &sender, &message, &request, &err))
            fail_msg("%s is sent to", bad[i]);
        assert_int_equal(err.code, ERR_REJECT);
        message = to_ana();
        message.account = str_from(bad[i]);
        assert_false(resend_encode(&arena, &sender, &message, &request, &err));
    }
    struct outbound message = to_ana();
    message.face = NULL;
    assert_false(resend_encode(&arena, &sender, &message, &request, &err));
    message = to_ana();
    sender.api_key = STR("re\r\nx");
    assert_false(resend_encode(&arena, &sender, &message, &request, &err));
}

static void ch_5_every_kind_in_every_language_is_as_resend_describes_it(void **state)
{
    (void)state;
    struct words *words = face_sample_words();
    struct str bytes = shared_file(&arena, "providers/resend.openapi.json");
    OWNED_JSON(description) = NULL;
    char reason[SCHEMA_REASON_MAX];

    if (bytes.at == NULL) {
        (void)printf("skipped: ../shared is not here\n");
    } else {
        assert_true(json_read(bytes, &description, &err));
    }
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct face_sample samples[FACE_SAMPLES];
        face_samples(&arena, words, (enum lang)lang, samples);
        for (size_t i = 0; i < FACE_SAMPLES; i++) {
            struct face made = face_mail(&arena, &samples[i].ask);
            struct resend_sender sender = sender_of();
            struct outbound message = to_ana();
            struct attachment file = {STR("image/png"), STR("a.png"), STR_NONE, 1, STR("x")};
            message.attachment = &file;
            message.unasked = !samples[i].ask.answer;
            message.reply = samples[i].ask.reply;
            message.face = &made;
            message.thread = samples[i].ask.thread;
            struct http_request request = encode(&sender, &message);
            OWNED_JSON(body) = body_of(&request);
            if (!schema_check_request(description, "post", "/emails", body, reason))
                fail_msg("%s.%s: %s", samples[i].name, lang_code((enum lang)lang), reason);
        }
    }
    words_destroy(words);
    words_cool();
}

/* --- answers ------------------------------------------------------------------------------ */

static struct sending_result result_of(int status, const char *body, usec_t retry_after)
{
    struct http_answer answer = {.fate = HTTP_ANSWERED,
                                 .status = status,
                                 .body = str_from(body),
                                 .retry_after = retry_after};
    struct sending_result result;

    resend_answer(&arena, &answer, &result);
    return result;
}

static struct sending_result error_of(int status, const char *name)
{
    return result_of(status,
                     arena_format(&arena,
                                  "{\"statusCode\":%d,\"name\":\"%s\",\"message\":\"for "
                                  "ana@example.net\"}",
                                  status, name)
                         .at,
                     0);
}

static void ch_5_the_errors_name_decides(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *name;
        enum sending sending;
        bool alert;
    } cases[] = {
        {400, "validation_error",               SENDING_REFUSED,   true },
        {400, "invalid_idempotency_key",        SENDING_REFUSED,   true },
        {401, "missing_api_key",                SENDING_STOP_LANE, true },
        {401, "restricted_api_key",             SENDING_STOP_LANE, true },
        {403, "invalid_api_key",                SENDING_STOP_LANE, true },
        {403, "validation_error",               SENDING_STOP_LANE, true },
        {403, "invalid_access",                 SENDING_STOP_LANE, true },
        {404, "not_found",                      SENDING_REFUSED,   true },
        {405, "method_not_allowed",             SENDING_REFUSED,   true },
        {409, "invalid_idempotent_request",     SENDING_ACCEPTED,  false},
        {409, "concurrent_idempotent_requests", SENDING_RETRY,     false},
        {422, "missing_required_field",         SENDING_REFUSED,   true },
        {422, "invalid_attachment",             SENDING_REFUSED,   true },
        {422, "invalid_from_address",           SENDING_REFUSED,   true },
        {422, "invalid_parameter",              SENDING_REFUSED,   true },
        {422, "invalid_region",                 SENDING_REFUSED,   true },
        {429, "rate_limit_exceeded",            SENDING_RETRY,     false},
        {429, "daily_quota_exceeded",           SENDING_RETRY,     true },
        {429, "monthly_quota_exceeded",         SENDING_RETRY,     true },
        {451, "security_error",                 SENDING_REFUSED,   true },
        {500, "application_error",              SENDING_RETRY,     false},
        {500, "internal_server_error",          SENDING_RETRY,     false},
        {418, "teapot",                         SENDING_REFUSED,   true },
        {503, "newer_than_us",                  SENDING_RETRY,     false},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct sending_result result = error_of(cases[i].status, cases[i].name);
        if (result.sending != cases[i].sending || result.alert != cases[i].alert) {
            fail_msg("%d %s is %s", cases[i].status, cases[i].name,
                     sending_name(result.sending));
        }
        assert_int_equal(result.code, cases[i].status);
        assert_true(str_find(result.reason, STR("ana@")) == result.reason.len);
    }
}

static void ch_5_what_resend_took_has_its_id(void **state)
{
    (void)state;
    struct sending_result result = result_of(200, "{\"id\":\"49a3999c-0ce1\"}", 0);
    assert_int_equal(result.sending, SENDING_ACCEPTED);
    assert_str(result.provider_id, "49a3999c-0ce1");
    result = error_of(409, "invalid_idempotent_request"); /* taken, under an id not said */
    assert_int_equal(result.provider_id.len, 0);
}

/* Under the same key nothing leaves twice, so every doubt is another try. */
static void ch_5_whatever_is_doubtful_is_tried_again(void **state)
{
    (void)state;
    static const enum http_fate fates[] = {HTTP_NOT_SENT, HTTP_UNKNOWN};
    for (size_t i = 0; i < COUNTOF(fates); i++) {
        struct http_answer answer = {.fate = fates[i]};
        struct sending_result result;
        resend_answer(&arena, &answer, &result);
        assert_int_equal(result.sending, SENDING_RETRY);
    }
    assert_int_equal(result_of(200, "<html>", 0).sending, SENDING_RETRY);
    assert_int_equal(result_of(200, "{}", 0).sending, SENDING_RETRY);
    assert_int_equal(result_of(502, "", 0).sending, SENDING_RETRY);
    assert_int_equal(result_of(408, "", 0).sending, SENDING_RETRY);
    assert_int_equal(result_of(429, "", 7 * USEC_PER_SEC).wait, 7 * USEC_PER_SEC);
    assert_int_equal(result_of(429, "", 70 * USEC_PER_DAY).wait, USEC_PER_DAY);
    assert_int_equal(result_of(401, "", 0).sending, SENDING_STOP_LANE);
    assert_int_equal(result_of(302, "", 0).sending, SENDING_RETRY);
    assert_int_equal(result_of(413, "", 0).sending, SENDING_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_a_mail_goes_with_its_key_and_may_be_repeated),
        cmocka_unit_test(ch_5_an_answer_names_what_it_answers),
        cmocka_unit_test(ch_5_a_long_thread_keeps_its_first_and_its_last),
        cmocka_unit_test(ch_5_what_is_no_answer_can_be_stopped_with_one_click),
        cmocka_unit_test(ch_5_a_file_goes_along_under_its_name),
        cmocka_unit_test(ch_5_nothing_gets_into_the_head_that_ends_a_line),
        cmocka_unit_test(ch_5_addresses_that_are_none_are_refused),
        cmocka_unit_test(ch_5_every_kind_in_every_language_is_as_resend_describes_it),
        cmocka_unit_test(ch_5_the_errors_name_decides),
        cmocka_unit_test(ch_5_what_resend_took_has_its_id),
        cmocka_unit_test(ch_5_whatever_is_doubtful_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
