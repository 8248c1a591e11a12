/*
 * What a classifier looks at in a text: its words, pairs of words, pieces of words, and what
 * the words mean to a shop, each as a number of few bits.
 *
 * Different things may get the same number; the weights are learnt with that in them. The same
 * text gives the same features on every machine.
 */
#pragma once

#include "flows/understand/tokens.h"

enum { FEATURE_BITS = 15, FEATURE_BUCKETS = 1 << FEATURE_BITS, FEATURES_MAX = 1536 };

struct feature {
    uint16_t bucket;
    uint16_t weight; /* how much it counts */
};

struct features {
    size_t n;
    int64_t square; /* the sum of the weights' squares */
    uint64_t seen[FEATURE_BUCKETS / 64];
    struct feature items[FEATURES_MAX]; /* no bucket twice; long texts up to there */
};

/* Which words and which numbering this is: weights that were learnt with another are useless.
 */
uint32_t features_mark(void);

/* `into` is zeroed. */
void features_read(const struct tokens *tokens, struct features *into);
