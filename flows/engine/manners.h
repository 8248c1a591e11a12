/*
 * Manners: whether we may speak at all, and how we begin.
 */
#pragma once

#include "flows/engine/turn.h"
#include "flows/understand/understand.h"

/* Nobody wrote before. */
bool manners_is_first(const struct flow_turn *turn);

/* The customer said STOP, to us or to the channel. */
bool manners_is_stopped(const struct flow_turn *turn);

/* Stopped, or a person holds the conversation: nothing is said. */
bool manners_is_muted(const struct flow_turn *turn);

/* Welcome whom we never met; say sorry, once, where an answer comes late; tell why the number
 * of a card is gone. */
void manners_open(struct flow_turn *turn);

/* Go on in the language that is written, unless another was chosen: in the first message as
 * soon as it is clear; later by a command of that language or two words, where no words are
 * asked for (a name is no change of language); else, and from the language of the profile, by a
 * whole sentence. */
void manners_listen(struct flow_turn *turn, const struct understood *meant);

/* They wrote within the last hour. */
bool manners_is_at_it(const struct flow_turn *turn);
