/*
 * How much a word, a piece of one or a letter speaks against each language that we can tell
 * apart. Learnt when Parley is built (compile/tongues.c), from languages.txt and from the
 * sentences of train/; in whole numbers, so that every machine comes to the same.
 *
 * There are two tables, for there are two scripts whose languages are hard to tell apart. A row
 * has a cost for each language: eighths of a bit, none for the one that it fits best.
 */
#pragma once

#include "flows/understand/letters.h"

enum {
    TONGUES_MAX = 32,    /* of a table */
    TONGUE_OTHER = 255,  /* no language of ours */
    TONGUE_BIT = 8,      /* what one bit costs */
    TONGUE_PIECE_MAX = 3 /* letters */
};

struct tongues {
    size_t n;
    const uint8_t *langs; /* of each: enum lang, or TONGUE_OTHER */
    uint32_t mask;        /* slots, less one */
    const uint32_t *keys; /* 0: an empty slot */
    const uint16_t *rows; /* of each slot: which row */
    const uint8_t *costs; /* `n` a row */
};

extern const struct tongues tongues_latin;
extern const struct tongues tongues_arabic;

/* Keys: of a levelled word; of a letter as it was written; of neighbours in a word, whose ends
 * are '^' and '$'. None is 0. */
static inline uint32_t tongue_key_word(struct str word)
{
    return letters_hash(word) | 1U;
}

static inline uint32_t tongue_key_piece(const uint32_t *points, size_t n)
{
    uint32_t hash = 0x9E3779B9U * (uint32_t)(n + 1);

    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ points[i]) * 0x85EBCA6BU;
        hash ^= hash >> 15;
    }
    return hash | 1U;
}

static inline uint32_t tongue_key_letter(uint32_t c)
{
    return tongue_key_piece((const uint32_t[]){'~', c, '~', '~'}, 4);
}

/* The costs of that key, `n` of them; NULL when it was never met. */
const uint8_t *tongues_find(const struct tongues *tongues, uint32_t key);
