/*
 * Replies of every kind in every language, as customers get them: for the tests of faces, by
 * unit and in a browser.
 */
#pragma once

#include "templates/face.h"

struct face_sample {
    const char *name; /* "list" */
    struct face_ask ask;
};

#define FACE_SAMPLES 10

/* The catalogs of the tree. The test fails when they cannot be read. */
struct words *face_sample_words(void);

/* All kinds in a language; born in the arena. `words` is borrowed. */
void face_samples(struct arena *into, const struct words *words, enum lang lang,
                  struct face_sample samples[FACE_SAMPLES]);
