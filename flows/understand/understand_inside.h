/*
 * The inside of understand.c. Nobody else includes this.
 *
 *     understand_found.c   what is in a text, whatever it means
 *     understand.c         what is wanted
 *     understand_wishes.c  where two things are
 */
#pragma once

#include "flows/understand/understand.h"

/* Fills what was found, and the number, the ticket and the stars that follow from it. */
void understand_find_all(struct arena *into, struct str text,
                         const struct understand_context *context, struct understood *meant);

/* A text that is one wish. */
void understand_one(struct arena *into, struct str text,
                    const struct understand_context *context, struct understood *meant);

/* Where the text has two, `meant` becomes the first of them. */
void understand_part(struct arena *into, const struct understand_context *context,
                     struct understood *meant);

/* Intents of words that are about nothing: "thanks", "ok". */
bool understand_is_about_nothing(struct str intent);
