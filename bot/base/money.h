/*
 * Money: a whole number of minor units and an ISO 4217 currency. No floating point comes near
 * it.
 *
 * The exponent (JPY 0, EUR 2, KWD 3) is the currency's own, from a table made from ISO 4217.
 * Sums are the ledger's, in SQL. How an amount reads in a language is the templates' business.
 */
#pragma once

#include "bot/base/err.h"
#include "bot/base/str.h"

struct arena;

struct money {
    int64_t minor;
    char currency[4]; /* three capitals and a NUL */
};

/* ERR_REJECT for a currency that ISO 4217 does not list. */
MUST_USE bool money_make(int64_t minor, struct str currency, struct money *money,
                         struct err *err);

/* How many digits the minor unit has: 2 for EUR; -1 for an unknown currency. */
int money_exponent(const char *currency);

/* The plain decimal number with the currency's own digits: "19.99", "-0.50", "1200". */
struct str money_decimal(struct arena *into, struct money money);

/* Read such a number, also one with fewer digits after the point ("19.9"); ERR_REJECT for
 * anything else, also for more digits than the currency has. */
MUST_USE bool money_parse(struct str decimal, struct str currency, struct money *money,
                          struct err *err);
