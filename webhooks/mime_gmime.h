/*
 * What knows GMime: for mime.c and mime_head.c, which read, and smtp_mime.c, which writes.
 */
#pragma once

#include "webhooks/mail.h"

#include <gmime/gmime.h>

/* Before anything else of GMime's. */
void mime_begin(void);

void mime_release_object(void *object);
#define OWNED_OBJECT CLEANUP(mime_release_object)

void mime_release_text(void *text);
#define OWNED_TEXT CLEANUP(mime_release_text)

/* A text of GMime's, or NULL, as UTF-8. */
struct str mime_copy(struct arena *into, const char *text);

/* Headers, sender and recipients; `to` is the envelope's, where known. */
void mime_read_head(struct arena *into, GMimeMessage *message, struct str to,
                    struct mail *mail);
