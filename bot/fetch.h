/*
 * Outgoing HTTP: libcurl's multi interface on our loop.
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
};

struct fetch {
    /* in: borrowed until `done` */
    const struct http_request *request;
    usec_t connect_timeout;
    usec_t timeout;
    size_t body_max; /* an answer's body beyond it is HTTP_UNKNOWN for a POST, an error for a
                        GET */
    struct arena *into;
    void (*done)(struct fetch *fetch);
    /* out */
    struct http_answer answer;
    struct err err; /* why, when not HTTP_ANSWERED */
    usec_t took;
    /* the fetcher's own */
    void *internal;
};

MUST_USE bool fetcher_create(struct loop *loop, const struct fetch_options *options,
                             struct fetcher **fetcher, struct err *err);
void fetcher_start(struct fetcher *fetcher, struct fetch *fetch);
/* A wish: `done` still runs. */
void fetcher_cancel(struct fetcher *fetcher, struct fetch *fetch);
/* `done` of everything still under way runs (HTTP_UNKNOWN or HTTP_NOT_SENT) before this
 * returns. */
void fetcher_destroy(struct fetcher *fetcher);
