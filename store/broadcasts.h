/*
 * Broadcasts, for the business's people: `parley broadcast`. What is made here is a plan; the
 * service writes the ledger and sends (bot/later/broadcasts.h).
 *
 * Connects as the owner and acts as the business's staff; each change stands in the audit.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct broadcast_desk;

/* `business` is an id; NULL: the only one that there is. */
MUST_USE bool broadcast_desk_open(const char *url, usec_t timeout, const char *business,
                                  struct broadcast_desk **desk, struct err *err);
void broadcast_desk_close(struct broadcast_desk **desk);

/* What is terminated goes to the database as it is; NULL is none. */
struct broadcast_plan {
    struct uuid id; /* fresh */
    const char *name, *topic, *channel;
    const char *audience, *content; /* JSON */
    bool listed;
    const char *at;          /* not before "2026-12-24 10:00"; NULL: at once */
    bool local;              /* by each recipient's clock, and not by the business's */
    const struct str *lines; /* JSON, as SQL_BROADCAST_LINES takes them */
    size_t n_lines;
    const char *who;
};

/* All of it or nothing. ERR_REJECT when there is one of that name. */
MUST_USE bool broadcast_desk_make(struct broadcast_desk *desk,
                                  const struct broadcast_plan *plan, struct err *err);

struct broadcast {
    struct uuid id;
    struct str name, state, topic, channel, made_by; /* state: also "paused" */
    struct str paused_why; /* paused, and not by staff: what spoke against it */
    struct str wrong;      /* what speaks against its template now; empty: nothing */
    int64_t gathered;
    usec_t made_at, started_at, ended_at; /* 0: not yet */
};

/* ERR_REJECT when there is none of that name. */
MUST_USE bool broadcast_desk_find(struct broadcast_desk *desk, const char *name,
                                  struct arena *into, struct broadcast *broadcast,
                                  struct err *err);
/* The newest first, at most a thousand. */
MUST_USE bool broadcast_desk_list(struct broadcast_desk *desk, struct arena *into,
                                  const struct broadcast **list, size_t *n, struct err *err);

/* start, pause, resume, cancel. ERR_REJECT says what stands against it; `taken_back`: messages
 * that were promised and had not left. What a lane had in its hands may still go: see below. */
MUST_USE bool broadcast_desk_change(struct broadcast_desk *desk, const char *name,
                                    const char *what, const char *who, int64_t *taken_back,
                                    struct err *err);

/* How many of it are between a lane's intent and the provider's answer. */
MUST_USE bool broadcast_desk_on_wire(struct broadcast_desk *desk, const char *name, int64_t *n,
                                     struct err *err);

struct broadcast_price {
    struct str channel, prefix, price;
};
MUST_USE bool broadcast_desk_prices(struct broadcast_desk *desk, struct arena *into,
                                    const struct broadcast_price **prices, size_t *n,
                                    struct err *err);
/* `price` NULL: none. ERR_REJECT when one of them is none. */
MUST_USE bool broadcast_desk_price(struct broadcast_desk *desk, const char *channel,
                                   const char *prefix, const char *price, const char *who,
                                   struct err *err);
/* Beginnings of numbers, by blanks; those with a '-' are left out. Empty: everywhere. */
MUST_USE bool broadcast_desk_countries(struct broadcast_desk *desk, struct arena *into,
                                       struct str *countries, struct err *err);
MUST_USE bool broadcast_desk_countries_keep(struct broadcast_desk *desk, const char *countries,
                                            const char *who, struct err *err);

/* Those of one channel, language and state. */
struct broadcast_group {
    struct str channel, language, state, reason;
    int64_t n, late, segments, unpriced;
    struct str price; /* a decimal; empty: no price is known */
};

/* What is in the ledger. */
MUST_USE bool broadcast_desk_groups(struct broadcast_desk *desk, struct uuid id,
                                    struct arena *into, const struct broadcast_group **groups,
                                    size_t *n, struct err *err);

/* The same of a draft, whose ledger is written and thrown away again. `looked` is told how many
 * were looked at so far, and may be NULL. */
MUST_USE bool broadcast_desk_try(struct broadcast_desk *desk, struct uuid id,
                                 struct arena *into, void (*looked)(int64_t n),
                                 const struct broadcast_group **groups, size_t *n,
                                 struct err *err);

struct broadcast_counts {
    int64_t waiting, placed, sent, failed, excluded, cancelled;
};
MUST_USE bool broadcast_desk_counts(struct broadcast_desk *desk, struct uuid id,
                                    struct broadcast_counts *counts, struct err *err);

/* What became of the messages (BRO-3). */
struct broadcast_figures {
    int64_t sent, delivered, read, failed, unknown, replied, opted_out;
};
MUST_USE bool broadcast_desk_figures(struct broadcast_desk *desk, struct uuid id,
                                     struct broadcast_figures *figures, struct err *err);

struct broadcast_reason {
    struct str reason;
    int64_t n;
};
MUST_USE bool broadcast_desk_reasons(struct broadcast_desk *desk, struct uuid id,
                                     struct arena *into,
                                     const struct broadcast_reason **reasons, size_t *n,
                                     struct err *err);
