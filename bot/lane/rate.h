/*
 * How fast a lane may send: token buckets, as plain values.
 *
 * Time is given in, so that the arithmetic can be tested without waiting. Tokens are counted in
 * millionths, since a rate per second times microseconds is a whole number of them.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/uuid.h"

#include <stdatomic.h>

struct bucket {
    uint64_t micro_tokens;
    uint64_t owed; /* millionths, too: paid before anything is there again */
    usec_t at;     /* monotonic; 0: full */
};

/* Tokens that are there now, at most `burst`. `per_second` 0: no limit. */
unsigned bucket_tokens(struct bucket *bucket, usec_t now, unsigned per_second, unsigned burst);
void bucket_take(struct bucket *bucket, unsigned n);
/* So many more than were taken are used after all: what comes in pays for them first. */
void bucket_owe(struct bucket *bucket, unsigned n);
/* Taken and not used. */
void bucket_give(struct bucket *bucket, unsigned n);
/* How long until one token is there; 0: now. */
usec_t bucket_wait(struct bucket *bucket, usec_t now, unsigned per_second, unsigned burst);

/*
 * What a provider allows to all who show one key, shared by the workers of a node: `used` is
 * the time up to which the share is used, and may lie ahead. Plain memory in which zero is a
 * full share; one who dies takes nothing with him for longer than it would have lasted.
 */
struct quota {
    _Atomic int64_t used;  /* monotonic */
    _Atomic int64_t least; /* when the next of quota_share's own is there */
};

/* At most `n`, as many as are there; `per_second` 0: no limit. */
unsigned quota_take(struct quota *quota, usec_t now, unsigned per_second, unsigned burst,
                    unsigned n);
/* As quota_take; where others have reserved all, one in four is there all the same, so that
 * they who take are not shut out for as long as others reserve. */
unsigned quota_share(struct quota *quota, usec_t now, unsigned per_second, unsigned burst,
                     unsigned n);
/* One; `interval` is how long it takes until there is another. False: there is none. */
MUST_USE bool quota_one(struct quota *quota, usec_t now, usec_t interval, unsigned burst);
/* Taken and not used. */
void quota_give(struct quota *quota, unsigned per_second, unsigned n);
/* How long until one is there; 0: now. */
usec_t quota_wait(const struct quota *quota, usec_t now, unsigned per_second, unsigned burst);
/* The same for quota_share. */
usec_t quota_share_wait(const struct quota *quota, usec_t now, unsigned per_second,
                        unsigned burst);
/* One, ahead of all who take: true, and it may be used after `wait`; false, and nothing is
 * reserved, when that would be longer than `most`. */
bool quota_reserve(struct quota *quota, usec_t now, unsigned per_second, unsigned burst,
                   usec_t most, usec_t *wait);

/*
 * One message each `interval` to one person, with bursts that borrow from the future: remembers
 * only those who wrote a lot lately. A generic cell rate algorithm: `until` is the time up to
 * which the person's share is used.
 */
struct pairs {
    struct pair *slots;
    size_t room, n;
};

void pairs_init(struct pairs *pairs);
void pairs_finish(struct pairs *pairs);

/* 0 when one may go now (and counts it), else how long to wait. `interval` 0: no limit. */
usec_t pairs_take(struct pairs *pairs, struct uuid person, usec_t now, usec_t interval,
                  unsigned burst);
/* What was taken came to nothing, and does not count. Nothing when it is forgotten by now. */
void pairs_give(struct pairs *pairs, struct uuid person, usec_t interval);
