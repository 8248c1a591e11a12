/*
 * A delivery without the numbers of payment cards: what may be kept and told of it (CH-9).
 *
 * The events lose them wherever a person chose the words (bot/base/cards.h); the bytes lose
 * them in place where their form allows it, ids and telephones aside. What cannot be cut out,
 * as out of a mail's base64, is withheld: a note stands in its stead, and of a mail its files
 * stay without their names (mime_files_only). Pure.
 */
#pragma once

#include "bot/base/message.h"

enum redact_form {
    REDACT_JSON, /* also what should have been JSON */
    REDACT_FORM, /* application/x-www-form-urlencoded */
    REDACT_MAIL  /* MIME */
};

/* What is kept instead of bytes that had to be withheld. */
#define REDACT_WITHHELD "withheld: the number of a payment card was in it"

/*
 * Redact the batch, and give back the bytes to be kept: `body` itself when no card is in it.
 * `event.card` is set in one event of each person, so that nobody is told twice. A delivery
 * that could not be decoded has an empty batch.
 */
struct str redact_delivery(struct arena *into, enum redact_form form, struct str body,
                           struct inbound_batch *batch);

/* The bytes alone; `n` counts the cards in them. */
struct str redact_json(struct arena *into, struct str body, size_t *n);
struct str redact_form(struct arena *into, struct str body, size_t *n);

/* Whether a card stands in a mail, in its headers or its texts however they are encoded. */
bool redact_mail_has(struct arena *scratch, struct str body);
