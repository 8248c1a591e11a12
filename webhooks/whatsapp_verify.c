/*
 * Is it really Meta? The signature is over the raw bytes: Meta escapes non-ASCII and slashes as
 * it likes, so a document written anew would have another one. There is no time in the scheme;
 * a replay is caught by de-duplication.
 */
#include "webhooks/whatsapp.h"

#include "bot/base/crypto.h"

static const struct str scheme = {"sha256=", 7};

bool whatsapp_verify(struct str secret, struct str signature, struct str body)
{
    if (secret.len == 0 || !str_starts(signature, scheme))
        return false;
    struct hash mac = hmac_sha256(secret, body);
    char hex[2 * HASH_LEN + 1];
    hex_format(mac.bytes, HASH_LEN, hex);
    struct str given = str_slice(signature, scheme.len, signature.len);
    bool same = crypto_equal(given, (struct str){hex, sizeof(hex) - 1});
    crypto_wipe(hex, sizeof(hex));
    return same;
}

bool whatsapp_challenge(struct str mode, struct str token, struct str expected)
{
    if (expected.len == 0 || !str_eq(mode, STR("subscribe")))
        return false;
    return crypto_equal(token, expected);
}
