/*
 * A business's own workflow as a file, and back. Pure: bytes in, values out.
 *
 *     workflow: bakery
 *     states:                      # in the order in which they follow each other
 *       dough_rests:
 *         progress: 20             # percent; left out: spread evenly
 *         icon: "🥣"               # beside the word; left out: a dot by phase
 *         names: {en: The dough rests, es: La masa reposa}
 *       fetched: {phase: done, names: {en: Fetched}}
 *
 * `phase` is active, done or cancelled (active, where it is left out); `in_transit: true` is
 * for a state in which a parcel is under way, and makes the whole workflow one of things that
 * are sent.
 */
#pragma once

#include "store/workflows.h"

/* ERR_REJECT with file, line and cure. */
MUST_USE bool workflow_read(struct arena *into, struct str file, struct str bytes,
                            struct workflow *workflow, struct err *err);

/* The file that reads back as this. */
struct str workflow_write(struct arena *into, const struct workflow *workflow);

/* The languages in which a state has no name, "es, pl", where it has one in another; else
 * empty. */
struct str workflow_unnamed(struct arena *into, const struct workflow_state *state);
