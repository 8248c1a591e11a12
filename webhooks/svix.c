/*
 * Is it really the one who shares the secret? The signature is over the raw bytes and the time
 * of this attempt, so a delivery that somebody kept is worth nothing five minutes later; one
 * that is repeated sooner is caught by de-duplication.
 */
#include "webhooks/svix.h"

#include "bot/base/crypto.h"
#include "webhooks/signed_at.h"

#include <sodium.h>

#define MAC_TEXT_LEN sodium_base64_ENCODED_LEN(HASH_LEN, sodium_base64_VARIANT_ORIGINAL)
#define SECRET_MAX   512
#define SECRET_LEAST 24
#define SECRET_MOST  64
#define ENTRIES_MAX  32 /* nobody turns more keys over at once */

static const struct str prefix = {"whsec_", 6};
static const struct str version = {"v1,", 3};

/* The raw key into `key`; 0 when it is malformed. */
static size_t read_key(struct str secret, uint8_t key[SECRET_MAX])
{
    size_t len = 0;

    if (str_starts(secret, prefix))
        secret = str_slice(secret, prefix.len, secret.len);
    if (secret.len == 0 || sodium_base642bin(key, SECRET_MAX, secret.at, secret.len, NULL, &len,
                                             NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return 0;
    return len;
}

bool svix_secret_fits(struct str secret)
{
    uint8_t key[SECRET_MAX];
    size_t len = read_key(secret, key);

    crypto_wipe(key, sizeof key);
    return len >= SECRET_LEAST && len <= SECRET_MOST;
}

struct str svix_sign(struct arena *into, struct str secret, struct str id, struct str timestamp,
                     struct str body)
{
    uint8_t key[SECRET_MAX];
    size_t key_len = read_key(secret, key);
    char *text = arena_alloc(into, version.len + MAC_TEXT_LEN);
    struct hash mac;

    if (key_len == 0)
        return STR_NONE;
    mac = hmac_sha256((struct str){(const char *)key, key_len},
                      arena_concat(into, id, STR("."), timestamp, STR("."), body));
    memcpy(text, version.at, version.len);
    sodium_bin2base64(text + version.len, MAC_TEXT_LEN, mac.bytes, HASH_LEN,
                      sodium_base64_VARIANT_ORIGINAL);
    crypto_wipe(key, sizeof key);
    return str_from(text);
}

bool svix_verify(struct arena *scratch, struct str secret, const struct svix_headers *headers,
                 struct str body, usec_t now)
{
    struct str rest = headers->signature, entry, expected;
    bool right = false;

    if (headers->id.len == 0 || !signed_at_is_near(headers->timestamp, now))
        return false;
    expected = svix_sign(scratch, secret, headers->id, headers->timestamp, body);
    if (expected.len == 0)
        return false;
    for (size_t i = 0; i < ENTRIES_MAX && str_split(&rest, ' ', &entry); i++)
        right |= str_starts(entry, version) && crypto_equal(entry, expected);
    return right;
}
