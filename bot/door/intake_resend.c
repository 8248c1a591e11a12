/*
 * Resend's webhook announces a mail by its id. It is fetched before the webhook is answered, so
 * nothing is promised that is not kept yet: what cannot be fetched is a 503, and Resend comes
 * again for hours.
 */
#include "bot/door/intake_mail_inside.h"

#include "bot/loop/log.h"
#include "webhooks/svix.h"

#define PAUSE_LEAST (600 * USEC_PER_MSEC)

static bool is_resends(const struct config *config, struct http_exchange *exchange)
{
    struct svix_headers headers = {http_request_header(exchange, "svix-id"),
                                   http_request_header(exchange, "svix-timestamp"),
                                   http_request_header(exchange, "svix-signature")};

    if (headers.id.len == 0) {
        headers = (struct svix_headers){http_request_header(exchange, "webhook-id"),
                                        http_request_header(exchange, "webhook-timestamp"),
                                        http_request_header(exchange, "webhook-signature")};
    }
    return svix_verify(&exchange->arena, config->resend.webhook_secret, &headers,
                       exchange->body, clock_now());
}

static bool decode_fetched(struct mail_call *call, struct err *err)
{
    const struct config *config = call->intake->worker->config;
    const struct mail_rules rules = {call->account->external_id, config->resend.authserv};

    return resend_decode_received(call->delivery.arena, call->delivery.body, &rules,
                                  &call->batch, err);
}

static void fetch_mail(struct mail_call *call);
static bool reserve(struct mail_call *call, usec_t pause);

static usec_t time_left(const struct mail_call *call)
{
    usec_t spent = clock_monotonic() - call->delivery.arrived;
    usec_t whole = call->intake->worker->config->mail.in_timeout;

    return spent < whole ? whole - spent : 0;
}

static void rested(struct timer *timer)
{
    struct mail_call *call = CONTAINER_OF(timer, struct mail_call, pause);

    shares_give(&call->intake->fetches, call->account->org);
    fetch_mail(call);
}

static void pause_over(struct timer *timer)
{
    timer_close(timer, rested); /* it may not outlive the answer */
}

/* Two requests a second are soon too many when mails come together; Resend's own next try would
 * be minutes away. False when there is no time for another. */
static bool ask_again(struct mail_call *call)
{
    usec_t pause = call->fetch.answer.retry_after;
    uint16_t chance;

    if (pause < PAUSE_LEAST)
        pause = PAUSE_LEAST;
    random_bytes(&chance, sizeof chance);
    pause += PAUSE_LEAST * chance / UINT16_MAX;
    return reserve(call, pause);
}

/* Any answer but the mail itself is for later, and so is none. */
static void fetched(struct fetch *fetch)
{
    struct mail_call *call = CONTAINER_OF(fetch, struct mail_call, fetch);

    if (fetch->answer.fate == HTTP_ANSWERED && fetch->answer.status == 429 && ask_again(call))
        return;
    if (fetch->answer.fate != HTTP_ANSWERED || fetch->answer.status != 200) {
        log_event(LOG_WARN, "intake.mail_not_fetched", LOG_I("status", fetch->answer.status),
                  LOG_ERR(&fetch->err));
        arrival_settle(&call->delivery, false);
        return;
    }
    call->delivery.body = fetch->answer.body;
    mail_take_apart(call, REDACT_JSON, decode_fetched);
}

/* A request of the share that all have with Resend, after the pause at least. What came in goes
 * ahead of what leaves: a lane takes only what nobody has reserved. A business whose mails wait
 * already in greater number than others' may wait half as long only: so whoever floods it
 * leaves room for the others' mails. False when there is no time for it. */
static bool reserve(struct mail_call *call, usec_t pause)
{
    struct worker *worker = call->intake->worker;
    const struct config *config = worker->config;
    struct shares *fetches = &call->intake->fetches;
    usec_t most = time_left(call) - USEC_PER_SEC, wait;

    if (pause > 0 && (worker->draining || pause > most))
        return false;
    if (shares_is_greedy(fetches, call->account->org))
        most /= 2;
    if (!quota_reserve(&worker->shared->resend, clock_monotonic(), config->mail.rate,
                       config->mail.rate_burst, most > 0 ? most : 0, &wait))
        return false;
    if (wait < pause)
        wait = pause;
    if (wait == 0) {
        fetch_mail(call);
    } else {
        shares_take(fetches, call->account->org);
        timer_start(&worker->loop, &call->pause, wait, pause_over);
    }
    return true;
}

static void fetch_received(struct mail_call *call)
{
    if (!reserve(call, 0)) {
        log_event(LOG_WARN, "intake.mail_not_fetched", LOG_I("status", 0));
        arrival_settle(&call->delivery, false);
    }
}

static void fetch_mail(struct mail_call *call)
{
    struct worker *worker = call->intake->worker;
    const struct config *config = worker->config;
    const struct resend_reader reader = {config->resend.base_url, config->resend.api_key};
    struct err err = {0};

    if (!resend_encode_received(call->delivery.arena, &reader, call->news.received,
                                &call->request, &err)) {
        log_event(LOG_ALERT, "intake.mail_not_asked", LOG_ERR(&err));
        arrival_settle(&call->delivery, false);
        return;
    }
    call->fetch = (struct fetch){.request = &call->request,
                                 .connect_timeout = config->mail.connect_timeout,
                                 .timeout = time_left(call) + USEC_PER_MSEC,
                                 .body_max = config->mail.in_max,
                                 .into = call->delivery.arena,
                                 .done = fetched};
    fetcher_start(worker->fetcher, &call->fetch);
}

/* Of those that a mail was sent to the one that is a business's. */
static bool find_recipient(struct mail_call *call)
{
    struct str token;

    for (size_t i = 0; i < call->news.n_sent_to && call->account == NULL; i++) {
        call->account = mail_account(
            call->intake->worker,
            mail_address_bare(call->delivery.arena, call->news.sent_to[i], &token));
    }
    return call->account != NULL;
}

static bool is_known(struct mail_call *call)
{
    if (call->news.received.len > 0)
        return find_recipient(call);
    return call->batch.n == 0 ||
           mail_account(call->intake->worker, call->batch.events[0].account) != NULL;
}

static void route_resend(struct arrival *delivery)
{
    struct mail_call *call = CONTAINER_OF(delivery, struct mail_call, delivery);

    if (call->news.received.len == 0) {
        mail_route(call);
    } else if (find_recipient(call)) {
        fetch_received(call);
    } else {
        count(COUNT_UNROUTED, 1);
        mail_keep(call, REDACT_JSON, "an address that no business has");
    }
}

void intake_resend(struct intake *intake, struct http_exchange *exchange)
{
    struct mail_call *call;
    struct err err = {0};

    if (!is_resends(intake->worker->config, exchange)) {
        intake_refuse(exchange);
        return;
    }
    if (intake_is_overloaded(intake)) {
        intake_unavailable(exchange);
        return;
    }
    call = mail_call_open(intake, exchange, "resend");
    if (!resend_news(&exchange->arena, exchange->body, &call->news, &err)) {
        count(COUNT_UNREADABLE, 1);
        mail_keep(call, REDACT_JSON, arena_cstr(&exchange->arena, str_from(err.text)));
        return;
    }
    call->batch = call->news.batch;
    call->delivery.body =
        redact_delivery(&exchange->arena, REDACT_JSON, exchange->body, &call->batch);
    count(COUNT_EVENTS, call->batch.n);
    call->wait = (struct directory_wait){.delivery = &call->delivery, .route = route_resend};
    intake_with_directory(intake, is_known(call), &call->wait);
}
