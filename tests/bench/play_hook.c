/*
 * Deliveries to the service's webhook: signed, over connections that are kept. Statuses go the
 * same way as texts and after those that wait already.
 */
#include "tests/bench/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define REQUEST_MAX 4096

struct hook {
    struct link link; /* first: what epoll hands back */
    struct job job;
    bool busy;
};

static const char *const script[] = {"hi", "1", "ORD-1001"};

/* --- bodies --------------------------------------------------------------------------------
 */

static size_t body_begin(const struct play *play, char *at, size_t room)
{
    return (size_t)snprintf(
        at, room,
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"%s\",\"changes\":[{"
        "\"field\":\"messages\",\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{"
        "\"display_phone_number\":\"15550000000\",\"phone_number_id\":\"%s\"},",
        play->options.waba, play->options.number);
}

static size_t text_body(const struct play *play, const struct job *job, char *at, size_t room)
{
    const struct play_options *options = &play->options;
    uint64_t from = options->base + job->person;
    uint32_t turn = play->people[job->person].turns;
    const char *words = options->n_says > 0 ? options->says[turn % (uint32_t)options->n_says]
                                            : script[turn % COUNTOF(script)];
    size_t len = body_begin(play, at, room);

    return len +
           (size_t)snprintf(
               at + len, room - len,
               "\"contacts\":[{\"profile\":{\"name\":\"U %lu\"},\"wa_id\":\"%lu\","
               "\"user_id\":\"US.%lu\"}],\"messages\":[{\"from\":\"%lu\","
               "\"from_user_id\":\"US.%lu\",\"id\":\"wamid.%lx.%lx\","
               "\"timestamp\":\"%ld\",\"type\":\"text\",\"text\":{\"body\":\"%s\"}}]}}]}]}",
               from, from, from, from, from, play->nonce, play->sent, (long)time(NULL), words);
}

static size_t status_body(const struct play *play, const struct job *job, char *at, size_t room)
{
    uint64_t to = play->options.base + job->person;
    size_t len = body_begin(play, at, room);

    return len +
           (size_t)snprintf(
               at + len, room - len,
               "\"statuses\":[{\"id\":\"wamid.out.%lx.%lx\",\"status\":\"%s\",\"timestamp\":"
               "\"%ld\",\"recipient_id\":\"%lu\",\"recipient_user_id\":\"US.%lu\","
               "\"biz_opaque_callback_data\":\"%s\",\"pricing\":{\"billable\":false,"
               "\"pricing_model\":\"PMP\",\"type\":\"free_customer_service\","
               "\"category\":\"service\"}}]}}]}]}",
               play->nonce, job->id, job->status, (long)time(NULL), to, to, job->key);
}

/* --- connections ---------------------------------------------------------------------------
 */

static void sign(const struct play *play, const char *body, size_t len, char hex[65])
{
    crypto_auth_hmacsha256_state state = play->keyed;
    uint8_t mac[crypto_auth_hmacsha256_BYTES];

    (void)crypto_auth_hmacsha256_update(&state, (const uint8_t *)body, len);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    (void)sodium_bin2hex(hex, 65, mac, sizeof mac);
}

static void hook_send(struct play *play, struct hook *hook)
{
    char body[REQUEST_MAX], request[REQUEST_MAX], mac[65];
    const struct job *job = &hook->job;
    size_t len = job->status != NULL ? status_body(play, job, body, sizeof body)
                                     : text_body(play, job, body, sizeof body);

    sign(play, body, len, mac);
    int n = snprintf(request, sizeof request,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: "
                     "application/json\r\nX-Hub-Signature-256: sha256=%s\r\nContent-Length: "
                     "%zu\r\n\r\n%.*s",
                     play->options.path, play->options.target, mac, len, (int)len, body);
    if (len >= sizeof body || n < 0 || (size_t)n >= sizeof request)
        play_fail("a delivery is too long");
    play->sent++;
    hook->busy = true;
    wire_write(&hook->link.wire, request, (size_t)n);
}

static void hook_free(struct play *play, struct hook *hook)
{
    size_t room = (size_t)play->options.connections;

    hook->busy = false;
    play->free_hooks[(play->free_at + play->n_free++) % room] = hook;
}

static void hook_open(struct play *play, struct hook *hook)
{
    if (!wire_connect(&hook->link.wire, play->epoll, hook, play->options.target))
        play_fail("connect");
}

/* A connection that nobody uses; NULL when there is none and may be no more. */
static struct hook *hook_find(struct play *play)
{
    struct hook *hook;

    if (play->n_free > 0) {
        hook = play->free_hooks[play->free_at];
        play->free_at = (play->free_at + 1) % (size_t)play->options.connections;
        play->n_free--;
        return hook;
    }
    if (play->n_hooks == play->options.connections)
        return NULL;
    hook = calloc(1, sizeof *hook);
    if (hook == NULL)
        play_fail("memory");
    hook->link.kind = LINK_HOOK;
    hook_open(play, hook);
    play->n_hooks++;
    return hook;
}

/* --- jobs that wait ------------------------------------------------------------------------
 */

static void job_push(struct play *play, const struct job *job)
{
    if (play->n_jobs == play->job_room) {
        size_t wider = play->job_room > 0 ? 2 * play->job_room : 1024;
        struct job *jobs = calloc(wider, sizeof *jobs);
        if (jobs == NULL)
            play_fail("memory");
        for (size_t i = 0; i < play->n_jobs; i++)
            jobs[i] = play->jobs[(play->job_at + i) % play->job_room];
        free(play->jobs);
        play->jobs = jobs;
        play->job_room = wider;
        play->job_at = 0;
    }
    play->jobs[(play->job_at + play->n_jobs++) % play->job_room] = *job;
}

void hooks_post(struct play *play, const struct job *job)
{
    struct hook *hook = hook_find(play);

    if (hook == NULL) {
        job_push(play, job);
        return;
    }
    hook->job = *job;
    hook_send(play, hook);
}

/* The connection has done its job: it takes the next, or rests. */
static void hook_next(struct play *play, struct hook *hook)
{
    if (play->n_jobs == 0) {
        hook_free(play, hook);
        return;
    }
    hook->job = play->jobs[play->job_at];
    play->job_at = (play->job_at + 1) % play->job_room;
    play->n_jobs--;
    hook_send(play, hook);
}

/* --- what comes back -----------------------------------------------------------------------
 */

static void hook_broke(struct play *play, struct hook *hook)
{
    struct job job = hook->job;
    bool busy = hook->busy;

    wire_close(&hook->link.wire);
    hook_open(play, hook);
    if (!busy)
        return; /* it rests among the free ones, with a new connection */
    play->broken++;
    hook_next(play, hook);
    people_acked(play, &job, false);
}

void hooks_event(struct play *play, struct link *link, uint32_t events)
{
    struct hook *hook = (struct hook *)link;
    struct wire_message answer;
    bool open = true;

    if (events & EPOLLOUT)
        wire_flush(&link->wire);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
        open = wire_read(&link->wire);
    while (hook->busy && wire_take(&link->wire, &answer) == WIRE_WHOLE) {
        bool accepted = answer.head.len > 12 && memcmp(answer.head.at + 9, "200", 3) == 0;
        struct job job = hook->job;
        hook_next(play, hook);
        people_acked(play, &job, accepted);
    }
    if (!open)
        hook_broke(play, hook);
}

void hooks_init(struct play *play)
{
    const char *secret = play->options.secret;

    play->free_hooks = calloc((size_t)play->options.connections, sizeof(struct hook *));
    if (play->free_hooks == NULL)
        play_fail("memory");
    (void)crypto_auth_hmacsha256_init(&play->keyed, (const uint8_t *)secret, strlen(secret));
}
