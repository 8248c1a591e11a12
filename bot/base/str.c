/*
 * Text by Unicode's rules. What is said in every function: bytes first, ICU last. Most of what
 * we handle is ASCII (ids, numbers, English), and for ASCII the rules are known without asking:
 * every character stands for itself, and only CR LF holds together. ICU is called for the rest.
 *
 * Nothing here is shared between calls but a break iterator per thread: opening one costs some
 * 2 us (and the first of a process some 100), keeping one costs nothing.
 */
#include "bot/base/str.h"

#include "bot/base/arena.h"
#include "bot/base/ascii.h"

#include <pthread.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>

/* ICU counts in 32 bits; three bytes of UTF-8 per unit must still fit. */
#define ICU_TEXT_MAX ((size_t)INT32_MAX / 8)

#define ELLIPSIS    "\u2026"
#define REPLACEMENT "\uFFFD"

/* --- bytes ------------------------------------------------------------------------------ */

struct str str_from(const char *terminated)
{
    return terminated ? (struct str){terminated, strlen(terminated)} : STR_NONE;
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len && str_eq(str_slice(text, 0, prefix.len), prefix);
}

bool str_ends(struct str text, struct str suffix)
{
    return text.len >= suffix.len &&
           str_eq(str_slice(text, text.len - suffix.len, suffix.len), suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.at, b.at, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

struct str str_slice(struct str text, size_t from, size_t len)
{
    if (!text.at)
        return STR_NONE;
    if (from > text.len)
        from = text.len;
    if (len > text.len - from)
        len = text.len - from;
    return (struct str){text.at + from, len};
}

size_t str_find(struct str text, struct str needle)
{
    if (needle.len == 0)
        return 0;
    if (needle.len > text.len)
        return text.len;
    const char *found = memmem(text.at, text.len, needle.at, needle.len);
    return found ? (size_t)(found - text.at) : text.len;
}

bool str_split(struct str *rest, char separator, struct str *piece)
{
    if (rest->len == 0)
        return false;
    const char *found = memchr(rest->at, separator, rest->len);
    size_t len = found ? (size_t)(found - rest->at) : rest->len;
    *piece = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len + 1, rest->len);
    return true;
}

/* Counted downwards, since the lowest number has no positive twin. */
bool str_to_int(struct str text, int64_t *value)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    struct str digits = str_slice(text, negative ? 1 : 0, text.len);
    int64_t number = 0;
    if (digits.len == 0)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, digits.at[i] - '0', &number))
            return false;
    }
    if (!negative && number == INT64_MIN)
        return false;
    *value = negative ? number : -number;
    return true;
}

/* --- UTF-8 ------------------------------------------------------------------------------ */

static bool ascii_only(struct str text)
{
    unsigned char any = 0;
    for (size_t i = 0; i < text.len; i++)
        any |= (unsigned char)text.at[i];
    return any < 0x80;
}

/* What the lead byte promises: how many bytes, and the smallest number that may take so many.
 */
static size_t lead_length(unsigned char lead, uint32_t *bits, uint32_t *least)
{
    if (lead < 0x80) {
        *bits = lead;
        *least = 0;
        return 1;
    }
    if (lead >= 0xC2 && lead < 0xE0) {
        *bits = lead & 0x1F;
        *least = 0x80;
        return 2;
    }
    if (lead >= 0xE0 && lead < 0xF0) {
        *bits = lead & 0x0F;
        *least = 0x800;
        return 3;
    }
    if (lead >= 0xF0 && lead < 0xF5) {
        *bits = lead & 0x07;
        *least = 0x10000;
        return 4;
    }
    return 0;
}

/* Length of the well-formed character that `text` begins with; 0 when it begins with none. */
static size_t character(struct str text, uint32_t *code)
{
    uint32_t bits = 0;
    uint32_t least = 0;
    size_t len = text.len > 0 ? lead_length((unsigned char)text.at[0], &bits, &least) : 0;
    if (len == 0 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if ((c & 0xC0) != 0x80)
            return 0;
        bits = bits << 6 | (c & 0x3F);
    }
    if (bits < least || bits > 0x10FFFF || (bits >= 0xD800 && bits < 0xE000))
        return 0;
    *code = bits;
    return len;
}

/* As `character`, for the end of the text. */
static size_t last_character(struct str text, uint32_t *code)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++) {
        const char *tail = text.at + text.len - len;
        if (((unsigned char)*tail & 0xC0) != 0x80)
            return character((struct str){tail, len}, code) == len ? len : 0;
    }
    return 0;
}

/* Where the run of plain ASCII that begins at `at` ends: eight bytes at a step, as most text is
 * nothing else. A NUL is not plain. */
static size_t after_plain(struct str text, size_t at)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t word;

    for (; text.len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text.at + at, sizeof word);
        if ((word | (word - ones)) & highs)
            break;
    }
    while (at < text.len && text.at[at] > 0)
        at++;
    return at;
}

bool str_is_utf8(struct str text)
{
    uint32_t code = 0;
    for (size_t at = after_plain(text, 0); at < text.len; at = after_plain(text, at)) {
        size_t len = character(str_slice(text, at, 4), &code);
        if (len == 0 || code == 0)
            return false;
        at += len;
    }
    return true;
}

struct str str_sane(struct arena *into, struct str text)
{
    if (!text.at || str_is_utf8(text))
        return text;
    char *copy = arena_alloc_array(into, text.len, strlen(REPLACEMENT));
    size_t n = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t code = 0;
        size_t len = character(str_slice(text, at, 4), &code);
        bool good = len > 0 && code != 0;
        struct str put = good ? (struct str){text.at + at, len} : STR(REPLACEMENT);
        memcpy(copy + n, put.at, put.len);
        n += put.len;
        at += good ? len : 1;
    }
    return (struct str){copy, n};
}

/* Where the code point number `count` ends, or the text's end if it has fewer. */
static size_t after_characters(struct str text, size_t count)
{
    size_t at = 0;
    uint32_t code = 0;
    for (; at < text.len && count > 0; count--) {
        size_t len = character(str_slice(text, at, 4), &code);
        at += len > 0 ? len : 1;
    }
    return at;
}

size_t str_length(struct str text)
{
    size_t n = 0;
    uint32_t code = 0;
    for (size_t at = 0; at < text.len; n++) {
        size_t len = character(str_slice(text, at, 4), &code);
        at += len > 0 ? len : 1;
    }
    return n;
}

struct str str_trim(struct str text)
{
    uint32_t code = 0;
    size_t len = 0;
    while ((len = character(text, &code)) > 0 && u_isUWhiteSpace((UChar32)code))
        text = str_slice(text, len, text.len);
    while ((len = last_character(text, &code)) > 0 && u_isUWhiteSpace((UChar32)code))
        text = str_slice(text, 0, text.len - len);
    return text;
}

/* --- graphemes -------------------------------------------------------------------------- */

static pthread_once_t iterator_once = PTHREAD_ONCE_INIT;
static pthread_key_t iterator_key;

static void iterator_close(void *iterator)
{
    ubrk_close(iterator);
}

static void iterator_key_make(void)
{
    (void)pthread_key_create(&iterator_key, iterator_close);
}

/* This thread's iterator over graphemes; NULL when ICU has lost its data. */
static UBreakIterator *grapheme_iterator(void)
{
    (void)pthread_once(&iterator_once, iterator_key_make);
    UBreakIterator *iterator = pthread_getspecific(iterator_key);
    if (iterator)
        return iterator;
    UErrorCode status = U_ZERO_ERROR;
    iterator = ubrk_open(UBRK_CHARACTER, "", NULL, 0, &status);
    if (U_FAILURE(status))
        return NULL;
    (void)pthread_setspecific(iterator_key, iterator);
    return iterator;
}

/* Where the last grapheme of `text` begins. */
static size_t last_grapheme(struct str text)
{
    UBreakIterator *iterator = text.len <= ICU_TEXT_MAX ? grapheme_iterator() : NULL;
    UErrorCode status = U_ZERO_ERROR;
    UText window = UTEXT_INITIALIZER;
    if (!iterator)
        return text.len;
    utext_openUTF8(&window, text.at, (int64_t)text.len, &status);
    ubrk_setUText(iterator, &window, &status);
    int32_t at = U_FAILURE(status) ? 0 : ubrk_preceding(iterator, (int32_t)text.len);
    utext_close(&window);
    return at > 0 ? (size_t)at : 0;
}

/* The last place at or before `at` where `text` may be cut. Whether a place is one hangs on
 * what stands before it and on the one character after it (UAX 29), so that is all ICU sees. */
static size_t cut_place(struct str text, size_t at)
{
    if (at == 0 || at >= text.len)
        return at;
    unsigned char before = (unsigned char)text.at[at - 1];
    unsigned char after = (unsigned char)text.at[at];
    if (before < 0x80 && after < 0x80)
        return before == '\r' && after == '\n' ? at - 1 : at;
    size_t next = after_characters(str_slice(text, at, 4), 1);
    size_t place = last_grapheme(str_slice(text, 0, at + next));
    return place < at ? place : at;
}

struct str str_cut(struct arena *into, struct str text, size_t max)
{
    if (text.len <= max || after_characters(text, max) == text.len)
        return text;
    if (max == 0)
        return STR_NONE;
    size_t place = cut_place(text, after_characters(text, max - 1));
    if (place == 0 && last_grapheme(text) == 0)
        return STR_NONE;
    char *copy = arena_alloc(into, place + sizeof(ELLIPSIS));
    memcpy(copy, text.at, place);
    memcpy(copy + place, ELLIPSIS, sizeof(ELLIPSIS));
    return (struct str){copy, place + strlen(ELLIPSIS)};
}

/* --- folding ---------------------------------------------------------------------------- */

/* UTF-16, as ICU wants it. */
struct wide {
    UChar *at;
    int32_t len;
};

/* No text has more UTF-16 units than UTF-8 bytes. */
static struct wide widen(struct arena *into, struct str text)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t room = (int32_t)text.len + 1;
    struct wide wide = {arena_array(into, UChar, (size_t)room), 0};
    u_strFromUTF8WithSub(wide.at, room, &wide.len, text.at, (int32_t)text.len, 0xFFFD, NULL,
                         &status);
    return wide;
}

static struct str narrow(struct arena *into, struct wide wide)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t room = wide.len * 3 + 1;
    int32_t len = 0;
    char *text = arena_alloc(into, (size_t)room);
    u_strToUTF8WithSub(text, room, &len, wide.at, wide.len, 0xFFFD, NULL, &status);
    return (struct str){text, (size_t)len};
}

static struct wide wide_lower(struct arena *into, struct wide in)
{
    struct wide out = {NULL, in.len + 16};
    UErrorCode status = U_BUFFER_OVERFLOW_ERROR;
    while (status == U_BUFFER_OVERFLOW_ERROR) {
        int32_t room = out.len + 1;
        status = U_ZERO_ERROR;
        out.at = arena_array(into, UChar, (size_t)room);
        out.len = u_strToLower(out.at, room, in.at, in.len, "", &status);
    }
    return U_FAILURE(status) ? in : out;
}

static struct wide wide_normal(struct arena *into, const UNormalizer2 *form, struct wide in)
{
    struct wide out = {NULL, in.len + 16};
    UErrorCode status = U_BUFFER_OVERFLOW_ERROR;
    while (form && status == U_BUFFER_OVERFLOW_ERROR) {
        int32_t room = out.len + 1;
        status = U_ZERO_ERROR;
        out.at = arena_array(into, UChar, (size_t)room);
        out.len = unorm2_normalize(form, in.at, in.len, out.at, room, &status);
    }
    return U_FAILURE(status) ? in : out;
}

static const UNormalizer2 *composed(void)
{
    UErrorCode status = U_ZERO_ERROR;
    return unorm2_getNFCInstance(&status);
}

struct str str_fold(struct arena *into, struct str text)
{
    if (ascii_only(text))
        return ascii_lowered(into, text);
    if (text.len > ICU_TEXT_MAX)
        return arena_str(into, text);
    return narrow(into, wide_normal(into, composed(), wide_lower(into, widen(into, text))));
}
