/* Many mails in one request of Resend's, and what its answer means for all of them. */
#include "bot/base/json.h"
#include "tests/sandbox/schema.h"
#include "tests/support/shared_data.h"
#include "webhooks/resend_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define KEY "b1.0192f3a4-0000-7000-8000-00000000000b"

static struct arena arena;
static struct err err;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const struct face face = {STR("Order \"1\""), STR("Shipped.\n"), STR("<p>Shipped.</p>")};
static const struct reply reply = {.kind = REPLY_TEXT, .body = STR("Shipped.")};
static const struct resend_sender sender = {
    {"https://api.resend.com", 22},
    {"re_123",                 6 }
};

static struct outbound to(unsigned number)
{
    return (struct outbound){
        .key = arena_format(&arena, "p1.0192f3a4-0000-7000-8000-00000000000a.%u", number),
        .account = STR("support@in.lark.example"),
        .to = {.email = arena_format(&arena, "p%u@example.net", number)},
        .reply = &reply,
        .face = &face,
        .unasked = true,
        .unsubscribe = STR("https://parley.example/u/7f3a"),
        .reply_to = STR("support+abc@in.lark.example")};
}

static struct str *members_of(size_t n)
{
    struct str *members = arena_array(&arena, struct str, n);

    for (size_t i = 0; i < n; i++) {
        struct outbound message = to((unsigned)i);
        assert_true(resend_batch_member(&arena, &message, &members[i], &err));
    }
    return members;
}

/* --- requests ----------------------------------------------------------------------------- */

static void ch_5_a_batch_is_the_mails_in_their_order_under_one_key(void **state)
{
    struct http_request request, again;
    struct str *members = members_of(RESEND_BATCH_MAX);

    (void)state;
    assert_true(resend_batch_encode(&arena, &sender, STR(KEY), members, RESEND_BATCH_MAX,
                                    &request, &err));
    assert_string_equal(request.method, "POST");
    assert_true(str_eq(request.url, STR("https://api.resend.com/emails/batch")));
    assert_true(request.repeatable);
    assert_true(str_eq(request.headers[2].name, STR("Idempotency-Key")));
    assert_true(str_eq(request.headers[2].value, STR(KEY)));
    OWNED_JSON(body) = NULL;
    assert_true(json_read(request.body, &body, &err));
    assert_int_equal(json_array_size(body), RESEND_BATCH_MAX);
    for (unsigned i = 0; i < RESEND_BATCH_MAX; i++) {
        const json_t *mail = json_array_get(body, i);
        const json_t *tag = json_array_get(json_object_get(mail, "tags"), 0);
        struct http_request alone;
        struct outbound message = to(i);
        OWNED_JSON(single) = NULL;
        assert_true(
            str_eq(json_text(&arena, tag, "value"),
                   arena_format(&arena, "p1_0192f3a4-0000-7000-8000-00000000000a_%u", i)));
        /* as it would leave alone */
        assert_true(resend_encode(&arena, &sender, &message, &alone, &err));
        assert_true(json_read(alone.body, &single, &err));
        assert_true(json_equal(mail, single));
    }
    assert_true(resend_batch_encode(&arena, &sender, STR(KEY), members_of(RESEND_BATCH_MAX),
                                    RESEND_BATCH_MAX, &again, &err));
    assert_true(str_eq(request.body, again.body)); /* its key promises so */
}

static void ch_5_a_batch_is_as_resend_describes_it(void **state)
{
    struct str bytes = shared_file(&arena, "providers/resend.openapi.json");
    OWNED_JSON(description) = NULL;
    OWNED_JSON(body) = NULL;
    OWNED_JSON(bad) = json_pack("[{s:s}]", "subject", "x");
    char reason[SCHEMA_REASON_MAX];
    struct http_request request;

    (void)state;
    if (bytes.at == NULL) {
        (void)printf("skipped: ../shared is not here\n");
        return;
    }
    assert_true(json_read(bytes, &description, &err));
    assert_true(
        resend_batch_encode(&arena, &sender, STR(KEY), members_of(7), 7, &request, &err));
    assert_true(json_read(request.body, &body, &err));
    if (!schema_check_request(description, "post", "/emails/batch", body, reason))
        fail_msg("%s", reason);
    assert_false(schema_check_request(description, "post", "/emails/batch", bad, reason));
}

static void ch_5_what_a_batch_cannot_carry_stays_out_of_it(void **state)
{
    static const struct attachment file = {
        .mime = STR("image/png"), .name = STR("a.png"), .size = 1, .bytes = STR("x")};
    static const struct attachment link = {.mime = STR("image/png"), .url = STR("https://x/y")};
    struct str *members = members_of(RESEND_BATCH_MAX + 1), member;
    struct outbound message = to(1);
    struct http_request request;

    (void)state;
    message.attachment = &link;
    assert_true(resend_batch_member(&arena, &message, &member, &err));
    message.attachment = &file;
    assert_false(resend_batch_member(&arena, &message, &member, &err));
    assert_int_equal(err.code, ERR_REJECT);
    message = to(1);
    message.to.email = STR("p1@example.net\r\nBcc: x@example.net");
    assert_false(resend_batch_member(&arena, &message, &member, &err));
    message = to(1);
    message.key = STR("");
    assert_false(resend_batch_member(&arena, &message, &member, &err));
    assert_false(resend_batch_encode(&arena, &sender, STR(KEY), members, 0, &request, &err));
    assert_false(resend_batch_encode(&arena, &sender, STR(KEY), members, RESEND_BATCH_MAX + 1,
                                     &request, &err));
    assert_false(resend_batch_encode(&arena, &sender, STR("a b"), members, 1, &request, &err));
}

/* --- answers ------------------------------------------------------------------------------ */

static struct sending_result answer(int status, const char *body, struct str ids[2])
{
    struct http_answer said = {.fate = status > 0 ? HTTP_ANSWERED : HTTP_UNKNOWN,
                               .status = status};
    struct sending_result result;

    said.body = str_from(body);
    ids[0] = ids[1] = STR("left from before");
    resend_batch_answer(&arena, &said, 2, &result, ids);
    return result;
}

static void ch_5_each_mail_of_a_batch_has_its_id(void **state)
{
    struct str ids[2];

    (void)state;
    assert_int_equal(answer(200, "{\"data\":[{\"id\":\"a1\"},{\"id\":\"b2\"}]}", ids).sending,
                     SENDING_ACCEPTED);
    assert_true(str_eq(ids[0], STR("a1")) && str_eq(ids[1], STR("b2")));
    assert_int_equal(
        answer(409, "{\"statusCode\":409,\"name\":\"invalid_idempotent_request\"}", ids)
            .sending,
        SENDING_ACCEPTED);
    assert_true(ids[0].len == 0 && ids[1].len == 0);
}

static void ch_5_what_does_not_fit_a_batch_is_asked_again(void **state)
{
    static const char *const bodies[] = {
        "",
        "<html>",
        "{}",
        "[]",
        "{\"id\":\"a1\"}",
        "{\"data\":null}",
        "{\"data\":{\"id\":\"a1\"}}",
        "{\"data\":[]}",
        "{\"data\":[{\"id\":\"a1\"}]}",
        "{\"data\":[{\"id\":\"a1\"},{\"id\":7}]}",
        "{\"data\":[{\"id\":\"a1\"},{\"id\":\"\"}]}",
        "{\"data\":[{\"id\":\"a1\"},null]}",
        "{\"data\":[{\"id\":\"a1\"},{\"id\":\"b2\"},{\"id\":\"c3\"}]}",
    };
    struct str ids[2];

    (void)state;
    for (size_t i = 0; i < COUNTOF(bodies); i++) {
        if (answer(200, bodies[i], ids).sending != SENDING_RETRY)
            fail_msg("%s is believed", bodies[i]);
        assert_true(ids[0].len == 0 && ids[1].len == 0);
    }
    assert_int_equal(answer(0, "", ids).sending, SENDING_RETRY);
    assert_int_equal(answer(502, bodies[4], ids).sending, SENDING_RETRY);
    assert_int_equal(answer(429, "{\"name\":\"daily_quota_exceeded\"}", ids).sending,
                     SENDING_RETRY);
    assert_int_equal(answer(422, "{\"name\":\"missing_required_field\"}", ids).sending,
                     SENDING_REFUSED);
    assert_int_equal(answer(403, "{\"name\":\"validation_error\"}", ids).sending,
                     SENDING_STOP_LANE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_a_batch_is_the_mails_in_their_order_under_one_key),
        cmocka_unit_test(ch_5_a_batch_is_as_resend_describes_it),
        cmocka_unit_test(ch_5_what_a_batch_cannot_carry_stays_out_of_it),
        cmocka_unit_test(ch_5_each_mail_of_a_batch_has_its_id),
        cmocka_unit_test(ch_5_what_does_not_fit_a_batch_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
