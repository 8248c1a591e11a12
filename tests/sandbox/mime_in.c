/*
 * A mail that came by SMTP, read: its head, and its words in both parts.
 *
 * It reads what our service writes (ASCII lines, RFC 2047 in base64, parts quoted or in base64)
 * and nothing cleverer; what it cannot read has no words, and is refused.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "tests/sandbox/sandbox.h"

#include <sodium.h>
#include <strings.h>

#define DEPTH_MAX 4

static struct str unbase64(struct arena *into, struct str text)
{
    unsigned char *out = arena_alloc(into, text.len + 1);
    size_t n = 0;
    if (sodium_base642bin(out, text.len + 1, text.at, text.len, "\r\n ", &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return STR_NONE;
    return (struct str){(const char *)out, n};
}

static struct str unquoted(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte;
        if (text.at[i] == '=' && i + 2 < text.len && text.at[i + 1] == '\r') {
            i += 2; /* the line goes on */
        } else if (text.at[i] == '=' && hex_parse(str_slice(text, i + 1, 2), &byte, 1)) {
            out[n++] = (char)byte;
            i += 2;
        } else if (text.at[i] != '\r') {
            out[n++] = text.at[i];
        }
    }
    return (struct str){out, n};
}

/* RFC 2047: a blank between two encoded words is none. */
static struct str words_of(struct arena *into, struct str text)
{
    static const struct str opens = {"=?UTF-8?B?", 10};
    struct str out = STR_NONE;
    for (;;) {
        size_t at = str_find(text, opens);
        struct str before = str_slice(text, 0, at);
        if (at == text.len || out.len == 0 || str_trim(before).len > 0)
            out = arena_concat(into, out, before);
        if (at == text.len)
            return out;
        text = str_slice(text, at + opens.len, text.len);
        size_t end = str_find(text, STR("?="));
        out = arena_concat(into, out, unbase64(into, str_slice(text, 0, end)));
        text = str_slice(text, end + 2, text.len);
    }
}

/* The next field, unfolded; false at the head's end. */
static bool next_field(struct arena *into, struct str *rest, struct str *name,
                       struct str *value)
{
    size_t end = str_find(*rest, STR("\r\n"));
    struct str line = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + 2, rest->len);
    while (line.len > 0 && rest->len > 0 && rest->at[0] == ' ') {
        end = str_find(*rest, STR("\r\n"));
        line = arena_concat(into, line, str_slice(*rest, 0, end));
        *rest = str_slice(*rest, end + 2, rest->len);
    }
    end = str_find(line, STR(":"));
    *name = str_slice(line, 0, end);
    *value = str_trim(str_slice(line, end + 1, line.len));
    return line.len > 0;
}

static bool is_named(struct str name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp(name.at, wanted, name.len) == 0;
}

static void read_part(struct arena *into, struct str part, json_t *mail, unsigned depth);

static void read_parts(struct arena *into, struct str type, struct str body, json_t *mail,
                       unsigned depth)
{
    size_t at = str_find(type, STR("boundary=\"")) + strlen("boundary=\"");
    struct str name = str_slice(type, at, type.len);
    struct str mark =
        arena_concat(into, STR("\r\n--"), str_slice(name, 0, str_find(name, STR("\""))));
    body = arena_concat(into, STR("\r\n"), body);
    for (at = str_find(body, mark); at < body.len; at = str_find(body, mark)) {
        body = str_slice(body, at + mark.len, body.len);
        if (str_starts(body, STR("\r\n")))
            read_part(into, str_slice(body, 2, str_find(body, mark) - 2), mail, depth + 1);
    }
}

static void read_part(struct arena *into, struct str part, json_t *mail, unsigned depth)
{
    struct str name, value, type = STR_NONE, how = STR_NONE;
    while (next_field(into, &part, &name, &value)) {
        if (is_named(name, "Content-Type"))
            type = value;
        if (is_named(name, "Content-Transfer-Encoding"))
            how = value;
    }
    const char *as = str_starts(type, STR("text/html"))    ? "html"
                     : str_starts(type, STR("text/plain")) ? "text"
                                                           : NULL;
    if (str_find(type, STR("boundary=\"")) < type.len && depth < DEPTH_MAX) {
        read_parts(into, type, part, mail, depth);
    } else if (as && !json_object_get(mail, as)) {
        json_set_text(mail, as,
                      is_named(how, "base64")             ? unbase64(into, part)
                      : is_named(how, "quoted-printable") ? unquoted(into, part)
                                                          : part);
    }
}

json_t *mime_read(struct arena *into, struct str bytes)
{
    struct str rest = bytes, name, value;
    json_t *mail = json_object(), *headers = json_object();
    while (next_field(into, &rest, &name, &value)) {
        const char *as = is_named(name, "from")         ? "from"
                         : is_named(name, "subject")    ? "subject"
                         : is_named(name, "reply-to")   ? "reply_to"
                         : is_named(name, "message-id") ? "message_id"
                                                        : NULL;
        json_set_text(as ? mail : headers, as ? as : arena_cstr(into, name),
                      words_of(into, value));
    }
    json_object_set_new(mail, "headers", headers);
    read_part(into, bytes, mail, 0);
    return mail;
}
