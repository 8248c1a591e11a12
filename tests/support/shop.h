/*
 * A make-believe shop: what the store would answer to the loads of flows, from tables.
 *
 * Customers are known by a word: "ana" has orders of every kind, "ben" exactly one under way,
 * "eve" only delivered ones, "max" thirty, "new" none, "stranger" is nobody we know.
 */
#pragma once

#include "flows/flows.h"

/* The moment around which the shop's tables are built: Friday 20 November 2026, 10:00 UTC. */
#define SHOP_NOW ((usec_t)1795168800 * USEC_PER_SEC)

/* `business`, `customer` (absent for a stranger) and `channel`. */
const struct record *shop_facts(struct arena *into, struct str customer);

/* The part of it that takes reports: "eve" has three, one of each status; others have none. */
MUST_USE bool shop_tickets_answer(struct arena *into, struct str customer,
                                  const struct flow_need *need, struct flow_answer *answer);

/* Answer one load. False when the shop has never heard of it. */
MUST_USE bool shop_answer(struct arena *into, struct str customer, const struct flow_need *need,
                          struct flow_answer *answer);

/* Those of the parts that tell who is speaking; shop_answer asks it by itself. */
MUST_USE bool shop_codes_answer(struct arena *into, struct str customer,
                                const struct flow_need *need, struct flow_answer *answer);
