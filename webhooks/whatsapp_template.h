/*
 * WhatsApp's templates at Meta's management API: how one is asked for, and what Meta has.
 *
 * Parameters are positional here: the first in a text is "{{1}}". Pure, as whatsapp.h is.
 */
#pragma once

#include "webhooks/whatsapp.h"

/* One template in one language. */
struct whatsapp_template {
    struct str name, language;
    struct str category; /* "UTILITY", ... */
    struct str header, body, footer, button, url;
    struct str url_example;    /* where the address ends in "{{1}}"; asked for, not read */
    const struct str *replies; /* the words of its other buttons */
    size_t n_replies;
    const struct str *examples; /* one for each parameter of the body; asked for, not read */
    size_t n_examples;
    struct str status; /* read only: "APPROVED", ... */
};

/* Ask for one. ERR_REJECT when an id or the address is malformed. */
MUST_USE bool whatsapp_encode_template(struct arena *into, const struct whatsapp_sender *sender,
                                       struct str business,
                                       const struct whatsapp_template *template,
                                       struct http_request *request, struct err *err);

/* A page of what Meta has; `after` asks for the next one, empty: it was the last. ERR_REJECT
 * for a refusal, with Meta's words; ERR_RETRY when it could not be told. */
MUST_USE bool whatsapp_read_templates(struct arena *into, const struct http_answer *answer,
                                      const struct whatsapp_template **items, size_t *n,
                                      struct str *after, struct err *err);

/* Whether one was taken: its status and the category that Meta gave it. Errors as above. */
MUST_USE bool whatsapp_read_created(struct arena *into, const struct http_answer *answer,
                                    struct whatsapp_template *template, struct err *err);

/* Whether what Meta has reads like ours. */
bool whatsapp_template_same(const struct whatsapp_template *a,
                            const struct whatsapp_template *b);
