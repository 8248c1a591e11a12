/* The time that a sender signs with its words, so that nobody can repeat them much later. */
#pragma once

#include "bot/base/str.h"

/* How old a signature may be, and, for clocks differ, how far ahead: Stripe's and Standard
 * Webhooks' own figure. */
#define SIGNED_AT_TOLERANCE (300 * USEC_PER_SEC)

/* Whether `timestamp`, in whole seconds since 1970, is near `now`. No number is near nothing.
 */
bool signed_at_is_near(struct str timestamp, usec_t now);
