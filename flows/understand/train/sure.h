/*
 * How sure a model may be: by how far its first choice leads the second, how often that was
 * right about rows that it had not learnt.
 */
#pragma once

#include "flows/understand/train/rows.h"
#include "flows/understand/weights.h"

#include <stdio.h>

struct tally {
    double right, all;
};

/* By steps of lead. */
struct sureness {
    struct tally labels[WEIGHTS_STEPS];
    struct tally langs[WEIGHTS_STEPS];
    unsigned char *leads; /* of each row that was asked about, one more; 0: none */
};

/* What is counted; what was said of the others is kept all the same. */
struct sureness_wish {
    bool given, own, judged;
};
/* What `model` says of the rows that it is asked about. */
void sureness_count(struct sureness *sureness, const struct rows *rows,
                    struct sureness_wish wish, struct str model);

/* Sets the tables of a model that `sureness_count` never saw, but its like. */
void sureness_write(struct sureness *sureness, struct str model);

/*
 * Of each kind of row and language: how many the model is sure of, half sure and unsure, and
 * how often each is right; by the tables of `model` and `labels`, which it gave to the rows.
 */
void sureness_tell(const struct sureness *sureness, const struct rows *rows,
                   const struct str *labels, struct str model, FILE *out);
