/*
 * One HTTP/1.1 connection of the bench: not blocking, on epoll with edges, whole messages in
 * and out. As light as it can be, and strict: a message has a Content-Length or no body.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/str.h"

#include <netinet/in.h>

struct wire {
    int fd; /* -1: closed */
    int epoll;
    char *in; /* what was read, from `in_at` on not yet taken */
    size_t in_at, in_len, in_room;
    char *out; /* what the kernel did not take yet */
    size_t out_at, out_len, out_room;
};

struct wire_message {
    struct str head; /* request or status line and headers, with the empty line */
    struct str body;
};

enum wire_state {
    WIRE_WHOLE, /* a message was taken */
    WIRE_MORE,  /* not all of it is there */
    WIRE_BAD,   /* nothing that we can read: close it */
};

/* A listening socket on loopback (port 0: any; the one it got is written back). Edge-triggered
 * too, so accept until there is nothing more. False: errno says why. */
MUST_USE bool wire_listen(int epoll, void *owner, int *fd, int *port);

/* Connect to loopback, or adopt what `accept4` gave; epoll's data.ptr will be `owner`. The
 * storage's buffers are used again when it was open before. False: errno says why. */
MUST_USE bool wire_connect(struct wire *wire, int epoll, void *owner, int port);
MUST_USE bool wire_adopt(struct wire *wire, int epoll, void *owner, int fd);

/* Read all that there is. False: the peer has closed it, or it broke. */
MUST_USE bool wire_read(struct wire *wire);

/* The next message that was read; its texts are borrowed until the next wire_read. */
enum wire_state wire_take(struct wire *wire, struct wire_message *message);

/* Send, keeping what the kernel does not take; wire_flush tries again. An error shows when it
 * is read. */
void wire_write(struct wire *wire, const char *bytes, size_t len);
void wire_flush(struct wire *wire);

void wire_close(struct wire *wire);
