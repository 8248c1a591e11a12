/*
 * One-time codes on their way out: to an address that need not be the one that writes, and
 * often on another channel.
 *
 * A code is a promise like any other message, made in the turn's own transaction, so it leaves
 * exactly when the turn that asked for it is kept. The log shows it masked; the true words lie
 * sealed beside the promise, with a key of the service's, and go with it when it is settled.
 */
#pragma once

#include "bot/turn/batch_inside.h"

struct code_message {
    enum channel channel;
    struct str destination; /* E.164 with its plus */
    struct str code;        /* the digits */
    struct str words;       /* the key of what is said; has the variables `code`, `business` */
};

/* Whether a code can leave on this channel at all: an account that it leaves from, credentials,
 * and a key to seal it with. */
bool batch_can_send_code(const struct batch_work *work, enum channel channel);

/*
 * Promise it; everything is copied. Called while the turn is stepped. On WhatsApp it leaves in
 * the template of category authentication that the settings name; without one only to who
 * writes just now, in plain words. False, and nothing was promised, when it cannot leave.
 */
MUST_USE bool batch_send_code(struct batch_work *work, struct turn *turn,
                              const struct code_message *message);

/* For batch_write.c: those that belong to conversations of this batch join its log first; then
 * all are written, after the log. */
void batch_codes_log(struct batch_work *work);
void batch_codes_write(struct batch_work *work);
/* After the commit. */
void batch_codes_wake(const struct batch_work *work);
