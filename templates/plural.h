/*
 * Which form of a word goes with a number: by ICU, in the categories of CLDR.
 */
#pragma once

#include "templates/words.h"

/* The plural categories of CLDR, and our own "none" for exactly zero. */
enum plural_form {
    PLURAL_ZERO,
    PLURAL_ONE,
    PLURAL_TWO,
    PLURAL_FEW,
    PLURAL_MANY,
    PLURAL_OTHER,
    PLURAL_NONE,
    PLURAL_COUNT
};

const char *plural_name(enum plural_form form);
bool plural_find(struct str name, enum plural_form *form);

/* The category of a whole number; never PLURAL_NONE. */
enum plural_form plural_select(enum lang lang, int64_t number);

/* Whether the language has the category at all, and whether whole numbers below a thousand
 * need it (Spanish "many" begins at a million; Polish "other" is for fractions). */
bool plural_exists(enum lang lang, enum plural_form form);
bool plural_is_needed(enum lang lang, enum plural_form form);
