/*
 * Answers. Most wait for the journal's sync; some wait longer on purpose, and some never come:
 * then the connection is shut under the server, which is what a lost answer looks like.
 */
#include "bot/base/json.h"
#include "bot/net/http.h"
#include "tests/sandbox/sandbox.h"

#include <stdlib.h>

void answer_json(struct http_exchange *exchange, int status, json_t *body)
{
    struct str text = json_write(&exchange->arena, body);
    json_decref(body);
    http_reply(exchange, status, "application/json; charset=UTF-8", text, NULL);
}

void answer_error(struct http_exchange *exchange, int http, int code, const char *message,
                  const char *details)
{
    json_t *error = json_pack("{s:s, s:s, s:i, s:s}", "message", message, "type",
                              "OAuthException", "code", code, "fbtrace_id", "AParleySandbox");
    if (details) {
        json_object_set_new(
            error, "error_data",
            json_pack("{s:s, s:s}", "messaging_product", "whatsapp", "details", details));
    }
    answer_json(exchange, http, json_pack("{s:o}", "error", error));
}

void answer_drop(struct http_exchange *exchange)
{
    http_drop(exchange);
}

struct waiting {
    struct sandbox *sandbox;
    struct journal_wait wait;
    struct timer timer;
    struct http_exchange *exchange;
    enum fate fate;
    int status;
    const char *type;
    struct str body; /* in the exchange's arena, as the headers are */
    const char *const *headers;
    int64_t delay_ms;
};

static void closed(struct timer *timer)
{
    free(CONTAINER_OF(timer, struct waiting, timer));
}

static void finish(struct waiting *waiting)
{
    uint64_t *counts = waiting->sandbox->n_answers;
    counts[waiting->fate == FATE_DROP ? 0 : waiting->status / 100]++;
    if (waiting->fate == FATE_DROP) {
        answer_drop(waiting->exchange);
    } else {
        http_reply(waiting->exchange, waiting->status, waiting->type, waiting->body,
                   waiting->headers);
    }
    timer_close(&waiting->timer, closed);
}

static void delayed(struct timer *timer)
{
    finish(CONTAINER_OF(timer, struct waiting, timer));
}

static void synced(struct journal_wait *wait)
{
    struct waiting *waiting = CONTAINER_OF(wait, struct waiting, wait);
    if (waiting->delay_ms <= 0) {
        finish(waiting);
    } else {
        timer_start(&waiting->sandbox->loop, &waiting->timer, waiting->delay_ms * USEC_PER_MSEC,
                    delayed);
    }
}

void answer_later(struct sandbox *sandbox, struct http_exchange *exchange, enum fate fate,
                  int status, const char *type, struct str body, int64_t delay_ms)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (!waiting)
        abort();
    *waiting = (struct waiting){.sandbox = sandbox,
                                .exchange = exchange,
                                .fate = fate,
                                .status = status,
                                .type = type,
                                .body = arena_str(&exchange->arena, body),
                                .delay_ms = delay_ms};
    journal_sync(sandbox->journal, &waiting->wait, synced);
}

void answer_kept(struct sandbox *sandbox, struct http_exchange *exchange, int status,
                 const char *type, const char *const *headers, struct str body)
{
    struct waiting *waiting = calloc(1, sizeof(*waiting));
    if (!waiting)
        abort();
    *waiting = (struct waiting){.sandbox = sandbox,
                                .exchange = exchange,
                                .status = status,
                                .type = type,
                                .headers = headers,
                                .body = body};
    journal_sync(sandbox->journal, &waiting->wait, synced);
}

void answer_mishap(struct sandbox *sandbox, struct http_exchange *exchange, enum mishap mishap,
                   int64_t delay_ms)
{
    if (mishap == MISHAP_LOST) {
        answer_later(sandbox, exchange, FATE_DROP, 0, NULL, STR_NONE, delay_ms);
    } else if (mishap == MISHAP_GARBAGE) {
        answer_later(sandbox, exchange, FATE_ANSWER, 200, "text/html",
                     STR("<html>Sorry, something went wrong.</html>"), delay_ms);
    } else {
        answer_later(sandbox, exchange, FATE_ANSWER, 502, NULL, STR_NONE, delay_ms);
    }
}
