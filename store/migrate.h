/*
 * Migrations: numbered SQL files, embedded in the binary, applied once and in order.
 *
 * A command's business, not the service's: these functions wait, and need no loop. An advisory
 * lock lets one migrator work at a time, on any node. Each file runs in one transaction, or
 * statement by statement when its first line is `-- no transaction`, for what PostgreSQL
 * refuses inside one; such a file must be repeatable. What was applied is recorded with a
 * checksum: a file edited afterwards is refused, and so is a database newer than the binary.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"

struct migration {
    int number;
    const char *name;
    const char *text;
};

extern const struct migration migrations_all[]; /* in order; made by the build */
extern const size_t migrations_all_n;

struct migrate_options {
    const char *url;
    const struct migration *migrations; /* NULL: migrations_all */
    size_t n;
    /* Called before each is applied; may be NULL. */
    void (*applying)(const struct migration *migration, void *owner);
    void *owner;
};

/* Apply what is missing. `applied` counts; already done is success with 0. */
MUST_USE bool migrate_run(const struct migrate_options *options, size_t *applied,
                          struct err *err);

/* List what is missing, in order, without changing anything; a database without any migration
 * lacks them all. */
MUST_USE bool migrate_check(const struct migrate_options *options, struct arena *into,
                            const struct migration ***missing, size_t *n, struct err *err);
