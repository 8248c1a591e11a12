/*
 * A mail as bytes.
 *
 * Two text parts and a dozen headers need no MIME library: what leaves is made of nothing but
 * ASCII lines that this file cuts itself, so no line can be too long, no word from outside can
 * end a header or begin one, and the same message gives the same bytes but for its date. That
 * other programs read it as it is meant is for a test to show.
 */
#include "webhooks/smtp.h"

#include <sodium.h>
#include <time.h>

#define LINE       76 /* letters of an encoded line */
#define WORD_BYTES 42 /* of UTF-8 in one encoded word, which may have 75 letters */
#define CRLF       "\r\n"

/* Text that grows. */
struct mail {
    struct arena *into;
    char *at;
    size_t len, room;
};

static void put(struct mail *mail, struct str text)
{
    if (mail->room - mail->len < text.len) {
        size_t room = 2 * (mail->room + text.len);
        char *wider = arena_alloc(mail->into, room);
        if (mail->len > 0)
            memcpy(wider, mail->at, mail->len);
        mail->at = wider;
        mail->room = room;
    }
    if (text.len > 0)
        memcpy(mail->at + mail->len, text.at, text.len);
    mail->len += text.len;
}

static void put_text(struct mail *mail, const char *text)
{
    put(mail, str_from(text));
}

/* --- headers ------------------------------------------------------------------------------ */

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < ' ' || text.at[i] >= 0x7f)
            return false;
    }
    return str_find(text, STR("=?")) == text.len;
}

/* As many bytes as fit and end with a character. */
static size_t chunk(struct str text)
{
    size_t len = text.len < WORD_BYTES ? text.len : WORD_BYTES;

    while (len < text.len && len > 1 && ((unsigned char)text.at[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static struct str base64(struct arena *into, struct str bytes)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(into, room);

    sodium_bin2base64(text, room, (const unsigned char *)bytes.at, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    return (struct str){text, room - 1};
}

/* Words as RFC 2047 has them, each on a line of its own when there are several. */
static void put_encoded(struct mail *mail, struct str text)
{
    bool first = true;

    while (text.len > 0) {
        size_t len = chunk(text);
        put_text(mail, first ? "=?UTF-8?B?" : CRLF " =?UTF-8?B?");
        put(mail, base64(mail->into, str_slice(text, 0, len)));
        put_text(mail, "?=");
        text = str_slice(text, len, text.len);
        first = false;
    }
}

/* What people read: encoded when it is not plain, or too long for a line. Control characters
 * never get here whole: encoded they end nothing. */
static void put_words(struct mail *mail, const char *name, struct str text)
{
    put_text(mail, name);
    put_text(mail, ": ");
    if (is_printable(text) && text.len < 900) {
        put(mail, text);
    } else {
        put_encoded(mail, text);
    }
    put_text(mail, CRLF);
}

/* What is ASCII by its nature; a long list of ids goes on in the next line. */
static void put_header(struct mail *mail, struct str name, struct str value)
{
    struct str rest = value, word;
    size_t line = name.len + 1;

    put(mail, name);
    put_text(mail, ":");
    while (str_split(&rest, ' ', &word)) {
        if (word.len == 0 || !is_printable(word))
            continue;
        bool fold = line + 1 + word.len > 78 && line > name.len + 1;
        put_text(mail, fold ? CRLF " " : " ");
        line = (fold ? 0 : line) + 1 + word.len;
        put(mail, word);
    }
    put_text(mail, CRLF);
}

/* The name encoded where it must be, the address as it is. */
static void put_from(struct mail *mail, const struct outbound *message)
{
    struct str name = str_trim(str_sane(mail->into, message->from_name));
    struct str whole = mail_from(mail->into, name, message->account);

    put_text(mail, "From: ");
    if (is_printable(whole)) {
        put(mail, whole);
    } else {
        put_encoded(mail, str_cut(mail->into, name, 100));
        put(mail, arena_format(mail->into, " <%.*s>", STR_ARG(message->account)));
    }
    put_text(mail, CRLF);
}

static struct str date(struct arena *into, usec_t now)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now / USEC_PER_SEC);
    struct tm at = {0};

    (void)gmtime_r(&seconds, &at);
    return arena_format(into, "%s, %d %s %d %02d:%02d:%02d +0000", days[at.tm_wday], at.tm_mday,
                        months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

static void put_head(struct mail *mail, const struct outbound *message, struct str id,
                     usec_t now)
{
    struct http_header headers[MAIL_HEADERS_MAX];
    size_t n = mail_headers(mail->into, message, headers);

    put_header(mail, STR("Date"), date(mail->into, now));
    put_from(mail, message);
    put_header(mail, STR("To"), message->to.email);
    if (message->reply_to.len > 0)
        put_header(mail, STR("Reply-To"), message->reply_to);
    put_words(mail, "Subject", str_sane(mail->into, message->face->subject));
    put_header(mail, STR("Message-ID"), id);
    for (size_t i = 0; i < n; i++)
        put_header(mail, headers[i].name, headers[i].value);
    put_text(mail, "MIME-Version: 1.0" CRLF);
}

/* --- parts -------------------------------------------------------------------------------- */

/* Whether most of it can be read as it is. */
static bool is_mostly_plain(struct str text)
{
    size_t others = 0;

    for (size_t i = 0; i < text.len; i++)
        others += (unsigned char)text.at[i] >= 0x80;
    return others * 6 < text.len;
}

static void put_base64(struct mail *mail, struct str text)
{
    struct str all = base64(mail->into, text);

    for (size_t at = 0; at < all.len; at += LINE) {
        put(mail, str_slice(all, at, LINE));
        put_text(mail, CRLF);
    }
}

/* "quoted-printable": a blank at a line's end is written out, so is a dot that begins one. */
static void put_quoted(struct mail *mail, struct str text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t line = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool last = i + 1 == text.len || text.at[i + 1] == '\n';
        bool plain = (c > ' ' && c < 0x7f && c != '=') || (c == ' ' && !last);
        char piece[3] = {'=', digits[c >> 4], digits[c & 15]};
        if (c == '\n') {
            put_text(mail, CRLF);
            line = 0;
            continue;
        }
        if (line + (plain ? 1 : 3) > LINE - 1) {
            put_text(mail, "=" CRLF);
            line = 0;
        }
        plain = plain && !(c == '.' && line == 0);
        put(mail, plain ? str_slice(text, i, 1) : (struct str){piece, 3});
        line += plain ? 1 : 3;
    }
    put_text(mail, CRLF);
}

static void put_boundary(struct mail *mail, struct str boundary, const char *end)
{
    put_text(mail, "--");
    put(mail, boundary);
    put_text(mail, end);
}

static void put_part(struct mail *mail, struct str boundary, const char *type, struct str text)
{
    bool plain = is_mostly_plain(text);

    put_boundary(mail, boundary, CRLF "Content-Type: ");
    put_text(mail, type);
    put_text(mail, "; charset=utf-8" CRLF "Content-Transfer-Encoding: ");
    put_text(mail, plain ? "quoted-printable" CRLF CRLF : "base64" CRLF CRLF);
    if (plain) {
        put_quoted(mail, text);
    } else {
        put_base64(mail, text);
    }
}

/* The two texts, of which a reader shows one. */
static void put_texts(struct mail *mail, const struct outbound *message)
{
    const struct face *face = message->face;
    /* neither encoding can write "=_" */
    struct str boundary = arena_format(mail->into, "=_%.*s", STR_ARG(message->key));

    put_text(mail, "Content-Type: multipart/alternative; boundary=\"");
    put(mail, boundary);
    put_text(mail, "\"" CRLF CRLF);
    put_part(mail, boundary, "text/plain", str_sane(mail->into, face->text));
    put_part(mail, boundary, "text/html", str_sane(mail->into, face->html));
    put_boundary(mail, boundary, "--" CRLF);
}

/* As RFC 2231 writes it: everybody reads it, and nothing in it can end the line. */
static void put_name(struct mail *mail, struct str name)
{
    static const char digits[] = "0123456789ABCDEF";

    put_text(mail, "filename*=UTF-8''");
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        char piece[3] = {'%', digits[c >> 4], digits[c & 15]};
        put(mail, plain ? str_slice(name, i, 1) : (struct str){piece, 3});
    }
    put_text(mail, CRLF);
}

/* The type is one of ours; what is none goes as bytes. */
static const char *type_of(struct str mime)
{
    static const char *const known[] = {"image/jpeg", "image/png", "image/gif",
                                        "application/pdf"};

    for (size_t i = 0; i < COUNTOF(known); i++) {
        if (str_eq(mime, str_from(known[i])))
            return known[i];
    }
    return "application/octet-stream";
}

static void put_file(struct mail *mail, const struct attachment *file)
{
    put_text(mail, "Content-Type: ");
    put_text(mail, type_of(file->mime));
    put_text(mail, CRLF "Content-Transfer-Encoding: base64" CRLF
                        "Content-Disposition: attachment;" CRLF " ");
    put_name(mail, file->name);
    put_text(mail, CRLF);
    put_base64(mail, file->bytes);
}

static void put_with_file(struct mail *mail, const struct outbound *message)
{
    struct str boundary = arena_format(mail->into, "=_m.%.*s", STR_ARG(message->key));

    put_text(mail, "Content-Type: multipart/mixed; boundary=\"");
    put(mail, boundary);
    put_text(mail, "\"" CRLF CRLF);
    put_boundary(mail, boundary, CRLF);
    put_texts(mail, message);
    put_boundary(mail, boundary, CRLF);
    put_file(mail, message->attachment);
    put_boundary(mail, boundary, "--" CRLF);
}

struct str smtp_mail(struct arena *into, const struct outbound *message, struct str id,
                     usec_t now)
{
    bool file = message->attachment != NULL && message->attachment->bytes.len > 0;
    struct mail mail = {.into = into};

    if (file) { /* all of it at once, since a large one is not to be copied */
        mail.room = message->attachment->bytes.len / 2 * 3 + (64 << 10);
        mail.at = arena_alloc(into, mail.room);
    }
    put_head(&mail, message, id, now);
    if (file) {
        put_with_file(&mail, message);
    } else {
        put_texts(&mail, message);
    }
    return (struct str){mail.at, mail.len};
}
