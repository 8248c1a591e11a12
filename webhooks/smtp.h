/*
 * Mail out through a mail server: a reply with its face becomes a mail and its envelope, what
 * the server said becomes an outcome. Pure; libcurl speaks the protocol (bot/net/fetch_mail.c).
 *
 * SMTP has no idempotency. Until the last dot is sent nothing has been taken; after it a lost
 * answer is SENDING_UNKNOWN, and the repetition carries the same Message-ID, by which mail
 * programs and servers tell that they have it already.
 */
#pragma once

#include "webhooks/mail_out.h"

/* How the way to the server is encrypted. */
enum smtp_tls { SMTP_STARTTLS, SMTP_IMPLICIT, SMTP_PLAIN };

/* Borrowed. */
struct smtp_sender {
    struct str host;
    unsigned port;
    enum smtp_tls tls;
    struct str user, password; /* empty: nobody signs in */
    struct str ca_file;        /* empty: the system's */
    usec_t now;                /* for the mail's date */
};

/* ERR_REJECT for what cannot be sent: a setting or an address that is none, no words. */
MUST_USE bool smtp_encode(struct arena *into, const struct smtp_sender *sender,
                          const struct outbound *message, struct http_request *request,
                          struct err *err);

/* What became of a sending, by the command that was answered and the answer's codes. */
void smtp_answer(struct arena *into, const struct http_answer *answer,
                 struct sending_result *result);
/* The same for the code of a mail that came back. */
void smtp_error(struct arena *into, int code, struct sending_result *result);

/* --- smtp_mime.c -------------------------------------------------------------------------- */

/* A mail of two parts as it goes over the wire (RFC 5322, lines end in CRLF). What `message`
 * says is checked already. `id` is the Message-ID with its brackets. */
struct str smtp_mail(struct arena *into, const struct outbound *message, struct str id,
                     usec_t now);
