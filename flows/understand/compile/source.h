/*
 * What the programs of this folder have in common: reading their text, levelling its words, and
 * stopping the build with the place where it is wrong.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

struct source {
    struct arena arena;
    const char *name;
    int line; /* 0: none in particular */
};

/* The whole file, which stays in the source's arena. */
struct str source_read(struct source *source, const char *name);

/* "NAME:LINE: error: ..."; does not come back. */
_Noreturn void source_fail(const struct source *source, const char *format, ...) PRINTF(2, 3);

/* A word as texts are levelled, letter by letter; terminated. */
struct str source_level(struct source *source, struct str word);
