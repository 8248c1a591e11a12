/*
 * Stripe, played: what its own files share.
 *
 *     stripe.c          the API: keys, versions, forms, idempotency
 *     stripe_objects.c  sessions, payments, refunds, disputes, and events about them
 *     stripe_tell.c     webhooks, signed and repeated until they are taken
 *     stripe_kept.c     all of these in the journal, and out of it
 *     stripe_page.c     the page that pays, fails and expires; what tests ask for
 *
 * What is answered or told was journalled before, so a sandbox that is killed and started again
 * knows it and goes on telling. Counts and wished faults end with it.
 */
#pragma once

#include "tests/sandbox/sandbox.h"

struct stripe_telling;

struct stripe_play {
    json_t *sessions; /* id -> session, as it is answered */
    json_t *payments; /* id -> {session, amount, refunded, charge, currency, metadata} */
    json_t *refunds;  /* id -> refund */
    json_t *keys;     /* idempotency key -> {sum, status, body} */
    json_t *held;     /* events that wait for `release` */
    bool hold;
    int64_t n; /* of ids */
    int64_t calls, replayed, findings;
    int64_t fail_next; /* so many calls fail ... */
    int fail_http;     /* ... with this status; 0: the answer is lost, after it was done */
    struct stripe_telling *telling; /* all that is owed */
    int64_t n_telling;
};

struct stripe_play *stripe_play(struct sandbox *sandbox);
const char *stripe_new_id(struct stripe_play *play, struct arena *into, const char *prefix);
bool stripe_is_live(const struct sandbox *sandbox);

/* --- stripe_objects.c --- */
/* From the form of a request; borrowed from play->sessions. */
json_t *stripe_session_new(struct sandbox *sandbox, struct arena *into, const json_t *form);
json_t *stripe_refund_new(struct sandbox *sandbox, struct arena *into, json_t *payment,
                          int64_t amount, const json_t *metadata, const char *reason);
/* What a person does on the page: pay, fail, bank, expire; or the bank later: settle, bounce.
 * False: this session can't. */
bool stripe_act(struct sandbox *sandbox, struct arena *into, json_t *session, struct str act);
bool stripe_dispute(struct sandbox *sandbox, struct arena *into, const char *intent,
                    const char *status);
/* What it takes over: the time. */
void stripe_expire_late(struct sandbox *sandbox, struct arena *into, json_t *session);

/* --- stripe_kept.c --- */
/* Journal what an object of such a table ("sessions", "payments", "refunds", "keys") is from
 * now on; borrowed. Whoever changes one in place says so here before anybody hears of it. */
void stripe_keep(struct sandbox *sandbox, const char *table, const char *id, json_t *object);
void stripe_keep_hold(struct sandbox *sandbox, bool hold);
void stripe_keep_released(struct sandbox *sandbox);
void stripe_keep_held(struct sandbox *sandbox, json_t *event);
/* Under the number the event is owed. */
void stripe_keep_owed(struct sandbox *sandbox, int64_t n, json_t *event);
void stripe_keep_told(struct sandbox *sandbox, int64_t n);

/* --- stripe_tell.c --- */
/* Owe this event, borrowed; nothing is sent yet. */
void stripe_owe(struct sandbox *sandbox, int64_t n, const json_t *event);
/* It is owed no more; one that is not there never was. */
void stripe_paid(struct sandbox *sandbox, int64_t n);
/* An event of this type about the object, borrowed: told, or held. */
void stripe_tell(struct sandbox *sandbox, struct arena *into, const char *type,
                 const json_t *object);
/* Tell what was held: backwards, so many times each. */
void stripe_release(struct sandbox *sandbox, bool backwards, int64_t times);

/* --- stripe_page.c --- */
bool stripe_page_handle(struct sandbox *sandbox, struct http_exchange *exchange);
