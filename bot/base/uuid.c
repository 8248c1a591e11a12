/*
 * RFC 9562, section 5.7: 48 bits of milliseconds, 4 of version, 12 random, 2 of variant, 62
 * random. Byte order is age order, to the millisecond.
 */
#include "bot/base/uuid.h"

#include "bot/base/arena.h"
#include "bot/base/crypto.h"

struct uuid uuid_v7(usec_t now, const uint8_t random[10])
{
    uint64_t msec = now > 0 ? (uint64_t)(now / USEC_PER_MSEC) : 0;
    struct uuid id;
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(msec >> (40 - 8 * i));
    memcpy(id.bytes + 6, random, 10);
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0F));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3F));
    return id;
}

bool uuid_eq(struct uuid a, struct uuid b)
{
    return uuid_compare(a, b) == 0;
}

bool uuid_is_none(struct uuid id)
{
    return uuid_eq(id, (struct uuid){{0}});
}

int uuid_compare(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes));
}

/* The bytes of each group, as 8-4-4-4-12 digits. */
static const uint8_t groups[] = {4, 2, 2, 2, 6};

void uuid_format(struct uuid id, char text[UUID_TEXT_LEN + 1])
{
    const uint8_t *from = id.bytes;
    for (size_t i = 0; i < COUNTOF(groups); i++) {
        if (i > 0)
            *text++ = '-';
        hex_format(from, groups[i], text);
        from += groups[i];
        text += 2 * (size_t)groups[i];
    }
}

struct str uuid_str(struct arena *into, struct uuid id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    return arena_str(into, (struct str){text, UUID_TEXT_LEN});
}

bool uuid_parse(struct str text, struct uuid *id)
{
    if (text.len != UUID_TEXT_LEN)
        return false;
    struct uuid read;
    uint8_t *to = read.bytes;
    for (size_t i = 0; i < COUNTOF(groups); i++) {
        struct str digits = {text.at, 2 * (size_t)groups[i]};
        if (!hex_parse(digits, to, groups[i]))
            return false;
        to += groups[i];
        text = str_slice(text, digits.len, text.len);
        if (text.len > 0 && *text.at != '-')
            return false;
        text = str_slice(text, 1, text.len);
    }
    *id = read;
    return true;
}
