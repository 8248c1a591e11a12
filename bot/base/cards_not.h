/*
 * What looks like a card's number and surely is something else: for bot/base/cards.c alone.
 */
#pragma once

#include "bot/base/str.h"

enum { CARD_RUN_MAX = 64 };

enum card_gap {
    CARD_GAP_NONE, /* another digit follows directly */
    CARD_GAP_SPACE,
    CARD_GAP_DASH,
    CARD_GAP_DOT,
    CARD_GAP_SLASH,
    CARD_GAP_UNSEEN, /* marks without a width: part of no group's end */
    CARD_GAP_END     /* no digit follows */
};

/* Digits and the gaps between them. */
struct card_digits {
    size_t begin; /* where the first stands */
    size_t n;
    char text[CARD_RUN_MAX];
    size_t end[CARD_RUN_MAX];        /* behind each, in the text */
    enum card_gap gap[CARD_RUN_MAX]; /* behind each */
};

/* At most `max` digits from the one that stands at `at`. */
void card_gather(struct str text, size_t at, size_t max, struct card_digits *run);

/* Whether the first `n` digits of the run are a telephone, an IBAN, a parcel or an order. */
bool card_is_other(struct str text, const struct card_digits *run, size_t n);
