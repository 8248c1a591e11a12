/*
 * The server against clients that do not play by the rules.
 *
 * It runs on a loop in a thread of its own; the tests are raw sockets. Every trap of limits.md
 * that a remote client can spring is sprung here, and afterwards three things must hold: others
 * are still served, the thread has not burnt CPU, and the loop closes with nothing left over.
 */
#include "bot/net/http.h"
#include "tests/support/temp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the service under test -------------------------------------------------------------- */

#define HELD_MAX 512

struct service {
    struct loop loop;
    struct http_server *server;
    struct http_handler handler;
    struct http_server_options options;
    pthread_t thread;
    uv_async_t wake;
    pthread_mutex_t lock;
    pthread_cond_t said;
    char order; /* 's'top, 'd'rain, 'c'ounts, 'r'elease, 0 */
    struct http_counts counts;
    _Atomic int drained;
    bool closed_well;
    struct http_exchange *held[HELD_MAX];
    size_t n_held;
    struct sockaddr_in address;
    struct sockaddr_un path;
    struct ticker *ticker;
    _Atomic int gone;
};

static struct service service;

static const struct http_limits usual = {
    .body_max = 3 << 20,
    .header_time = 10 * USEC_PER_SEC,
    .body_time = 30 * USEC_PER_SEC,
    .idle_time = 75 * USEC_PER_SEC,
    .connections = 1000,
    .bodies_max = 64 << 20,
};

struct delay {
    struct timer timer;
    struct http_exchange *exchange;
};

/* A page that stays open: a chunk every 10 ms. */
struct ticker {
    struct http_stream stream;
    struct timer timer;
    int left;
    size_t size;
};

static unsigned sum(struct str text)
{
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.at[i]) * 16777619u;
    return hash;
}

static void reply_echo(struct http_exchange *exchange)
{
    struct str mark = http_request_header(exchange, "x-mark");
    struct str text =
        arena_format(&exchange->arena, "%s %.*s q=%.*s n=%zu sum=%u mark=%.*s\n",
                     exchange->method, STR_ARG(exchange->path), STR_ARG(exchange->query),
                     exchange->body.len, sum(exchange->body), STR_ARG(mark));
    http_reply(exchange, 200, "text/plain", text, NULL);
}

static void delay_gone(struct timer *timer)
{
    free(CONTAINER_OF(timer, struct delay, timer));
}

static void delay_over(struct timer *timer)
{
    reply_echo(CONTAINER_OF(timer, struct delay, timer)->exchange);
    timer_close(timer, delay_gone);
}

static void reply_later(struct http_exchange *exchange, usec_t after)
{
    struct delay *delay = calloc(1, sizeof *delay);
    (void)http_request_header(exchange, "x-mark"); /* to be known later */
    delay->exchange = exchange;
    timer_start(&service.loop, &delay->timer, after, delay_over);
}

static void reply_large(struct http_exchange *exchange)
{
    int64_t size = 0;
    assert_true(str_to_int(http_query(exchange, "size"), &size));
    char *bytes = malloc((size_t)size);
    memset(bytes, 'x', (size_t)size);
    http_reply(exchange, 200, "text/plain", (struct str){bytes, (size_t)size}, NULL);
    free(bytes);
}

static void reply_client(struct http_exchange *exchange)
{
    http_reply(exchange, 200, "text/plain", http_client(exchange), NULL);
}

static void reply_status(struct http_exchange *exchange)
{
    int64_t status = 0;

    assert_true(str_to_int(http_query(exchange, "a"), &status));
    http_reply(exchange, (int)status, NULL, STR_NONE, NULL);
}

static void reply_argument(struct http_exchange *exchange)
{
    http_reply(exchange, 200, "text/plain", http_query(exchange, "a"), NULL);
}

static void reply_headers(struct http_exchange *exchange)
{
    static const char *const lines[] = {"X-Good: yes", "X-Bad: a\r\nX-Forged: b", "X-Also: ok",
                                        NULL};
    http_reply(exchange, 404, NULL, STR_NONE, lines);
}

static void ticker_freed(struct timer *timer)
{
    free(CONTAINER_OF(timer, struct ticker, timer));
}

static void ticker_gone(struct http_stream *stream)
{
    struct ticker *ticker = CONTAINER_OF(stream, struct ticker, stream);
    service.gone++;
    timer_close(&ticker->timer, ticker_freed);
}

static void tick(struct timer *timer)
{
    struct ticker *ticker = CONTAINER_OF(timer, struct ticker, timer);
    if (ticker->left-- == 0) {
        http_stream_close(&ticker->stream);
        http_stream_write(&ticker->stream, STR("after the end"));
        return;
    }
    char *chunk = malloc(ticker->size);
    memset(chunk, '.', ticker->size);
    http_stream_write(&ticker->stream, (struct str){chunk, ticker->size});
    http_stream_write(&ticker->stream, STR("\n"));
    free(chunk);
    timer_start(&service.loop, timer, 10 * USEC_PER_MSEC, tick);
}

static void reply_stream(struct http_exchange *exchange)
{
    struct ticker *ticker = calloc(1, sizeof *ticker);
    int64_t size = 0;
    int64_t left = 0;
    assert_true(str_to_int(http_query(exchange, "size"), &size));
    assert_true(str_to_int(http_query(exchange, "left"), &left));
    ticker->size = (size_t)size;
    ticker->left = (int)left;
    ticker->stream.gone = ticker_gone;
    http_reply_stream(exchange, "text/event-stream", NULL, &ticker->stream);
    timer_start(&service.loop, &ticker->timer, 10 * USEC_PER_MSEC, tick);
}

static void handle(struct http_handler *handler, struct http_exchange *exchange)
{
    (void)handler;
    if (str_eq(exchange->path, STR("/later"))) {
        reply_later(exchange, 60 * USEC_PER_MSEC);
    } else if (str_eq(exchange->path, STR("/slow"))) {
        reply_later(exchange, 400 * USEC_PER_MSEC);
    } else if (str_eq(exchange->path, STR("/large"))) {
        reply_large(exchange);
    } else if (str_eq(exchange->path, STR("/argument"))) {
        reply_argument(exchange);
    } else if (str_eq(exchange->path, STR("/client"))) {
        reply_client(exchange);
    } else if (str_eq(exchange->path, STR("/status"))) {
        reply_status(exchange);
    } else if (str_eq(exchange->path, STR("/headers"))) {
        reply_headers(exchange);
    } else if (str_eq(exchange->path, STR("/stream"))) {
        reply_stream(exchange);
    } else if (str_eq(exchange->path, STR("/hold")) && service.n_held < HELD_MAX) {
        service.held[service.n_held++] = exchange;
    } else {
        reply_echo(exchange);
    }
}

static void release_held(void)
{
    for (size_t i = 0; i < service.n_held; i++)
        http_reply(service.held[i], 200, NULL, STR("held"), NULL);
    service.n_held = 0;
}

static void drained(struct http_server *server)
{
    assert_ptr_equal(server, service.server);
    service.drained++;
}

static void obey(uv_async_t *wake)
{
    (void)wake;
    pthread_mutex_lock(&service.lock);
    switch (service.order) {
    case 's':
        http_server_counts(service.server, &service.counts);
        http_server_destroy(service.server);
        release_held(); /* after it: exchanges outlive their server */
        uv_close((uv_handle_t *)&service.wake, NULL);
        loop_stop(&service.loop);
        break;
    case 'd':
        http_server_drain(service.server, drained);
        break;
    case 'r':
        release_held();
        break;
    default:
        http_server_counts(service.server, &service.counts);
        break;
    }
    service.order = 0;
    pthread_cond_signal(&service.said);
    pthread_mutex_unlock(&service.lock);
}

static void *serve(void *unused)
{
    (void)unused;
    loop_run(&service.loop);
    service.closed_well = loop_finish(&service.loop);
    return NULL;
}

static void order(char what)
{
    pthread_mutex_lock(&service.lock);
    service.order = what;
    uv_async_send(&service.wake);
    while (service.order)
        pthread_cond_wait(&service.said, &service.lock);
    pthread_mutex_unlock(&service.lock);
}

static int listen_on(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, address, len), 0);
    assert_int_equal(listen(fd, 1024), 0);
    return fd;
}

static int listeners[2] = {-1, -1};

static void start(void)
{
    struct err err = {0};
    service.handler.handle = handle;
    pthread_mutex_init(&service.lock, NULL);
    pthread_cond_init(&service.said, NULL);
    assert_true(loop_init(&service.loop, NULL));
    uv_async_init(&service.loop.uv, &service.wake, obey);
    if (!http_server_create(&service.loop, &service.options, &service.handler, &service.server,
                            &err))
        fail_msg("%s", err.text);
    service.address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listeners[0] = listen_on((struct sockaddr *)&service.address, sizeof service.address);
    socklen_t len = sizeof service.address;
    assert_int_equal(getsockname(listeners[0], (struct sockaddr *)&service.address, &len), 0);
    service.path = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(service.path.sun_path + 1, sizeof service.path.sun_path - 1,
                   "parley-test-http-%d", (int)getpid());
    listeners[1] = listen_on((struct sockaddr *)&service.path, sizeof service.path);
    for (size_t i = 0; i < COUNTOF(listeners); i++)
        assert_true(http_server_listen(service.server, listeners[i], &err));
    assert_int_equal(pthread_create(&service.thread, NULL, serve, NULL), 0);
}

static int set_up(void **state)
{
    (void)state;
    service = (struct service){.options = {.limits = usual}};
    service.options.limits.connections = 500;
    start();
    return 0;
}

static int set_up_strict(void **state)
{
    (void)state;
    service = (struct service){.options = {.limits = {
                                               .body_max = 100000,
                                               .header_time = 300 * USEC_PER_MSEC,
                                               .body_time = 300 * USEC_PER_MSEC,
                                               .idle_time = 300 * USEC_PER_MSEC,
                                               .connections = 8,
                                               .bodies_max = 200000,
                                           }}};
    start();
    return 0;
}

static int set_up_crowded(void **state)
{
    (void)state;
    service = (struct service){.options = {.limits = usual}};
    service.options.limits.connections = 8;
    start();
    return 0;
}

static bool shows_mark(struct http_handler *handler, struct http_exchange *exchange)
{
    assert_ptr_equal(handler, &service.handler);
    return str_eq(http_request_header(exchange, "x-mark"), STR("known"));
}

/* As strict with bytes, and patient. */
static const char *const doors[] = {"/x", "/up/", "/hold", NULL};

static int set_up_narrow(void **state)
{
    (void)state;
    service = (struct service){.options = {.limits = usual}};
    service.options.limits.body_max = 100000;
    service.options.limits.larger[0] = (struct http_larger){.below = "/up/", .max = 160000};
    service.options.limits.larger[1] = (struct http_larger){"/up/known/", 170000, shows_mark};
    service.options.limits.doors = doors;
    service.options.limits.bodies_max = 200000;
    start();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    order('s');
    (void)pthread_join(service.thread, NULL);
    for (size_t i = 0; i < COUNTOF(listeners); i++)
        (void)close(listeners[i]);
    pthread_mutex_destroy(&service.lock);
    pthread_cond_destroy(&service.said);
    return service.closed_well ? 0 : -1;
}

/* CPU time that the service's thread has used. */
static usec_t cpu_used(void)
{
    clockid_t clock;
    struct timespec used;
    assert_int_equal(pthread_getcpuclockid(service.thread, &clock), 0);
    assert_int_equal(clock_gettime(clock, &used), 0);
    return (usec_t)used.tv_sec * USEC_PER_SEC + used.tv_nsec / 1000;
}

static void pause_ms(int ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

/* A thread that spins is busy in every window of wall time; one that has real work to do first,
   such as an answer of megabytes under a sanitizer on a busy machine, is idle in a later one.
 */
static void assert_not_spinning(void)
{
    usec_t used = 0;
    for (int window = 0; window < 5; window++) {
        usec_t before = cpu_used();
        pause_ms(400);
        used = cpu_used() - before;
        if (used < 60 * USEC_PER_MSEC)
            return;
    }
    fail_msg("the thread used %lld us of CPU in the last 400 ms: it spins", (long long)used);
}

static const struct http_counts *counts(void)
{
    order('c');
    return &service.counts;
}

/* --- a client that says what it is told -------------------------------------------------- */

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 5};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, (struct sockaddr *)&service.address, sizeof service.address),
                     0);
    return fd;
}

/* False when the server does not listen any more. */
static bool say_n(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool say(int fd, const char *text)
{
    return say_n(fd, text, strlen(text));
}

static char heard[1 << 16];

/* All that comes until the server closes; what did not fit is counted and dropped. -1 when it
 * neither speaks nor closes for five seconds; a reset ends it, too. */
static ssize_t hear_all(int fd)
{
    size_t len = 0;
    size_t total = 0;
    char piece[16384];
    ssize_t n = 0;
    while ((n = recv(fd, piece, sizeof piece, 0)) > 0) {
        size_t keep = (size_t)n;
        if (keep > sizeof heard - 1 - len)
            keep = sizeof heard - 1 - len;
        memcpy(heard + len, piece, keep);
        len += keep;
        total += (size_t)n;
    }
    heard[len] = '\0';
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return -1;
    return (ssize_t)total;
}

/* One answer with a Content-Length, or what came before the end. */
static const char *hear(int fd)
{
    size_t len = 0;
    heard[0] = '\0';
    while (len < sizeof heard - 1) {
        const char *end = strstr(heard, "\r\n\r\n");
        const char *length = strstr(heard, "Content-Length: ");
        if (end && length && length < end &&
            len >= (size_t)(end + 4 - heard) + strtoul(length + 16, NULL, 10))
            break;
        if (end && !length && strncmp(heard, "HTTP/1.1 100", 12) == 0)
            break;
        ssize_t n = recv(fd, heard + len, 1, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        heard[len] = '\0';
    }
    return heard;
}

static int status_of(const char *answer)
{
    int status = 0;
    (void)sscanf(answer, "HTTP/1.%*1d %3d", &status);
    return status;
}

/* The status of the only answer to this request; 0 when the connection just closes, -1 when
 * nothing happens. */
static int status_for(const char *request)
{
    int fd = dial();
    (void)say(fd, request);
    ssize_t n = hear_all(fd);
    (void)close(fd);
    return n < 0 ? -1 : status_of(heard);
}

static void assert_serves(void)
{
    assert_int_equal(status_for("GET /still HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                     200);
    assert_non_null(strstr(heard, "GET /still q= n=0"));
}

static void abort_connection(int fd)
{
    struct linger none = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    (void)close(fd);
}

#define POST(path, length)                                                                     \
    "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Length: " length "\r\n\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* --- what it is for ---------------------------------------------------------------------- */

static void a_request_is_answered_and_the_connection_serves_the_next(void **state)
{
    (void)state;
    int fd = dial();
    for (int i = 0; i < 3; i++) {
        assert_true(say(fd, "POST /a/b?x=1&y=%26+z HTTP/1.1\r\nHost: x\r\nX-MARK:  abc \r\n"
                            "Content-Length: 5\r\n\r\nhello"));
        const char *answer = hear(fd);
        assert_int_equal(status_of(answer), 200);
        assert_non_null(strstr(answer, "POST /a/b q=x=1&y=%26%20z n=5"));
        assert_non_null(strstr(answer, "mark=abc\n"));
        assert_non_null(strstr(answer, "Connection: keep-alive"));
        assert_non_null(strstr(answer, "Content-Length: "));
        assert_non_null(strstr(answer, "Date: "));
        assert_true(say(fd, GET("/later")));
        assert_non_null(strstr(hear(fd), "GET /later"));
    }
    (void)close(fd);
    assert_int_equal(counts()->requests, 6);
}

static void every_status_of_ours_has_its_words(void **state)
{
    static const struct {
        int status;
        const char *words;
    } cases[] = {
        {200, "OK"                    },
        {204, "No Content"            },
        {302, "Found"                 },
        {303, "See Other"             },
        {409, "Conflict"              },
        {410, "Gone"                  },
        {412, "Precondition Failed"   },
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content" },
        {429, "Too Many Requests"     },
        {503, "Service Unavailable"   },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        char request[128], line[64];

        (void)snprintf(request, sizeof request,
                       "GET /status?a=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                       cases[i].status);
        (void)snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", cases[i].status,
                       cases[i].words);
        assert_int_equal(status_for(request), cases[i].status);
        if (strncmp(heard, line, strlen(line)) != 0)
            fail_msg("%.40s and not %s", heard, line);
    }
}

/* The connection comes from the loopback, where a proxy of ours would stand. */
static void a_proxy_says_who_asks_with_a_port_or_without(void **state)
{
    static const struct {
        const char *forwarded, *client;
    } cases[] = {
        {"203.0.113.7",                    "203.0.113.7"    },
        {"198.51.100.1, 203.0.113.7",      "203.0.113.7"    },
        {"198.51.100.1,203.0.113.7:61234", "203.0.113.7"    },
        {"2606:4700::1111",                "2606:4700::1111"},
        {"[2606:4700::1111]:443",          "2606:4700::1111"},
        {"::1",                            "::1"            },
        {"unknown",                        "127.0.0.1"      },
        {"203.0.113.7:",                   "203.0.113.7"    },
        {":80",                            "127.0.0.1"      },
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        char request[256];

        (void)snprintf(request, sizeof request,
                       "GET /client HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "X-Forwarded-For: %s\r\n\r\n",
                       cases[i].forwarded);
        assert_int_equal(status_for(request), 200);
        if (strcmp(strstr(heard, "\r\n\r\n") + 4, cases[i].client) != 0)
            fail_msg("%s: %s", cases[i].forwarded, strstr(heard, "\r\n\r\n") + 4);
    }
}

static void every_method_is_told_apart(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "PUT", "DELETE", "PATCH", "OPTIONS", "POST"};
    int fd = dial();
    for (size_t i = 0; i < COUNTOF(methods); i++) {
        for (int length = 0; length < 2; length++) {
            char request[128];
            (void)snprintf(request, sizeof request,
                           "%s /m HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
                           methods[i], length, length ? "b" : "");
            assert_true(say(fd, request));
            (void)snprintf(request, sizeof request, "\r\n\r\n%s /m q= n=%d", methods[i],
                           length);
            assert_non_null(strstr(hear(fd), request));
        }
    }
    (void)close(fd);
}

static void head_gets_the_length_and_no_body(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, "HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_true(hear_all(fd) > 0);
    assert_non_null(strstr(heard, "Content-Length: "));
    assert_string_equal(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
    (void)close(fd);
}

static void a_query_argument_is_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        const char *value;
    } cases[] = {
        {"a=1",              "\r\n\r\n1"         },
        {"b=2&a=x%26y",      "\r\n\r\nx&y"       },
        {"a=x+y%2Bz",        "\r\n\r\nx y+z"     },
        {"a=%C5%BC%3d=",     "\r\n\r\n\xC5\xBC=="},
        {"a=",               "\r\n\r\n"          },
        {"aa=1&hub.mode=s",  "\r\n\r\n"          },
        {"&&a=1&a=2",        "\r\n\r\n1"         },
        {"a=https://x/?y#z", "\r\n\r\nhttps://x/"},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        char request[256];
        (void)snprintf(request, sizeof request, GET("/argument?%s"), cases[i].query);
        int fd = dial();
        assert_true(say(fd, request));
        const char *answer = hear(fd);
        const char *body = strstr(answer, "\r\n\r\n");
        assert_non_null(body);
        assert_int_equal(strncmp(body, cases[i].value, strlen(cases[i].value)), 0);
        (void)close(fd);
    }
}

static void a_body_of_three_megabytes_arrives_in_pieces_and_whole(void **state)
{
    (void)state;
    size_t size = 3 << 20;
    char *body = malloc(size);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i * 7 + i / 1000);
    int fd = dial();
    assert_true(say(fd, POST("/sum", "3145728")));
    for (size_t at = 0; at < size;) {
        size_t piece = 1 + at % 70001;
        if (piece > size - at)
            piece = size - at;
        assert_true(say_n(fd, body + at, piece));
        at += piece;
    }
    char expected[64];
    (void)snprintf(expected, sizeof expected, "n=%zu sum=%u ", size,
                   sum((struct str){body, size}));
    assert_non_null(strstr(hear(fd), expected));
    (void)close(fd);
    free(body);
}

/* Reads an answer with a body of `size` bytes, of any size. */
static void assert_hears_large(int fd, size_t size)
{
    char head[4096];
    size_t len = 0;
    while (len < sizeof head - 1 && recv(fd, head + len, 1, 0) == 1) {
        head[++len] = '\0';
        if (strstr(head, "\r\n\r\n"))
            break;
    }
    char expected[64];
    (void)snprintf(expected, sizeof expected, "Content-Length: %zu\r\n", size);
    assert_non_null(strstr(head, expected));
    while (size > 0) {
        ssize_t n = recv(fd, heard, size < sizeof heard ? size : sizeof heard, 0);
        assert_true(n > 0);
        size -= (size_t)n;
    }
}

static void a_large_answer_reaches_a_slow_reader_whole(void **state)
{
    (void)state;
    static const char *const requests[] = {GET("/large?size=9000000"),
                                           POST("/large?size=9000000", "3") "abc"};
    for (size_t i = 0; i < COUNTOF(requests); i++) {
        int fd = dial();
        assert_true(say(fd, requests[i]));
        assert_not_spinning();
        assert_serves();
        assert_hears_large(fd, 9000000);
        assert_true(say(fd, GET("/after")));
        assert_non_null(strstr(hear(fd), "GET /after"));
        (void)close(fd);
    }
}

static void a_client_may_speak_or_half_close_while_a_large_answer_is_sent(void **state)
{
    (void)state;
    static const char *const requests[] = {GET("/large?size=9000000"),
                                           POST("/large?size=9000000", "3") "abc"};
    for (size_t i = 0; i < COUNTOF(requests); i++) {
        int fd = dial();
        assert_true(say(fd, requests[i]));
        pause_ms(20);
        assert_true(say(fd, POST("/next", "3") "def"));
        assert_not_spinning();
        assert_hears_large(fd, 9000000);
        assert_non_null(strstr(hear(fd), "POST /next q= n=3"));
        (void)close(fd);
        fd = dial();
        assert_true(say(fd, requests[i]));
        (void)shutdown(fd, SHUT_WR);
        assert_not_spinning();
        assert_hears_large(fd, 9000000);
        (void)close(fd);
    }
}

static void a_large_answer_to_a_pipelined_request_is_not_begun(void **state)
{
    (void)state;
    static const char *const requests[] = {GET("/large?size=900000") POST("/2", "3") "def",
                                           POST("/large?size=900000", "3") "abc" GET("/2")};
    for (size_t i = 0; i < COUNTOF(requests); i++) {
        int fd = dial();
        assert_true(say(fd, requests[i]));
        assert_int_equal(hear_all(fd), 0);
        (void)close(fd);
        assert_not_spinning();
        assert_serves();
    }
}

static void header_lines_cannot_be_forged(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, GET("/headers")));
    const char *answer = hear(fd);
    assert_int_equal(status_of(answer), 404);
    assert_non_null(strstr(answer, "X-Good: yes\r\n"));
    assert_non_null(strstr(answer, "X-Also: ok\r\n"));
    assert_null(strstr(answer, "X-Forged"));
    assert_non_null(strstr(answer, "Content-Length: 0\r\n"));
    (void)close(fd);
}

/* What is in front of us sees one path there, libwebsockets a shorter one and a header. */
static void a_line_that_an_encoded_character_ends_is_refused(void **state)
{
    (void)state;
    assert_int_equal(status_for("GET /x%0d HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(status_for("GET /x%0aX-Forged:1 HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(status_for("GET /x%0D%0AX-Forged:1 HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(status_for("GET /x?a=b%0a HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(status_for("GET /x HTTP/9.9\r\nHost: x\r\n\r\n"), 400);
    assert_int_equal(status_for("GET /x\r\n\r\n"), 400);
    assert_serves();
}

/* A proxy that reads these as the headers that they look like sees another body than we do. */
static void a_blank_before_a_lengths_colon_is_refused(void **state)
{
    static const char *const lines[] = {
        "Transfer-Encoding : chunked",  "Transfer-Encoding\t: chunked",
        "transfer-encoding  : chunked", "TRANSFER-ENCODING \t : chunked",
        "Content-Length : 3",           "Content-Length         : 3",
    };
    char request[200];

    (void)state;
    for (size_t i = 0; i < COUNTOF(lines); i++) {
        (void)snprintf(request, sizeof request,
                       "POST /x HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 5\r\n\r\nhello",
                       lines[i]);
        assert_int_equal(status_for(request), 400);
        (void)snprintf(request, sizeof request, "GET /x HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n",
                       lines[i]);
        assert_int_equal(status_for(request), 400);
    }
    assert_serves();
}

static void http_1_0_and_connection_close_get_one_answer(void **state)
{
    (void)state;
    assert_int_equal(status_for("GET /x HTTP/1.0\r\n\r\n"), 200);
    assert_non_null(strstr(heard, "Connection: close"));
    assert_int_equal(status_for("GET /x HTTP/1.1\r\nConnection: TE, close\r\n\r\n"), 200);
    assert_non_null(strstr(heard, "Connection: close"));
}

static void a_unix_socket_serves_one_request_to_a_connection(void **state)
{
    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&service.path, sizeof service.path), 0);
    assert_true(say(fd, POST("/u", "2") "ab" POST("/v", "2") "cd"));
    assert_true(hear_all(fd) > 0);
    assert_non_null(strstr(heard, "POST /u q= n=2"));
    assert_non_null(strstr(heard, "Connection: close"));
    assert_null(strstr(heard, "/v"));
    (void)close(fd);
    assert_not_spinning();
}

/* --- pipelining: trap 1 ------------------------------------------------------------------ */

/* What must be true of any early bytes: the first request is answered, the thread does not
 * spin, others are served, and the connection ends. */
static void assert_survives(const char *first, const char *second, const char *answer)
{
    int fd = dial();
    assert_true(say(fd, first));
    if (second) {
        pause_ms(20);
        (void)say(fd, second);
    }
    ssize_t n = hear_all(fd);
    assert_true(n > 0);
    assert_non_null(strstr(heard, answer));
    assert_serves();
    assert_not_spinning();
    (void)close(fd);
}

static void two_posts_in_one_segment_do_not_hang_the_worker(void **state)
{
    (void)state;
    assert_survives(POST("/1", "3") "abc" POST("/2", "3") "def", NULL, "POST /1 q= n=3");
    assert_null(strstr(heard, "/2"));
    assert_true(counts()->refused_pipelined >= 1);
}

static void two_posts_in_one_segment_to_a_slow_handler_do_not_hang_the_worker(void **state)
{
    (void)state;
    assert_survives(POST("/later", "3") "abc" POST("/2", "3") "def", NULL, "POST /later");
}

static void more_bytes_after_two_posts_do_not_get_round_the_guard(void **state)
{
    (void)state;
    assert_survives(POST("/later", "3") "abc" POST("/2", "3") "def", POST("/3", "3") "ghi",
                    "POST /later");
    assert_survives(POST("/later", "3") "abc" POST("/2", "3") "def", "x", "POST /later");
}

static void other_pipelines_do_not_hang_the_worker_either(void **state)
{
    (void)state;
    assert_survives(GET("/1") POST("/2", "3") "def", NULL, "GET /1");
    assert_survives(GET("/later") POST("/2", "3") "def", NULL, "GET /later");
    assert_survives(POST("/1", "3") "abc" GET("/2"), NULL, "POST /1");
    assert_survives(POST("/later", "3") "abc" GET("/2"), NULL, "POST /later");
    assert_survives(GET("/later") GET("/2") GET("/3"), NULL, "GET /later");
    assert_survives(POST("/1", "3") "abcPOST /2 HTTP/1.1\r\nContent-Le", "ngth: 3\r\n\r\ndef",
                    "POST /1");
    assert_survives(POST("/later", "3") "abc" POST("/2", "30") "de", "f", "POST /later");
    assert_survives(POST("/later", "3") "abc\r\n\r\n\r\n", NULL, "POST /later");
    assert_survives(POST("/1", "0") POST("/2", "3") "def" POST("/3", "3"), NULL, "POST /1");
    assert_survives(POST("/later", "0") POST("/2", "3") "def", POST("/3", "3"), "POST /later");
}

static void a_post_that_comes_while_the_first_is_handled_waits_its_turn(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, POST("/later", "3") "abc"));
    pause_ms(20);
    assert_true(say(fd, POST("/2", "3") "def")); /* a segment of its own: stays in the kernel */
    assert_non_null(strstr(hear(fd), "POST /later q= n=3"));
    const char *second = hear(fd);
    assert_true(*second == '\0' || strstr(second, "POST /2 q= n=3"));
    (void)close(fd);
    assert_not_spinning();
    assert_serves();
}

/* --- half-closed, gone, aborted ---------------------------------------------------------- */

static void a_client_that_has_said_all_and_closed_its_side_is_answered(void **state)
{
    (void)state;
    static const char *const requests[] = {GET("/later"), GET("/now"),
                                           POST("/later", "3") "abc", POST("/now", "3") "abc",
                                           GET("/slow")};
    for (size_t i = 0; i < COUNTOF(requests); i++) {
        usec_t before = cpu_used();
        int fd = dial();
        assert_true(say(fd, requests[i]));
        (void)shutdown(fd, SHUT_WR);
        assert_true(hear_all(fd) > 0);
        assert_int_equal(status_of(heard), 200);
        (void)close(fd);
        assert_true(cpu_used() - before < 150 * USEC_PER_MSEC);
    }
}

static void work_begun_is_finished_when_the_client_has_gone(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = dial();
        assert_true(say(fd, i % 2 ? POST("/hold", "3") "abc" : GET("/hold")));
        while (counts()->requests < (uint64_t)i + 1)
            pause_ms(1);
        if (i % 3 == 0) {
            (void)close(fd);
        } else {
            abort_connection(fd);
        }
    }
    pause_ms(50);
    assert_int_equal(counts()->in_flight, 20);
    assert_not_spinning();
    order('r');
    pause_ms(50);
    assert_int_equal(counts()->in_flight, 0);
    assert_int_equal(counts()->connections, 0);
    assert_serves();
}

static void exchanges_may_be_answered_after_the_server_has_gone(void **state)
{
    (void)state;
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial();
        assert_true(say(fds[i], POST("/hold", "1") "x"));
    }
    while (counts()->requests < 3)
        pause_ms(1);
    (void)close(fds[0]);
    (void)tear_down(NULL); /* destroys, then answers */
    assert_true(service.closed_well);
    assert_true(hear_all(fds[1]) >= 0);
    (void)close(fds[1]);
    (void)close(fds[2]);
    (void)set_up(NULL);
}

static void a_storm_of_400_aborted_connections_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const stages[] = {
        "",
        "POS",
        "POST /x HTTP/1.1\r\nContent-Le",
        POST("/x", "100000") "abc",
        POST("/later", "3") "abc",
        GET("/later"),
        GET("/slow"),
        GET("/large?size=3000000"),
        POST("/1", "3") "abc" POST("/2", "3") "abc",
        GET("/stream?size=1000&left=1000"),
        "\x16\x03\x01\x02",
        POST("/x", "100000000") "abc",
    };
    for (int i = 0; i < 400; i++) {
        int fd = dial();
        (void)say(fd, stages[(size_t)i % COUNTOF(stages)]);
        if (i % 5 == 0)
            pause_ms(2);
        if (i % 7 == 0) {
            (void)close(fd);
        } else {
            abort_connection(fd);
        }
    }
    pause_ms(600);
    assert_serves();
    pause_ms(100);
    assert_int_equal(counts()->connections, 0);
    assert_int_equal(counts()->in_flight, 0);
    assert_not_spinning();
}

/* --- what is refused --------------------------------------------------------------------- */

static void a_body_without_a_plain_length_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"",                                                          411},
        {"Content-Length:\r\n",                                       411},
        {"Transfer-Encoding: chunked\r\n",                            411},
        {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",       400},
        {"Content-Length: 3\r\nTransfer-Encoding: gzip, chunked\r\n", 400},
        {"Content-Length: 3\r\nContent-Length: 3\r\n",                400},
        {"Content-Length: 3\r\nContent-Length: 4\r\n",                400},
        {"Content-Length:\r\nContent-Length: 3\r\n",                  400},
        {"Content-Length: 3, 3\r\n",                                  400},
        {"Content-Length: -3\r\n",                                    400},
        {"Content-Length: +3\r\n",                                    400},
        {"Content-Length: 3x\r\n",                                    400},
        {"Content-Length: 0x3\r\n",                                   400},
        {"Content-Length: 3 3\r\n",                                   400},
        {"Content-Length: 99999999999999999999\r\n",                  400},
        {"Content-Length: 18446744073709551619\r\n",                  400},
        {"Content-Length: 999999999999999999\r\n",                    413},
        {"Content-Length: 3145729\r\n",                               413},
        {"Content-Length: 3\r\nExpect: miracles\r\n",                 417},
        {"Content-Length: 3145729\r\nExpect: 100-continue\r\n",       413},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        static const char *const methods[] = {"POST", "PUT", "PATCH"};
        char request[300];
        (void)snprintf(request, sizeof request, "%s /x HTTP/1.1\r\nHost: x\r\n%s\r\nabc",
                       methods[i % 3], cases[i].headers);
        int status = status_for(request);
        if (status != cases[i].status)
            fail_msg("%d instead of %d for: %s", status, cases[i].status, cases[i].headers);
        assert_non_null(strstr(heard, "Connection: close"));
    }
    assert_int_equal(counts()->requests, 0);
    assert_serves();
}

static void a_get_with_a_chunked_body_smuggles_nothing(void **state)
{
    (void)state;
    assert_int_equal(status_for("GET /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "0\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n"),
                     411);
    assert_null(strstr(heard, "hidden"));
}

static void a_body_too_long_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    int fd = dial();
    usec_t began = clock_monotonic();
    assert_true(say(fd, POST("/x", "4000000")));
    assert_int_equal(status_of(hear(fd)), 413);
    assert_true(clock_monotonic() - began < USEC_PER_SEC);
    (void)close(fd);
    assert_int_equal(counts()->refused_body, 1);
}

static void a_client_that_goes_on_sending_can_still_read_the_refusal(void **state)
{
    (void)state;
    char *body = calloc(1, 4000000);
    int fd = dial();
    assert_true(say(fd, POST("/x", "4000000")));
    (void)say_n(fd, body, 4000000);
    assert_int_equal(status_of(hear(fd)), 413);
    (void)close(fd);
    free(body);
    assert_not_spinning();
}

static void expect_100_continue_is_answered_before_the_body_is_sent(void **state)
{
    (void)state;
    int fd = dial();
    for (int i = 0; i < 2; i++) {
        assert_true(say(fd, "POST /e HTTP/1.1\r\nExpect: 100-continue\r\n"
                            "Content-Length: 3\r\n\r\n"));
        assert_int_equal(status_of(hear(fd)), 100);
        assert_true(say(fd, "abc"));
        assert_non_null(strstr(hear(fd), "POST /e q= n=3"));
    }
    (void)close(fd);
}

static void giant_headers_end_the_connection(void **state)
{
    (void)state;
    char *pad = malloc(70001);
    memset(pad, 'a', 70000);
    pad[70000] = '\0';
    static const char *const begins[] = {"GET /x HTTP/1.1\r\nX-Pad: ", "GET /", "GET /?", "",
                                         "GET /x HTTP/1.1\r\n"};
    for (size_t i = 0; i < COUNTOF(begins); i++) {
        int fd = dial();
        (void)say(fd, begins[i]);
        (void)say(fd, pad);
        ssize_t n = hear_all(fd);
        assert_true(n == 0 || (n > 0 && status_of(heard) >= 400));
        (void)close(fd);
    }
    free(pad);
    int fd = dial();
    (void)say(fd, "GET /x HTTP/1.1\r\n");
    for (int i = 0; i < 3000; i++)
        (void)say(fd, "X-Many: y\r\n");
    (void)say(fd, "\r\n");
    ssize_t n = hear_all(fd);
    assert_true(n == 0 || (n > 0 && status_of(heard) >= 400));
    (void)close(fd);
    assert_serves();
    assert_not_spinning();
}

static void whatever_else_is_said_closes_and_harms_nobody(void **state)
{
    (void)state;
    static const char *const things[] = {
        "GET /x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "GET /x HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        "GET /x HTTP/1.1\r\nUpgrade: spaceship\r\nConnection: Upgrade\r\n\r\n",
        "POST /x HTTP/1.1\r\nUpgrade: spaceship\r\nContent-Length: 3\r\n\r\nabc" GET("/y"),
        "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\nabc",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "GET http://elsewhere/x HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        "BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /x POST /y HTTP/1.1\r\n\r\n",
        "GET\r\n\r\n",
        "\r\n\r\n\r\n",
        "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    };
    for (size_t i = 0; i < COUNTOF(things); i++) {
        int fd = dial();
        (void)say(fd, things[i]);
        (void)shutdown(fd, SHUT_WR);
        assert_true(hear_all(fd) >= 0);
        (void)close(fd);
        assert_serves();
    }
    assert_not_spinning();
}

static void random_bytes_close_and_harm_nobody(void **state)
{
    (void)state;
    unsigned seed = 12345;
    for (int i = 0; i < 300; i++) {
        char bytes[400];
        const char *begin = i % 3 ? "POST /r HTTP/1.1\r\nContent-Length: 20\r\n" : "";
        size_t len = strlen(begin);
        memcpy(bytes, begin, len); /* NOLINT(bugprone-not-null-terminated-result): bytes */
        for (; len < sizeof bytes; len++) {
            seed = seed * 1103515245 + 12345;
            unsigned r = seed >> 16;
            bytes[len] = (char)(r % 8 ? (char)(r >> 3) : "\r\n: %/?&"[(r >> 3) % 8]);
        }
        int fd = dial();
        (void)say_n(fd, bytes, sizeof bytes);
        (void)shutdown(fd, SHUT_WR);
        assert_true(hear_all(fd) >= 0);
        (void)close(fd);
    }
    assert_serves();
    assert_not_spinning();
}

static void every_cut_of_a_request_is_put_together_again(void **state)
{
    (void)state;
    const char *request = "POST /cut?a=1 HTTP/1.1\r\nHost: x\r\nX-Mark: m\r\n"
                          "Content-Length: 6\r\nConnection: close\r\n\r\nabcdef";
    for (size_t cut = 1; cut < strlen(request); cut++) {
        int fd = dial();
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
        assert_true(say_n(fd, request, cut));
        pause_ms(1);
        assert_true(say(fd, request + cut));
        assert_true(hear_all(fd) > 0);
        assert_non_null(strstr(heard, "POST /cut q=a=1 n=6"));
        assert_non_null(strstr(heard, "mark=m\n"));
        (void)close(fd);
    }
}

/* --- deadlines and caps ------------------------------------------------------------------ */

/* How long the server puts up with a byte every 40 ms after `begin`, in milliseconds. */
static int patience_with_drip(int fd, const char *begin, const char *drip)
{
    usec_t began = clock_monotonic();
    assert_true(say(fd, begin));
    for (int i = 0; i < 100; i++) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLRDHUP};
        if (poll(&poll_fd, 1, 40) != 0)
            break;
        if (!say_n(fd, drip + (size_t)i % strlen(drip), 1))
            break;
    }
    return (int)((clock_monotonic() - began) / USEC_PER_MSEC);
}

static void slow_drips_are_cut_off_in_all(void **state)
{
    (void)state;
    static const char *const begins[] = {
        "",
        "GET /x HTTP/1.1\r\nX-Slow: ",
        POST("/x", "90000"),
        POST("/x", "90000") "aaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < COUNTOF(begins); i++) {
        int fd = dial();
        int ms = patience_with_drip(fd, begins[i], i == 0 ? "GET /abcdefghijklmno" : "a");
        assert_in_range(ms, 250, 900);
        (void)close(fd);
    }
    assert_int_equal(counts()->refused_time, COUNTOF(begins));
    assert_serves();
}

static void silent_connections_are_closed_in_time(void **state)
{
    (void)state;
    int silent = dial();
    int idle = dial();
    usec_t began = clock_monotonic();
    assert_true(say(idle, GET("/x")));
    assert_int_equal(status_of(hear(idle)), 200);
    assert_int_equal(hear_all(silent), 0);
    assert_int_equal(hear_all(idle), 0);
    assert_in_range((int)((clock_monotonic() - began) / USEC_PER_MSEC), 250, 900);
    (void)close(silent);
    (void)close(idle);
}

static void a_handler_may_take_longer_than_any_deadline(void **state)
{
    (void)state;
    assert_int_equal(status_for("GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n"), 200);
}

static void hold(int fds[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = dial();
        assert_true(say(fds[i], GET("/hold")));
    }
    pause_ms(50);
}

static void release(const int fds[], size_t n)
{
    order('r');
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(status_of(hear(fds[i])), 200);
        (void)close(fds[i]);
    }
}

static void connections_beyond_a_cap_of_busy_ones_are_closed_at_once(void **state)
{
    (void)state;
    int fds[8];
    hold(fds, 8);
    usec_t began = clock_monotonic();
    for (int i = 0; i < 4; i++) {
        int fd = dial();
        assert_int_equal(hear_all(fd), 0);
        (void)close(fd);
    }
    assert_true(clock_monotonic() - began < 200 * USEC_PER_MSEC);
    assert_int_equal(counts()->refused_connections, 4);
    release(fds, 8);
    pause_ms(50);
    assert_serves();
}

/* Whatever it waits for: three times as many connections as there may be keep nobody out. */
static void who_only_waits_makes_way_for_whoever_comes(void **state)
{
    static const char *const firsts[] = {
        "",
        "GET /x HTTP/1.1\r\nX-Slow: ",
        GET("/x"),
        POST("/x", "60000"),
        POST("/x", "60000") "aaaa",
    };
    int fds[24];

    (void)state;
    for (size_t kind = 0; kind < COUNTOF(firsts); kind++) {
        for (int i = 0; i < 24; i++) {
            fds[i] = dial();
            (void)say(fds[i], firsts[kind]);
            pause_ms(2);
            if (i % 4 == 3)
                assert_serves();
        }
        for (int i = 0; i < 24; i++)
            (void)close(fds[i]);
        pause_ms(50);
    }
    assert_int_equal(counts()->refused_connections, 0);
    assert_true(counts()->made_way >= COUNTOF(firsts) * 16);
}

static void who_is_at_work_or_sends_makes_way_for_nobody(void **state)
{
    char body[4000] = {0};
    int held[3], silent[40], sender = 0;

    (void)state;
    hold(held, 3);
    sender = dial();
    assert_true(say(sender, POST("/x", "40000")));
    for (int i = 0; i < 40; i++) {
        if (i % 4 == 0)
            assert_true(say_n(sender, body, sizeof body));
        silent[i] = dial();
        pause_ms(2);
    }
    assert_int_equal(status_of(hear(sender)), 200);
    release(held, 3);
    for (int i = 0; i < 40; i++)
        (void)close(silent[i]);
    (void)close(sender);
}

static void who_was_refused_and_goes_on_sending_keeps_nobody_out(void **state)
{
    int fds[24];

    (void)state;
    for (int i = 0; i < 24; i++) {
        fds[i] = dial();
        (void)say(fds[i], POST("/x", "99999999") "aaaa");
        assert_int_equal(status_of(hear(fds[i])), 413);
    }
    assert_serves();
    assert_int_equal(counts()->refused_connections, 0);
    for (int i = 0; i < 24; i++)
        (void)close(fds[i]);
}

/* How many of four connections are told by now that there is no room. */
static int refusals(const int fds[4], bool answered[4])
{
    int refused = 0;
    for (int i = 0; i < 4; i++) {
        struct pollfd poll_fd = {.fd = fds[i], .events = POLLIN};
        if (answered[i] || poll(&poll_fd, 1, 0) <= 0)
            continue;
        assert_int_equal(status_of(hear(fds[i])), 503);
        assert_non_null(strstr(heard, "Retry-After: 1"));
        answered[i] = true;
        refused++;
    }
    return refused;
}

static void all_bodies_together_are_bounded(void **state)
{
    (void)state;
    char *body = calloc(1, 100000);
    bool answered[4] = {false};
    int fds[4];
    int refused = 0;
    for (int i = 0; i < 4; i++) {
        fds[i] = dial();
        assert_true(say(fds[i], POST("/hold", "100000")));
        (void)say_n(fds[i], body, 99999);
    }
    /* Which two are refused is theirs to find out; a third would be within the same moment. */
    for (usec_t until = clock_monotonic() + 5 * USEC_PER_SEC;
         refused < 2 && clock_monotonic() < until; pause_ms(20))
        refused += refusals(fds, answered);
    pause_ms(50);
    refused += refusals(fds, answered);
    assert_int_equal(refused, 2);
    for (int i = 0; i < 4; i++)
        (void)close(fds[i]);
    pause_ms(100);
    int fd = dial();
    assert_true(say(fd, POST("/x", "100000")));
    assert_true(say_n(fd, body, 100000));
    assert_int_equal(status_of(hear(fd)), 200);
    (void)close(fd);
    free(body);
}

/* Bodies that are never finished fill the room, from whoever shows no signature; what comes at
 * once, small or as large as it may be, comes in all the same, again and again. */
static void slow_bodies_keep_nobody_out_who_sends_at_once(void **state)
{
    static const struct {
        const char *length;
        size_t n;
    } prompt[] = {
        {"2000",   2000  },
        {"100000", 100000}
    };
    char *body = calloc(1, 100000);
    int slow[6], shed = 0;

    (void)state;
    for (size_t round = 0; round < 6; round++) {
        slow[round] = dial();
        assert_true(say(slow[round], POST("/x", "100000")));
        (void)say_n(slow[round], body, 99999);
        pause_ms(30);
        for (size_t i = 0; i < COUNTOF(prompt); i++) {
            int fd = dial();
            assert_true(say(fd, i == 0 ? POST("/x", "2000") : POST("/x", "100000")));
            assert_true(say_n(fd, body, prompt[i].n));
            assert_int_equal(status_of(hear(fd)), 200);
            (void)close(fd);
        }
    }
    for (size_t i = 0; i < 6; i++) {
        struct pollfd poll_fd = {.fd = slow[i], .events = POLLIN};
        if (poll(&poll_fd, 1, 0) > 0) {
            shed++;
            assert_int_equal(status_of(hear(slow[i])), 503);
            assert_non_null(strstr(heard, "Retry-After: 1"));
        }
        (void)close(slow[i]);
    }
    assert_true(shed >= 4 && shed < 6);
    pause_ms(50);
    assert_int_equal(counts()->in_flight, 0);
    assert_serves();
    free(body);
}

static void where_no_door_is_a_body_may_be_small_only(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, POST("/nothing/here", "65537")));
    assert_int_equal(status_of(hear(fd)), 413);
    assert_non_null(strstr(heard, "at most 65536 bytes"));
    (void)close(fd);
    fd = dial();
    char *body = calloc(1, 65537);
    assert_true(say(fd, POST("/x", "65537")));
    assert_true(say_n(fd, body, 65537));
    assert_int_equal(status_of(hear(fd)), 200);
    (void)close(fd);
    free(body);
}

/* Who uploads, and takes their time, leaves room for all others. */
static void larger_bodies_have_half_of_the_room_and_one_may_have_all(void **state)
{
    char *body = calloc(1, 160000);
    int fds[3];

    (void)state;
    fds[0] = dial();
    assert_true(say(fds[0], POST("/up/1", "150000")));
    assert_true(say_n(fds[0], body, 149999));
    pause_ms(30);
    for (int i = 1; i < 3; i++) { /* no second one besides */
        fds[i] = dial();
        assert_true(say(fds[i], POST("/up/2", "150000")));
        (void)say_n(fds[i], body, 100000);
        assert_int_equal(status_of(hear(fds[i])), 503);
    }
    int fd = dial();
    assert_true(say(fd, POST("/x", "40000")));
    assert_true(say_n(fd, body, 40000));
    assert_int_equal(status_of(hear(fd)), 200);
    assert_true(say_n(fds[0], body, 1));
    assert_int_equal(status_of(hear(fds[0])), 200);
    for (int i = 0; i < 3; i++)
        (void)close(fds[i]);
    (void)close(fd);
    free(body);
}

/* Strangers, who show nothing until all has come, take all the room there is for what is large.
 */
static void who_shows_a_token_gets_the_room_of_those_who_show_none(void **state)
{
    char *body = calloc(1, 160000);
    int strangers[4];

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 2; i++) {
            strangers[2 * round + i] = dial();
            assert_true(say(strangers[2 * round + i], POST("/up/1", "150000")));
            (void)say_n(strangers[2 * round + i], body, i == 0 ? 149999 : 20000);
        }
        pause_ms(30);
        int fd = dial();
        assert_true(say(fd, "POST /up/known/1 HTTP/1.1\r\nX-Mark: known\r\n"
                            "Content-Length: 160000\r\n\r\n"));
        assert_true(say_n(fd, body, 160000));
        assert_int_equal(status_of(hear(fd)), 200);
        (void)close(fd);
    }
    for (int i = 0; i < 4; i++)
        (void)close(strangers[i]);
    free(body);
    pause_ms(50);
    assert_int_equal(counts()->in_flight, 0);
    assert_serves();
}

static void who_shows_no_token_is_refused_before_much_is_read(void **state)
{
    (void)state;
    assert_int_equal(status_for(POST("/up/known/1", "160000") "aaaa"), 401);
    assert_int_equal(status_for("POST /up/known/1 HTTP/1.1\r\nX-Mark: knows\r\n"
                                "Content-Length: 160000\r\n\r\n"),
                     401);
    assert_int_equal(status_for("POST /up/known/1 HTTP/1.1\r\nConnection: close\r\n"
                                "Content-Length: 4\r\n\r\naaaa"),
                     200); /* what is small is for the handler to judge */
    assert_int_equal(counts()->in_flight, 0);
}

static void a_claimed_length_costs_no_memory(void **state)
{
    (void)state;
    int fds[7];
    for (int i = 0; i < 7; i++) {
        fds[i] = dial();
        assert_true(say(fds[i], POST("/x", "100000") "a"));
    }
    pause_ms(20);
    int fd = dial();
    assert_true(say(fd, POST("/x", "3") "abc"));
    assert_int_equal(status_of(hear(fd)), 200);
    (void)close(fd);
    for (int i = 0; i < 7; i++)
        (void)close(fds[i]);
}

static void a_large_answer_has_time_in_proportion(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, GET("/large?size=9000000")));
    usec_t began = clock_monotonic();
    pause_ms(50);
    assert_int_equal(counts()->connections, 1);
    pause_ms(400);
    assert_int_equal(counts()->connections, 1); /* it may be slow, in proportion */
    (void)close(fd);
    pause_ms(100);
    assert_int_equal(counts()->connections, 0);
    assert_true(clock_monotonic() - began < 3 * USEC_PER_SEC);
}

/* --- streams ----------------------------------------------------------------------------- */

/* Whether the last chunk was heard. */
static bool ends_well(void)
{
    return strlen(heard) > 5 && strcmp(heard + strlen(heard) - 5, "0\r\n\r\n") == 0;
}

static void a_stream_is_heard_piece_by_piece_and_ended_by_the_server(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, GET("/stream?size=10&left=5")));
    assert_true(hear_all(fd) > 0);
    assert_non_null(strstr(heard, "Content-Type: text/event-stream"));
    assert_null(strstr(heard, "Content-Length"));
    assert_non_null(strstr(heard, "Transfer-Encoding: chunked"));
    const char *body = strstr(heard, "\r\n\r\n") + 4;
    assert_memory_equal(body, "a\r\n", 3);
    assert_int_equal(strlen(body), 5 * (10 + 5 + 1 + 5) + 5);
    assert_true(ends_well());
    assert_null(strstr(body, "after"));
    (void)close(fd);
    pause_ms(30);
    assert_int_equal(service.gone, 1);
    assert_int_equal(counts()->connections, 0);
}

static void a_stream_in_http_1_0_has_no_chunks(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, "GET /stream?size=10&left=5 HTTP/1.0\r\nHost: x\r\n\r\n"));
    assert_true(hear_all(fd) > 0);
    assert_null(strstr(heard, "chunked"));
    assert_int_equal(strlen(strstr(heard, "\r\n\r\n") + 4), 55);
    (void)close(fd);
}

static void a_stream_ends_when_the_client_leaves(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        int fd = dial();
        assert_true(say(fd, GET("/stream?size=10&left=100000")));
        assert_true(recv(fd, heard, 10, 0) > 0);
        if (i % 3 == 0) {
            (void)close(fd);
        } else if (i % 3 == 1) {
            abort_connection(fd);
        } else {
            (void)shutdown(fd, SHUT_WR);
        }
        for (int waits = 0; waits < 200 && service.gone <= i; waits++)
            pause_ms(25);
        assert_int_equal(service.gone, i + 1);
        assert_not_spinning();
        if (i % 3 == 2)
            (void)close(fd);
    }
    assert_serves();
}

static void a_stream_that_nobody_reads_is_cut(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, GET("/stream?size=300000&left=100000")));
    for (int i = 0; i < 300 && service.gone == 0; i++)
        pause_ms(20);
    assert_int_equal(service.gone, 1);
    (void)close(fd);
    assert_serves();
}

static void streams_end_with_the_server(void **state)
{
    (void)state;
    int fd = dial();
    assert_true(say(fd, GET("/stream?size=10&left=100000")));
    assert_true(recv(fd, heard, 10, 0) > 0);
    (void)tear_down(NULL);
    assert_true(service.closed_well);
    assert_int_equal(service.gone, 1);
    (void)close(fd);
    (void)set_up(NULL);
}

/* --- draining ---------------------------------------------------------------------------- */

static void draining_finishes_what_is_under_way(void **state)
{
    (void)state;
    int idle = dial();
    assert_true(say(idle, GET("/x")));
    assert_int_equal(status_of(hear(idle)), 200);
    int working = dial();
    assert_true(say(working, POST("/slow", "1") "x"));
    int sending = dial();
    assert_true(say(sending, POST("/y", "6") "abc"));
    int stream = dial();
    assert_true(say(stream, GET("/stream?size=10&left=100000")));
    assert_true(recv(stream, heard, 10, 0) > 0);
    order('d');
    assert_int_equal(service.drained, 0);
    assert_int_equal(hear_all(idle), 0);
    assert_true(hear_all(stream) >= 0);
    assert_false(ends_well()); /* it was not all */
    assert_true(say(sending, "def"));
    assert_true(hear_all(sending) > 0);
    assert_non_null(strstr(heard, "POST /y q= n=6"));
    assert_non_null(strstr(heard, "Connection: close"));
    assert_int_equal(service.drained, 0);
    assert_true(hear_all(working) > 0);
    assert_non_null(strstr(heard, "POST /slow"));
    assert_non_null(strstr(heard, "Connection: close"));
    pause_ms(50);
    assert_int_equal(service.drained, 1);
    (void)close(idle);
    (void)close(working);
    (void)close(sending);
    (void)close(stream);
}

static void an_idle_server_drains_at_once(void **state)
{
    (void)state;
    order('d');
    pause_ms(50);
    assert_int_equal(service.drained, 1);
}

/* --- TLS --------------------------------------------------------------------------------- */

static char tls_folder[TEMP_PATH];
static char tls_cert[TEMP_PATH + 8];
static char tls_key[TEMP_PATH + 8];

static bool make_certificate(void)
{
    char command[400];
    temp_folder(tls_folder, "http");
    (void)snprintf(tls_cert, sizeof tls_cert, "%s/crt", tls_folder);
    (void)snprintf(tls_key, sizeof tls_key, "%s/key", tls_folder);
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                   "-days 1 -subj /CN=localhost -keyout %s -out %s 2>/dev/null",
                   tls_key, tls_cert);
    return system(command) == 0; /* NOLINT(cert-env33-c): a test's own words */
}

static int set_up_tls(void **state)
{
    (void)state;
    if (!make_certificate())
        return -1;
    service = (struct service){
        .options = {.limits = usual, .tls_cert = tls_cert, .tls_key = tls_key}
    };
    service.options.limits.header_time = 400 * USEC_PER_MSEC;
    start();
    return 0;
}

static int set_up_tls_crowded(void **state)
{
    (void)state;
    if (!make_certificate())
        return -1;
    service = (struct service){
        .options = {.limits = usual, .tls_cert = tls_cert, .tls_key = tls_key}
    };
    service.options.limits.connections = 8;
    start();
    return 0;
}

static int tear_down_tls(void **state)
{
    temp_remove(tls_folder);
    return tear_down(state);
}

static void say_over_tls(const char *requests)
{
    char command[400];
    (void)snprintf(command, sizeof command,
                   "printf '%s' | timeout 3 openssl s_client -quiet -connect 127.0.0.1:%d "
                   "-alpn http/1.1 2>/dev/null",
                   requests, ntohs(service.address.sin_port));
    FILE *out = popen(command, "r"); /* NOLINT(cert-env33-c) */
    assert_non_null(out);
    size_t n = fread(heard, 1, sizeof heard - 1, out);
    heard[n] = '\0';
    (void)pclose(out);
}

static void tls_serves_and_survives_what_plain_http_survives(void **state)
{
    (void)state;
    say_over_tls(
        "POST /t HTTP/1.1\\r\\nContent-Length: 3\\r\\nConnection: close\\r\\n\\r\\nabc");
    assert_non_null(strstr(heard, "POST /t q= n=3"));
    say_over_tls("POST /1 HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\nabc"
                 "POST /2 HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\nabc");
    assert_non_null(strstr(heard, "POST /1 q= n=3"));
    assert_not_spinning();
    int fd = dial();
    assert_true(say(fd, GET("/plain")));
    assert_true(hear_all(fd) >= 0);
    assert_int_equal(status_of(heard) == 200, 0);
    (void)close(fd);
    int silent = dial();
    usec_t began = clock_monotonic();
    assert_int_equal(hear_all(silent), 0);
    assert_in_range((int)((clock_monotonic() - began) / USEC_PER_MSEC), 300, 1500);
    (void)close(silent);
    say_over_tls("GET /t HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n");
    assert_non_null(strstr(heard, "GET /t q= n=0"));
    assert_not_spinning();
}

/* Before a handshake, and in the middle of its first message. */
static void tls_connections_that_only_wait_make_way_too(void **state)
{
    int fds[24];

    (void)state;
    for (int i = 0; i < 24; i++) {
        fds[i] = dial();
        if (i % 2 == 1)
            assert_true(say_n(fds[i], "\x16\x03\x01\x02", 4));
        pause_ms(2);
    }
    say_over_tls("GET /t HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n");
    assert_non_null(strstr(heard, "GET /t q= n=0"));
    assert_int_equal(counts()->refused_connections, 0);
    for (int i = 0; i < 24; i++)
        (void)close(fds[i]);
    assert_not_spinning();
}

static void a_certificate_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    struct loop loop;
    struct err err = {0};
    struct http_server *server = NULL;
    struct http_handler handler = {handle};
    struct http_server_options options = {
        .limits = usual, .tls_cert = "/nowhere.crt", .tls_key = "/nowhere.key"};
    assert_true(loop_init(&loop, NULL));
    assert_false(http_server_create(&loop, &options, &handler, &server, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_true(loop_finish(&loop));
}

#define NORMAL(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define STRICT(test)  cmocka_unit_test_setup_teardown(test, set_up_strict, tear_down)
#define CROWDED(test) cmocka_unit_test_setup_teardown(test, set_up_crowded, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NORMAL(a_request_is_answered_and_the_connection_serves_the_next),
        NORMAL(every_status_of_ours_has_its_words),
        NORMAL(a_proxy_says_who_asks_with_a_port_or_without),
        NORMAL(every_method_is_told_apart),
        NORMAL(head_gets_the_length_and_no_body),
        NORMAL(a_query_argument_is_decoded),
        NORMAL(a_body_of_three_megabytes_arrives_in_pieces_and_whole),
        NORMAL(a_large_answer_reaches_a_slow_reader_whole),
        NORMAL(a_client_may_speak_or_half_close_while_a_large_answer_is_sent),
        NORMAL(a_large_answer_to_a_pipelined_request_is_not_begun),
        NORMAL(header_lines_cannot_be_forged),
        NORMAL(a_line_that_an_encoded_character_ends_is_refused),
        NORMAL(a_blank_before_a_lengths_colon_is_refused),
        NORMAL(http_1_0_and_connection_close_get_one_answer),
        NORMAL(a_unix_socket_serves_one_request_to_a_connection),
        NORMAL(two_posts_in_one_segment_do_not_hang_the_worker),
        NORMAL(two_posts_in_one_segment_to_a_slow_handler_do_not_hang_the_worker),
        NORMAL(more_bytes_after_two_posts_do_not_get_round_the_guard),
        NORMAL(other_pipelines_do_not_hang_the_worker_either),
        NORMAL(a_post_that_comes_while_the_first_is_handled_waits_its_turn),
        NORMAL(a_client_that_has_said_all_and_closed_its_side_is_answered),
        NORMAL(work_begun_is_finished_when_the_client_has_gone),
        NORMAL(exchanges_may_be_answered_after_the_server_has_gone),
        NORMAL(a_storm_of_400_aborted_connections_leaves_nothing_behind),
        NORMAL(a_body_without_a_plain_length_is_refused),
        NORMAL(a_get_with_a_chunked_body_smuggles_nothing),
        NORMAL(a_body_too_long_is_refused_before_it_is_sent),
        NORMAL(a_client_that_goes_on_sending_can_still_read_the_refusal),
        NORMAL(expect_100_continue_is_answered_before_the_body_is_sent),
        STRICT(giant_headers_end_the_connection),
        NORMAL(whatever_else_is_said_closes_and_harms_nobody),
        NORMAL(random_bytes_close_and_harm_nobody),
        NORMAL(every_cut_of_a_request_is_put_together_again),
        STRICT(slow_drips_are_cut_off_in_all),
        STRICT(silent_connections_are_closed_in_time),
        STRICT(a_handler_may_take_longer_than_any_deadline),
        CROWDED(connections_beyond_a_cap_of_busy_ones_are_closed_at_once),
        CROWDED(who_only_waits_makes_way_for_whoever_comes),
        CROWDED(who_is_at_work_or_sends_makes_way_for_nobody),
        CROWDED(who_was_refused_and_goes_on_sending_keeps_nobody_out),
        STRICT(all_bodies_together_are_bounded),
        cmocka_unit_test_setup_teardown(slow_bodies_keep_nobody_out_who_sends_at_once,
                                        set_up_narrow, tear_down),
        cmocka_unit_test_setup_teardown(where_no_door_is_a_body_may_be_small_only,
                                        set_up_narrow, tear_down),
        cmocka_unit_test_setup_teardown(
            larger_bodies_have_half_of_the_room_and_one_may_have_all, set_up_narrow, tear_down),
        cmocka_unit_test_setup_teardown(who_shows_a_token_gets_the_room_of_those_who_show_none,
                                        set_up_narrow, tear_down),
        cmocka_unit_test_setup_teardown(who_shows_no_token_is_refused_before_much_is_read,
                                        set_up_narrow, tear_down),
        STRICT(a_claimed_length_costs_no_memory),
        STRICT(a_large_answer_has_time_in_proportion),
        NORMAL(a_stream_is_heard_piece_by_piece_and_ended_by_the_server),
        NORMAL(a_stream_in_http_1_0_has_no_chunks),
        NORMAL(a_stream_ends_when_the_client_leaves),
        NORMAL(a_stream_that_nobody_reads_is_cut),
        NORMAL(streams_end_with_the_server),
        NORMAL(draining_finishes_what_is_under_way),
        NORMAL(an_idle_server_drains_at_once),
        cmocka_unit_test_setup_teardown(tls_serves_and_survives_what_plain_http_survives,
                                        set_up_tls, tear_down_tls),
        cmocka_unit_test_setup_teardown(tls_connections_that_only_wait_make_way_too,
                                        set_up_tls_crowded, tear_down_tls),
        cmocka_unit_test(a_certificate_that_cannot_be_used_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
