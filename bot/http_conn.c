/*
 * One connection's life: a request is collected, handled and answered; then the next.
 *
 * Nothing is read from the socket while a request is handled (trap 3), so whatever a client
 * sends too early waits in the kernel, or, if it came in the same segment as the request, in
 * libwebsockets' buffer. From that buffer a second request must never start: version 4.1 spins
 * for ever on it (trap 1). So when an answer is written we ask whether anything lies there, and
 * if so this answer is the connection's last, and says so. `conn_request` checks once more, by
 * the kernel's byte counter.
 *
 * Answers are written when the turn of the loop ends and not from the writable callback: that
 * callback does not come while reading is off (trap 4), and with reading on a client that sends
 * more, or closes its side, makes libwebsockets spin. What the socket does not take at once is
 * written in pieces that fit, whenever a watch of our own says that there is room.
 */
#include "bot/http_inside.h"

#include "bot/tcp_info.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LINGER_TIME    (2 * USEC_PER_SEC)
#define FIRST_BODY     (16 << 10)
#define STREAM_MAX     (1 << 20)
#define PIECE          8192  /* fits into any send buffer that says it is writable */
#define SLOWEST_READER 20000 /* bytes a second that a client must take of an answer */

struct known_header {
    struct known_header *next;
    const char *name;
    struct str value;
};

/* --- the exchange ------------------------------------------------------------------------ */

static struct exchange *exchange_create(struct conn *conn, const struct request_head *head,
                                        struct str path)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        abort();
    struct http_exchange *public = &exchange->public;
    arena_init(&public->arena);
    public->method = head->method;
    public->path = arena_str(&public->arena, path);
    public->query = http_limits_query(&public->arena, conn->wsi);
    public->server = conn->server;
    exchange->conn = conn;
    exchange->body_want = head->length;
    conn->server->counts.in_flight++;
    return exchange;
}

static void exchange_free(struct exchange *exchange)
{
    struct http_server *server = exchange->public.server;
    server->bodies -= exchange->body_room;
    server->counts.in_flight--;
    arena_finish(&exchange->public.arena);
    free(exchange->body);
    free(exchange);
    server_settle(server);
}

/* Room grows with what has really come: a length that was only claimed costs nothing. False
 * when all bodies together would be too much. */
static bool exchange_make_room(struct exchange *exchange, size_t len)
{
    if (len <= exchange->body_room)
        return true;
    struct http_server *server = exchange->public.server;
    size_t room = exchange->body_room ? 2 * exchange->body_room : FIRST_BODY;
    while (room < len)
        room *= 2;
    if (room > exchange->body_want)
        room = exchange->body_want;
    if (server->bodies - exchange->body_room + room > server->limits.bodies_max)
        return false;
    char *body = realloc(exchange->body, room + 1);
    if (!body)
        abort();
    server->bodies += room - exchange->body_room;
    exchange->body = body;
    exchange->body_room = room;
    return true;
}

struct str http_request_header(struct http_exchange *exchange, const char *name)
{
    struct exchange *own = CONTAINER_OF(exchange, struct exchange, public);
    for (struct known_header *known = own->headers; known; known = known->next) {
        if (strcmp(known->name, name) == 0)
            return known->value;
    }
    if (!own->conn || !own->conn->wsi)
        return STR_NONE;
    struct known_header *known = arena_new(&exchange->arena, struct known_header);
    known->name = arena_cstr(&exchange->arena, str_from(name));
    known->value = http_limits_header(&exchange->arena, own->conn->wsi, name);
    known->next = own->headers;
    own->headers = known;
    return known->value;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static struct str decode_query(struct arena *into, struct str text)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1;
        int low = -1;
        if (text.at[i] == '%' && i + 2 < text.len) {
            high = hex_digit(text.at[i + 1]);
            low = hex_digit(text.at[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[len++] = (char)(unsigned char)((unsigned)high << 4 | (unsigned)low);
            i += 2;
        } else {
            char c = text.at[i];
            out[len++] = (char)(c == '+' ? ' ' : c);
        }
    }
    return (struct str){out, len};
}

struct str http_query(struct http_exchange *exchange, const char *name)
{
    struct str rest = exchange->query;
    struct str piece;
    while (str_split(&rest, '&', &piece)) {
        struct str value = piece;
        struct str key;
        if (!str_split(&value, '=', &key))
            continue;
        if (str_eq(decode_query(&exchange->arena, key), str_from(name)))
            return decode_query(&exchange->arena, value);
    }
    return STR_NONE;
}

/* --- answers ----------------------------------------------------------------------------- */

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"                    },
        {201, "Created"               },
        {202, "Accepted"              },
        {204, "No Content"            },
        {206, "Partial Content"       },
        {301, "Moved Permanently"     },
        {302, "Found"                 },
        {303, "See Other"             },
        {304, "Not Modified"          },
        {307, "Temporary Redirect"    },
        {400, "Bad Request"           },
        {401, "Unauthorized"          },
        {403, "Forbidden"             },
        {404, "Not Found"             },
        {405, "Method Not Allowed"    },
        {408, "Request Timeout"       },
        {409, "Conflict"              },
        {410, "Gone"                  },
        {411, "Length Required"       },
        {413, "Content Too Large"     },
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"    },
        {422, "Unprocessable Content" },
        {429, "Too Many Requests"     },
        {500, "Internal Server Error" },
        {501, "Not Implemented"       },
        {502, "Bad Gateway"           },
        {503, "Service Unavailable"   },
        {504, "Gateway Timeout"       },
    };
    for (size_t i = 0; i < COUNTOF(phrases); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return status < 400 ? "OK" : "Error";
}

static void put(struct conn *conn, const void *bytes, size_t n)
{
    size_t end = LWS_PRE + conn->out_len;
    if (end + n > conn->out_room) {
        conn->out_room = 2 * (end + n);
        conn->out = realloc(conn->out, conn->out_room);
        if (!conn->out)
            abort();
    }
    if (n > 0)
        memcpy(conn->out + end, bytes, n);
    conn->out_len += n;
}

static void put_text(struct conn *conn, const char *text)
{
    put(conn, text, strlen(text));
}

static void out_clear(struct conn *conn)
{
    free(conn->out);
    conn->out = NULL;
    conn->out_len = 0;
    conn->out_sent = 0;
    conn->out_room = 0;
}

static const char *date_line(struct http_server *server)
{
    time_t now = (time_t)(clock_now() / USEC_PER_SEC);
    struct tm utc;
    if (now != server->date_at && gmtime_r(&now, &utc)) {
        server->date_at = now;
        (void)strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    }
    return server->date;
}

static bool line_is_clean(const char *line)
{
    for (; *line; line++) {
        if ((unsigned char)*line < ' ' && *line != '\t')
            return false;
    }
    return true;
}

static void put_head(struct conn *conn, int status, const char *content_type,
                     const char *const *headers)
{
    char line[128];
    int n = snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status,
                     reason_phrase(status), date_line(conn->server));
    put(conn, line, (size_t)n);
    if (content_type && line_is_clean(content_type)) {
        put_text(conn, "Content-Type: ");
        put_text(conn, content_type);
        put_text(conn, "\r\n");
    }
    for (; headers && *headers; headers++) {
        if (!line_is_clean(*headers))
            continue;
        put_text(conn, *headers);
        put_text(conn, "\r\n");
    }
}

/* Both values have the same length: which it is is decided when the answer is written. */
static const char connection_keep[] = "keep-alive";
static const char connection_close[] = "close     ";

static void conn_set_answer(struct conn *conn, int status, const char *content_type,
                            struct str body, const char *const *headers)
{
    bool bodyless = status == 204 || status == 304;
    out_clear(conn);
    conn->out_room = LWS_PRE + 512 + body.len;
    conn->out = malloc(conn->out_room);
    if (!conn->out)
        abort();
    put_head(conn, status, content_type, headers);
    if (!bodyless) {
        char line[64];
        int n = snprintf(line, sizeof line, "Content-Length: %zu\r\n", body.len);
        put(conn, line, (size_t)n);
    }
    put_text(conn, "Connection: ");
    conn->out_connection = conn->out_len;
    put_text(conn, connection_keep);
    put_text(conn, "\r\n\r\n");
    if (!bodyless && !conn->head_only)
        put(conn, body.at, body.len);
}

static void conn_unready(struct conn *conn)
{
    if (!conn->ready)
        return;
    struct conn **at = &conn->server->ready;
    while (*at != conn)
        at = &(*at)->ready_next;
    *at = conn->ready_next;
    conn->ready = false;
}

static void conn_make_ready(struct conn *conn)
{
    struct http_server *server = conn->server;
    conn->state = CONN_ANSWERED;
    conn->ready = true;
    conn->ready_next = server->ready;
    server->ready = conn;
    loop_post(server->loop, &server->flush, conn_flush_ready);
}

/*
 * Said all. Closing while the client still sends makes the kernel answer with a reset, which
 * may overtake the answer. So a second descriptor of the socket outlives the connection for a
 * while, and what comes is thrown away. libwebsockets has no part in this: with reading off and
 * bytes in its buffer it would be woken for ever.
 */
static void conn_linger(struct conn *conn)
{
    struct http_server *server = conn->server;
    int fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);
    struct linger_on *linger = fd < 0 ? NULL : calloc(1, sizeof *linger);
    if (!linger)
        return;
    linger->fd = fd;
    linger->deadline = clock_monotonic() + LINGER_TIME;
    linger->next = server->lingering;
    server->lingering = linger;
    server->n_lingering++;
}

/* Always false: the connection is to be closed. */
static bool conn_end(struct conn *conn)
{
    conn->state = CONN_DONE;
    if (conn->unread || tcp_info_unread(conn->fd) > 0)
        conn_linger(conn);
    if (!conn->server->tls) /* TLS says its own goodbye first */
        (void)shutdown(conn->fd, SHUT_WR);
    return false;
}

static void out_watch_closed(struct poll_watch *watch)
{
    struct out_watch *out = CONTAINER_OF(watch, struct out_watch, watch);
    struct http_server *server = out->server;
    (void)close(out->fd);
    free(out);
    server->handles--;
    server_settle(server);
}

static void conn_unwatch(struct conn *conn)
{
    if (!conn->out_watch)
        return;
    conn->out_watch->conn = NULL;
    poll_close(&conn->out_watch->watch, out_watch_closed);
    conn->out_watch = NULL;
}

static bool conn_continue(struct conn *conn);
static bool stream_turn(struct conn *conn);

static void out_watch_ready(struct poll_watch *watch, int status, int events)
{
    struct out_watch *out = CONTAINER_OF(watch, struct out_watch, watch);
    struct conn *conn = out->conn;
    if (!conn)
        return;
    bool left = status < 0 || (events & UV_DISCONNECT);
    poll_want(watch, 0);
    if (left || !conn_continue(conn))
        conn_kill(conn);
}

static struct out_watch *out_watch_create(struct conn *conn)
{
    int fd = fcntl(conn->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    struct out_watch *out = calloc(1, sizeof *out);
    if (!out)
        abort();
    out->server = conn->server;
    out->conn = conn;
    out->fd = fd;
    if (poll_open(conn->server->loop, &out->watch, fd, out_watch_ready, NULL)) {
        conn->server->handles++;
        return out;
    }
    (void)close(fd);
    free(out);
    return NULL;
}

/* Wait for room, if anything is left to write; and on a stream for the client's leaving. */
static bool conn_watch(struct conn *conn)
{
    if (!conn->out_watch)
        conn->out_watch = out_watch_create(conn);
    if (!conn->out_watch)
        return false;
    int mask = conn->stream ? UV_DISCONNECT : 0;
    if (conn->out_sent < conn->out_len)
        mask |= UV_WRITABLE;
    poll_want(&conn->out_watch->watch, mask);
    return true;
}

/* The last byte of the answer is with the kernel. */
static bool conn_sent(struct conn *conn)
{
    out_clear(conn);
    conn_unwatch(conn);
    if (conn->closing)
        return conn_end(conn);
    lws_rx_flow_control(conn->wsi, 1);
    if (lws_http_transaction_completed(conn->wsi))
        return false;
    conn->state = CONN_IDLE;
    conn->served = true;
    conn->deadline = clock_monotonic() + conn->server->limits.idle_time;
    return true;
}

static bool has_room(int fd)
{
    struct pollfd socket = {.fd = fd, .events = POLLOUT};
    return poll(&socket, 1, 0) == 1;
}

/* Write what the socket takes. A first small piece needs no asking. */
static bool conn_pump(struct conn *conn)
{
    while (conn->out_sent < conn->out_len) {
        size_t n = conn->out_len - conn->out_sent;
        bool surely = n <= PIECE && conn->out_sent == 0 && conn->state == CONN_ANSWERED;
        if (!surely && !has_room(conn->fd))
            return conn_watch(conn);
        if (n > PIECE)
            n = PIECE;
        unsigned char *from = conn->out + LWS_PRE + conn->out_sent;
        if (lws_write(conn->wsi, from, n, LWS_WRITE_HTTP) < 0)
            return false;
        conn->out_sent += n;
        if (lws_partial_buffered(conn->wsi)) {
            /* The kernel broke its word; libwebsockets now waits for it, and has to read. */
            lws_rx_flow_control(conn->wsi, 1);
            return true;
        }
    }
    return true;
}

static bool is_pumped(const struct conn *conn)
{
    return conn->out_sent == conn->out_len && !lws_partial_buffered(conn->wsi);
}

static bool conn_write(struct conn *conn)
{
    if (conn->server->draining || conn->not_tcp)
        conn->closing = true;
    if (conn->closing) {
        memcpy(conn->out + LWS_PRE + conn->out_connection, connection_close,
               sizeof connection_close - 1);
    }
    if (!conn_pump(conn))
        return false;
    if (is_pumped(conn))
        return conn_sent(conn);
    usec_t patience = (usec_t)conn->out_len * USEC_PER_SEC / SLOWEST_READER;
    conn->state = CONN_SENDING;
    conn->deadline = clock_monotonic() + conn->server->limits.body_time + patience;
    if (!lws_partial_buffered(conn->wsi))
        lws_rx_flow_control(conn->wsi, 0);
    return true;
}

/* Outside libwebsockets' callbacks: whether early bytes wait in its buffer. Reading goes on
 * first, because those of a connection that is not read from are not counted; nothing is
 * processed before we return to the loop. */
static bool has_early_bytes(struct conn *conn)
{
    lws_rx_flow_control(conn->wsi, 1);
    return lws_service_adjust_timeout(conn->server->lws, 1, 0) == 0;
}

/* With early bytes there is no way back to a quiet socket (libwebsockets asks for writability
 * and does not listen), so an answer that does not fit at once is not begun. */
static bool conn_answer(struct conn *conn)
{
    if (has_early_bytes(conn)) {
        conn->server->counts.refused_pipelined++;
        conn->closing = true;
        if (conn->out_len > PIECE)
            return conn_end(conn);
    }
    return conn_write(conn);
}

/* More room: go on with what is left. */
static bool conn_continue(struct conn *conn)
{
    if (conn->stream)
        return stream_turn(conn);
    return conn_pump(conn) && (!is_pumped(conn) || conn_sent(conn));
}

void conn_flush_ready(struct loop_task *task)
{
    struct http_server *server = CONTAINER_OF(task, struct http_server, flush);
    while (server->ready) {
        struct conn *conn = server->ready;
        conn_unready(conn);
        bool alive = conn->stream ? stream_turn(conn) : conn_answer(conn);
        if (!alive)
            conn_kill(conn);
    }
    server_settle(server);
}

void http_reply(struct http_exchange *exchange, int status, const char *content_type,
                struct str body, const char *const *headers)
{
    struct exchange *own = CONTAINER_OF(exchange, struct exchange, public);
    struct conn *conn = own->conn;
    if (conn) {
        conn->exchange = NULL;
        conn_set_answer(conn, status, content_type, body, headers);
        conn_make_ready(conn);
    }
    exchange_free(own);
}

/* The socket goes first; what is then written, as the server's order wants it, reaches nobody.
 */
void http_drop(struct http_exchange *exchange)
{
    struct exchange *own = CONTAINER_OF(exchange, struct exchange, public);
    if (own->conn)
        (void)shutdown(own->conn->fd, SHUT_RDWR);
    http_reply(exchange, 500, NULL, STR_NONE, NULL);
}

/* --- requests ---------------------------------------------------------------------------- */

/* Inside a callback. The rest of the request is not read, so the connection ends. */
static bool conn_refuse(struct conn *conn, int status)
{
    static const char *const retry[] = {"Retry-After: 1", NULL};
    conn->server->counts.refused_body += status == 413 || status == 503;
    conn->closing = true;
    conn->unread = true;
    conn_set_answer(conn, status, NULL, STR_NONE, status == 503 ? retry : NULL);
    return conn_write(conn);
}

/* Whether this request was already with libwebsockets when the last one ended. */
static bool conn_is_pipelined(struct conn *conn)
{
    uint64_t read = 0;
    if (!tcp_info_bytes_read(conn->fd, &read)) {
        conn->not_tcp = true;
        return conn->served;
    }
    bool early = conn->served && read == conn->read_at;
    return early;
}

static void conn_mark_read(struct conn *conn)
{
    if (!tcp_info_bytes_read(conn->fd, &conn->read_at))
        conn->not_tcp = true;
}

bool conn_is_quiet(const struct conn *conn)
{
    uint64_t read = 0;
    return conn->state == CONN_IDLE && conn->served && tcp_info_unread(conn->fd) == 0 &&
           tcp_info_bytes_read(conn->fd, &read) && read == conn->read_at;
}

/* Hands the request over. Reading stops until the answer has been written. */
static void conn_handle(struct conn *conn)
{
    struct http_server *server = conn->server;
    struct exchange *exchange = conn->exchange;
    conn->state = CONN_HANDLING;
    conn->deadline = 0;
    conn_mark_read(conn);
    lws_rx_flow_control(conn->wsi, 0);
    if (exchange->body)
        exchange->body[exchange->body_len] = '\0';
    exchange->public.body = (struct str){exchange->body, exchange->body_len};
    exchange->public.arrived = clock_monotonic();
    server->counts.requests++;
    server->handler->handle(server->handler, &exchange->public);
}

static bool conn_say_continue(struct conn *conn)
{
    static const char words[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned char out[LWS_PRE + sizeof words];
    memcpy(out + LWS_PRE, words, sizeof words - 1);
    return lws_write(conn->wsi, out + LWS_PRE, sizeof words - 1, LWS_WRITE_HTTP) >= 0;
}

bool conn_request(struct conn *conn, struct str path)
{
    struct http_server *server = conn->server;
    if (conn->state != CONN_IDLE)
        return false;
    if (conn_is_pipelined(conn)) {
        server->counts.refused_pipelined++;
        return false;
    }
    struct request_head head;
    int refusal = http_limits_check(conn->wsi, &server->limits, &head);
    conn->head_only = head.head_only;
    conn->closing = head.close;
    conn->unread = false;
    if (refusal)
        return conn_refuse(conn, refusal);
    conn->exchange = exchange_create(conn, &head, path);
    if (head.length == 0) {
        conn_handle(conn);
        return true;
    }
    conn->state = CONN_BODY;
    conn->deadline = clock_monotonic() + server->limits.body_time;
    return !head.expects_continue || conn_say_continue(conn);
}

bool conn_body(struct conn *conn, const void *bytes, size_t n)
{
    struct exchange *exchange = conn->exchange;
    if (conn->state != CONN_BODY || n == 0)
        return conn->state != CONN_DONE; /* else of a request that is being refused */
    if (n > exchange->body_want - exchange->body_len)
        return false;
    if (!exchange_make_room(exchange, exchange->body_len + n)) {
        conn->exchange = NULL;
        exchange_free(exchange);
        return conn_refuse(conn, 503);
    }
    memcpy(exchange->body + exchange->body_len, bytes, n);
    exchange->body_len += n;
    return true;
}

/* Comes again when more arrives (trap 3), for bodies that were refused, and for empty ones. */
bool conn_body_complete(struct conn *conn)
{
    if (conn->state == CONN_BODY && conn->exchange->body_len == conn->exchange->body_want)
        conn_handle(conn);
    return conn->state == CONN_HANDLING || conn->state == CONN_ANSWERED;
}

/* --- streams ----------------------------------------------------------------------------- */

static void stream_gone(struct loop_task *task)
{
    struct stream *stream = CONTAINER_OF(task, struct stream, gone_task);
    struct http_stream *public = stream->public;
    free(stream);
    public->internal = NULL;
    if (public->gone)
    public->gone(public);
}

static void stream_detach(struct http_server *server, struct stream *stream)
{
    stream->conn = NULL;
    loop_post(server->loop, &stream->gone_task, stream_gone);
}

void http_reply_stream(struct http_exchange *exchange, const char *content_type,
                       struct http_stream *stream)
{
    struct exchange *own = CONTAINER_OF(exchange, struct exchange, public);
    struct conn *conn = own->conn;
    struct stream *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->public = stream;
    stream->internal = made;
    if (!conn) {
        stream_detach(exchange->server, made);
        exchange_free(own);
        return;
    }
    out_clear(conn);
    put_head(conn, 200, content_type, NULL);
    put_text(conn, "Cache-Control: no-store\r\nConnection: close\r\n\r\n");
    made->conn = conn;
    made->closing = conn->head_only;
    conn->stream = made;
    conn->exchange = NULL;
    conn->closing = true;
    exchange_free(own);
    conn_make_ready(conn);
}

/* Write what there is, then wait for more, for room, or for the client to leave. */
static bool stream_turn(struct conn *conn)
{
    if (conn->state == CONN_ANSWERED) {
        if (has_early_bytes(conn))
            return false;
        lws_rx_flow_control(conn->wsi, 0);
        conn->state = CONN_STREAM;
    }
    if (lws_partial_buffered(conn->wsi))
        return conn->out_len - conn->out_sent <= STREAM_MAX;
    if (!conn_pump(conn))
        return false;
    if (is_pumped(conn)) {
        out_clear(conn);
        if (conn->stream->closing)
            return conn_end(conn);
    }
    return conn->out_len - conn->out_sent <= STREAM_MAX && conn_watch(conn);
}

/* Written when the turn ends, so that many small chunks are one write. */
static void stream_wake(struct stream *stream)
{
    struct conn *conn = stream->conn;
    if (conn->state == CONN_STREAM && !conn->ready) {
        conn->ready = true;
        conn->ready_next = conn->server->ready;
        conn->server->ready = conn;
        loop_post(conn->server->loop, &conn->server->flush, conn_flush_ready);
    }
}

void http_stream_write(struct http_stream *stream, struct str chunk)
{
    struct stream *own = stream->internal;
    if (!own || !own->conn || own->closing || chunk.len == 0)
        return;
    put(own->conn, chunk.at, chunk.len);
    stream_wake(own);
}

void http_stream_close(struct http_stream *stream)
{
    struct stream *own = stream->internal;
    if (!own || !own->conn)
        return;
    own->closing = true;
    stream_wake(own);
}

/* --- ends -------------------------------------------------------------------------------- */

/* Comes only after the kernel took less than it had promised, see conn_pump. */
bool conn_writable(struct conn *conn)
{
    bool waits = conn->state == CONN_SENDING || conn->state == CONN_STREAM;
    if (!waits || lws_partial_buffered(conn->wsi))
        return true;
    lws_rx_flow_control(conn->wsi, 0);
    return conn_continue(conn);
}

void conn_gone(struct conn *conn)
{
    struct http_server *server = conn->server;
    if (conn->state == CONN_HANDLING || conn->state == CONN_ANSWERED)
        server->counts.client_gone++;
    conn_unready(conn);
    conn_unwatch(conn);
    if (conn->exchange) {
        struct exchange *exchange = conn->exchange;
        conn->exchange = NULL;
        exchange->conn = NULL;
        if (conn->state == CONN_BODY)
            exchange_free(exchange);
    }
    if (conn->stream)
        stream_detach(server, conn->stream);
    conn->stream = NULL;
    conn->state = CONN_DEAD;
    conn->deadline = 0;
}

void conn_free(struct conn *conn)
{
    struct http_server *server = conn->server;
    conn_gone(conn);
    if (conn->prev) {
        conn->prev->next = conn->next;
    } else {
        server->conns = conn->next;
    }
    if (conn->next)
        conn->next->prev = conn->prev;
    server->counts.connections--;
    out_clear(conn);
    free(conn);
    server_settle(server);
}

/* Outside libwebsockets' callbacks. What was written but not taken by the socket is given up:
 * otherwise libwebsockets would go on waiting for the client. The connection may be freed. */
void conn_kill(struct conn *conn)
{
    struct lws *wsi = conn->wsi;
    if (!wsi || conn->state == CONN_DEAD)
        return;
    if (lws_partial_buffered(wsi))
        (void)shutdown(conn->fd, SHUT_RDWR);
    conn_gone(conn);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

/* True when the client has closed its side, too. */
static bool throw_away_input(int fd)
{
    char trash[16 << 10];
    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(fd, trash, sizeof trash, MSG_DONTWAIT);
        if (n == 0)
            return true;
        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
    }
    return false;
}

void conn_linger_on(struct http_server *server, usec_t now)
{
    struct linger_on **at = &server->lingering;
    while (*at) {
        struct linger_on *linger = *at;
        if (throw_away_input(linger->fd) || now >= linger->deadline) {
            *at = linger->next;
            (void)close(linger->fd);
            free(linger);
            server->n_lingering--;
        } else {
            at = &linger->next;
        }
    }
}

void conn_expire(struct conn *conn, usec_t now)
{
    if (conn->deadline == 0 || now < conn->deadline)
        return;
    if (conn->state != CONN_IDLE || !conn->served)
        conn->server->counts.refused_time++;
    conn_kill(conn);
}
