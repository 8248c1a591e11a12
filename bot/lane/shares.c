#include "bot/lane/shares.h"

static struct share *find(struct shares *shares, struct uuid org)
{
    for (unsigned i = 0; i < shares->n; i++) {
        if (uuid_eq(shares->of[i].org, org))
            return &shares->of[i];
    }
    return NULL;
}

void shares_take(struct shares *shares, struct uuid org)
{
    struct share *share = find(shares, org);

    if (share == NULL && shares->n < SHARES_KNOWN) {
        share = &shares->of[shares->n++];
        *share = (struct share){.org = org};
    }
    if (share != NULL) {
        share->taken++;
        shares->all++;
    }
}

void shares_give(struct shares *shares, struct uuid org)
{
    struct share *share = find(shares, org);

    if (share == NULL)
        return;
    shares->all--;
    if (--share->taken == 0)
        *share = shares->of[--shares->n];
}

unsigned shares_of(const struct shares *shares, struct uuid org)
{
    for (unsigned i = 0; i < shares->n; i++) {
        if (uuid_eq(shares->of[i].org, org))
            return shares->of[i].taken;
    }
    return 0;
}

bool shares_is_greedy(const struct shares *shares, struct uuid org)
{
    return shares_of(shares, org) * (shares->n + 1) > shares->all;
}
