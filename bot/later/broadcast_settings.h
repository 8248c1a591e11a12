/*
 * What broadcasts cost and where they go: the business's table of prices and its countries, by
 * `parley broadcast prices` and `parley broadcast countries`.
 */
#pragma once

#include "bot/later/desk.h"
#include "store/broadcasts.h"

#define BROADCAST_COUNTRIES_MOST 100

/* No words: shown. Else CHANNEL, PREFIX ("any": all others) and PRICE ("none": taken out). */
MUST_USE bool broadcast_prices(struct desk *desk, struct broadcast_desk *store,
                               const char *const *words, const char *who, struct err *err);

/* No words: shown. Else "all", or "only" or "without" and beginnings of numbers. */
MUST_USE bool broadcast_countries(struct desk *desk, struct broadcast_desk *store,
                                  const char *const *words, const char *who, struct err *err);
