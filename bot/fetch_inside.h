/*
 * The fetcher's inside: for the files that make it, and nobody else.
 *
 *     fetch.c        transfers on the loop, and HTTP
 *     fetch_mail.c   SMTP
 */
#pragma once

#include "bot/fetch.h"

#include <curl/curl.h>

#define FETCH_MAIL_SOCKETS 64
#define FETCH_QUIT_WAIT    1L /* seconds that a mail server may take to say goodbye */

struct fetcher {
    struct loop *loop;
    struct fetch_options options; /* its texts are our own copies */
    CURLM *multi;
    struct timer timer;
    struct transfer *transfers; /* under way */
    CURL **idle;                /* easy handles to use again */
    unsigned n_idle;
    unsigned handles;                               /* of libuv's, that are open or closing */
    curl_socket_t mail_sockets[FETCH_MAIL_SOCKETS]; /* open to mail servers */
    unsigned n_mail_sockets;
    bool destroyed;
};

struct transfer {
    struct transfer *prev, *next;
    struct fetcher *fetcher;
    struct fetch *fetch;
    struct loop_task task; /* ends it from the loop: refused at the start, or cancelled */
    CURL *easy;
    struct curl_slist *headers;
    char *url;
    usec_t began;
    size_t sent; /* of the body, through the read callback */
    char *body;
    size_t body_len;
    size_t body_room;
    bool too_large;
    bool head_complete;     /* the final answer's headers have ended */
    struct mail_talk *mail; /* SMTP: what was said; NULL: HTTP */
    char reason[CURL_ERROR_SIZE];
};

/* --- fetch_mail.c */
/* The handle has its limits and its address; what is left is the mail and its envelope. False:
 * it cannot be written as SMTP. */
bool fetch_mail_begin(struct transfer *transfer);
/* How it went: fills answer and err of the fetch. */
void fetch_mail_end(struct transfer *transfer, CURLcode code);
/* As far as is known before the end. */
enum http_fate fetch_mail_fate(const struct transfer *transfer);
void fetch_mail_free(struct transfer *transfer);
/* No server is waited for any more. */
void fetch_mail_shut(struct fetcher *fetcher);
