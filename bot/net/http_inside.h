/*
 * What the server's own files share; nobody else includes this.
 *
 *     http.c           life cycle, listening, deadlines
 *     http_lws.c       libwebsockets' callbacks
 *     http_limits.c    what is refused
 *     http_conn.c      a connection's requests and its end
 *     http_crowd.c     which connection makes way when there are too many
 *     http_exchange.c  a request as its handler sees it
 *     http_out.c       the bytes of an answer
 *     http_write.c     answers into the socket
 *     http_stream.c    answers without an end
 *     http_linger.c    sockets that outlive their connection
 */
#pragma once

#include "bot/net/http.h"

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
    usec_t began;
    bool known; /* the headers have shown who sends it */
};

struct stream {
    struct loop_task gone_task;
    struct http_stream *public;
    bool cut;          /* at once, whatever is still to be written */
    struct conn *conn; /* NULL once the connection has gone */
    bool closing;
    bool chunked; /* so that a reader knows whether all of it came */
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
    bool old;         /* it was of HTTP/1.0, which knows no chunks */
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
    struct conn *conns, *last_conn; /* the one that did something last comes first */
    struct linger_on *lingering;
    unsigned n_lingering;
    size_t bodies, large_bodies; /* bytes of all; of those that are larger than body_max */
    bool accept_paused;          /* out of descriptors: tried again by the next sweep */
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
    size_t most;       /* bytes that a body to this path may have; 0: not looked at */
    http_shows *shows; /* of a body larger than others, or NULL */
    bool head_only;
    bool old;              /* HTTP/1.0 */
    bool close;            /* the client wants, or its version means, one request only */
    bool expects_continue; /* it waits for our word before it sends the body */
};
/* 0, or the status to refuse the request with, judging by its headers alone. */
int http_limits_check(struct lws *wsi, const struct http_limits *limits, struct str path,
                      struct request_head *head);
struct str http_limits_header(struct arena *into, struct lws *wsi, const char *name);
struct str http_limits_query(struct arena *into, struct lws *wsi);

/* --- http_conn.c: false means that the connection is to be closed now --- */
bool conn_request(struct conn *conn, struct str path);
bool conn_body(struct conn *conn, const void *bytes, size_t n);
bool conn_body_complete(struct conn *conn);
/* Another body makes way for this one: the one that has taken the most room for the longest,
 * if that is more than this one has, or if it is large and this one's sender is known. False
 * when there is none. */
bool conn_make_way(struct exchange *exchange, size_t room);
/* The client, or we, closed it: the exchange lives on without it. */
void conn_gone(struct conn *conn);
/* The last callback has come. */
void conn_free(struct conn *conn);
void conn_kill(struct conn *conn);
void conn_expire(struct conn *conn, usec_t now);
bool conn_is_quiet(const struct conn *conn);

/* --- http_crowd.c --- */
void crowd_join(struct conn *conn);
void crowd_leave(struct conn *conn);
/* It has just done something. */
void crowd_moved(struct conn *conn);
/* Outside libwebsockets' callbacks: end the one that has waited the longest. False when all are
 * at work. */
MUST_USE bool crowd_make_way(struct http_server *server);

/* --- http_exchange.c --- */
/* For the request whose headers have come; counted among those in flight until it is freed. */
struct exchange *exchange_create(struct conn *conn, const struct request_head *head,
                                 struct str path);
void exchange_free(struct exchange *exchange);
/* More than most doors take. */
bool exchange_is_large(const struct exchange *exchange);
/* Room grows with what has really come: a length that was only claimed costs nothing. False
 * when all bodies together would be too much, and none makes way. */
MUST_USE bool exchange_make_room(struct exchange *exchange, size_t len);

/* --- http_out.c: the connection's buffer --- */
void out_clear(struct conn *conn);
void out_put(struct conn *conn, const void *bytes, size_t n);
void out_put_text(struct conn *conn, const char *text);
/* The status and the headers; one that has a line's end in it is left out. NULL ends @headers,
 * which may be NULL. */
void out_put_head(struct conn *conn, int status, const char *content_type,
                  const char *const *headers);
/* A whole answer in place of what was there. */
void out_answer(struct conn *conn, int status, const char *content_type, struct str body,
                const char *const *headers);
/* That answer is the connection's last, and says so. */
void out_close(struct conn *conn);

/* --- http_write.c: false means that the connection is to be closed now --- */
/* Into the list of those that are written when this turn of the loop ends, and out of it. */
void conn_make_ready(struct conn *conn);
void conn_unready(struct conn *conn);
void conn_flush_ready(struct loop_task *task);
/* The answer, in a callback of libwebsockets. */
bool conn_write(struct conn *conn);
/* Write what the socket takes. */
bool conn_pump(struct conn *conn);
bool conn_is_pumped(const struct conn *conn);
/* Wait for room, if anything is left to write; and on a stream for the client's leaving. */
bool conn_watch(struct conn *conn);
void conn_unwatch(struct conn *conn);
/* libwebsockets says that there is room. */
bool conn_writable(struct conn *conn);
/* Outside libwebsockets' callbacks: whether early bytes wait in its buffer. */
bool conn_has_early_bytes(struct conn *conn);
/* All was said. Always false. */
bool conn_end(struct conn *conn);

/* --- http_stream.c --- */
/* Write what there is, then wait for more, for room, or for the client to leave. False as
 * above. */
bool conn_stream_turn(struct conn *conn);
/* End it so that its reader sees that this was not all. */
void stream_break(struct stream *stream);
/* The connection has gone; its owner is told by the loop. */
void stream_detach(struct http_server *server, struct stream *stream);

/* --- http_linger.c --- */
/* What the client still sends is thrown away for a while, by a descriptor of our own. */
void conn_linger(struct conn *conn);
/* By the sweep: what came, and which have ended. */
void conn_linger_on(struct http_server *server, usec_t now);

/* --- http.c --- */
void server_settle(struct http_server *server); /* after anything has ended */
