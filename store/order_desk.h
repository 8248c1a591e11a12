/*
 * Orders, jobs and repairs, for the business's people: `parley order`. What a CRM will send as
 * events is said here by hand: another date, what was paid, a word to the customer.
 *
 * Connects as the owner and acts as the business's staff, so that no customer need be named.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/money.h"
#include "bot/base/uuid.h"

struct desk_order {
    struct uuid org, id;
    struct str number, workflow, status, zone;
    struct money total, paid;
    usec_t placed_at;
    usec_t expected_at, expected_was, delivered_at; /* 0: none */
};

/* What is NULL stays as it is. */
struct order_change {
    const char *expected; /* "2026-12-24 12:00" by the business's clock, or "none" */
    const struct money *paid;
    const char *note; /* the customer sees it */
    struct uuid id;   /* fresh: of the note, and of the audit's entry */
    const char *author;
};

struct order_desk;

MUST_USE bool order_desk_open(const char *url, usec_t timeout, struct order_desk **desk,
                              struct err *err);
void order_desk_close(struct order_desk **desk);

/* By number, however it is typed. ERR_REJECT when no business has it. */
MUST_USE bool order_desk_find(struct order_desk *desk, struct str number, struct arena *into,
                              struct desk_order *order, struct err *err);

/* All of it or nothing; customers see it with their next look. */
MUST_USE bool order_desk_update(struct order_desk *desk, const struct desk_order *order,
                                const struct order_change *change, struct err *err);
