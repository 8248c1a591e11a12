/*
 * "Did you mean ...?": the word that someone probably wanted.
 */
#pragma once

#include "bot/base/str.h"

/* How many letters differ (insert, drop, change, swap of neighbours); long words count as far
 * apart. */
unsigned suggest_distance(struct str a, struct str b);

/* The nearest of `words`, or -1 when none is near: one letter and a third of them may differ.
 */
int suggest(struct str word, const struct str *words, size_t n);
