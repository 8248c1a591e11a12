/*
 * Letters between the workers of a node: one ring of shared memory for each pair, written by
 * one process and read by one other, without a lock.
 *
 * A letter is lost when its reader dies before it reads; what it says must be told by the
 * database too. A letter that was read is gone, also when the reader dies over it.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

#include <stdalign.h>
#include <stdatomic.h>

#define POST_SIZE ((size_t)512 << 10) /* a power of two; memory only as far as it is used */

struct post {
    alignas(64) _Atomic uint64_t written; /* bytes, ever */
    alignas(64) _Atomic uint64_t read;
    alignas(64) char bytes[POST_SIZE];
};

/* How long a letter may be that is written now. Only its writer may ask. */
size_t post_room(const struct post *post);

/* False, and nothing is written, when there is no room or nothing to say. */
MUST_USE bool post_write(struct post *post, struct str letter);

/* The oldest letter, copied into the arena; false when there is none. */
MUST_USE bool post_read(struct post *post, struct arena *into, struct str *letter);
