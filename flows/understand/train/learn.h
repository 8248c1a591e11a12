/*
 * Weights from rows, by liblinear: a machine for each label and each language, one against the
 * rest.
 */
#pragma once

#include "flows/understand/train/rows.h"
#include "flows/understand/weights.h"

struct learn_wish {
    bool held_too;              /* else only from what is not held back */
    double strictness;          /* liblinear's C */
    int own_times;              /* how often a sentence of our own counts */
    const struct weights *from; /* what was known before; NULL: nothing */
};

/*
 * The bytes of a model (weights.h), in `into`, with tables that promise nothing yet. What was
 * known before is one more thing to look at while learning, and dissolves into the new weights:
 * they are as many as before. Its labels are the rows' labels.
 */
struct str learn(const struct rows *rows, const struct learn_wish *wish, struct arena *into);
