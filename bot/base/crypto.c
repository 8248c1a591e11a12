/*
 * A thin dress over libsodium, so that nobody else has to know how it likes its arguments.
 * Everything here is a function of its inputs; keys are wiped from the stack after use.
 */
#include "bot/base/crypto.h"

#include <sodium.h>

_Static_assert(HASH_LEN == crypto_auth_hmacsha256_BYTES, "an HMAC is a hash");
_Static_assert(HASH_LEN == crypto_hash_sha256_BYTES, "a SHA-256 is a hash");

/* libsodium is promised pointers, also to nothing. */
static const unsigned char *bytes_of(struct str text)
{
    return (const unsigned char *)(text.at ? text.at : "");
}

bool crypto_init(struct err *err)
{
    if (sodium_init() < 0)
        return err_raise(err, ERR_BROKEN, "libsodium does not start");
    return true;
}

struct hash hmac_sha256(struct str key, struct str message)
{
    crypto_auth_hmacsha256_state state;
    struct hash mac;
    crypto_auth_hmacsha256_init(&state, bytes_of(key), key.len);
    crypto_auth_hmacsha256_update(&state, bytes_of(message), message.len);
    crypto_auth_hmacsha256_final(&state, mac.bytes);
    sodium_memzero(&state, sizeof(state));
    return mac;
}

struct hash sha256(struct str message)
{
    struct hash hash;
    crypto_hash_sha256(hash.bytes, bytes_of(message), message.len);
    return hash;
}

static void hash_length(crypto_generichash_state *state, size_t len)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)((uint64_t)len >> (8 * i));
    crypto_generichash_update(state, bytes, sizeof(bytes));
}

struct hash16 hash16_of(const struct str *parts, size_t n)
{
    crypto_generichash_state state;
    struct hash16 hash;
    crypto_generichash_init(&state, NULL, 0, HASH16_LEN);
    for (size_t i = 0; i < n; i++) {
        hash_length(&state, parts[i].len);
        crypto_generichash_update(&state, bytes_of(parts[i]), parts[i].len);
    }
    crypto_generichash_final(&state, hash.bytes, HASH16_LEN);
    return hash;
}

bool crypto_equal(struct str a, struct str b)
{
    return a.len == b.len && sodium_memcmp(bytes_of(a), bytes_of(b), a.len) == 0;
}

void hex_format(const uint8_t *bytes, size_t n, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *text++ = digits[bytes[i] >> 4];
        *text++ = digits[bytes[i] & 0x0F];
    }
    *text = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_parse(struct str text, uint8_t *bytes, size_t n)
{
    if (text.len / 2 != n || text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text.at[2 * i]);
        int low = hex_digit(text.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

void crypto_wipe(void *bytes, size_t n)
{
    if (n > 0)
        sodium_memzero(bytes, n);
}
