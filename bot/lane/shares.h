/*
 * How much each business has of what all of a worker share: plain values.
 *
 * Who takes what is left must leave some of it to those who have none. Who has more than their
 * part (of all that is taken, were there one business more) is greedy, and may take from half
 * of the whole only. So one that floods has all but half, and whoever comes beside it finds
 * that.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/uuid.h"

#define SHARES_KNOWN 64 /* more than so many at once have no share, and are never greedy */

struct shares {
    struct share {
        struct uuid org;
        unsigned taken;
    } of[SHARES_KNOWN]; /* those that have something */
    unsigned n, all;
};

void shares_take(struct shares *shares, struct uuid org);
/* What was taken. */
void shares_give(struct shares *shares, struct uuid org);
unsigned shares_of(const struct shares *shares, struct uuid org);
bool shares_is_greedy(const struct shares *shares, struct uuid org);
