#include "bot/turn/codes.h"

#include "bot/base/crypto.h"

#include <sodium.h>

/* It follows from the service's own key; where nobody thought of one, from the first app's
 * secret, which is the same on every node too. */
static struct hash key_of(const struct config *config)
{
    struct str secret = config->secrets.key;

    if (secret.len == 0 && config->whatsapp.n_apps > 0)
        secret = config->whatsapp.apps[0].app_secret;
    return hmac_sha256(secret, STR("parley: hashes of one-time codes"));
}

static struct str hash_of(struct arena *into, const struct config *config, struct uuid org,
                          struct uuid contact, struct str digits)
{
    struct hash key = key_of(config);
    char org_text[UUID_TEXT_LEN + 1];
    char contact_text[UUID_TEXT_LEN + 1];
    char *hex = arena_alloc(into, 2 * HASH_LEN + 1);
    struct hash hash;

    uuid_format(org, org_text);
    uuid_format(contact, contact_text);
    hash =
        hmac_sha256((struct str){(const char *)key.bytes, HASH_LEN},
                    arena_format(into, "%s %s %.*s", org_text, contact_text, STR_ARG(digits)));
    crypto_wipe(&key, sizeof key);
    hex_format(hash.bytes, HASH_LEN, hex);
    return (struct str){hex, (size_t)2 * HASH_LEN};
}

struct code code_make(struct arena *into, const struct config *config, struct uuid org,
                      struct uuid contact)
{
    struct code code;
    uint32_t number = randombytes_uniform(1000000);

    for (int i = CODE_LEN - 1; i >= 0; i--) {
        code.digits[i] = (char)('0' + number % 10);
        number /= 10;
    }
    code.digits[CODE_LEN] = '\0';
    code.hash = hash_of(into, config, org, contact, str_from(code.digits));
    return code;
}

struct str code_hash(struct arena *into, const struct config *config, struct uuid org,
                     struct uuid contact, struct str typed)
{
    if (typed.len != CODE_LEN)
        return STR_NONE;
    for (size_t i = 0; i < typed.len; i++) {
        if (typed.at[i] < '0' || typed.at[i] > '9')
            return STR_NONE;
    }
    return hash_of(into, config, org, contact, typed);
}
