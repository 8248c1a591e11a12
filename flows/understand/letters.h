/*
 * Letters as they are compared: lower case, without accents, Arabic ones levelled, digits of
 * any of our scripts as 0-9. Invisible marks are nothing.
 */
#pragma once

#include "bot/base/str.h"

uint32_t letter_next_long(struct str text, size_t *at);

/* The code point at `*at`, which moves behind it. Ill-formed bytes give anything, and end. */
static inline uint32_t letter_next(struct str text, size_t *at)
{
    unsigned char c = (unsigned char)text.at[*at];

    if (c >= 0x80)
        return letter_next_long(text, at);
    ++*at;
    return c;
}

uint32_t letter_level_far(uint32_t c);
bool letter_is_word_far(uint32_t c);

/* What stands for `c`; 0 when it is only decoration (a vowel mark, tatweel, a direction). */
static inline uint32_t letter_level(uint32_t c)
{
    if (c >= 0x80)
        return letter_level_far(c);
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* Whether words are made of it: letters, digits, and what is neither sign nor space. */
static inline bool letter_is_word(uint32_t c)
{
    if (c >= 0x80)
        return letter_is_word_far(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* In lower case, with its marks. */
uint32_t letter_fold(uint32_t c);

/* Whether a letter tells of a language by itself: one with marks, or an Arabic one that Arabic
 * does without. `c` is in lower case. */
bool letter_is_mark(uint32_t c);

bool letter_is_space(uint32_t c);

/* As UTF-8. What letter_level gives takes twice the bytes of what it was given, at most. */
size_t letter_put(char *out, uint32_t c);

/* FNV-1a, by which tables made at build time are looked up. */
static inline uint32_t letters_hash(struct str text)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 16777619U;
    return hash;
}

/* Code points of well-formed text. */
static inline size_t letters_count(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.at[i] & 0xC0) != 0x80;
    return n;
}
