/*
 * The shop's counters, one file each. Like shop_answer, each answers what it knows; false: it
 * has never heard of it.
 */
#pragma once

#include "tests/support/shop.h"

/* Cancelling: "kay" has an order for each thing that may happen, "lou" a shop without reasons
 * to pick from, "ivy" one request that is decided while she reads about it. */
MUST_USE bool shop_cancel_answer(struct arena *into, struct str customer,
                                 const struct flow_need *need, struct flow_answer *answer);

/* What people want to hear, and what is new. */
MUST_USE bool shop_preferences_answer(struct arena *into, struct str customer,
                                      const struct flow_need *need, struct flow_answer *answer);

/* Invoices and paying. */
MUST_USE bool shop_money_answer(struct arena *into, struct str customer,
                                const struct flow_need *need, struct flow_answer *answer);

/* Links to the own pages. */
MUST_USE bool shop_pages_answer(struct arena *into, const struct flow_need *need,
                                struct flow_answer *answer);

/* Reviews. */
MUST_USE bool shop_reviews_answer(struct arena *into, const struct flow_need *need,
                                  struct flow_answer *answer);
