/*
 * Hashes, signatures and sealed boxes, by libsodium; SHA-1, which it does not have and Twilio
 * still wants, by OpenSSL. Call `crypto_init` once before anything else.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/base.h"
#include "bot/base/err.h"
#include "bot/base/str.h"

#define HASH_LEN   32
#define HASH16_LEN 16
#define SHA1_LEN   20
#define NONCE_LEN  24

struct hash {
    uint8_t bytes[HASH_LEN];
};

struct hash16 {
    uint8_t bytes[HASH16_LEN];
};

MUST_USE bool crypto_init(struct err *err);

/* HMAC-SHA256 with a key of any length. */
struct hash hmac_sha256(struct str key, struct str message);

struct hash sha256(struct str message);

/* HMAC-SHA1, for a provider that signs with nothing better. False when this machine's OpenSSL
 * refuses SHA-1. */
MUST_USE bool hmac_sha1(struct str key, struct str message, uint8_t mac[SHA1_LEN]);

/* A key of our own for one purpose, made from the service's: who has one has no other. */
struct hash crypto_subkey(struct str key, const char *purpose);

/* The nonce (random, never used twice) and the text, encrypted so that a change shows. */
struct str crypto_seal(struct arena *into, const struct hash *key,
                       const uint8_t nonce[NONCE_LEN], struct str plain);

/* The text, copied into the arena. ERR_REJECT when it was changed or sealed with another key.
 */
MUST_USE bool crypto_open(struct arena *into, const struct hash *key, struct str sealed,
                          struct str *plain, struct err *err);

/* A short keyless hash (BLAKE2b) for de-duplication; `parts` are length-prefixed, so they
 * cannot run together. */
struct hash16 hash16_of(const struct str *parts, size_t n);

/* Whether two texts are equal, in a time that depends on their lengths only. */
bool crypto_equal(struct str a, struct str b);

/* Lower-case hex of `n` bytes into `text` (2n + 1, terminated). */
void hex_format(const uint8_t *bytes, size_t n, char *text);

/* False unless `text` is exactly 2n hex digits. */
MUST_USE bool hex_parse(struct str text, uint8_t *bytes, size_t n);

/* Overwrite secrets so that the compiler cannot skip it. */
void crypto_wipe(void *bytes, size_t n);
