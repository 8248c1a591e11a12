/*
 * Letters as they are compared: lower case, without accents, Arabic ones levelled, digits of
 * any of our scripts as 0-9. Invisible marks are nothing.
 */
#pragma once

#include "bot/base/str.h"

/* The code point at `*at`, which moves behind it. Ill-formed bytes give anything, and end. */
uint32_t letter_next(struct str text, size_t *at);

/* What stands for `c`; 0 when it is only decoration (a vowel mark, tatweel, a direction). */
uint32_t letter_level(uint32_t c);

/* Whether words are made of it: letters, digits, and what is neither sign nor space. */
bool letter_is_word(uint32_t c);

bool letter_is_space(uint32_t c);

/* As UTF-8, at most four bytes. */
size_t letter_put(char *out, uint32_t c);
