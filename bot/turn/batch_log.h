/*
 * Messages into the log, and items that could not be handled into the dead letters.
 */
#pragma once

#include "bot/turn/batch_inside.h"

/* A message as the log keeps it. Zero or none: it has no such thing. */
struct batch_row {
    bool inbound;
    const char *kind;
    struct str body;
    usec_t at;              /* wall */
    struct str provider_id; /* the provider's name for it */
    struct uuid payload;    /* the delivery that it came in */
    int64_t cause;          /* number of the message that it answers */
    struct str why;         /* of an answer: where the flow stood */
};

/* Everything is copied; its number in the conversation comes back. */
int64_t batch_log(struct batch_work *work, struct turn *turn, const struct batch_row *row);

/*
 * Keep the item for a person, with its delivery and a reason in our own words (no customer's).
 * Many items of one delivery may be buried: the first has the delivery, the others name it.
 */
void batch_bury(struct batch_work *work, const struct item *item, const char *reason);
