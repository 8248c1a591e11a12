/*
 * The phrases that we know, in four languages, as tables: made from phrases.txt when Parley is
 * built (compile/phrases.c). Words are as tokens.c leaves them: lower case, without accents,
 * without the Arabic article.
 */
#pragma once

#include "templates/words.h"

enum { PHRASE_WORDS_MAX = 8 };

/* A word of some phrase; in the order of phrase_letters. */
struct phrase_word {
    const char *text;
    uint8_t len;     /* bytes */
    uint8_t letters; /* code points */
    bool begins;     /* any word that begins so */
    uint32_t mask;   /* tokens_mask: turns most unlike words away at once */
    uint16_t first;  /* into phrase_index: phrases whose rarest word this is */
    uint16_t n;
};
extern const struct phrase_word phrase_words[];
extern const size_t phrase_words_n;

/*
 * Words with the same first letter: first those that any word may begin with, then the others
 * by their length; of `n` letters are those from `by_length[n]` on, up to `by_length[n + 1]`.
 */
enum { PHRASE_LETTERS_MAX = 24 };

struct phrase_letter {
    uint32_t letter;
    uint16_t first; /* into phrase_words */
    uint16_t by_length[PHRASE_LETTERS_MAX + 2];
};
extern const struct phrase_letter phrase_letters[];
extern const size_t phrase_letters_n;

struct phrase {
    uint8_t intent; /* into phrase_intents */
    uint8_t lang;
    bool whole;    /* a command: means this only when it is the whole text */
    bool close;    /* its words stand together, in this order */
    bool yields;   /* its intent gives way to any other */
    uint8_t least; /* enum token_fit: how well its words must fit */
    uint8_t n_words;
    uint16_t weight; /* letters of its words; more when they stand together */
    uint16_t words[PHRASE_WORDS_MAX];
};
extern const struct phrase phrases[];
extern const size_t phrases_n;
extern const uint16_t phrase_index[];

extern const char *const phrase_intents[];
