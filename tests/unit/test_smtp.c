/* What goes to a mail server, byte by byte, and what its answers mean. */
#include "tests/support/face_samples.h"
#include "tests/support/sending_name.h"
#include "webhooks/mime.h"
#include "webhooks/smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <cmocka.h>

#define KEY  "p1.0192f3a4-0000-7000-8000-00000000000a.7"
#define NOON (1795262400 * USEC_PER_SEC) /* Sat, 21 Nov 2026 12:00:00 */

static struct arena arena;
static struct err err;

static int teardown(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static const struct reply reply = {.kind = REPLY_TEXT, .body = STR("Shipped.")};
static const struct face face = {STR("Order LK-1"), STR("Shipped.\n.\n x \n"), STR("<p>é</p>")};
static const struct smtp_sender sender = {
    .host = STR("smtp.lark.example"), .port = 587, .now = NOON};

static struct outbound to_ana(void)
{
    return (struct outbound){.key = STR(KEY),
                             .account = STR("support@in.lark.example"),
                             .to = {.email = STR("ana@example.net")},
                             .reply = &reply,
                             .face = &face,
                             .from_name = STR("Lark"),
                             .reply_to = STR("support+abc@in.lark.example")};
}

static struct http_request encode(const struct outbound *message)
{
    struct http_request request;

    if (!smtp_encode(&arena, &sender, message, &request, &err))
        fail_msg("%s", err.text);
    return request;
}

static void assert_str(struct str is, const char *wanted)
{
    if (!str_eq(is, str_from(wanted)))
        fail_msg("is:\n%.*s\nwanted:\n%s", STR_ARG(is), wanted);
}

static bool has(struct str text, const char *part)
{
    return str_find(text, str_from(part)) < text.len;
}

/* --- bytes -------------------------------------------------------------------------------- */

static void ch_5_a_mail_is_two_parts_with_our_key_as_its_id(void **state)
{
    (void)state;
    struct outbound message = to_ana();
    struct http_request request = encode(&message);

    assert_str(request.url, "smtp://smtp.lark.example:587/in.lark.example");
    assert_str(request.mail->from, "support@in.lark.example");
    assert_str(request.mail->to, "ana@example.net");
    assert_str(request.mail->id, "<" KEY "@in.lark.example>");
    assert_true(request.mail->starttls);
    assert_false(request.repeatable);
    assert_str(request.body,
               "Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
               "From: Lark <support@in.lark.example>\r\n"
               "To: ana@example.net\r\n"
               "Reply-To: support+abc@in.lark.example\r\n"
               "Subject: Order LK-1\r\n"
               "Message-ID: <" KEY "@in.lark.example>\r\n"
               "Auto-Submitted: auto-replied\r\n"
               "MIME-Version: 1.0\r\n"
               "Content-Type: multipart/alternative;\r\n\tboundary=\"=_" KEY "\"\r\n\r\n"
               "--=_" KEY "\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
               "Shipped.\r\n.\r\n x=20\r\n\r\n"
               "--=_" KEY "\r\n"
               "Content-Type: text/html; charset=utf-8\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\n"
               "PHA+w6k8L3A+\r\n\r\n"
               "--=_" KEY "--\r\n");
}

/* Lines of ASCII that end in CRLF, none too long, whatever is said. */
static void assert_lines(struct str mail)
{
    size_t line = 0;

    for (size_t i = 0; i < mail.len; i++) {
        unsigned char c = (unsigned char)mail.at[i];
        if (c == '\n') {
            assert_true(i > 0 && mail.at[i - 1] == '\r');
            line = 0;
            continue;
        }
        assert_true(c != '\r' || mail.at[i + 1] == '\n');
        assert_true(c == '\r' || c == '\t' || (c >= ' ' && c < 0x7f));
        assert_true(++line <= 998);
    }
}

static void ch_5_every_kind_in_every_language_is_lines_of_ascii(void **state)
{
    (void)state;
    struct words *words = face_sample_words();

    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct face_sample samples[FACE_SAMPLES];
        face_samples(&arena, words, (enum lang)lang, samples);
        for (size_t i = 0; i < FACE_SAMPLES; i++) {
            struct face made = face_mail(&arena, &samples[i].ask);
            struct outbound message = to_ana();
            message.face = &made;
            message.thread = samples[i].ask.thread;
            assert_lines(encode(&message).body);
        }
    }
    words_destroy(words);
    words_cool();
}

/* Read back by another program's parser, byte for byte. */
static void ch_5_a_file_goes_along_and_comes_back_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 56, 57, 58, 1000, 300001};
    struct outbound message = to_ana();

    for (size_t i = 0; i < COUNTOF(sizes); i++) {
        char *bytes = arena_alloc(&arena, sizes[i]);
        for (size_t at = 0; at < sizes[i]; at++)
            bytes[at] = (char)(at * 31 + i);
        struct attachment file = {
            .mime = STR("image/png"),
            .name = STR("łódź 1.png"),
            .size = (int64_t)sizes[i],
            .bytes = {bytes, sizes[i]}
        };
        message.attachment = &file;
        struct str mail = encode(&message).body, back = STR_NONE;
        assert_lines(mail);
        assert_true(has(mail, "filename*=UTF-8''%C5%82%C3%B3d%C5%BA%201.png\r\n"));
        assert_true(has(mail, "Content-Type: image/png\r\n"));
        assert_true(mime_file(&arena, mail, 1, &back, &err) ||
                    mime_file(&arena, mail, 0, &back, &err));
        assert_true(str_eq(back, file.bytes));
    }
}

static void ch_5_a_files_name_and_type_end_nothing(void **state)
{
    (void)state;
    struct attachment file = {.mime = STR("text/html\r\nX-Bad: 1"),
                              .name = STR("a\r\nX-Bad: 1\"; b"),
                              .size = 1,
                              .bytes = STR("x")};
    struct outbound message = to_ana();

    message.attachment = &file;
    struct str mail = encode(&message).body;
    assert_lines(mail);
    assert_false(has(mail, "\nX-Bad:"));
    assert_true(has(mail, "Content-Type: application/octet-stream\r\n"));
    file.bytes = STR_NONE; /* too large: only its address is told */
    assert_false(has(encode(&message).body, "multipart/mixed"));
}

/* As a mail program shows it. */
static struct str subject_of(struct str raw)
{
    static const struct mail_rules rules = {.account = STR("support@in.lark.example")};
    struct mime_options options = {.rules = &rules};
    struct mail mail = {0};

    if (!mime_read(&arena, raw, &options, &mail, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < mail.headers.n; i++) {
        if (strcasecmp(arena_cstr(&arena, mail.headers.at[i].name), "Subject") == 0)
            return mail.headers.at[i].value;
    }
    return STR_NONE;
}

static bool is_line(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ')
            return false;
    }
    return text.len > 0;
}

static void ch_5_no_word_ends_a_header_or_begins_one(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x\r\nBcc: eve@example.net", "x\nBcc: eve@example.net", "x\rBcc: eve@example.net",
        "=?UTF-8?Q?=0D=0ABcc:?=",    "\xff\r\n\r\nbody",        "a\"b\\c <eve@example.net>"};
    for (size_t i = 0; i < COUNTOF(bad); i++) {
        struct outbound message = to_ana();
        struct face hostile = {str_from(bad[i]), str_from(bad[i]), str_from(bad[i])};
        struct mail_thread thread = {str_from(bad[i]), str_from(bad[i]), str_from(bad[i])};
        message.face = &hostile;
        message.thread = &thread;
        message.from_name = str_from(bad[i]);
        message.unsubscribe = str_from(bad[i]);
        message.unasked = true;
        struct str mail = encode(&message).body;
        struct str head = str_slice(mail, 0, str_find(mail, STR("\r\n\r\n")));
        assert_lines(mail);
        assert_false(has(head, "\r\nBcc:"));
        assert_false(has(head, "=?UTF-8?Q?=0D"));
        assert_true(is_line(subject_of(mail)));
        assert_true(has(head, "multipart/alternative")); /* the head ends where we ended it */
    }
}

static void ch_5_a_long_subject_is_several_words_of_whole_letters(void **state)
{
    (void)state;
    struct outbound message = to_ana();
    struct face made = face;
    made.subject = STR("Zażółć gęślą jaźń zażółć gęślą jaźń zażółć gęślą jaźń");
    message.face = &made;
    struct str mail = encode(&message).body;
    size_t from = str_find(mail, STR("Subject: "));
    struct str line = str_slice(mail, from, mail.len);
    line = str_slice(line, 0, str_find(line, STR("\r\nMessage-ID")));
    assert_true(has(line, "?=\r\n =?UTF-8?B?"));
    assert_lines(line);
}

static void ch_5_what_is_no_mail_is_refused(void **state)
{
    (void)state;
    struct outbound message = to_ana();
    struct smtp_sender bad = sender;
    struct http_request request;

    bad.host = STR("evil/host");
    assert_false(smtp_encode(&arena, &bad, &message, &request, &err));
    bad.host = STR_NONE;
    assert_false(smtp_encode(&arena, &bad, &message, &request, &err));
    message.key = STR("a\" b");
    assert_false(smtp_encode(&arena, &sender, &message, &request, &err));
    message = to_ana();
    message.to.email = STR("ana@example.net>\r\nRCPT TO:<eve@example.net");
    assert_false(smtp_encode(&arena, &sender, &message, &request, &err));
    bad = sender;
    bad.host = STR("::1");
    bad.tls = SMTP_IMPLICIT;
    message = to_ana();
    assert_true(smtp_encode(&arena, &bad, &message, &request, &err));
    assert_str(request.url, "smtps://[::1]:587/in.lark.example");
    assert_false(request.mail->starttls);
}

/* --- answers ------------------------------------------------------------------------------ */

static void ch_5_the_command_and_the_codes_decide(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum sending sending;
        bool alert;
    } cases[] = {
        {250, "<" KEY "@in.lark.example>",          SENDING_ACCEPTED,  false},
        {421, "RCPT 421 4.3.2 closing",             SENDING_RETRY,     false},
        {450, "RCPT 450 4.2.0 greylisted",          SENDING_RETRY,     false},
        {451, "BODY 451 4.3.0 later",               SENDING_RETRY,     false},
        {452, "MAIL 452 4.3.1 full",                SENDING_RETRY,     false},
        {454, "AUTH 454 4.7.0 later",               SENDING_RETRY,     false},
        {535, "AUTH 535 5.7.8 bad credentials",     SENDING_STOP_LANE, true },
        {530, "MAIL 530 5.7.0 sign in first",       SENDING_STOP_LANE, true },
        {553, "MAIL 553 5.7.1 not your address",    SENDING_STOP_LANE, true },
        {552, "MAIL 552 5.3.4 too large",           SENDING_REFUSED,   true },
        {550, "RCPT 550 5.1.1 no such user",        SENDING_ELSEWHERE, false},
        {550, "RCPT 550 no such user",              SENDING_ELSEWHERE, false},
        {552, "RCPT 552 5.2.2 mailbox full",        SENDING_ELSEWHERE, false},
        {554, "RCPT 554 5.7.1 relay access denied", SENDING_REFUSED,   true },
        {554, "BODY 554 5.6.0 looks like spam",     SENDING_REFUSED,   true },
        {552, "BODY 552 5.3.4 too large",           SENDING_REFUSED,   true },
        {554, " 554 no service for you",            SENDING_RETRY,     true },
        {502, "EHLO 502 what?",                     SENDING_RETRY,     true },
        {354, "DATA 354 go on",                     SENDING_RETRY,     false},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct http_answer answer = {
            .fate = HTTP_ANSWERED, .status = cases[i].status, .body = str_from(cases[i].body)};
        struct sending_result result = {0};
        smtp_answer(&arena, &answer, &result);
        if (result.sending != cases[i].sending || result.alert != cases[i].alert)
            fail_msg("%s is %s", cases[i].body, sending_name(result.sending));
        assert_false(has(result.reason, "no such user"));
    }
}

static void ch_5_only_after_the_last_dot_is_a_lost_answer_unknown(void **state)
{
    (void)state;
    struct http_answer lost = {.fate = HTTP_UNKNOWN}, broken = {.fate = HTTP_NOT_SENT};
    struct sending_result result = {0};

    smtp_answer(&arena, &lost, &result);
    assert_int_equal(result.sending, SENDING_UNKNOWN);
    smtp_answer(&arena, &broken, &result);
    assert_int_equal(result.sending, SENDING_RETRY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ch_5_a_mail_is_two_parts_with_our_key_as_its_id),
        cmocka_unit_test(ch_5_every_kind_in_every_language_is_lines_of_ascii),
        cmocka_unit_test(ch_5_a_file_goes_along_and_comes_back_whole),
        cmocka_unit_test(ch_5_a_files_name_and_type_end_nothing),
        cmocka_unit_test(ch_5_no_word_ends_a_header_or_begins_one),
        cmocka_unit_test(ch_5_a_long_subject_is_several_words_of_whole_letters),
        cmocka_unit_test(ch_5_what_is_no_mail_is_refused),
        cmocka_unit_test(ch_5_the_command_and_the_codes_decide),
        cmocka_unit_test(ch_5_only_after_the_last_dot_is_a_lost_answer_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
