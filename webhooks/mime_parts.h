/*
 * The inside of mime.h: for the files that make it, and nobody else.
 *
 *     mime.c          from a message to a mail
 *     mime_head.c     its head (mime_gmime.h)
 *     mime_charset.c  any charset's bytes as UTF-8
 *     mime_guard.c    what is too expensive to be read
 *     mime_html.c     HTML as plain words (mime_html.h)
 */
#pragma once

#include "webhooks/mime.h"

/* ERR_REJECT for a mail that would cost more than its bytes are worth. */
MUST_USE bool mime_guard(struct str raw, struct err *err);

/* Bytes in a charset (empty: not said) as UTF-8. Never fails: what is not of the charset
 * becomes U+FFFD, an unknown charset is guessed. */
struct str mime_utf8(struct arena *into, struct str bytes, struct str charset);
