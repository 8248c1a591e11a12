/*
 * Twilio's callbacks at the door. One is a status of one message: it has our key in its query,
 * so it finds its message even when the answer to the sending was lost. 204 means committed.
 *
 * Twilio signs the address that it calls, so ours must be known: without `public_url` nothing
 * is asked to call back, and whatever comes is refused.
 */
#include "bot/intake_inside.h"

#include "bot/accounts.h"
#include "bot/loop/log.h"
#include "webhooks/twilio.h"

struct status_call {
    struct arrival delivery;
    struct intake *intake;
    struct portion portion;
    struct item item;
    struct event event;
    struct accounts_wait wait;
};

static void settled(struct arrival *delivery)
{
    struct status_call *call = CONTAINER_OF(delivery, struct status_call, delivery);

    intake_closes(call->intake, delivery, 204);
}

/* As it was given to Twilio with the message. */
static struct str address_called(struct arena *into, const struct config *config,
                                 struct str path, struct str key)
{
    return arena_format(into, "%.*s%.*s%s%.*s", STR_ARG(config->public_url), STR_ARG(path),
                        key.len > 0 ? "?key=" : "", STR_ARG(key));
}

static const struct account *account_of(const struct worker *worker, const struct event *event)
{
    const struct account *account = accounts_find(worker->accounts, event->account);

    if (account == NULL)
        account = accounts_find(worker->accounts, event->business);
    return account != NULL && account->channel == CHANNEL_SMS ? account : NULL;
}

static void enqueue(struct status_call *call, const struct account *account)
{
    struct str parts[2] = {call->event.account, call->event.id};

    call->portion = (struct portion){
        .delivery = &call->delivery, .org = account->org, .payload_id = worker_uuid()};
    call->item = (struct item){.portion = &call->portion,
                               .account = account,
                               .event = &call->event,
                               .hash = hash16_of(parts, 2)};
    call->delivery.pending++;
    turns_add(call->intake->worker->turns, &call->item);
}

/* A status of a number that no business has is of no use to anybody: answered, and forgotten.
 */
static void route(struct status_call *call)
{
    const struct account *account = account_of(call->intake->worker, &call->event);

    if (account != NULL) {
        enqueue(call, account);
    } else {
        count(COUNT_UNROUTED, 1);
        log_event(LOG_WARN, "intake.unrouted", LOG_C("why", "a number that no business has"));
    }
    arrival_settle(&call->delivery, true);
}

static void directory_read(struct accounts_wait *wait)
{
    struct status_call *call = CONTAINER_OF(wait, struct status_call, wait);

    if (wait->err.code != ERR_NONE) {
        arrival_settle(&call->delivery, false);
    } else {
        route(call);
    }
}

static bool is_genuine(const struct config *config, struct http_exchange *exchange,
                       struct str key, struct twilio_form *form)
{
    struct arena *arena = &exchange->arena;

    return config->public_url.len > 0 && twilio_form_read(arena, exchange->body, form, NULL) &&
           twilio_verify(arena, config->twilio.auth_token,
                         http_request_header(exchange, "x-twilio-signature"),
                         address_called(arena, config, exchange->path, key), form);
}

void intake_twilio_status(struct intake *intake, struct http_exchange *exchange)
{
    struct worker *worker = intake->worker;
    struct str key = http_query(exchange, "key");
    struct status_call *call = arena_new(&exchange->arena, struct status_call);
    struct twilio_form form;
    struct err err = {0};

    if (!is_genuine(worker->config, exchange, key, &form)) {
        count(COUNT_FORGED, 1);
        http_reply(exchange, 401, NULL, STR_NONE, NULL);
        return;
    }
    if (intake_is_overloaded(intake)) {
        intake_unavailable(exchange);
        return;
    }
    if (!twilio_decode_status(&exchange->arena, &form, key, &call->event, &err)) {
        count(COUNT_UNREADABLE, 1);
        http_reply(exchange, 204, NULL, STR_NONE, NULL); /* it would come again the same */
        return;
    }
    call->intake = intake;
    intake_opens(intake, exchange, "twilio", &call->delivery, settled);
    count(COUNT_EVENTS, 1);
    if (account_of(worker, &call->event) != NULL || !accounts_stale(worker->accounts)) {
        route(call);
        return;
    }
    call->wait.done = directory_read;
    accounts_refresh(worker->accounts, &call->wait);
}
