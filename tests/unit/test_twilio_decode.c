/*
 * What comes from Twilio: is it Twilio, and what does it mean? Messages, files, the stop that
 * the provider saw itself, senders whom nobody answers, statuses, and nonsense.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/support/shared_data.h"
#include "webhooks/event_json.h"
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

/* --- signatures ----------------------------------------------------------------------------
 */

static bool verifies(const char *token, const char *signature, const char *url,
                     const char *body)
{
    struct form form;

    assert_true(form_read(&arena, str_from(body), &form, &err));
    return twilio_verify(&arena, str_from(token), str_from(signature), str_from(url), &form);
}

static void ch_4_a_signature_is_over_our_address_and_every_field(void **state)
{
    (void)state;
    static const char url[] = "https://mycompany.com/myapp.php?foo=1&bar=2";
    static const char body[] = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&"
                               "From=%2B14158675309&To=%2B18005551212";
    static const char signature[] = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    assert_true(verifies("12345", signature, url, body));
    assert_false(verifies("12346", signature, url, body));
    assert_false(verifies("", signature, url, body));
    assert_false(verifies("12345", "", url, body));
    assert_false(verifies("12345", signature, "https://mycompany.com/myapp.php?foo=1", body));
    assert_false(
        verifies("12345", signature, "http://mycompany.com/myapp.php?foo=1&bar=2", body));
    assert_false(verifies("12345", signature, url, "CallSid=CA1234567890ABCDE"));
    assert_false(verifies("12345", signature, url,
                          "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&"
                          "From=%2B14158675309&To=%2B18005551212&More="));
    assert_true(
        verifies("12345", signature, "https://mycompany.com:1234/myapp.php?foo=1&bar=2", body));
    assert_false(verifies("12345", signature, "", body));
    assert_false(verifies("12345", signature, "mycompany.com", body));
}

/* --- the provider's own vectors ----------------------------------------------------------- */

struct vector {
    struct str token, signature, url, body;
    bool is_json;
};

static bool judge(const struct vector *vector)
{
    struct form form;

    if (vector->is_json) {
        return twilio_verify_body(&arena, vector->token, vector->signature, vector->url,
                                  vector->body);
    }
    assert_true(form_read(&arena, vector->body, &form, &err));
    return twilio_verify(&arena, vector->token, vector->signature, vector->url, &form);
}

static struct vector read_vector(const json_t *object)
{
    return (struct vector){
        .token = json_text(&arena, object, "auth_token"),
        .signature = json_text(&arena, object, "signature"),
        .url = json_text(&arena, object, "url"),
        .body = json_text(&arena, object, "body"),
        .is_json = str_eq(json_text(&arena, object, "content_type"), STR("application/json")),
    };
}

static struct str changed(struct str text, size_t at)
{
    char *copy = arena_alloc(&arena, text.len + 1);

    memcpy(copy, text.at, text.len);
    copy[at] = copy[at] == 'A' ? 'B' : 'A';
    return (struct str){copy, text.len};
}

/* Everything that the signature is over, a little different. */
static void assert_tampered_fails(const struct vector *right)
{
    struct vector wrong = *right;

    for (size_t i = 0; i < right->signature.len; i++) {
        wrong.signature = changed(right->signature, i);
        assert_false(judge(&wrong));
    }
    wrong.signature = str_slice(right->signature, 0, right->signature.len - 1);
    assert_false(judge(&wrong));
    wrong = *right;
    wrong.url = arena_concat(&arena, right->url, STR("x"));
    assert_false(judge(&wrong));
    wrong.url = changed(right->url, str_find(right->url, STR("://")) + 3);
    assert_false(judge(&wrong));
    wrong = *right;
    wrong.body = arena_concat(&arena, right->body, STR("&Body=more"));
    assert_false(judge(&wrong));
    wrong = *right;
    wrong.token = changed(right->token, 0);
    assert_false(judge(&wrong));
}

static void ch_4_all_of_twilio_s_vectors_are_judged_right_and_tampered_ones_fail(void **state)
{
    (void)state;
    OWNED_JSON(vectors) = NULL;
    size_t i, n = 0;
    json_t *object;
    if (!shared_is_here(&arena))
        return;
    struct str text = shared_file(&arena, "providers/signature-vectors.json");
    assert_true(json_read(text, &vectors, &err));
    const json_t *twilio = json_object_in(json_object_in(vectors, "schemes"), "twilio");
    json_array_foreach((json_t *)json_array_in(twilio, "vectors"), i, object)
    {
        struct vector vector = read_vector(object);
        bool valid = json_bool(object, "valid", false);
        if (judge(&vector) != valid)
            fail_msg("%.*s", STR_ARG(json_text(&arena, object, "name")));
        if (valid)
            assert_tampered_fails(&vector);
        n++;
    }
    assert_true(n >= 29);
}

/* Our own, made with `openssl dgst -sha1 -hmac`, for where the vectors are not. */
static void ch_4_a_json_body_is_signed_by_its_hash_in_the_address(void **state)
{
    (void)state;
    struct vector vector = {
        .token = STR("a token of ours"),
        .url = STR("https://parley.example/webhooks/twilio?bodySHA256="
                   "f9d86028c6e0d64e225186f96acb69338b2c59764df79162107f5c4bb34d1310"),
        .signature = STR("S/4CWTIj8LAotkKotz6oxHFj1BQ="),
        .body = STR("{\"a\": 1}"),
        .is_json = true,
    };
    assert_true(judge(&vector));
    assert_tampered_fails(&vector);
    vector.url = STR("https://parley.example/webhooks/twilio");
    assert_false(judge(&vector));
}

static void ch_4_a_form_is_signed_whatever_fields_are_new_empty_or_repeated(void **state)
{
    (void)state;
    struct vector vector = {
        .token = STR("a token of ours"),
        .url = STR("https://parley.example/webhooks/twilio?shop='lark'"),
        .signature = STR("rdiv/Yn8CYrkf9jTrvw6LQF/D24="),
        .body = STR("Zulu=&Body=caf%C3%A9+%2B+more&New%5B%5D=2&New%5B%5D=1&New%5B%5D=2"),
    };
    assert_true(judge(&vector));
    assert_tampered_fails(&vector);
}

/* Whoever has one request of Twilio's puts all its text into one field, ends that with a NUL,
 * and says something else behind it. */
static void ch_4_no_byte_ends_what_is_signed(void **state)
{
    static const char url[] = "https://mycompany.com/myapp.php?foo=1&bar=2";
    static const char signature[] = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    static const char all[] = "CallSidCA1234567890ABCDECaller%2B14158675309Digits1234"
                              "From%2B14158675309To%2B18005551212";
    char body[400];

    (void)state;
    (void)snprintf(body, sizeof body, "%s=", all);
    assert_true(verifies("12345", signature, url, body)); /* the scheme cannot tell it apart */
    (void)snprintf(body, sizeof body, "%s=%%00&From=%%2B15550100001&Body=STOP", all);
    assert_false(verifies("12345", signature, url, body));
    (void)snprintf(body, sizeof body, "%s%%00=x&From=%%2B15550100001", all);
    assert_false(verifies("12345", signature, url, body));
    (void)snprintf(body, sizeof body, "%s=&X=%%00", all);
    assert_false(verifies("12345", signature, url, body));
}

/* --- messages ----------------------------------------------------------------------------- */

#define TO "&To=%2B15550100101&From=%2B15550100001"

static struct inbound_batch read(const char *body)
{
    struct form form;
    struct inbound_batch batch;

    assert_true(form_read(&arena, str_from(body), &form, &err));
    if (!twilio_decode(&arena, &form, &batch, &err))
        fail_msg("%s", err.text);
    assert_true(batch.n > 0);
    return batch;
}

static void assert_str(struct str is, const char *wanted)
{
    if (!str_eq(is, str_from(wanted)))
        fail_msg("'%.*s' is not '%s'", STR_ARG(is), wanted);
}

static void ch_4_a_text_is_an_event_with_its_number_and_service(void **state)
{
    (void)state;
    struct inbound_batch batch =
        read("MessageSid=SM1" TO "&Body=Where+is+%231001%3F+%F0%9F%93%A6&NumMedia=0"
             "&MessagingServiceSid=MG1&FromCity=OAKLAND&SomethingNew=1");
    const struct event *event = batch.events;
    assert_int_equal(batch.n, 1);
    assert_int_equal(event->kind, EVENT_TEXT);
    assert_str(event->id, "SM1");
    assert_str(event->account, "+15550100101");
    assert_str(event->business, "MG1");
    assert_str(person_address(&event->from), "+15550100001");
    assert_str(event->text, "Where is #1001? 📦");
    assert_false(event->doubtful);
}

static void ch_4_each_file_of_an_mms_is_an_event_and_the_words_are_said_once(void **state)
{
    (void)state;
    struct inbound_batch batch =
        read("MessageSid=MM1" TO "&Body=broken&NumMedia=4"
             "&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2F2010-04-01%2FAccounts%2FAC1%2FMessages"
             "%2FMM1%2FMedia%2FME1&MediaContentType0=image%2Fjpeg"
             "&MediaUrl1=https%3A%2F%2Fapi.twilio.com%2Fx%2FMessages%2FMM1%2FMedia%2FME2"
             "&MediaContentType1=application%2Fsmil"
             "&MediaUrl2=http%3A%2F%2F169.254.169.254%2FMessages%2FMM1%2FMedia%2FME3%2F..%2Fx"
             "&MediaContentType2=application%2Fpdf"
             "&MediaUrl3=https%3A%2F%2Fapi.twilio.com%2Fx%2FMessages%2FMM1%2FMedia%2FME4"
             "&MediaContentType3=audio%2Famr");
    assert_int_equal(batch.n, 3);
    static const char *const ids[] = {"MM1", "MM1:1", "MM1:2"};
    static const char *const handles[] = {"MM1/ME1", "", "MM1/ME4"};
    static const enum media_kind kinds[] = {MEDIA_IMAGE, MEDIA_DOCUMENT, MEDIA_AUDIO};
    for (size_t i = 0; i < COUNTOF(ids); i++) {
        const struct event *event = &batch.events[i];
        assert_int_equal(event->kind, EVENT_MEDIA);
        assert_str(event->id, ids[i]);
        assert_str(event->media->id, handles[i]);
        assert_int_equal(event->media->kind, kinds[i]);
        assert_str(event->text, i == 0 ? "broken" : "");
        assert_str(event->media->caption, i == 0 ? "broken" : "");
    }
}

/* More than there are, fewer than are said, no number at all: what is there counts. */
static void files_that_are_only_said_to_be_there_are_none(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "MessageSid=MM1" TO "&Body=hi&NumMedia=3",
        "MessageSid=MM1" TO "&Body=hi&NumMedia=-1&MediaUrl0=x",
        "MessageSid=MM1" TO "&Body=hi&NumMedia=many&MediaUrl0=x",
        "MessageSid=MM1" TO "&Body=hi&NumMedia=99999999999999999999&MediaUrl0=x",
        "MessageSid=MM1" TO "&Body=hi&MediaUrl0=x",
    };
    for (size_t i = 0; i < COUNTOF(bodies); i++) {
        struct inbound_batch batch = read(bodies[i]);
        assert_int_equal(batch.n, 1);
        assert_int_equal(batch.events->kind, EVENT_TEXT);
        assert_str(batch.events->text, "hi");
    }
    assert_int_equal(read("MessageSid=MM1" TO "&NumMedia=9223372036854775807"
                          "&MediaUrl0=x&MediaUrl11=x")
                         .n,
                     1);
}

static void ch_4_a_stop_that_twilio_answered_is_kept_and_not_answered_again(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum event_kind kind;
        const char *detail;
    } cases[] = {
        {"STOP",  EVENT_PREFERENCE, "stop"       },
        {"START", EVENT_PREFERENCE, "resume"     },
        {"HELP",  EVENT_OTHER,      "twilio.help"},
        {"NEW",   EVENT_OTHER,      "twilio.help"},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct inbound_batch batch = read(
            arena_format(&arena, "MessageSid=SM1%s&Body=Basta&OptOutType=%s", TO, cases[i].type)
                .at);
        assert_int_equal(batch.n, 1);
        assert_int_equal(batch.events->kind, cases[i].kind);
        assert_str(batch.events->detail, cases[i].detail);
        assert_str(batch.events->text, "Basta");
        assert_str(person_address(&batch.events->from), "+15550100001");
    }
    assert_int_equal(read("MessageSid=SM1" TO "&Body=STOP&OptOutType=").events->kind,
                     EVENT_TEXT);
}

static void ch_4_who_cannot_be_answered_by_sms_is_recorded_and_nothing_more(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const char *detail;
        const char *name;
    } cases[] = {
        {"whatsapp%3A%2B15550100001", "whatsapp%3A%2B15550100101", "twilio.whatsapp",
         "+15550100001"                                                                               },
        {"%2B15550100001",            "whatsapp%3A%2B15550100101", "twilio.whatsapp",   "+15550100001"},
        {"32665",                     "%2B15550100101",            "twilio.short_code", "32665"       },
        {"Poczta",                    "%2B15550100101",            "twilio.name",       "Poczta"      },
        {"rcs%3Aagent_1",             "%2B15550100101",            "twilio.channel",    "agent_1"     },
        {"%2B1555x",                  "%2B15550100101",            "twilio.name",       "+1555x"      },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct inbound_batch batch =
            read(arena_format(&arena,
                              "MessageSid=SM1&From=%s&To=%s&Body=hello&NumMedia=1"
                              "&MediaUrl0=x",
                              cases[i].from, cases[i].to)
                     .at);
        assert_int_equal(batch.n, 1);
        assert_int_equal(batch.events->kind, EVENT_OTHER);
        assert_false(event_is_message(batch.events->kind));
        assert_str(batch.events->detail, cases[i].detail);
        assert_str(batch.events->account, "+15550100101");
        assert_str(batch.events->from.name, cases[i].name);
        assert_int_equal(person_address(&batch.events->from).len, 0);
    }
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "MessageSid=SM1&To=%2B15550100101",
        "MessageSid=SM1&From=%2B15550100101",
        "Body=hi" TO,
        "MessageSid=" TO,
        "MessageSid=SM1&From=%2B15550100101&To=whatsapp%3A",
        "MessageSid="
        "SM1234567890123456789012345678901234567890123456789012345678901234567890" TO,
    };
    for (size_t i = 0; i < COUNTOF(bodies); i++) {
        struct form form;
        struct inbound_batch batch;
        assert_true(form_read(&arena, str_from(bodies[i]), &form, &err));
        assert_false(twilio_decode(&arena, &form, &batch, &err));
        assert_int_equal(err.code, ERR_REJECT);
    }
}

static void a_message_of_bad_bytes_is_readable_all_the_same(void **state)
{
    (void)state;
    struct inbound_batch batch = read("MessageSid=SM%FF" TO "&Body=a%00b%C3%28");
    assert_true(str_is_utf8(batch.events->id) && str_is_utf8(batch.events->text));
}

static struct str example(const json_t *all, const char *name)
{
    return json_text(&arena, json_object_in(json_object_in(all, "twilio"), name), "body");
}

static void ch_4_every_example_of_an_inbound_message_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t n;
        enum event_kind kind;
    } cases[] = {
        {"inbound_sms",                   1, EVENT_TEXT      },
        {"inbound_sms_messaging_service", 1, EVENT_TEXT      },
        {"inbound_mms_two_media",         2, EVENT_MEDIA     },
        {"opt_out",                       1, EVENT_PREFERENCE},
        {"opt_in",                        1, EVENT_PREFERENCE},
        {"help",                          1, EVENT_OTHER     },
        {"inbound_whatsapp",              1, EVENT_OTHER     },
        {"inbound_whatsapp_button",       1, EVENT_OTHER     },
    };
    OWNED_JSON(all) = NULL;
    if (!shared_is_here(&arena))
        return;
    assert_true(json_read(shared_file(&arena, "providers/webhook-examples.json"), &all, &err));
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str body = example(all, cases[i].name);
        assert_true(body.len > 0);
        struct inbound_batch batch = read(arena_cstr(&arena, body));
        assert_int_equal(batch.n, cases[i].n);
        for (size_t k = 0; k < batch.n; k++) {
            assert_int_equal(batch.events[k].kind, cases[i].kind);
            assert_true(batch.events[k].media == NULL || batch.events[k].media->id.len > 0);
            assert_true(event_to_json(&arena, &batch.events[k]).len > 0);
        }
    }
}

/* --- statuses ----------------------------------------------------------------------------- */

static struct event decoded(const char *body)
{
    struct form form;
    struct event event;

    assert_true(form_read(&arena, str_from(body), &form, &err));
    assert_true(twilio_decode_status(&arena, &form, STR("p1.k.1"), &event, &err));
    return event;
}

static void ch_4_a_callback_becomes_a_status(void **state)
{
    (void)state;
    static const struct {
        const char *status;
        enum delivery wanted;
    } cases[] = {
        {"queued",      DELIVERY_SENT     },
        {"accepted",    DELIVERY_SENT     },
        {"sending",     DELIVERY_SENT     },
        {"sent",        DELIVERY_SENT     },
        {"delivered",   DELIVERY_DELIVERED},
        {"read",        DELIVERY_READ     },
        {"undelivered", DELIVERY_FAILED   },
        {"failed",      DELIVERY_FAILED   },
        {"canceled",    DELIVERY_FAILED   },
        {"new word",    DELIVERY_SENT     },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct event event =
            decoded(arena_format(&arena,
                                 "MessageSid=SM1&MessageStatus=%s&From=%%2B15550100101&"
                                 "To=%%2B15550100001&ErrorCode=30003",
                                 cases[i].status)
                        .at);
        assert_int_equal(event.kind, EVENT_STATUS);
        assert_int_equal(event.status, cases[i].wanted);
        assert_true(str_eq(event.account, STR("+15550100101")));
        assert_true(str_eq(event.context, STR("SM1")));
        assert_true(str_eq(event.key, STR("p1.k.1")));
        assert_int_equal(event.error, 30003);
    }
}

static void a_crooked_callback_is_refused(void **state)
{
    (void)state;
    struct form form;
    struct event event;
    char *many = arena_alloc(&arena, 5000);
    assert_true(form_read(&arena, STR("MessageSid=SM1"), &form, &err));
    assert_false(twilio_decode_status(&arena, &form, STR_NONE, &event, &err));
    assert_true(form_read(&arena, STR(""), &form, &err));
    assert_int_equal(form.n, 0);
    assert_true(form_read(&arena, STR("&&=&a&=b&a=%00"), &form, &err));
    assert_false(form_read(&arena, STR("a=%"), &form, &err));
    assert_false(form_read(&arena, STR("a=%4"), &form, &err));
    assert_false(form_read(&arena, STR("a=%zz"), &form, &err));
    memset(many, '&', 5000);
    assert_false(form_read(&arena, (struct str){many, 5000}, &form, &err));
    event = decoded("MessageSid=SM1&MessageStatus=failed&ErrorCode=99999999999999999999");
    assert_int_equal(event.error, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_4_a_signature_is_over_our_address_and_every_field),
        cmocka_unit_test(ch_4_all_of_twilio_s_vectors_are_judged_right_and_tampered_ones_fail),
        cmocka_unit_test(ch_4_a_json_body_is_signed_by_its_hash_in_the_address),
        cmocka_unit_test(ch_4_a_form_is_signed_whatever_fields_are_new_empty_or_repeated),
        cmocka_unit_test(ch_4_no_byte_ends_what_is_signed),
        cmocka_unit_test(ch_4_a_text_is_an_event_with_its_number_and_service),
        cmocka_unit_test(ch_4_each_file_of_an_mms_is_an_event_and_the_words_are_said_once),
        cmocka_unit_test(files_that_are_only_said_to_be_there_are_none),
        cmocka_unit_test(ch_4_a_stop_that_twilio_answered_is_kept_and_not_answered_again),
        cmocka_unit_test(ch_4_who_cannot_be_answered_by_sms_is_recorded_and_nothing_more),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(a_message_of_bad_bytes_is_readable_all_the_same),
        cmocka_unit_test(ch_4_every_example_of_an_inbound_message_is_understood),
        cmocka_unit_test(ch_4_a_callback_becomes_a_status),
        cmocka_unit_test(a_crooked_callback_is_refused),
    };
    return cmocka_run_group_tests(tests, start, teardown);
}
