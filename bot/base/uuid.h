/*
 * Ids: UUIDv7 (RFC 9562), made by the service from a time and random bytes that the caller
 * gives.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/err.h"
#include "bot/base/str.h"

struct arena;

struct uuid {
    uint8_t bytes[16];
};

#define UUID_TEXT_LEN 36

/* `now` gives the leading 48 bits (milliseconds), `random` the rest. */
struct uuid uuid_v7(usec_t now, const uint8_t random[10]);

bool uuid_eq(struct uuid a, struct uuid b);
bool uuid_is_none(struct uuid id);
int uuid_compare(struct uuid a, struct uuid b);

/* Lower-case text with hyphens; `text` has room for UUID_TEXT_LEN + 1 and is terminated. */
void uuid_format(struct uuid id, char text[UUID_TEXT_LEN + 1]);
struct str uuid_str(struct arena *into, struct uuid id);

/* False for anything but 36 characters of that form; case does not matter. */
MUST_USE bool uuid_parse(struct str text, struct uuid *id);
