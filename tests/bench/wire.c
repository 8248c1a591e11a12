/*
 * Nothing here is general: both ends are ours or a service under test, on loopback. A send
 * nearly always fits into the kernel's buffer, so the copy is the exception.
 */
#include "tests/bench/wire.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM_FIRST ((size_t)8 << 10)
#define ROOM_MAX   ((size_t)4 << 20)

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool watch(int epoll, int fd, void *owner)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = owner};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool wire_listen(int epoll, void *owner, int *fd, int *port)
{
    struct sockaddr_in address = loopback(*port);
    socklen_t len = sizeof address;
    int on = 1;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return false;
    (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(*fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(*fd, 4096) != 0 ||
        getsockname(*fd, (struct sockaddr *)&address, &len) != 0)
        return false;
    *port = ntohs(address.sin_port);
    return watch(epoll, *fd, owner);
}

bool wire_adopt(struct wire *wire, int epoll, void *owner, int fd)
{
    int on = 1;

    wire->fd = fd;
    wire->epoll = epoll;
    wire->in_at = wire->in_len = 0;
    wire->out_at = wire->out_len = 0;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return watch(epoll, fd, owner);
}

bool wire_connect(struct wire *wire, int epoll, void *owner, int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        (void)close(fd);
        return false;
    }
    return wire_adopt(wire, epoll, owner, fd);
}

static bool make_room(char **bytes, size_t *room, size_t wanted)
{
    size_t wider = *room > 0 ? *room : ROOM_FIRST;

    if (wanted > ROOM_MAX)
        return false;
    while (wider < wanted)
        wider *= 2;
    if (wider == *room)
        return true;
    *bytes = realloc(*bytes, wider);
    if (*bytes == NULL)
        abort();
    *room = wider;
    return true;
}

bool wire_read(struct wire *wire)
{
    if (wire->in_at == wire->in_len)
        wire->in_at = wire->in_len = 0;
    for (;;) {
        if (wire->in_at > 0 && wire->in_len == wire->in_room) {
            memmove(wire->in, wire->in + wire->in_at, wire->in_len - wire->in_at);
            wire->in_len -= wire->in_at;
            wire->in_at = 0;
        }
        if (!make_room(&wire->in, &wire->in_room, wire->in_len + ROOM_FIRST / 4))
            return false;
        size_t room = wire->in_room - wire->in_len;
        ssize_t n = recv(wire->fd, wire->in + wire->in_len, room, 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return false;
        wire->in_len += (size_t)n;
        if ((size_t)n < room)
            return true; /* it had no more; what comes from now on is a new edge */
    }
}

/* The value of a header of a message, by its lower-case name; empty when it is not there. */
static struct str header_of(struct str head, struct str name)
{
    struct str rest = head, line;

    while (str_split(&rest, '\n', &line)) {
        if (line.len > name.len && line.at[name.len] == ':' &&
            strncasecmp(line.at, name.at, name.len) == 0)
            return str_trim(str_slice(line, name.len + 1, line.len));
    }
    return STR_NONE;
}

enum wire_state wire_take(struct wire *wire, struct wire_message *message)
{
    struct str left = {wire->in + wire->in_at, wire->in_len - wire->in_at};
    const char *end = left.len > 0 ? memmem(left.at, left.len, "\r\n\r\n", 4) : NULL;
    int64_t len = 0;

    if (end == NULL)
        return WIRE_MORE;
    message->head = str_slice(left, 0, (size_t)(end - left.at) + 4);
    struct str length = header_of(message->head, STR("content-length"));
    if (length.len > 0 && (!str_to_int(length, &len) || len < 0))
        return WIRE_BAD;
    if (length.len == 0 && header_of(message->head, STR("transfer-encoding")).len > 0)
        return WIRE_BAD;
    if (left.len < message->head.len + (size_t)len)
        return WIRE_MORE;
    message->body = str_slice(left, message->head.len, (size_t)len);
    wire->in_at += message->head.len + (size_t)len;
    return WIRE_WHOLE;
}

void wire_flush(struct wire *wire)
{
    while (wire->out_at < wire->out_len) {
        ssize_t n = send(wire->fd, wire->out + wire->out_at, wire->out_len - wire->out_at,
                         MSG_NOSIGNAL);
        if (n <= 0)
            return;
        wire->out_at += (size_t)n;
    }
    wire->out_at = wire->out_len = 0;
}

void wire_write(struct wire *wire, const char *bytes, size_t len)
{
    ssize_t n = 0;

    if (wire->out_len == wire->out_at)
        n = send(wire->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0)
        n = 0;
    if ((size_t)n == len)
        return;
    if (!make_room(&wire->out, &wire->out_room, wire->out_len + len - (size_t)n))
        return;
    memcpy(wire->out + wire->out_len, bytes + n, len - (size_t)n);
    wire->out_len += len - (size_t)n;
}

void wire_close(struct wire *wire)
{
    if (wire->fd >= 0)
        (void)close(wire->fd);
    wire->fd = -1;
}
