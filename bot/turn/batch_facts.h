/*
 * What a turn is known to be: who writes, in which language and time zone, with what rights.
 */
#pragma once

#include "bot/turn/batch_inside.h"

/* A code proved who writes, and that is not too long ago. */
bool batch_is_verified(const struct batch_work *work, const struct turn *turn);

/* A person holds the conversation: what is written is for them, and the bot is silent. */
bool batch_is_held(const struct batch_work *work, const struct turn *turn);

/*
 * How the one who writes wants things shown. The language: the one settled in the conversation,
 * the customer's own, the conversation's so far, the phone number's country's, the business's.
 */
struct locale batch_locale(const struct batch_work *work, const struct turn *turn);

/* The facts that every flow may use: business, channel, session, and the customer where known.
 * Lives in the batch's arena. */
const struct record *batch_facts(struct batch_work *work, const struct turn *turn);
