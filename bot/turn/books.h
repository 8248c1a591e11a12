/*
 * The books that conversations speak by: the newest, and those that some began with.
 *
 * The newest is read from files at start and kept in the database, so that any worker can find
 * a version that a conversation began with, also after the files have changed. A reload brings
 * a newer one while the worker runs. A conversation that speaks by a version is never committed
 * before the version is.
 */
#pragma once

#include "bot/worker.h"

/* `newest` and its `files` (packed, as they go from process to process) are borrowed. */
struct books *books_create(struct worker *worker, const struct book *newest, struct str files);

/* Read the files of a folder, check them, and pack them as the database keeps them. */
MUST_USE bool books_read(struct arena *into, struct str folder, struct book **book,
                         struct str *files, struct err *err);

/* Keep in the database what is not there yet; tried again until it is. */
void books_keep(struct books *books);

/* What the supervisor handed (bot/turn/book_hand.h) is the newest from here on, and is kept.
 * Those who talk by an older one go on with it. Takes the handle. */
void books_renew(struct books *books, int handle);

const struct book *books_newest(const struct books *books);

/* A version that this worker has already; NULL when it must be found in the database. */
const struct book *books_find(const struct books *books, struct hash16 version);

/* SQL_BOOK_KEEP's parameters where this version may not be in the database yet: to be kept with
 * what is said by it. NULL: it is there. */
const struct db_param *books_unkept(const struct books *books, struct arena *into,
                                    struct hash16 version);

/* What SQL_BOOK_FIND gave; STR_NONE when there is no such row. A version that is missing or can
 * no longer be read falls back to the newest, with an alert. */
const struct book *books_add(struct books *books, struct hash16 version, struct str files);

void books_close(struct books *books);
void books_destroy(struct books *books);
