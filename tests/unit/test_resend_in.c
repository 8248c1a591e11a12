/* What Resend tells about our mails, and the mails that it hands out. */
#include "tests/support/shared_data.h"
#include "webhooks/resend_in.h"

#include "bot/base/crypto.h"
#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CONVERSATION "0198f2a0-1111-7222-8333-444455556666"

struct fixture {
    struct arena arena;
    struct inbound_batch batch;
    struct err err;
};

static const struct mail_rules rules = {
    {"support@in.shop.example", 23},
    {"",                        0 }
};
static const struct resend_reader reader = {
    {"https://api.resend.com", 22},
    {"re_1",                   4 }
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){0};
    *state = &fixture;
    return crypto_init(&fixture.err) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_finish(&f->arena);
    return 0;
}

static void is(struct str text, const char *wanted)
{
    if (!str_eq(text, str_from(wanted)))
        fail_msg("<%.*s> instead of <%s>", STR_ARG(text), wanted);
}

static struct resend_news news_of(struct fixture *f, const char *body)
{
    struct resend_news news;

    if (!resend_news(&f->arena, str_from(body), &news, &f->err))
        fail_msg("%s", f->err.text);
    return news;
}

/* --- our mails ---------------------------------------------------------------------------- */

static struct resend_news about(struct fixture *f, const char *type, const char *more)
{
    return news_of(
        f,
        arena_format(&f->arena,
                     "{\"type\":\"%s\",\"created_at\":\"2026-11-20T14:13:25.000Z\",\"data\":{"
                     "\"email_id\":\"5676\",\"created_at\":\"2026-11-20T14:13:20.000Z\","
                     "\"from\":\"Shop <Support@in.shop.example>\",\"to\":[\"Ana@Example.net\"],"
                     "\"tags\":{\"key\":\"p1_" CONVERSATION "_7\"}%s}}",
                     type, more)
            .at);
}

static void ch_5_what_became_of_our_mail_is_told_by_our_key(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *type, *more;
        enum delivery delivery;
        size_t n;
    } cases[] = {
        {"email.sent",             "",                                        DELIVERY_SENT,      1},
        {"email.delivered",        "",                                        DELIVERY_DELIVERED, 1},
        {"email.delivery_delayed", "",                                        DELIVERY_SENT,      1},
        {"email.failed",           ",\"failed\":{\"reason\":\"quota\"}",      DELIVERY_FAILED,    1},
        {"email.complained",       "",                                        DELIVERY_DELIVERED, 2},
        {"email.suppressed",       ",\"suppressed\":{\"type\":\"X\"}",        DELIVERY_FAILED,    2},
        {"email.bounced",          ",\"bounce\":{\"type\":\"Permanent\"}",    DELIVERY_FAILED,    2},
        {"email.bounced",          ",\"bounce\":{\"type\":\"Transient\"}",    DELIVERY_FAILED,    1},
        {"email.bounced",          ",\"bounce\":{\"type\":\"Undetermined\"}", DELIVERY_FAILED,    1},
        {"email.bounced",          "",                                        DELIVERY_FAILED,    1},
    };

    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct resend_news news = about(f, cases[i].type, cases[i].more);
        const struct event *event = news.batch.events;
        assert_int_equal(news.batch.n, cases[i].n);
        assert_int_equal(event->kind, EVENT_STATUS);
        assert_int_equal(event->status, cases[i].delivery);
        is(event->key, "p1." CONVERSATION ".7");
        is(event->account, "support@in.shop.example");
        is(event->from.email, "ana@example.net");
        is(event->context, "5676");
        assert_true(event->at == 1795184000 * USEC_PER_SEC);
        if (cases[i].n == 2) {
            assert_int_equal(event[1].kind, EVENT_PREFERENCE);
            is(event[1].detail, "stop");
            is(event[1].from.email, "ana@example.net");
        }
    }
}

static void ch_5_a_time_is_read_in_its_zone(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        usec_t at;
    } cases[] = {
        {"2026-11-20T14:13:20.000Z",      1795184000 * USEC_PER_SEC         },
        {"2026-11-20T15:13:20+01:00",     1795184000 * USEC_PER_SEC         },
        {"2026-11-20 06:13:20.25-0800",   1795184000 * USEC_PER_SEC + 250000},
        {"2026-11-20 14:13:20.000001+00", 1795184000 * USEC_PER_SEC + 1     },
        {"2026-11-20 14:13:20",           1795184000 * USEC_PER_SEC         },
        {"2026-02-30T14:13:20Z",          0                                 },
        {"2026-11-20T14:13:20+25:00",     0                                 },
        {"2026-11-20",                    0                                 },
        {"yesterday at a quarter to ten", 0                                 },
    };

    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const char *body = arena_format(&f->arena,
                                        "{\"type\":\"email.sent\",\"data\":{\"email_id\":\"1\","
                                        "\"created_at\":\"%s\"}}",
                                        cases[i].text)
                               .at;
        struct resend_news news = news_of(f, body);

        if (news.batch.events[0].at != cases[i].at)
            fail_msg("%s: %lld", cases[i].text, (long long)news.batch.events[0].at);
    }
}

static void ch_5_scanners_that_open_mails_count_for_nothing(void **state)
{
    assert_int_equal(about(*state, "email.opened", "").batch.n, 0);
    assert_int_equal(about(*state, "email.clicked", "").batch.n, 0);
    assert_int_equal(about(*state, "email.dreamt_of", "").batch.events[0].kind, EVENT_OTHER);
}

static void what_is_no_event_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{}",
                                         "{\"type\":\"email.sent\"}",
                                         "{\"type\":1,\"data\":{}}",
                                         "{\"type\":\"email.received\",\"data\":{}}"};
    struct resend_news news;

    for (size_t i = 0; i < COUNTOF(bodies); i++) {
        assert_false(resend_news(&f->arena, str_from(bodies[i]), &news, &f->err));
        assert_int_equal(f->err.code, ERR_REJECT);
    }
}

/* --- mail for us -------------------------------------------------------------------------- */

static void ch_5_a_received_mail_is_asked_for_by_its_id(void **state)
{
    struct fixture *f = *state;
    struct resend_news news = news_of(
        f, "{\"type\":\"email.received\",\"data\":{\"email_id\":\"a1-b2\",\"to\":[\"Shop "
           "<Support+T1@in.shop.example>\"],\"cc\":[\"x\"],\"received_for\":[]}}");
    struct http_request request;

    is(news.received, "a1-b2");
    assert_int_equal(news.n_sent_to, 1);
    is(news.sent_to[0], "support+t1@in.shop.example");
    assert_true(resend_encode_received(&f->arena, &reader, news.received, &request, &f->err));
    is(request.url, "https://api.resend.com/emails/receiving/a1-b2?html_format=cid");
    is(request.headers[0].value, "Bearer re_1");
    assert_true(request.repeatable && strcmp(request.method, "GET") == 0);
    assert_false(resend_encode_received(&f->arena, &reader, STR("../x"), &request, &f->err));
    assert_true(resend_encode_file(&f->arena, &reader, STR("a1/b2"), &request, &f->err));
    is(request.url, "https://api.resend.com/emails/receiving/a1/attachments/b2");
    assert_false(resend_encode_file(&f->arena, &reader, STR("a1"), &request, &f->err));
    assert_false(resend_encode_file(&f->arena, &reader, STR("a1/b/c"), &request, &f->err));
    assert_false(resend_encode_file(&f->arena, &reader, STR("a1/b?c"), &request, &f->err));
}

static void ch_5_resends_mail_gives_the_events_of_raw_mail(void **state)
{
    struct fixture *f = *state;
    static const char body[] =
        "{\"object\":\"email\",\"id\":\"a1-b2\",\"to\":[\"support+tok@in.shop.example\"],"
        "\"from\":\"Ana <Ana@example.net>\",\"subject\":\"Re: Order\",\"html\":\"<p>no</p>\","
        "\"text\":\"Broken.\\n\\nOn Fri, 20 Nov 2026 at 10:15, Shop <s@x.example> wrote:\\n> "
        "Ok?\","
        "\"headers\":{\"In-Reply-To\":\"<o@x.example>\",\"references\":[\"<n@x.example> "
        "<o@x.example>\"]},\"message_id\":\"<m@example.net>\",\"attachments\":["
        "{\"id\":\"f-1\",\"filename\":\"a.jpg\",\"content_type\":\"image/jpeg\",\"size\":90000,"
        "\"content_disposition\":\"inline\",\"content_id\":\"x\"},"
        "{\"id\":\"f-2\",\"filename\":\"logo.png\",\"content_type\":\"image/png\",\"size\":900,"
        "\"content_disposition\":\"inline\",\"content_id\":\"y\"},"
        "{\"id\":\"f-3\",\"filename\":null,\"content_type\":\"application/pdf\"}]}";

    assert_true(resend_decode_received(&f->arena, str_from(body), &rules, &f->batch, &f->err));
    assert_int_equal(f->batch.n, 2);
    const struct event *events = f->batch.events;
    is(events[0].id, "a1-b2");
    is(events[0].text, "Broken.");
    is(events[0].from.email, "ana@example.net");
    is(events[0].media->id, "a1-b2/f-1");
    is(events[0].context, "<o@x.example>");
    is(events[0].mail->token, "tok");
    is(events[0].mail->references, "<n@x.example> <o@x.example>");
    is(events[1].media->id, "a1-b2/f-3");
    is(events[1].id, "a1-b2:1");
    assert_true(events[0].doubtful);
}

static void ch_5_html_alone_and_broken_characters_are_read(void **state)
{
    struct fixture *f = *state;

    assert_true(resend_decode_received(
        &f->arena,
        STR("{\"id\":\"a\",\"from\":\"a@b.example\",\"text\":null,\"headers\":null,"
            "\"html\":\"<p>a\\u0000b \\ud83d c \\ud83d\\ude00 "
            "\\\\u0000</p>\",\"attachments\":null}"),
        &rules, &f->batch, &f->err));
    is(f->batch.events[0].text, "a\xef\xbf\xbd"
                                "b \xef\xbf\xbd c 😀 \\u0000");
}

static void ch_5_an_attachments_address_is_read(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct http_answer answer;
        enum err_code code;
    } cases[] = {
        {{HTTP_ANSWERED, 200, {"{\"download_url\":\"https://x/y\",\"size\":5}", 39}, 0},
         ERR_NONE                                                                                  },
        {{HTTP_ANSWERED, 404, {"{}", 2}, 0},                                             ERR_REJECT},
        {{HTTP_ANSWERED, 200, {"{}", 2}, 0},                                             ERR_RETRY },
        {{HTTP_ANSWERED, 200, {"{\"download_url\":\"a b\"}", 22}, 0},                    ERR_RETRY },
        {{HTTP_ANSWERED, 500, {"", 0}, 0},                                               ERR_RETRY },
        {{HTTP_UNKNOWN, 0, {"", 0}, 0},                                                  ERR_RETRY },
    };

    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct resend_file file;
        struct err err = {0};
        bool fine = resend_read_file(&f->arena, &cases[i].answer, &file, &err);
        assert_int_equal(fine ? ERR_NONE : err.code, cases[i].code);
    }
}

/* --- other people's ----------------------------------------------------------------------- */

static void published_webhooks_and_mails_are_read(void **state)
{
    struct fixture *f = *state;
    OWNED_JSON(doc) = NULL;
    const char *name;
    json_t *one;
    size_t n = 0;

    if (!shared_is_here(&f->arena))
        return;
    assert_true(
        json_read(shared_file(&f->arena, "providers/webhook-examples.json"), &doc, &f->err));
    json_object_foreach(json_object_get(doc, "resend"), name, one)
    {
        struct resend_news news;
        if (!resend_news(&f->arena, json_write(&f->arena, one), &news, &f->err))
            fail_msg("%s: %s", name, f->err.text);
        n++;
    }
    assert_true(n >= 10);
    for (size_t i = 0; i < 2; i++) {
        static const char *const files[] = {"data/resend/received-email.json",
                                            "data/resend/received-email-plain.json"};
        assert_true(resend_decode_received(&f->arena, shared_file(&f->arena, files[i]), &rules,
                                           &f->batch, &f->err));
        is(f->batch.events[0].text, "hello world");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_what_became_of_our_mail_is_told_by_our_key),
        cmocka_unit_test(ch_5_a_time_is_read_in_its_zone),
        cmocka_unit_test(ch_5_scanners_that_open_mails_count_for_nothing),
        cmocka_unit_test(what_is_no_event_is_refused),
        cmocka_unit_test(ch_5_a_received_mail_is_asked_for_by_its_id),
        cmocka_unit_test(ch_5_resends_mail_gives_the_events_of_raw_mail),
        cmocka_unit_test(ch_5_html_alone_and_broken_characters_are_read),
        cmocka_unit_test(ch_5_an_attachments_address_is_read),
        cmocka_unit_test(published_webhooks_and_mails_are_read),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
