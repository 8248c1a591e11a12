/*
 * A place that becomes free takes the endpoint's next event in the transaction that settles the
 * one before, so a backlog does not wait for the seconds of the look; and a quiet business
 * costs one statement of that look.
 */
#include "bot/later/events_out.h"

#include "bot/file/event_files.h"
#include "bot/loop/log.h"
#include "bot/metrics.h"
#include "store/sql.h"
#include "webhooks/event_out.h"

#include <stdlib.h>

/* Beyond a request's time: what waits for a connection, and for the database. One that is not
 * begun within it and a request's time, because the process slept, is another's to send. */
#define LEASE_MORE (5 * USEC_PER_SEC)
#define ANSWER_MAX 262144

struct outgoing {
    struct outgoing *next, **slot;
    struct events_out *events;
    struct arena arena;
    struct uuid org, event;
    const struct config_crm_app *app;
    int64_t attempt;
    usec_t began, until; /* monotonic; after the latter it may be another's */
    usec_t asked_at;     /* for more, when this one was settled; monotonic */
    struct http_request request;
    struct fetch fetch;
    struct db_call call;
};

struct events_out {
    struct worker *worker;
    struct outgoing *open;
    usec_t looked_at; /* monotonic */
    bool closing;
};

static const struct config *config_of(const struct events_out *events)
{
    return events->worker->config;
}

static void finish(struct outgoing *delivery)
{
    *delivery->slot = delivery->next;
    if (delivery->next != NULL)
        delivery->next->slot = delivery->slot;
    arena_finish(&delivery->arena);
    free(delivery);
}

/* --- asking for more ------------------------------------------------------------------------
 */

/* Requests under way to this endpoint for this business. */
static int32_t n_open(const struct events_out *events, struct uuid org,
                      const struct config_crm_app *app)
{
    int32_t n = 0;

    for (const struct outgoing *d = events->open; d != NULL; d = d->next)
        n += d->app == app && uuid_eq(d->org, org);
    return n;
}

static void claim(struct events_out *events, struct db_call *call, struct uuid org,
                  const struct config_crm_app *only, usec_t now)
{
    const struct config *config = config_of(events);
    struct db_param *params = arena_array(call->into, struct db_param, 5);
    struct db_array names, rooms;

    array_init(&names, call->into, DB_TEXT);
    array_init(&rooms, call->into, DB_INT4);
    for (size_t i = 0; i < config->crm.n_apps; i++) {
        const struct config_crm_app *app = &config->crm.apps[i];
        int32_t room = (int32_t)config->events.at_once - n_open(events, org, app);
        if (app->url.len == 0 || (only != NULL && only != app))
            continue;
        array_text(&names, app->name);
        array_int(&rooms, events->closing ? 0 : room + (only != NULL));
    }
    params[0] = param_uuid(call->into, org);
    params[1] = param_array(&names);
    params[2] = param_array(&rooms);
    params[3] = param_time(call->into, now);
    params[4] = param_time(call->into, now + 2 * config->events.timeout + LEASE_MORE);
    call_add(call, &SQL_EVENTS_OUT_CLAIM, params);
}

static void begin(struct events_out *events, struct uuid org, usec_t asked_at,
                  const PGresult *rows, int row);

static void begin_all(struct events_out *events, struct uuid org, usec_t asked_at,
                      const PGresult *rows)
{
    for (int row = 0; row < rows_n(rows) && !events->closing; row++)
        begin(events, org, asked_at, rows, row);
}

/* --- ends -----------------------------------------------------------------------------------
 */

static void log_end(const struct outgoing *delivery, struct str outcome)
{
    const char *app = delivery->app->name.at;

    if (str_eq(outcome, STR("delivered"))) {
        count(COUNT_EVENTS_OUT, 1);
    } else if (str_eq(outcome, STR("off"))) {
        log_event(LOG_ALERT, "events.endpoint_off", LOG_ID("org", delivery->org),
                  LOG_C("endpoint", app), LOG_ID("event", delivery->event));
    } else if (str_eq(outcome, STR("failed"))) {
        count(COUNT_EVENTS_OUT_FAILED, 1);
        log_event(LOG_ALERT, "events.given_up", LOG_ID("org", delivery->org),
                  LOG_C("endpoint", app), LOG_ID("event", delivery->event));
    }
}

static void settled(struct db_call *call)
{
    struct outgoing *delivery = CONTAINER_OF(call, struct outgoing, call);
    struct events_out *events = delivery->events;

    if (call->err.code == ERR_NONE) {
        log_end(delivery, row_text(call->results[0], 0, 0));
        begin_all(events, delivery->org, delivery->asked_at, call->results[1]);
    } else if (call->err.code != ERR_CANCELED) {
        log_event(LOG_WARN, "events.database", LOG_ID("event", delivery->event),
                  LOG_ERR(&call->err));
    }
    finish(delivery);
}

/* The pause after this attempt, and up to a tenth more, so that those that failed together do
 * not come back together. */
static usec_t pause_after(const struct config *config, int64_t attempt)
{
    size_t last = config->events.n_pauses - 1, at = (size_t)(attempt - 1);
    usec_t pause = config->events.pauses[at < last ? at : last];
    uint16_t chance;

    random_bytes(&chance, sizeof chance);
    return pause + pause / 10 * chance / UINT16_MAX;
}

static void settle(struct outgoing *delivery, const char *verdict, int status,
                   struct str reason, usec_t hold)
{
    const struct config *config = config_of(delivery->events);
    struct arena *into = &delivery->arena;
    struct db_param *params = arena_array(into, struct db_param, 14);
    usec_t now = clock_now(), pause = pause_after(config, delivery->attempt);

    if (hold < 0)
        hold = config->events.pauses[0];
    params[0] = param_uuid(into, delivery->org);
    params[1] = param_text(delivery->app->name);
    params[2] = param_uuid(into, delivery->event);
    params[3] = param_int4(into, (int32_t)delivery->attempt);
    params[4] = param_text(str_from(verdict));
    params[5] = param_int4(into, status);
    params[6] = param_text(reason.len > 0 ? reason : STR("-"));
    params[7] = param_time(into, now + (pause > hold ? pause : hold));
    params[8] = param_int8(into, hold);
    params[9] = param_int8(into, config->events.pauses[0]);
    params[10] = param_int8(into, config->events.pauses[config->events.n_pauses > 1 ? 1 : 0]);
    params[11] = param_int4(into, (int32_t)config->events.n_pauses + 1);
    params[12] = param_int8(into, config->events.off_after);
    params[13] = param_time(into, now);
    call_init(&delivery->call, into, delivery->org);
    delivery->call.done = settled;
    call_add(&delivery->call, &SQL_EVENTS_OUT_SETTLE, params);
    delivery->asked_at = clock_monotonic() - (clock_now() - now);
    claim(delivery->events, &delivery->call, delivery->org, delivery->app, now);
    db_call(delivery->events->worker->db, &delivery->call);
}

static void answered(struct fetch *fetch)
{
    struct outgoing *delivery = CONTAINER_OF(fetch, struct outgoing, fetch);
    struct str reason = STR_NONE;
    usec_t hold;
    enum event_fate fate;

    if (delivery->events->closing || fetch->err.code == ERR_CANCELED) {
        finish(delivery); /* its lease goes on, or has passed: then it is due again */
        return;
    }
    fate = event_out_judge(&fetch->answer, &delivery->arena, &reason, &hold);
    if (fate == EVENT_DELIVERED) {
        settle(delivery, "delivered", fetch->answer.status, STR_NONE, 0);
        return;
    }
    count(COUNT_EVENTS_OUT_RETRIES, 1);
    if (fetch->answer.fate != HTTP_ANSWERED && fetch->err.code != ERR_NONE)
        reason = arena_str(&delivery->arena, str_from(fetch->err.text));
    log_event(LOG_WARN, "events.retry", LOG_C("endpoint", delivery->app->name.at),
              LOG_ID("event", delivery->event), LOG_I("attempt", delivery->attempt),
              LOG_I("ms", (clock_monotonic() - delivery->began) / USEC_PER_MSEC),
              LOG_S("why", reason));
    settle(delivery, fate == EVENT_GONE ? "gone" : "failed", fetch->answer.status, reason,
           hold);
}

/* --- an attempt -----------------------------------------------------------------------------
 */

/* What names the business for ever, in the address that it is reached at. */
static struct str source_of(struct arena *into, const struct config *config, struct uuid org)
{
    struct str id = uuid_str(into, org);

    return config->public_url.len > 0
               ? arena_concat(into, config->public_url, STR("/businesses/"), id)
               : arena_concat(into, STR("urn:uuid:"), id);
}

static void send_event(struct outgoing *delivery, const struct event_out *event)
{
    const struct config *config = config_of(delivery->events);
    struct event_endpoint endpoint = {delivery->app->url, delivery->app->secret,
                                      delivery->app->secret_before};
    struct err err = {0};

    if (!event_out_encode(&delivery->arena, event, &endpoint, clock_now(), &delivery->request,
                          &err)) {
        log_event(LOG_ALERT, "events.not_written", LOG_ID("event", delivery->event),
                  LOG_ERR(&err));
        settle(delivery, "failed", 0, arena_str(&delivery->arena, str_from(err.text)), 0);
        return;
    }
    delivery->fetch = (struct fetch){.request = &delivery->request,
                                     .connect_timeout = config->events.timeout,
                                     .timeout = config->events.timeout,
                                     .body_max = ANSWER_MAX,
                                     .public_only = !config->crm.allow_private,
                                     .into = &delivery->arena,
                                     .until = delivery->until,
                                     .done = answered};
    fetcher_start(delivery->events->worker->fetcher, &delivery->fetch);
}

static const struct config_crm_app *app_named(const struct config *config, struct str name)
{
    for (size_t i = 0; i < config->crm.n_apps; i++) {
        if (str_eq(config->crm.apps[i].name, name))
            return &config->crm.apps[i];
    }
    return NULL;
}

static struct outgoing *open_one(struct events_out *events)
{
    struct outgoing *delivery = calloc(1, sizeof *delivery);

    if (delivery == NULL)
        abort();
    delivery->events = events;
    delivery->began = clock_monotonic();
    delivery->next = events->open;
    delivery->slot = &events->open;
    if (delivery->next != NULL)
        delivery->next->slot = &delivery->next;
    events->open = delivery;
    return delivery;
}

static void begin(struct events_out *events, struct uuid org, usec_t asked_at,
                  const PGresult *rows, int row)
{
    const struct config_crm_app *app = app_named(config_of(events), row_text(rows, row, 0));
    struct outgoing *delivery;
    struct arena *into;

    if (app == NULL)
        return;
    delivery = open_one(events);
    into = &delivery->arena;
    delivery->org = org;
    delivery->app = app;
    delivery->until = asked_at + config_of(events)->events.timeout + LEASE_MORE;
    delivery->event = row_uuid(rows, row, 1);
    delivery->attempt = row_int(rows, row, 2);
    struct event_out event = {.id = uuid_str(into, delivery->event),
                              .type = arena_str(into, row_text(rows, row, 3)),
                              .subject = arena_str(into, row_text(rows, row, 4)),
                              .source = source_of(into, config_of(events), org),
                              .sequence = row_int(rows, row, 5),
                              .time = row_time(rows, row, 6),
                              .customer_id = arena_str(into, row_text(rows, row, 7)),
                              .customer = arena_str(into, row_text(rows, row, 8)),
                              .data = arena_str(into, row_text(rows, row, 9))};
    event.data = event_files_linked(into, config_of(events), org, event.data, event.time);
    send_event(delivery, &event);
}

/* --- looking --------------------------------------------------------------------------------
 */

static bool has_endpoints(const struct config *config)
{
    for (size_t i = 0; i < config->crm.n_apps; i++) {
        if (config->crm.apps[i].url.len > 0)
            return true;
    }
    return false;
}

void events_out_look(struct events_out *events, struct db_call *call, struct uuid org,
                     usec_t now)
{
    events->looked_at = clock_monotonic() - (clock_now() - now);
    if (has_endpoints(config_of(events)))
        claim(events, call, org, NULL, now);
}

void events_out_looked(struct events_out *events, struct db_call *call)
{
    if (has_endpoints(config_of(events)))
        begin_all(events, call->org, events->looked_at, call->results[call->n - 1]);
}

/* --- life -----------------------------------------------------------------------------------
 */

struct events_out *events_out_create(struct worker *worker)
{
    struct events_out *events = calloc(1, sizeof *events);

    if (events == NULL)
        abort();
    events->worker = worker;
    return events;
}

void events_out_close(struct events_out *events)
{
    events->closing = true;
}

void events_out_destroy(struct events_out *events)
{
    free(events);
}
