/*
 * What is not words: files that a prompt asks for, and things that nobody asked for.
 */
#pragma once

#include "flows/engine/turn.h"

/* A file for the present prompt, which asks for such. Those that come together are one answer:
 * what was said of the one before is not said again. */
void files_take(struct flow_turn *turn, const struct media *media);

/* Something other than words: what becomes of it, by the words of @key, and the prompt again.
 * An album is answered once; of several kinds that come together each, and the prompt once. */
void files_thank(struct flow_turn *turn, const char *key);

/* The same for what asks for nothing: the prompt stands as it is. */
void files_nod(struct flow_turn *turn, const char *key);

/* Entering a prompt for files whose first came with the words of the answer before: it is
 * taken, and nothing is asked for that is there already. */
bool files_came(struct flow_turn *turn);
