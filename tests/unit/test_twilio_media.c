/* Files of an MMS: who is asked for them, and who gets the credentials. */
#include "webhooks/twilio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const struct twilio_sender sender = {
    .base = {"https://api.twilio.com", 22},
    .account_sid = {"AC01",                   4 },
    .auth_token = {"token",                  5 },
};

static void ch_4_a_file_is_asked_for_where_we_are_configured_and_nowhere_else(void **state)
{
    (void)state;
    struct http_request request;
    assert_true(twilio_encode_media(&arena, &sender, STR("MM01/ME01"), &request, &err));
    assert_true(str_eq(request.url, STR("https://api.twilio.com/2010-04-01/Accounts/AC01/"
                                        "Messages/MM01/Media/ME01")));
    assert_string_equal(request.method, "GET");
    assert_int_equal(request.n_headers, 1);
    assert_true(str_eq(request.headers[0].value, STR("Basic QUMwMTp0b2tlbg==")));
    assert_true(request.repeatable);
    static const char *const handles[] = {
        "",        "MM01",        "MM01/",      "/ME01",      "MM01/ME01/..",
        "../ME01", "MM01/ME01?x", "MM01/ME01#", "MM01/ME%2e", "https://evil.example/MM01/ME01"};
    for (size_t i = 0; i < COUNTOF(handles); i++) {
        assert_false(
            twilio_encode_media(&arena, &sender, str_from(handles[i]), &request, &err));
        assert_int_equal(err.code, ERR_REJECT);
    }
}

static void ch_4_where_a_file_lies_gets_no_credentials(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "https://mms.twiliocdn.com/AC01/x?Expires=1",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC01/x",
        "https://api.twilio.com/2010-04-01/Accounts/AC01/x",
        "https://media.twilio.com",
    };
    struct http_request request;
    for (size_t i = 0; i < COUNTOF(urls); i++) {
        assert_true(twilio_encode_file(&arena, &sender, str_from(urls[i]), &request, &err));
        assert_true(str_eq(request.url, str_from(urls[i])));
        assert_int_equal(request.n_headers, 0);
    }
}

static void ch_4_no_address_of_others_is_called(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "http://mms.twiliocdn.com/x",
        "https://169.254.169.254/latest",
        "https://localhost/",
        "https://twiliocdn.com.evil.example/x",
        "https://eviltwiliocdn.com/x",
        "https://mms.twiliocdn.com@evil.example/x",
        "https://evil.example/@mms.twiliocdn.com",
        "https://user:password@mms.twiliocdn.com/x",
        "https://mms.twiliocdn.com:8443/x",
        "https://evil.example\\.twiliocdn.com/x",
        "https://evil.example#.twiliocdn.com",
        "https://evil.example?.twiliocdn.com",
        "https://.twiliocdn.com\r\nX: y/",
        "file:///etc/passwd",
        "https://api.twilio.com.evil.example/x",
        "ftp://mms.twiliocdn.com/x",
    };
    struct http_request request;
    for (size_t i = 0; i < COUNTOF(urls); i++) {
        if (twilio_encode_file(&arena, &sender, str_from(urls[i]), &request, &err))
            fail_msg("%s", urls[i]);
        assert_int_equal(err.code, ERR_REJECT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_4_a_file_is_asked_for_where_we_are_configured_and_nowhere_else),
        cmocka_unit_test(ch_4_where_a_file_lies_gets_no_credentials),
        cmocka_unit_test(ch_4_no_address_of_others_is_called),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
