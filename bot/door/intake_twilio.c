/*
 * Twilio at the door: messages that people sent, and what became of ours. Twilio does not come
 * again, so what cannot be committed now goes through the spool (bot/door/spool.h).
 *
 * A message is answered with TwiML that says nothing, since what we say goes out by itself; a
 * status has our key in its query, so that it finds its message even when the answer to the
 * sending was lost. 200 and 204 mean committed, or synced to this node's disk.
 *
 * Twilio signs the address that it calls, so ours must be known: without `public_url` nothing
 * is asked to call back, and whatever comes is refused.
 */
#include "bot/door/intake_inside.h"

#include "bot/loop/log.h"
#include "webhooks/redact.h"
#include "webhooks/twilio.h"

#define SAYS_NOTHING STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response></Response>")

struct twilio_call {
    struct arrival delivery;
    struct intake *intake;
    struct portion portion;
    struct inbound_batch batch;
    struct directory_wait wait;
    struct spool_guest guest;
    struct spooling spooling;
    struct spool_again *again; /* it comes out of the spool; else NULL */
    struct str key;            /* of the message of ours that a status is about */
    const char *unrouted;      /* why it is kept without a business */
    enum spool_door door;
    bool json;
};

/* --- answers ------------------------------------------------------------------------------ */

static void answer(struct twilio_call *call)
{
    spool_leaves(call->intake->worker->spool, &call->guest);
    if (call->door == SPOOL_TWILIO_MESSAGE) {
        intake_closes(call->intake, &call->delivery, 200, "text/xml", SAYS_NOTHING);
    } else {
        intake_closes(call->intake, &call->delivery, 204, NULL, STR_NONE);
    }
}

/* By the number of ours, as the directory has it. */
static uint32_t account_tag(const struct twilio_call *call)
{
    return spool_account(call->intake->worker->spool,
                         call->batch.n > 0 ? call->batch.events->account : STR_NONE);
}

static void spooled(struct spooling *spooling)
{
    struct twilio_call *call = CONTAINER_OF(spooling, struct twilio_call, spooling);

    call->delivery.failed = !spooling->kept;
    answer(call);
}

/* Twilio does not come again: what cannot be committed now waits on the disk. */
static void keep_for_later(struct twilio_call *call)
{
    bool card = false;

    for (size_t i = 0; i < call->batch.n; i++)
        card |= call->batch.events[i].card;
    call->spooling = (struct spooling){
        .record = {.door = (uint8_t)call->door,
                   .json = call->json,
                   .card = card,
                   .account = account_tag(call),
                   .received_at = call->delivery.received_at,
                   .query = call->key,
                   .body = call->delivery.body},
        .done = spooled
    };
    spool_add(call->intake->worker->spool, &call->spooling);
}

static void settled(struct arrival *delivery)
{
    struct twilio_call *call = CONTAINER_OF(delivery, struct twilio_call, delivery);

    if (call->again != NULL) {
        spool_again_settled(call->again, !delivery->failed);
    } else if (delivery->failed && spool_is_ready(call->intake->worker->spool)) {
        keep_for_later(call);
    } else {
        answer(call);
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
                       struct form *form)
{
    struct arena *arena = &exchange->arena;
    struct str token = config->twilio.auth_token, url = address_called(config, exchange);
    struct str signature = http_request_header(exchange, "x-twilio-signature");

    *form = (struct form){0};
    if (config->public_url.len == 0)
        return false;
    if (is_json(exchange))
        return twilio_verify_body(arena, token, signature, url, exchange->body);
    return form_read(arena, exchange->body, form, NULL) &&
           twilio_verify(arena, token, signature, url, form);
}

/* Whether it may come in; else it is answered. */
static bool is_welcome(struct intake *intake, struct http_exchange *exchange, struct form *form)
{
    if (is_genuine(intake->worker->config, exchange, form))
        return true;
    intake_refuse(exchange);
    return false;
}

/* --- whose is it? ------------------------------------------------------------------------- */

static const struct account *account_of(const struct worker *worker, const struct event *event)
{
    const struct account *account = accounts_find(worker->accounts, event->account);

    if (account == NULL)
        account = accounts_find(worker->accounts, event->business);
    return account != NULL && account->channel == CHANNEL_SMS ? account : NULL;
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

static void route(struct arrival *delivery)
{
    struct twilio_call *call = CONTAINER_OF(delivery, struct twilio_call, delivery);
    const struct worker *worker = call->intake->worker;

    for (size_t i = 0; i < call->batch.n; i++) {
        const struct event *event = &call->batch.events[i];
        const struct account *account = account_of(worker, event);
        if (account == NULL) {
            refuse(call, event);
            continue;
        }
        call->portion.org = account->org; /* one message, one number, one business */
        intake_enqueue(call->intake, &call->portion, account, event);
    }
    if (call->unrouted != NULL)
        intake_keep_stray(call->intake, &call->delivery, call->unrouted);
    arrival_settle(&call->delivery, true); /* the one for taking it apart */
}

static void begin(struct twilio_call *call)
{
    struct worker *worker = call->intake->worker;

    call->portion = (struct portion){.delivery = &call->delivery, .payload_id = worker_uuid()};
    count(COUNT_EVENTS, call->batch.n);
    call->wait = (struct directory_wait){.delivery = &call->delivery, .route = route};
    intake_with_directory(call->intake,
                          call->batch.n == 0 || account_of(worker, call->batch.events) != NULL,
                          &call->wait);
}

/* What can be committed now goes on; what cannot, or would overtake what waits, has failed. */
static void admit(struct twilio_call *call, struct http_exchange *exchange)
{
    struct intake *intake = call->intake;
    struct spool *spool = intake->worker->spool;

    intake_opens(intake, exchange, "twilio", &call->delivery, settled);
    spool_arrives(spool, &call->guest, call->delivery.received_at);
    call->delivery.body = redact_delivery(
        &exchange->arena, call->json ? REDACT_JSON : REDACT_FORM, exchange->body, &call->batch);
    if (intake_is_overloaded(intake) || spool_holds(spool, account_tag(call))) {
        arrival_settle(&call->delivery, false);
    } else {
        begin(call);
    }
}

/* --- the two doors ------------------------------------------------------------------------ */

static bool decode(struct arena *arena, const struct form *form, struct twilio_call *call,
                   struct err *err)
{
    if (call->door == SPOOL_TWILIO_MESSAGE && form_get(form, "MessageStatus").len == 0)
        return twilio_decode(arena, form, &call->batch, err);
    call->batch = (struct inbound_batch){.events = arena_new(arena, struct event), .n = 1};
    return twilio_decode_status(arena, form, call->key, call->batch.events, err);
}

static void unreadable(struct arena *arena, struct twilio_call *call, const struct err *err)
{
    count(COUNT_UNREADABLE, 1);
    call->batch = (struct inbound_batch){0};
    call->unrouted = arena_cstr(arena, str_from(err->text));
}

static struct twilio_call *call_of(struct intake *intake, struct http_exchange *exchange,
                                   enum spool_door door)
{
    struct twilio_call *call = arena_new(&exchange->arena, struct twilio_call);

    call->intake = intake;
    call->door = door;
    call->json = is_json(exchange);
    call->key = http_query(exchange, "key");
    return call;
}

void intake_twilio_status(struct intake *intake, struct http_exchange *exchange)
{
    struct twilio_call *call = call_of(intake, exchange, SPOOL_TWILIO_STATUS);
    struct form form;
    struct err err = {0};

    if (!is_welcome(intake, exchange, &form))
        return;
    if (!decode(&exchange->arena, &form, call, &err)) {
        count(COUNT_UNREADABLE, 1);
        http_reply(exchange, 204, NULL, STR_NONE, NULL); /* it would come again the same */
        return;
    }
    admit(call, exchange);
}

/* Whoever set one address for everything posts statuses here, too. */
void intake_twilio_message(struct intake *intake, struct http_exchange *exchange)
{
    struct twilio_call *call = call_of(intake, exchange, SPOOL_TWILIO_MESSAGE);
    struct form form;
    struct err err = {0};

    if (!is_welcome(intake, exchange, &form))
        return;
    if (!decode(&exchange->arena, &form, call, &err))
        unreadable(&exchange->arena, call, &err);
    admit(call, exchange);
}

/* Out of the spool: it was verified when it came, and its cards are gone. */
void intake_again(struct intake *intake, struct spool_again *again)
{
    const struct spool_record *record = &again->record;
    struct arena *arena = &again->arena;
    struct twilio_call *call = arena_new(arena, struct twilio_call);
    struct form form = {0};
    struct err err = {0};

    call->intake = intake;
    call->again = again;
    call->door = record->door;
    call->json = record->json;
    call->key = record->query;
    bool read = record->json || form_read(arena, record->body, &form, &err);
    if (!read || !decode(arena, &form, call, &err))
        unreadable(arena, call, &err);
    if (record->card && call->batch.n > 0)
        call->batch.events->card = true;
    intake_reopens(intake, again, "twilio", &call->delivery, settled);
    begin(call);
}
