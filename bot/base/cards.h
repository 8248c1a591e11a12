/*
 * Numbers of payment cards in what people write: taken out before anything is kept (CH-9).
 *
 * A card's number has 13 to 19 digits, begins as its issuers' numbers do, ends in Luhn's check
 * digit, and is written in one piece or in groups. Digits may be ASCII, fullwidth, Arabic or a
 * keypad's; spaces of any kind, dashes, dots and slashes may stand between them, as they are or
 * as an address of the web has them ("%20", "+"). One random number of 16 digits in some thirty
 * looks like this by chance, so what surely is something else is left alone: a telephone behind
 * its plus, an IBAN whose check digits fit, a longer parcel's number of which it would be a
 * part, a number behind a carrier's letters ("YT") or an order's
 * ("ORD-"), and a carrier's number by its own check digit where the words beside it speak of
 * parcels and none of cards. In all other doubt it is a card.
 *
 * Pure, and in linear time; a text without 13 digits in a row costs a byte in thirteen.
 */
#pragma once

#include "bot/base/message.h"

struct card_span {
    size_t at, len; /* bytes of the text, from the first digit to the last */
};

/* The first card that begins at `from` or later. False when none does. */
MUST_USE bool cards_next(struct str text, size_t from, struct card_span *found);

/* Whether a card could be in there, as it stands or in the escapes of JSON, forms or mail: for
 * bytes whose form is not taken apart yet. False is sure. */
bool cards_may(struct str bytes);

/* The text itself when no card is in it, else a copy in which each of their digits is a star.
 * `n` counts them on. */
struct str cards_redact(struct arena *into, struct str text, size_t *n);

/* All that a person chose in an event: words, names, a place, a subject. Gives back whether
 * something was taken out, and says so in `event->card`. Ids stay as they are. */
bool cards_redact_event(struct arena *into, struct event *event);
