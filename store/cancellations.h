/*
 * Wishes to cancel, for `parley cancellation`: those that wait for the business, and deciding
 * on them.
 *
 * A decision, the order's new state and the notice that tells the customer are one transaction;
 * what may stand in its way (the parcel has left, it was withdrawn) is an outcome.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

struct cancellation {
    struct uuid id;
    struct uuid org;
    struct str number; /* the order's */
    struct str status;
    usec_t asked_at;
    usec_t status_at;
    struct str reason; /* its name among the business's reasons; empty: none was given */
    struct str rule;   /* that put it here */
    bool has_note;
    /* cancellations_find only: */
    struct str note;  /* what the customer wrote */
    struct str facts; /* what the rule saw, JSON */
    struct str decided_by;
    struct str decision_note;
};

struct cancellation_decision {
    struct str outcome; /* in_review, approved, rejected; shipped, no_state, decided, withdrawn,
                           gone */
    /* What will become of the news, as things stand: told, unwanted, stopped, closed (but for
     * an approved template), nowhere; empty: nothing to tell. */
    struct str told;
    usec_t told_at; /* `told` is told: not before this */
};

struct cancellations;

/* As the business's people (parley_staff), whatever the service is run as. */
MUST_USE bool cancellations_connect(const char *url, usec_t timeout,
                                    struct cancellations **cancellations, struct err *err);
void cancellations_close(struct cancellations **cancellations);

/* Of all businesses, the oldest wish first. `all`: settled ones too. */
MUST_USE bool cancellations_list(struct cancellations *cancellations, bool all, size_t limit,
                                 struct arena *into, const struct cancellation **rows,
                                 size_t *n, struct err *err);
/* ERR_REJECT when there is none of this id. */
MUST_USE bool cancellations_find(struct cancellations *cancellations, struct uuid id,
                                 struct arena *into, struct cancellation *found,
                                 struct err *err);
/* `wish` is review, approve or reject; `note` goes to the customer as it stands. */
MUST_USE bool cancellations_decide(struct cancellations *cancellations,
                                   const struct cancellation *found, const char *wish,
                                   const char *note, const char *who, usec_t now,
                                   struct uuid audit, struct arena *into,
                                   struct cancellation_decision *decision, struct err *err);

/* --- rules ---------------------------------------------------------------------------------
 */

/* The business `text` names by its id, or the only one that there is when it is NULL. */
MUST_USE bool cancellations_business(struct cancellations *cancellations, const char *text,
                                     struct uuid *org, struct err *err);
/* A business's rules in their order, each a JSON object. */
MUST_USE bool cancellations_rules(struct cancellations *cancellations, struct uuid org,
                                  struct arena *into, const struct str **rules, size_t *n,
                                  struct err *err);
/* These instead of all that there were, or none of them. ERR_REJECT says which one is wrong. */
MUST_USE bool cancellations_keep_rules(struct cancellations *cancellations, struct uuid org,
                                       const struct str *rules, size_t n, struct arena *scratch,
                                       struct err *err);

struct cancellation_trial {
    struct str outcome; /* approve, review, or a refusal's name */
    struct str rule;    /* empty: none fits */
    usec_t closes_at;   /* the window that is open; 0: none */
    usec_t closed_at;   /* the one that was missed; 0: none */
    struct str facts;   /* JSON */
};

/* What the rules say of an order at a time. ERR_REJECT when there is no such order. */
MUST_USE bool cancellations_try(struct cancellations *cancellations, struct uuid org,
                                const char *number, usec_t at, struct arena *into,
                                struct cancellation_trial *trial, struct err *err);
