/*
 * A table with open places: a key keeps its slot while it is used, and gives it up when another
 * needs one and its bucket has been full for a while. When every place near it is taken by keys
 * that are busy, it shares the last one looked at: slower for two, and never without a limit.
 */
#include "bot/door/api_rate.h"

#define PROBES           8
#define IDLE             USEC_PER_MIN
#define UNKNOWN_A_SECOND 20 /* by one address */
#define UNKNOWN_AT_ONCE  100
#define ALL_A_SECOND     500
#define ALL_AT_ONCE      1000

static struct quota *find(struct api_rate *rate, uint64_t tag, usec_t now)
{
    size_t at = tag % API_RATE_SLOTS;

    for (size_t i = 0; i < PROBES; i++, at = (at + 1) % API_RATE_SLOTS) {
        uint64_t there = atomic_load(&rate->slots[at].key);
        if (there == tag)
            return &rate->slots[at].quota;
        bool idle = there == 0 || atomic_load(&rate->slots[at].quota.used) < now - IDLE;
        if (idle && atomic_compare_exchange_strong(&rate->slots[at].key, &there, tag))
            return &rate->slots[at].quota;
        if (there == tag)
            return &rate->slots[at].quota;
    }
    return &rate->slots[(tag + PROBES - 1) % API_RATE_SLOTS].quota;
}

static usec_t take(struct quota *quota, usec_t now, unsigned per_second, unsigned burst)
{
    if (quota_take(quota, now, per_second, burst, 1) == 1)
        return 0;
    usec_t wait = quota_wait(quota, now, per_second, burst);
    return wait > 0 ? wait : 1;
}

usec_t api_rate_take(struct api_rate *rate, struct uuid key, usec_t now, unsigned per_second,
                     unsigned burst)
{
    uint64_t tag;

    memcpy(&tag, key.bytes + 8, sizeof tag); /* the random part */
    return take(find(rate, tag | 1, now), now, per_second, burst);
}

usec_t api_rate_take_unknown(struct api_rate *rate, uint64_t who, usec_t now)
{
    usec_t wait = take(&rate->strangers[who % API_RATE_STRANGERS], now, UNKNOWN_A_SECOND,
                       UNKNOWN_AT_ONCE);

    return wait > 0 ? wait : take(&rate->unknown, now, ALL_A_SECOND, ALL_AT_ONCE);
}
