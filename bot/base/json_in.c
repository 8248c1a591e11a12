/*
 * One pass over a copy of the text. A string without escapes is a slice of the copy; one with
 * escapes is unescaped in place, as it only gets shorter.
 */
#include "bot/base/json_in.h"

#include "bot/base/ascii.h"

#define DEPTH_MAX 2048 /* as jansson's */

static void fail(struct json_in *in)
{
    in->broken = true;
    in->at = in->end;
}

static void pass_space(struct json_in *in)
{
    while (in->at < in->end &&
           (*in->at == ' ' || *in->at == '\n' || *in->at == '\r' || *in->at == '\t'))
        in->at++;
}

static bool take(struct json_in *in, char byte)
{
    pass_space(in);
    if (in->at == in->end || *in->at != byte)
        return false;
    in->at++;
    return true;
}

void json_in_init(struct json_in *in, struct arena *into, struct str text)
{
    struct str copy = arena_str(into, text);

    *in = (struct json_in){.at = copy.at, .end = copy.at + copy.len, .into = into};
    if (!str_is_utf8(text))
        fail(in);
}

enum json_kind json_next(struct json_in *in)
{
    pass_space(in);
    if (in->at == in->end)
        return JSON_IN_NOTHING;
    switch (*in->at) {
    case '{':
        return JSON_IN_OBJECT;
    case '[':
        return JSON_IN_ARRAY;
    case '"':
        return JSON_IN_TEXT;
    case 't':
    case 'f':
    case 'n':
        return JSON_IN_WORD;
    default:
        return *in->at == '-' || (*in->at >= '0' && *in->at <= '9') ? JSON_IN_NUMBER
                                                                    : JSON_IN_NOTHING;
    }
}

void json_enter(struct json_in *in, char bracket)
{
    if (!take(in, bracket) || ++in->depth > DEPTH_MAX) {
        fail(in);
        return;
    }
    in->fresh = true;
}

bool json_more(struct json_in *in, char bracket)
{
    bool first = in->fresh;

    in->fresh = false;
    if (in->broken)
        return false;
    if (take(in, bracket)) {
        in->depth--;
        return false;
    }
    if (!first && !take(in, ',')) {
        fail(in);
        return false;
    }
    return true;
}

/* --- strings ------------------------------------------------------------------------------ */

/* The four digits behind "\u"; -1 when they are none. */
static int32_t take_hex(struct json_in *in)
{
    int32_t code = 0;

    if (in->end - in->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = ascii_hex(*in->at++);
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

/* A character by its number, or by a pair of surrogates; 0 when there is none such. */
static uint32_t take_code(struct json_in *in)
{
    int32_t high = take_hex(in), low;

    if (high <= 0 || (high >= 0xDC00 && high < 0xE000))
        return 0;
    if (high < 0xD800 || high >= 0xE000)
        return (uint32_t)high;
    if (in->end - in->at < 6 || in->at[0] != '\\' || in->at[1] != 'u')
        return 0;
    in->at += 2;
    low = take_hex(in);
    if (low < 0xDC00 || low >= 0xE000)
        return 0;
    return 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
}

static char *put_code(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* What stands behind a backslash; NULL when nothing may. */
static char *put_escape(struct json_in *in, char *to)
{
    static const char from[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    char c = (char)(in->at < in->end ? *in->at++ : '\0');
    const char *found = c ? strchr(from, c) : NULL;
    uint32_t code;

    if (found) {
        *to = means[found - from];
        return to + 1;
    }
    code = c == 'u' ? take_code(in) : 0;
    return code ? put_code(to, code) : NULL;
}

/* The rest of a string whose first escape stands at in->at; `text` is what came before. */
static struct str unescape(struct json_in *in, const char *text)
{
    char *to = (char *)text + (in->at - text); /* the copy is ours */

    while (in->at < in->end && *in->at != '"') {
        unsigned char c = (unsigned char)*in->at++;
        if (c == '\\') {
            to = put_escape(in, to);
        } else if (c >= ' ') {
            *to++ = (char)c;
        } else {
            to = NULL;
        }
        if (!to)
            break;
    }
    if (!to || in->at == in->end) {
        fail(in);
        return STR_NONE;
    }
    in->at++;
    return (struct str){text, (size_t)(to - text)};
}

struct str json_in_text(struct json_in *in)
{
    const char *text;

    if (!take(in, '"')) {
        fail(in);
        return STR_NONE;
    }
    text = in->at;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at == '\\' || (unsigned char)*in->at < ' ')
            return unescape(in, text);
        in->at++;
    }
    if (in->at == in->end) {
        fail(in);
        return STR_NONE;
    }
    return (struct str){text, (size_t)(in->at++ - text)};
}

struct str json_in_key(struct json_in *in)
{
    struct str key = json_in_text(in);

    if (take(in, ':'))
        return key;
    fail(in);
    return STR_NONE;
}

/* --- numbers and words -------------------------------------------------------------------- */

static size_t pass_digits(struct json_in *in)
{
    const char *from = in->at;

    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return (size_t)(in->at - from);
}

/* A number as JSON has it, without a zero in front; whether it is a whole one. */
static struct str take_number(struct json_in *in, bool *whole)
{
    const char *from;

    pass_space(in);
    from = in->at;
    *whole = true;
    if (in->at < in->end && *in->at == '-')
        in->at++;
    bool zero = in->at < in->end && *in->at == '0';
    size_t n = pass_digits(in);
    bool good = n > 0 && (!zero || n == 1);
    if (in->at < in->end && *in->at == '.') {
        in->at++;
        *whole = false;
        good = pass_digits(in) > 0 && good;
    }
    if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
        in->at++;
        *whole = false;
        if (in->at < in->end && (*in->at == '+' || *in->at == '-'))
            in->at++;
        good = pass_digits(in) > 0 && good;
    }
    if (!good)
        fail(in);
    return good ? (struct str){from, (size_t)(in->at - from)} : STR_NONE;
}

int64_t json_in_int(struct json_in *in)
{
    bool whole;
    int64_t number = 0;
    struct str digits = take_number(in, &whole);

    if (whole && str_to_int(digits, &number))
        return number;
    fail(in);
    return 0;
}

char json_in_word(struct json_in *in)
{
    static const char *const words[] = {"true", "false", "null"};

    pass_space(in);
    for (size_t i = 0; i < COUNTOF(words); i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(in->end - in->at) < len || memcmp(in->at, words[i], len) != 0)
            continue;
        in->at += len;
        return words[i][0];
    }
    fail(in);
    return '\0';
}

static void skip_plain(struct json_in *in)
{
    bool whole;

    switch (json_next(in)) {
    case JSON_IN_TEXT:
        (void)json_in_text(in);
        break;
    case JSON_IN_NUMBER:
        (void)take_number(in, &whole);
        break;
    case JSON_IN_WORD:
        (void)json_in_word(in);
        break;
    default:
        fail(in);
    }
}

void json_skip(struct json_in *in)
{
    char closing[DEPTH_MAX]; /* of what was entered here */
    int n = 0;

    do {
        enum json_kind kind = json_next(in);
        if (kind == JSON_IN_OBJECT || kind == JSON_IN_ARRAY) {
            json_enter(in, kind == JSON_IN_OBJECT ? '{' : '[');
            if (in->broken)
                return;
            closing[n++] = kind == JSON_IN_OBJECT ? '}' : ']';
        } else {
            skip_plain(in);
        }
        while (n > 0 && !json_more(in, closing[n - 1]))
            n--;
        if (n > 0 && closing[n - 1] == '}')
            (void)json_in_key(in);
    } while (n > 0);
}

bool json_in_end(struct json_in *in)
{
    pass_space(in);
    return !in->broken && in->at == in->end;
}
