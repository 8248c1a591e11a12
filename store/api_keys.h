/*
 * Keys for the API, for `parley key`: made, listed, revoked. What a key is, bot/door/api_key.h
 * says; here is only its public part, and a hash of the whole.
 *
 * Connects as the owner and acts as the business's staff.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct api_key_row {
    struct uuid id;
    struct str prefix, name, scopes; /* scopes by commas */
    struct str created_by, revoked_by;
    usec_t created_at, last_used_at, revoked_at; /* 0: not */
};

struct api_keys;

/* `business`: its id, or NULL where there is only one. ERR_REJECT when that does not say which.
 */
MUST_USE bool api_keys_open(const char *url, usec_t timeout, const char *business,
                            struct api_keys **keys, struct err *err);
void api_keys_close(struct api_keys **keys);

/* ERR_REJECT when another key that works has this name. */
MUST_USE bool api_keys_create(struct api_keys *keys, const struct api_key_row *row,
                              const struct hash *hash, struct err *err);
MUST_USE bool api_keys_list(struct api_keys *keys, struct arena *into,
                            const struct api_key_row **rows, size_t *n, struct err *err);
/* By name or public part; from the next request on it works no more. `fresh`: a new id. */
MUST_USE bool api_keys_revoke(struct api_keys *keys, struct str which, const char *who,
                              struct uuid fresh, struct err *err);
