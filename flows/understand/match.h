/*
 * Which of our phrases a text holds.
 */
#pragma once

#include "flows/understand/phrases.h"
#include "flows/understand/tokens.h"

struct match {
    const struct phrase *phrase; /* NULL: none */
    enum token_fit fit;          /* of a command: how well its worst word fits */
    unsigned langs;              /* of a command: a bit for each language that has it */
    uint64_t explained;          /* a bit for each token that a loose phrase accounts for */
};

/* `command`: the whole text is one; else `loose`: its words are among those of the text. */
void match_phrases(struct arena *scratch, const struct tokens *tokens, struct match *command,
                   struct match *loose);

/* `command`: the whole text is one by the letter. At a fraction of the price. */
void match_command(const struct tokens *tokens, struct match *command);
