/*
 * What a lane must know of the channel that it sends on: one table, a line for each.
 *
 * A lane keeps order, rate and promise, and they are the same everywhere; how a message is put
 * into a provider's words, what its answer means and how fast it may go is here.
 */
#pragma once

#include "bot/turn/accounts.h"
#include "templates/face.h"

struct channel_limits {
    unsigned rate, rate_burst; /* a second of one account: messages, or segments of SMS */
    bool one_key;              /* the rate is one for all accounts together */
    unsigned connections;      /* under way at once */
    usec_t pair_interval;      /* between two to one person; 0: no limit */
    unsigned pair_burst;
    usec_t window; /* free words may go so long after the person wrote; 0: always */
    usec_t connect_timeout, timeout;
    size_t answer_max;
};

/* Many messages in one request, which counts as one of the rate. The provider takes all of them
 * or none, and under the request's key at most once. */
struct bundle_ways {
    unsigned least, most; /* fewer go one by one */
    /* One of them, in its provider's words. */
    bool (*member)(struct arena *into, const struct outbound *message, struct str *member,
                   struct err *err);
    bool (*encode)(struct arena *into, const struct config *config, struct str key,
                   const struct str *members, size_t n, struct http_request *request,
                   struct err *err);
    /* `ids` has room for `n`; empty ones where they are not said. */
    void (*answer)(struct arena *into, const struct http_answer *answer, size_t n,
                   struct sending_result *result, struct str *ids);
};

struct channel_ways {
    /* Whether there are credentials to send with. */
    bool (*is_ready)(const struct config *config, const struct account *account);
    struct channel_limits (*limits)(const struct config *config);
    /* How a reply looks here; NULL: as its fields say. Who speaks is learnt with the claim, so
     * such a lane takes nothing that was handed over. */
    struct face (*face)(struct arena *into, const struct face_ask *ask);
    bool (*encode)(struct arena *into, const struct config *config,
                   const struct account *account, const struct outbound *message,
                   struct http_request *request, struct err *err);
    void (*answer)(struct arena *into, const struct http_answer *answer,
                   struct sending_result *result);
    /* The same for an error code that a status brings later. */
    void (*error)(struct arena *into, int code, struct sending_result *result);
    /* Kept files go to the provider before a message names them; NULL: they do not. `file_life`
     * is for how long a handle is used, well below what the provider says. */
    bool (*upload)(struct arena *into, const struct config *config,
                   const struct account *account, const struct outbound_file *file,
                   struct http_request *request, struct err *err);
    void (*uploaded)(struct arena *into, const struct http_answer *answer,
                     struct sending_result *result);
    usec_t file_life;
    const struct bundle_ways *bundle; /* NULL: each message goes alone */
};

/* Every account's channel has its line. */
const struct channel_ways *channel_ways(enum channel channel);
/* The same for who sends: mail has two carriers, and a setting says which. */
const struct channel_ways *channel_ways_by(const struct config *config, enum channel channel);

/* What is sealed in the outbox has a key of its own. False when the service has no key. */
MUST_USE bool channel_seal(struct arena *into, const struct config *config, struct str plain,
                           struct str *sealed);
MUST_USE bool channel_open(struct arena *into, const struct config *config, struct str sealed,
                           struct str *plain, struct err *err);
