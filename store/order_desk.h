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

struct order_desk;

MUST_USE bool order_desk_open(const char *url, usec_t timeout, struct order_desk **desk,
                              struct err *err);
void order_desk_close(struct order_desk **desk);

/* By number, however it is typed. ERR_REJECT when no business has it. */
MUST_USE bool order_desk_find(struct order_desk *desk, struct str number, struct arena *into,
                              struct desk_order *order, struct err *err);

/* What order_change (migration 0053) takes, as JSON; the same that the API's PATCH does.
 * `fresh`: a new id. All of it or nothing; ERR_REJECT with what is wrong. `whole` is the order
 * afterwards, as JSON; NULL: not wanted. */
MUST_USE bool order_desk_change(struct order_desk *desk, const struct desk_order *order,
                                struct str change, const char *who, struct uuid fresh,
                                struct arena *into, struct str *whole, struct err *err);

/* All of it that staff may see, as JSON. */
MUST_USE bool order_desk_whole(struct order_desk *desk, const struct desk_order *order,
                               struct arena *into, struct str *whole, struct err *err);
