/*
 * Which of our four languages a text is in, good enough for three words.
 */
#pragma once

#include "flows/understand/tokens.h"
#include "templates/words.h"

/* True when it is clear; else `*lang` is left as it was. */
bool language_guess(struct str text, const struct tokens *tokens, enum lang *lang);

/* A language that is named in the text: "po polsku", "in English please". */
bool language_named(const struct tokens *tokens, enum lang *lang);

/* Whether the word says nothing about what is wanted: "the", "por", "jest", "من". */
bool language_is_small_word(struct str token);
