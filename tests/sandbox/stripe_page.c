/*
 * The page on which one would pay, with a button for each thing that may become of it; and what
 * tests ask for. Nothing is typed there: no number of a card is ever wanted.
 */
#include "bot/base/json.h"
#include "tests/sandbox/stripe.h"
#include "webhooks/form.h"

#include <stdio.h>

#define PAGE "/c/pay/"

static const char page_head[] =
    "<!doctype html><html lang=en><meta charset=utf-8>"
    "<meta name=viewport content='width=device-width,initial-scale=1'>"
    "<title>Pay (sandbox)</title><style>"
    "body{font:18px/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}"
    "button{display:block;width:100%;min-height:48px;margin:.6rem 0;font:inherit;"
    "border-radius:.5rem;border:1px solid #556;background:#fff;color:#112}"
    "button.main{background:#1f3a5f;color:#fff}"
    "p.sum{font-size:2rem;margin:.2rem 0}</style><h1>Payment, played</h1>";

static const struct {
    const char *act, *words;
} buttons[] = {
    {"pay",    "Pay by card"                   },
    {"bank",   "Pay by bank (arrives later)"   },
    {"fail",   "The card is declined"          },
    {"expire", "The link expires"              },
    {"settle", "The bank's money arrives"      },
    {"bounce", "The bank's money does not come"},
};

static void answer_page(struct http_exchange *exchange, int status, struct str body)
{
    static const char *const headers[] = {
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
        "form-action *",
        NULL};

    http_reply(exchange, status, "text/html; charset=utf-8",
               arena_concat(&exchange->arena, str_from(page_head), body), headers);
}

/* Signs that mean something in a page are left out. */
static struct str plain(struct arena *into, struct str text)
{
    char *copy = arena_alloc(into, text.len + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (strchr("<>&\"'", text.at[i]) == NULL)
            copy[n++] = text.at[i];
    }
    return (struct str){copy, n};
}

static void show(struct http_exchange *exchange, const json_t *session)
{
    struct arena *arena = &exchange->arena;
    bool open = str_eq(text_in(session, "status"), STR("open"));
    bool waits = str_eq(text_in(session, "status"), STR("complete")) &&
                 str_eq(text_in(session, "payment_status"), STR("unpaid"));
    int64_t minor = json_integer_value(json_object_get(session, "amount_total"));
    struct str body = arena_format(
        arena, "<p>%.*s<p class=sum>%lld.%02lld %.*s<p>Status: %.*s, %.*s",
        STR_ARG(plain(arena, text_in(session, "_name"))), (long long)(minor / 100),
        (long long)(minor % 100), STR_ARG(plain(arena, text_in(session, "currency"))),
        STR_ARG(text_in(session, "status")), STR_ARG(text_in(session, "payment_status")));

    for (size_t i = 0; i < COUNTOF(buttons); i++) {
        if (i < 4 ? open : waits) {
            body = arena_format(arena,
                                "%.*s<form method=post><button%s name=act value=%s>%s</button>"
                                "</form>",
                                STR_ARG(body), i == 0 ? " class=main" : "", buttons[i].act,
                                buttons[i].words);
        }
    }
    answer_page(exchange, 200, body);
}

static void press(struct sandbox *sandbox, struct http_exchange *exchange, json_t *session)
{
    struct arena *arena = &exchange->arena;
    struct form form;
    struct str act, back;

    if (!form_read(arena, exchange->body, &form, NULL)) {
        answer_page(exchange, 400, STR("<p>What?"));
        return;
    }
    act = form_get(&form, "act");
    if (!stripe_act(sandbox, arena, session, act)) {
        answer_page(exchange, 409, STR("<p>That is over already."));
        return;
    }
    back = str_eq(act, STR("pay")) || str_eq(act, STR("bank"))
               ? text_in(session, "success_url")
               : arena_format(arena, "%s" PAGE "%.*s", sandbox->base_url,
                              STR_ARG(text_in(session, "id")));
    const char **headers = arena_array(arena, const char *, 2);
    headers[0] = arena_format(arena, "Location: %.*s", STR_ARG(back)).at;
    answer_kept(sandbox, exchange, 303, NULL, headers, STR_NONE);
}

bool stripe_page_handle(struct sandbox *sandbox, struct http_exchange *exchange)
{
    struct arena *arena = &exchange->arena;
    json_t *session;

    if (!str_starts(exchange->path, STR(PAGE)))
        return false;
    session = json_object_get(
        stripe_play(sandbox)->sessions,
        arena_cstr(arena, str_slice(exchange->path, sizeof PAGE - 1, exchange->path.len)));
    if (!session) {
        answer_page(exchange, 404, STR("<p>There is no such payment."));
        return true;
    }
    stripe_expire_late(sandbox, arena, session);
    if (strcmp(exchange->method, "POST") == 0) {
        press(sandbox, exchange, session);
    } else {
        show(exchange, session);
    }
    return true;
}

/* --- for tests ---------------------------------------------------------------------------- */

void stripe_control_get(struct sandbox *sandbox, struct http_exchange *exchange)
{
    const struct stripe_play *play = stripe_play(sandbox);
    OWNED_JSON(books) = json_pack(
        "{s:O, s:O, s:O, s:I, s:I, s:I, s:I, s:I}", "sessions", play->sessions, "payments",
        play->payments, "refunds", play->refunds, "calls", (json_int_t)play->calls, "replayed",
        (json_int_t)play->replayed, "findings", (json_int_t)play->findings, "telling",
        (json_int_t)play->n_telling, "held", (json_int_t)json_array_size(play->held));

    answer_kept(sandbox, exchange, 200, "application/json", NULL,
                json_write(&exchange->arena, books));
}

/* {"session", "act"}, {"refund": payment, "amount"}, {"dispute": payment, "status"},
 * {"hold": true}, {"release": "as_is" or "backwards", "times"}, {"fail": n, "http"}. */
void stripe_control_post(struct sandbox *sandbox, struct http_exchange *exchange,
                         const json_t *wish)
{
    struct stripe_play *play = stripe_play(sandbox);
    struct arena *arena = &exchange->arena;
    const char *session = json_string_value(json_object_get(wish, "session"));
    const char *refund = json_string_value(json_object_get(wish, "refund"));
    const char *dispute = json_string_value(json_object_get(wish, "dispute"));
    json_t *payment = refund ? json_object_get(play->payments, refund) : NULL;
    bool ok = true;

    if (session) {
        json_t *object = json_object_get(play->sessions, session);
        ok = object && stripe_act(sandbox, arena, object, text_in(wish, "act"));
    } else if (refund) {
        ok = payment && stripe_refund_new(sandbox, arena, payment, json_int(wish, "amount", 1),
                                          NULL, NULL);
    } else if (dispute) {
        ok =
            stripe_dispute(sandbox, arena, dispute, arena_cstr(arena, text_in(wish, "status")));
    } else if (json_object_get(wish, "release")) {
        stripe_release(sandbox, str_eq(text_in(wish, "release"), STR("backwards")),
                       json_int(wish, "times", 1));
    } else if (json_object_get(wish, "fail")) {
        play->fail_next = json_int(wish, "fail", 0);
        play->fail_http = (int)json_int(wish, "http", 0);
    } else {
        stripe_keep_hold(sandbox, json_bool(wish, "hold", false));
    }
    if (ok) {
        stripe_control_get(sandbox, exchange);
    } else {
        answer_json(exchange, 409, json_pack("{s:s}", "error", "that can't be"));
    }
}
