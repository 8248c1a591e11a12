/*
 * The phrases that we know, in four languages, written as tokens.c leaves them: lower case,
 * without accents, without the Arabic article.
 */
#pragma once

#include "templates/words.h"

struct phrase {
    const char *intent;
    enum lang lang;
    const char *words;
};

/* Said alone they are commands; "polish" alone asks for Polish. */
extern const struct phrase commands[];
extern const size_t commands_n;

/* A text that holds all words of one, in any order, may mean its intent. */
extern const struct phrase phrases[];
extern const size_t phrases_n;

/* A language by any of its names. */
struct language_name {
    enum lang lang;
    const char *word;
};
extern const struct language_name language_names[];
extern const size_t language_names_n;

/* Small words that give a language away. */
extern const char *const small_words[LANG_COUNT];
