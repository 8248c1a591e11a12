/*
 * Numbers of payment cards in a text: nothing that we want, so that nothing else reads them as
 * a parcel's or an order's (CH-9).
 */
#pragma once

#include "flows/understand/scan.h"

enum { CARDS_MAX = 4 };

/* Whether digits are a card's: its issuer, its length and its last digit fit. */
bool card_is(struct str digits);

/* Their places; their marks are taken. However they are grouped. */
size_t cards_find(struct scan *scan, struct span found[CARDS_MAX]);
