/*
 * Order numbers, as far as they can be told without knowing the business's own: letters, digits
 * and joints, with three digits at least ("ORD-1001", "1001", "A12/345"), or fewer where what
 * stands before says so ("INV-11", "invoice 7"). And those of reports,
 * which we give out ourselves: T and eight consonants ("T-BCDF-GHJK").
 */
#pragma once

#include "flows/understand/scan.h"

enum { NUMBERS_MAX = 4 };

struct number_found {
    struct span at;
    struct str number; /* in capitals, digits 0-9 */
    bool ticket;       /* a report's */
    bool called;       /* "order", "#" or the like stands before it */
};

/* What no other finder took. */
size_t numbers_find(struct arena *into, struct scan *scan,
                    struct number_found found[NUMBERS_MAX]);
