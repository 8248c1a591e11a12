/*
 * Words of four languages under the name of what they mean to a shop (concepts.txt).
 *
 * A sentence that was learnt in one language is recognised in another by what its words mean,
 * where their letters have nothing in common.
 */
#pragma once

#include "bot/base/str.h"

/* A word, or the beginning of words; sorted by its bytes. */
struct concept {
    const char *word;
    uint8_t len;
    bool begins; /* any word that begins so */
    uint8_t id;  /* the meaning, below CONCEPT_NAMES_MAX */
};

enum { CONCEPT_SLOTS = 16384, CONCEPT_NAMES_MAX = 250, CONCEPTS_OF_MAX = 3 };

extern const struct concept concepts[];
extern const uint16_t concept_slots[CONCEPT_SLOTS]; /* as lexicon_slots */
extern const uint32_t concepts_mark;                /* changes whenever concepts.txt does */

/* What a levelled word means: ids, at most CONCEPTS_OF_MAX. A word that stands there as it is
 * goes before a beginning, and a longer beginning before a shorter one. */
size_t concepts_of(struct str word, uint8_t ids[CONCEPTS_OF_MAX]);
