/*
 * "Stripe-Signature: t=1492774577,v1=<hex>[,v1=<hex>][,v0=...]. Expected = lowercase hex
 * HMAC-SHA256 (key = the whole secret text, message = t + "." + raw body)." The time is signed,
 * so a delivery that somebody kept is worth nothing five minutes later.
 */
#include "webhooks/stripe.h"

#include "bot/base/crypto.h"
#include "webhooks/signed_at.h"

#define ENTRIES_MAX 32 /* two while a secret is rolled; nobody sends more in good faith */

enum { MAC_LEN = 2 * HASH_LEN }; /* in hex */

static struct str mac_text(struct arena *into, struct str secret, struct str seconds,
                           struct str body)
{
    struct hash mac = hmac_sha256(secret, arena_concat(into, seconds, STR("."), body));
    char *text = arena_alloc(into, MAC_LEN + 1);

    hex_format(mac.bytes, HASH_LEN, text);
    return (struct str){text, MAC_LEN};
}

struct str stripe_sign(struct arena *into, struct str secret, int64_t seconds, struct str body)
{
    struct str at = arena_format(into, "%lld", (long long)seconds);

    return arena_concat(into, STR("t="), at, STR(",v1="), mac_text(into, secret, at, body));
}

static struct str time_of(struct str header)
{
    struct str entry;

    for (size_t i = 0; i < ENTRIES_MAX && str_split(&header, ',', &entry); i++) {
        if (str_starts(entry, STR("t=")))
            return str_slice(entry, 2, entry.len);
    }
    return STR_NONE;
}

bool stripe_verify(struct arena *scratch, struct str secret, struct str header, struct str body,
                   usec_t now)
{
    struct str at = time_of(header), entry, expected;
    bool right = false;

    if (secret.len == 0 || !signed_at_is_near(at, now))
        return false;
    expected = mac_text(scratch, secret, at, body);
    for (size_t i = 0; i < ENTRIES_MAX && str_split(&header, ',', &entry); i++) {
        right |= str_starts(entry, STR("v1=")) &&
                 crypto_equal(str_slice(entry, 3, entry.len), expected);
    }
    return right;
}
