/* The ranges are those of IANA's special-purpose registries (RFC 6890 and its successors). */
#include "bot/net/public_net.h"

#include <netinet/in.h>
#include <string.h>

struct range4 {
    uint32_t first;
    unsigned bits;
};

static const struct range4 ranges4[] = {
    {0x00000000, 8 }, /* this network */
    {0x0A000000, 8 }, /* private */
    {0x64400000, 10}, /* carriers' own */
    {0x7F000000, 8 }, /* loopback */
    {0xA9FE0000, 16}, /* link-local, and clouds' metadata */
    {0xAC100000, 12}, /* private */
    {0xC0000000, 24}, /* protocol assignments */
    {0xC0000200, 24}, /* documentation */
    {0xC0586300, 24}, /* relays */
    {0xC0A80000, 16}, /* private */
    {0xC6120000, 15}, /* benchmarks */
    {0xC6336400, 24}, /* documentation */
    {0xCB007100, 24}, /* documentation */
    {0xE0000000, 4 }, /* multicast */
    {0xF0000000, 4 }, /* reserved, and broadcast */
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < COUNTOF(ranges4); i++) {
        if (address >> (32 - ranges4[i].bits) == ranges4[i].first >> (32 - ranges4[i].bits))
            return false;
    }
    return true;
}

static uint32_t four(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
           bytes[3];
}

/* Public is what is in 2000::/3 and not set apart there; 4-in-6 forms count as what they hold.
 */
static bool is_public6(const uint8_t *bytes)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    static const uint8_t translated[12] = {0, 0x64, 0xFF, 0x9B};

    if (memcmp(bytes, mapped, sizeof mapped) == 0 ||
        memcmp(bytes, translated, sizeof translated) == 0)
        return is_public4(four(bytes + 12));
    if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4 */
        return is_public4(four(bytes + 2));
    if (bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] & 0xFE) == 0)
        return false; /* 2001::/23: Teredo, and other protocols */
    if (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0D && bytes[3] == 0xB8)
        return false; /* documentation */
    if (bytes[0] == 0x3F && bytes[1] == 0xFF && (bytes[2] & 0xF0) == 0)
        return false; /* 3fff::/20: documentation */
    return (bytes[0] & 0xE0) == 0x20;
}

bool net_is_public(const struct sockaddr *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        return is_public6(in6.sin6_addr.s6_addr);
    }
    return false;
}
