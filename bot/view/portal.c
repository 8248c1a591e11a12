#include "bot/view/portal.h"

#include "bot/view/short_link.h"

#include <sodium.h>

#define SECRET_LEN 32
#define BYTES_LEN  (sizeof(struct uuid) + SECRET_LEN)

#define MARK "portal:"
static const char purpose[] = "parley portal link 1";
static const char short_purpose[] = "parley portal short link 1";

static bool can_make(const struct config *config)
{
    return config->public_url.len > 0 && config->secrets.key.len > 0;
}

static struct hash secret_of(const struct config *config, struct uuid org, struct uuid link,
                             const char *what_for)
{
    struct hash key = crypto_subkey(config->secrets.key, what_for);
    uint8_t named[2 * sizeof(struct uuid)];
    struct hash secret;

    memcpy(named, org.bytes, sizeof org.bytes);
    memcpy(named + sizeof org.bytes, link.bytes, sizeof link.bytes);
    secret = hmac_sha256((struct str){(const char *)key.bytes, sizeof key.bytes},
                         (struct str){(const char *)named, sizeof named});
    crypto_wipe(&key, sizeof key);
    return secret;
}

static struct hash hash_of(const uint8_t *secret)
{
    return sha256((struct str){(const char *)secret, SECRET_LEN});
}

struct str portal_hash(struct arena *into, const struct config *config, struct uuid org,
                       struct uuid link)
{
    if (!can_make(config))
        return STR_NONE;
    struct hash secret = secret_of(config, org, link, purpose);
    struct hash hash = hash_of(secret.bytes);
    crypto_wipe(&secret, sizeof secret);
    return arena_str(into, (struct str){(const char *)hash.bytes, sizeof hash.bytes});
}

bool portal_is_mark(struct str url, struct uuid *link)
{
    return str_starts(url, STR(MARK)) &&
           uuid_parse(str_slice(url, sizeof MARK - 1, url.len), link);
}

struct str portal_address(struct arena *into, const struct config *config, struct uuid org,
                          struct str url)
{
    uint8_t bytes[BYTES_LEN];
    char token[PORTAL_TOKEN_LEN + 1];
    struct uuid link;

    if (!portal_is_mark(url, &link))
        return url;
    if (!can_make(config))
        return STR_NONE;
    struct hash secret = secret_of(config, org, link, purpose);
    memcpy(bytes, org.bytes, sizeof org.bytes);
    memcpy(bytes + sizeof org.bytes, secret.bytes, SECRET_LEN);
    sodium_bin2base64(token, sizeof token, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_wipe(&secret, sizeof secret);
    crypto_wipe(bytes, sizeof bytes);
    return arena_format(into, "%.*s/customer/%s", STR_ARG(config->public_url), token);
}

/* --- in few letters ----------------------------------------------------------------------- */

static struct str code_of(struct arena *into, const struct config *config, struct uuid org,
                          struct uuid link)
{
    struct hash secret = secret_of(config, org, link, short_purpose);
    struct str code = short_link_spell(into, org, secret.bytes);

    crypto_wipe(&secret, sizeof secret);
    return code;
}

struct str portal_code_hash(struct arena *into, struct str code)
{
    struct hash hash = sha256(code);

    return arena_str(into, (struct str){(const char *)hash.bytes, sizeof hash.bytes});
}

struct str portal_short_hash(struct arena *into, const struct config *config, struct uuid org,
                             struct uuid link)
{
    if (!can_make(config))
        return STR_NONE;
    return portal_code_hash(into, code_of(into, config, org, link));
}

struct str portal_short_address(struct arena *into, const struct config *config,
                                struct uuid org, struct str url)
{
    struct uuid link;

    if (!portal_is_mark(url, &link))
        return url;
    if (!can_make(config))
        return STR_NONE;
    return arena_concat(into, short_link_before(into, config),
                        code_of(into, config, org, link));
}

bool portal_token_read(struct str token, struct uuid *org, struct hash *hash)
{
    uint8_t bytes[BYTES_LEN] = {0};
    size_t n;
    bool good = token.len == PORTAL_TOKEN_LEN &&
                sodium_base642bin(bytes, sizeof bytes, token.at, token.len, NULL, &n, NULL,
                                  sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
                n == sizeof bytes;

    if (!good)
        memset(bytes, 0, sizeof bytes);
    memcpy(org->bytes, bytes, sizeof org->bytes);
    *hash = hash_of(bytes + sizeof org->bytes);
    return good;
}
