/*
 * The inside of paying: for the files that make it, and nobody else.
 *
 *     payments.c       looks for what is due, business by business, and begins
 *     payments_one.c   one request's way: ask, understand, keep
 */
#pragma once

#include "bot/door/desk_door.h"
#include "bot/later/payments.h"
#include "bot/net/fetch.h"
#include "webhooks/stripe.h"

#define PAYMENTS_SOON_MAX 32

struct payments {
    struct worker *worker;
    struct timer timer;
    struct arena arena;
    struct desk_call call;
    bool looking, closing;
    size_t next; /* the account whose business is looked at next */
    struct uuid org;
    struct uuid soon[PAYMENTS_SOON_MAX];
    size_t n_soon;
    size_t n_open;
    usec_t asked_at; /* monotonic */
};

enum payment_what {
    PAYMENT_CREATE,
    PAYMENT_EXPIRE,
    PAYMENT_LOOK,
    PAYMENT_REFUND,
    PAYMENT_LOOK_REFUND
};

/* One request on its way. Its memory is its own and ends with it. */
struct payment {
    struct payments *payments;
    struct arena arena;
    enum payment_what what;
    struct uuid org, id;
    int64_t attempts;
    usec_t began, expires_at;
    usec_t until; /* monotonic: not begun by then, it is another's */
    struct str session, intent, key, number, business, language;
    struct money amount;
    struct http_request request;
    struct fetch fetch;
    struct desk_call call;
};

/* It is over: the row says how it stands, or its lease does. */
void payment_finish(struct payment *payment);

/* payments_one.c: from the beginning, whatever others did before. */
void payment_run(struct payment *payment);
