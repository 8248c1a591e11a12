#include "bot/lane/rate.h"

#include <stdlib.h>
#include <string.h>

#define TOKEN   ((uint64_t)1000000)
#define LONGEST USEC_PER_DAY /* rest beyond it counts no more */

static void pay(struct bucket *bucket)
{
    uint64_t paid = bucket->owed < bucket->micro_tokens ? bucket->owed : bucket->micro_tokens;

    bucket->micro_tokens -= paid;
    bucket->owed -= paid;
}

unsigned bucket_tokens(struct bucket *bucket, usec_t now, unsigned per_second, unsigned burst)
{
    uint64_t most = (uint64_t)burst * TOKEN;

    if (per_second == 0)
        return burst > 0 ? burst : UINT32_MAX;
    if (bucket->at == 0) {
        bucket->micro_tokens = most;
    } else if (now > bucket->at) {
        usec_t since = now - bucket->at < LONGEST ? now - bucket->at : LONGEST;
        bucket->micro_tokens += (uint64_t)since * per_second;
    }
    bucket->at = now;
    pay(bucket);
    if (bucket->micro_tokens > most)
        bucket->micro_tokens = most;
    return (unsigned)(bucket->micro_tokens / TOKEN);
}

void bucket_take(struct bucket *bucket, unsigned n)
{
    uint64_t taken = n * TOKEN;

    bucket->micro_tokens -= taken < bucket->micro_tokens ? taken : bucket->micro_tokens;
}

void bucket_owe(struct bucket *bucket, unsigned n)
{
    bucket->owed += n * TOKEN;
    pay(bucket);
}

void bucket_give(struct bucket *bucket, unsigned n)
{
    bucket->micro_tokens += n * TOKEN; /* bounded when it is next looked at */
}

usec_t bucket_wait(struct bucket *bucket, usec_t now, unsigned per_second, unsigned burst)
{
    if (bucket_tokens(bucket, now, per_second, burst) > 0)
        return 0;
    return (usec_t)((TOKEN + bucket->owed - bucket->micro_tokens) / per_second + 1);
}

/* --- quota -------------------------------------------------------------------------------- */

#define SHARE 4 /* one in so many is for those who take */

/* Rounded up: rather a little less than was allowed. */
static usec_t interval_of(unsigned per_second)
{
    return (USEC_PER_SEC + per_second - 1) / per_second;
}

static usec_t later(usec_t a, usec_t b)
{
    return a > b ? a : b;
}

static unsigned take(struct quota *quota, usec_t now, usec_t interval, unsigned burst,
                     unsigned n)
{
    usec_t whole = interval * (burst > 0 ? burst : 1);
    int64_t used = atomic_load(&quota->used);
    for (;;) {
        usec_t from = later(used, now), left = now + whole - from;
        usec_t there = left > 0 ? left / interval : 0;
        unsigned taken = there < n ? (unsigned)there : n;
        if (taken == 0)
            return 0;
        if (atomic_compare_exchange_weak(&quota->used, &used, from + taken * interval))
            return taken;
    }
}

unsigned quota_take(struct quota *quota, usec_t now, unsigned per_second, unsigned burst,
                    unsigned n)
{
    if (per_second == 0 || n == 0)
        return n;
    return take(quota, now, interval_of(per_second), burst, n);
}

bool quota_one(struct quota *quota, usec_t now, usec_t interval, unsigned burst)
{
    return take(quota, now, interval, burst, 1) == 1;
}

void quota_give(struct quota *quota, unsigned per_second, unsigned n)
{
    if (per_second > 0)
        atomic_fetch_sub(&quota->used, n * interval_of(per_second));
    if (n > 0)
        atomic_store(&quota->least, 0);
}

usec_t quota_wait(const struct quota *quota, usec_t now, unsigned per_second, unsigned burst)
{
    if (per_second == 0)
        return 0;
    usec_t ahead = atomic_load(&quota->used) +
                   interval_of(per_second) * (1 - (usec_t)(burst > 0 ? burst : 1)) - now;
    return later(ahead, 0);
}

/* Those who take use no more than the burst: what is used beyond it was reserved. What is given
 * of it comes off what will be reserved next, so the rate holds. */
unsigned quota_share(struct quota *quota, usec_t now, unsigned per_second, unsigned burst,
                     unsigned n)
{
    unsigned taken = quota_take(quota, now, per_second, burst, n);
    int64_t least = atomic_load(&quota->least);

    if (taken > 0 || n == 0 || now < least ||
        quota_wait(quota, now, per_second, burst) <= interval_of(per_second) ||
        !atomic_compare_exchange_strong(&quota->least, &least,
                                        now + SHARE * interval_of(per_second)))
        return taken;
    atomic_fetch_add(&quota->used, interval_of(per_second));
    return 1;
}

usec_t quota_share_wait(const struct quota *quota, usec_t now, unsigned per_second,
                        unsigned burst)
{
    usec_t wait = quota_wait(quota, now, per_second, burst);
    usec_t least = later(atomic_load(&quota->least) - now, 0);

    return per_second > 0 && wait > interval_of(per_second) && least < wait ? least : wait;
}

bool quota_reserve(struct quota *quota, usec_t now, unsigned per_second, unsigned burst,
                   usec_t most, usec_t *wait)
{
    *wait = 0;
    if (per_second == 0)
        return true;
    usec_t interval = interval_of(per_second);
    int64_t used = atomic_load(&quota->used);
    do {
        *wait = later(used + interval * (1 - (usec_t)(burst > 0 ? burst : 1)) - now, 0);
        if (*wait > most)
            return false;
    } while (!atomic_compare_exchange_weak(&quota->used, &used, later(used, now) + interval));
    return true;
}

/* --- pairs
 * ------------------------------------------------------------------------------------- */

struct pair {
    struct uuid person;
    usec_t until; /* 0: free */
};

void pairs_init(struct pairs *pairs)
{
    *pairs = (struct pairs){0};
}

void pairs_finish(struct pairs *pairs)
{
    free(pairs->slots);
    pairs_init(pairs);
}

static size_t slot_of(const struct pairs *pairs, struct uuid person)
{
    uint64_t hash;

    memcpy(&hash, person.bytes + 8, sizeof hash); /* the random half */
    size_t slot = hash & (pairs->room - 1);
    while (pairs->slots[slot].until != 0 && !uuid_eq(pairs->slots[slot].person, person))
        slot = (slot + 1) & (pairs->room - 1);
    return slot;
}

/* Make room, leaving out those whose share is whole again. */
static void grow(struct pairs *pairs, usec_t now)
{
    struct pairs wider = {0};
    size_t live = 0;

    for (size_t i = 0; i < pairs->room; i++)
        live += pairs->slots[i].until > now;
    wider.room = 64;
    while (wider.room < live * 4)
        wider.room *= 2;
    wider.slots = calloc(wider.room, sizeof *wider.slots);
    if (wider.slots == NULL)
        abort();
    for (size_t i = 0; i < pairs->room; i++) {
        if (pairs->slots[i].until > now)
            wider.slots[slot_of(&wider, pairs->slots[i].person)] = pairs->slots[i];
    }
    wider.n = live;
    free(pairs->slots);
    *pairs = wider;
}

usec_t pairs_take(struct pairs *pairs, struct uuid person, usec_t now, usec_t interval,
                  unsigned burst)
{
    if (interval == 0)
        return 0;
    if (pairs->room == 0 || (pairs->n + 1) * 2 > pairs->room)
        grow(pairs, now);
    struct pair *pair = &pairs->slots[slot_of(pairs, person)];
    usec_t from = pair->until > now ? pair->until : now;
    usec_t ahead = from + interval - now; /* how much of the future would be used */
    usec_t most = interval * (burst > 0 ? burst : 1);
    if (ahead > most)
        return ahead - most;
    pairs->n += pair->until == 0;
    pair->person = person;
    pair->until = from + interval;
    return 0;
}

void pairs_give(struct pairs *pairs, struct uuid person, usec_t interval)
{
    if (pairs->room == 0)
        return;
    struct pair *pair = &pairs->slots[slot_of(pairs, person)];
    if (pair->until > interval) /* what was taken reaches past its interval: never to 0 */
        pair->until -= interval;
}
