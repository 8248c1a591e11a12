/*
 * The form of a record, little-endian:
 *
 *     "PSP1"  length of the box (4)  when it came (8)  account (4)  hash16 of all but itself
 *     the box: door, flags, length of the query (2), query, body
 */
#include "bot/door/spool_file.h"

#include "bot/loop/loop.h"

#include <stdlib.h>

#define SUM_AT    20
#define FLAG_JSON 1
#define FLAG_CARD 2
#define BOX_HEAD  4

static const char magic[4] = {'P', 'S', 'P', '1'};

static void put_int(char *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (char)(value >> (8 * i) & 0xFF);
}

static uint64_t get_int(const char *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

uint32_t spool_tag(const struct hash *key, struct str account)
{
    struct hash hash =
        hmac_sha256((struct str){(const char *)key->bytes, sizeof key->bytes}, account);

    return (uint32_t)get_int((const char *)hash.bytes, 4);
}

static struct hash16 sum_of(struct str head, struct str box)
{
    struct str parts[2] = {head, box};

    return hash16_of(parts, 2);
}

struct str spool_seal(const struct spool_folder *folder, const struct spool_record *record)
{
    struct arena arena = {0};
    size_t query = record->query.len < UINT16_MAX ? record->query.len : UINT16_MAX;
    char *plain = arena_alloc(&arena, BOX_HEAD + query + record->body.len);
    uint8_t nonce[NONCE_LEN];

    plain[0] = (char)record->door;
    plain[1] = (char)((record->json ? FLAG_JSON : 0) | (record->card ? FLAG_CARD : 0));
    put_int(plain + 2, query, 2);
    if (query > 0)
        memcpy(plain + BOX_HEAD, record->query.at, query);
    if (record->body.len > 0)
        memcpy(plain + BOX_HEAD + query, record->body.at, record->body.len);
    random_bytes(nonce, sizeof nonce);
    struct str box = crypto_seal(&arena, &folder->key, nonce,
                                 (struct str){plain, BOX_HEAD + query + record->body.len});
    char *out = malloc(SPOOL_HEAD + box.len);
    if (out == NULL)
        abort();
    memcpy(out, magic, sizeof magic);
    put_int(out + 4, box.len, 4);
    put_int(out + 8, (uint64_t)record->received_at, 8);
    put_int(out + 16, record->account, 4);
    struct hash16 sum = sum_of((struct str){out, SUM_AT}, box);
    memcpy(out + SUM_AT, sum.bytes, sizeof sum.bytes);
    memcpy(out + SPOOL_HEAD, box.at, box.len);
    arena_finish(&arena);
    return (struct str){out, SPOOL_HEAD + box.len};
}

/* Whether a whole record begins there. */
static bool read_head(struct str bytes, size_t at, struct spool_entry *entry)
{
    const char *head = bytes.at + at;

    if (bytes.len - at < SPOOL_HEAD || memcmp(head, magic, sizeof magic) != 0)
        return false;
    size_t len = (size_t)get_int(head + 4, 4);
    if (len > bytes.len - at - SPOOL_HEAD)
        return false;
    struct hash16 sum =
        sum_of((struct str){head, SUM_AT}, (struct str){head + SPOOL_HEAD, len});
    *entry = (struct spool_entry){.at = (usec_t)get_int(head + 8, 8),
                                  .offset = at,
                                  .len = SPOOL_HEAD + len,
                                  .account = (uint32_t)get_int(head + 16, 4)};
    return memcmp(sum.bytes, head + SUM_AT, sizeof sum.bytes) == 0;
}

void spool_scan(struct str bytes, struct spool_scan *scan,
                void (*found)(void *with, const struct spool_entry *entry), void *with)
{
    *scan = (struct spool_scan){0};
    for (size_t at = 0; at < bytes.len;) {
        struct spool_entry entry;
        if (!read_head(bytes, at, &entry)) {
            const char *next =
                memmem(bytes.at + at + 1, bytes.len - at - 1, magic, sizeof magic);
            at = next != NULL ? (size_t)(next - bytes.at) : bytes.len;
            continue;
        }
        scan->damaged += at - scan->end;
        scan->end = at + entry.len;
        scan->records++;
        if (found != NULL)
            found(with, &entry);
        at = scan->end;
    }
}

bool spool_unseal(const struct spool_folder *folder, struct str bytes, struct arena *into,
                  struct spool_record *record, struct err *err)
{
    struct spool_entry entry;
    struct str plain;

    if (bytes.len < SPOOL_HEAD || !read_head(bytes, 0, &entry) || entry.len != bytes.len)
        return err_raise(err, ERR_REJECT, "no record of a spool");
    if (!crypto_open(into, &folder->key, str_slice(bytes, SPOOL_HEAD, bytes.len), &plain, err))
        return err_wrap(err, "record of the spool");
    size_t query = plain.len >= BOX_HEAD ? (size_t)get_int(plain.at + 2, 2) : plain.len;
    if (plain.len < BOX_HEAD || query > plain.len - BOX_HEAD)
        return err_raise(err, ERR_REJECT, "a record of the spool that breaks off");
    *record = (struct spool_record){.door = (uint8_t)plain.at[0],
                                    .json = (plain.at[1] & FLAG_JSON) != 0,
                                    .card = (plain.at[1] & FLAG_CARD) != 0,
                                    .account = entry.account,
                                    .received_at = entry.at,
                                    .query = str_slice(plain, BOX_HEAD, query),
                                    .body = str_slice(plain, BOX_HEAD + query, plain.len)};
    return true;
}
