/*
 * Twilio at the door: messages that people sent, and what became of ours.
 *
 * A message is answered with TwiML that says nothing, since what we say goes out by itself; a
 * status has our key in its query, so that it finds its message even when the answer to the
 * sending was lost. 200 and 204 mean committed.
 *
 * Twilio signs the address that it calls, so ours must be known: without `public_url` nothing
 * is asked to call back, and whatever comes is refused.
 */
#include "bot/intake_inside.h"

#include "bot/accounts.h"
#include "bot/loop/log.h"
#include "webhooks/redact.h"
#include "webhooks/twilio.h"

#define SAYS_NOTHING STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>")

struct twilio_call {
    struct arrival delivery;
    struct intake *intake;
    struct portion portion;
    struct inbound_batch batch;
    struct accounts_wait wait;
    const char *unrouted; /* why it is kept without a business */
    bool wants_twiml;
};

static void settled(struct arrival *delivery)
{
    struct twilio_call *call = CONTAINER_OF(delivery, struct twilio_call, delivery);

    if (call->wants_twiml) {
        intake_closes(call->intake, delivery, 200, "text/xml", SAYS_NOTHING);
    } else {
        intake_closes(call->intake, delivery, 204, NULL, STR_NONE);
    }
}

/* --- is it Twilio? ------------------------------------------------------------------------ */

/* Our address as it was given to Twilio. */
static struct str address_called(const struct config *config, struct http_exchange *exchange)
{
    return arena_format(&exchange->arena, "%.*s%.*s%s%.*s", STR_ARG(config->public_url),
                        STR_ARG(exchange->path), exchange->query.len > 0 ? "?" : "",
                        STR_ARG(exchange->query));
}

static bool is_json(struct http_exchange *exchange)
{
    return str_starts(http_request_header(exchange, "content-type"), STR("application/json"));
}

static bool is_genuine(const struct config *config, struct http_exchange *exchange,
                       struct twilio_form *form)
{
    struct arena *arena = &exchange->arena;
    struct str token = config->twilio.auth_token, url = address_called(config, exchange);
    struct str signature = http_request_header(exchange, "x-twilio-signature");

    *form = (struct twilio_form){0};
    if (config->public_url.len == 0)
        return false;
    if (is_json(exchange))
        return twilio_verify_body(arena, token, signature, url, exchange->body);
    return twilio_form_read(arena, exchange->body, form, NULL) &&
           twilio_verify(arena, token, signature, url, form);
}

/* Whether it may come in; else it is answered. */
static bool is_welcome(struct intake *intake, struct http_exchange *exchange,
                       struct twilio_form *form)
{
    if (!is_genuine(intake->worker->config, exchange, form)) {
        count(COUNT_FORGED, 1);
        http_reply(exchange, 401, NULL, STR_NONE, NULL);
        return false;
    }
    if (intake_is_overloaded(intake)) {
        intake_unavailable(exchange);
        return false;
    }
    return true;
}

/* --- whose is it? ------------------------------------------------------------------------- */

static const struct account *account_of(const struct worker *worker, const struct event *event)
{
    const struct account *account = accounts_find(worker->accounts, event->account);

    if (account == NULL)
        account = accounts_find(worker->accounts, event->business);
    return account != NULL && account->channel == CHANNEL_SMS ? account : NULL;
}

static void enqueue(struct twilio_call *call, const struct event *event,
                    const struct account *account)
{
    struct worker *worker = call->intake->worker;
    struct item *item = arena_new(call->delivery.arena, struct item);
    struct str parts[2] = {event->account, event->id};

    *item = (struct item){.portion = &call->portion,
                          .account = account,
                          .event = event,
                          .hash = hash16_of(parts, 2)};
    if (event_is_message(event->kind) || event->kind == EVENT_PREFERENCE)
        item->address = person_address(&event->from);
    if (shared_deaths(worker->shared, call->delivery.hash) >= 2)
        item->park = "a worker died over it twice";
    call->delivery.pending++;
    turns_add(worker->turns, item);
}

/* A status of a number that no business has is of no use to anybody: answered, and forgotten.
 * What a person wrote there is kept. */
static void refuse(struct twilio_call *call, const struct event *event)
{
    count(COUNT_UNROUTED, 1);
    if (event->kind == EVENT_STATUS) {
        log_event(LOG_WARN, "intake.unrouted", LOG_C("why", "a number that no business has"));
    } else {
        call->unrouted = "a number that no business has";
    }
}

static void route(struct twilio_call *call)
{
    const struct worker *worker = call->intake->worker;

    for (size_t i = 0; i < call->batch.n; i++) {
        const struct event *event = &call->batch.events[i];
        const struct account *account = account_of(worker, event);
        if (account == NULL) {
            refuse(call, event);
            continue;
        }
        call->portion.org = account->org; /* one message, one number, one business */
        enqueue(call, event, account);
    }
    if (call->unrouted != NULL)
        intake_keep_stray(call->intake, &call->delivery, call->unrouted);
    arrival_settle(&call->delivery, true); /* the one for taking it apart */
}

static void directory_read(struct accounts_wait *wait)
{
    struct twilio_call *call = CONTAINER_OF(wait, struct twilio_call, wait);

    if (wait->err.code != ERR_NONE) {
        arrival_settle(&call->delivery, false);
    } else {
        route(call);
    }
}

static void begin(struct intake *intake, struct http_exchange *exchange,
                  struct twilio_call *call)
{
    struct accounts *accounts = intake->worker->accounts;
    enum redact_form form = is_json(exchange) ? REDACT_JSON : REDACT_FORM;

    call->intake = intake;
    intake_opens(intake, exchange, "twilio", &call->delivery, settled);
    call->delivery.body = redact_delivery(&exchange->arena, form, exchange->body, &call->batch);
    call->portion = (struct portion){.delivery = &call->delivery, .payload_id = worker_uuid()};
    count(COUNT_EVENTS, call->batch.n);
    if (call->batch.n == 0 || account_of(intake->worker, call->batch.events) != NULL ||
        !accounts_stale(accounts)) {
        route(call);
        return;
    }
    call->wait.done = directory_read;
    accounts_refresh(accounts, &call->wait);
}

/* --- the two doors ------------------------------------------------------------------------ */

static bool decode_status(struct http_exchange *exchange, const struct twilio_form *form,
                          struct inbound_batch *batch, struct err *err)
{
    *batch =
        (struct inbound_batch){.events = arena_new(&exchange->arena, struct event), .n = 1};
    return twilio_decode_status(&exchange->arena, form, http_query(exchange, "key"),
                                batch->events, err);
}

void intake_twilio_status(struct intake *intake, struct http_exchange *exchange)
{
    struct twilio_call *call = arena_new(&exchange->arena, struct twilio_call);
    struct twilio_form form;
    struct err err = {0};

    if (!is_welcome(intake, exchange, &form))
        return;
    if (!decode_status(exchange, &form, &call->batch, &err)) {
        count(COUNT_UNREADABLE, 1);
        http_reply(exchange, 204, NULL, STR_NONE, NULL); /* it would come again the same */
        return;
    }
    begin(intake, exchange, call);
}

/* Whoever set one address for everything posts statuses here, too. */
void intake_twilio_message(struct intake *intake, struct http_exchange *exchange)
{
    struct twilio_call *call = arena_new(&exchange->arena, struct twilio_call);
    struct twilio_form form;
    struct err err = {0};

    if (!is_welcome(intake, exchange, &form))
        return;
    call->wants_twiml = true;
    bool status = twilio_form_get(&form, "MessageStatus").len > 0;
    bool read = status ? decode_status(exchange, &form, &call->batch, &err)
                       : twilio_decode(&exchange->arena, &form, &call->batch, &err);
    if (!read) {
        count(COUNT_UNREADABLE, 1);
        call->batch = (struct inbound_batch){0};
        call->unrouted = arena_cstr(&exchange->arena, str_from(err.text));
    }
    begin(intake, exchange, call);
}
