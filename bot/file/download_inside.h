/*
 * A download's inside: for the files that make it, and nobody else.
 *
 *     download.c        looks for what is due, business by business, and begins
 *     download_one.c    one file's way: ask, fetch, judge, store
 *     download_enclosed.c  one that came within its mail
 *     download_linked.c  one that a CRM named by its address
 *     download_tell.c   the end of one that cannot be kept, and the words about it
 */
#pragma once

#include "bot/file/documents.h"
#include "bot/file/download.h"
#include "bot/file/file_ways.h"
#include "bot/lane/shares.h"
#include "bot/turn/accounts.h"

#define SOON_MAX 32

enum document_state {
    DOCUMENT_WANTED,
    DOCUMENT_STORING,
    DOCUMENT_REFUSED, /* with the customer still to be told */
    DOCUMENT_LOST,    /* likewise */
    DOCUMENT_GONE     /* with the file still to be removed */
};

struct downloads {
    struct worker *worker;
    struct documents *documents; /* NULL: the settings are wrong, and everything waits */
    struct timer timer;
    struct arena arena;
    struct db_call call;
    bool looking, closing;
    bool sweeping; /* this round also looks for what is kept for nobody */
    size_t next;   /* the account whose business is looked at next */
    struct uuid org;
    struct uuid soon[SOON_MAX];
    size_t n_soon;
    size_t n_open, n_given; /* under way; of these, in no conversation */
    struct shares open;     /* whose they are */
    usec_t lease, until;    /* of what is just being claimed, as below */
    usec_t swept_at;        /* monotonic; 0: never */
};

/* One file on its way. Its memory is its own and ends with it. */
struct download {
    struct downloads *downloads;
    struct arena arena;
    struct db_call call;
    struct fetch fetch;
    struct http_request request;
    struct document_op op;
    usec_t began;
    usec_t lease; /* its end as it stands in the row: by it the row is known as ours */
    usec_t until; /* monotonic: what begins by then has ended with the lease */
    bool stored;  /* the bytes were put by us, just now */

    struct uuid org, id, conversation, account_id;
    const struct account *account;
    const struct file_ways *ways;
    unsigned hops;
    bool in_conversation; /* somebody sent it there */
    bool linked;          /* a CRM's, by its address */
    bool inside;          /* its address may be one of our own network */
    enum document_state state;
    struct str handle, kind;
    struct hash claimed, sha256; /* as the delivery said; as it is in the store */
    bool has_claimed, has_sha256;
    int64_t attempts, refusals; /* of these, answers that there is no such file, or another */
    bool refused;               /* this time, too */
    usec_t expires_at;
    struct remote_file file;
    struct str bytes;
    const char *reason; /* why it ends */
};

/* It is over: the row says how it stands, or its lease does. */
void download_finish(struct download *download);

/* One statement of the business's, on its way; `done` is not called when the service stops. */
struct db_param *download_params(struct download *download,
                                 size_t n); /* $1 org, $2 id are set */
void download_call(struct download *download, const struct sql *sql,
                   const struct db_param *params, void (*done)(struct db_call *call));
/* The download of a call that came back; NULL when it is over (it failed, or we are closing).
 */
struct download *download_called(struct db_call *call);

/* Try again later, by the rules. */
void download_later(struct download *download, const struct err *err);

/* Likewise, of an answer about this very file ("there is none", other bytes than were
 * promised): the so many-th ends it. What the network does says nothing about a file, and does
 * not count. */
void download_refused(struct download *download, int64_t times, enum document_state state,
                      const char *reason, const struct err *err);

/* download_one.c: from wherever its row stands. */
void download_run(struct download *download);
/* The bytes are here: keep them, or say why not. */
void download_judge(struct download *download);

/* download_enclosed.c */
bool download_is_enclosed(struct str handle);
void download_enclosed(struct download *download);

/* download_linked.c */
bool download_is_linked(const struct download *download);
void download_linked(struct download *download);

/* download_tell.c */
void download_end(struct download *download, enum document_state state, const char *reason);
void download_tell(struct download *download);
void download_remove(struct download *download); /* the file, unless another row has the same */
