/*
 * Outgoing requests against servers that answer, refuse, vanish, hang and flood. What must come
 * out right each time is how far the request got: a message is never repeated because someone
 * guessed.
 */
#include "bot/net/fetch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the other end: a thread for each connection ------------------------------------------ */

#define SEEN_MAX 65536

struct other_end {
    int fd;
    int port;
    pthread_t thread;
    atomic_int accepted;
    atomic_int begun;    /* requests of which anything has come */
    atomic_int requests; /* whole ones */
    atomic_int open;
    atomic_bool stopping;
    pthread_mutex_t lock;
    char seen[SEEN_MAX]; /* the last request */
    size_t seen_body;
};

static struct other_end other;

static void pause_ms(int ms)
{
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static bool send_all(int fd, const char *bytes, size_t n)
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

static bool answer(int fd, const char *status, const char *headers, const char *body)
{
    char text[2000];
    int n = snprintf(text, sizeof text, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
                     status, headers, strlen(body), body);
    return send_all(fd, text, (size_t)n);
}

static bool answer_huge(int fd)
{
    static char block[100000];
    const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n";
    bool well = send_all(fd, head, strlen(head));
    for (int i = 0; well && i < 50; i++)
        well = send_all(fd, block, sizeof block);
    return well;
}

static void hang(void)
{
    while (!other.stopping)
        pause_ms(5);
}

static bool answer_date(int fd, int seconds_from_now)
{
    char line[100];
    time_t when = time(NULL) + seconds_from_now;
    struct tm utc;
    (void)gmtime_r(&when, &utc);
    (void)strftime(line, sizeof line, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    return answer(fd, "503 Busy", line, "");
}

/* False when the connection ends. */
static bool act_by_path(int fd, const char *path)
{
    if (strcmp(path, "/ok") == 0)
        return answer(fd, "200 OK", "X-Some: thing\r\n", "hello");
    if (strcmp(path, "/slow") == 0) {
        pause_ms(50);
        return answer(fd, "200 OK", "", "slow");
    }
    if (strcmp(path, "/hang") == 0) {
        hang();
        return false;
    }
    if (strcmp(path, "/huge") == 0)
        return answer_huge(fd);
    if (strcmp(path, "/partial") == 0) {
        (void)send_all(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 43);
        return false;
    }
    if (strcmp(path, "/half-head") == 0) {
        (void)send_all(fd, "HTTP/1.1 200 OK\r\nContent-Le", 27);
        return false;
    }
    if (strcmp(path, "/garbage") == 0) {
        (void)send_all(fd, "I am no web server\r\n\r\n", 22);
        return false;
    }
    if (strcmp(path, "/redirect") == 0)
        return answer(fd, "302 Found", "Location: /ok\r\n", "");
    if (strcmp(path, "/seconds") == 0)
        return answer(fd, "429 Slow down", "Retry-After: 120\r\n", "");
    if (strcmp(path, "/for-ever") == 0)
        return answer(fd, "429 Slow down", "Retry-After: 99999999999999\r\n", "");
    if (strcmp(path, "/nonsense") == 0)
        return answer(fd, "429 Slow down", "Retry-After: soon\r\n", "");
    if (strcmp(path, "/negative") == 0)
        return answer(fd, "429 Slow down", "Retry-After: -5\r\n", "");
    if (strcmp(path, "/date") == 0)
        return answer_date(fd, 90);
    if (strcmp(path, "/past") == 0)
        return answer_date(fd, -90);
    return false; /* "/close": read, and gone */
}

/* The sockets wait a moment only, to see when to stop; a slow machine is not the end. */
static ssize_t receive(int fd, char *into, size_t room)
{
    ssize_t n;
    do {
        n = recv(fd, into, room, 0);
    } while (n < 0 && (errno == EAGAIN || errno == EINTR) && !other.stopping);
    return n;
}

/* Reads one request; false at the connection's end. The path is left in `path`. */
static bool read_request(int fd, char *path)
{
    static _Thread_local char bytes[SEEN_MAX];
    size_t len = 0;
    char *end = NULL;
    while (!end) {
        ssize_t n = receive(fd, bytes + len, sizeof bytes - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        bytes[len] = '\0';
        end = strstr(bytes, "\r\n\r\n");
    }
    const char *length = strcasestr(bytes, "\r\nContent-Length: ");
    size_t want = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    size_t body = len - (size_t)(end + 4 - bytes);
    (void)sscanf(bytes, "%*15s %99s", path);
    if (strcmp(path, "/cut") == 0)
        return false;
    pthread_mutex_lock(&other.lock);
    memcpy(other.seen, bytes, len + 1);
    pthread_mutex_unlock(&other.lock);
    while (body < want) {
        ssize_t n = receive(fd, bytes, sizeof bytes);
        if (n <= 0)
            return false;
        body += (size_t)n;
    }
    pthread_mutex_lock(&other.lock);
    other.seen_body = body;
    pthread_mutex_unlock(&other.lock);
    other.requests++;
    return true;
}

static void *converse(void *socket)
{
    int fd = (int)(intptr_t)socket;
    char path[100];
    struct timeval patience = {.tv_usec = 20000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;;) {
        char first = 0;
        ssize_t n = recv(fd, &first, 1, MSG_PEEK);
        if (n == 0 || other.stopping)
            break;
        if (n < 0)
            continue;
        other.begun++;
        if (first == 0x16) /* a TLS handshake, which nobody here speaks */
            break;
        if (!read_request(fd, path) || !act_by_path(fd, path))
            break;
    }
    (void)close(fd);
    other.open--;
    return NULL;
}

static void *accept_all(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept(other.fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        pthread_t thread;
        other.accepted++;
        other.open++;
        if (pthread_create(&thread, NULL, converse, (void *)(intptr_t)fd) == 0)
            (void)pthread_detach(thread);
    }
}

/* Longer than anything takes on the busiest machine: whoever takes so long waits for ever. */
#define PATIENCE (30 * USEC_PER_SEC)

/* --- the fetcher under test ----------------------------------------------------------------
 */

static struct loop loop;
static struct fetcher *fetcher;
static struct arena arena;
static int ended;

struct call {
    struct fetch fetch;
    struct http_request request;
    struct http_header headers[4];
    int dones;
};

static struct call calls[128];

static int listen_somewhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int set_up(void **state)
{
    (void)state;
    struct fetch_options options = {.connections = 128,
                                    .allow_http = true,
                                    .user_agent = "Parley-test/1",
                                    .reuse_idle = PATIENCE};
    other = (struct other_end){0};
    pthread_mutex_init(&other.lock, NULL);
    other.fd = listen_somewhere(&other.port);
    memset(calls, 0, sizeof calls);
    ended = 0;
    if (!loop_init(&loop, NULL) || !fetcher_create(&loop, &options, &fetcher, NULL))
        return -1;
    return pthread_create(&other.thread, NULL, accept_all, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    fetcher_destroy(fetcher);
    bool well = loop_finish(&loop);
    other.stopping = true;
    (void)shutdown(other.fd, SHUT_RDWR);
    (void)pthread_join(other.thread, NULL);
    (void)close(other.fd);
    while (other.open > 0)
        pause_ms(1);
    pthread_mutex_destroy(&other.lock);
    arena_finish(&arena);
    return well ? 0 : -1;
}

static struct str url_of(const char *path)
{
    return arena_format(&arena, "http://127.0.0.1:%d%s", other.port, path);
}

static void note_done(struct fetch *fetch)
{
    struct call *call = CONTAINER_OF(fetch, struct call, fetch);
    call->dones++;
    ended++;
}

static struct call *prepare(size_t i, const char *method, const char *path, struct str body)
{
    struct call *call = &calls[i];
    call->request = (struct http_request){
        .method = method, .url = url_of(path), .headers = call->headers, .body = body};
    call->fetch = (struct fetch){.request = &call->request,
                                 .connect_timeout = 2 * PATIENCE,
                                 .timeout = 2 * PATIENCE,
                                 .into = &arena,
                                 .done = note_done};
    call->dones = 0;
    return call;
}

static void launch(struct call *call)
{
    call->dones = 0;
    fetcher_start(fetcher, &call->fetch);
    assert_int_equal(call->dones, 0);
}

/* Until so many have ended. Idle connections do not keep the loop alive for us. */
static void await(int n)
{
    while (ended < n)
        uv_run(&loop.uv, UV_RUN_ONCE);
}

static void run(struct call *call)
{
    int before = ended;
    launch(call);
    await(before + 1);
    assert_int_equal(call->dones, 1);
    assert_null(call->fetch.internal);
}

static struct call *fetch_path(const char *method, const char *path, struct str body)
{
    struct call *call = prepare(0, method, path, body);
    run(call);
    return call;
}

static void warm_up(void)
{
    struct call *call = fetch_path("GET", "/ok", STR_NONE);
    assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
    other.requests = 0;
    other.begun = 0;
}

/* --- answered ------------------------------------------------------------------------------
 */

static void an_answer_comes_with_status_body_and_time(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/ok", STR("{\"a\":1}"));
    call->headers[0] = (struct http_header){STR("Authorization"), STR("Bearer abc")};
    call->headers[1] = (struct http_header){STR("Content-Type"), STR("application/json")};
    call->headers[2] = (struct http_header){STR("X-Empty"), STR("")};
    call->request.n_headers = 3;
    run(call);
    assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
    assert_int_equal(call->fetch.answer.status, 200);
    assert_true(str_eq(call->fetch.answer.body, STR("hello")));
    assert_int_equal(call->fetch.err.code, ERR_NONE);
    assert_true(call->fetch.took > 0 && call->fetch.took < PATIENCE);
    assert_non_null(strstr(other.seen, "POST /ok HTTP/1.1\r\n"));
    assert_non_null(strstr(other.seen, "\r\nAuthorization: Bearer abc\r\n"));
    assert_non_null(strstr(other.seen, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(other.seen, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(other.seen, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(other.seen, "\r\nUser-Agent: Parley-test/1\r\n"));
    assert_null(strcasestr(other.seen, "Expect"));
    assert_null(strcasestr(other.seen, "chunked"));
    assert_int_equal(other.seen_body, 7);
}

static void every_method_is_sent_as_it_is(void **state)
{
    (void)state;
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < COUNTOF(methods) * 3; i++) {
        struct call *call =
            prepare(0, methods[i % 4], "/ok", i / 4 == 0 ? STR_NONE : STR("body"));
        call->request.repeatable = i / 4 == 2;
        run(call);
        assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
        assert_int_equal(strncmp(other.seen, methods[i % 4], strlen(methods[i % 4])), 0);
        assert_non_null(
            strstr(other.seen, i / 4 == 0 ? "Content-Length: 0\r\n" : "Content-Length: 4\r\n"));
        assert_null(strcasestr(other.seen, "Content-Type"));
    }
    struct call *call = fetch_path("GET", "/ok", STR_NONE);
    assert_int_equal(strncmp(other.seen, "GET /ok ", 8), 0);
    assert_null(strcasestr(other.seen, "Content-Length"));
    assert_true(str_eq(call->fetch.answer.body, STR("hello")));
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    (void)state;
    struct call *call = fetch_path("GET", "/redirect", STR_NONE);
    assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
    assert_int_equal(call->fetch.answer.status, 302);
    assert_int_equal(other.requests, 1);
}

static void retry_after_is_read_in_both_forms_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        usec_t least, most;
    } cases[] = {
        {"/ok",       0,                  0                 },
        {"/seconds",  120 * USEC_PER_SEC, 120 * USEC_PER_SEC},
        {"/for-ever", USEC_PER_DAY,       USEC_PER_DAY      },
        {"/nonsense", 0,                  0                 },
        {"/negative", 0,                  0                 },
        {"/date",     80 * USEC_PER_SEC,  91 * USEC_PER_SEC },
        {"/past",     0,                  0                 },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct call *call = fetch_path("GET", cases[i].path, STR_NONE);
        assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
        if (call->fetch.answer.retry_after < cases[i].least ||
            call->fetch.answer.retry_after > cases[i].most)
            fail_msg("%s: %lld", cases[i].path, (long long)call->fetch.answer.retry_after);
    }
}

static void a_large_body_is_sent_whole_and_may_be_repeated_or_not(void **state)
{
    (void)state;
    size_t size = 3 << 20;
    char *body = calloc(1, size);
    for (int i = 0; i < 2; i++) {
        struct call *call = prepare(0, "POST", "/ok", (struct str){body, size});
        call->request.repeatable = i;
        run(call);
        assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
        assert_int_equal(other.seen_body, size);
    }
    free(body);
}

/* --- not sent ------------------------------------------------------------------------------
 */

static void assert_not_sent(struct call *call, enum err_code code)
{
    assert_int_equal(call->fetch.answer.fate, HTTP_NOT_SENT);
    assert_int_equal(call->fetch.err.code, code);
    assert_true(call->fetch.err.text[0] != '\0');
    assert_int_equal(other.requests, 0);
}

static void a_refused_connection_sent_nothing(void **state)
{
    (void)state;
    int port = 0;
    int fd = listen_somewhere(&port);
    (void)close(fd);
    struct call *call = prepare(0, "POST", "/ok", STR("x"));
    call->request.url = arena_format(&arena, "http://127.0.0.1:%d/", port);
    run(call);
    assert_not_sent(call, ERR_RETRY);
}

static void an_unknown_name_sent_nothing(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/ok", STR("x"));
    call->request.url = STR("http://no-such-name.invalid/");
    run(call);
    assert_not_sent(call, ERR_RETRY);
}

static void a_failed_tls_handshake_sent_nothing(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/ok", STR("x"));
    call->request.url = arena_format(&arena, "https://127.0.0.1:%d/garbage", other.port);
    run(call);
    assert_int_equal(call->fetch.answer.fate, HTTP_NOT_SENT);
}

static void a_tls_handshake_that_hangs_sent_nothing(void **state)
{
    (void)state;
    int port = 0;
    int fd = listen_somewhere(&port);
    struct call *call = prepare(0, "POST", "/ok", STR("x"));
    call->request.url = arena_format(&arena, "https://127.0.0.1:%d/", port);
    call->fetch.connect_timeout = 200 * USEC_PER_MSEC;
    run(call);
    assert_not_sent(call, ERR_RETRY);
    assert_true(call->fetch.took < PATIENCE);
    (void)close(fd);
}

static void what_cannot_be_written_as_http_is_refused(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/ok", STR("x"));
    call->headers[0] = (struct http_header){STR("X-A"), STR("b\r\nX-Forged: c")};
    call->request.n_headers = 1;
    run(call);
    assert_not_sent(call, ERR_REJECT);
    call->headers[0] = (struct http_header){STR("X\nA"), STR("b")};
    run(prepare(0, "POST", "/ok x\r\n", STR("x")));
    assert_not_sent(call, ERR_REJECT);
    call = prepare(0, "POST", "/ok", STR("x"));
    call->request.url = STR("no url at all");
    run(call);
    assert_int_equal(call->fetch.answer.fate, HTTP_NOT_SENT);
    call->request.url = STR("file:///etc/hostname");
    run(call);
    assert_not_sent(call, ERR_REJECT);
    call->request.url = STR_NONE;
    run(call);
    assert_not_sent(call, ERR_REJECT);
}

static void plain_http_is_refused_unless_allowed(void **state)
{
    (void)state;
    struct fetcher *usual = fetcher;
    struct fetch_options options = {.connections = 2};
    assert_true(fetcher_create(&loop, &options, &fetcher, NULL));
    struct call *call = fetch_path("POST", "/ok", STR("x"));
    assert_not_sent(call, ERR_REJECT);
    fetcher_destroy(fetcher);
    fetcher = usual;
}

/* --- unknown -------------------------------------------------------------------------------
 */

static void assert_unknown(struct call *call)
{
    assert_int_equal(call->fetch.answer.fate, HTTP_UNKNOWN);
    assert_int_equal(call->fetch.answer.body.len, 0);
    assert_true(call->fetch.err.code == ERR_RETRY);
}

static void a_server_that_closes_a_warm_connection_gets_exactly_one_copy(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        warm_up();
        struct call *call = fetch_path("POST", "/close", STR("pay 100"));
        assert_unknown(call);
        pause_ms(20);
        assert_int_equal(other.requests, 1);
        assert_int_equal(other.begun, 1); /* libcurl connects again, and then sends nothing */
    }
}

static void the_trap_is_real_a_repeatable_request_is_repeated(void **state)
{
    (void)state;
    warm_up();
    struct call *call = prepare(0, "POST", "/close", STR("pay 100"));
    call->request.repeatable = true;
    run(call);
    assert_unknown(call);
    assert_int_equal(other.requests, 2);
}

static void a_post_without_a_body_is_not_repeated_either(void **state)
{
    (void)state;
    warm_up();
    struct call *call = fetch_path("POST", "/close", STR_NONE);
    assert_unknown(call);
    assert_int_equal(other.requests, 1);
    call = fetch_path("DELETE", "/close", STR_NONE);
    assert_unknown(call);
    assert_int_equal(other.requests, 2);
}

static void a_connection_that_breaks_inside_a_body_is_not_tried_again(void **state)
{
    (void)state;
    size_t size = 3 << 20;
    char *body = calloc(1, size);
    warm_up();
    struct call *call = fetch_path("POST", "/cut", (struct str){body, size});
    assert_int_equal(call->fetch.answer.fate, HTTP_UNKNOWN);
    assert_int_equal(other.requests, 0);
    assert_int_equal(other.begun, 1);
    free(body);
}

static void a_fresh_connection_that_closes_or_babbles_is_unknown(void **state)
{
    (void)state;
    static const char *const paths[] = {"/close", "/half-head", "/garbage", "/partial"};
    for (size_t i = 0; i < COUNTOF(paths); i++)
        assert_unknown(fetch_path("POST", paths[i], STR("x")));
    assert_int_equal(other.requests, COUNTOF(paths));
}

static void a_server_that_hangs_is_unknown_in_time(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/hang", STR("x"));
    call->fetch.timeout = 200 * USEC_PER_MSEC;
    run(call);
    assert_unknown(call);
    assert_true(call->fetch.took >= 190 * USEC_PER_MSEC && call->fetch.took < PATIENCE);
}

static void an_answer_too_large_is_unknown_and_for_a_get_an_error(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/huge", STR("x"));
    call->fetch.body_max = 100000;
    run(call);
    assert_unknown(call);
    call = prepare(0, "GET", "/huge", STR_NONE);
    call->fetch.body_max = 4999999;
    run(call);
    assert_int_equal(call->fetch.answer.fate, HTTP_UNKNOWN);
    assert_int_equal(call->fetch.err.code, ERR_REJECT);
    call->fetch.body_max = 5000000;
    run(call);
    assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
    assert_int_equal(call->fetch.answer.body.len, 5000000);
}

/* --- many, cancelled, destroyed ------------------------------------------------------------
 */

static void a_hundred_at_once_are_answered_and_reuse_their_connections(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 100; i++)
            launch(prepare(i, "POST", "/slow", STR("x")));
        await(100 * (round + 1));
        assert_true(other.accepted > 10); /* and not one after the other */
        for (size_t i = 0; i < 100; i++) {
            assert_int_equal(calls[i].dones, 1);
            assert_int_equal(calls[i].fetch.answer.fate, HTTP_ANSWERED);
        }
        assert_true(other.accepted <= 100);
    }
    assert_int_equal(other.requests, 300);
}

static void a_connection_that_was_idle_too_long_is_not_reused(void **state)
{
    (void)state;
    struct fetcher *usual = fetcher;
    struct fetch_options options = {
        .connections = 2, .allow_http = true, .reuse_idle = USEC_PER_SEC};
    warm_up();
    (void)fetch_path("POST", "/ok", STR("x"));
    assert_int_equal(other.accepted, 1);
    assert_true(fetcher_create(&loop, &options, &fetcher, NULL));
    (void)fetch_path("POST", "/ok", STR("x"));
    pause_ms(2300);
    (void)fetch_path("POST", "/ok", STR("x"));
    assert_int_equal(other.accepted, 3);
    fetcher_destroy(fetcher);
    fetcher = usual;
}

static int chain_left;

static void start_next(struct fetch *fetch)
{
    struct call *call = CONTAINER_OF(fetch, struct call, fetch);
    note_done(fetch);
    assert_int_equal(fetch->answer.fate, HTTP_ANSWERED);
    if (--chain_left > 0)
        fetcher_start(fetcher, &call->fetch);
}

static void a_done_may_start_the_same_fetch_again(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/ok", STR("x"));
    call->fetch.done = start_next;
    chain_left = 50;
    launch(call);
    await(50);
    assert_int_equal(other.requests, 50);
    assert_int_equal(other.accepted, 1);
}

static void destroying_says_how_far_it_got(void **state)
{
    (void)state;
    int port = 0;
    int deaf = listen_somewhere(&port);
    struct call *sent = prepare(0, "POST", "/hang", STR("x"));
    struct call *unsent = prepare(1, "POST", "/", STR("x"));
    struct call *fresh = prepare(2, "POST", "/ok", STR("x"));
    unsent->request.url = arena_format(&arena, "https://127.0.0.1:%d/", port);
    launch(sent);
    launch(unsent);
    while (other.requests == 0)
        uv_run(&loop.uv, UV_RUN_ONCE);
    launch(fresh);
    assert_int_equal(ended, 0);
    fetcher_destroy(fetcher);
    fetcher = NULL;
    assert_int_equal(ended, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(calls[i].dones, 1);
        assert_int_equal(calls[i].fetch.err.code, ERR_CANCELED);
    }
    assert_int_equal(sent->fetch.answer.fate, HTTP_UNKNOWN);
    assert_int_equal(unsent->fetch.answer.fate, HTTP_NOT_SENT);
    assert_int_equal(fresh->fetch.answer.fate, HTTP_NOT_SENT);
    assert_int_equal(other.begun, 1);
    (void)close(deaf);
}

/* All was asked, and then the process slept; libcurl begins in the loop's next turn only. */
static void what_slept_past_its_time_is_not_begun(void **state)
{
    (void)state;
    for (int warm = 0; warm < 2; warm++) {
        struct call *call = prepare(0, "POST", "/ok", STR("x"));
        if (warm) {
            warm_up();
            call = prepare(0, "POST", "/ok", STR("x"));
        }
        call->fetch.until = clock_monotonic() + 20 * USEC_PER_MSEC;
        launch(call);
        pause_ms(40);
        await(ended + 1);
        assert_int_equal(call->fetch.answer.fate, HTTP_NOT_SENT);
        assert_int_equal(call->fetch.err.code, ERR_CANCELED);
        assert_int_equal(other.begun, 0);
    }
}

static void what_may_go_on_longer_is_begun(void **state)
{
    (void)state;
    struct call *call = prepare(0, "POST", "/ok", STR("x"));
    call->fetch.until = clock_monotonic() + 20 * USEC_PER_MSEC;
    fetcher_extend(&call->fetch, 1); /* not under way */
    launch(call);
    pause_ms(40);
    fetcher_extend(&call->fetch, clock_monotonic() + PATIENCE);
    await(1);
    assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
    assert_int_equal(call->fetch.err.code, ERR_NONE);
}

static void destroying_ends_everything_under_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < 20; i++)
        launch(prepare(i, "POST", i % 2 ? "/hang" : "/slow", STR("x")));
    struct call *bad = prepare(20, "POST", "/bad\r\n", STR("x"));
    launch(bad);
    while (other.requests < 5)
        uv_run(&loop.uv, UV_RUN_ONCE);
    int before = ended;
    fetcher_destroy(fetcher);
    fetcher = NULL;
    assert_int_equal(ended, 21);
    assert_true(before < 21);
    for (size_t i = 0; i <= 20; i++)
        assert_int_equal(calls[i].dones, 1);
}

static void a_proxy_in_the_environment_is_ignored(void **state)
{
    (void)state;
    (void)setenv("http_proxy", "http://127.0.0.1:1/", 1);
    (void)setenv("all_proxy", "http://127.0.0.1:1/", 1);
    struct call *call = fetch_path("GET", "/ok", STR_NONE);
    assert_int_equal(call->fetch.answer.fate, HTTP_ANSWERED);
    (void)unsetenv("http_proxy");
    (void)unsetenv("all_proxy");
}

/* --- addresses that somebody else chose ----------------------------------------------------
 */

static void ops_3_an_address_of_our_own_network_is_not_reached(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]",     "0.0.0.0",
                                        "127.1",     "0x7f.1",    "2130706433"};

    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct call *call = prepare(0, "GET", "/ok", STR_NONE);
        call->request.url = arena_format(&arena, "http://%s:%d/ok", hosts[i], other.port);
        call->fetch.public_only = true;
        run(call);
        assert_int_equal(call->fetch.answer.fate, HTTP_NOT_SENT);
    }
    assert_int_equal(other.accepted, 0);
}

/* A connection that is open for a request of our own is no way in for others'. */
static void ops_3_nor_over_a_connection_that_is_open(void **state)
{
    (void)state;
    run(prepare(0, "GET", "/ok", STR_NONE));
    assert_int_equal(calls[0].fetch.answer.fate, HTTP_ANSWERED);
    struct call *call = prepare(1, "GET", "/ok", STR_NONE);
    call->fetch.public_only = true;
    run(call);
    assert_int_not_equal(call->fetch.answer.fate, HTTP_ANSWERED);
    assert_int_equal(other.requests, 1);
    run(prepare(2, "GET", "/ok", STR_NONE)); /* and our own goes on */
    assert_int_equal(calls[2].fetch.answer.fate, HTTP_ANSWERED);
}

#define WITH_OTHER_END(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_OTHER_END(ops_3_an_address_of_our_own_network_is_not_reached),
        WITH_OTHER_END(ops_3_nor_over_a_connection_that_is_open),
        WITH_OTHER_END(an_answer_comes_with_status_body_and_time),
        WITH_OTHER_END(every_method_is_sent_as_it_is),
        WITH_OTHER_END(a_redirect_is_an_answer_and_not_followed),
        WITH_OTHER_END(retry_after_is_read_in_both_forms_and_bounded),
        WITH_OTHER_END(a_large_body_is_sent_whole_and_may_be_repeated_or_not),
        WITH_OTHER_END(a_refused_connection_sent_nothing),
        WITH_OTHER_END(an_unknown_name_sent_nothing),
        WITH_OTHER_END(a_failed_tls_handshake_sent_nothing),
        WITH_OTHER_END(a_tls_handshake_that_hangs_sent_nothing),
        WITH_OTHER_END(what_cannot_be_written_as_http_is_refused),
        WITH_OTHER_END(plain_http_is_refused_unless_allowed),
        WITH_OTHER_END(a_server_that_closes_a_warm_connection_gets_exactly_one_copy),
        WITH_OTHER_END(the_trap_is_real_a_repeatable_request_is_repeated),
        WITH_OTHER_END(a_post_without_a_body_is_not_repeated_either),
        WITH_OTHER_END(a_connection_that_breaks_inside_a_body_is_not_tried_again),
        WITH_OTHER_END(a_fresh_connection_that_closes_or_babbles_is_unknown),
        WITH_OTHER_END(a_server_that_hangs_is_unknown_in_time),
        WITH_OTHER_END(an_answer_too_large_is_unknown_and_for_a_get_an_error),
        WITH_OTHER_END(a_hundred_at_once_are_answered_and_reuse_their_connections),
        WITH_OTHER_END(a_connection_that_was_idle_too_long_is_not_reused),
        WITH_OTHER_END(a_done_may_start_the_same_fetch_again),
        WITH_OTHER_END(destroying_says_how_far_it_got),
        WITH_OTHER_END(what_slept_past_its_time_is_not_begun),
        WITH_OTHER_END(what_may_go_on_longer_is_begun),
        WITH_OTHER_END(destroying_ends_everything_under_way),
        WITH_OTHER_END(a_proxy_in_the_environment_is_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
