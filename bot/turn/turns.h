/*
 * Turns: what customers wrote, one batch of them in one transaction.
 *
 * Items wait in a queue per business. While a business's batch is in flight its new items wait,
 * and together they are the next batch: no timer, so a quiet service answers at once and a busy
 * one shares its commits. Items of one conversation keep their order; conversations do not wait
 * for each other.
 *
 * A failed batch is done again in halves until one item is left. If that one has a data error
 * it is parked (kept with its delivery and the reason; the customer gets an apology). A sick
 * database parks nobody: items are tried again until their delivery's deadline, then the
 * delivery fails and its provider repeats it. What the database takes too long over, or refuses
 * again and again, may be one item's fault: those of that batch go on one at a time, beside the
 * business's other batches, so that one conversation holds up no others.
 */
#pragma once

#include "bot/turn/accounts.h"
#include "bot/worker.h"

/* A delivery on its way through: it is answered when all of its items are settled. */
struct arrival {
    struct http_exchange *exchange;
    struct arena *arena; /* the exchange's: body, events, items */
    struct hash16 hash;
    struct str body;      /* as it may be kept: without the numbers of cards */
    const char *provider; /* whose words the body is in: "whatsapp", "twilio", ... */
    usec_t arrived;       /* monotonic */
    usec_t received_at;   /* wall clock */
    usec_t deadline;      /* monotonic */
    size_t pending;       /* items not settled, and one while it is being taken apart */
    bool failed;
    bool suspect; /* it was under way when a worker died: step it alone */
    void (*settled)(struct arrival *delivery);
    struct worker *worker;
};

/* A business's part of a delivery: the payload is kept once for each. */
struct portion {
    struct arrival *delivery;
    struct uuid org;
    struct uuid payload_id;
    bool kept;          /* its payload is committed */
    bool writing;       /* by the batch under way */
    struct uuid buried; /* the dead letter that has the delivery */
    usec_t buried_in;   /* the batch that wrote it, by when it began */
    struct portion *next;
};

/* A row of `jobs` that was claimed: what makes a turn of a timer. */
struct item_job {
    struct uuid id;
    usec_t due_at; /* as it was claimed; another time is another job */
    bool live;     /* the batch found it as it was claimed */
};

struct item {
    struct item *next;
    struct portion *portion;
    const struct account *account;
    const struct event *event;
    struct item_job *job; /* of an EVENT_TIMER; else NULL */
    struct str address; /* the conversation's key, with the account; empty when it is no turn */
    struct hash16 hash; /* what `seen` remembers */
    usec_t not_before;  /* monotonic: put off because another worker holds the conversation */
    unsigned put_off;
    bool aside;       /* a batch with it was sick, perhaps because of it: it goes alone */
    int64_t seq;      /* of the message that it became in the log; 0: none yet */
    const char *park; /* why it is to be parked instead of stepped */
};

struct turns *turns_create(struct worker *worker);

/* Queue an item. The delivery stays until it is settled. */
void turns_add(struct turns *turns, struct item *item);

/* How many items wait or are in flight. */
size_t turns_depth(const struct turns *turns);

/* Item settled: with `ok` it is committed, else the delivery fails and is repeated by its
 * provider. */
void arrival_settle(struct arrival *delivery, bool ok);

void turns_close(struct turns *turns);
void turns_destroy(struct turns *turns);
