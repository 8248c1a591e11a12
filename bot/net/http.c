/*
 * The server's life: it accepts, sweeps for deadlines, drains and ends.
 *
 * One timer looks over all connections a few times within the shortest deadline. That is
 * cheaper than a timer each, and libwebsockets' own timers neither bound a body that drips
 * (trap 9) nor fire reliably when armed from outside (trap 5).
 *
 * The server is freed when the last of four things has gone: the connections (libwebsockets
 * closes them over several turns), the exchanges that handlers still hold, libuv's handles, and
 * the caller's interest.
 */
#include "bot/net/http_inside.h"

#include "bot/loop/log.h"
#include "bot/net/tcp_info.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_AT_ONCE 64
#define SWEEP_MIN       (5 * USEC_PER_MSEC)
#define SWEEP_MAX       (250 * USEC_PER_MSEC)

static void sweep(struct timer *timer);

static usec_t sweep_interval(const struct http_server *server)
{
    usec_t least = server->limits.header_time;
    if (server->limits.body_time < least)
        least = server->limits.body_time;
    if (server->limits.idle_time < least)
        least = server->limits.idle_time;
    usec_t interval = least / 8;
    if (interval < SWEEP_MIN)
        return SWEEP_MIN;
    return interval > SWEEP_MAX ? SWEEP_MAX : interval;
}

static void sweep_later(struct http_server *server)
{
    if (!server->sweep.armed && !server->destroyed)
        timer_start(server->loop, &server->sweep, sweep_interval(server), sweep);
}

static void listeners_want(struct http_server *server, int mask)
{
    for (unsigned i = 0; i < server->n_listeners; i++)
        poll_want(&server->listeners[i].watch, mask);
}

static void sweep(struct timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, sweep);
    usec_t now = clock_monotonic();
    struct conn *next = NULL;
    for (struct conn *conn = server->conns; conn; conn = next) {
        next = conn->next;
        conn_expire(conn, now);
    }
    conn_linger_on(server, now);
    if (server->accept_paused && !server->draining) {
        server->accept_paused = false;
        listeners_want(server, UV_READABLE);
    }
    if (server->conns || server->lingering || server->accept_paused)
        sweep_later(server);
    server_settle(server);
}

/* --- accepting --------------------------------------------------------------------------- */

static void adopt(struct http_server *server, int fd)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        abort();
    conn->server = server;
    conn->fd = fd;
    conn->deadline = clock_monotonic() + server->limits.header_time;
    crowd_join(conn);
    server->counts.connections++;
    int on = 1; /* fails on a unix socket, which needs none */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sweep_later(server);
    http_lws_adopt(server, conn);
}

/* Out of descriptors the socket stays readable and we would spin: look again a little later. */
static void accept_failed(struct http_server *server, int reason)
{
    if (reason != EMFILE && reason != ENFILE && reason != ENOBUFS && reason != ENOMEM)
        return;
    log_event(LOG_ALERT, "http.accept_failed", LOG_C("error", strerrorname_np(reason)));
    server->accept_paused = true;
    listeners_want(server, 0);
    sweep_later(server);
}

static void listener_ready(struct poll_watch *watch, int status, int events)
{
    struct listener *listener = CONTAINER_OF(watch, struct listener, watch);
    struct http_server *server = listener->server;
    (void)events;
    if (status < 0) {
        log_event(LOG_ALERT, "http.listener_failed", LOG_C("error", uv_err_name(status)));
        return;
    }
    for (int i = 0; i < ACCEPTS_AT_ONCE && !server->draining; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            accept_failed(server, errno);
            return;
        }
        if (server->counts.connections < server->limits.connections || crowd_make_way(server)) {
            adopt(server, fd);
        } else {
            server->counts.refused_connections++;
            (void)close(fd);
        }
    }
}

bool http_server_listen(struct http_server *server, int fd, struct err *err)
{
    if (server->n_listeners == LISTENERS_MAX)
        return err_raise(err, ERR_REJECT, "no more than %d listening sockets", LISTENERS_MAX);
    struct listener *listener = &server->listeners[server->n_listeners];
    listener->server = server;
    listener->fd = fd;
    if (!poll_open(server->loop, &listener->watch, fd, listener_ready, err))
        return err_wrap(err, "http listener");
    server->n_listeners++;
    server->handles++;
    poll_want(&listener->watch, UV_READABLE);
    return true;
}

static void listener_closed(struct poll_watch *watch)
{
    struct http_server *server = CONTAINER_OF(watch, struct listener, watch)->server;
    server->handles--;
    server_settle(server);
}

static void stop_listening(struct http_server *server)
{
    for (unsigned i = 0; i < server->n_listeners; i++) {
        if (server->listeners[i].watch.open)
            poll_close(&server->listeners[i].watch, listener_closed);
    }
}

/* --- life -------------------------------------------------------------------------------- */

static void timer_gone(struct timer *timer)
{
    struct http_server *server = CONTAINER_OF(timer, struct http_server, sweep);
    server->handles--;
    server_settle(server);
}

bool http_server_create(struct loop *loop, const struct http_server_options *options,
                        struct http_handler *handler, struct http_server **server,
                        struct err *err)
{
    struct http_server *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->loop = loop;
    made->limits = options->limits;
    made->handler = handler;
    made->handles = 1;
    timer_start(loop, &made->sweep, SWEEP_MAX, sweep);
    if (!http_lws_create(made, options, err)) {
        http_server_destroy(made);
        return err_wrap(err, "http server");
    }
    *server = made;
    return true;
}

void http_server_counts(const struct http_server *server, struct http_counts *counts)
{
    *counts = server->counts;
}

static bool conn_is_busy(const struct conn *conn)
{
    return conn->state != CONN_DEAD && conn->state != CONN_DONE;
}

static void run_drained(struct loop_task *task)
{
    struct http_server *server = CONTAINER_OF(task, struct http_server, drained_task);
    void (*drained)(struct http_server *) = server->drained;
    server->drained = NULL;
    if (drained)
        drained(server);
}

static bool is_drained(const struct http_server *server)
{
    if (server->counts.in_flight > 0)
        return false;
    for (const struct conn *conn = server->conns; conn; conn = conn->next) {
        if (conn_is_busy(conn))
            return false;
    }
    return true;
}

void server_settle(struct http_server *server)
{
    if (server->draining && server->drained && is_drained(server))
        loop_post(server->loop, &server->drained_task, run_drained);
    bool ended = server->destroyed && !server->lws && !server->handles;
    if (!ended || server->conns || server->counts.in_flight)
        return;
    loop_unpost(server->loop, &server->drained_task);
    loop_unpost(server->loop, &server->flush);
    free(server);
}

/* Those that have said nothing since their last answer are closed at once; others get to finish
 * what they may be saying, within the deadlines. */
static void end_idle(struct http_server *server)
{
    struct conn *next = NULL;
    for (struct conn *conn = server->conns; conn; conn = next) {
        next = conn->next;
        if (conn->stream) {
            stream_break(conn->stream);
        } else if (conn_is_quiet(conn)) {
            conn_kill(conn);
        }
    }
}

void http_server_drain(struct http_server *server, void (*drained)(struct http_server *server))
{
    server->draining = true;
    server->drained = drained;
    stop_listening(server);
    end_idle(server);
    server_settle(server);
}

void http_server_destroy(struct http_server *server)
{
    if (!server)
        return;
    server->draining = true;
    server->drained = NULL;
    server->handles++; /* so that it outlives this function */
    server->destroyed = true;
    stop_listening(server);
    timer_close(&server->sweep, timer_gone);
    struct conn *next = NULL;
    for (struct conn *conn = server->conns; conn; conn = next) {
        next = conn->next;
        conn_kill(conn);
    }
    conn_linger_on(server, INT64_MAX);
    http_lws_destroy(server);
    server->handles--;
    server_settle(server);
}
