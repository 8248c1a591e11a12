/*
 * The fetcher's inside: for the files that make it, and nobody else.
 *
 *     fetch.c        transfers on the loop, and HTTP
 *     fetch_mail.c   SMTP, the loop's part; fetch_line.c is its threads'
 */
#pragma once

#include "bot/net/fetch.h"

#include <curl/curl.h>

#define DEFAULT_CONNECT_TIMEOUT (10 * USEC_PER_SEC)
#define DEFAULT_TIMEOUT         (30 * USEC_PER_SEC)
#define DEFAULT_REUSE_IDLE      (15 * USEC_PER_SEC)
#define DEFAULT_REUSE_TOTAL     (10 * USEC_PER_MIN)

struct fetcher {
    struct loop *loop;
    struct fetch_options options; /* its texts are our own copies */
    CURLM *multi;
    struct timer timer;
    struct transfer *transfers; /* under way */
    CURL **idle;                /* easy handles to use again */
    unsigned n_idle;
    unsigned handles; /* of libuv's, that are open or closing */
    bool destroyed;
    struct mail_pool *mail; /* SMTP; NULL: nobody has mailed yet */
};

struct transfer {
    struct transfer *prev, *next;
    struct fetcher *fetcher;
    struct fetch *fetch;
    struct loop_task task; /* ends what is refused at the start, from the loop */
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    usec_t began;
    size_t sent; /* of the body, through the read callback */
    char *body;
    size_t body_len;
    size_t body_room;
    bool too_large;
    bool too_late;          /* `until` had passed before anything was sent */
    bool head_complete;     /* the final answer's headers have ended */
    struct mail_talk *mail; /* SMTP, under way: what was said */
    char reason[CURL_ERROR_SIZE];
};

/* --- fetch.c */
/* A transfer has its outcome: fills answer and err of the fetch, and ends it. */
void fetcher_finish(struct transfer *transfer, CURLcode code);
/* One handle of libuv's less is open. */
void fetcher_settle(struct fetcher *fetcher);

/* --- fetch_mail.c */
/* Hand the mail to a line, which ends with `fetcher_finish`. False: it cannot be written as
 * SMTP. */
bool fetch_mail_begin(struct transfer *transfer);
/* As fetcher_extend. */
void fetch_mail_extend(struct transfer *transfer, usec_t until);
/* How it went: fills answer and err of the fetch. */
void fetch_mail_end(struct transfer *transfer, CURLcode code);
/* As far as is known before the end; from now on nothing more is sent. */
enum http_fate fetch_mail_fate(const struct transfer *transfer);
/* The transfer is ending; a line that still has the mail hears so. */
void fetch_mail_leave(struct transfer *transfer);
/* The fetcher is destroyed, its transfers are over: lines say good bye and end by themselves.
 */
void fetch_mail_stop(struct fetcher *fetcher);
