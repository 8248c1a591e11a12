/*
 * A thin dress over libsodium (and one function of OpenSSL's), so that nobody else has to know
 * how they like their arguments.
 * Everything here is a function of its inputs; keys are wiped from the stack after use.
 */
#include "bot/base/crypto.h"

#include "bot/base/ascii.h"

#include <openssl/evp.h>
#include <sodium.h>

_Static_assert(HASH_LEN == crypto_auth_hmacsha256_BYTES, "an HMAC is a hash");
_Static_assert(HASH_LEN == crypto_hash_sha256_BYTES, "a SHA-256 is a hash");
_Static_assert(HASH_LEN == crypto_secretbox_KEYBYTES, "a key is a hash");
_Static_assert(NONCE_LEN == crypto_secretbox_NONCEBYTES, "a nonce is libsodium's");

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

bool hmac_sha1(struct str key, struct str message, uint8_t mac[SHA1_LEN])
{
    size_t len = 0;
    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA1", NULL, bytes_of(key), key.len,
                     bytes_of(message), message.len, mac, SHA1_LEN, &len) != NULL &&
           len == SHA1_LEN;
}

/* --- sealed boxes ------------------------------------------------------------------------- */

struct hash crypto_subkey(struct str key, const char *purpose)
{
    return hmac_sha256(key, str_from(purpose));
}

struct str crypto_seal(struct arena *into, const struct hash *key,
                       const uint8_t nonce[NONCE_LEN], struct str plain)
{
    size_t len = NONCE_LEN + crypto_secretbox_MACBYTES + plain.len;
    unsigned char *sealed = arena_alloc(into, len);
    memcpy(sealed, nonce, NONCE_LEN);
    crypto_secretbox_easy(sealed + NONCE_LEN, bytes_of(plain), plain.len, nonce, key->bytes);
    return (struct str){(const char *)sealed, len};
}

bool crypto_open(struct arena *into, const struct hash *key, struct str sealed,
                 struct str *plain, struct err *err)
{
    if (sealed.len < NONCE_LEN + crypto_secretbox_MACBYTES)
        return err_raise(err, ERR_REJECT, "too short to be sealed");
    size_t len = sealed.len - NONCE_LEN - crypto_secretbox_MACBYTES;
    unsigned char *text = arena_alloc(into, len + 1);
    const unsigned char *at = bytes_of(sealed);
    if (crypto_secretbox_open_easy(text, at + NONCE_LEN, sealed.len - NONCE_LEN, at,
                                   key->bytes) != 0)
        return err_raise(err, ERR_REJECT, "sealed with another key, or changed since");
    *plain = (struct str){(const char *)text, len};
    return true;
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

bool hex_parse(struct str text, uint8_t *bytes, size_t n)
{
    if (text.len / 2 != n || text.len % 2 != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = ascii_hex(text.at[2 * i]);
        int low = ascii_hex(text.at[2 * i + 1]);
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
