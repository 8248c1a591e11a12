/*
 * One-time codes: made, and hashed with a key that is not in the database. A hash is bound to
 * the address that the code is for, so that it tells nothing about another one's.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/uuid.h"
#include "bot/config/config.h"

enum { CODE_LEN = 6 };

struct code {
    char digits[CODE_LEN + 1]; /* as it is sent; terminated */
    struct str hash;           /* as it is kept, in hex */
};

/* A code that nobody can foresee. */
struct code code_make(struct arena *into, const struct config *config, struct uuid org,
                      struct uuid contact);

/* The hash of what was typed; empty when that is no code at all. */
struct str code_hash(struct arena *into, const struct config *config, struct uuid org,
                     struct uuid contact, struct str typed);
