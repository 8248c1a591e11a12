/*
 * Hearing: what words mean, in the light of what the conversation asks for just now.
 */
#pragma once

#include "flows/engine/turn.h"
#include "flows/understand/understand.h"

/* A text among the facts, by its path ("business.currency"); empty when there is none. */
struct str hear_fact(const struct flow_turn *turn, struct str path);

/* What @text means to the present prompt, on this day, in this country. */
void hear_words(const struct flow_turn *turn, struct str text, struct understood *meant);
