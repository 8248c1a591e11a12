/*
 * A service that does nothing: each delivery is answered 200 and replied to at once, without
 * looking at signature or database. What `play` reaches against it is play's own ceiling.
 *
 *     mirror --port 8081 --graph 9090 [--size N] [--lose N] [--double N] [--swap N]
 *
 * A reply has at least `size` bytes, as those of a service have that offers lists.
 *
 * To try `play` itself it can be as bad as a service may be: every Nth reply is lost, or sent
 * twice, or carries a number that should have come long before.
 */
#include "tests/bench/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signal.h>
#include <sys/socket.h>

#define SIZE_LIMIT 4096
#define SENDERS    64 /* connections to the Graph API; requests may wait in each */

struct end {
    enum { END_LISTEN, END_SERVED, END_SENDER } kind;
    struct wire wire;
};

static struct {
    int epoll, port, graph;
    long size, lose, twice, swap, replies;
    struct end listener, senders[SENDERS];
    unsigned next;
} mirror;

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "mirror: %s: %s\n", what, strerror(errno)); /* NOLINT: one thread */
    exit(2);                                                          /* NOLINT */
}

static void send_reply(struct str from, long seq)
{
    static char body[SIZE_LIMIT], text[SIZE_LIMIT + 512];
    struct end *sender = &mirror.senders[mirror.next++ % SENDERS];
    int len = snprintf(body, sizeof body,
                       "{\"messaging_product\":\"whatsapp\",\"to\":\"%.*s\",\"type\":\"text\","
                       "\"text\":{\"body\":\"At your service.%*s\"},"
                       "\"biz_opaque_callback_data\":\"p1.mirror.%ld\"}",
                       STR_ARG(from), (int)mirror.size, "", seq);
    int n = snprintf(text, sizeof text,
                     "POST /v26.0/1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                     len, body);

    if (sender->wire.fd < 0 && !wire_connect(&sender->wire, mirror.epoll, sender, mirror.graph))
        give_up("connect");
    wire_write(&sender->wire, text, (size_t)n);
}

static bool is_nth(long n)
{
    return n > 0 && mirror.replies % n == 0;
}

static void reply_to(struct str from)
{
    mirror.replies++;
    if (is_nth(mirror.lose))
        return;
    send_reply(from, is_nth(mirror.swap) ? 0 : mirror.replies);
    if (is_nth(mirror.twice))
        send_reply(from, mirror.replies);
}

static void take_delivery(struct end *end, const struct wire_message *request)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct str mark = STR("\"from\":\"");
    struct str rest = str_slice(request->body, str_find(request->body, mark), SIZE_MAX);

    wire_write(&end->wire, ok, sizeof ok - 1);
    if (rest.len <= mark.len)
        return;
    rest = str_slice(rest, mark.len, SIZE_MAX);
    reply_to(str_slice(rest, 0, str_find(rest, STR("\""))));
}

static void end_event(struct end *end, uint32_t events)
{
    struct wire_message message;
    bool open = true;

    if (events & EPOLLOUT)
        wire_flush(&end->wire);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        open = wire_read(&end->wire);
    while (wire_take(&end->wire, &message) == WIRE_WHOLE) {
        if (end->kind == END_SERVED)
            take_delivery(end, &message);
    }
    if (open)
        return;
    wire_close(&end->wire);
    if (end->kind == END_SENDER)
        return; /* opened again when it is needed */
    free(end->wire.in);
    free(end->wire.out);
    free(end);
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(mirror.listener.wire.fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct end *end = calloc(1, sizeof *end);
        if (end == NULL)
            give_up("memory");
        end->kind = END_SERVED;
        if (!wire_adopt(&end->wire, mirror.epoll, end, fd))
            give_up("epoll");
    }
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        long number = strtol(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--port") == 0) {
            mirror.port = (int)number;
        } else if (strcmp(argv[i], "--graph") == 0) {
            mirror.graph = (int)number;
        } else if (strcmp(argv[i], "--size") == 0 && number >= 0 && number < SIZE_LIMIT - 512) {
            mirror.size = number;
        } else if (strcmp(argv[i], "--lose") == 0) {
            mirror.lose = number;
        } else if (strcmp(argv[i], "--double") == 0) {
            mirror.twice = number;
        } else if (strcmp(argv[i], "--swap") == 0) {
            mirror.swap = number;
        } else {
            return false;
        }
    }
    return mirror.port > 0 && mirror.graph > 0;
}

int main(int argc, char **argv)
{
    struct epoll_event events[512];

    if (!read_options(argc, argv)) {
        (void)fputs(
            "usage: mirror --port N --graph N [--size N] [--lose N] [--double N] [--swap N]\n",
            stderr);
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* it serves until its run ends */
    mirror.epoll = epoll_create1(EPOLL_CLOEXEC);
    mirror.listener.kind = END_LISTEN;
    for (unsigned i = 0; i < SENDERS; i++)
        mirror.senders[i] = (struct end){.kind = END_SENDER, .wire.fd = -1};
    if (!wire_listen(mirror.epoll, &mirror.listener, &mirror.listener.wire.fd, &mirror.port))
        give_up("listen");
    for (;;) {
        int n = epoll_wait(mirror.epoll, events, COUNTOF(events), -1);
        for (int i = 0; i < n; i++) {
            struct end *end = events[i].data.ptr;
            if (end->kind == END_LISTEN) {
                accept_all();
            } else {
                end_event(end, events[i].events);
            }
        }
    }
}
