/* What a look-up says of a file, and where the token may go. */
#include "webhooks/whatsapp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

static bool read_answer(int status, const char *body, struct whatsapp_file *file,
                        enum err_code *code)
{
    struct http_answer answer = {
        .fate = HTTP_ANSWERED, .status = status, .body = str_from(body)};
    struct err err = {0};
    bool ok = whatsapp_read_file(&arena, &answer, file, &err);

    *code = err.code;
    return ok;
}

static void ch_1_a_look_up_tells_address_size_and_hash(void **state)
{
    (void)state;
    struct whatsapp_file file;
    enum err_code code;

    assert_true(
        read_answer(200,
                    "{\"messaging_product\":\"whatsapp\",\"url\":\"https://x.example/a\","
                    "\"mime_type\":\"image/jpeg\",\"sha256\":"
                    "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\","
                    "\"file_size\":303833,\"id\":\"1\"}",
                    &file, &code));
    assert_true(str_eq(file.url, STR("https://x.example/a")));
    assert_int_equal(file.size, 303833);
    assert_true(file.has_sha256);
    assert_int_equal(file.sha256.bytes[0], 0xe3);
    /* seen as text, too; and whatever is missing is just not said */
    assert_true(read_answer(200, "{\"url\":\"https://x.example/a\",\"file_size\":\"12\"}",
                            &file, &code));
    assert_int_equal(file.size, 12);
    assert_false(file.has_sha256);
    assert_true(
        read_answer(200, "{\"url\":\"https://x.example/a\",\"sha256\":\"xyz\"}", &file, &code));
    assert_int_equal(file.size, -1);
    assert_false(file.has_sha256);
}

static void ch_1_no_such_file_is_told_from_not_this_time(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum err_code code;
    } answers[] = {
        {404, "",                                                     ERR_REJECT},
        {400, "{\"error\":{\"code\":100,\"message\":\"no object\"}}", ERR_REJECT},
        {400, "{\"error\":{\"code\":80007}}",                         ERR_RETRY },
        {400, "{\"error\":{\"code\":4}}",                             ERR_RETRY },
        {400, "{\"error\":{\"code\":2,\"is_transient\":true}}",       ERR_RETRY },
        {400, "{\"error\":{\"code\":77,\"is_transient\":true}}",      ERR_RETRY },
        {400, "{\"error\":{\"code\":77}}",                            ERR_REJECT},
        {404, "{\"error\":{\"code\":100}}",                           ERR_REJECT},
        {401, "{\"error\":{\"code\":190}}",                           ERR_RETRY },
        {429, "",                                                     ERR_RETRY },
        {500, "{}",                                                   ERR_RETRY },
        {200, "",                                                     ERR_RETRY },
        {200, "[]",                                                   ERR_RETRY },
        {200, "{\"url\":\"\"}",                                       ERR_RETRY },
        {200, "<html>",                                               ERR_RETRY },
    };
    struct http_answer lost = {.fate = HTTP_UNKNOWN};
    struct whatsapp_file file;
    struct err err = {0};
    enum err_code code;

    for (size_t i = 0; i < COUNTOF(answers); i++) {
        assert_false(read_answer(answers[i].status, answers[i].body, &file, &code));
        assert_int_equal(code, answers[i].code);
    }
    assert_false(whatsapp_read_file(&arena, &lost, &file, &err));
    assert_int_equal(err.code, ERR_RETRY);
}

static bool may_fetch(const char *base, const char *url)
{
    struct whatsapp_sender other = {str_from(base), sender.token};
    struct http_request request;

    if (!whatsapp_encode_media_fetch(&arena, &other, str_from(url), &request, NULL))
        return false;
    assert_string_equal(request.method, "GET");
    assert_true(str_eq(request.url, str_from(url)));
    assert_true(request.repeatable);
    assert_true(str_eq(request.headers[0].value, STR("Bearer EAAB")));
    return true;
}

static void ops_7_the_token_goes_to_metas_hosts_and_nowhere_else(void **state)
{
    (void)state;
    static const char graph[] = "https://graph.facebook.com/v26.0";
    static const char *const others[] = {
        "https://evil.example/lookaside.fbsbx.com/",
        "https://lookaside.fbsbx.com.evil.example/x",
        "https://lookaside.fbsbx.com@evil.example/x",
        "https://lookaside.fbsbx.com:444/x",
        "https://lookaside.fbsbx.com",
        "http://lookaside.fbsbx.com/x",
        "https://graph.facebook.com.evil.example/x",
        "https://graph.facebook.com@evil.example/x",
        "https://graph.facebook.com:8443/x",
        "http://graph.facebook.com/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:5432/",
        "https://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://lookaside.fbsbx.com/x",
        "//lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com/x y",
        "https://lookaside.fbsbx.com/x\r\nX-Other: 1",
        "",
    };

    assert_true(
        may_fetch(graph, "https://lookaside.fbsbx.com/whatsapp_business/?mid=1&hash=a"));
    assert_true(may_fetch(graph, "https://graph.facebook.com/lookaside/1"));
    assert_true(may_fetch("http://127.0.0.1:8088/v26.0", "http://127.0.0.1:8088/lookaside/1"));
    assert_false(may_fetch("http://127.0.0.1:8088/v26.0", "http://127.0.0.1:80881/x"));
    for (size_t i = 0; i < COUNTOF(others); i++) {
        if (may_fetch(graph, others[i]))
            fail_msg("the token would go to %s", others[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_1_a_look_up_tells_address_size_and_hash),
        cmocka_unit_test(ch_1_no_such_file_is_told_from_not_this_time),
        cmocka_unit_test(ops_7_the_token_goes_to_metas_hosts_and_nowhere_else),
    };

    return cmocka_run_group_tests(tests, NULL, finish);
}
