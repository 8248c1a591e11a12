/*
 * Webhooks of Stripe's: signed with the time of each attempt, repeated until answered 2xx, each
 * on its own so that they may overtake each other.
 */
#include "bot/base/json.h"
#include "tests/sandbox/stripe.h"
#include "webhooks/stripe.h"

#include <stdlib.h>

#define PAUSE_FIRST   (100 * USEC_PER_MSEC)
#define PAUSE_LONGEST (5 * USEC_PER_SEC)
#define ATTEMPTS_MAX  200

struct stripe_telling {
    struct stripe_telling *next, **slot;
    struct sandbox *sandbox;
    struct arena arena, try;
    int64_t n; /* in the journal */
    struct str body;
    unsigned attempts;
    struct journal_wait wait;
    struct timer timer;
    struct http_header headers[2];
    struct http_request request;
    struct fetch fetch;
};

static void closed(struct timer *timer)
{
    struct stripe_telling *telling = CONTAINER_OF(timer, struct stripe_telling, timer);

    arena_finish(&telling->arena);
    arena_finish(&telling->try);
    free(telling);
}

static void forget(struct stripe_telling *telling)
{
    stripe_play(telling->sandbox)->n_telling--;
    *telling->slot = telling->next;
    if (telling->next)
        telling->next->slot = telling->slot;
    timer_close(&telling->timer, closed);
}

static void send_now(struct timer *timer);

static void answered(struct fetch *fetch)
{
    struct stripe_telling *telling = CONTAINER_OF(fetch, struct stripe_telling, fetch);
    struct sandbox *sandbox = telling->sandbox;
    unsigned doublings = telling->attempts < 6 ? telling->attempts : 6;
    usec_t pause = PAUSE_FIRST << doublings;
    bool taken = fetch->answer.fate == HTTP_ANSWERED && fetch->answer.status / 100 == 2;

    if (sandbox->stopping)
        return; /* it is still owed in the journal; stripe_stop frees it */
    if (taken || telling->attempts >= ATTEMPTS_MAX) {
        stripe_keep_told(sandbox, telling->n);
        return;
    }
    timer_start(&sandbox->loop, &telling->timer, pause < PAUSE_LONGEST ? pause : PAUSE_LONGEST,
                send_now);
}

static void send_now(struct timer *timer)
{
    struct stripe_telling *telling = CONTAINER_OF(timer, struct stripe_telling, timer);
    struct sandbox *sandbox = telling->sandbox;
    const char *secret = sandbox->settings.stripe_secret;

    telling->attempts++;
    arena_reset(&telling->try);
    telling->headers[0] = (struct http_header){STR("Content-Type"), STR("application/json")};
    telling->headers[1] = (struct http_header){
        STR("Stripe-Signature"), stripe_sign(&telling->try, str_from(secret ? secret : ""),
                                             clock_now() / USEC_PER_SEC, telling->body)};
    telling->request = (struct http_request){
        .method = "POST",
        .url = callbacks_url(sandbox, &telling->try, "/api/webhooks/stripe"),
        .headers = telling->headers,
        .n_headers = 2,
        .body = telling->body,
        .repeatable = true};
    telling->fetch = (struct fetch){.request = &telling->request,
                                    .timeout = 10 * USEC_PER_SEC,
                                    .into = &telling->try,
                                    .done = answered};
    fetcher_start(sandbox->fetcher, &telling->fetch);
}

/* --- owing -------------------------------------------------------------------------------- */

static void go(struct stripe_telling *telling)
{
    timer_start(&telling->sandbox->loop, &telling->timer, 0, send_now);
}

static void kept(struct journal_wait *wait)
{
    go(CONTAINER_OF(wait, struct stripe_telling, wait));
}

void stripe_owe(struct sandbox *sandbox, int64_t n, const json_t *event)
{
    struct stripe_play *play = stripe_play(sandbox);
    struct stripe_telling *telling = calloc(1, sizeof *telling);

    if (!telling)
        abort();
    telling->sandbox = sandbox;
    telling->n = n;
    telling->body = json_write(&telling->arena, event);
    telling->next = play->telling;
    telling->slot = &play->telling;
    if (telling->next)
        telling->next->slot = &telling->next;
    play->telling = telling;
    play->n_telling++;
    if (sandbox->fetcher)
        journal_sync(sandbox->journal, &telling->wait, kept);
}

void stripe_paid(struct sandbox *sandbox, int64_t n)
{
    for (struct stripe_telling *each = stripe_play(sandbox)->telling; each; each = each->next) {
        if (each->n == n) {
            forget(each);
            return;
        }
    }
}

/* At start nothing leaves until the whole journal is read: it may say "told" further down. */
void stripe_begin(struct sandbox *sandbox)
{
    for (struct stripe_telling *each = stripe_play(sandbox)->telling; each; each = each->next)
        go(each);
}

void stripe_stop(struct sandbox *sandbox)
{
    while (stripe_play(sandbox)->telling)
        forget(stripe_play(sandbox)->telling);
}

static void tell(struct sandbox *sandbox, json_t *event)
{
    stripe_keep_owed(sandbox, sandbox->next_n++, event);
}

void stripe_tell(struct sandbox *sandbox, struct arena *into, const char *type,
                 const json_t *object)
{
    const struct stripe_play *play = stripe_play(sandbox);
    OWNED_JSON(event) = json_pack(
        "{s:s, s:s, s:s, s:I, s:{s:o}, s:b, s:i, s:{s:n, s:n}, s:s}", "id",
        stripe_new_id(stripe_play(sandbox), into, "evt_"), "object", "event", "api_version",
        STRIPE_VERSION, "created", (json_int_t)(clock_now() / USEC_PER_SEC), "data", "object",
        json_deep_copy(object), "livemode", (int)stripe_is_live(sandbox), "pending_webhooks", 1,
        "request", "id", "idempotency_key", "type", type);
    json_t *inside = json_object_get(json_object_get(event, "data"), "object");

    json_object_del(inside, "_intent_metadata");
    json_object_del(inside, "_name");
    if (play->hold) {
        stripe_keep_held(sandbox, event);
    } else {
        tell(sandbox, event);
        if (faults_roll(&sandbox->faults, sandbox->faults.duplicate_callback))
            tell(sandbox, event);
    }
}

void stripe_release(struct sandbox *sandbox, bool backwards, int64_t times)
{
    const struct stripe_play *play = stripe_play(sandbox);
    size_t n = json_array_size(play->held);

    for (size_t i = 0; i < n; i++) {
        json_t *event = json_array_get(play->held, backwards ? n - 1 - i : i);
        for (int64_t k = 0; k < times; k++)
            tell(sandbox, event);
    }
    stripe_keep_released(sandbox);
    stripe_keep_hold(sandbox, false);
}
