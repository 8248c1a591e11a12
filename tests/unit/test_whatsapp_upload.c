/* A file as Meta wants it uploaded, byte for byte, and what the answer means. */
#include "tests/support/files.h"
#include "webhooks/whatsapp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MARK "0123abcd"

static struct arena arena;
static const struct whatsapp_sender sender = {
    {"https://graph.facebook.com/v26.0", 32},
    {"EAAB",                             4 }
};

static int finish(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct outbound_file file_of(const char *mime, struct str bytes)
{
    return (struct outbound_file){
        .mime = str_from(mime), .name = STR("file.png"), .mark = STR(MARK), .bytes = bytes};
}

static bool encode(const struct outbound_file *file, struct http_request *request)
{
    struct err err = {0};
    bool ok = whatsapp_encode_upload(&arena, &sender, STR("1055"), file, request, &err);

    assert_int_equal(err.code, ok ? ERR_NONE : ERR_REJECT);
    return ok;
}

static void ch_2_a_file_is_a_form_of_three_parts(void **state)
{
    (void)state;
    static const char bytes[] = "\x89PNG\r\n\0--0123\r\n";
    struct str content = {bytes, sizeof bytes - 1};
    struct outbound_file file = file_of("image/png", content);
    struct http_request request;
    static const char head[] =
        "--" MARK "\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\n"
        "whatsapp\r\n"
        "--" MARK "\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n"
        "image/png\r\n"
        "--" MARK "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file.png\"\r\n"
        "Content-Type: image/png\r\n\r\n";
    static const char tail[] = "\r\n--" MARK "--\r\n";

    assert_true(encode(&file, &request));
    assert_string_equal(request.method, "POST");
    assert_true(str_eq(request.url, STR("https://graph.facebook.com/v26.0/1055/media")));
    assert_true(request.repeatable);
    assert_int_equal(request.n_headers, 2);
    assert_true(str_eq(request.headers[0].value, STR("Bearer EAAB")));
    assert_true(str_eq(request.headers[1].value, STR("multipart/form-data; boundary=" MARK)));
    assert_int_equal(request.body.len, sizeof head - 1 + content.len + sizeof tail - 1);
    assert_memory_equal(request.body.at, head, sizeof head - 1);
    assert_memory_equal(request.body.at + sizeof head - 1, bytes, content.len);
    assert_memory_equal(request.body.at + request.body.len - (sizeof tail - 1), tail,
                        sizeof tail - 1);
}

static void ch_2_what_meta_does_not_take_is_not_offered(void **state)
{
    (void)state;
    size_t most = (size_t)5 * 1024 * 1024;
    struct str bytes = {arena_alloc(&arena, most + 1), most + 1};
    struct http_request request;
    struct outbound_file file = file_of("image/jpeg", bytes);

    assert_false(encode(&file, &request));
    file.bytes.len = most;
    assert_true(encode(&file, &request));
    file.mime = STR("application/pdf");
    file.bytes.len = most + 1;
    assert_true(encode(&file, &request));
    file.bytes.len = 0;
    assert_false(encode(&file, &request));
    file = file_of("image/webp", STR("RIFF"));
    assert_false(encode(&file, &request));
    file = file_of("image/png\r\nX-Own: 1", STR("x"));
    assert_false(encode(&file, &request));
}

static void ch_2_a_name_cannot_break_out_of_its_header(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a\"b.png", "a\r\nX: 1", "../a.png", "a b"};
    struct outbound_file file;
    struct http_request request;

    for (size_t i = 0; i < COUNTOF(names); i++) {
        file = file_of("image/png", STR("x"));
        file.name = str_from(names[i]);
        assert_false(encode(&file, &request));
        file = file_of("image/png", STR("x"));
        file.mark = str_from(names[i]);
        assert_false(encode(&file, &request));
    }
}

static struct sending_result answer(enum http_fate fate, int status, const char *body)
{
    struct http_answer answer = {.fate = fate, .status = status, .body = str_from(body)};
    struct sending_result result = {0};

    whatsapp_answer_upload(&arena, &answer, &result);
    return result;
}

static void ch_2_the_answer_is_a_handle_or_says_what_next(void **state)
{
    (void)state;
    struct sending_result result = answer(HTTP_ANSWERED, 200, "{\"id\":\"1037543291543636\"}");

    assert_int_equal(result.sending, SENDING_ACCEPTED);
    assert_true(str_eq(result.provider_id, STR("1037543291543636")));
    assert_int_equal(answer(HTTP_ANSWERED, 200, "{\"id\":7}").sending, SENDING_ACCEPTED);
    assert_int_equal(answer(HTTP_ANSWERED, 200, "{\"id\":\"\"}").sending, SENDING_UNKNOWN);
    assert_int_equal(answer(HTTP_ANSWERED, 200, "<html>").sending, SENDING_UNKNOWN);
    assert_int_equal(answer(HTTP_ANSWERED, 500, "").sending, SENDING_UNKNOWN);
    assert_int_equal(answer(HTTP_NOT_SENT, 0, "").sending, SENDING_RETRY);
    assert_int_equal(answer(HTTP_UNKNOWN, 0, "").sending, SENDING_UNKNOWN);
    assert_int_equal(answer(HTTP_ANSWERED, 401, "{\"error\":{\"code\":190}}").sending,
                     SENDING_STOP_LANE);
    assert_int_equal(answer(HTTP_ANSWERED, 400, "{\"error\":{\"code\":100}}").sending,
                     SENDING_REFUSED);
    result = answer(HTTP_ANSWERED, 400, "{\"error\":{\"code\":131053}}");
    assert_int_equal(result.sending, SENDING_RETRY);
    assert_true(result.renew);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_2_a_file_is_a_form_of_three_parts),
        cmocka_unit_test(ch_2_what_meta_does_not_take_is_not_offered),
        cmocka_unit_test(ch_2_a_name_cannot_break_out_of_its_header),
        cmocka_unit_test(ch_2_the_answer_is_a_handle_or_says_what_next),
    };

    return cmocka_run_group_tests(tests, NULL, finish);
}
