/*
 * Amounts of money in a text: "25,50 €", "$1,200.00", "50 zł", "١٢٫٥٠ دولار", "fifty euros",
 * "12 dollars 50 cents". Exact: digits become minor units by bot/base/money.
 *
 * "1.200" is a thousand and two hundred where people group so; where they do not, it is read
 * the same way, there being no third decimal, and called ambiguous. So is a name that several
 * currencies share ("dinar"), unless the business's own is one of them. Where somebody speaks
 * of paying, "50 of INV-7022" is an amount, too.
 */
#pragma once

#include "bot/base/money.h"
#include "flows/understand/scan.h"
#include "templates/words.h"

enum { AMOUNTS_MAX = 4 };

struct amount_context {
    enum lang lang;
    struct str currency; /* the business's own, "EUR"; may be empty */
    bool expected;       /* an amount was asked for: a bare number is one, in that currency */
};

struct amount_found {
    struct span at;
    struct money money;
    bool ambiguous;
};

/* At most AMOUNTS_MAX, in the order of the text; their marks are taken. None is below zero. */
size_t amounts_find(struct scan *scan, const struct amount_context *context,
                    struct amount_found found[AMOUNTS_MAX]);
