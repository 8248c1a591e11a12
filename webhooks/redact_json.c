/*
 * JSON is read by its quotes alone, so that what breaks off in the middle is redacted as well
 * as what is whole. A text is unescaped, looked at, and written anew only when a card was in
 * it; all else stays byte for byte.
 */
#include "webhooks/redact.h"

#include "bot/base/cards.h"

struct writer {
    struct arena *into;
    struct str in;
    char *out;
    size_t len, room;
    size_t copied; /* of `in` */
};

static void put(struct writer *writer, struct str text)
{
    if (writer->len + text.len > writer->room) {
        size_t room = 2 * (writer->len + text.len) + 64;
        char *wider = arena_alloc(writer->into, room);
        if (writer->len > 0)
            memcpy(wider, writer->out, writer->len);
        writer->out = wider;
        writer->room = room;
    }
    if (text.len > 0)
        memcpy(writer->out + writer->len, text.at, text.len);
    writer->len += text.len;
}

/* All up to `at` as it is, then `text` instead of what stands up to `end`. */
static void replace(struct writer *writer, size_t at, size_t end, struct str text)
{
    put(writer, str_slice(writer->in, writer->copied, at - writer->copied));
    put(writer, text);
    writer->copied = end;
}

/* --- escapes -------------------------------------------------------------------------------
 */

static bool read_hex4(struct str text, size_t at, unsigned *code)
{
    *code = 0;
    if (at + 4 > text.len)
        return false;
    for (size_t i = at; i < at + 4; i++) {
        char c = text.at[i];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit > 15)
            return false;
        *code = *code * 16 + digit;
    }
    return true;
}

static size_t put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* "\uXXXX" at `at`, and its other half where it is one of two. The bytes it takes; 0: it is no
 * such escape. */
static size_t read_code(struct str text, size_t at, unsigned *code)
{
    unsigned low;

    if (!read_hex4(text, at + 2, code))
        return 0;
    if (*code < 0xD800 || *code > 0xDFFF)
        return 6;
    if (*code <= 0xDBFF && at + 8 <= text.len && text.at[at + 6] == '\\' &&
        text.at[at + 7] == 'u' && read_hex4(text, at + 8, &low) && low >= 0xDC00 &&
        low <= 0xDFFF) {
        *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
        return 12;
    }
    *code = 0xFFFD;
    return 6;
}

static struct str unescape(struct arena *into, struct str text)
{
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    char *out = arena_alloc(into, text.len + 4);
    size_t len = 0;

    for (size_t at = 0; at < text.len;) {
        unsigned code;
        size_t taken = 0;
        if (text.at[at] != '\\' || at + 1 == text.len) {
            out[len++] = text.at[at++];
            continue;
        }
        if (text.at[at + 1] == 'u')
            taken = read_code(text, at, &code);
        if (taken > 0) {
            len += put_utf8(out + len, code);
            at += taken;
            continue;
        }
        const char *known = strchr(from, text.at[at + 1]);
        out[len] = text.at[at + 1];
        if (known != NULL && *known != '\0')
            out[len] = to[known - from];
        len++;
        at += 2;
    }
    return (struct str){out, len};
}

static struct str escape(struct arena *into, struct str text)
{
    static const char hex[] = "0123456789abcdef";
    static const struct str unicode = {"\\u00", 4};
    char *out = arena_alloc(into, 6 * text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\') {
            out[len++] = '\\';
            out[len++] = (char)c;
        } else if (c < 0x20) {
            memcpy(out + len, unicode.at, unicode.len);
            out[len + 4] = hex[c >> 4];
            out[len + 5] = hex[c & 15];
            len += 6;
        } else {
            out[len++] = (char)c;
        }
    }
    return (struct str){out, len};
}

/* --- values --------------------------------------------------------------------------------
 */

static bool is_one_of(struct str key, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (str_eq(key, str_from(*names)))
            return true;
    }
    return false;
}

/* An id, a telephone, a time of the provider's: in one piece, under a name that is known. */
static bool is_providers(struct str key, struct str value)
{
    static const char *const names[] = {"id",
                                        "wa_id",
                                        "from",
                                        "to",
                                        "recipient_id",
                                        "phone_number_id",
                                        "user_id",
                                        "parent_user_id",
                                        "display_phone_number",
                                        "from_user_id",
                                        "recipient_user_id",
                                        "timestamp",
                                        "message_id",
                                        "email_id",
                                        "original_message_id",
                                        "sha256",
                                        NULL};

    bool named = is_one_of(key, names) || str_ends(key, STR("Sid")); /* Twilio's */

    return named && str_find(value, STR(" ")) == value.len;
}

static void look_at_text(struct writer *writer, struct str key, size_t at, size_t end,
                         size_t *n)
{
    struct str raw = str_slice(writer->in, at, end - at), plain, clean;
    size_t before = *n;

    if (is_providers(key, raw) || !cards_may(raw))
        return;
    plain = str_find(raw, STR("\\")) < raw.len ? unescape(writer->into, raw) : raw;
    clean = cards_redact(writer->into, plain, n);
    if (*n > before)
        replace(writer, at, end, escape(writer->into, clean));
}

static struct str without_signs(struct str raw)
{
    static const char signs[] = " \t\r\n:,[]{}";

    while (raw.len > 0 && strchr(signs, raw.at[0]) != NULL)
        raw = str_slice(raw, 1, raw.len);
    while (raw.len > 0 && strchr(signs, raw.at[raw.len - 1]) != NULL)
        raw = str_slice(raw, 0, raw.len - 1);
    return raw;
}

/* What stands between texts: a number of JSON stays one. */
static void look_between(struct writer *writer, struct str key, size_t at, size_t end,
                         size_t *n)
{
    struct str raw = str_slice(writer->in, at, end - at);
    struct card_span span;
    size_t from = 0;

    if (raw.len < 13 || is_providers(key, without_signs(raw)))
        return;
    while (cards_next(raw, from, &span)) {
        char *ones = arena_alloc(writer->into, span.len + 1);
        memset(ones, '1', span.len);
        replace(writer, at + span.at, at + span.at + span.len, (struct str){ones, span.len});
        from = span.at + span.len;
        ++*n;
    }
}

static size_t text_end(struct str body, size_t at)
{
    while (at < body.len && body.at[at] != '"')
        at += body.at[at] == '\\' ? 2 : 1;
    return at < body.len ? at : body.len;
}

static bool is_key(struct str body, size_t end)
{
    size_t at = end + 1;

    while (at < body.len && (body.at[at] == ' ' || body.at[at] == '\n' || body.at[at] == '\r' ||
                             body.at[at] == '\t'))
        at++;
    return at < body.len && body.at[at] == ':';
}

/* With `n` NULL: withhold what is a whole page or mail within, since tags may part a number. */
static struct str walk(struct arena *into, struct str body, size_t *n)
{
    static const char *const pages[] = {"html", "raw", NULL};
    struct writer writer = {.into = into, .in = body};
    struct str key = STR_NONE;
    size_t at = 0;

    while (at < body.len) {
        size_t begin = at, end;
        while (at < body.len && body.at[at] != '"')
            at++;
        if (n != NULL)
            look_between(&writer, key, begin, at, n);
        if (at == body.len)
            break;
        end = text_end(body, ++at);
        if (is_key(body, end)) {
            key = str_slice(body, at, end - at);
        } else if (n != NULL) {
            look_at_text(&writer, key, at, end, n);
        } else if (is_one_of(key, pages)) {
            replace(&writer, at, end, STR(REDACT_WITHHELD));
        }
        at = end + 1;
    }
    if (writer.copied == 0)
        return body;
    put(&writer, str_slice(body, writer.copied, body.len));
    return (struct str){writer.out, writer.len};
}

struct str redact_json(struct arena *into, struct str body, size_t *n)
{
    size_t before = *n;
    struct str clean = walk(into, body, n);

    return *n > before ? walk(into, clean, NULL) : clean;
}
