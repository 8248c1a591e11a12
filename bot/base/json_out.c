/*
 * Whether a comma is due is told by the last byte: after an opening bracket or a colon none is.
 * No text can be mistaken for those, as it ends in its quote.
 */
#include "bot/base/json_out.h"

static char *make_room(struct json_out *out, size_t more)
{
    if (out->room - out->len < more) {
        size_t room = 2 * out->room + more;
        char *wider = arena_alloc(out->into, room);
        memcpy(wider, out->at, out->len);
        out->at = wider;
        out->room = room;
    }
    return out->at + out->len;
}

static void put_byte(struct json_out *out, char byte)
{
    *make_room(out, 1) = byte;
    out->len++;
}

static void put_bytes(struct json_out *out, const char *bytes, size_t n)
{
    memcpy(make_room(out, n), bytes, n);
    out->len += n;
}

static void put_comma(struct json_out *out)
{
    char last = (char)(out->len > 0 ? out->at[out->len - 1] : '[');

    if (last != '{' && last != '[' && last != ':')
        put_byte(out, ',');
}

void json_out_init(struct json_out *out, struct arena *into, size_t room)
{
    *out = (struct json_out){into, arena_alloc(into, room), 0, room};
}

void json_open(struct json_out *out, char bracket)
{
    put_comma(out);
    put_byte(out, bracket);
}

void json_close(struct json_out *out, char bracket)
{
    put_byte(out, bracket);
}

static void put_escaped(struct json_out *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (const char *pair = shorts; *pair; pair += 2) {
        if ((unsigned char)pair[0] == c) {
            put_bytes(out, (char[]){'\\', pair[1]}, 2);
            return;
        }
    }
    put_bytes(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Where the run of what needs no escape ends, eight bytes at a step: no byte below a space, no
 * quote and no backslash. May stop early, at a byte behind one of those. */
static size_t after_run(struct str text, size_t at)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;

    for (; text.len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text.at + at, sizeof word);
        uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        if (((word - ones * ' ') | (quote - ones) | (slash - ones)) & ~word & highs)
            break;
    }
    while (at < text.len && (unsigned char)text.at[at] >= ' ' && text.at[at] != '"' &&
           text.at[at] != '\\')
        at++;
    return at;
}

static void put_string(struct json_out *out, struct str text)
{
    (void)make_room(out, text.len + 2);
    put_byte(out, '"');
    for (size_t from = 0, to; from < text.len; from = to + 1) {
        to = after_run(text, from);
        if (to > from)
            put_bytes(out, text.at + from, to - from);
        if (to < text.len)
            put_escaped(out, (unsigned char)text.at[to]);
    }
    put_byte(out, '"');
}

void json_key_of(struct json_out *out, struct str name)
{
    put_comma(out);
    put_string(out, str_sane(out->into, name));
    put_byte(out, ':');
}

void json_key(struct json_out *out, const char *name)
{
    put_comma(out);
    put_string(out, str_from(name));
    put_byte(out, ':');
}

void json_put_text(struct json_out *out, struct str text)
{
    put_comma(out);
    put_string(out, str_sane(out->into, text));
}

void json_put_int(struct json_out *out, int64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    put_comma(out);
    put_bytes(out, digits + at, sizeof digits - at);
}

void json_put_word(struct json_out *out, const char *word)
{
    put_comma(out);
    put_bytes(out, word, strlen(word));
}

void json_member(struct json_out *out, const char *name, struct str text)
{
    if (text.len == 0)
        return;
    json_key(out, name);
    json_put_text(out, text);
}

void json_open_in(struct json_out *out, const char *name, char bracket)
{
    json_key(out, name);
    json_open(out, bracket);
}

struct str json_out_text(const struct json_out *out)
{
    return (struct str){out->at, out->len};
}
