/*
 * The HTTP server: the one place that knows libwebsockets.
 *
 * It collects a whole request within the limits (header, body, time, connections) and hands it
 * to a handler; the handler answers now or later, exactly once, with `http_reply`. If the
 * client goes away first the request lives on until it is answered, and the answer is dropped:
 * work that was begun is finished. The listening socket is the caller's.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/str.h"
#include "bot/loop/loop.h"

struct http_server;
struct http_handler;
struct http_exchange;

#define HTTP_LARGER_MAX    4
#define HTTP_ELSEWHERE_MAX ((size_t)64 << 10)

/* Whether a request's headers show that its sender may send so much. They are looked at before
 * the body is read: without this it is refused with 401, and with it the bodies of those who
 * have shown nothing make way. */
typedef bool http_shows(struct http_handler *handler, struct http_exchange *exchange);

struct http_limits {
    size_t body_max; /* bytes; over it 413 at once, before the body is read, with the limit */
    struct http_larger {
        const char *below; /* paths that begin so may have more; NULL: none */
        size_t max;
        http_shows *shows; /* NULL: who sends it is known only by all of it, or by asking */
    } larger[HTTP_LARGER_MAX];
    usec_t header_time; /* from accept (or the last answer's end) to the end of the headers */
    usec_t
        body_time; /* from the headers to the end of the body, in all: a slow drip is cut off */
    usec_t idle_time;         /* keep-alive */
    unsigned connections;     /* over it the one that has only waited the longest is closed
                                 for a new one, and the new one when all are at work */
    const char *const *doors; /* NULL-terminated: only paths that begin so may have body_max,
                                 the others HTTP_ELSEWHERE_MAX; NULL: all may */
    size_t bodies_max; /* bytes of all bodies in memory together. Over it the body that is still
                          being read and has taken the most room for the longest makes way,
                          with 503: who sends slowly keeps nobody out, and whoever sends at
                          once, as providers do, comes in. Several that are larger than body_max
                          have half of it, so that who uploads leaves room for what providers
                          deliver */
};

/* One request, until it is answered. Everything in it lives in its arena. */
struct http_exchange {
    struct arena arena;
    const char *method; /* "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS" */
    struct str path;    /* without the query; percent-decoded, "//" and "/../" resolved */
    struct str query;   /* without "?", in a canonical encoding of what came */
    struct str body;
    usec_t arrived; /* clock_monotonic at the last byte of the body */
    struct http_server *server;
    void *owner; /* the handler's own, for its later answer */
};

struct http_handler {
    /* Called once for each complete request, never re-entered from http_reply. */
    void (*handle)(struct http_handler *handler, struct http_exchange *exchange);
};

struct http_server_options {
    struct http_limits limits;
    const char *tls_cert; /* PEM files; NULL: plain HTTP */
    const char *tls_key;
};

MUST_USE bool http_server_create(struct loop *loop, const struct http_server_options *options,
                                 struct http_handler *handler, struct http_server **server,
                                 struct err *err);

/* Accept from a listening socket (SO_REUSEPORT and bound by the caller; not closed by us). */
MUST_USE bool http_server_listen(struct http_server *server, int fd, struct err *err);

/* A request header by lower-case name without colon ("x-hub-signature-256"); empty when
 * missing. To be asked inside `handle`; later only what was asked there is still known. */
struct str http_request_header(struct http_exchange *exchange, const char *name);

/* The address that the request came from, as text: the connection's, or behind a proxy of our
 * own network the last that it names in X-Forwarded-For. Empty when nobody knows. To be asked
 * inside `handle`. */
struct str http_client(struct http_exchange *exchange);
/* Whether that is an address of the public internet. To be asked inside `handle`. */
bool http_is_from_outside(struct http_exchange *exchange);

/* A query argument, URL-decoded into the exchange's arena; empty when missing. */
struct str http_query(struct http_exchange *exchange, const char *name);

/*
 * Answer, once, from inside `handle` or later. Content type may be NULL (no body). Extra header
 * lines are "Name: value" pairs, NULL-terminated, or NULL; a line with control characters is
 * left out. The body is copied. The exchange is gone afterwards.
 */
void http_reply(struct http_exchange *exchange, int status, const char *content_type,
                struct str body, const char *const *headers);

/* Answer nothing: the connection ends without a byte more, as if the answer had been lost. For
 * those who play a provider. */
void http_drop(struct http_exchange *exchange);

/*
 * For what has no length beforehand (an archive, the events of the sandbox's phone): answer 200
 * with header lines as http_reply takes them, and write chunks until the client leaves, reads
 * too slowly (1 MB behind), or `http_stream_close`. In each case `gone` runs once, from the
 * loop; until then writing to it does no harm, after it the stream may not be touched.
 */
struct http_stream {
    void (*gone)(struct http_stream *stream);
    void *internal;
};
void http_reply_stream(struct http_exchange *exchange, const char *content_type,
                       const char *const *headers, struct http_stream *stream);
/* Bytes that the client has not taken yet: whoever writes much writes on when there are none.
 */
size_t http_stream_behind(const struct http_stream *stream);
void http_stream_write(struct http_stream *stream, struct str chunk);
/* That was all of it. A reader can tell, but of HTTP/1.0. */
void http_stream_close(struct http_stream *stream);
/* Without what is not written yet, and so that its reader sees that: for one who takes nothing,
 * or when there is no more to be had. */
void http_stream_cut(struct http_stream *stream);

struct http_counts {
    uint64_t requests, refused_body, refused_time, refused_connections, refused_pipelined,
        client_gone, made_way;
    unsigned connections, in_flight;
    size_t answers; /* bytes in memory that clients have not taken yet */
};
void http_server_counts(const struct http_server *server, struct http_counts *counts);

/* Stop accepting; requests under way are answered with `Connection: close`, streams end.
 * `drained` runs once, from the loop, when none is left. */
void http_server_drain(struct http_server *server, void (*drained)(struct http_server *server));

/* Accepts NULL; closes what is open. Not from inside `handle`. Exchanges that are not answered
 * yet still have to be; the last of them, or the loop's next turns, free the server. */
void http_server_destroy(struct http_server *server);
