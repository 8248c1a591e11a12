/*
 * Customers and the Graph API in one process, so that a whole turn is timed by one clock: each
 * customer sends a signed delivery to the webhook, and the next when the reply to it has
 * arrived at the Graph API (a closed loop). One thread on epoll, no JSON library, some 20 us of
 * CPU a turn, so that it does not become what is measured: its own CPU is in the result.
 *
 *     play --target PORT --path /webhooks/whatsapp --secret S [--graph 9090] [--number
 * 15550000]
 *          [--users 100] [--turns 60] [--statuses] [--unanswered]
 *
 * `--statuses` reports each message as sent and delivered, as WhatsApp does. `--unanswered`
 * awaits no reply: the next delivery follows the 200 to the last. One line of JSON comes out:
 * turns a second, milliseconds to the 200 and to the reply, replies that were lost (15 s),
 * doubled or unexpected, refusals, and microseconds of its own CPU for a turn.
 */
#include "bot/base/base.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define USERS_MAX 4096
#define ROOM      (32 << 10)
#define PATIENCE  15.0 /* s */

enum peer_kind { LISTENER, GRAPH, USER, REPORTER };

/* A connection and what has been read of its next message. */
struct peer {
    enum peer_kind kind;
    int fd;
    int user; /* USER: whose */
    size_t n;
    char in[ROOM];
};

struct user {
    struct peer *peer;
    int turn;
    double sent_at;
    bool unheard;  /* the delivery was not answered yet */
    bool awaiting; /* the reply has not come yet */
    bool next;     /* the reply came before the answer: send the next after it */
};

struct options {
    int target, graph, users, turns;
    const char *path, *secret, *number;
    bool statuses, unanswered;
};

static struct options options = {.graph = 9090,
                                 .users = 100,
                                 .turns = 60,
                                 .path = "/webhooks/whatsapp",
                                 .secret = "s3cret",
                                 .number = "15550000"};
static struct user users[USERS_MAX];
static struct peer *reporter;
static int epoll_fd;
static long long base_number, messages, graph_calls;
static double *heard_ms, *reply_ms;
static size_t n_heard, n_replies, lost, unexpected, refused;
static int active;
static char *owed; /* status deliveries that wait for the reporter */
static size_t owed_len, owed_room;
static bool reporting;

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

/* --- connections ---------------------------------------------------------------------------
 */

static struct peer *watch(int fd, enum peer_kind kind, int user)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    int yes = 1;

    if (peer == NULL)
        die("memory");
    peer->kind = kind;
    peer->fd = fd;
    peer->user = user;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll");
    return peer;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static struct peer *dial(enum peer_kind kind, int user)
{
    struct sockaddr_in to = loopback(options.target);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("the target");
    return watch(fd, kind, user);
}

static void listen_as_graph(void)
{
    struct sockaddr_in at = loopback(options.graph);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 1024) < 0)
        die("the graph's port");
    (void)watch(fd, LISTENER, 0);
}

/* All of it at once: a loopback socket's buffer holds far more than one message. */
static void say(struct peer *peer, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(peer->fd, text, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            continue;
        if (sent < 0)
            die("send");
        text += sent;
        n -= (size_t)sent;
    }
}

/* --- deliveries ----------------------------------------------------------------------------
 */

static void deliver(struct peer *peer, const char *body, size_t n)
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof mac + 1], head[512];

    (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)options.secret,
                                      strlen(options.secret));
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, n);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    (void)sodium_bin2hex(hex, sizeof hex, mac, sizeof mac);
    int len = snprintf(head, sizeof head,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                       "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                       "X-Hub-Signature-256: sha256=%s\r\n\r\n",
                       options.path, options.target, n, hex);
    say(peer, head, (size_t)len);
    say(peer, body, n);
}

static int envelope(char *into, size_t room, const char *value)
{
    return snprintf(into, room,
                    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\","
                    "\"changes\":[{\"field\":\"messages\",\"value\":{\"messaging_product\":"
                    "\"whatsapp\",\"metadata\":{\"display_phone_number\":\"15550000000\","
                    "\"phone_number_id\":\"%s\"},%s}}]}]}",
                    options.number, value);
}

static void send_turn(int i)
{
    static const char *const words[] = {"hi", "1", "ORD-1001"};
    struct user *user = &users[i];
    char value[1024], body[2048];
    long long from = base_number + i;

    (void)snprintf(value, sizeof value,
                   "\"contacts\":[{\"profile\":{\"name\":\"U %lld\"},\"wa_id\":\"%lld\","
                   "\"user_id\":\"US.%lld\"}],\"messages\":[{\"from\":\"%lld\","
                   "\"from_user_id\":\"US.%lld\",\"id\":\"wamid.play%lld.%lld\",\"timestamp\":"
                   "\"%lld\",\"type\":\"text\",\"text\":{\"body\":\"%s\"}}]",
                   from, from, from, from, from, base_number, ++messages, (long long)time(NULL),
                   words[(size_t)user->turn % COUNTOF(words)]);
    int n = envelope(body, sizeof body, value);
    user->sent_at = now();
    user->unheard = true;
    user->awaiting = !options.unanswered;
    user->next = options.unanswered;
    deliver(user->peer, body, (size_t)n);
}

static void next_turn(int i)
{
    struct user *user = &users[i];

    if (++user->turn < options.turns)
        send_turn(i);
    else
        active--;
}

/* --- statuses ------------------------------------------------------------------------------
 */

static void report_owed(void)
{
    char body[ROOM * 2];
    static char value[ROOM];

    if (reporting || owed_len == 0 || reporter == NULL)
        return;
    size_t n = owed_len < sizeof value - 64 ? owed_len : 0;
    if (n == 0) { /* too many for one delivery: the first part, to the end of an item */
        n = sizeof value - 64;
        while (n > 0 && owed[n - 1] != '}')
            n--;
    }
    (void)snprintf(value, sizeof value, "\"statuses\":[%.*s]", (int)n, owed);
    if (n < owed_len && owed[n] == ',')
        n++;
    memmove(owed, owed + n, owed_len - n);
    owed_len -= n;
    reporting = true;
    deliver(reporter, body, (size_t)envelope(body, sizeof body, value));
}

static void owe(long long id, const char *to, const char *key, int key_len)
{
    static const char *const kinds[] = {"sent", "delivered"};

    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        char item[512];
        int n = snprintf(item, sizeof item,
                         "%s{\"id\":\"wamid.out%lld\",\"status\":\"%s\",\"timestamp\":\"%lld\","
                         "\"recipient_id\":\"%s\"%s%.*s%s}",
                         owed_len > 0 ? "," : "", id, kinds[i], (long long)time(NULL), to,
                         key_len > 0 ? ",\"biz_opaque_callback_data\":\"" : "", key_len, key,
                         key_len > 0 ? "\"" : "");
        if (owed_len + (size_t)n > owed_room) {
            owed_room = (owed_len + (size_t)n) * 2;
            owed = realloc(owed, owed_room);
            if (owed == NULL)
                die("memory");
        }
        memcpy(owed + owed_len, item, (size_t)n);
        owed_len += (size_t)n;
    }
}

/* --- what is read --------------------------------------------------------------------------
 */

/* A member's text in flat JSON; the digits of it when asked. */
static int member(const char *body, const char *name, char *into, size_t room, bool digits)
{
    const char *at = strstr(body, name);
    size_t n = 0;

    if (at == NULL)
        return 0;
    for (at += strlen(name); *at != '\0' && *at != '"' && n + 1 < room; at++) {
        if (!digits || isdigit((unsigned char)*at))
            into[n++] = *at;
    }
    into[n] = '\0';
    return (int)n;
}

static void replied(const char *to)
{
    long long i = atoll(to) - base_number;

    if (options.unanswered)
        return;
    if (i < 0 || i >= options.users || !users[i].awaiting) {
        unexpected++;
        return;
    }
    users[i].awaiting = false;
    reply_ms[n_replies++] = (now() - users[i].sent_at) * 1e3;
    if (users[i].unheard)
        users[i].next = true;
    else
        next_turn((int)i);
}

static void graph_asked(struct peer *peer, const char *body)
{
    char to[64] = "", key[256] = "", answer[512], json[256];
    bool read = strstr(body, "\"status\":\"read\"") != NULL;
    int key_len = 0;

    graph_calls++;
    if (member(body, "\"to\":\"", to, sizeof to, true) == 0)
        (void)member(body, "\"recipient\":\"", to, sizeof to, true);
    int n = snprintf(json, sizeof json,
                     "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":\"%s\","
                     "\"wa_id\":\"%s\"}],\"messages\":[{\"id\":\"wamid.out%lld\"}]}",
                     to, to, graph_calls);
    n = snprintf(answer, sizeof answer,
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n\r\n%s",
                 n, json);
    say(peer, answer, (size_t)n);
    if (read)
        return;
    if (options.statuses) {
        key_len = member(body, "\"biz_opaque_callback_data\":\"", key, sizeof key, false);
        owe(graph_calls, to, key, key_len);
    }
    replied(to);
}

static void user_heard(int i, int status)
{
    struct user *user = &users[i];

    user->unheard = false;
    heard_ms[n_heard++] = (now() - user->sent_at) * 1e3;
    refused += status != 200;
    if (user->next)
        next_turn(i);
}

/* One whole message at the front of what was read: its length, or 0. `body` is in it. */
static size_t whole(char *in, size_t n, char **body, size_t *body_len)
{
    char *end = memmem(in, n, "\r\n\r\n", 4), *length;

    if (end == NULL)
        return 0;
    *end = '\0';
    length = strcasestr(in, "\ncontent-length:");
    *body = end + 4;
    *body_len = length != NULL ? (size_t)atoll(length + 16) : 0;
    *end = '\r';
    size_t all = (size_t)(*body - in) + *body_len;
    return all <= n ? all : 0;
}

static void take(struct peer *peer, char *message, char *body, size_t body_len)
{
    char after = body[body_len];

    body[body_len] = '\0';
    if (peer->kind == GRAPH)
        graph_asked(peer, body);
    else if (peer->kind == USER)
        user_heard(peer->user, atoi(message + 9));
    else
        reporting = false;
    body[body_len] = after;
}

static void hear(struct peer *peer)
{
    for (;;) {
        ssize_t got = recv(peer->fd, peer->in + peer->n, ROOM - 1 - peer->n, 0);
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0) {
            if (peer->kind != GRAPH)
                die("the target closed a connection");
            (void)close(peer->fd);
            free(peer);
            return;
        }
        peer->n += (size_t)got;
        char *body;
        size_t body_len, all, at = 0;
        while ((all = whole(peer->in + at, peer->n - at, &body, &body_len)) > 0) {
            take(peer, peer->in + at, body, body_len);
            at += all;
        }
        memmove(peer->in, peer->in + at, peer->n - at);
        peer->n -= at;
        if (peer->n == ROOM - 1)
            die("a message is too long");
    }
}

static void give_up_late(void)
{
    double late = now() - PATIENCE;

    for (int i = 0; i < options.users; i++) {
        if (!users[i].awaiting || users[i].sent_at > late)
            continue;
        lost++;
        users[i].awaiting = false;
        if (users[i].unheard)
            users[i].next = true;
        else
            next_turn(i);
    }
}

static void play(void)
{
    struct epoll_event events[256];
    double check_at = now() + 1;

    for (int i = 0; i < options.users; i++)
        send_turn(i);
    while (active > 0) {
        int n = epoll_wait(epoll_fd, events, (int)COUNTOF(events), 200);
        for (int i = 0; i < n; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer->kind == LISTENER) {
                int fd = accept4(peer->fd, NULL, NULL, SOCK_CLOEXEC);
                if (fd >= 0)
                    (void)watch(fd, GRAPH, 0);
            } else {
                hear(peer);
            }
        }
        report_owed();
        if (now() > check_at) {
            give_up_late();
            check_at = now() + 1;
        }
    }
}

/* --- the result ----------------------------------------------------------------------------
 */

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double share(const double *sorted, size_t n, double part)
{
    return n == 0 ? 0 : sorted[(size_t)((double)(n - 1) * part)];
}

static double cpu(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void tell(double seconds, double cpu_seconds)
{
    qsort(heard_ms, n_heard, sizeof *heard_ms, ascending);
    qsort(reply_ms, n_replies, sizeof *reply_ms, ascending);
    printf(
        "{\"users\":%d,\"turns\":%d,\"seconds\":%.2f,\"turns_per_s\":%.0f,"
        "\"ack_p50_ms\":%.2f,\"ack_p99_ms\":%.2f,\"reply_p50_ms\":%.2f,\"reply_p99_ms\":%.2f,"
        "\"replies\":%zu,\"lost\":%zu,\"unexpected\":%zu,\"refused\":%zu,"
        "\"own_cpu_us\":%.1f}\n",
        options.users, options.turns, seconds,
        (double)(options.unanswered ? n_heard : n_replies) / seconds,
        share(heard_ms, n_heard, .5), share(heard_ms, n_heard, .99),
        share(reply_ms, n_replies, .5), share(reply_ms, n_replies, .99), n_replies, lost,
        unexpected, refused, n_heard > 0 ? cpu_seconds * 1e6 / (double)n_heard : 0);
}

static int usage(void)
{
    fprintf(stderr, "usage: play --target PORT [--path P] [--secret S] [--graph PORT] "
                    "[--number ID] [--users N] [--turns N] [--statuses] [--unanswered]\n");
    return 2;
}

static bool read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(name, "--statuses") == 0 || strcmp(name, "--unanswered") == 0) {
            options.statuses = options.statuses || name[2] == 's';
            options.unanswered = options.unanswered || name[2] == 'u';
            continue;
        }
        if (i + 1 == argc)
            return false;
        i++;
        if (strcmp(name, "--target") == 0)
            options.target = atoi(value);
        else if (strcmp(name, "--graph") == 0)
            options.graph = atoi(value);
        else if (strcmp(name, "--users") == 0)
            options.users = atoi(value);
        else if (strcmp(name, "--turns") == 0)
            options.turns = atoi(value);
        else if (strcmp(name, "--path") == 0)
            options.path = value;
        else if (strcmp(name, "--secret") == 0)
            options.secret = value;
        else if (strcmp(name, "--number") == 0)
            options.number = value;
        else
            return false;
    }
    return options.target > 0 && options.users > 0 && options.users <= USERS_MAX &&
           options.turns > 0;
}

int main(int argc, char **argv)
{
    if (!read_options(argc, argv))
        return usage();
    if (sodium_init() < 0)
        die("libsodium");
    size_t all = (size_t)options.users * (size_t)options.turns;
    heard_ms = calloc(all + 1, sizeof *heard_ms);
    reply_ms = calloc(all + 1, sizeof *reply_ms);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (heard_ms == NULL || reply_ms == NULL || epoll_fd < 0)
        die("start");
    /* new people each time, or the turns of the last run would be in theirs */
    base_number = 15560000000LL + randombytes_uniform(90000000);
    active = options.users;
    listen_as_graph();
    for (int i = 0; i < options.users; i++)
        users[i].peer = dial(USER, i);
    if (options.statuses)
        reporter = dial(REPORTER, 0);
    double began = now(), cpu_began = cpu();
    play();
    tell(now() - began, cpu() - cpu_began);
    return lost + unexpected + refused > 0;
}
