/*
 * Following: doing what words mean by themselves, whatever was asked.
 */
#pragma once

#include "flows/engine/turn.h"
#include "flows/understand/understand.h"

/* The flow that an intent begins; where nobody wrote one, that of what comes nearest. NULL:
 * none. */
const struct flow_def *follow_flow(const struct book *book, struct str intent);

/* A thread that must not be lost: a prompt is open that does more than read. */
bool follow_under_way(const struct kept *kept);

/* Make way for @flow: what is under way waits on the stack, mere reading is left. */
void follow_aside(struct flow_turn *turn, const struct flow_def *flow);

/* Step aside for the flow and begin it, with what it takes of @meant. */
void follow_start(struct flow_turn *turn, const struct flow_def *flow,
                  const struct understood *meant);

/* Do what the words mean by themselves. False when they mean nothing that we know. */
MUST_USE bool follow_words(struct flow_turn *turn, const struct understood *meant);

/* A template has asked something: words that mean nothing by themselves answer it, where
 * nothing else is under way. */
MUST_USE bool follow_template(struct flow_turn *turn, const struct understood *meant);

/* They may mean something: that is asked, where the book has a flow for it (`doubt`). */
MUST_USE bool follow_maybe(struct flow_turn *turn, const struct understood *meant);

/* They meant nothing: asked again once; the second time in a row a person is offered, or else
 * the menu comes. */
void follow_nothing(struct flow_turn *turn);
