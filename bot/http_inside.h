/*
 * What the server's own files share: http.c (life cycle, listening, deadlines), http_conn.c
 * (a connection's states and answers), http_limits.c (what is refused) and http_lws.c (the
 * callbacks). Nobody else includes this.
 */
#pragma once

#include "bot/http.h"

#include <libwebsockets.h>

/*
 * A connection's state says what may happen next; everything else from libwebsockets is a trap
 * (limits.md, section 1) and closes it.
 */
enum conn_state {
    CONN_IDLE,     /* waits for a request's headers */
    CONN_BODY,     /* reads a body */
    CONN_HANDLING, /* the handler has the exchange; nothing is read from the socket */
    CONN_ANSWERED, /* the answer is ready, and is written when this turn of the loop ends */
    CONN_SENDING,  /* the socket did not take the answer at once */
    CONN_DONE,     /* said all, and to be closed */
    CONN_STREAM,
    CONN_DEAD /* libwebsockets is closing it */
};

struct exchange {
    struct http_exchange public; /* first: the handler's pointer is ours */
    struct conn *conn;           /* NULL when the client has gone */
    struct known_header *headers;
    char *body;
    size_t body_len;
    size_t body_room; /* charged to the server's total */
    size_t body_want;
};

struct stream {
    struct loop_task gone_task;
    struct http_stream *public;
    struct conn *conn; /* NULL once the connection has gone */
    bool closing;
};

/* Our own look at a socket, through a second descriptor: while libwebsockets does not read it
 * does not tell of writability either (trap 4). */
struct out_watch {
    struct poll_watch watch;
    struct http_server *server;
    struct conn *conn; /* NULL once the connection has gone */
    int fd;
};

struct conn {
    struct conn *prev, *next;
    struct conn *ready_next;
    struct http_server *server;
    struct lws *wsi; /* NULL before the first callback and after the last */
    int fd;
    enum conn_state state;
    bool ready;       /* in the server's list of answers to write */
    bool closing;     /* this answer is the connection's last */
    bool unread;      /* a body was left unread */
    bool head_only;   /* the request was HEAD */
    bool not_tcp;     /* no byte counter to ask: one request to a connection */
    bool served;      /* has completed a request */
    uint64_t read_at; /* bytes read from the socket when the last request was complete */
    usec_t deadline;  /* 0: none */
    struct exchange *exchange;
    struct stream *stream;
    struct out_watch *out_watch;
    unsigned char *out; /* LWS_PRE bytes, then the answer */
    size_t out_len;
    size_t out_sent;
    size_t out_room;
    size_t out_connection; /* where the value of "Connection:" stands in it */
};

/* A socket whose connection has said all and gone, see conn_end. */
struct linger_on {
    struct linger_on *next;
    int fd;
    usec_t deadline;
};

#define LISTENERS_MAX 8

struct listener {
    struct poll_watch watch;
    struct http_server *server;
    int fd;
};

struct http_server {
    struct loop *loop;
    struct http_limits limits;
    struct http_handler *handler;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    const uv_handle_t *lws_handles[4]; /* of its context, on our loop */
    unsigned n_lws_handles;
    struct loop_task lws_end;
    bool tls;
    struct listener listeners[LISTENERS_MAX];
    unsigned n_listeners;
    unsigned handles; /* of libuv's, that are open or closing */
    struct timer sweep;
    struct loop_task flush; /* writes the answers of this turn */
    struct conn *ready;
    struct conn *conns;
    struct linger_on *lingering;
    unsigned n_lingering;
    size_t bodies;
    bool accept_paused; /* out of descriptors: tried again by the next sweep */
    bool draining;
    bool destroyed;
    void (*drained)(struct http_server *server);
    struct loop_task drained_task;
    struct http_counts counts;
    time_t date_at;
    char date[40];
};

/* --- http_lws.c --- */
MUST_USE bool http_lws_create(struct http_server *server,
                              const struct http_server_options *options, struct err *err);
/* Takes the descriptor and, sooner or later, the connection. */
void http_lws_adopt(struct http_server *server, struct conn *conn);

/* Begins its end, which takes a few turns of the loop; `server->lws` is NULL when it has gone.
 */
void http_lws_destroy(struct http_server *server);

/* --- http_limits.c --- */
struct request_head {
    const char *method;
    uint64_t length;
    bool head_only;
    bool close;            /* the client wants, or its version means, one request only */
    bool expects_continue; /* it waits for our word before it sends the body */
};
/* 0, or the status to refuse the request with, judging by its headers alone. */
int http_limits_check(struct lws *wsi, const struct http_limits *limits,
                      struct request_head *head);
struct str http_limits_header(struct arena *into, struct lws *wsi, const char *name);
struct str http_limits_query(struct arena *into, struct lws *wsi);

/* --- http_conn.c: false means that the connection is to be closed now --- */
bool conn_request(struct conn *conn, struct str path);
bool conn_body(struct conn *conn, const void *bytes, size_t n);
bool conn_body_complete(struct conn *conn);
bool conn_writable(struct conn *conn);
/* The client, or we, closed it: the exchange lives on without it. */
void conn_gone(struct conn *conn);
/* The last callback has come. */
void conn_free(struct conn *conn);
void conn_kill(struct conn *conn);
void conn_expire(struct conn *conn, usec_t now);
void conn_linger_on(struct http_server *server, usec_t now);
void conn_flush_ready(struct loop_task *task);
bool conn_is_quiet(const struct conn *conn);

/* --- http.c --- */
void server_settle(struct http_server *server); /* after anything has ended */
