/*
 * Data that lies beside the source tree, in ../shared, on the machines where Parley is made.
 * It is never part of the tree: a test that wants it says so plainly when it is not there.
 */
#pragma once

#include "bot/base/arena.h"

#include <stdio.h>

/* The whole file, or text whose `at` is NULL when it cannot be read. */
static inline struct str shared_file(struct arena *into, const char *name)
{
    struct str path = arena_format(into, "%s/../shared/%s", PARLEY_SOURCE_DIR, name);
    FILE *file = fopen(path.at, "rb");
    if (!file)
        return STR_NONE;
    (void)fseek(file, 0, SEEK_END);
    long size = ftell(file);
    (void)fseek(file, 0, SEEK_SET);
    char *bytes = arena_alloc(into, (size_t)size + 1);
    size_t len = fread(bytes, 1, (size_t)size, file);
    (void)fclose(file);
    return (struct str){bytes, len};
}

/* Whether ../shared is here; says so when it is not. */
static inline bool shared_is_here(struct arena *scratch)
{
    if (shared_file(scratch, "providers/webhook-examples.json").at)
        return true;
    (void)printf("skipped: ../shared is not here\n");
    return false;
}
