/* What goes to Twilio, byte by byte, and what is refused before it could. */
#include "webhooks/twilio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SID "AC0123456789abcdef0123456789abcdef"

static struct arena arena;
static struct err err;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const struct twilio_sender sender = {
    .base = {"https://api.twilio.com",                        22},
    .account_sid = {SID,                                             34},
    .auth_token = {"token",                                         5 },
    .callback = {"https://parley.example/webhooks/twilio/status", 45},
};

/* With a face that is the reply's words as they are when it is asked for. */
static struct outbound to_ana(const struct reply *reply)
{
    struct face *face = arena_new(&arena, struct face);

    face->text = reply->body;
    return (struct outbound){.key = STR("p1.0192.7"),
                             .face = face,
                             .account = STR("+15550100101"),
                             .to = {.phone = STR("+15550100001")},
                             .reply = reply};
}

static struct str body_of(const struct reply *reply)
{
    struct outbound message = to_ana(reply);
    struct http_request request;

    if (!twilio_encode(&arena, &sender, &message, &request, &err))
        fail_msg("%s", err.text);
    return request.body;
}

/* The field as Twilio would read it. */
static struct str field(const struct reply *reply, const char *name)
{
    struct form form;

    assert_true(form_read(&arena, body_of(reply), &form, &err));
    return form_get(&form, name);
}

static void assert_str(struct str is, const char *wanted)
{
    if (!str_eq(is, str_from(wanted)))
        fail_msg("%.*s is not %s", STR_ARG(is), wanted);
}

static void ch_4_a_message_is_a_form_with_our_key_in_its_callback(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("Your code is 123456 & more")};
    struct outbound message = to_ana(&reply);
    struct http_request request;
    assert_true(twilio_encode(&arena, &sender, &message, &request, &err));
    assert_string_equal(request.method, "POST");
    assert_str(request.url, "https://api.twilio.com/2010-04-01/Accounts/" SID "/Messages.json");
    assert_false(request.repeatable);
    assert_int_equal(request.n_headers, 2);
    assert_str(request.headers[0].name, "Authorization");
    assert_str(request.headers[0].value,
               "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0b2tlbg==");
    assert_str(request.body,
               "To=%2B15550100001&From=%2B15550100101&Body=Your%20code%20is%20123456%20%26%20"
               "more&StatusCallback=https%3A%2F%2Fparley.example%2Fwebhooks%2Ftwilio%2Fstatus"
               "%3Fkey%3Dp1.0192.7");
}

static void the_doctor_asks_who_we_are(void **state)
{
    (void)state;
    struct http_request request;
    assert_true(twilio_encode_whoami(&arena, &sender, &request, &err));
    assert_string_equal(request.method, "GET");
    assert_str(request.url, "https://api.twilio.com/2010-04-01/Accounts/" SID ".json");
    assert_int_equal(request.n_headers, 1);
    assert_true(request.repeatable);
}

static void every_language_arrives_as_it_was_written(void **state)
{
    (void)state;
    static const char *const words[] = {"رمزك هو 123456", "Twój kod: 123456. Żółć",
                                        "¿Tu código? 123456", "100% + 1 = \"x\" 👍"};
    for (size_t i = 0; i < COUNTOF(words); i++) {
        struct reply reply = {.kind = REPLY_TEXT, .body = str_from(words[i])};
        assert_str(field(&reply, "Body"), words[i]);
    }
}

static void words_are_cut_to_twilio_s_limit(void **state)
{
    (void)state;
    char *text = arena_alloc(&arena, 4000);
    memset(text, 'x', 4000);
    struct reply reply = {
        .kind = REPLY_TEXT, .body = {text, 4000}
    };
    assert_int_equal(str_length(field(&reply, "Body")), TWILIO_BODY_MAX);
}

static void a_messaging_service_sends_too(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("hi")};
    struct outbound message = to_ana(&reply);
    struct http_request request;
    message.account = STR("MG0123456789abcdef0123456789abcdef");
    assert_true(twilio_encode(&arena, &sender, &message, &request, &err));
    assert_true(str_find(request.body, STR("&MessagingServiceSid=MG0123")) < request.body.len);
    assert_true(str_find(request.body, STR("From=")) == request.body.len);
}

static void neither_a_callback_nor_an_end_is_asked_for_in_vain(void **state)
{
    (void)state;
    struct twilio_sender quiet = sender;
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("hi")};
    struct outbound message = to_ana(&reply);
    struct http_request request;
    quiet.callback = STR_NONE;
    message.good_for = 90 * USEC_PER_SEC + 1;
    assert_true(twilio_encode(&arena, &quiet, &message, &request, &err));
    assert_str(request.body, "To=%2B15550100001&From=%2B15550100101&Body=hi&ValidityPeriod=91");
    message.good_for = 40 * USEC_PER_DAY;
    assert_true(twilio_encode(&arena, &quiet, &message, &request, &err));
    assert_str(request.body,
               "To=%2B15550100001&From=%2B15550100101&Body=hi&ValidityPeriod=36000");
    message.good_for = 0;
    assert_true(twilio_encode(&arena, &quiet, &message, &request, &err));
    assert_str(request.body, "To=%2B15550100001&From=%2B15550100101&Body=hi");
}

static void refused(const struct twilio_sender *who, const struct outbound *message)
{
    struct http_request request;

    err = (struct err){0};
    assert_false(twilio_encode(&arena, who, message, &request, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_null(strstr(err.text, "15550100001")); /* no number in an error */
    assert_null(strstr(err.text, "token\r"));
}

static void what_would_break_is_refused(void **state)
{
    (void)state;
    static const char *const numbers[] = {"",
                                          "15550100001",
                                          "+1555",
                                          "+0555010000",
                                          "+1555010000a",
                                          "+15550100001\r\nX: y",
                                          "whatsapp:+15550100001",
                                          "US.1349"};
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("hi")};
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        struct outbound message = to_ana(&reply);
        message.to.phone = str_from(numbers[i]);
        refused(&sender, &message);
        message = to_ana(&reply);
        message.account = str_from(numbers[i]);
        refused(&sender, &message);
    }
    struct outbound message = to_ana(&reply);
    struct twilio_sender bad = sender;
    bad.account_sid = STR("AC0123/../../x");
    refused(&bad, &message);
    bad = sender;
    bad.auth_token = STR("token\r\nX-Evil: 1");
    refused(&bad, &message);
    bad = sender;
    bad.base = STR("ftp://api.twilio.com");
    refused(&bad, &message);
    reply.body = STR(" \n ");
    message = to_ana(&reply);
    refused(&sender, &message);
    message.face = NULL;
    refused(&sender, &message);
}

static void ch_4_words_are_written_in_the_cheapest_way_and_their_segments_counted(void **state)
{
    (void)state;
    char *many = arena_alloc(&arena, 5001);
    struct reply reply = {.kind = REPLY_TEXT,
                          .body = STR("Zamówienie jest w drodze – doręczymy je w środę między "
                                      "ósmą a szesnastą.")};
    struct outbound message = to_ana(&reply);
    struct twilio_sender plain = sender;
    struct http_request request;
    struct form form;
    plain.plain_letters = true;
    assert_true(twilio_encode(&arena, &plain, &message, &request, &err));
    assert_int_equal(request.cost, 1);
    assert_true(form_read(&arena, request.body, &form, &err));
    assert_str(form_get(&form, "Body"), "Zamowienie jest w drodze - doreczymy je w "
                                        "srode miedzy osma a szesnasta.");
    assert_true(twilio_encode(&arena, &sender, &message, &request, &err));
    assert_int_equal(request.cost, 2);
    memset(many, 'x', 5000);
    reply.body = (struct str){many, 5000};
    message = to_ana(&reply);
    assert_true(twilio_encode(&arena, &sender, &message, &request, &err));
    assert_int_equal(request.cost, 11); /* the cut's ellipsis does not make it 24 */
    assert_true(form_read(&arena, request.body, &form, &err));
    assert_int_equal(str_length(form_get(&form, "Body")), TWILIO_BODY_MAX);
    assert_true(str_ends(form_get(&form, "Body"), STR("x...")));
}

static void ch_4_a_picture_goes_along_where_carriers_take_it(void **state)
{
    (void)state;
    static const struct {
        const char *account, *to;
        bool mms, goes;
    } cases[] = {
        {"+15550100101",  "+15550100001", true,  true },
        {"MG0123456789",  "+15550100001", true,  true },
        {"+15550100101",  "+15550100001", false, false},
        {"+15550100101",  "+48600100200", true,  false},
        {"+353155501010", "+15550100001", true,  false},
        {"MG0123456789",  "+48600100200", true,  false},
    };
    struct reply reply = {.kind = REPLY_IMAGE,
                          .body = STR("Before"),
                          .url = STR("https://shop.example/a.jpg?x=1&y=2")};
    struct face face = {.text = STR("Before\nhttps://shop.example/a.jpg?x=1&y=2\nLark")};
    struct outbound message = to_ana(&reply);
    struct twilio_sender with = sender;
    struct http_request request;
    struct form form;
    message.face = &face;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        message.account = str_from(cases[i].account);
        message.to.phone = str_from(cases[i].to);
        with.mms = cases[i].mms;
        assert_true(twilio_encode(&arena, &with, &message, &request, &err));
        assert_true(form_read(&arena, request.body, &form, &err));
        assert_str(form_get(&form, "MediaUrl"),
                   cases[i].goes ? "https://shop.example/a.jpg?x=1&y=2" : "");
        assert_str(form_get(&form, "Body"),
                   cases[i].goes ? "Before\nLark"
                                 : "Before\nhttps://shop.example/a.jpg?x=1&y=2\nLark");
    }
    /* a picture may go without words; a link is no picture; a file of ours has no address */
    reply.body = STR("");
    message = to_ana(&reply);
    with.mms = true;
    assert_true(twilio_encode(&arena, &with, &message, &request, &err));
    assert_int_equal(str_find(request.body, STR("Body=")), request.body.len);
    reply.kind = REPLY_LINK;
    reply.body = STR("Pay");
    message = to_ana(&reply);
    assert_true(twilio_encode(&arena, &with, &message, &request, &err));
    assert_int_equal(str_find(request.body, STR("MediaUrl=")), request.body.len);
    reply = (struct reply){.kind = REPLY_DOCUMENT, .document = STR("0192"), .body = STR("x")};
    message = to_ana(&reply);
    assert_true(twilio_encode(&arena, &with, &message, &request, &err));
    assert_int_equal(str_find(request.body, STR("MediaUrl=")), request.body.len);
}

/* A file that we keep is fetched by an address of its own; the words do not name it, or name a
 * shorter one. */
static void ch_4_a_kept_file_goes_as_mms_while_it_is_small(void **state)
{
    (void)state;
    static const struct {
        const char *mime;
        int64_t size;
        bool goes;
    } cases[] = {
        {"image/jpeg",      5 << 20,         true },
        {"image/png",       (5 << 20) + 1,   false},
        {"application/pdf", 500 << 10,       true },
        {"application/pdf", (500 << 10) + 1, false},
    };
    struct reply reply = {.kind = REPLY_IMAGE,
                          .body = STR("Before"),
                          .document = STR("0192"),
                          .url = STR("https://p.example/s/abc")};
    struct face face = {.text = STR("Before\nhttps://p.example/s/abc")};
    struct attachment file = {.url = STR("https://p.example/f/abcdefgh")};
    struct outbound message = to_ana(&reply);
    struct twilio_sender with = sender;
    struct http_request request;
    struct form form;

    with.mms = true;
    message.face = &face;
    message.attachment = &file;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        file.mime = str_from(cases[i].mime);
        file.size = cases[i].size;
        assert_true(twilio_encode(&arena, &with, &message, &request, &err));
        assert_true(form_read(&arena, request.body, &form, &err));
        assert_str(form_get(&form, "MediaUrl"),
                   cases[i].goes ? "https://p.example/f/abcdefgh" : "");
        assert_str(form_get(&form, "Body"),
                   cases[i].goes ? "Before" : "Before\nhttps://p.example/s/abc");
    }
    file = (struct attachment){.mime = STR("image/png"), .size = 10}; /* no public address */
    assert_true(twilio_encode(&arena, &with, &message, &request, &err));
    assert_true(form_read(&arena, request.body, &form, &err));
    assert_str(form_get(&form, "MediaUrl"), "");
}

static void ch_6_the_face_is_what_is_said(void **state)
{
    (void)state;
    struct reply reply = {.kind = REPLY_TEXT, .body = STR("Body")};
    struct face face = {.text = STR(" Face ")};
    struct outbound message = to_ana(&reply);
    struct http_request request;
    struct form form;
    message.face = &face;
    assert_true(twilio_encode(&arena, &sender, &message, &request, &err));
    assert_true(form_read(&arena, request.body, &form, &err));
    assert_str(form_get(&form, "Body"), "Face");
    face.text = STR("\x18\u200b\n ");
    assert_false(twilio_encode(&arena, &sender, &message, &request, &err));
    face.text = STR(" ");
    assert_false(twilio_encode(&arena, &sender, &message, &request, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_4_words_are_written_in_the_cheapest_way_and_their_segments_counted),
        cmocka_unit_test(ch_4_a_picture_goes_along_where_carriers_take_it),
        cmocka_unit_test(ch_4_a_kept_file_goes_as_mms_while_it_is_small),
        cmocka_unit_test(ch_6_the_face_is_what_is_said),
        cmocka_unit_test(ch_4_a_message_is_a_form_with_our_key_in_its_callback),
        cmocka_unit_test(the_doctor_asks_who_we_are),
        cmocka_unit_test(every_language_arrives_as_it_was_written),
        cmocka_unit_test(words_are_cut_to_twilio_s_limit),
        cmocka_unit_test(a_messaging_service_sends_too),
        cmocka_unit_test(neither_a_callback_nor_an_end_is_asked_for_in_vain),
        cmocka_unit_test(what_would_break_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
