/*
 * The callbacks of libwebsockets, one line each, and the context they come from.
 *
 * It is a guest on our loop: it neither listens nor handles signals. A connection's object
 * hangs on the socket as its opaque pointer, because libwebsockets' own per-session memory
 * lives for one request only (limits.md, trap 6).
 */
#include "bot/net/http_inside.h"

#include "bot/loop/log.h"

#include <stdio.h>
#include <sys/resource.h>

#define DESCRIPTORS_MAX (1 << 20)

/* Anything but 0 closes the connection. */
static int verdict(bool keep)
{
    return keep ? 0 : -1;
}

static int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user,
                         void *in, size_t len)
{
    (void)user;
    struct conn *conn = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!conn)
        return 0;
    if (reason != LWS_CALLBACK_WSI_DESTROY)
        conn->wsi = wsi;
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP:
        return verdict(conn_request(conn, (struct str){in, len}));
    case LWS_CALLBACK_HTTP_BODY:
        return verdict(conn_body(conn, in, len));
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return verdict(conn_body_complete(conn));
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return verdict(conn_writable(conn));
    case LWS_CALLBACK_CLOSED_HTTP:
        conn_gone(conn);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        conn_free(conn);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* we speak HTTP/1.1 and nothing else */
    case LWS_CALLBACK_RAW_ADOPT:
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_ESTABLISHED:
        return -1;
    default:
        return 0;
    }
}

/* The whole answer in one write where the socket takes it: by default it would be cut into
 * pieces of 4 KB, a turn of the loop each. */
static const struct lws_protocols protocols[] = {
    {.name = "http",             .callback = http_callback, .tx_packet_size = 4 << 20},
    {0},
};

static char last_words[160];

/* What strangers send makes it complain, so that this is for debugging only; while a server is
 * made the last complaint is the reason of the failure. */
static void lws_says(int level, const char *line)
{
    (void)level;
    struct str text = str_trim(str_from(line));
    (void)snprintf(last_words, sizeof last_words, "%.*s", STR_ARG(text));
    log_event(LOG_DEBUG, "http.library", LOG_S("says", text));
}

static unsigned seconds(usec_t time)
{
    return (unsigned)(time / USEC_PER_SEC) + 5;
}

/* Ours are the deadlines that count; libwebsockets' own are set behind them. */
static void fill_info(struct lws_context_creation_info *info, struct http_server *server)
{
    const struct http_limits *limits = &server->limits;
    usec_t longest =
        limits->header_time > limits->body_time ? limits->header_time : limits->body_time;
    info->port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info->protocols = protocols;
    info->user = server;
    info->alpn = "http/1.1";
    info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                    LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
    info->timeout_secs = seconds(longest);
    info->keepalive_timeout = (int)seconds(limits->idle_time);
    info->max_http_header_data = 8192;
    info->max_http_header_pool =
        (unsigned short)(limits->connections + 16 < 65000 ? limits->connections + 16 : 65000);
    /* A whole TLS record, so that nothing stays behind in the library after a read. */
    info->pt_serv_buf_size = (16 << 10) + 512;
}

/* It keeps a table of all descriptors that the process may have; a container's "unlimited"
 * would be gigabytes. (Its own setting for this makes every look-up a search.) */
static void bound_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= DESCRIPTORS_MAX)
        return;
    limit.rlim_cur = DESCRIPTORS_MAX;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

struct new_handles {
    struct http_server *server;
    unsigned seen;
    unsigned before;
};

static void count_handle(uv_handle_t *handle, void *arg)
{
    (void)handle;
    (*(unsigned *)arg)++;
}

static void keep_new_handle(uv_handle_t *handle, void *arg)
{
    struct new_handles *new = arg;
    struct http_server *server = new->server;
    bool is_new = new->seen++ >= new->before;
    bool is_static = handle->type == UV_IDLE || handle->type == UV_TIMER;
    if (is_new && is_static && server->n_lws_handles < COUNTOF(server->lws_handles))
        server->lws_handles[server->n_lws_handles++] = handle;
}

/* Its context is to be destroyed twice, the second time when libuv has let go of the handles
 * that lie inside it; nothing tells when that is. So we note which they are (libuv lists
 * handles in the order of their birth), and look whether they are still listed. */
static void create_context(struct http_server *server,
                           const struct lws_context_creation_info *info)
{
    struct new_handles new = {.server = server};
    uv_walk(&server->loop->uv, count_handle, &new.before);
    server->lws = lws_create_context(info);
    uv_walk(&server->loop->uv, keep_new_handle, &new);
}

struct search {
    const struct http_server *server;
    bool found;
};

static void find_handle(uv_handle_t *handle, void *arg)
{
    struct search *search = arg;
    for (unsigned i = 0; i < search->server->n_lws_handles; i++) {
        if (search->server->lws_handles[i] == handle)
            search->found = true;
    }
}

static void end_when_closed(struct loop_task *task)
{
    struct http_server *server = CONTAINER_OF(task, struct http_server, lws_end);
    struct search search = {.server = server};
    uv_walk(&server->loop->uv, find_handle, &search);
    if (search.found || server->conns) {
        loop_post(server->loop, task, end_when_closed);
        return;
    }
    lws_context_destroy(server->lws);
    server->lws = NULL;
    server_settle(server);
}

void http_lws_destroy(struct http_server *server)
{
    if (!server->lws)
        return;
    lws_context_destroy(server->lws);
    loop_post(server->loop, &server->lws_end, end_when_closed);
}

bool http_lws_create(struct http_server *server, const struct http_server_options *options,
                     struct err *err)
{
    lws_set_log_level(LLL_ERR, lws_says);
    last_words[0] = '\0';
    bound_descriptors();
    struct lws_context_creation_info info = {0};
    void *loops[] = {&server->loop->uv};
    fill_info(&info, server);
    info.foreign_loops = loops;
    if (options->tls_cert) {
        server->tls = true;
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    }
    create_context(server, &info);
    if (!server->lws)
        return err_raise(err, ERR_RETRY, "libwebsockets gives no context");
    info.ssl_cert_filepath = options->tls_cert;
    info.ssl_private_key_filepath = options->tls_key;
    info.vhost_name = "parley";
    server->vhost = lws_create_vhost(server->lws, &info);
    if (!server->vhost) {
        return err_raise(err, ERR_REJECT, "%s: %s",
                         server->tls ? "the TLS certificate and key cannot be used"
                                     : "libwebsockets gives no virtual host",
                         last_words);
    }
    return true;
}

/* When it fails it closes the descriptor and, as far as it got to know the connection, calls
 * back with WSI_DESTROY. */
void http_lws_adopt(struct http_server *server, struct conn *conn)
{
    lws_adopt_desc_t what = {
        .vh = server->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd = {.sockfd = conn->fd},
        .opaque = conn,
    };
    (void)lws_adopt_descriptor_vhost_via_info(&what);
}
