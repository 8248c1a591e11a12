/*
 * Weights that were learnt: for each feature of a text, how much it speaks for each label and
 * for each language. All in whole numbers, so that every machine comes to the same result.
 *
 * The bytes are as they stand in the file (train/ writes it; the built-in one is model.bin),
 * little-endian:
 *
 *     8    "PARLEY\1\n"
 *     4    features_mark() of whoever learnt
 *     2    labels     2    languages, of which the last is "none of ours"
 *     24   the name of each label, then of each language, filled with zeros
 *     8    for each of them: scale, bias (signed, see weights_score_text)
 *     64   how often a label is right that leads the next by so much: percent
 *     64   the same of a language
 *     ...  for each bucket a signed byte for each label and language, filled to a multiple of 4
 */
#pragma once

#include "flows/understand/features.h"

enum {
    WEIGHTS_LABELS_MAX = 40,
    WEIGHTS_NAME_MAX = 24,
    WEIGHTS_STEPS = 64,
    WEIGHTS_OUTPUTS_MAX = 48,
    WEIGHTS_ONE = 1 << 16,          /* of a score */
    WEIGHTS_SCALE = 1 << 24,        /* of a scale */
    WEIGHTS_STEP = WEIGHTS_ONE / 24 /* of the tables: the lead that is one step */
};

struct weights {
    size_t n_labels;
    size_t n_langs;
    size_t n_outputs; /* both, filled */
    struct str names[WEIGHTS_OUTPUTS_MAX];
    int32_t scale[WEIGHTS_OUTPUTS_MAX];
    int32_t bias[WEIGHTS_OUTPUTS_MAX];
    const unsigned char *sure;       /* of labels: percent by steps of lead */
    const unsigned char *sure_langs; /* of languages */
    const signed char *rows;
};

/* Reads the head and keeps pointing into `bytes`. NULL, or what is wrong with them. */
MUST_USE const char *weights_open(struct str bytes, struct weights *weights);

/* How many bytes such a model has. */
size_t weights_size(size_t n_labels, size_t n_langs);

/* Where the rows begin. */
size_t weights_head(size_t n_labels, size_t n_langs);

/* How much a text speaks for each output, in WEIGHTS_ONE: bias + scale * sum / length. The text
 * is read in `scratch`. */
void weights_score_text(const struct weights *weights, struct arena *scratch, struct str text,
                        int64_t scores[WEIGHTS_OUTPUTS_MAX]);

/* The best of `n` scores, and by how many steps it leads the next. */
struct weights_best {
    size_t at;
    size_t lead; /* below WEIGHTS_STEPS */
};
struct weights_best weights_best(const int64_t *scores, size_t n);
