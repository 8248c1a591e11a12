/*
 * What somebody wrote in a mail, apart from what they only repeat.
 *
 * A reply comes with the mail that it answers below, above or around it, and with a signature.
 * Mail programs mark these in their own ways and languages: "> " in front of lines, a line that
 * says who wrote when, a rule with "Original Message", a block of From, Sent, To and Subject.
 * What none of these marks is the customer's: words are rather kept than lost. Pure, for any
 * bytes, in a time that grows with the text only.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

/* Nobody writes more; what is behind it is left out. */
#define QUOTES_TEXT_MAX ((size_t)256 << 10)

struct quotes {
    struct str reply;     /* without white space at its ends; may be empty */
    struct str signature; /* the person's or the device's */
    struct str history;   /* what is repeated, with the lines that say so */
};

/* `text` is UTF-8 with any line ends; the parts are copies with plain ones. */
struct quotes quotes_split(struct arena *into, struct str text);
