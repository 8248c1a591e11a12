/*
 * Bundles: many messages in one request, where a provider takes so (bundle_ways, channels.h).
 *
 * A message that comes alone goes alone, at once. Only when a claim came back full, so that
 * more may wait, the lane's next one asks for a bundle: heads of conversations that never were
 * on the wire, one of each, a hundred at most.
 *
 * Which they are is committed with the intent (`outbox.bundle_id`, `bundle_at`). From then on
 * they stay together until the provider has said what it did: a request whose answer was lost,
 * or whose sender died, is made again of the same messages in the same order under the same
 * key. What leaves a bundle alive has another key or none only when the provider refused the
 * request, and so took nothing: then its halves go apart, until the one that is refused stands
 * alone and fails with its reason.
 */
#pragma once

#include "store/db.h"

struct lane;

/* A lane's part. */
struct bundles {
    bool backlog;       /* the last claim came back full */
    bool again;         /* one may be due to go again */
    usec_t due;         /* monotonic: when one is; INT64_MAX: none that we know of */
    unsigned in_row;    /* claims of bundles since the last of single messages */
    unsigned under_way; /* on the wire */
};

/* None is known: another may have held the lane. Those on the wire stay. */
void bundle_forget(struct lane *lane);
/* Look at the time. */
void bundle_tick(struct lane *lane, usec_t now);
/* Whether the lane's next claim is for a bundle. */
bool bundle_wanted(const struct lane *lane);
/* Into the cycle's call; its result has the columns of outbox_intend and two more. */
void bundle_add_claim(struct lane *lane);
/* A claim of either kind gave so many. */
void bundle_claimed(struct lane *lane, unsigned n);
/* What a claim gave, from the intent to the wire; it counts as one under way already. */
void bundle_send(struct lane *lane, const PGresult *rows, const PGresult *speakers);
/* What SQL_BUNDLE_NEXT gave. */
void bundle_found(struct lane *lane, const PGresult *rows);
