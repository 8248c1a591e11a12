/*
 * How long a text can get: its letters, with the longest form of each value. For the checks
 * that hold what stands on a button or in a row against the channel's room.
 */
#pragma once

#include "templates/words.h"

/* What was measured already, by language and format; zeroes to begin with. */
struct longest {
    size_t known[LANG_COUNT][16];
};

/*
 * Characters of the key's longest text in a language. What has a kind (amounts, times, numbers,
 * the names of states, order and tracking numbers) counts with the longest form that the kind
 * has there; what people wrote counts as a word or two, since it is cut where it does not fit.
 * A part over a list counts ten times. 0 when there is no such key.
 */
size_t words_longest(struct arena *scratch, const struct words *words, enum lang lang,
                     struct str key, struct longest *longest);
