/*
 * Svix's signature, which is also that of Standard Webhooks: Resend signs so, and so will a
 * shop's own systems.
 *
 * "signed = id + "." + timestamp + "." + raw body; v1 = base64(HMAC-SHA256)". Pure: the time is
 * handed in.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

/* The three headers: svix-id or webhook-id, and so on. Borrowed. */
struct svix_headers {
    struct str id;
    struct str timestamp; /* unix seconds */
    struct str signature; /* "v1,<base64>", several by a space */
};

/* Whether it is a secret: base64 of 24 to 64 bytes, with or without "whsec_". */
bool svix_secret_fits(struct str secret);

/*
 * Whether one of the entries is ours over these bytes, and the time is near `now`. In a time
 * that does not tell which bytes were right. `secret` is base64, with or without "whsec_"; one
 * that is empty or malformed verifies nothing. Other versions than v1 are passed over.
 */
bool svix_verify(struct arena *scratch, struct str secret, const struct svix_headers *headers,
                 struct str body, usec_t now);

/* The entry "v1,..." for these: what a sender writes. Empty when the secret is malformed. */
struct str svix_sign(struct arena *into, struct str secret, struct str id, struct str timestamp,
                     struct str body);
