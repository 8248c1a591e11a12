/*
 * Outgoing HTTP: libcurl's multi interface on our loop. And SMTP, on a few threads.
 *
 * A fetch is a request struct that the caller owns and keeps still until `done`. Connections
 * are kept and reused. libcurl repeats a POST by itself when a reused connection closes without
 * an answer; unless `request.repeatable`, the body goes through a callback that cannot rewind,
 * and such an end is HTTP_UNKNOWN, never a silent second delivery.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/message.h"
#include "bot/loop/loop.h"

struct fetcher;

struct fetch_options {
    unsigned connections; /* kept open at most, over all hosts */
    bool allow_http;      /* the sandbox; elsewhere https only */
    const char *ca_file;  /* NULL: the system's */
    const char *user_agent;
    const char *proxy; /* NULL: none, whatever the environment says */
    usec_t reuse_idle; /* a connection that was idle for longer is not reused, because the other
                          end may be closing it, and a POST on it would become HTTP_UNKNOWN; 0:
                          15 s */
    usec_t reuse_total;  /* nor one that is older than this; 0: 10 min */
    unsigned mail_lines; /* connections to mail servers at most, each with a thread; 0: 8 */
};

struct fetch {
    /* in: borrowed until `done` */
    const struct http_request *request;
    usec_t connect_timeout; /* name, connection and TLS; 0: 10 s */
    usec_t timeout;         /* all of it; 0: 30 s */
    size_t body_max;  /* an answer's body beyond it is HTTP_UNKNOWN, with ERR_REJECT for a GET;
                         0: 1 MB */
    bool public_only; /* somebody else chose the address: nothing of our own network is reached
                       */
    usec_t until;     /* monotonic: after it nothing is begun any more, and a mail is not ended;
                         then it comes back as HTTP_NOT_SENT with ERR_CANCELED. It is asked just
                         before the first byte, so that who slept on the way does not send what
                         is another's to send by now; 0: at any time */
    struct arena *into;
    void (*done)(struct fetch *fetch);
    /* out */
    struct http_answer answer;
    struct str redirect; /* where a 3xx leads, as a whole address; it is not followed */
    struct err err;      /* why, when not HTTP_ANSWERED */
    usec_t took;
    /* the fetcher's own */
    void *internal;
};

MUST_USE bool fetcher_create(struct loop *loop, const struct fetch_options *options,
                             struct fetcher **fetcher, struct err *err);
void fetcher_start(struct fetcher *fetcher, struct fetch *fetch);
/* It may be begun until then. A fetch that is not under way is left alone. */
void fetcher_extend(struct fetch *fetch, usec_t until);
/* Accepts NULL. `done` of everything still under way runs (ERR_CANCELED; HTTP_UNKNOWN or
 * HTTP_NOT_SENT) before this returns, and may start nothing more. Not from inside a `done`. The
 * loop's next turns free what libuv still holds. */
void fetcher_destroy(struct fetcher *fetcher);
