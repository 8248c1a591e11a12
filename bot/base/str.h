/*
 * Text: a pointer and a length.
 *
 * Bytes are borrowed unless a contract says otherwise; they need not be terminated. Text from
 * outside is valid UTF-8 once it has passed `str_is_utf8`; the cutting functions expect that.
 */
#pragma once

#include "bot/base/base.h"

#include <string.h>

struct arena;

struct str {
    const char *at;
    size_t len;
};

#define STR(literal)  ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE      ((struct str){NULL, 0})
#define STR_ARG(text) (int)(text).len, ((text).at ? (text).at : "") /* for "%.*s" */

/* A terminated string's text; NULL gives the empty text. */
struct str str_from(const char *terminated);

bool str_eq(struct str a, struct str b);
bool str_starts(struct str text, struct str prefix);
bool str_ends(struct str text, struct str suffix);

/* Byte order; shorter first on a tie. For sorting. */
int str_compare(struct str a, struct str b);

/* The part from `from`, at most `len` bytes; both are clamped to the text. */
struct str str_slice(struct str text, size_t from, size_t len);

/* Without white space (ASCII and Unicode) at both ends. */
struct str str_trim(struct str text);

/* Where `needle` begins, or `text.len` when it is not there. */
size_t str_find(struct str text, struct str needle);

/* Cut the first piece off `rest`, up to `separator`. False when nothing is left. */
bool str_split(struct str *rest, char separator, struct str *piece);

/* A decimal number that fills the whole text. False when it is anything else or overflows. */
MUST_USE bool str_to_int(struct str text, int64_t *value);

/* Whether the bytes are well-formed UTF-8 without U+0000. */
bool str_is_utf8(struct str text);

/* The text itself when it is UTF-8, else a copy in which U+FFFD stands for each bad byte and
 * NUL. */
struct str str_sane(struct arena *into, struct str text);

/* Code points, counting each ill-formed byte as one. What WhatsApp's limits count. */
size_t str_length(struct str text);

/*
 * Cut to at most `max` code points without splitting a grapheme (a letter with its accents, a
 * family emoji). A text that is cut ends in "…", which counts. Borrowed when it fits, else in
 * `into`. A text that is one grapheme too long for `max` comes back empty;
 * one of which not even the first grapheme fits comes back as "…".
 */
struct str str_cut(struct arena *into, struct str text, size_t max);

/* Lower case by Unicode's rules, root locale, normalised to NFC; for comparing what people
 * type. */
struct str str_fold(struct arena *into, struct str text);
