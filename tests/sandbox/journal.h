/*
 * What arrived and what we owe, on disk before it is answered.
 *
 * One JSON object a line. Records appended during a turn of the loop are written and synced
 * together at its end (group commit); whoever waits for them is told then. A line torn by a
 * crash was never answered for and is cut off at the next start. Failure to write ends the
 * process: a sandbox that forgets would prove nothing.
 */
#pragma once

#include "bot/base/err.h"
#include "bot/loop/loop.h"

#include <jansson.h>

struct journal;

struct journal_reader {
    void (*record)(struct journal_reader *reader, const json_t *record);
};

struct journal_wait {
    struct journal_wait *next;
    void (*done)(struct journal_wait *wait);
};

/* Read every whole record of the file into `reader` (NULL: nobody listens). A file that is not
 * there has none. */
MUST_USE bool journal_read(const char *path, struct journal_reader *reader, struct err *err);

/* Open for appending, after a read; `path` NULL keeps nothing but works the same. */
MUST_USE bool journal_create(struct loop *loop, const char *path, struct journal **journal,
                             struct err *err);
/* Writes what is left and tells who waits, inside this call. Accepts NULL. */
void journal_destroy(struct journal *journal);

/* Borrowed until return. */
void journal_append(struct journal *journal, const json_t *record);

/* `done` runs once everything appended so far is on the disk; never inside this call. */
void journal_sync(struct journal *journal, struct journal_wait *wait,
                  void (*done)(struct journal_wait *wait));
