/*
 * What the programs of this folder have in common: from a text, line by line, to a table in C;
 * levelling words, and stopping the build with the place where the text is wrong.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

#include <stdio.h>

struct source {
    struct arena arena;
    const char *name;
    int line; /* 0: none in particular */
    struct str text;
};

/* The whole file, which stays in the source's arena. */
struct str source_read(struct source *source, const char *name);

/* The program `PROGRAM TEXT TABLE`: gives each line of the file TEXT to `read_line`, as it
 * stands, then lets `write_table` write the file TABLE. The program's status. */
int source_compile(struct source *source, int argc, char **argv,
                   void (*read_line)(struct str line), void (*write_table)(FILE *out));

/* "NAME:LINE: error: ..."; does not come back. */
_Noreturn void source_fail(const struct source *source, const char *format, ...) PRINTF(2, 3);

/* A word as texts are levelled, letter by letter; terminated. */
struct str source_level(struct source *source, struct str word);
