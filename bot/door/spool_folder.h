/* The inside of the spool's files: for spool_file.c, spool_index.c, spool_record.c and the
 * doctor. */
#pragma once

#include "bot/door/spool_file.h"

#define SPOOL_PATH 4400

void spool_path(const struct spool_folder *folder, const char *name, char path[SPOOL_PATH]);

/* Open and lock one of the folder's lock files; -1: it cannot be, or another has it. */
int spool_lock(const struct spool_folder *folder, const char *name, int how);

/* The segments by number, in malloc's memory; `end` is their size. */
MUST_USE bool spool_list(const struct spool_folder *folder, struct spool_segment **segments,
                         size_t *n, size_t *bytes);

/* From an offset on, at most `most` bytes, in malloc's memory. */
MUST_USE bool spool_segment_read(const struct spool_folder *folder, uint64_t number,
                                 size_t from, size_t most, struct str *bytes);
void spool_segment_drop(const struct spool_folder *folder, uint64_t number);

/* While nobody else appends: cut off a torn end of the last segment, count what a dead process
 * left whole, and remember where it ends. `bytes` of all segments. */
MUST_USE bool spool_mend(const struct spool_folder *folder, struct spool_segment *tail,
                         size_t *bytes, struct err *err);

void spool_count_nothing(struct spool_shared *shared);
