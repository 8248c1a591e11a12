/*
 * Which of our four languages a text is in, if it is in one of them; three words are enough.
 * Arabic in Latin letters is Arabic.
 */
#pragma once

#include "flows/understand/tokens.h"
#include "templates/words.h"

struct language_guess {
    enum lang lang; /* of no meaning unless it is clear */
    bool clear;
    bool sure;    /* a sentence of three words and more, which is hardly anything else */
    size_t words; /* that tell it */
};

/* `likely`: how many bits speak for each of ours besides its words. */
struct language_guess language_guess(struct str text, const struct tokens *tokens,
                                     const uint8_t likely[LANG_COUNT]);

/* A language that is named in the text: "po polsku", "in English please". */
bool language_named(const struct tokens *tokens, enum lang *lang);

/* Whether the word says nothing about what is wanted: "the", "por", "jest", "من". */
bool language_is_small_word(struct str token);
