/*
 * POST /api/webhooks/stripe: what became of links, refunds and disputes (see
 * bot/door/desk_door.h for how such a door is made).
 *
 * 200 is answered after the commit. What can never become right, an event of the other mode or
 * one whose metadata names a link that its business does not have, is answered 200, too, and
 * told to a person: answering no would only make Stripe repeat it for three days and then
 * switch the endpoint off for everything else.
 */
#include "bot/door/intake_inside.h"

#include "bot/door/desk_door.h"
#include "bot/later/jobs.h"
#include "bot/later/payments.h"
#include "bot/loop/log.h"
#include "store/sql.h"
#include "webhooks/stripe.h"

struct stripe_call {
    struct desk_call call;
    struct intake *intake;
    struct http_exchange *exchange;
    struct stripe_event event;
    usec_t arrived;
};

static bool is_stripes(const struct config *config, struct http_exchange *exchange)
{
    struct str header = http_request_header(exchange, "stripe-signature");
    usec_t now = clock_now();
    bool new = stripe_verify(&exchange->arena, config->stripe.webhook_secret, header,
                             exchange->body, now);
    bool old = stripe_verify(&exchange->arena, config->stripe.webhook_secret_before, header,
                             exchange->body, now);

    return new | old;
}

static bool is_live(const struct config *config)
{
    return str_starts(config->stripe.secret_key, STR("sk_live_")) ||
           str_starts(config->stripe.secret_key, STR("rk_live_"));
}

static void fine(struct http_exchange *exchange)
{
    count(COUNT_DELIVERIES, 1);
    http_reply(exchange, 200, NULL, STR_NONE, NULL);
}

static void tell(const struct stripe_call *call, struct str outcome, struct str alert)
{
    bool foreign = str_eq(outcome, STR("foreign"));

    log_event(foreign ? LOG_ALERT : LOG_INFO, "stripe.event", LOG_S("event", call->event.id),
              LOG_S("type", call->event.type), LOG_S("outcome", outcome));
    if (alert.len > 0) {
        log_event(LOG_ALERT, "stripe.alert", LOG_S("event", call->event.id),
                  LOG_S("what", alert));
    }
}

static void taken(struct desk_call *done)
{
    struct stripe_call *call = CONTAINER_OF(done, struct stripe_call, call);
    struct worker *worker = call->intake->worker;
    const PGresult *row;
    struct uuid org;

    call->intake->open--;
    if (done->call.err.code != ERR_NONE) {
        log_event(LOG_WARN, "stripe.not_kept", LOG_S("event", call->event.id),
                  LOG_ERR(&done->call.err));
        intake_unavailable(call->exchange);
        return;
    }
    row = done->call.results[0];
    org = row_uuid(row, 0, 2);
    tell(call, row_text(row, 0, 0), row_text(row, 0, 1));
    if (!uuid_is_none(org)) {
        jobs_made(worker->jobs, org, clock_now());
        payments_wake(worker->payments, org);
    }
    observe(HIST_ACK, clock_monotonic() - call->arrived);
    fine(call->exchange);
}

static void take(struct intake *intake, struct http_exchange *exchange,
                 const struct stripe_event *event)
{
    struct arena *arena = &exchange->arena;
    struct stripe_call *call = arena_new(arena, struct stripe_call);
    struct db_param *params = arena_array(arena, struct db_param, 2);

    call->intake = intake;
    call->exchange = exchange;
    call->event = *event;
    call->arrived = clock_monotonic();
    call_init(&call->call.call, arena, (struct uuid){{0}}); /* the query finds whose it is */
    call->call.done = taken;
    params[0] = param_text(event->news);
    params[1] = param_time(arena, clock_now());
    call_add(&call->call.call, &SQL_STRIPE_TAKE, params);
    intake->open++;
    desk_door_call(intake->worker->desk, &call->call);
}

void intake_stripe(struct intake *intake, struct http_exchange *exchange)
{
    const struct config *config = intake->worker->config;
    struct stripe_event event;
    struct err err = {0};

    if (!is_stripes(config, exchange)) {
        intake_refuse(exchange);
    } else if (!stripe_decode(&exchange->arena, exchange->body, &event, &err)) {
        count(COUNT_UNREADABLE, 1);
        log_event(LOG_ALERT, "stripe.unreadable", LOG_ERR(&err));
        http_reply(exchange, 400, NULL, STR_NONE, NULL);
    } else if (event.live != is_live(config)) {
        log_event(LOG_ALERT, "stripe.other_mode", LOG_S("event", event.id));
        fine(exchange);
    } else if (event.news.len == 0) {
        fine(exchange);
    } else if (intake->worker->draining || !desk_door_is_open(intake->worker->desk)) {
        intake_unavailable(exchange);
    } else {
        take(intake, exchange, &event);
    }
}
