/*
 * Failures, and what to do about them.
 *
 * An outcome that the domain expects (no row, a duplicate, a bad signature) is a value of its
 * own. A failure is everything else: the function returns false and fills the caller's
 * `struct err`, whose code says what to do next and whose text, read from outside in, says what
 * happened. The code is chosen where the cause is understood; wrapping keeps it.
 * The text is for operators: never put what a person wrote, or a secret, into it.
 */
#pragma once

#include "bot/base/base.h"

enum err_code {
    ERR_NONE,
    ERR_REJECT,   /* the input is wrong and will stay wrong */
    ERR_RETRY,    /* the world is unwell: back off and try again */
    ERR_CANCELED, /* the owner withdrew the request */
    ERR_BROKEN    /* our own books do not balance: end this turn, alert, serve the next */
};

#define ERR_TEXT_MAX 320

struct err {
    enum err_code code;
    char text[ERR_TEXT_MAX];
};

/* Start an error. Always false, so that `return err_raise(...)` reads well. `err` may be NULL.
 */
bool err_raise(struct err *err, enum err_code code, const char *format, ...) PRINTF(3, 4);

/* Put context in front of an error, keeping its code: "claim outbox: connection reset". False.
 * Wrapping an error that was never raised makes it ERR_BROKEN: it may not pass for success. */
bool err_wrap(struct err *err, const char *format, ...) PRINTF(2, 3);
