/*
 * A key of the API: "pk_", a public part by which it is found, "_", and what must be known.
 * Pure.
 *
 * The secret part is 192 random bits, so a plain hash of the whole is enough: nobody guesses
 * it, and who reads the hash cannot go back.
 */
#pragma once

#include "bot/base/crypto.h"

#define API_KEY_PUBLIC 12 /* hex digits */
#define API_KEY_SECRET 48
#define API_KEY_LEN    (3 + API_KEY_PUBLIC + 1 + API_KEY_SECRET)

/* What a key may do. */
extern const struct api_scope {
    const char *name, *about;
} api_scopes[]; /* ends in one without a name */

/* Make a key's text from random bytes, terminated. */
#define API_KEY_RANDOM ((API_KEY_PUBLIC + API_KEY_SECRET) / 2)
void api_key_write(const uint8_t random[API_KEY_RANDOM], char text[API_KEY_LEN + 1]);

/* Its public part. False unless it looks like a key. Borrowed from @text. */
MUST_USE bool api_key_read(struct str text, struct str *public_part);

/* "Bearer pk_...": the key; empty when there is none. Borrowed from @header. */
struct str api_key_bearer(struct str header);

/* Whether a scope is among those given by commas. */
bool api_key_may(struct str scopes, const char *scope);

/* Whether all of those are scopes that there are; @unknown is the first that is none. */
MUST_USE bool api_key_scopes_known(struct str scopes, struct str *unknown);
