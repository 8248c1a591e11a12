/*
 * What Resend tells: what became of our mails, and that mail for us has come.
 *
 * A webhook about received mail has its head only; words and files are asked for by its id. So
 * reading one takes two steps here, and a third for each file: its address, which is signed,
 * lives for an hour and belongs to a host of files. Webhooks are signed as svix.h says. Pure.
 */
#pragma once

#include "webhooks/mail.h"

/* "re_..." and the API's address without a path. Borrowed. */
struct resend_reader {
    struct str base;
    struct str api_key;
};

/* A webhook, read. */
struct resend_news {
    struct str received; /* a mail of this id has come, and is to be asked for; else empty */
    const struct str *sent_to; /* its recipients, as addresses are kept, tokens and all */
    size_t n_sent_to;
    struct inbound_batch batch; /* else: what became of a mail of ours */
};

/* ERR_REJECT for what is no event of Resend's. Kinds that we have no use for are EVENT_OTHER.
 */
MUST_USE bool resend_news(struct arena *into, struct str body, struct resend_news *news,
                          struct err *err);

/* The question for a received mail, and for one of its files; `id` and `handle`
 * ("<mail>/<file>", as in an event's media) as they came. ERR_REJECT for settings or ids that
 * are none. */
MUST_USE bool resend_encode_received(struct arena *into, const struct resend_reader *reader,
                                     struct str id, struct http_request *request,
                                     struct err *err);
MUST_USE bool resend_encode_file(struct arena *into, const struct resend_reader *reader,
                                 struct str handle, struct http_request *request,
                                 struct err *err);

/* The answer's body as a mail. */
MUST_USE bool resend_read_received(struct arena *into, struct str body, struct mail *mail,
                                   struct err *err);

/* As resend_read_received, to the end: the events. */
MUST_USE bool resend_decode_received(struct arena *into, struct str body,
                                     const struct mail_rules *rules,
                                     struct inbound_batch *batch, struct err *err);

/* Where a file lies. ERR_RETRY when it may yet be told, ERR_REJECT when it never will. */
struct resend_file {
    struct str url;
    size_t size; /* 0: not said */
};
MUST_USE bool resend_read_file(struct arena *into, const struct http_answer *answer,
                               struct resend_file *file, struct err *err);
