/*
 * Deliveries that could not be handled, for `parley dead`: dead letters, each one item of a
 * business, and unrouted deliveries, which belong to no business that we know.
 *
 * A replay is crash-safe. `dead_forget` removes what was remembered when the item was parked
 * (`seen` of the same instant, so never what was remembered later); then the delivery is handed
 * to the service again, where `seen` decides as ever; then `dead_replayed` marks it. Killed
 * before the mark, the letter is still listed, and replaying it again changes nothing more.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct dead_letter {
    struct uuid id;
    struct uuid org; /* none: unrouted */
    usec_t at;
    struct str reason;
    struct str provider; /* whose words the body is in: "whatsapp", "twilio", ... */
    struct str item;     /* the provider's id; empty: unrouted */
    struct str account;  /* the number's id at the provider */
    struct str app;      /* whose secret signs for it */
    usec_t replayed_at;  /* 0: waits */
    int64_t size;        /* of the body */
    struct str body;     /* dead_find only */
};

struct dead;

MUST_USE bool dead_open(const char *url, struct str role, usec_t timeout, struct dead **dead,
                        struct err *err);
void dead_close(struct dead **dead);

/* Of all businesses, newest first. `all`: replayed ones too. */
MUST_USE bool dead_list(struct dead *dead, bool all, size_t limit, struct arena *into,
                        const struct dead_letter **letters, size_t *n, struct err *err);
/* ERR_REJECT when there is none of this id. */
MUST_USE bool dead_find(struct dead *dead, struct uuid id, struct arena *into,
                        struct dead_letter *letter, struct err *err);
/* `hash` is the item's in `seen`; unrouted deliveries have none. */
MUST_USE bool dead_forget(struct dead *dead, const struct dead_letter *letter,
                          const struct hash16 *hash, struct err *err);
/* `actor` goes into the audit log. An unrouted delivery is gone after it. */
MUST_USE bool dead_replayed(struct dead *dead, const struct dead_letter *letter,
                            struct uuid audit_id, const char *actor, struct err *err);
/* The app that signs for a number or business account; empty when nobody has it. */
MUST_USE bool dead_app_of(struct dead *dead, struct str external_id, struct arena *into,
                          struct str *app, struct err *err);
