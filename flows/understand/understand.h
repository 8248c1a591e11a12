/*
 * What free words mean.
 *
 * `understand` is the one seam between the engine and whatever reads people's language: today
 * exact commands and a tolerant matcher of phrases, later a trained classifier in its place. It
 * is honest: when nothing fits well, there is no intent.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"
#include "templates/words.h"

struct understanding {
    struct str intent;     /* "menu", "back", "help", "human", "stop", "start", "language",
                              "greeting", "thanks", "ok", "orders", "track"; empty: none of
                              these */
    bool exact;            /* the whole text was a command */
    bool strong;           /* more than one loose word speaks for the intent */
    struct str number;     /* an order number that stands in the text, or empty */
    struct str named_lang; /* intent "language": the one that was named, "pl", or empty */
    enum lang lang;        /* what the text is written in */
    bool lang_is_clear;    /* else `lang` is just the one that was given */
};

/* `lang` is the conversation's language so far. Texts point into `into` or are constant. */
void understand(struct arena *into, struct str text, enum lang lang,
                struct understanding *meant);
