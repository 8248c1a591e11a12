/*
 * Stripe: its events in, our requests out, its answers read. Pure: bytes in, values out.
 *
 * An event becomes a small neutral record, as JSON, which `stripe_event` in the database obeys
 * (store/migrations/0046_paying.sql):
 *
 *     id, kind (paid, processing, async_failed, expired, declined, charge_refunded, refund,
 *     dispute), org, checkout and refund (ours, from the metadata), session, payment_intent,
 *     object (the refund's or dispute's id), minor, currency, status, reason, method
 *
 * Names, addresses and cards that stand in an event are not read, so they go nowhere.
 */
#pragma once

#include "bot/base/message.h"
#include "bot/base/money.h"
#include "bot/base/uuid.h"

/* "Pin the version in code and on the webhook endpoint." */
#define STRIPE_VERSION "2026-10-28.endive"

/* --- signatures --------------------------------------------------------------------------- */

/* Whether one of the header's v1 is ours over these bytes, and its time is near `now`. In a
 * time that does not tell which bytes were right. An empty secret verifies nothing. */
bool stripe_verify(struct arena *scratch, struct str secret, struct str header, struct str body,
                   usec_t now);

/* The header for these, as Stripe writes it. */
struct str stripe_sign(struct arena *into, struct str secret, int64_t seconds, struct str body);

/* --- events ------------------------------------------------------------------------------- */

struct stripe_event {
    struct str id;   /* evt_... */
    struct str type; /* Stripe's: letters, digits, dots and underscores */
    bool live;       /* of real money */
    struct str news; /* the record as JSON; empty: nothing of ours, or nothing to do */
};

/* ERR_REJECT when this is no event of Stripe's, or says what cannot be. */
MUST_USE bool stripe_decode(struct arena *into, struct str body, struct stripe_event *event,
                            struct err *err);

/* The same record of a session or a refund that came as an answer, as if an event had told
 * it: `id` is made of what it says, so that the same news is the same event. Empty: it says
 * nothing new (an open session). */
MUST_USE bool stripe_decode_answer(struct arena *into, struct str body, struct str *news,
                                   struct err *err);

/* --- requests ----------------------------------------------------------------------------- */

struct stripe_account {
    struct str base_url; /* without a path */
    struct str key;      /* sk_... or rk_... */
};

/* A link to pay with. Every attempt is the same bytes under the same key. */
struct stripe_checkout {
    struct uuid org, checkout;
    struct str key; /* Idempotency-Key */
    struct money amount;
    struct str invoice;  /* its number */
    struct str business; /* its name */
    struct str language; /* of the page; empty: the browser's */
    struct str done_url, back_url;
    usec_t expires_at;
};

MUST_USE bool stripe_encode_checkout(struct arena *into, const struct stripe_account *account,
                                     const struct stripe_checkout *checkout,
                                     struct http_request *request, struct err *err);
/* Close it; look at it. `session` is cs_... */
MUST_USE bool stripe_encode_expire(struct arena *into, const struct stripe_account *account,
                                   struct str session, struct str key,
                                   struct http_request *request, struct err *err);
MUST_USE bool stripe_encode_look(struct arena *into, const struct stripe_account *account,
                                 struct str session, struct http_request *request,
                                 struct err *err);

struct stripe_refund {
    struct uuid org, refund;
    struct str key;
    struct str payment_intent;
    int64_t minor;
};

MUST_USE bool stripe_encode_refund(struct arena *into, const struct stripe_account *account,
                                   const struct stripe_refund *refund,
                                   struct http_request *request, struct err *err);
MUST_USE bool stripe_encode_look_refund(struct arena *into,
                                        const struct stripe_account *account, struct str refund,
                                        struct http_request *request, struct err *err);

/* --- answers ------------------------------------------------------------------------------ */

enum stripe_fate {
    STRIPE_DONE,    /* 2xx: the object is in the body */
    STRIPE_AGAIN,   /* later, under the same key */
    STRIPE_REFUSED, /* never as it is */
    STRIPE_SHUT     /* our key is refused: nothing goes until a person has looked */
};

struct stripe_answer {
    enum stripe_fate fate;
    struct str id;     /* DONE: the object's */
    struct str url;    /* DONE: of a session that is open */
    struct str reason; /* else: type and code, for operators; nothing personal */
    usec_t wait;       /* AGAIN: not before; 0: the caller's own pause */
};

void stripe_read_answer(struct arena *into, const struct http_answer *answer,
                        struct stripe_answer *read);
