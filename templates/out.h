/*
 * Text that grows in an arena: where a rendering is written.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

struct out {
    struct arena *into;
    char *at;
    size_t len;
    size_t room;
};

void out_init(struct out *out, struct arena *into, size_t room);
void out_add(struct out *out, struct str text);

/* Room for `more` bytes at the end; the caller writes there and adds to `len` itself. */
char *out_reserve(struct out *out, size_t more);

/* The text so far; borrowed until it grows. */
struct str out_text(const struct out *out);
