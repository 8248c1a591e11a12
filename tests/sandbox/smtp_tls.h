/*
 * STARTTLS for the mail server: one certificate, made when the sandbox starts, and TLS between
 * memory and memory. Who owns the socket passes on what comes and sends what is to leave.
 */
#pragma once

#include "bot/base/err.h"
#include "bot/base/str.h"

struct tls;

/* Make a key and a certificate for "localhost", which is written to `path` for whoever is to
 * trust it. */
MUST_USE bool tls_make(const char *path, struct err *err);
void tls_forget(void);

struct tls *tls_open(void);
void tls_close(struct tls *tls); /* accepts NULL */

/* What came off the wire. */
void tls_feed(struct tls *tls, const char *bytes, size_t n);
/* What it says, up to `room` bytes; 0: nothing yet; below 0: it is broken. */
int tls_read(struct tls *tls, char *into, size_t room);
/* Say something. */
void tls_say(struct tls *tls, struct str words);
/* What is to go on the wire, up to `room` bytes; 0: nothing. */
size_t tls_pull(struct tls *tls, char *into, size_t room);
