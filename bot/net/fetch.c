/*
 * libcurl knows HTTP, the loop knows sockets and time, and this file tells each what the other
 * wants. What it adds is an honest account of how far a request got: libcurl counts the bytes
 * of a request that it has handed to the kernel, and from the first of them on the server may
 * have read it, whatever the error was.
 *
 * Silent repetition (limits.md, trap 12): when a reused connection closes without an answer
 * libcurl sends the request again, if it can rewind the body. Ours cannot be rewound unless the
 * provider ignores repetitions; a request without a body would be repeated all the same, so
 * that one gets a connection of its own.
 */
#include "bot/net/fetch_inside.h"

#include "bot/net/public_net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>

#define DEFAULT_BODY_MAX ((size_t)1 << 20)
#define RETRY_AFTER_MAX  USEC_PER_DAY

/* A socket of libcurl's that the loop watches. */
struct watched {
    struct poll_watch watch;
    struct fetcher *fetcher;
    curl_socket_t fd;
};

/* --- the end of a transfer ---------------------------------------------------------------- */

void fetcher_settle(struct fetcher *fetcher)
{
    if (!fetcher->destroyed || fetcher->handles > 0)
        return;
    free((char *)fetcher->options.ca_file);
    free((char *)fetcher->options.user_agent);
    free((char *)fetcher->options.proxy);
    free(fetcher->idle);
    free(fetcher);
}

static void give_back(struct fetcher *fetcher, CURL *easy)
{
    if (!easy)
        return;
    if (fetcher->destroyed || fetcher->n_idle == fetcher->options.connections) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    fetcher->idle[fetcher->n_idle++] = easy;
}

static void unlink_transfer(struct transfer *transfer)
{
    if (transfer->prev) {
        transfer->prev->next = transfer->next;
    } else {
        transfer->fetcher->transfers = transfer->next;
    }
    if (transfer->next)
        transfer->next->prev = transfer->prev;
}

static bool is_method(const struct http_request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

static bool is_read_only(const struct http_request *request)
{
    return is_method(request, "GET") || is_method(request, "HEAD");
}

static usec_t read_retry_after(CURL *easy)
{
    curl_off_t seconds = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds <= 0)
        return 0;
    if (seconds > RETRY_AFTER_MAX / USEC_PER_SEC)
        return RETRY_AFTER_MAX;
    return seconds * USEC_PER_SEC;
}

static bool any_byte_sent(CURL *easy)
{
    long size = 0;
    return easy && curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &size) == CURLE_OK &&
           size > 0;
}

/* Made whole by libcurl, which follows none. */
static struct str read_redirect(struct transfer *transfer, long status)
{
    const char *url = NULL;
    if (status < 300 || status > 399 ||
        curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &url) != CURLE_OK)
        return STR_NONE;
    return arena_str(transfer->fetch->into, str_from(url));
}

static void answer_from(struct transfer *transfer)
{
    struct fetch *fetch = transfer->fetch;
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    fetch->answer = (struct http_answer){
        .fate = HTTP_ANSWERED,
        .status = (int)status,
        .body = arena_str(fetch->into, (struct str){transfer->body, transfer->body_len}),
        .retry_after = read_retry_after(transfer->easy),
    };
    fetch->redirect = read_redirect(transfer, status);
}

static void raise_failure(struct transfer *transfer, CURLcode code)
{
    struct fetch *fetch = transfer->fetch;
    enum err_code what = ERR_RETRY;
    bool is_ours = code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
    if (transfer->too_late) {
        (void)err_raise(&fetch->err, ERR_CANCELED, "its time was over before it was sent");
        return;
    }
    if (is_ours && fetch->answer.fate == HTTP_NOT_SENT)
        what = ERR_REJECT;
    if (transfer->too_large) {
        what = is_read_only(fetch->request) ? ERR_REJECT : ERR_RETRY;
        (void)err_raise(&fetch->err, what, "the answer is larger than %zu bytes",
                        fetch->body_max);
        return;
    }
    const char *reason = transfer->reason[0] ? transfer->reason : curl_easy_strerror(code);
    (void)err_raise(&fetch->err, what, "%s", reason);
}

/* The fetch has its outcome: give everything back, then tell its owner, who may free it. */
static void end_transfer(struct transfer *transfer)
{
    struct fetcher *fetcher = transfer->fetcher;
    struct fetch *fetch = transfer->fetch;
    fetch->took = clock_monotonic() - transfer->began;
    fetch->internal = NULL;
    unlink_transfer(transfer);
    loop_unpost(fetcher->loop, &transfer->task);
    if (transfer->easy)
        (void)curl_multi_remove_handle(fetcher->multi, transfer->easy);
    give_back(fetcher, transfer->easy);
    curl_slist_free_all(transfer->headers);
    fetch_mail_leave(transfer);
    free(transfer->url);
    free(transfer->body);
    free(transfer);
    fetch->done(fetch);
}

static enum http_fate fate_of(const struct transfer *transfer)
{
    if (transfer->fetch->request->mail)
        return fetch_mail_fate(transfer);
    return any_byte_sent(transfer->easy) ? HTTP_UNKNOWN : HTTP_NOT_SENT;
}

void fetcher_finish(struct transfer *transfer, CURLcode code)
{
    struct fetch *fetch = transfer->fetch;
    if (transfer->mail) {
        fetch_mail_end(transfer, code);
        end_transfer(transfer);
        return;
    }
    if (code == CURLE_OK && !transfer->head_complete)
        code = CURLE_GOT_NOTHING; /* to libcurl, headers that break off are an answer */
    if (code == CURLE_OK) {
        answer_from(transfer);
    } else {
        fetch->answer.fate = fate_of(transfer);
        raise_failure(transfer, code);
    }
    end_transfer(transfer);
}

static void cancel_transfer(struct transfer *transfer, const char *why)
{
    struct fetch *fetch = transfer->fetch;
    fetch->answer.fate = fate_of(transfer);
    (void)err_raise(&fetch->err, ERR_CANCELED, "%s", why);
    end_transfer(transfer);
}

static void collect_ended(struct fetcher *fetcher)
{
    int left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(fetcher->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        fetcher_finish(transfer, code);
    }
}

/* --- sockets and time --------------------------------------------------------------------- */

static void act(struct fetcher *fetcher, curl_socket_t fd, int events)
{
    int running = 0;
    (void)curl_multi_socket_action(fetcher->multi, fd, events, &running);
    collect_ended(fetcher);
}

static void socket_ready(struct poll_watch *watch, int status, int events)
{
    struct watched *watched = CONTAINER_OF(watch, struct watched, watch);
    int what = 0;
    if (status < 0)
        what |= CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    act(watched->fetcher, watched->fd, what);
}

static void socket_closed(struct poll_watch *watch)
{
    struct watched *watched = CONTAINER_OF(watch, struct watched, watch);
    struct fetcher *fetcher = watched->fetcher;
    free(watched);
    fetcher->handles--;
    fetcher_settle(fetcher);
}

static struct watched *watch_socket(struct fetcher *fetcher, curl_socket_t fd)
{
    struct watched *watched = calloc(1, sizeof *watched);
    if (!watched)
        abort();
    watched->fetcher = fetcher;
    watched->fd = fd;
    if (!poll_open(fetcher->loop, &watched->watch, fd, socket_ready, NULL)) {
        free(watched);
        return NULL;
    }
    fetcher->handles++;
    (void)curl_multi_assign(fetcher->multi, fd, watched);
    return watched;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    (void)easy;
    struct fetcher *fetcher = user;
    struct watched *watched = socket_user;
    if (what == CURL_POLL_REMOVE) {
        if (watched)
            poll_close(&watched->watch, socket_closed);
        return 0;
    }
    if (!watched)
        watched = watch_socket(fetcher, fd);
    if (!watched)
        return -1;
    int mask = 0;
    if (what & CURL_POLL_IN)
        mask |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        mask |= UV_WRITABLE;
    poll_want(&watched->watch, mask);
    return 0;
}

static void time_is_up(struct timer *timer)
{
    act(CONTAINER_OF(timer, struct fetcher, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *user)
{
    (void)multi;
    struct fetcher *fetcher = user;
    if (ms < 0) {
        timer_stop(&fetcher->timer);
    } else if (!fetcher->destroyed) {
        timer_start(fetcher->loop, &fetcher->timer, ms * USEC_PER_MSEC, time_is_up);
    }
    return 0;
}

/* --- the start of a transfer -------------------------------------------------------------- */

static size_t on_answer(char *bytes, size_t size, size_t n, void *user)
{
    struct transfer *transfer = user;
    size_t len = size * n;
    if (len > transfer->fetch->body_max - transfer->body_len) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (transfer->body_len + len > transfer->body_room) {
        transfer->body_room = 2 * (transfer->body_len + len);
        transfer->body = realloc(transfer->body, transfer->body_room);
        if (!transfer->body)
            abort();
    }
    memcpy(transfer->body + transfer->body_len, bytes, len);
    transfer->body_len += len;
    return len;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_header(char *line, size_t size, size_t n, void *user)
{
    struct transfer *transfer = user;
    struct str text = {line, size * n};
    if (str_starts(text, STR("HTTP/"))) {
        transfer->head_complete = false;
    } else if (str_eq(text, STR("\r\n")) || str_eq(text, STR("\n"))) {
        transfer->head_complete = true;
    }
    return size * n;
}

static size_t on_body(char *into, size_t size, size_t n, void *user)
{
    struct transfer *transfer = user;
    struct str body = transfer->fetch->request->body;
    struct str piece = str_slice(body, transfer->sent, size * n);
    if (piece.len > 0)
        memcpy(into, piece.at, piece.len);
    transfer->sent += piece.len;
    return piece.len;
}

/* What keeps libcurl from repeating a request by itself. */
static int on_rewind(void *user, curl_off_t offset, int origin)
{
    (void)user;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static bool is_clean(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    }
    return true;
}

static void add_line(struct transfer *transfer, const char *line)
{
    struct curl_slist *list = curl_slist_append(transfer->headers, line);
    if (!list)
        abort();
    transfer->headers = list;
}

static bool add_header(struct transfer *transfer, const struct http_header *header)
{
    if (!is_clean(header->name) || !is_clean(header->value) || header->name.len == 0)
        return false;
    char *line = NULL;
    bool empty = header->value.len == 0; /* libcurl's way to write an empty header */
    int n = asprintf(&line, "%.*s%s%.*s", STR_ARG(header->name), empty ? ";" : ": ",
                     STR_ARG(header->value));
    if (n < 0)
        abort();
    add_line(transfer, line);
    free(line);
    return true;
}

static bool add_headers(struct transfer *transfer)
{
    const struct http_request *request = transfer->fetch->request;
    bool has_type = false;
    for (size_t i = 0; i < request->n_headers; i++) {
        const struct http_header *header = &request->headers[i];
        if (!add_header(transfer, header))
            return false;
        has_type |= header->name.len == 12 &&
                    strncasecmp(header->name.at, "Content-Type", header->name.len) == 0;
    }
    add_line(transfer, "Expect:"); /* waiting for a 100 costs a second with many servers */
    if (!has_type)
        add_line(transfer, "Content-Type:");
    return true;
}

static long to_ms(usec_t time, usec_t otherwise)
{
    if (time <= 0)
        time = otherwise;
    return (long)((time + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static void set_body(struct transfer *transfer)
{
    const struct http_request *request = transfer->fetch->request;
    CURL *easy = transfer->easy;
    (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    if (request->repeatable) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                               request->body.at ? request->body.at : "");
        return;
    }
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    if (request->body.len == 0)
        (void)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_method(struct transfer *transfer)
{
    const struct http_request *request = transfer->fetch->request;
    CURL *easy = transfer->easy;
    if (is_method(request, "GET")) {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else if (is_method(request, "HEAD")) {
        (void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        set_body(transfer);
        if (!is_method(request, "POST"))
            (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
}

/* Each address that a name stands for comes by here before anything is sent to it. */
static curl_socket_t open_public(void *nobody, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    (void)nobody;
    (void)purpose;
    if (!net_is_public(&address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* And so does whoever a connection that is open already leads to: it may have been opened for a
 * request of our own. */
static bool leads_to_public(const char *there)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, there, &in.sin_addr) == 1)
        return net_is_public((struct sockaddr *)&in);
    return inet_pton(AF_INET6, there, &in6.sin6_addr) == 1 &&
           net_is_public((struct sockaddr *)&in6);
}

/* A connection is there, and the next thing is the first byte. Between `fetcher_start` and this
 * lie a turn of the loop, and dialling. */
// NOLINTNEXTLINE(readability-non-const-parameter): libcurl's own signature
static int before_the_first_byte(void *user, char *there, char *here, int port, int own_port)
{
    struct transfer *transfer = user;
    const struct fetch *fetch = transfer->fetch;

    (void)here;
    (void)port;
    (void)own_port;
    transfer->too_late = fetch->until > 0 && clock_monotonic() > fetch->until;
    if (transfer->too_late || (fetch->public_only && !leads_to_public(there)))
        return CURL_PREREQFUNC_ABORT;
    return CURL_PREREQFUNC_OK;
}

static void set_limits(struct transfer *transfer)
{
    const struct fetch_options *options = &transfer->fetcher->options;
    const struct fetch *fetch = transfer->fetch;
    CURL *easy = transfer->easy;
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                           fetch->public_only ? open_public : NULL);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_the_first_byte);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
                           options->allow_http ? "http,https" : "https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy ? options->proxy : "");
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                           to_ms(options->reuse_idle, DEFAULT_REUSE_IDLE) / 1000);
    (void)curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN,
                           to_ms(options->reuse_total, DEFAULT_REUSE_TOTAL) / 1000);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           to_ms(fetch->connect_timeout, DEFAULT_CONNECT_TIMEOUT));
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, to_ms(fetch->timeout, DEFAULT_TIMEOUT));
    if (options->ca_file)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (options->user_agent)
        (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent);
}

static bool set_up(struct transfer *transfer)
{
    const struct http_request *request = transfer->fetch->request;
    struct fetcher *fetcher = transfer->fetcher;
    if (!is_clean(request->url))
        return false;
    if (request->mail)
        return fetch_mail_begin(transfer);
    if (!add_headers(transfer))
        return false;
    CURL *easy = fetcher->n_idle ? fetcher->idle[--fetcher->n_idle] : curl_easy_init();
    transfer->url = strndup(request->url.at ? request->url.at : "", request->url.len);
    if (!easy || !transfer->url)
        abort();
    transfer->easy = easy;
    set_limits(transfer);
    (void)curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    set_method(transfer);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    return curl_multi_add_handle(fetcher->multi, easy) == CURLM_OK;
}

static void refuse(struct loop_task *task)
{
    struct transfer *transfer = CONTAINER_OF(task, struct transfer, task);
    struct fetch *fetch = transfer->fetch;
    fetch->answer.fate = HTTP_NOT_SENT;
    (void)err_raise(&fetch->err, ERR_REJECT, "the request cannot be written");
    end_transfer(transfer);
}

void fetcher_start(struct fetcher *fetcher, struct fetch *fetch)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        abort();
    fetch->answer = (struct http_answer){0};
    fetch->err = (struct err){0};
    fetch->internal = transfer;
    if (fetch->body_max == 0)
        fetch->body_max = DEFAULT_BODY_MAX;
    transfer->fetcher = fetcher;
    transfer->fetch = fetch;
    transfer->began = clock_monotonic();
    transfer->next = fetcher->transfers;
    if (transfer->next)
        transfer->next->prev = transfer;
    fetcher->transfers = transfer;
    if (!set_up(transfer))
        loop_post(fetcher->loop, &transfer->task, refuse);
}

void fetcher_extend(struct fetch *fetch, usec_t until)
{
    struct transfer *transfer = fetch->internal;
    if (!transfer)
        return;
    fetch->until = until;
    if (transfer->mail)
        fetch_mail_extend(transfer, until);
}

/* --- life --------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    if (!text)
        return NULL;
    char *made = strdup(text);
    if (!made)
        abort();
    return made;
}

bool fetcher_create(struct loop *loop, const struct fetch_options *options,
                    struct fetcher **fetcher, struct err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_raise(err, ERR_RETRY, "libcurl does not start");
    struct fetcher *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->loop = loop;
    made->options = *options;
    made->options.ca_file = copy(options->ca_file);
    made->options.user_agent = copy(options->user_agent);
    made->options.proxy = copy(options->proxy);
    if (made->options.connections == 0)
        made->options.connections = 64;
    made->idle = calloc(made->options.connections, sizeof(CURL *));
    made->multi = curl_multi_init();
    if (!made->multi || !made->idle)
        abort();
    (void)curl_multi_setopt(made->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(made->multi, CURLMOPT_SOCKETDATA, made);
    (void)curl_multi_setopt(made->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    (void)curl_multi_setopt(made->multi, CURLMOPT_TIMERDATA, made);
    (void)curl_multi_setopt(made->multi, CURLMOPT_MAXCONNECTS, (long)made->options.connections);
    *fetcher = made;
    return true;
}

static void timer_gone(struct timer *timer)
{
    struct fetcher *fetcher = CONTAINER_OF(timer, struct fetcher, timer);
    fetcher->handles--;
    fetcher_settle(fetcher);
}

void fetcher_destroy(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    fetcher->destroyed = true;
    fetcher->handles += 2; /* the timer's, and ours until the end of this function */
    struct transfer *next = NULL;
    for (struct transfer *transfer = fetcher->transfers; transfer; transfer = next) {
        next = transfer->next;
        cancel_transfer(transfer, "the service is stopping");
    }
    while (fetcher->n_idle > 0)
        curl_easy_cleanup(fetcher->idle[--fetcher->n_idle]);
    (void)curl_multi_cleanup(fetcher->multi);
    fetch_mail_stop(fetcher);
    timer_close(&fetcher->timer, timer_gone);
    fetcher->handles--;
    fetcher_settle(fetcher);
}
