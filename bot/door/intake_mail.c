/*
 * Mail at the door: raw from a gateway; and what this door shares with Resend's.
 *
 * Taking mail apart is the riskiest reading that we do, so the supervisor is told which
 * delivery it is: one over which two workers died is kept as it came, and not looked into
 * again.
 */
#include "bot/door/intake_mail_inside.h"

#include "bot/loop/log.h"
#include "webhooks/mime.h"

static void settled(struct arrival *delivery)
{
    struct mail_call *call = CONTAINER_OF(delivery, struct mail_call, delivery);

    if (delivery->failed && call->counted) /* it comes again, and is one mail all the same */
        pairs_give(&call->intake->mail_writers, call->writer, INTAKE_MAIL_INTERVAL);
    intake_closes(call->intake, delivery, 200, NULL, STR_NONE);
}

/* --- what is in it ------------------------------------------------------------------------ */

const struct account *mail_account(const struct worker *worker, struct str address)
{
    const struct account *account = accounts_find(worker->accounts, address);

    return account != NULL && account->channel == CHANNEL_EMAIL ? account : NULL;
}

/* What is told of an address that no business has is of no use to anybody; what was written to
 * it is kept. */
void mail_route(struct mail_call *call)
{
    for (size_t i = 0; i < call->batch.n; i++) {
        const struct event *event = &call->batch.events[i];
        const struct account *account =
            call->account != NULL ? call->account
                                  : mail_account(call->intake->worker, event->account);
        if (account != NULL) {
            call->portion.org = account->org; /* one mail, one address, one business */
            intake_enqueue(call->intake, &call->portion, account, event);
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

void mail_keep(struct mail_call *call, enum redact_form form, const char *why)
{
    call->unrouted = why;
    call->batch = (struct inbound_batch){0};
    call->delivery.body =
        redact_delivery(call->delivery.arena, form, call->delivery.body, &call->batch);
    mail_route(call);
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

/* A machine that does not say that it is one answers each of our answers. What is too much for
 * a person is noted like what machines send. */
static void still_machines(struct mail_call *call)
{
    struct event *event = call->batch.events;

    if (call->batch.n == 0 || !event_is_message(event->kind))
        return;
    /* counted apart: forged mails use up nothing of the address's owner */
    struct str parts[3] = {call->account->external_id, person_address(&event->from),
                           event->doubtful ? STR("doubtful") : STR("vouched")};
    struct hash16 hash = hash16_of(parts, 3);
    memcpy(call->writer.bytes, hash.bytes, sizeof call->writer.bytes);
    call->counted = pairs_take(&call->intake->mail_writers, call->writer, clock_monotonic(),
                               INTAKE_MAIL_INTERVAL, INTAKE_MAIL_BURST) == 0;
    if (call->counted)
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

void mail_take_apart(struct mail_call *call, enum redact_form form,
                     bool (*decode)(struct mail_call *call, struct err *err))
{
    struct worker *worker = call->intake->worker;
    struct arena *arena = call->delivery.arena;
    struct err err = {0};
    unsigned slot;
    bool read;

    if (shared_deaths(worker->shared, call->delivery.hash) >= INTAKE_DEATHS) {
        mail_keep(call, form, INTAKE_DEADLY);
        return;
    }
    slot = shared_stepping_begin(worker->self);
    shared_stepping_add(worker->self, slot, call->delivery.hash);
    shared_runs(worker->self, slot);
    read = decode(call, &err);
    if (read)
        call->delivery.body = redact_delivery(arena, form, call->delivery.body, &call->batch);
    shared_rests(worker->self);
    shared_stepping_end(worker->self, slot);
    if (!read) {
        count(COUNT_UNREADABLE, 1);
        mail_keep(call, form, arena_cstr(arena, str_from(err.text)));
        return;
    }
    count(COUNT_EVENTS, call->batch.n);
    count(COUNT_EVENTS_UNKNOWN, call->batch.unknown);
    still_machines(call);
    mail_route(call);
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

bool intake_mail_shows(struct http_handler *handler, struct http_exchange *exchange)
{
    return shows_token(CONTAINER_OF(handler, struct worker, routes)->config, exchange);
}

static bool find_raw(struct mail_call *call)
{
    struct str token;

    call->account = mail_account(call->intake->worker,
                                 mail_address_bare(call->delivery.arena, call->to, &token));
    return call->account != NULL;
}

static void route_raw(struct arrival *delivery)
{
    struct mail_call *call = CONTAINER_OF(delivery, struct mail_call, delivery);

    if (find_raw(call)) {
        mail_take_apart(call, REDACT_MAIL, decode_raw);
    } else {
        count(COUNT_UNROUTED, 1);
        mail_keep(call, REDACT_MAIL, "an address that no business has");
    }
}

struct mail_call *mail_call_open(struct intake *intake, struct http_exchange *exchange,
                                 const char *provider)
{
    struct mail_call *call = arena_new(&exchange->arena, struct mail_call);

    call->intake = intake;
    intake_opens(intake, exchange, provider, &call->delivery, settled);
    call->portion = (struct portion){.delivery = &call->delivery, .payload_id = worker_uuid()};
    return call;
}

/* The address as the gateway has it, in the path as it is or encoded: libwebsockets reads a
 * plus in a path as a blank, and what our mails are answered to has one. */
static struct str with_plus(struct arena *into, struct str address)
{
    char *text = arena_alloc(into, address.len + 1);

    for (size_t i = 0; i < address.len; i++)
        text[i] = (char)(address.at[i] == ' ' ? '+' : address.at[i]);
    return (struct str){text, address.len};
}

void intake_mail(struct intake *intake, struct http_exchange *exchange, struct str address)
{
    struct mail_call *call;
    struct str to;

    if (!shows_token(intake->worker->config, exchange)) {
        intake_refuse(exchange);
        return;
    }
    if (!mail_address(&exchange->arena, with_plus(&exchange->arena, address), &to)) {
        http_reply(exchange, 404, NULL, STR_NONE, NULL);
        return;
    }
    if (intake_is_overloaded(intake)) {
        intake_unavailable(exchange);
        return;
    }
    call = mail_call_open(intake, exchange, "mime");
    call->to = to;
    call->wait = (struct directory_wait){.delivery = &call->delivery, .route = route_raw};
    intake_with_directory(intake, find_raw(call), &call->wait);
}
