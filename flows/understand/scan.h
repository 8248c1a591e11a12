/*
 * A text as marks: words, numbers and signs, each with its place. The finders read these, and
 * what one has read it takes, so that no other reads the same characters again.
 */
#pragma once

#include "bot/base/arena.h"
#include "flows/understand/lexicon.h"

enum { MARKS_MAX = 200, SCAN_BYTES_MAX = 2000 }; /* beyond, a text is not read */

struct span {
    uint32_t from; /* bytes of the text */
    uint32_t to;
};

enum mark_kind { MARK_WORD, MARK_NUMBER, MARK_SIGN };

struct mark {
    struct str text; /* a word or number, levelled */
    int64_t value;   /* a number; -1 beyond 18 digits */
    uint64_t is;     /* a word: a bit for each class of the lexicon that it has */
    struct span at;
    uint32_t sign;  /* a sign: its code point; dashes are '-', Arabic commas ',' or '.' */
    uint16_t entry; /* a word: its first entry of the lexicon */
    uint8_t entries;
    uint8_t kind; /* enum mark_kind */
    bool glued;   /* nothing stands between it and the mark before */
    bool taken;   /* a finder has read it */
};

struct scan {
    struct str text;
    struct mark *marks;
    size_t n;
};

void scan_read(struct arena *into, struct str text, struct scan *scan);

int scan_value(const struct mark *mark, enum lexicon_class is);

/* Whether mark `i` is there, free, and a word of that class. `value` may be NULL. */
static inline bool scan_is(const struct scan *scan, size_t i, enum lexicon_class is, int *value)
{
    if (i >= scan->n || !(scan->marks[i].is >> is & 1) || scan->marks[i].taken)
        return false;
    if (value)
        *value = scan_value(&scan->marks[i], is);
    return true;
}

bool scan_is_sign(const struct scan *scan, size_t i, uint32_t sign);

/* A free number of at most `digits` digits. */
bool scan_is_number(const struct scan *scan, size_t i, size_t digits);

/* A number that touches letters is a part of something else, as in "A12/03". */
bool scan_is_within(const struct scan *scan, size_t i);

/* Marks `from` up to, not with, `to` are read; gives their place. */
struct span scan_take(struct scan *scan, size_t from, size_t to);

/* The number at mark `i`, in digits or in simple words ("twenty five", "dos mil"): how
 * many marks it takes, 0 when there is none. */
size_t scan_number(const struct scan *scan, size_t i, int64_t *value);
