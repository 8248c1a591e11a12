/* Mail over the wire: what it says, whom it is from, what comes along, and what is only made to
 * hurt. */
#include "tests/support/shared_data.h"
#include "webhooks/event_json.h"
#include "webhooks/mime.h"
#include "webhooks/mime_html.h"

#include "bot/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CONVERSATION "0198f2a0-1111-7222-8333-444455556666"
#define OUR_ID       "<p1." CONVERSATION ".7@shop.example>"
#define OUR_KEY      "p1." CONVERSATION ".7"
#define HEAD         "From: Ana <Ana@Example.NET>\r\nTo: support@in.shop.example\r\nSubject: Order\r\n"

#define RAW(bytes)                                                                             \
    {                                                                                          \
        "" bytes, sizeof(bytes) - 1                                                            \
    }

struct fixture {
    struct arena arena;
    struct inbound_batch batch;
    struct err err;
};

static const struct mail_rules rules = {
    {"support@in.shop.example", 23},
    {"mx.shop.example",         15}
};
static const struct mime_options options = {
    .rules = &rules, .handle = {"payload:x", 9}
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

static bool read_it(struct fixture *f, struct str raw)
{
    char *exact = arena_alloc(&f->arena, raw.len);

    if (raw.len > 0)
        memcpy(exact, raw.at, raw.len);
    return mime_decode(&f->arena, (struct str){exact, raw.len}, &options, &f->batch, &f->err);
}

static const struct event *only(struct fixture *f, const char *raw)
{
    if (!read_it(f, str_from(raw)))
        fail_msg("%s", f->err.text);
    assert_int_equal(f->batch.n, 1);
    return &f->batch.events[0];
}

static void is(struct str text, const char *wanted)
{
    if (!str_eq(text, str_from(wanted)))
        fail_msg("<%.*s> instead of <%s>", STR_ARG(text), wanted);
}

/* --- words -------------------------------------------------------------------------------- */

static void ch_5_a_plain_reply_is_its_visible_words(void **state)
{
    const struct event *event =
        only(*state, "From: =?utf-8?q?Ana_Garc=C3=ADa?= <Ana@Example.NET>\r\n"
                     "To: Shop <support+AbC234@in.shop.example>\r\nSubject: Re: Order 1001\r\n"
                     "Message-ID: <a1@mail.example.net>\r\nIn-Reply-To: " OUR_ID "\r\n"
                     "References: <z@shop.example> " OUR_ID "\r\n\r\n"
                     "Tomorrow, please.\r\n\r\nOn Fri, 20 Nov 2026 at 10:15, Shop "
                     "<support@in.shop.example> wrote:\r\n> When?\r\n");

    assert_int_equal(event->kind, EVENT_TEXT);
    is(event->text, "Tomorrow, please.");
    is(event->account, "support@in.shop.example");
    is(event->from.email, "ana@example.net");
    is(event->from.name, "Ana García");
    is(event->context, OUR_ID);
    is(event->mail->message_id, "<a1@mail.example.net>");
    is(event->mail->references, "<z@shop.example> " OUR_ID);
    is(event->mail->subject, "Re: Order 1001");
    is(event->mail->token, "abc234");
    assert_true(str_starts(event->mail->quoted, STR("On Fri, 20 Nov 2026")));
    assert_true(event->doubtful);
}

static void ch_5_words_are_found_in_any_structure(void **state)
{
    static const char *const mails[] = {
        HEAD "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: "
             "text/plain\r\n\r\nYes.\r\n--b\r\nContent-Type: "
             "text/html\r\n\r\n<p>No.</p>\r\n--b--\r\n",
        HEAD
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: "
        "text/plain\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Yes.\r\n--b--\r\n",
        HEAD "Content-Type: text/html\r\n\r\n<style>p{}</style><div>Ye<b>s</b>.<br></div>"
             "<blockquote>Well?</blockquote>",
        HEAD "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
             "multipart/signed; boundary=c\r\n\r\n--c\r\n\r\nYes.\r\n--c\r\nContent-Type: "
             "application/pgp-signature\r\n\r\nx\r\n--c--\r\n--b--\r\n",
        HEAD "Content-Transfer-Encoding: base64\r\n\r\nWWVzLg==\r\n",
        "From ana@example.net Fri Nov 20 10:15:00 2026\r\n" HEAD "\r\nYes.\r\n",
        HEAD "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nYes.\r\n",
    };

    for (size_t i = 0; i < COUNTOF(mails); i++)
        is(only(*state, mails[i])->text, "Yes.");
}

static void ch_5_charsets_become_utf_8(void **state)
{
    static const struct {
        const char *charset, *bytes, *text;
    } cases[] = {
        {"iso-8859-2",   "za\xbf\xf3\xb3\xe6",   "zażółć" },
        {"windows-1256", "\xe3\xd1\xcd\xc8\xc7", "مرحبا" },
        {"iso-8859-1",
         "ma\xf1"
         "ana \x80",                             "mañana €"},
        {"nonsense-9",
         "ma\xf1"
         "ana",                                  "mañana"    },
        {"us-ascii",
         "ma\xc3\xb1"
         "ana",                                  "mañana"    },
        {"utf-8",
         "ma\xf1"
         "ana",                                  "ma\xef\xbf\xbd"
         "ana"                                 },
        {"utf-16le",     "h\0i\0",               NULL         },
        {"\"\"",         "hi",                   "hi"         },
        {"iso-2022-jp",  "\x1b$B$\"\x1b(B",      "あ"        },
    };

    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct fixture *f = *state;
        const struct event *event = only(
            f, arena_format(&f->arena, HEAD "Content-Type: text/plain; charset=%s\r\n\r\n%s",
                            cases[i].charset, cases[i].bytes)
                   .at);
        assert_true(str_is_utf8(event->text));
        if (cases[i].text != NULL)
            is(event->text, cases[i].text);
    }
}

static void ch_5_a_first_mail_may_be_its_subject(void **state)
{
    is(only(*state, HEAD "\r\n\r\n")->text, "Order");
    is(only(*state, HEAD "In-Reply-To: " OUR_ID "\r\n\r\n\r\n")->text, "");
    is(only(*state, HEAD "\r\nHello\r\n")->text, "Hello");
}

static void ch_5_html_reads_as_words(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *html, *text;
    } cases[] = {
        {"a<br>b",                                                      "a\nb"                                  },
        {"<p>a</p><p>b</p>",                                            "a\n\nb"                                },
        {"<ul><li>a<li>b</ul>",                                         "- a\n- b"                              },
        {"a &amp; b &lt;c&gt; &ntilde; &#243; &#x142; &bogus; &",       "a & b <c> ñ ó ł &bogus; &"          },
        {"a<!-- <p>x</p> -->b<script>x</script>c",                      "abc"                                   },
        {"x<blockquote>a<br>b<blockquote>c</blockquote></blockquote>d",
         "x\n> a\n> b\n> > c\nd"                                                                                },
        {"<td>a</td><td>b</td>",                                        "a b"                                   },
        {"a<b title='>'>b</b>",                                         "ab"                                    },
        {"2 < 3 <4",                                                    "2 < 3 <4"                              },
        {"&#0;&#xD800;&#1114112;x",                                     "&#0;&#xD800;&#1114112;x"               },
        {"a<hr>b",                                                      "a\n________________________________\nb"},
    };

    for (size_t i = 0; i < COUNTOF(cases); i++)
        is(str_trim(mime_html_text(&f->arena, str_from(cases[i].html), 1000)), cases[i].text);
}

/* --- who ---------------------------------------------------------------------------------- */

static void otp_2_only_our_own_server_vouches_for_a_sender(void **state)
{
    static const struct {
        const char *lines;
        bool doubtful;
    } cases[] = {
        {"Authentication-Results: mx.shop.example; dkim=pass; dmarc=pass (p=none) "
         "header.from=example.net\r\n",                                                     false},
        {"Authentication-Results: MX.shop.example 1;\r\n dmarc=pass "
         "header.from=Example.net\r\n",                                                     false},
        {"",                                                                                         true },
        {"Authentication-Results: evil.example; dmarc=pass header.from=example.net\r\n",             true },
        {"Authentication-Results: mx.shop.example; dmarc=fail header.from=example.net\r\n"
         "Authentication-Results: mx.shop.example; dmarc=pass header.from=example.net\r\n", true },
        {"Authentication-Results: mx.shop.example; dmarc=pass header.from=evil.example\r\n",
         true                                                                                             },
        {"Authentication-Results: mx.shop.example; dmarc=pass\r\n",                                  true },
        {"Authentication-Results: mx.shop.example; spf=pass (dmarc=pass "
         "header.from=example.net)\r\n",                                                    true },
        {"Authentication-Results: mx.shop.example.evil; dmarc=pass header.from=example.net\r\n",
         true                                                                                             },
        {"From: Eve <eve@example.net>\r\nAuthentication-Results: mx.shop.example; dmarc=pass "
         "header.from=example.net\r\n",                                                     true },
    };

    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct fixture *f = *state;
        const struct event *event =
            only(f, arena_format(&f->arena, "%s" HEAD "\r\nHi", cases[i].lines).at);
        if (event->doubtful != cases[i].doubtful)
            fail_msg("%zu", i);
    }
}

static void otp_2_two_senders_are_none(void **state)
{
    const struct event *event = only(
        *state, "Authentication-Results: mx.shop.example; dmarc=pass header.from=x.example\r\n"
                "From: Eve <eve@x.example>, Ana <ana@x.example>\r\nTo: "
                "support@in.shop.example\r\n\r\nHi");

    assert_true(event->doubtful);
    event = only(*state, "Authentication-Results: mx.shop.example; dmarc=pass "
                         "header.from=x.example\r\nFrom: =?utf-8?q?Garc=C3=ADa=2C_Ana?= "
                         "<ana@x.example>\r\nTo: support@in.shop.example\r\n\r\nHi");
    assert_false(event->doubtful);
    is(event->from.email, "ana@x.example");
}

static void addresses_are_kept_in_one_form(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *address;
    } cases[] = {
        {"Ana <Ana@Example.NET>",           "ana@example.net"  },
        {" ana@example.net ",               "ana@example.net"  },
        {"\"a <b@c.d>\" <Ana@example.net>", "ana@example.net"  },
        {"ana+x@example.net",               "ana+x@example.net"},
        {"mailto:ana@example.net",          "ana@example.net"  },
        {"ana@localhost",                   NULL               },
        {"ana@@example.net",                NULL               },
        {"ana example.net",                 NULL               },
        {"ana@exa mple.net",                NULL               },
        {"<>",                              NULL               },
        {"@example.net",                    NULL               },
        {"ana@.example.net",                NULL               },
        {"ana@example.net.",                NULL               },
        {"",                                NULL               },
        {"a\"b@example.net",                NULL               },
    };

    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct str address;
        bool fine = mail_address(&f->arena, str_from(cases[i].text), &address);
        if (fine != (cases[i].address != NULL))
            fail_msg("%s", cases[i].text);
        if (fine)
            is(address, cases[i].address);
    }
}

/* --- files -------------------------------------------------------------------------------- */

#define PNG "iVBORw0KGgoAAAANSUhEUgAAAlgAAAJYCAIAAAAxBA+L"

static void ch_5_attachments_are_files_with_the_words_at_the_first(void **state)
{
    struct fixture *f = *state;
    struct str bytes;

    assert_true(read_it(
        f, STR(HEAD
               "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nIt is "
               "broken.\r\n--b\r\nContent-Type: image/jpeg; name=\"a.jpg\"\r\n"
               "Content-Transfer-Encoding: base64\r\nContent-Disposition: "
               "attachment\r\n\r\naGVsbG8=\r\n--b\r\nContent-Type: application/pdf\r\n"
               "Content-Disposition: attachment; filename*=utf-8''za%C5%BC.pdf\r\n\r\n%PDF\r\n"
               "--b\r\nContent-Type: text/calendar\r\nContent-Disposition: "
               "attachment\r\n\r\nBEGIN\r\n--b--\r\n")));
    assert_int_equal(f->batch.n, 2);
    const struct event *events = f->batch.events;
    assert_int_equal(events[0].kind, EVENT_MEDIA);
    assert_int_equal(events[0].media->kind, MEDIA_IMAGE);
    is(events[0].media->id, "payload:x/1");
    is(events[0].media->filename, "a.jpg");
    is(events[0].media->caption, "It is broken.");
    assert_int_equal(events[1].media->kind, MEDIA_DOCUMENT);
    is(events[1].media->id, "payload:x/2");
    is(events[1].media->filename, "zaż.pdf");
    assert_int_equal(events[1].media->caption.len, 0);
    assert_true(str_ends(events[1].id, STR(":1")));
    assert_true(
        mime_file(&f->arena,
                  STR("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
                      "Content-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                      "aGVsbG8=\r\n--b--\r\n"),
                  1, &bytes, &f->err));
    is(bytes, "hello");
    assert_false(mime_file(&f->arena, STR(HEAD "\r\nx"), 1, &bytes, &f->err));
    assert_int_equal(f->err.code, ERR_REJECT);
}

static void ch_5_a_signatures_logo_is_no_photo(void **state)
{
    struct fixture *f = *state;

    assert_true(
        read_it(f, STR(HEAD "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
                            "Content-Type: text/html\r\n\r\nHi<img src=cid:1>\r\n--b\r\n"
                            "Content-Type: image/png\r\nContent-ID: <1>\r\n"
                            "Content-Disposition: inline\r\nContent-Transfer-Encoding: "
                            "base64\r\n\r\n" PNG "\r\n--b--\r\n")));
    assert_int_equal(f->batch.n, 1);
    assert_int_equal(f->batch.events[0].kind, EVENT_TEXT);
}

/* --- machines ----------------------------------------------------------------------------- */

static void ch_5_what_machines_send_is_never_answered(void **state)
{
    static const char *const signs[] = {
        "Auto-Submitted: auto-replied\r\n",
        "Auto-Submitted: auto-generated (x)\r\n",
        "Precedence: bulk\r\n",
        "Precedence: LIST\r\n",
        "Return-Path: <>\r\n",
        "List-Id: <news.example>\r\n",
        "Message-ID: " OUR_ID "\r\n",
        "X-Autoreply: yes\r\n",
    };
    static const char *const senders[] = {
        "support@in.shop.example", "Support+x@in.shop.example", "MAILER-DAEMON@x.example",
        "no-reply@x.example", "shop-noreply@x.example"};
    static const char *const subjects[] = {"Automatic reply: Order",
                                           "Respuesta automática: x",
                                           "Autorespuesta: x",
                                           "Poza biurem: urlop",
                                           "خارج المكتب",
                                           "Autoodpowiedź",
                                           "رد تلقائي: x",
                                           "Re: Automatic door",
                                           "Reply"};
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNTOF(signs); i++) {
        const struct event *event =
            only(f, arena_format(&f->arena, "%s" HEAD "\r\nHi", signs[i]).at);
        assert_int_equal(event->kind, EVENT_OTHER);
        is(event->detail, "automatic");
        assert_int_equal(event->text.len, 0);
    }
    for (size_t i = 0; i < COUNTOF(senders); i++) {
        const struct event *event =
            only(f, arena_format(&f->arena, "From: %s\r\n\r\nHi", senders[i]).at);
        assert_int_equal(event->kind, EVENT_OTHER);
    }
    for (size_t i = 0; i < COUNTOF(subjects); i++) {
        const struct event *event =
            only(f, arena_format(&f->arena, "From: a@b.example\r\nSubject: %s\r\n\r\nHi",
                                 subjects[i])
                        .at);
        assert_int_equal(event->kind, i < COUNTOF(subjects) - 2 ? EVENT_OTHER : EVENT_TEXT);
    }
    assert_int_equal(only(f, "Auto-Submitted: no\r\n" HEAD "\r\nHi")->kind, EVENT_TEXT);
    assert_int_equal(only(f, "To: x@y.example\r\n\r\nHi")->kind, EVENT_OTHER);
}

static const char *bounce(struct arena *into, const char *action, const char *status,
                          const char *id)
{
    return arena_format(
               into,
               "From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; "
               "report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nSorry.\r\n--b\r\n"
               "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; "
               "mx.example\r\n\r\n"
               "Final-Recipient: rfc822; Ana@Example.net\r\nAction: %s\r\nStatus: %s\r\n"
               "Diagnostic-Code: smtp; 550 no\r\n\r\n--b\r\nContent-Type: "
               "message/rfc822\r\n\r\n"
               "Message-ID: %s\r\nTo: ana@example.net\r\n\r\nOur words\r\n--b--\r\n",
               action, status, id)
        .at;
}

static void ch_5_bounces_tell_what_became_of_our_mail(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *action, *status;
        size_t n;
        enum delivery delivery;
        int error;
    } cases[] = {
        {"failed",    "5.1.1", 2, DELIVERY_FAILED, 50101},
        {"failed",    "5.2.2", 1, DELIVERY_FAILED, 50202},
        {"failed",    "4.4.7", 1, DELIVERY_FAILED, 40407},
        {"delayed",   "4.4.1", 1, DELIVERY_SENT,   0    },
        {"delivered", "2.0.0", 1, DELIVERY_SENT,   0    },
    };

    for (size_t i = 0; i < COUNTOF(cases); i++) {
        assert_true(
            read_it(f, str_from(bounce(&f->arena, cases[i].action, cases[i].status, OUR_ID))));
        const struct event *event = &f->batch.events[0];
        assert_int_equal(f->batch.n, cases[i].n);
        assert_int_equal(event->kind, EVENT_STATUS);
        assert_int_equal(event->status, cases[i].delivery);
        assert_int_equal(event->error, cases[i].error);
        is(event->key, OUR_KEY);
        is(event->from.email, "ana@example.net");
        if (cases[i].n == 2) {
            assert_int_equal(event[1].kind, EVENT_PREFERENCE);
            is(event[1].detail, "stop");
            is(event[1].from.email, "ana@example.net");
        }
    }
    const struct event *foreign =
        only(f, bounce(&f->arena, "failed", "5.1.1", "<x@y.example>"));
    assert_int_equal(foreign->kind, EVENT_OTHER);
    is(foreign->detail, "bounce");
}

static void ch_5_a_complaint_ends_the_mails(void **state)
{
    struct fixture *f = *state;

    assert_true(read_it(
        f, STR("From: fbl@isp.example\r\nContent-Type: multipart/report; "
               "report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nSpam.\r\n--b\r\n"
               "Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: "
               "1\r\n"
               "Original-Rcpt-To: <ana@example.net>\r\n\r\n--b\r\nContent-Type: "
               "text/rfc822-headers\r\n\r\nMessage-ID: " OUR_ID
               "\r\nTo: x@y.example\r\n\r\n--b--\r\n")));
    assert_int_equal(f->batch.n, 2);
    assert_int_equal(f->batch.events[0].kind, EVENT_STATUS);
    assert_int_equal(f->batch.events[0].status, DELIVERY_DELIVERED);
    assert_int_equal(f->batch.events[1].kind, EVENT_PREFERENCE);
    is(f->batch.events[1].from.email, "ana@example.net");
}

/* --- hostile ------------------------------------------------------------------------------ */

static struct str repeated(struct arena *into, const char *head, const char *unit, size_t n)
{
    struct str begin = str_from(head), one = str_from(unit);
    size_t size = begin.len + n * one.len;
    char *text = arena_alloc(into, size + 1);

    for (size_t i = 0; i < begin.len; i++)
        text[i] = begin.at[i];
    for (size_t i = begin.len; i < size; i++)
        text[i] = one.at[(i - begin.len) % one.len];
    return (struct str){text, size};
}

static void ch_5_bombs_cost_little(void **state)
{
    static const struct {
        const char *head, *unit;
        size_t n;
    } bombs[] = {
        {HEAD,                                                  "a:b\n",                                              1000000},
        {HEAD "Content-Type: multipart/mixed; boundary=b\n\n",  "--b\n\n",                                            500000 },
        {HEAD "Content-Type: multipart/digest; boundary=b\n\n", "--b\n\na:b\n\n",                                     200000 },
        {"",                                                    "Content-Type: multipart/mixed; boundary=b\n\n--b\n", 50000  },
        {"",                                                    "Content-Type: message/rfc822\n\n",                   100000 },
        {"",                                                    "Content-Type: message\n /rfc822\n\n",                100000 },
        {HEAD "To: ",                                           "a@b.c, ",                                            60000  },
        {"From: ",                                              "a,",                                                 200000 },
        {HEAD "To: ",                                           "25,50 \xE2\x82\xAC",                                 60000  },
        {HEAD "Cc: ",                                           "a,",                                                 3990   },
        {HEAD "To: ",                                           "<a>",                                                150000 },
        {HEAD "To: ",                                           "g:",                                                 200000 },
        {HEAD "To: ",                                           "(",                                                  400000 },
        {HEAD "Subject: ",                                      "=?utf-8?q?a?= ",                                     20000  },
        {HEAD "References: ",                                   "<a@b> ",                                             60000  },
        {HEAD "Content-Type: text/plain; ",                     "a*0=b; ",                                            40000  },
        {HEAD "Content-Type: text/html\n\n",                    "<",                                                  1000000},
        {HEAD "Content-Type: text/html\n\n",                    "<a b=\"",                                            300000 },
        {HEAD "Content-Type: text/html\n\n",                    "<blockquote>",                                       200000 },
        {HEAD "Content-Type: text/html\n\n",                    "<br>",                                               500000 },
        {HEAD "Content-Type: text/html\n\n",                    "<script>",                                           200000 },
        {HEAD "Content-Type: text/html\n\n",                    "<!--",                                               200000 },
        {HEAD "Content-Type: text/html\n\n",                    "&",                                                  1000000},
        {HEAD "\n",                                             "begin 644 a\n",                                      100000 },
        {HEAD "Content-Transfer-Encoding: base64\n\n",          "QUFB",                                               500000 },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNTOF(bombs); i++) {
        struct timespec from, to;
        struct str raw = repeated(&f->arena, bombs[i].head, bombs[i].unit, bombs[i].n);
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        if (!read_it(f, raw))
            assert_int_equal(f->err.code, ERR_REJECT);
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
        if (to.tv_sec - from.tv_sec > 3)
            fail_msg("bomb %zu took %ld s", i, (long)(to.tv_sec - from.tv_sec));
    }
}

static void ch_5_nonsense_is_survived(void **state)
{
    static const struct str mails[] = {
        RAW(""),
        RAW("\n"),
        RAW("\0\0\0\0"),
        RAW("From \n"),
        RAW("a"),
        RAW("From: \xff\xfe\nSubject: \x80\n\n\x80"),
        RAW("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n"),
        RAW("Content-Transfer-Encoding: base64\nContent-Length: 99999999999\n\n!!!"),
        RAW("Content-Type: text/plain; charset=\"../../etc\"\n\nx"),
        RAW("From: a@b.c\n\nx\0y"),
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNTOF(mails); i++) {
        if (!read_it(f, mails[i]))
            continue;
        assert_true(f->batch.n >= 1);
        for (size_t k = 0; k < f->batch.n; k++)
            assert_true(str_is_utf8(f->batch.events[k].text));
    }
}

/* --- other people's ----------------------------------------------------------------------- */

static void published_mails_survive(void **state)
{
    struct fixture *f = *state;
    size_t n = 0, words = 0;

    if (!shared_is_here(&f->arena))
        return;
    for (int i = 1; i < 100; i++) {
        struct str raw =
            shared_file(&f->arena, arena_format(&f->arena, "data/emails/raw/e%03d.eml", i).at);
        if (raw.at == NULL)
            continue;
        n++;
        if (!read_it(f, raw)) {
            assert_int_equal(f->err.code, ERR_REJECT);
            continue;
        }
        assert_true(f->batch.n >= 1);
        for (size_t k = 0; k < f->batch.n; k++) {
            struct str line = event_to_json(&f->arena, &f->batch.events[k]);
            assert_true(f->batch.events[k].id.len > 0 && str_is_utf8(line));
            words += f->batch.events[k].text.len > 0;
        }
    }
    assert_true(n >= 80 && words >= 50);
}

static struct str squeeze(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (strchr(" \t\r\n", text.at[i]) == NULL)
            out[len++] = text.at[i];
    }
    return (struct str){out, len};
}

/* Those judges cut what is quoted and leave signatures: the two parts together are theirs. */
static void published_replies_are_split_alike(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;

    if (!shared_is_here(&f->arena))
        return;
    for (int i = 1; i < 100; i++) {
        struct arena *arena = &f->arena;
        struct str raw =
            shared_file(arena, arena_format(arena, "data/emails/replies/r%03d.eml", i).at);
        struct str wanted = shared_file(
            arena, arena_format(arena, "data/emails/replies/r%03d.expected.txt", i).at);
        if (raw.at == NULL || wanted.at == NULL)
            continue;
        n++;
        assert_true(read_it(f, raw));
        struct str text = squeeze(arena, f->batch.events[0].text);
        wanted = squeeze(arena, wanted);
        if (!str_starts(wanted, text) || text.len == 0 ||
            !(str_eq(wanted, text) || str_find(wanted, STR("--")) == text.len ||
              str_find(wanted, STR("Sentfrom")) == text.len))
            fail_msg("r%03d: %.*s", i, STR_ARG(text));
    }
    assert_true(n >= 8);
    for (int i = 1; i < 100; i++) {
        struct arena *arena = &f->arena;
        struct str html =
            shared_file(arena, arena_format(arena, "data/emails/replies/r%03d.html", i).at);
        if (html.at == NULL)
            continue;
        struct str raw = arena_concat(arena, STR(HEAD "Content-Type: text/html\r\n\r\n"), html);
        assert_true(read_it(f, raw));
        struct str text = squeeze(arena, f->batch.events[0].text);
        if (text.len == 0 || text.len > 30 || str_find(text, STR("Sasha")) < text.len)
            fail_msg("r%03d: %.*s", i, STR_ARG(f->batch.events[0].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_a_plain_reply_is_its_visible_words),
        cmocka_unit_test(ch_5_words_are_found_in_any_structure),
        cmocka_unit_test(ch_5_charsets_become_utf_8),
        cmocka_unit_test(ch_5_a_first_mail_may_be_its_subject),
        cmocka_unit_test(ch_5_html_reads_as_words),
        cmocka_unit_test(otp_2_only_our_own_server_vouches_for_a_sender),
        cmocka_unit_test(otp_2_two_senders_are_none),
        cmocka_unit_test(addresses_are_kept_in_one_form),
        cmocka_unit_test(ch_5_attachments_are_files_with_the_words_at_the_first),
        cmocka_unit_test(ch_5_a_signatures_logo_is_no_photo),
        cmocka_unit_test(ch_5_what_machines_send_is_never_answered),
        cmocka_unit_test(ch_5_bounces_tell_what_became_of_our_mail),
        cmocka_unit_test(ch_5_a_complaint_ends_the_mails),
        cmocka_unit_test(ch_5_bombs_cost_little),
        cmocka_unit_test(ch_5_nonsense_is_survived),
        cmocka_unit_test(published_mails_survive),
        cmocka_unit_test(published_replies_are_split_alike),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
