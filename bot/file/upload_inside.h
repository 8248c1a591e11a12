/*
 * An upload's inside: for the files that make it, and nobody else.
 *
 *     upload.c       looks for what is due, business by business, and begins
 *     upload_one.c   one file's way: read, upload, keep the handle
 */
#pragma once

#include "bot/file/kept.h"
#include "bot/file/upload.h"
#include "bot/lane/channels.h"

#define UPLOADS_SOON_MAX 32

struct uploads {
    struct worker *worker;
    struct documents *documents; /* NULL: the settings are wrong, and everything waits */
    struct timer timer;
    struct arena arena;
    struct db_call call;
    bool looking, closing;
    size_t next; /* the account whose business is looked at next */
    struct uuid org;
    struct uuid soon[UPLOADS_SOON_MAX];
    size_t n_soon;
    size_t n_open;
    usec_t lease, until; /* of what is just being claimed, as below */
};

/* One file on its way. Its memory is its own and ends with it. */
struct upload {
    struct uploads *uploads;
    struct arena arena;
    struct uuid org, account_id, document;
    const struct account *account; /* NULL: not known to us, for now */
    int64_t attempts;
    usec_t began;
    usec_t lease;   /* its end as it stands in the row: by it the row is known as ours */
    usec_t until;   /* monotonic: what begins by then has ended with the lease */
    usec_t sent_at; /* when the provider was given it */
    int code;       /* why it is refused, in the provider's figure and words */
    struct str reason;
    struct kept_file file;
    struct http_request request;
    struct fetch fetch;
    struct db_call call;
};

/* It is over: the row says how it stands, or its lease does. */
void upload_finish(struct upload *upload);

/* upload_one.c: from the beginning, whatever others did before. */
void upload_run(struct upload *upload);
