/*
 * A delivery may hold items of several numbers and so of several businesses: each business gets
 * its portion. An item of a number that belongs to another app than the secret which verified
 * the delivery is refused, so that one app's secret cannot speak for another's numbers.
 */
#include "bot/door/intake_inside.h"

#include "bot/loop/log.h"
#include "store/sql.h"
#include "webhooks/redact.h"
#include "webhooks/whatsapp.h"

#include <stdlib.h>

/* A delivery while it is taken apart; `delivery` outlives that until it is settled. */
struct unpacking {
    struct arrival delivery;
    struct intake *intake;
    const struct config_app *app;
    struct inbound_batch batch;
    struct directory_wait wait;
    struct portion *portions;
    const char *unrouted; /* why a part of it is kept without a business */
};

struct intake *intake_create(struct worker *worker)
{
    struct intake *intake = calloc(1, sizeof *intake);

    if (intake == NULL)
        abort();
    intake->worker = worker;
    pairs_init(&intake->mail_writers);
    return intake;
}

void intake_destroy(struct intake *intake)
{
    if (intake != NULL)
        pairs_finish(&intake->mail_writers);
    free(intake);
}

size_t intake_open(const struct intake *intake)
{
    return intake->open;
}

static const char *const retry_later[] = {"Retry-After: 5", NULL};

void intake_unavailable(struct http_exchange *exchange)
{
    count(COUNT_UNAVAILABLE, 1);
    http_reply(exchange, 503, NULL, STR_NONE, retry_later);
}

void intake_refuse(struct http_exchange *exchange)
{
    count(COUNT_FORGED, 1);
    http_reply(exchange, 401, NULL, STR_NONE, NULL);
}

/* --- the challenge
 * ------------------------------------------------------------------------------ */

void intake_challenge(struct intake *intake, struct http_exchange *exchange)
{
    const struct config *config = intake->worker->config;
    struct str mode = http_query(exchange, "hub.mode");
    struct str token = http_query(exchange, "hub.verify_token");
    static const char *const plain[] = {"X-Content-Type-Options: nosniff", NULL};
    bool right = false;

    for (size_t i = 0; i < config->whatsapp.n_apps; i++)
        right |= whatsapp_challenge(mode, token, config->whatsapp.apps[i].verify_token);
    if (right) {
        http_reply(exchange, 200, "text/plain", http_query(exchange, "hub.challenge"), plain);
    } else {
        http_reply(exchange, 403, NULL, STR_NONE, NULL);
    }
}

/* --- deliveries
 * ------------------------------------------------------------------------------------ */

void intake_closes(struct intake *intake, struct arrival *delivery, int status,
                   const char *content_type, struct str body)
{
    struct http_exchange *exchange = delivery->exchange;

    intake->open--;
    if (delivery->failed) {
        intake_unavailable(exchange);
        return;
    }
    count(COUNT_DELIVERIES, 1);
    observe(HIST_ACK, clock_monotonic() - delivery->arrived);
    http_reply(exchange, status, content_type, body, NULL);
}

static void settled(struct arrival *delivery)
{
    struct unpacking *unpacking = CONTAINER_OF(delivery, struct unpacking, delivery);

    intake_closes(unpacking->intake, delivery, 200, NULL, STR_NONE);
}

static struct portion *portion_of(struct unpacking *unpacking, struct uuid org)
{
    struct portion *portion = unpacking->portions;

    while (portion != NULL && !uuid_eq(portion->org, org))
        portion = portion->next;
    if (portion != NULL)
        return portion;
    portion = arena_new(unpacking->delivery.arena, struct portion);
    *portion = (struct portion){.delivery = &unpacking->delivery,
                                .org = org,
                                .payload_id = worker_uuid(),
                                .next = unpacking->portions};
    unpacking->portions = portion;
    return portion;
}

static const struct account *account_of(const struct worker *worker, const struct event *event)
{
    const struct account *account = accounts_find(worker->accounts, event->account);

    return account != NULL ? account : accounts_find(worker->accounts, event->business);
}

static bool all_known(const struct unpacking *unpacking)
{
    for (size_t i = 0; i < unpacking->batch.n; i++) {
        if (account_of(unpacking->intake->worker, &unpacking->batch.events[i]) == NULL)
            return false;
    }
    return true;
}

/* WhatsApp tells of a preference as of a fact; a STOP that a gateway answered itself, and a
 * mail's, is a turn that keeps the wish. */
static bool is_turn(const struct account *account, const struct event *event)
{
    return event_is_message(event->kind) ||
           (event->kind == EVENT_PREFERENCE && account->channel != CHANNEL_WHATSAPP);
}

void intake_enqueue(struct intake *intake, struct portion *portion,
                    const struct account *account, const struct event *event)
{
    struct worker *worker = intake->worker;
    struct arrival *delivery = portion->delivery;
    struct item *item = arena_new(delivery->arena, struct item);
    struct str parts[2] = {account->external_id, event->id};

    *item = (struct item){
        .portion = portion, .account = account, .event = event, .hash = hash16_of(parts, 2)};
    if (is_turn(account, event))
        item->address = person_address(&event->from);
    if (shared_deaths(worker->shared, delivery->hash) >= INTAKE_DEATHS)
        item->park = INTAKE_DEADLY;
    delivery->pending++;
    turns_add(worker->turns, item);
}

static void directory_read(struct accounts_wait *accounts)
{
    struct directory_wait *wait = CONTAINER_OF(accounts, struct directory_wait, wait);

    if (accounts->err.code != ERR_NONE) {
        arrival_settle(wait->delivery, false);
    } else {
        wait->route(wait->delivery);
    }
}

void intake_with_directory(struct intake *intake, bool known, struct directory_wait *wait)
{
    struct accounts *accounts = intake->worker->accounts;

    if (known || !accounts_stale(accounts)) {
        wait->route(wait->delivery);
        return;
    }
    wait->wait.done = directory_read;
    accounts_refresh(accounts, &wait->wait);
}

/* A delivery on its way to those of no business. */
struct stray {
    struct db_call call;
    struct arrival *delivery;
};

static void stray_kept(struct db_call *call)
{
    struct stray *stray = CONTAINER_OF(call, struct stray, call);

    arrival_settle(stray->delivery, call->err.code == ERR_NONE);
}

void intake_keep_stray(struct intake *intake, struct arrival *delivery, const char *why)
{
    struct stray *stray = arena_new(delivery->arena, struct stray);
    struct db_param *params = arena_array(delivery->arena, struct db_param, 5);

    log_event(LOG_ALERT, "intake.unrouted", LOG_C("why", why),
              LOG_I("bytes", delivery->body.len));
    delivery->pending++;
    stray->delivery = delivery;
    params[0] = param_uuid(delivery->arena, worker_uuid());
    params[1] = param_time(delivery->arena, delivery->received_at);
    params[2] = param_text(str_from(why));
    params[3] = param_text(delivery->body);
    params[4] = param_text(str_from(delivery->provider));
    call_init(&stray->call, delivery->arena, (struct uuid){{0}});
    stray->call.done = stray_kept;
    call_add(&stray->call, &SQL_UNROUTED_KEEP, params);
    db_call(intake->worker->db, &stray->call);
}

static void route(struct arrival *delivery)
{
    struct unpacking *unpacking = CONTAINER_OF(delivery, struct unpacking, delivery);
    const struct worker *worker = unpacking->intake->worker;

    for (size_t i = 0; i < unpacking->batch.n; i++) {
        const struct event *event = &unpacking->batch.events[i];
        const struct account *account = account_of(worker, event);
        bool person = event_is_message(event->kind) || event->kind == EVENT_PREFERENCE ||
                      event->kind == EVENT_IDENTITY;
        if (account == NULL) {
            count(COUNT_UNROUTED, 1);
            unpacking->unrouted = "an account that no business has";
        } else if (account->app != unpacking->app) {
            count(COUNT_FORGED, 1);
            log_event(LOG_ALERT, "intake.foreign_app", LOG_ID("org", account->org));
        } else if ((person || event->kind == EVENT_STATUS) && uuid_is_none(account->account)) {
            unpacking->unrouted = "a message to a business account instead of a number";
        } else if (person && person_address(&event->from).len == 0) {
            count(COUNT_EVENTS_BROKEN, 1);
            unpacking->unrouted = "a message of nobody";
        } else {
            intake_enqueue(unpacking->intake, portion_of(unpacking, account->org), account,
                           event);
        }
    }
    if (unpacking->batch.broken > 0 && unpacking->unrouted == NULL)
        unpacking->unrouted = "items that cannot be read";
    if (unpacking->unrouted != NULL)
        intake_keep_stray(unpacking->intake, &unpacking->delivery, unpacking->unrouted);
    arrival_settle(&unpacking->delivery, true); /* the one for taking it apart */
}

/* The app whose secret signs these bytes, or NULL. Every app's is tried, whichever fits. */
static const struct config_app *signed_by(const struct config *config, struct str signature,
                                          struct str body)
{
    const struct config_app *found = NULL;

    for (size_t i = 0; i < config->whatsapp.n_apps; i++) {
        const struct config_app *app = &config->whatsapp.apps[i];
        if (app->app_secret.len > 0 && whatsapp_verify(app->app_secret, signature, body) &&
            found == NULL)
            found = app;
    }
    return found;
}

void intake_opens(struct intake *intake, struct http_exchange *exchange, const char *provider,
                  struct arrival *delivery, void (*on_settled)(struct arrival *delivery))
{
    *delivery =
        (struct arrival){.exchange = exchange,
                         .arena = &exchange->arena,
                         .hash = hash16_of(&exchange->body, 1),
                         .body = exchange->body,
                         .provider = provider,
                         .arrived = exchange->arrived,
                         .received_at = clock_now(),
                         .deadline = exchange->arrived + intake->worker->config->turns.deadline,
                         .pending = 1,
                         .settled = on_settled,
                         .worker = intake->worker};
    delivery->suspect = shared_is_suspect(intake->worker->shared, delivery->hash);
    intake->open++;
}

void intake_reopens(struct intake *intake, struct spool_again *again, const char *provider,
                    struct arrival *delivery, void (*on_settled)(struct arrival *delivery))
{
    *delivery = (struct arrival){.arena = &again->arena,
                                 .hash = hash16_of(&again->record.body, 1),
                                 .body = again->record.body,
                                 .provider = provider,
                                 .arrived = clock_monotonic(),
                                 .received_at = again->record.received_at,
                                 .deadline = INT64_MAX,
                                 .pending = 1,
                                 .settled = on_settled,
                                 .worker = intake->worker};
    delivery->suspect = shared_is_suspect(intake->worker->shared, delivery->hash);
}

static struct unpacking *unpack(struct intake *intake, struct http_exchange *exchange,
                                const struct config_app *app)
{
    struct unpacking *unpacking = arena_new(&exchange->arena, struct unpacking);

    unpacking->intake = intake;
    unpacking->app = app;
    intake_opens(intake, exchange, "whatsapp", &unpacking->delivery, settled);
    return unpacking;
}

bool intake_is_overloaded(const struct intake *intake)
{
    struct db_health health;

    db_health(intake->worker->db, &health);
    return health.open == 0 ||
           turns_depth(intake->worker->turns) >= intake->worker->config->turns.queue_max;
}

void intake_delivery(struct intake *intake, struct http_exchange *exchange)
{
    struct worker *worker = intake->worker;
    const struct config_app *app = signed_by(
        worker->config, http_request_header(exchange, "x-hub-signature-256"), exchange->body);
    struct unpacking *unpacking;
    struct err err = {0};

    if (app == NULL) {
        intake_refuse(exchange);
        return;
    }
    if (intake_is_overloaded(intake)) {
        intake_unavailable(exchange);
        return;
    }
    unpacking = unpack(intake, exchange, app);
    if (!whatsapp_decode(&exchange->arena, exchange->body, &unpacking->batch, &err)) {
        count(COUNT_UNREADABLE, 1);
        unpacking->unrouted = arena_cstr(&exchange->arena, str_from(err.text));
        unpacking->batch = (struct inbound_batch){0};
    }
    unpacking->delivery.body =
        redact_delivery(&exchange->arena, REDACT_JSON, exchange->body, &unpacking->batch);
    count(COUNT_EVENTS, unpacking->batch.n);
    count(COUNT_EVENTS_UNKNOWN, unpacking->batch.unknown);
    count(COUNT_EVENTS_BROKEN, unpacking->batch.broken);
    unpacking->wait = (struct directory_wait){.delivery = &unpacking->delivery, .route = route};
    intake_with_directory(intake, all_known(unpacking), &unpacking->wait);
}
