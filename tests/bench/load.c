/*
 * A load generator: N keep-alive connections, each sending its next request when the answer to
 * the last has come (a closed loop), from one thread on epoll. It costs the machine a few
 * microseconds a request, so that it does not become what is measured.
 *
 *     load --port 8080 --path /webhooks/x [--host 127.0.0.1] [--connections 64] [--seconds 5]
 *          [--body FILE] [--header 'Name: value']...
 *
 * With a body it sends POST, else GET. One line of JSON comes out. An answer must have a
 * Content-Length. Any other status than 2xx counts as refused; a connection that ends is opened
 * again and counted as broken.
 */
#include "bot/base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define HEADERS_MAX     32
#define ANSWER_MAX      (256 << 10)

struct options {
    const char *host;
    int port;
    const char *path;
    const char *body_file;
    const char *headers[HEADERS_MAX];
    int n_headers;
    int connections;
    double seconds;
};

struct link {
    int fd;
    size_t sent; /* of the request */
    usec_t began;
    char *answer;
    size_t len;
};

struct load {
    struct options options;
    struct sockaddr_in address;
    char *request;
    size_t request_len;
    int epoll;
    struct link links[CONNECTIONS_MAX];
    uint32_t *times; /* microseconds of each request */
    size_t n_times;
    size_t room;
    size_t refused;
    size_t broken;
};

static struct load load;

static usec_t now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (usec_t)time.tv_sec * USEC_PER_SEC + time.tv_nsec / 1000;
}

static _Noreturn void give_up(const char *what)
{
    (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno)); /* NOLINT: one thread */
    exit(1);                                                        /* NOLINT */
}

/* --- one connection ------------------------------------------------------------------------
 */

static void link_send(struct link *link)
{
    while (link->sent < load.request_len) {
        ssize_t n = send(link->fd, load.request + link->sent, load.request_len - link->sent,
                         MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the rest when it is writable, or the end when it is read */
        link->sent += (size_t)n;
    }
}

static void link_begin(struct link *link)
{
    link->sent = 0;
    link->len = 0;
    link->began = now();
    link_send(link);
}

static void link_open(struct link *link)
{
    int on = 1;
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0)
        give_up("socket");
    if (connect(link->fd, (struct sockaddr *)&load.address, sizeof load.address) != 0)
        give_up("connect");
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)fcntl(link->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = link};
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, link->fd, &event) != 0)
        give_up("epoll_ctl");
    link_begin(link);
}

static void note_time(usec_t took)
{
    if (load.n_times == load.room) {
        load.room = load.room ? 2 * load.room : 1 << 20;
        load.times = realloc(load.times, load.room * sizeof *load.times);
        if (!load.times)
            give_up("memory");
    }
    load.times[load.n_times++] = (uint32_t)took;
}

/* Whether the whole answer has come. */
static bool answer_is_whole(const struct link *link)
{
    const char *end = memmem(link->answer, link->len, "\r\n\r\n", 4);
    if (!end)
        return false;
    size_t head = (size_t)(end - link->answer) + 4;
    const char *length = memmem(link->answer, head, "Content-Length: ", 16);
    if (!length)
        length = memmem(link->answer, head, "content-length: ", 16);
    return !length || link->len >= head + strtoul(length + 16, NULL, 10);
}

static void link_reopen(struct link *link)
{
    load.broken++;
    (void)close(link->fd);
    link_open(link);
}

static void link_read(struct link *link)
{
    for (;;) {
        ssize_t n = recv(link->fd, link->answer + link->len, ANSWER_MAX - link->len, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            link_reopen(link);
            return;
        }
        link->len += (size_t)n;
        if (!answer_is_whole(link))
            continue;
        note_time(now() - link->began);
        if (link->len < 10 || link->answer[9] != '2')
            load.refused++;
        link_begin(link);
    }
}

/* --- the run -------------------------------------------------------------------------------
 */

static void run_for(double seconds)
{
    struct epoll_event events[256];
    usec_t until = now() + (usec_t)(seconds * (double)USEC_PER_SEC);
    while (now() < until) {
        int n = epoll_wait(load.epoll, events, COUNTOF(events), 100);
        for (int i = 0; i < n; i++) {
            struct link *link = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                link_send(link);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                link_read(link);
        }
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double percentile(double part)
{
    if (load.n_times == 0)
        return 0;
    size_t at = (size_t)(part * (double)(load.n_times - 1));
    return (double)load.times[at] / 1000;
}

static void report(double seconds)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(load.times, load.n_times, sizeof *load.times, compare);
    (void)printf("{\"requests\":%zu,\"seconds\":%.3f,\"per_s\":%.0f,\"p50_ms\":%.3f,"
                 "\"p99_ms\":%.3f,\"max_ms\":%.3f,\"refused\":%zu,\"broken\":%zu,"
                 "\"connections\":%d,\"generator_cpu_s\":%.3f}\n",
                 load.n_times, seconds, (double)load.n_times / seconds, percentile(0.5),
                 percentile(0.99), percentile(1), load.refused, load.broken,
                 load.options.connections, cpu);
}

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        give_up(path);
    char *bytes = malloc(4 << 20);
    if (!bytes)
        give_up("memory");
    *len = fread(bytes, 1, 4 << 20, file);
    (void)fclose(file);
    return bytes;
}

static void make_request(void)
{
    const struct options *options = &load.options;
    size_t body_len = 0;
    char *body = options->body_file ? read_file(options->body_file, &body_len) : NULL;
    FILE *out = open_memstream(&load.request, &load.request_len);
    if (!out)
        give_up("memory");
    (void)fprintf(out, "%s %s HTTP/1.1\r\nHost: %s:%d\r\n", body ? "POST" : "GET",
                  options->path, options->host, options->port);
    for (int i = 0; i < options->n_headers; i++)
        (void)fprintf(out, "%s\r\n", options->headers[i]);
    if (body)
        (void)fprintf(out, "Content-Length: %zu\r\n", body_len);
    (void)fputs("\r\n", out);
    if (body)
        (void)fwrite(body, 1, body_len, out);
    (void)fclose(out);
    free(body);
}

static bool read_option(struct options *options, const char *name, const char *value)
{
    if (strcmp(name, "--host") == 0) {
        options->host = value;
    } else if (strcmp(name, "--port") == 0) {
        options->port = (int)strtol(value, NULL, 10);
    } else if (strcmp(name, "--path") == 0) {
        options->path = value;
    } else if (strcmp(name, "--body") == 0) {
        options->body_file = value;
    } else if (strcmp(name, "--connections") == 0) {
        options->connections = (int)strtol(value, NULL, 10);
    } else if (strcmp(name, "--seconds") == 0) {
        options->seconds = strtod(value, NULL);
    } else if (strcmp(name, "--header") == 0 && options->n_headers < HEADERS_MAX) {
        options->headers[options->n_headers++] = value;
    } else {
        return false;
    }
    return true;
}

static bool read_options(struct options *options, int argc, char **argv)
{
    *options =
        (struct options){.host = "127.0.0.1", .path = "/", .connections = 64, .seconds = 5};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || !read_option(options, argv[i], argv[i + 1]))
            return false;
    }
    return options->port > 0 && options->connections > 0 &&
           options->connections <= CONNECTIONS_MAX;
}

int main(int argc, char **argv)
{
    if (!read_options(&load.options, argc, argv)) {
        (void)fputs("usage: load --port N --path /x [--host A] [--connections N] [--seconds S] "
                    "[--body FILE] [--header 'Name: value']...\n",
                    stderr);
        return 2;
    }
    load.address = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)load.options.port)};
    if (inet_pton(AF_INET, load.options.host, &load.address.sin_addr) != 1)
        give_up("host");
    make_request();
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < load.options.connections; i++) {
        load.links[i].answer = malloc(ANSWER_MAX);
        if (!load.links[i].answer)
            give_up("memory");
        link_open(&load.links[i]);
    }
    usec_t began = now();
    run_for(load.options.seconds);
    report((double)(now() - began) / (double)USEC_PER_SEC);
    for (int i = 0; i < load.options.connections; i++) {
        (void)close(load.links[i].fd);
        free(load.links[i].answer);
    }
    free(load.request);
    free(load.times);
    return 0;
}
