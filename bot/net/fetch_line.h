/*
 * The inside of SMTP: for bot/net/fetch_mail.c, which is the loop's, and bot/net/fetch_line.c,
 * which is what a thread does.
 *
 * libcurl waits for two answers wherever it is: the one to the dot, which takes as long as the
 * server looks at a mail, and the one to QUIT. On the loop that would hold up everybody, so
 * mails are taken by a few threads. Each is a line to the server: one easy handle, and thus one
 * connection, which it keeps between mails.
 *
 * A mail belongs to the loop while it waits and when it has ended, and to its line in between.
 * One lock guards what both look at; nothing waits while it is held.
 */
#pragma once

#include "bot/base/crypto.h"
#include "bot/net/fetch_inside.h"

#include <pthread.h>

#define COMMAND_LEN 4
#define REPLY_MAX   200
#define SOCKETS_MAX 4 /* of one line: libcurl tries two addresses at a time */

struct mail_line;

/* One mail under way. */
struct mail_talk {
    struct mail_talk *next; /* of those that wait, or have ended */
    struct mail_pool *pool;
    struct arena arena; /* copies: it outlives the fetch that is given up */
    struct str url, from, to, user, password, ca_file, body; /* terminated */
    bool starttls;
    struct hash16 way; /* whom it goes to and how: a connection of another way will not do */
    usec_t connect_timeout, deadline; /* the latter monotonic */
    /* what became of it */
    CURLcode code;
    char reason[CURL_ERROR_SIZE];
    char command[COMMAND_LEN + 1]; /* the last one that we know; empty: the greeting */
    char reply[REPLY_MAX];         /* its last line */
    size_t reply_len, sent;
    /* under the lock */
    struct transfer *transfer; /* the loop's; NULL: it was given up */
    struct mail_line *line;    /* has it */
    bool ended;                /* no line has it any more */
    bool gone;                 /* not a byte more is to leave */
    usec_t until;              /* as the fetch's: whoever reads the mail looks at it */
    bool too_late;             /* it has passed before the mail's end */
    bool whole;                /* libcurl has read the mail to its end */
};

/* A thread and its connection. */
struct mail_line {
    struct mail_line *next; /* of those that are over */
    struct mail_pool *pool;
    pthread_t thread;
    CURL *easy;
    struct mail_talk *talk;             /* NULL: none; set under the lock */
    struct curl_slist *to;              /* what the handle points to */
    struct hash16 way;                  /* of the connection that is kept */
    usec_t opened_at;                   /* monotonic; of that connection */
    unsigned n_mails;                   /* that it has carried */
    unsigned n_dialled;                 /* sockets made for the mail under way */
    bool quit;                          /* what is said now is about nothing but that */
    bool leaving;                       /* nobody is dialled for it */
    curl_socket_t sockets[SOCKETS_MAX]; /* under the lock */
    unsigned n_sockets;
};

/* All lines of a fetcher. */
struct mail_pool {
    struct fetcher *fetcher;
    uv_async_t news;          /* a mail has ended, or a line is over */
    unsigned n_threads;       /* not joined yet; the loop's */
    usec_t idle_max, age_max; /* of a connection */
    pthread_mutex_t lock;     /* of what follows */
    pthread_cond_t work;
    struct mail_talk *waiting, **last;
    unsigned n_waiting;
    struct mail_talk *ended;
    struct mail_line *over; /* its thread has nothing left to do */
    unsigned n_lines, n_idle;
    bool stopping;
};

/* --- fetch_line.c */
/* What the thread of a line does, all its life: `user` is the line, ready but for its handle.
 */
void *mail_line_run(void *user);
/* The server is not waited for any more; under the lock. */
void mail_line_hang_up(struct mail_line *line, int how);
