/*
 * Answers to the present prompt. Each function takes the way that the answer opens, or does
 * nothing and returns false.
 */
#pragma once

#include "flows/engine/turn.h"
#include "flows/understand/understand.h"

/* The present state's handler of @event, if it has one. A prompt must be open. */
bool answer_happen(struct flow_turn *turn, struct str event);

/* An option of the prompt was chosen, by its kind and key. */
MUST_USE bool answer_choose(struct flow_turn *turn, enum option_kind kind, struct str key);

/* What somebody wrote. */
MUST_USE bool answer_words(struct flow_turn *turn, struct str text,
                           const struct understood *meant);
