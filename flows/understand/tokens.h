/*
 * Text as bare words: lower case, without accents and punctuation, Arabic letters and digits
 * levelled, so that what people type on a phone compares equal to what they mean.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

enum { TOKENS_MAX = 48 };

struct tokens {
    struct str items[TOKENS_MAX]; /* texts longer than that are read up to there */
    uint16_t at[TOKENS_MAX];      /* the byte of the text where it begins */
    size_t n;
};

void tokens_read(struct arena *into, struct str text, struct tokens *tokens);

/* Whether two words are the same but for a slip of the finger: exact up to three letters, two
 * letters swapped in four, one slip up to seven, two from eight. */
bool tokens_alike(struct str a, struct str b);

/* How well a word fits another: the same, a letter too many, too few or two swapped, or some
 * other slip. */
enum token_fit { TOKEN_OTHER, TOKEN_SLIP, TOKEN_NEAR, TOKEN_SAME };
enum token_fit tokens_fit(struct str a, struct str b);

/* A bit for each letter, by its code: words with k slips differ in 2k bits at most. */
uint32_t tokens_mask(struct str text);

/* The first code point; 0 of an empty text. */
uint32_t tokens_first_letter(struct str text);
