#include "bot/lane/mail_token.h"

#include "bot/base/crypto.h"

#define MAC_LEN 12 /* 96 bits, of which nobody can try many */

static const char purpose[] = "parley mail token 1";

/* 28 bytes as 45 characters that survive every mail program: letters in lower case and digits.
 */
static void format(const uint8_t *bytes, char *text)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned held = 0, n_held = 0;
    size_t len = 0;

    for (size_t i = 0; i < sizeof(struct uuid) + MAC_LEN; i++) {
        held = held << 8 | bytes[i];
        n_held += 8;
        for (; n_held >= 5; n_held -= 5)
            text[len++] = digits[held >> (n_held - 5) & 31];
    }
    if (n_held > 0)
        text[len++] = digits[held << (5 - n_held) & 31];
}

static bool make(const struct config *config, struct uuid conversation,
                 char text[MAIL_TOKEN_LEN])
{
    uint8_t bytes[sizeof conversation + MAC_LEN];
    struct hash key, mac;

    if (config->secrets.key.len == 0)
        return false;
    key = crypto_subkey(config->secrets.key, purpose);
    mac = hmac_sha256((struct str){(const char *)key.bytes, sizeof key.bytes},
                      (struct str){(const char *)conversation.bytes, sizeof conversation});
    memcpy(bytes, conversation.bytes, sizeof conversation);
    memcpy(bytes + sizeof conversation, mac.bytes, MAC_LEN);
    format(bytes, text);
    crypto_wipe(&key, sizeof key);
    return true;
}

struct str mail_token(struct arena *into, const struct config *config, struct uuid conversation)
{
    char *text = arena_alloc(into, MAIL_TOKEN_LEN);

    return make(config, conversation, text) ? (struct str){text, MAIL_TOKEN_LEN} : STR_NONE;
}

bool mail_token_is(const struct config *config, struct str token, struct uuid conversation)
{
    char right[MAIL_TOKEN_LEN], given[MAIL_TOKEN_LEN];

    if (token.len != MAIL_TOKEN_LEN || !make(config, conversation, right))
        return false;
    for (size_t i = 0; i < MAIL_TOKEN_LEN; i++) {
        char c = token.at[i];
        given[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return crypto_equal((struct str){given, MAIL_TOKEN_LEN},
                        (struct str){right, MAIL_TOKEN_LEN});
}
