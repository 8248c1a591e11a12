/*
 * Reviews, for the business's people: asking for one, the newest, and figures (REV-2). What
 * customers do with them are actions of flows (store/parts.c); what asks after a day is
 * migration 0051.
 *
 * Connects as the owner and acts as the business's staff.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct review {
    struct uuid id;
    struct str order, workflow, state, comment, channel, platform, ticket, why;
    int64_t rating; /* 0: none was given */
    usec_t requested_at, asked_at, reminded_at, answered_at;
};

/* Of all (`what` is "all"), or of one rating, workflow or channel. */
struct review_figures {
    struct str what, which;
    int64_t asked, answered, skipped, completed, opened;
    int64_t average; /* in hundredths of a star; 0: none */
};

struct reviews;

MUST_USE bool reviews_open(const char *url, usec_t timeout, struct reviews **reviews,
                           struct err *err);
void reviews_close(struct reviews **reviews);

/* Ask about an order now, however its number is typed, of whichever business has it. The
 * outcome: asked, already (it was, or was answered), unfinished, unknown. `now` is the time of
 * it. */
MUST_USE bool reviews_request(struct reviews *reviews, struct str number, usec_t now,
                              struct arena *into, struct str *outcome, struct err *err);
/* Of all businesses, the newest of each first. `since`: "2026-11-01", or NULL; `state`: or "".
 */
MUST_USE bool reviews_list(struct reviews *reviews, const char *since, const char *state,
                           size_t limit, struct arena *into, const struct review **items,
                           size_t *n, struct err *err);
/* Of all businesses, one after the other; within each "all" first. */
MUST_USE bool reviews_stats(struct reviews *reviews, const char *since, struct arena *into,
                            const struct review_figures **items, size_t *n, struct err *err);
