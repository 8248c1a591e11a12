/*
 * Resend's POST /emails/batch: up to a hundred mails in one request, which counts as one of the
 * rate. Pure.
 *
 * "One invalid member fails all", and the answer does not say which. The request has a key of
 * its own: the same mails in the same order under it leave once. Each mail has its message's
 * key in a tag, as one that leaves alone.
 */
#pragma once

#include "webhooks/resend_out.h"

#define RESEND_BATCH_MAX 100 /* "array of up to 100, no attachments, no scheduling" */

/* A mail as a member. ERR_REJECT for what resend_encode rejects, and for one with a file. */
MUST_USE bool resend_batch_member(struct arena *into, const struct outbound *message,
                                  struct str *member, struct err *err);

/* ERR_REJECT for a setting or a key that is none, and for none or too many members. */
MUST_USE bool resend_batch_encode(struct arena *into, const struct resend_sender *sender,
                                  struct str key, const struct str *members, size_t n,
                                  struct http_request *request, struct err *err);

/* What became of all of them, as of one (resend_answer); `ids` has room for `n`. When they were
 * accepted it has the id of each, or nothing but empty ones: a batch under this key was taken
 * before, with other words or without some of these. An answer that does not fit what was sent
 * is a doubt, and tried again like any. */
void resend_batch_answer(struct arena *into, const struct http_answer *answer, size_t n,
                         struct sending_result *result, struct str *ids);
