/*
 * One connection's life: a request is collected, handled and answered; then the next.
 *
 * Nothing is read from the socket while a request is handled (trap 3), so whatever a client
 * sends too early waits in the kernel, or, if it came in the same segment as the request, in
 * libwebsockets' buffer. From that buffer a second request must never start: version 4.1 spins
 * for ever on it (trap 1). So when an answer is written we ask whether anything lies there, and
 * if so this answer is the connection's last, and says so. `conn_request` checks once more, by
 * the kernel's byte counter.
 */
#include "bot/net/http_inside.h"

#include "bot/net/tcp_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* --- requests ---------------------------------------------------------------------------- */

static const char *const retry_after[] = {"Retry-After: 1", NULL};

/* Inside a callback. The rest of the request is not read, so the connection ends. */
static bool conn_refuse(struct conn *conn, int status, size_t most)
{
    struct str body = STR_NONE;
    char text[96];

    if (status == 413 && most > 0) {
        body.at = text;
        body.len = (size_t)snprintf(
            text, sizeof text,
            "{\"error\":{\"code\":\"too_large\",\"message\":\"at most %zu bytes\"}}", most);
    }
    conn->server->counts.refused_body += status == 413 || status == 503;
    conn->closing = true;
    conn->unread = true;
    out_answer(conn, status, body.len > 0 ? "application/json" : NULL, body,
               status == 503 ? retry_after : NULL);
    return conn_write(conn);
}

/* The same, when its exchange has begun. */
static bool conn_turn_away(struct conn *conn, int status)
{
    struct exchange *exchange = conn->exchange;

    conn->exchange = NULL;
    exchange_free(exchange);
    return conn_refuse(conn, status, 0);
}

/* Bytes kept, for so long: what makes a body costly to all others. */
static uint64_t cost_of(const struct exchange *exchange, size_t room, usec_t now)
{
    return (uint64_t)room * (uint64_t)((now - exchange->began) / USEC_PER_MSEC + 1);
}

bool conn_make_way(struct exchange *exchange, size_t room)
{
    struct http_server *server = exchange->public.server;
    usec_t now = clock_monotonic();
    uint64_t most = cost_of(exchange, room, now);
    struct exchange *costliest = NULL;

    if (exchange_is_large(exchange) && !exchange->known)
        return false;

    for (struct conn *conn = server->conns; conn; conn = conn->next) {
        struct exchange *other = conn->exchange;
        if (conn->state != CONN_BODY || other == exchange || other->body_room == 0 ||
            other->known)
            continue;
        uint64_t cost = cost_of(other, other->body_room, now);
        if (cost > most || (!costliest && exchange->known && exchange_is_large(other))) {
            costliest = other;
            most = cost;
        }
    }
    if (!costliest)
        return false;
    server->counts.refused_body++;
    costliest->conn->closing = true;
    costliest->conn->unread = true;
    costliest->conn->deadline = 0;
    http_reply(&costliest->public, 503, NULL, STR_NONE, retry_after);
    return true;
}

/* Whether this request was already with libwebsockets when the last one ended. */
static bool conn_is_pipelined(struct conn *conn)
{
    uint64_t read = 0;
    if (!tcp_info_bytes_read(conn->fd, &read)) {
        conn->not_tcp = true;
        return conn->served;
    }
    return conn->served && read == conn->read_at;
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
    /* A body of no bytes is one all the same: to keep it as "none" would be a NULL in the
     * store. */
    exchange->public.body =
        exchange->body ? (struct str){exchange->body, exchange->body_len} : STR("");
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
    int refusal = http_limits_check(conn->wsi, &server->limits, path, &head);
    conn->head_only = head.head_only;
    conn->old = head.old;
    conn->closing = head.close;
    conn->unread = false;
    if (refusal)
        return conn_refuse(conn, refusal, head.most);
    crowd_moved(conn);
    conn->exchange = exchange_create(conn, &head, path);
    if (head.shows) {
        conn->exchange->known = head.shows(server->handler, &conn->exchange->public);
        if (!conn->exchange->known)
            return conn_turn_away(conn, 401);
    }
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
    if (!exchange_make_room(exchange, exchange->body_len + n))
        return conn_turn_away(conn, 503);
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
    crowd_leave(conn);
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

void conn_expire(struct conn *conn, usec_t now)
{
    if (conn->deadline == 0 || now < conn->deadline)
        return;
    if (conn->state != CONN_IDLE || !conn->served)
        conn->server->counts.refused_time++;
    conn_kill(conn);
}
