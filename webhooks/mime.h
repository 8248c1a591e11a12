/*
 * Mail as it goes over the wire (RFC 5322 and MIME), by GMime, as smtp_mime.c writes it.
 *
 * Whatever comes is read as well as it can be: unknown charsets, broken encodings and lengths
 * that lie give less text, never an error. What is made to be expensive (nesting, thousands of
 * parts or fields) is found by a look over its lines before anything is built, and refused.
 */
#pragma once

#include "webhooks/mail.h"

#define MIME_TEXT_MAX ((size_t)256 << 10)

struct mime_options {
    const struct mail_rules *rules;
    struct str handle; /* what attachments' ids begin with; "/<n>" follows */
    struct str to;     /* the envelope's recipient, where the gateway tells; else empty */
};

/* The mail in `raw`, copied. ERR_REJECT for what is made to be expensive or is no mail. */
MUST_USE bool mime_read(struct arena *into, struct str raw, const struct mime_options *options,
                        struct mail *mail, struct err *err);

/* As mime_read, to the end: the events. */
MUST_USE bool mime_decode(struct arena *into, struct str raw,
                          const struct mime_options *options, struct inbound_batch *batch,
                          struct err *err);

/* The bytes of the attachment with that number (as in the ids), copied. ERR_REJECT when there
 * is none. */
MUST_USE bool mime_file(struct arena *into, struct str raw, size_t number, struct str *bytes,
                        struct err *err);

/* A mail that has the files of `raw` under their numbers and nothing else: no head, no names,
 * and `note` for its words. A file that holds words with a card's number is left empty. Empty
 * when there is no file that can be kept. */
struct str mime_files_only(struct arena *into, struct str raw, struct str note);
