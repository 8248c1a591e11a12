/*
 * Answers on their way into the socket.
 *
 * They are written when the turn of the loop ends and not from the writable callback: that
 * callback does not come while reading is off (trap 4), and with reading on a client that sends
 * more, or closes its side, makes libwebsockets spin. What the socket does not take at once is
 * written in pieces that fit, whenever a watch of our own says that there is room.
 */
#include "bot/net/http_inside.h"

#include "bot/net/tcp_info.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE          8192  /* fits into any send buffer that says it is writable */
#define SLOWEST_READER 20000 /* bytes a second that a client must take of an answer */

void conn_unready(struct conn *conn)
{
    if (!conn->ready)
        return;
    struct conn **at = &conn->server->ready;
    while (*at != conn)
        at = &(*at)->ready_next;
    *at = conn->ready_next;
    conn->ready = false;
}

void conn_make_ready(struct conn *conn)
{
    struct http_server *server = conn->server;
    conn->state = CONN_ANSWERED;
    conn->ready = true;
    conn->ready_next = server->ready;
    server->ready = conn;
    loop_post(server->loop, &server->flush, conn_flush_ready);
}

bool conn_end(struct conn *conn)
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

void conn_unwatch(struct conn *conn)
{
    if (!conn->out_watch)
        return;
    conn->out_watch->conn = NULL;
    poll_close(&conn->out_watch->watch, out_watch_closed);
    conn->out_watch = NULL;
}

static bool conn_continue(struct conn *conn);

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

bool conn_watch(struct conn *conn)
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
    crowd_moved(conn);
    conn->deadline = clock_monotonic() + conn->server->limits.idle_time;
    return true;
}

static bool has_room(int fd)
{
    struct pollfd socket = {.fd = fd, .events = POLLOUT};
    return poll(&socket, 1, 0) == 1;
}

/* A first small piece needs no asking. */
bool conn_pump(struct conn *conn)
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

bool conn_is_pumped(const struct conn *conn)
{
    return conn->out_sent == conn->out_len && !lws_partial_buffered(conn->wsi);
}

bool conn_write(struct conn *conn)
{
    if (conn->server->draining || conn->not_tcp)
        conn->closing = true;
    if (conn->closing)
        out_close(conn);
    if (!conn_pump(conn))
        return false;
    if (conn_is_pumped(conn))
        return conn_sent(conn);
    usec_t patience = (usec_t)conn->out_len * USEC_PER_SEC / SLOWEST_READER;
    conn->state = CONN_SENDING;
    conn->deadline = clock_monotonic() + conn->server->limits.body_time + patience;
    if (!lws_partial_buffered(conn->wsi))
        lws_rx_flow_control(conn->wsi, 0);
    return true;
}

/* Reading goes on first, because those of a connection that is not read from are not counted;
 * nothing is processed before we return to the loop. */
bool conn_has_early_bytes(struct conn *conn)
{
    lws_rx_flow_control(conn->wsi, 1);
    return lws_service_adjust_timeout(conn->server->lws, 1, 0) == 0;
}

/* With early bytes there is no way back to a quiet socket (libwebsockets asks for writability
 * and does not listen), so an answer that does not fit at once is not begun. */
static bool conn_answer(struct conn *conn)
{
    if (conn_has_early_bytes(conn)) {
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
        return conn_stream_turn(conn);
    return conn_pump(conn) && (!conn_is_pumped(conn) || conn_sent(conn));
}

void conn_flush_ready(struct loop_task *task)
{
    struct http_server *server = CONTAINER_OF(task, struct http_server, flush);
    while (server->ready) {
        struct conn *conn = server->ready;
        conn_unready(conn);
        bool alive = conn->stream ? conn_stream_turn(conn) : conn_answer(conn);
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
        out_answer(conn, status, content_type, body, headers);
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

/* Comes only after the kernel took less than it had promised, see conn_pump. */
bool conn_writable(struct conn *conn)
{
    bool waits = conn->state == CONN_SENDING || conn->state == CONN_STREAM;
    if (!waits || lws_partial_buffered(conn->wsi))
        return true;
    lws_rx_flow_control(conn->wsi, 0);
    return conn_continue(conn);
}
