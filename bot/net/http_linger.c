/*
 * Sockets whose connection has said all while the client still sends.
 */
#include "bot/net/http_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_TIME  (2 * USEC_PER_SEC)
#define LINGER_SHARE 4 /* of so many connections one may linger; it keeps no other out */

/*
 * Said all. Closing while the client still sends makes the kernel answer with a reset, which
 * may overtake the answer. So a second descriptor of the socket outlives the connection for a
 * while, and what comes is thrown away. libwebsockets has no part in this: with reading off and
 * bytes in its buffer it would be woken for ever.
 */
void conn_linger(struct conn *conn)
{
    struct http_server *server = conn->server;
    if (server->n_lingering > server->limits.connections / LINGER_SHARE)
        return;
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
