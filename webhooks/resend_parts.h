/* What Resend's requests are made of: for webhooks/resend_encode.c and resend_batch.c alone. */
#pragma once

#include "bot/base/json_out.h"
#include "webhooks/resend_out.h"

#define RESEND_KEY_MAX 256 /* "1-256 characters" */

/* ERR_REJECT for an address or a key that is none. */
MUST_USE bool resend_check_sender(const struct resend_sender *sender, struct err *err);
MUST_USE bool resend_check_key(struct str key, struct err *err);

/* A POST of JSON under a key, but for its body. */
void resend_begin(struct arena *into, const struct resend_sender *sender, const char *path,
                  struct str key, struct http_request *request);

/* A mail as a JSON object. It has been checked. */
struct str resend_body(struct arena *into, const struct outbound *message);
