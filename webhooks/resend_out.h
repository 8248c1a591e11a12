/*
 * Mail out through Resend's API: a reply with its face becomes a request, the answer to that
 * request an outcome. Pure.
 *
 * Our key is the Idempotency-Key: for a day Resend answers the same key with the same message,
 * so a sending whose answer was lost is simply sent again, and leaves once. The key travels in
 * a tag, too, and comes back with every event about the message.
 */
#pragma once

#include "webhooks/mail_out.h"

/* The API's address without a path ("https://api.resend.com") and its key. Borrowed. */
struct resend_sender {
    struct str base;
    struct str api_key;
};

/* ERR_REJECT for what cannot be sent: a setting or an address that is none, no words. */
MUST_USE bool resend_encode(struct arena *into, const struct resend_sender *sender,
                            const struct outbound *message, struct http_request *request,
                            struct err *err);

/* The cheapest question that shows whether the key is one: for the doctor. A key that may send
 * and nothing else is refused by the name "restricted_api_key", and is a good one. */
MUST_USE bool resend_encode_whoami(struct arena *into, const struct resend_sender *sender,
                                   struct http_request *request, struct err *err);

/* The error's name in an answer's body; empty when there is none. */
struct str resend_error_name(struct arena *into, struct str body);

/* What became of a sending, decided by the error's name. A lost answer is SENDING_RETRY: the
 * key makes it safe. */
void resend_answer(struct arena *into, const struct http_answer *answer,
                   struct sending_result *result);
