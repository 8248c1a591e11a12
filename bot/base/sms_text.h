/*
 * What an SMS costs, and how to say the same for less.
 *
 * A text in GSM's own alphabet has 160 characters in one segment; one character outside of it
 * makes the whole message UCS-2, of 70. So what only looks different is written as GSM has it
 * (curly quotes, dashes, an ellipsis), and marks on Latin letters and signs that say nothing by
 * themselves are given up where that saves segments and the business allows it. A text that is
 * not Latin is left as it is: it stays UCS-2 whatever is done. Pure.
 */
#pragma once

#include "bot/base/arena.h"

enum sms_alphabet { SMS_GSM7, SMS_UCS2 };

struct sms_size {
    enum sms_alphabet alphabet;
    unsigned units;    /* septets (two for what needs an escape), or UTF-16 units */
    unsigned segments; /* what is paid for; at least one */
};

/* `text` is UTF-8. */
struct sms_size sms_measure(struct str text);

/*
 * The text in the cheapest form that says the same. `plain_letters`: "zamówienie" may become
 * "zamowienie", and an emoji may go, where that saves at least a segment. Borrowed when nothing
 * changes, else in `into`.
 */
struct str sms_text_fit(struct arena *into, struct str text, bool plain_letters);
