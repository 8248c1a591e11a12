/*
 * The connections that are open, in the order of what they last did: were accepted, completed a
 * request's headers, or were answered. Over the cap the one that has waited the longest makes
 * way. Idle ones cost a stranger nothing: to refuse whoever comes next would let a few thousand
 * of them keep every provider out.
 */
#include "bot/net/http_inside.h"

#include "bot/net/tcp_info.h"

/* Bytes a second: a body that comes as fast makes way for nobody. */
#define SLOWEST_BODY 20000

void crowd_join(struct conn *conn)
{
    struct http_server *server = conn->server;

    conn->prev = NULL;
    conn->next = server->conns;
    if (conn->next) {
        conn->next->prev = conn;
    } else {
        server->last_conn = conn;
    }
    server->conns = conn;
}

void crowd_leave(struct conn *conn)
{
    struct http_server *server = conn->server;

    if (conn->prev) {
        conn->prev->next = conn->next;
    } else {
        server->conns = conn->next;
    }
    if (conn->next) {
        conn->next->prev = conn->prev;
    } else {
        server->last_conn = conn->prev;
    }
}

void crowd_moved(struct conn *conn)
{
    crowd_leave(conn);
    crowd_join(conn);
}

static bool is_slow(const struct conn *conn, usec_t now)
{
    const struct exchange *exchange = conn->exchange;
    uint64_t bytes = exchange->body_len + tcp_info_unread(conn->fd);

    return bytes * USEC_PER_SEC < (uint64_t)(now - exchange->began) * SLOWEST_BODY;
}

/* Bytes that lie in the kernel may be the very request that it was kept open for. */
static bool only_waits(const struct conn *conn, usec_t now)
{
    if (conn->wsi == NULL)
        return false;
    return (conn->state == CONN_IDLE && tcp_info_unread(conn->fd) == 0) ||
           (conn->state == CONN_BODY && is_slow(conn, now));
}

bool crowd_make_way(struct http_server *server)
{
    usec_t now = clock_monotonic();

    for (struct conn *conn = server->last_conn; conn; conn = conn->prev) {
        if (only_waits(conn, now)) {
            server->counts.made_way++;
            conn_kill(conn);
            return true;
        }
    }
    return false;
}
