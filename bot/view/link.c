#include "bot/view/link.h"

#include "bot/base/crypto.h"

#include <sodium.h>

#define NAMED_LEN 42 /* org, conversation, seq, option, kind */
#define MAC_LEN   16
#define TOKEN_LEN (NAMED_LEN + MAC_LEN)

#define FILE_NAMED_LEN 52 /* org, document, customer, end in hours */
#define FILE_LEN       (FILE_NAMED_LEN + MAC_LEN)
#define FILE_LEFT_MIN  (2 * USEC_PER_HOUR) /* less is no good to a reader */

/* Each has a key of its own: a token of one form is none of the other. */
static const char purpose[] = "parley link 1";
static const char file_purpose[] = "parley file link 1";

static void put_named(enum link_kind kind, const struct link *link, uint8_t *bytes)
{
    memcpy(bytes, link->org.bytes, 16);
    memcpy(bytes + 16, link->conversation.bytes, 16);
    for (int i = 0; i < 8; i++)
        bytes[32 + i] = (uint8_t)((uint64_t)link->seq >> (56 - 8 * i));
    bytes[40] = (uint8_t)link->option;
    bytes[41] = (uint8_t)kind;
}

/* Behind the first `len` bytes. */
static void put_mac(const struct config *config, const char *what, uint8_t *bytes, size_t len)
{
    struct hash key = crypto_subkey(config->secrets.key, what);
    struct hash mac = hmac_sha256((struct str){(const char *)key.bytes, sizeof key.bytes},
                                  (struct str){(const char *)bytes, len});

    memcpy(bytes + len, mac.bytes, MAC_LEN);
    crypto_wipe(&key, sizeof key);
}

/* libsodium takes some bytes beyond ASCII for letters, and one token would have many spellings.
 */
static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

/* The token's `len` bytes, of which the last are the right hash of the others. */
static bool take_apart(const struct config *config, const char *what, struct str token,
                       uint8_t *given, size_t len)
{
    uint8_t right[FILE_LEN > TOKEN_LEN ? FILE_LEN : TOKEN_LEN];
    size_t n;

    if (config->secrets.key.len == 0 || !is_ascii(token) ||
        sodium_base642bin(given, len, token.at, token.len, NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        n != len)
        return false;
    memcpy(right, given, len - MAC_LEN);
    put_mac(config, what, right, len - MAC_LEN);
    return sodium_memcmp(given, right, len) == 0;
}

struct str link_make(struct arena *into, const struct config *config, enum link_kind kind,
                     const struct link *link)
{
    uint8_t bytes[TOKEN_LEN];
    char token[sodium_base64_ENCODED_LEN(TOKEN_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

    if (config->public_url.len == 0 || config->secrets.key.len == 0 || link->option > UINT8_MAX)
        return STR_NONE;
    put_named(kind, link, bytes);
    put_mac(config, purpose, bytes, NAMED_LEN);
    sodium_bin2base64(token, sizeof token, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return arena_format(into, "%.*s/%c/%s", STR_ARG(config->public_url),
                        kind == LINK_TAP ? 't' : 'u', token);
}

bool link_open(const struct config *config, enum link_kind kind, struct str token,
               struct link *link)
{
    uint8_t given[TOKEN_LEN];
    uint64_t seq = 0;

    if (!take_apart(config, purpose, token, given, sizeof given) || given[41] != (uint8_t)kind)
        return false;
    memcpy(link->org.bytes, given, 16);
    memcpy(link->conversation.bytes, given + 16, 16);
    for (int i = 0; i < 8; i++)
        seq = seq << 8 | given[32 + i];
    link->seq = (int64_t)seq;
    link->option = given[40];
    return true;
}

/* --- files -------------------------------------------------------------------------------- */

static usec_t end_of(usec_t from)
{
    return (from + USEC_PER_HOUR - 1) / USEC_PER_HOUR * USEC_PER_HOUR + LINK_FILE_GOOD_FOR;
}

const struct uuid link_file_desk = {
    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff}
};

usec_t link_file_end(usec_t promised_at, usec_t now)
{
    usec_t end = end_of(promised_at);

    return end - now >= FILE_LEFT_MIN ? end : end_of(now);
}

struct str link_file_make(struct arena *into, const struct config *config,
                          const struct link_file *file)
{
    uint8_t bytes[FILE_LEN];
    char token[sodium_base64_ENCODED_LEN(FILE_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    usec_t hours = file->end / USEC_PER_HOUR;

    if (config->public_url.len == 0 || config->secrets.key.len == 0 || hours < 0 ||
        hours > UINT32_MAX)
        return STR_NONE;
    memcpy(bytes, file->org.bytes, 16);
    memcpy(bytes + 16, file->document.bytes, 16);
    memcpy(bytes + 32, file->customer.bytes, 16);
    for (int i = 0; i < 4; i++)
        bytes[48 + i] = (uint8_t)((uint64_t)hours >> (24 - 8 * i));
    put_mac(config, file_purpose, bytes, FILE_NAMED_LEN);
    sodium_bin2base64(token, sizeof token, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return arena_format(into, "%.*s/f/%s", STR_ARG(config->public_url), token);
}

bool link_file_open(const struct config *config, struct str token, struct link_file *file)
{
    uint8_t given[FILE_LEN];
    usec_t hours = 0;

    if (!take_apart(config, file_purpose, token, given, sizeof given))
        return false;
    memcpy(file->org.bytes, given, 16);
    memcpy(file->document.bytes, given + 16, 16);
    memcpy(file->customer.bytes, given + 32, 16);
    for (int i = 0; i < 4; i++)
        hours = hours << 8 | given[48 + i];
    file->end = hours * USEC_PER_HOUR;
    return true;
}
