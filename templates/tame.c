#include "templates/tame.h"

#include "templates/out.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

/* The length of a mark at `at` that may not come from outside: the bidi embeddings, overrides
 * and isolates (U+202A-202E, U+2066-2069) and control characters but tab and line feed. */
static size_t unwanted(struct str text, size_t at)
{
    const unsigned char *byte = (const unsigned char *)text.at + at;
    if ((*byte < 0x20 && *byte != '\n' && *byte != '\t') || *byte == 0x7F)
        return 1;
    if (*byte != 0xE2 || at + 2 >= text.len)
        return 0;
    bool embedding = byte[1] == 0x80 && byte[2] >= 0xAA && byte[2] <= 0xAE;
    bool isolate = byte[1] == 0x81 && byte[2] >= 0xA6 && byte[2] <= 0xA9;
    return embedding || isolate ? 3 : 0;
}

struct str tame_marks(struct arena *into, struct str text)
{
    size_t at = 0;
    while (at < text.len && unwanted(text, at) == 0)
        at++;
    if (at == text.len)
        return text;
    char *clean = arena_alloc(into, text.len);
    memcpy(clean, text.at, at);
    size_t len = at;
    while (at < text.len) {
        size_t skip = unwanted(text, at);
        if (skip == 0)
            clean[len++] = text.at[at++];
        at += skip;
    }
    return (struct str){clean, len};
}

/*
 * WhatsApp shows *bold*, _italic_, ~struck~ and `fixed` where such a sign stands at the edge of
 * a word, so a customer's "*free*" would look like ours, and "size ~40, ~45" would be struck
 * through. Signs at an edge become their look-alikes, which no channel reads as markup. Signs
 * between letters or digits mark nothing up anywhere ("A_12", "2*3") and stay, so that numbers
 * can be copied. An invisible character beside the sign would read as well but is no sure cure
 * (clients differ in what they take for an edge) and would be copied along unseen.
 */
static struct str look_alike(char sign)
{
    switch (sign) {
    case '*':
        return STR("\u2217");
    case '_':
        return STR("\u02CD");
    case '~':
        return STR("\u223C");
    case '`':
        return STR("\u02CB");
    default:
        return STR_NONE;
    }
}

static bool is_within_word(struct str text, size_t at)
{
    UChar32 before = 0;
    UChar32 after = 0;
    int32_t back = (int32_t)at;
    int32_t on = (int32_t)at + 1;
    if (at == 0 || at + 1 >= text.len)
        return false;
    U8_PREV((const uint8_t *)text.at, 0, back, before);
    U8_NEXT((const uint8_t *)text.at, on, (int32_t)text.len, after);
    return before >= 0 && after >= 0 && u_isalnum(before) && u_isalnum(after);
}

struct str tame_markup(struct arena *into, struct str text)
{
    struct out plain;
    size_t from = 0;
    if (str_starts(text, STR("https://")) || str_starts(text, STR("http://")))
        return text;
    for (size_t at = 0; at < text.len; at++) {
        struct str instead = look_alike(text.at[at]);
        if (instead.len == 0 || is_within_word(text, at))
            continue;
        if (from == 0)
            out_init(&plain, into, text.len + 8);
        out_add(&plain, str_slice(text, from, at - from));
        out_add(&plain, instead);
        from = at + 1;
    }
    if (from == 0)
        return text;
    out_add(&plain, str_slice(text, from, text.len));
    return out_text(&plain);
}

struct str tame(struct arena *into, struct str text)
{
    return tame_markup(into, tame_marks(into, text));
}
