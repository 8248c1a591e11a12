/*
 * Mail that leaves: faces made of any words, the bytes that carry them, and what carriers
 * answer. The markup stays ours, no line is too long, no header is ended by what somebody
 * wrote.
 */
#include "tests/support/face_samples.h"
#include "webhooks/resend_batch.h"
#include "webhooks/smtp.h"

#include <stdlib.h>

/* libFuzzer's name for it. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool sentence)
{
    if (!sentence)
        abort();
}

static size_t count(struct str text, const char *part)
{
    struct str needle = str_from(part);
    size_t n = 0;

    for (size_t at = str_find(text, needle); at < text.len; at = str_find(text, needle)) {
        text = str_slice(text, at + needle.len, text.len);
        n++;
    }
    return n;
}

static void hold_html(const struct face *face, size_t options)
{
    hold(str_is_utf8(face->html) && str_is_utf8(face->text) && str_is_utf8(face->subject));
    hold(str_find(face->subject, STR("\n")) == face->subject.len && face->subject.len > 0);
    if (face->text.len == 0)
        return;
    hold(count(face->html, "<script") == 0 && count(face->html, "<iframe") == 0);
    hold(count(face->html, "<style>") == 1 && count(face->html, "<html ") == 1);
    hold(count(face->html, "<img ") <= 1 && count(face->html, "class=\"o\"") == options);
    hold(count(face->html, "\xe2\x80\xae") == 0); /* nothing is turned around */
}

static void hold_lines(struct str mail)
{
    struct str head = str_slice(mail, 0, str_find(mail, STR("\r\n\r\n")));
    size_t line = 0;

    hold(count(head, "\r\nSubject: ") == 1 && count(head, "\r\nBcc") == 0);
    hold(str_ends(head, STR("\"")) && count(head, "\r\nContent-Type: multipart/") == 1);
    for (size_t i = 0; i < mail.len; i++) {
        unsigned char c = (unsigned char)mail.at[i];
        hold(c < 0x7f && (c >= ' ' || c == '\r' || c == '\n' || c == '\t'));
        line = c == '\n' ? 0 : line + 1;
        hold(line <= 998 && (c != '\n' || mail.at[i - 1] == '\r'));
        hold(c != '\r' || mail.at[i + 1] == '\n');
    }
}

static void send(struct arena *arena, const struct face_ask *ask, struct str words,
                 const struct face *face)
{
    struct resend_sender resend = {STR("https://api.resend.com"), STR("re_1")};
    struct smtp_sender smtp = {.host = STR("smtp.example"), .port = 587};
    struct http_request request;
    struct err err = {0};
    struct attachment file = {words, words, words, (int64_t)words.len, words};
    struct outbound message = {.key = STR("p1.a.1"),
                               .account = STR("us@in.example"),
                               .to = {.email = STR("ana@example.net")},
                               .reply = ask->reply,
                               .face = face,
                               .thread = ask->thread,
                               .from_name = words,
                               .unsubscribe = words,
                               .unasked = true,
                               .attachment = &file};

    if (smtp_encode(arena, &smtp, &message, &request, &err))
        hold_lines(request.body);
    if (resend_encode(arena, &resend, &message, &request, &err))
        hold(str_is_utf8(request.body));
    struct str member;
    message.attachment = NULL;
    if (resend_batch_member(arena, &message, &member, &err))
        hold(str_is_utf8(member) && str_starts(member, STR("{")) && str_ends(member, STR("}")));
    message.to.email = message.reply_to = words;
    if (smtp_encode(arena, &smtp, &message, &request, &err))
        hold(mail_is_address(words));
}

static void draw(struct arena *arena, struct str words, unsigned choice)
{
    static struct words *catalog;
    struct reply_option option = {words, words, words, words};
    struct mail_thread thread = {words, words, words};
    struct reply reply = {.kind = (enum reply_kind)(choice % (REPLY_TEMPLATE + 1)),
                          .body = words,
                          .header = choice & 8 ? words : STR_NONE,
                          .footer = words,
                          .label = words,
                          .url = words,
                          .filename = words,
                          .options = &option,
                          .n_options = 1};
    bool chooses = reply.kind == REPLY_BUTTONS || reply.kind == REPLY_LIST;

    if (catalog == NULL)
        catalog = face_sample_words();
    struct face_ask ask = {
        .reply = &reply,
        .words = catalog,
        .locale = {.lang = (enum lang)(choice / 16 % LANG_COUNT)},
        .sender = { words, words, words, words, words, words},
        .code = (choice & 128) != 0,
        .thread = choice & 64 ? &thread : NULL,
        .taps = &words,
        .reply_to = words,
        .unsubscribe = words
    };
    struct face mail = face_mail(arena, &ask), sms = face_sms(arena, &ask);
    hold(str_is_utf8(sms.text));
    hold_html(&mail, chooses ? 1 : 0);
    send(arena, &ask, words, &mail);
}

static void answer(struct arena *arena, struct str bytes, unsigned choice)
{
    struct http_answer said = {
        .fate = HTTP_ANSWERED, .status = 200 + (int)choice * 2, .body = bytes};
    struct sending_result result = {0};

    resend_answer(arena, &said, &result);
    hold(result.sending != SENDING_ACCEPTED || result.provider_id.len > 0);
    struct str ids[2] = {STR("x"), STR("x")};
    resend_batch_answer(arena, &said, COUNTOF(ids), &result, ids);
    hold((ids[0].len > 0) == (ids[1].len > 0));
    hold(ids[0].len == 0 || result.sending == SENDING_ACCEPTED);
    smtp_answer(arena, &said, &result);
    hold(result.sending != SENDING_UNKNOWN);
    (void)resend_error_name(arena, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct str bytes = {(const char *)data + 1, size - 1};

    if (size < 1 || size > 4096)
        return 0;
    answer(&arena, bytes, data[0]);
    draw(&arena, bytes, data[0]);
    arena_finish(&arena);
    return 0;
}
