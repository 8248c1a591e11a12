/* Forms and mail: see redact.h. */
#include "webhooks/redact.h"

#include "bot/base/cards.h"

/* --- forms ---------------------------------------------------------------------------------
 */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A byte that `sign` and two hex digits at `at` stand for; -1: they do not. */
static int coded(struct str text, size_t at, char sign)
{
    int high, low;

    if (text.at[at] != sign || at + 2 >= text.len)
        return -1;
    high = hex_value(text.at[at + 1]);
    low = hex_value(text.at[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static struct str form_decode(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t at = 0; at < text.len; at++) {
        int byte = coded(text, at, '%');
        out[len++] = (char)(byte >= 0 ? byte : text.at[at] == '+' ? ' ' : text.at[at]);
        at += byte >= 0 ? 2 : 0;
    }
    return (struct str){out, len};
}

static struct str form_encode(struct arena *into, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(into, 3 * text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            c == '*' || c == '-' || c == '.' || c == '_') {
            out[len++] = (char)c;
        } else if (c == ' ') {
            out[len++] = '+';
        } else {
            out[len++] = '%';
            out[len++] = hex[c >> 4];
            out[len++] = hex[c & 15];
        }
    }
    return (struct str){out, len};
}

/* Telephones, whose plus a form may have lost; the provider's ids, by which a delivery that
 * waits on the disk is known when it is handed in anew, and its addresses of files. One in some
 * thousands of these has a card's digits by chance. */
static bool is_providers(struct str name)
{
    return str_eq(name, STR("From")) || str_eq(name, STR("To")) || str_eq(name, STR("WaId")) ||
           str_ends(name, STR("Sid")) || str_starts(name, STR("MediaUrl"));
}

static size_t append(char *out, size_t len, struct str text)
{
    if (text.len > 0)
        memcpy(out + len, text.at, text.len);
    return len + text.len;
}

struct str redact_form(struct arena *into, struct str body, size_t *n)
{
    char *out = arena_alloc(into, 3 * body.len + 1);
    struct str rest = body, field;
    size_t before = *n, len = 0;

    while (str_split(&rest, '&', &field)) {
        size_t equals = str_find(field, STR("=")), found = *n;
        struct str name = str_slice(field, 0, equals);
        struct str value = str_slice(field, equals + 1, field.len);
        struct str clean = value;
        if (!is_providers(name) && cards_may(value))
            clean = cards_redact(into, form_decode(into, value), n);
        len = append(out, len, len > 0 ? STR("&") : STR(""));
        if (*n > found) {
            len = append(out, len, name);
            len = append(out, len, STR("="));
            len = append(out, len, form_encode(into, clean));
        } else {
            len = append(out, len, field);
        }
    }
    return *n > before ? (struct str){out, len} : body;
}

/* --- mail ----------------------------------------------------------------------------------
 */

enum coding { CODING_PLAIN, CODING_QUOTED, CODING_BASE64 };

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

static struct str decode_base64(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.at[i]);
        if (value < 0)
            continue;
        bits = (bits << 6 | (unsigned)value) & 0xFFFFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[len++] = (char)(bits >> held & 0xFF);
        }
    }
    return (struct str){out, len};
}

static struct str decode_quoted(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t at = 0; at < text.len; at++) {
        int byte = coded(text, at, '=');
        if (byte >= 0) {
            out[len++] = (char)byte;
            at += 2;
        } else if (text.at[at] == '=' && at + 1 < text.len &&
                   (text.at[at + 1] == '\n' || text.at[at + 1] == '\r')) {
            at +=
                text.at[at + 1] == '\r' && at + 2 < text.len && text.at[at + 2] == '\n' ? 2 : 1;
        } else {
            out[len++] = text.at[at];
        }
    }
    return (struct str){out, len};
}

/* Without tags, and with a space for what HTML calls one. */
static struct str without_tags(struct arena *into, struct str text)
{
    static const char *const spaces[] = {"&nbsp;", "&#160;", "&#xa0;", "&#xA0;", "&#32;"};
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;
    bool tag = false;

    for (size_t at = 0; at < text.len; at++) {
        size_t skip = 0;
        for (size_t i = 0; text.at[at] == '&' && i < COUNTOF(spaces); i++) {
            if (str_starts(str_slice(text, at, 6), str_from(spaces[i])))
                skip = strlen(spaces[i]);
        }
        tag |= text.at[at] == '<';
        if (skip > 0 && !tag) {
            out[len++] = ' ';
            at += skip - 1;
        } else if (!tag) {
            out[len++] = text.at[at];
        }
        tag &= text.at[at] != '>';
    }
    return (struct str){out, len};
}

static bool has_card(struct arena *scratch, struct str text)
{
    struct card_span ignored;

    if (cards_may(text) && cards_next(text, 0, &ignored))
        return true;
    if (str_find(text, STR("<")) == text.len && str_find(text, STR("&")) == text.len)
        return false;
    text = without_tags(scratch, text);
    return cards_may(text) && cards_next(text, 0, &ignored);
}

static bool part_has(struct arena *scratch, struct str text, enum coding coding)
{
    if (coding == CODING_BASE64) {
        text = decode_base64(scratch, text);
    } else if (coding == CODING_QUOTED) {
        text = decode_quoted(scratch, text);
    }
    return has_card(scratch, text);
}

/* The headers that a person chooses the words of. */
static bool is_worded(struct str small)
{
    static const char *const names[] = {
        "subject:", "from:",     "to:",       "cc:",           "reply-to:",
        "sender:",  "comments:", "keywords:", "thread-topic:", "content-"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (str_starts(small, str_from(names[i])))
            return true;
    }
    return false;
}

/* A header as it stands, and what its encoded words ("=?utf-8?B?...?=") say together. */
static bool header_has(struct arena *scratch, struct str line)
{
    char *all = arena_alloc(scratch, line.len + 1);
    size_t len = 0;

    if (has_card(scratch, line))
        return true;
    for (size_t at = 0; at + 2 < line.len; at++) {
        struct str rest = str_slice(line, at + 2, line.len), charset, how, word, plain;
        if (line.at[at] != '=' || line.at[at + 1] != '?' || !str_split(&rest, '?', &charset) ||
            !str_split(&rest, '?', &how) || !str_split(&rest, '?', &word))
            continue;
        plain = how.len == 1 && (how.at[0] == 'B' || how.at[0] == 'b')
                    ? decode_base64(scratch, word)
                    : decode_quoted(scratch, word);
        len = append(all, len, plain);
        at = (size_t)(word.at - line.at) + word.len;
    }
    return has_card(scratch, (struct str){all, len});
}

/* What the headers of a part say of what follows them. */
struct part {
    bool words; /* a text, or a mail within */
    enum coding coding;
};

static void read_header(struct str small, struct part *part)
{
    if (str_starts(small, STR("content-type:"))) {
        part->words = str_find(small, STR("text/")) < small.len ||
                      str_find(small, STR("message/")) < small.len;
    } else if (str_starts(small, STR("content-transfer-encoding:"))) {
        part->coding = str_find(small, STR("base64")) < small.len   ? CODING_BASE64
                       : str_find(small, STR("quoted")) < small.len ? CODING_QUOTED
                                                                    : CODING_PLAIN;
    }
}

/* A header with the lines that go on with it. */
static struct str take_header(struct str *rest)
{
    size_t end = 0;

    while (end < rest->len) {
        size_t line = str_find(str_slice(*rest, end, rest->len), STR("\n"));
        end += line + 1;
        if (end >= rest->len || (rest->at[end] != ' ' && rest->at[end] != '\t'))
            break;
    }
    struct str header = str_slice(*rest, 0, end);
    *rest = str_slice(*rest, header.len, rest->len);
    return header;
}

/* Up to the next line that begins as a boundary does. */
static struct str take_body(struct str *rest)
{
    size_t end = str_starts(*rest, STR("--")) ? 0 : str_find(*rest, STR("\n--"));
    struct str body = str_slice(*rest, 0, end < rest->len ? end + 1 : rest->len);

    *rest = str_slice(*rest, body.len, rest->len);
    return body;
}

bool redact_mail_has(struct arena *scratch, struct str body)
{
    struct str rest = body;
    struct part part = {.words = true};
    bool found = false;

    while (rest.len > 0 && !found) {
        struct str header = take_header(&rest);
        if (str_trim(header).len > 0) {
            struct str small = str_fold(scratch, str_sane(scratch, header));
            read_header(small, &part);
            found = is_worded(small) && header_has(scratch, header);
            continue;
        }
        struct str text = take_body(&rest);
        found = part.words ? part_has(scratch, text, part.coding) : false;
        part = (struct part){.words = true};
    }
    return found;
}
