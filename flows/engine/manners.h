/*
 * Manners: whether we may speak at all, and how we begin.
 */
#pragma once

#include "flows/engine/turn.h"

/* Nobody wrote before. */
bool manners_is_first(const struct flow_turn *turn);

/* The customer said STOP, to us or to the channel. */
bool manners_is_stopped(const struct flow_turn *turn);

/* Stopped, or a person holds the conversation: nothing is said. */
bool manners_is_muted(const struct flow_turn *turn);

/* Welcome whom we never met; say sorry, once, where an answer comes late; tell why the number
 * of a card is gone. */
void manners_open(struct flow_turn *turn);
