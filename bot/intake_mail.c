/*
 * Mail at the door: raw from a gateway, or announced by Resend's webhook, which has only its
 * head. The rest is fetched before the webhook is answered, so nothing is promised that is not
 * kept yet: what cannot be fetched is a 503, and Resend comes again for hours.
 *
 * Taking mail apart is the riskiest reading that we do, so the supervisor is told which
 * delivery it is: one over which two workers died is kept as it came, and not looked into
 * again.
 */
#include "bot/intake_inside.h"

#include "bot/accounts.h"
#include "bot/loop/log.h"
#include "webhooks/mime.h"
#include "webhooks/redact.h"
#include "webhooks/resend_in.h"
#include "webhooks/svix.h"

/* So much one address may write: thirty mails at once, and one each two minutes. */
#define WRITER_INTERVAL (2 * USEC_PER_MIN)
#define WRITER_BURST    30

#define PAUSE_LEAST (600 * USEC_PER_MSEC)

struct mail_call {
    struct arrival delivery;
    struct intake *intake;
    struct portion portion;
    struct inbound_batch batch;
    struct accounts_wait wait;
    const struct account *account; /* of a mail that came in */
    const char *unrouted;          /* why it is kept without a business */
    struct str to;                 /* raw: the address that it was posted for */
    struct resend_news news;
    struct http_request request;
    struct fetch fetch;
    struct timer pause;
};

static void settled(struct arrival *delivery)
{
    struct mail_call *call = CONTAINER_OF(delivery, struct mail_call, delivery);

    intake_closes(call->intake, delivery, 200, NULL, STR_NONE);
}

/* --- what is in it ------------------------------------------------------------------------ */

static const struct account *account_named(const struct worker *worker, struct str address)
{
    const struct account *account = accounts_find(worker->accounts, address);

    return account != NULL && account->channel == CHANNEL_EMAIL ? account : NULL;
}

static void enqueue(struct mail_call *call, const struct event *event,
                    const struct account *account)
{
    struct worker *worker = call->intake->worker;
    struct item *item = arena_new(call->delivery.arena, struct item);
    struct str parts[2] = {account->external_id, event->id};

    *item = (struct item){.portion = &call->portion,
                          .account = account,
                          .event = event,
                          .hash = hash16_of(parts, 2)};
    if (event_is_message(event->kind) || event->kind == EVENT_PREFERENCE)
        item->address = person_address(&event->from);
    call->portion.org = account->org; /* one mail, one address, one business */
    call->delivery.pending++;
    turns_add(worker->turns, item);
}

/* What is told of an address that no business has is of no use to anybody; what was written to
 * it is kept. */
static void route(struct mail_call *call)
{
    for (size_t i = 0; i < call->batch.n; i++) {
        const struct event *event = &call->batch.events[i];
        const struct account *account =
            call->account != NULL ? call->account
                                  : account_named(call->intake->worker, event->account);
        if (account != NULL) {
            enqueue(call, event, account);
        } else {
            count(COUNT_UNROUTED, 1);
            log_event(LOG_WARN, "intake.unrouted",
                      LOG_C("why", "an address that no business has"));
        }
    }
    if (call->unrouted != NULL)
        intake_keep_stray(call->intake, &call->delivery, call->unrouted);
    arrival_settle(&call->delivery, true); /* the one for taking it apart */
}

/* Nothing that can be read, or nobody's: kept for a person, without what may not be kept. */
static void keep(struct mail_call *call, enum redact_form form, const char *why)
{
    call->unrouted = why;
    call->batch = (struct inbound_batch){0};
    call->delivery.body =
        redact_delivery(call->delivery.arena, form, call->delivery.body, &call->batch);
    route(call);
}

/* --- taking it apart ---------------------------------------------------------------------- */

static bool decode_raw(struct mail_call *call, struct err *err)
{
    const struct config *config = call->intake->worker->config;
    struct arena *arena = call->delivery.arena;
    char id[UUID_TEXT_LEN + 1];
    const struct mail_rules rules = {call->account->external_id, config->mail.authserv};

    uuid_format(call->portion.payload_id, id);
    const struct mime_options options = {
        .rules = &rules, .handle = arena_format(arena, "payload:%s", id), .to = call->to};
    return mime_decode(arena, call->delivery.body, &options, &call->batch, err);
}

static bool decode_fetched(struct mail_call *call, struct err *err)
{
    const struct config *config = call->intake->worker->config;
    const struct mail_rules rules = {call->account->external_id, config->resend.authserv};

    return resend_decode_received(call->delivery.arena, call->delivery.body, &rules,
                                  &call->batch, err);
}

/* A machine that does not say that it is one answers each of our answers. What is too much for
 * a person is noted like what machines send. */
static void still_machines(struct mail_call *call)
{
    struct event *event = call->batch.events;
    struct uuid writer;

    if (call->batch.n == 0 || !event_is_message(event->kind))
        return;
    struct str parts[2] = {call->account->external_id, person_address(&event->from)};
    struct hash16 hash = hash16_of(parts, 2);
    memcpy(writer.bytes, hash.bytes, sizeof writer.bytes);
    if (pairs_take(&call->intake->mail_writers, writer, clock_monotonic(), WRITER_INTERVAL,
                   WRITER_BURST) == 0)
        return;
    log_event(LOG_WARN, "intake.mail_too_many", LOG_ID("account", call->account->account));
    *event = (struct event){.kind = EVENT_OTHER,
                            .account = event->account,
                            .field = event->field,
                            .id = event->id,
                            .at = event->at,
                            .from = event->from,
                            .detail = STR("automatic"),
                            .detail2 = STR("too many")};
    call->batch.n = 1;
}

static void take_apart(struct mail_call *call, enum redact_form form,
                       bool (*decode)(struct mail_call *call, struct err *err))
{
    struct worker *worker = call->intake->worker;
    struct arena *arena = call->delivery.arena;
    struct err err = {0};
    unsigned slot;
    bool read;

    if (shared_deaths(worker->shared, call->delivery.hash) >= 2) {
        keep(call, form, "a worker died over it twice");
        return;
    }
    slot = shared_stepping_begin(worker->self);
    shared_stepping_add(worker->self, slot, call->delivery.hash);
    read = decode(call, &err);
    if (read)
        call->delivery.body = redact_delivery(arena, form, call->delivery.body, &call->batch);
    shared_stepping_end(worker->self, slot);
    if (!read) {
        count(COUNT_UNREADABLE, 1);
        keep(call, form, arena_cstr(arena, str_from(err.text)));
        return;
    }
    count(COUNT_EVENTS, call->batch.n);
    count(COUNT_EVENTS_UNKNOWN, call->batch.unknown);
    still_machines(call);
    route(call);
}

/* --- the gateway's door ------------------------------------------------------------------- */

static bool shows_token(const struct config *config, struct http_exchange *exchange)
{
    struct str given = http_request_header(exchange, "authorization");
    struct str scheme = STR("Bearer ");

    return config->mail.gateway_token.len > 0 && str_starts(given, scheme) &&
           crypto_equal(str_trim(str_slice(given, scheme.len, given.len)),
                        config->mail.gateway_token);
}

static bool find_raw(struct mail_call *call)
{
    struct str token;

    call->account = account_named(call->intake->worker,
                                  mail_address_bare(call->delivery.arena, call->to, &token));
    return call->account != NULL;
}

static void go_on_raw(struct mail_call *call)
{
    if (find_raw(call)) {
        take_apart(call, REDACT_MAIL, decode_raw);
    } else {
        count(COUNT_UNROUTED, 1);
        keep(call, REDACT_MAIL, "an address that no business has");
    }
}

static void raw_directory_read(struct accounts_wait *wait)
{
    struct mail_call *call = CONTAINER_OF(wait, struct mail_call, wait);

    if (wait->err.code != ERR_NONE) {
        arrival_settle(&call->delivery, false);
    } else {
        go_on_raw(call);
    }
}

static struct mail_call *open_call(struct intake *intake, struct http_exchange *exchange,
                                   const char *provider)
{
    struct mail_call *call = arena_new(&exchange->arena, struct mail_call);

    call->intake = intake;
    intake_opens(intake, exchange, provider, &call->delivery, settled);
    call->portion = (struct portion){.delivery = &call->delivery, .payload_id = worker_uuid()};
    return call;
}

static void refuse(struct http_exchange *exchange)
{
    count(COUNT_FORGED, 1);
    http_reply(exchange, 401, NULL, STR_NONE, NULL);
}

void intake_mail(struct intake *intake, struct http_exchange *exchange, struct str address)
{
    struct accounts *accounts = intake->worker->accounts;
    struct mail_call *call;
    struct str to;

    if (!shows_token(intake->worker->config, exchange)) {
        refuse(exchange);
        return;
    }
    if (!mail_address(&exchange->arena, address, &to)) {
        http_reply(exchange, 404, NULL, STR_NONE, NULL);
        return;
    }
    if (intake_is_overloaded(intake)) {
        intake_unavailable(exchange);
        return;
    }
    call = open_call(intake, exchange, "mime");
    call->to = to;
    if (find_raw(call) || !accounts_stale(accounts)) {
        go_on_raw(call);
        return;
    }
    call->wait.done = raw_directory_read;
    accounts_refresh(accounts, &call->wait);
}

/* --- Resend's door ------------------------------------------------------------------------ */

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

static void fetch_mail(struct mail_call *call);

static usec_t time_left(const struct mail_call *call)
{
    usec_t spent = clock_monotonic() - call->delivery.arrived;
    usec_t whole = call->intake->worker->config->mail.in_timeout;

    return spent < whole ? whole - spent : 0;
}

static void rested(struct timer *timer)
{
    fetch_mail(CONTAINER_OF(timer, struct mail_call, pause));
}

static void pause_over(struct timer *timer)
{
    timer_close(timer, rested); /* it may not outlive the answer */
}

/* Two requests a second are soon too many when mails come together; Resend's own next try would
 * be minutes away. False when there is no time for another. */
static bool ask_again(struct mail_call *call)
{
    struct worker *worker = call->intake->worker;
    usec_t pause = call->fetch.answer.retry_after;
    uint16_t chance;

    if (pause < PAUSE_LEAST)
        pause = PAUSE_LEAST;
    random_bytes(&chance, sizeof chance);
    pause += PAUSE_LEAST * chance / UINT16_MAX;
    if (worker->draining || pause + USEC_PER_SEC > time_left(call))
        return false;
    timer_start(&worker->loop, &call->pause, pause, pause_over);
    return true;
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
    take_apart(call, REDACT_JSON, decode_fetched);
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
        call->account = account_named(
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
           account_named(call->intake->worker, call->batch.events[0].account) != NULL;
}

static void go_on_resend(struct mail_call *call)
{
    if (call->news.received.len == 0) {
        route(call);
    } else if (find_recipient(call)) {
        fetch_mail(call);
    } else {
        count(COUNT_UNROUTED, 1);
        keep(call, REDACT_JSON, "an address that no business has");
    }
}

static void resend_directory_read(struct accounts_wait *wait)
{
    struct mail_call *call = CONTAINER_OF(wait, struct mail_call, wait);

    if (wait->err.code != ERR_NONE) {
        arrival_settle(&call->delivery, false);
    } else {
        go_on_resend(call);
    }
}

void intake_resend(struct intake *intake, struct http_exchange *exchange)
{
    struct accounts *accounts = intake->worker->accounts;
    struct mail_call *call;
    struct err err = {0};

    if (!is_resends(intake->worker->config, exchange)) {
        refuse(exchange);
        return;
    }
    if (intake_is_overloaded(intake)) {
        intake_unavailable(exchange);
        return;
    }
    call = open_call(intake, exchange, "resend");
    if (!resend_news(&exchange->arena, exchange->body, &call->news, &err)) {
        count(COUNT_UNREADABLE, 1);
        keep(call, REDACT_JSON, arena_cstr(&exchange->arena, str_from(err.text)));
        return;
    }
    call->batch = call->news.batch;
    call->delivery.body =
        redact_delivery(&exchange->arena, REDACT_JSON, exchange->body, &call->batch);
    count(COUNT_EVENTS, call->batch.n);
    if (is_known(call) || !accounts_stale(accounts)) {
        go_on_resend(call);
        return;
    }
    call->wait.done = resend_directory_read;
    accounts_refresh(accounts, &call->wait);
}
