/*
 * What a mail has to say beside its words, whoever carries it: for webhooks/resend_out.h and
 * webhooks/smtp.h. Pure.
 *
 * Everything here ends up in a mail's head, so nothing passes that could end a line or an
 * address: an address is checked, an id that is none is left out, a name is quoted.
 */
#pragma once

#include "bot/base/message.h"

/* local@domain, plain letters of the wire only; at most 254 bytes. */
bool mail_is_address(struct str address);
struct str mail_domain(struct str address); /* after the at */

/* "Name <local@domain>", the name quoted where it must be; in UTF-8. */
struct str mail_from(struct arena *into, struct str name, struct str address);

/* What goes into the head besides from, to, subject: In-Reply-To, References, Auto-Submitted,
 * and for what is no answer List-Unsubscribe (and its one-click post). */
#define MAIL_HEADERS_MAX 6
size_t mail_headers(struct arena *into, const struct outbound *message,
                    struct http_header headers[MAIL_HEADERS_MAX]);

/* ERR_REJECT when it cannot go by mail at all: no face, an address that is none. */
MUST_USE bool mail_check(const struct outbound *message, struct err *err);
