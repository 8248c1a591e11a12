#include "bot/link.h"

#include "bot/base/crypto.h"

#include <sodium.h>

#define NAMED_LEN 42 /* org, conversation, seq, option, kind */
#define MAC_LEN   16
#define TOKEN_LEN (NAMED_LEN + MAC_LEN)

static const char purpose[] = "parley link 1";

static void put_named(enum link_kind kind, const struct link *link, uint8_t *bytes)
{
    memcpy(bytes, link->org.bytes, 16);
    memcpy(bytes + 16, link->conversation.bytes, 16);
    for (int i = 0; i < 8; i++)
        bytes[32 + i] = (uint8_t)((uint64_t)link->seq >> (56 - 8 * i));
    bytes[40] = (uint8_t)link->option;
    bytes[41] = (uint8_t)kind;
}

static void put_mac(const struct config *config, uint8_t *bytes)
{
    struct hash key = crypto_subkey(config->secrets.key, purpose);
    struct hash mac = hmac_sha256((struct str){(const char *)key.bytes, sizeof key.bytes},
                                  (struct str){(const char *)bytes, NAMED_LEN});

    memcpy(bytes + NAMED_LEN, mac.bytes, MAC_LEN);
    crypto_wipe(&key, sizeof key);
}

struct str link_make(struct arena *into, const struct config *config, enum link_kind kind,
                     const struct link *link)
{
    uint8_t bytes[TOKEN_LEN];
    char token[sodium_base64_ENCODED_LEN(TOKEN_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    if (config->public_url.len == 0 || config->secrets.key.len == 0 || link->option > UINT8_MAX)
        return STR_NONE;
    put_named(kind, link, bytes);
    put_mac(config, bytes);
    sodium_bin2base64(token, sizeof token, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return arena_format(into, "%.*s/%c/%s", STR_ARG(config->public_url),
                        kind == LINK_TAP ? 't' : 'u', token);
}

bool link_open(const struct config *config, enum link_kind kind, struct str token,
               struct link *link)
{
    uint8_t given[TOKEN_LEN], right[TOKEN_LEN];
    uint64_t seq = 0;
    size_t len;

    if (config->secrets.key.len == 0 ||
        sodium_base642bin(given, sizeof given, token.at, token.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != sizeof given)
        return false;
    memcpy(right, given, NAMED_LEN);
    put_mac(config, right);
    if (sodium_memcmp(given, right, sizeof given) != 0 || given[41] != (uint8_t)kind)
        return false;
    memcpy(link->org.bytes, given, 16);
    memcpy(link->conversation.bytes, given + 16, 16);
    for (int i = 0; i < 8; i++)
        seq = seq << 8 | given[32 + i];
    link->seq = (int64_t)seq;
    link->option = given[40];
    return true;
}
