/*
 * A private PostgreSQL for tests: its own cluster in its own folder, a local socket only, with
 * durable settings on. It dies with the program that started it.
 *
 * Run by root, the server runs as `postgres` (or `nobody`), since initdb refuses root.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct pg {
    char dir[64]; /* holds data/, s/ (the socket) and log */
    char url[160];
    pid_t pid;
    bool made_dir;
};

/* Make a cluster in `dir` (NULL: a new folder in memory or below /tmp; it must be short and may
 * not exist), start it and create the database "parley". False with a reason on standard error.
 */
bool pg_start(struct pg *pg, const char *dir);

/* Keep a copy of the cluster in the build folder under a name that says what is in it, for
 * pg_start_kept of this program and others: copying takes a tenth of the time of making. The
 * server is halted meanwhile. A copy that is there already stays. */
bool pg_keep(struct pg *pg, const char *name);

/* Start a copy of what was kept under that name; it is the caller's alone. False when nothing
 * was, or it does not start. */
bool pg_start_kept(struct pg *pg, const char *name);

/* A libpq connection string for another database of the cluster; as the superuser. */
const char *pg_url(struct pg *pg, const char *database);

/* Stop the server with a signal (SIGINT: cleanly at once; SIGKILL: a crash) and wait for it. */
void pg_halt(struct pg *pg, int signal);
/* Start the halted cluster again. */
bool pg_boot(struct pg *pg);

/* Stop it and remove its folder. */
void pg_stop(struct pg *pg);
