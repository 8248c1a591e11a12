/*
 * Looking goes business by business, one query at a time; what a turn has just wanted goes
 * first. No more is claimed than there is room for, so that a lease is for what is under way.
 */
#include "bot/later/payments_inside.h"

#include "bot/loop/log.h"
#include "bot/turn/accounts.h"
#include "store/sql.h"

#include <stdlib.h>

#define LEASE_MORE (5 * USEC_PER_SEC)
#define OPEN_MAX   8 /* at once, per worker: Stripe takes 100 a second of a live account */

static void look(struct payments *payments);

static void fired(struct timer *timer)
{
    struct payments *payments = CONTAINER_OF(timer, struct payments, timer);

    if (payments->looking)
        return; /* it rests afterwards, and this fires again */
    payments->next = 0;
    look(payments);
}

static void rest(struct payments *payments)
{
    payments->looking = false;
    if (!payments->closing) {
        timer_start(&payments->worker->loop, &payments->timer,
                    payments->worker->config->stripe.poll, fired);
    }
}

/* --- one that was claimed ----------------------------------------------------------------- */

void payment_finish(struct payment *payment)
{
    struct payments *payments = payment->payments;

    payments->n_open--;
    arena_finish(&payment->arena);
    free(payment);
    if (payments->n_soon > 0 && !payments->looking && !payments->closing)
        look(payments);
}

static bool read_what(struct str name, enum payment_what *what)
{
    static const char *const names[] = {"create", "expire", "look", "refund", "look_refund"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        *what = (enum payment_what)i;
        if (str_eq(name, str_from(names[i])))
            return true;
    }
    return false;
}

static void begin(struct payments *payments, const PGresult *rows, int row)
{
    struct payment *payment = calloc(1, sizeof *payment);
    struct arena *arena;
    struct err err = {0};

    if (payment == NULL)
        abort();
    arena = &payment->arena;
    payment->payments = payments;
    payment->org = payments->org;
    payment->until =
        payments->asked_at + payments->worker->config->stripe.connect_timeout + LEASE_MORE;
    payment->id = row_uuid(rows, row, 1);
    payment->attempts = row_int(rows, row, 2);
    payment->began = row_time(rows, row, 3);
    payment->session = arena_str(arena, row_text(rows, row, 4));
    payment->intent = arena_str(arena, row_text(rows, row, 5));
    payment->key = arena_str(arena, row_text(rows, row, 6));
    payment->expires_at = row_time(rows, row, 9);
    payment->number = arena_str(arena, row_text(rows, row, 10));
    payment->business = arena_str(arena, row_text(rows, row, 11));
    payment->language = arena_str(arena, row_text(rows, row, 12));
    payments->n_open++;
    if (!read_what(row_text(rows, row, 0), &payment->what) ||
        !money_make(row_int(rows, row, 7), row_text(rows, row, 8), &payment->amount, &err)) {
        log_event(LOG_ALERT, "payment.unreadable", LOG_ID("id", payment->id), LOG_ERR(&err));
        payment_finish(payment);
    } else {
        payment_run(payment);
    }
}

/* --- looking ------------------------------------------------------------------------------ */

static bool next_org(struct payments *payments)
{
    const struct account *account;

    if (payments->n_soon > 0) {
        payments->org = payments->soon[--payments->n_soon];
        return true;
    }
    /* accounts of one business mostly stand together; looking twice is harmless */
    while ((account = accounts_at(payments->worker->accounts, payments->next)) != NULL) {
        payments->next++;
        if (uuid_eq(account->org, payments->org) && payments->next > 1)
            continue;
        payments->org = account->org;
        return true;
    }
    return false;
}

/* A lease is as long as one attempt can take. */
static usec_t lease_of(const struct config *config)
{
    return config->stripe.timeout + config->stripe.connect_timeout + LEASE_MORE;
}

static size_t room_in(const struct payments *payments)
{
    return payments->n_open < OPEN_MAX ? OPEN_MAX - payments->n_open : 0;
}

static void add_soon(struct payments *payments, struct uuid org)
{
    for (size_t i = 0; i < payments->n_soon; i++) {
        if (uuid_eq(payments->soon[i], org))
            return;
    }
    if (payments->n_soon < PAYMENTS_SOON_MAX)
        payments->soon[payments->n_soon++] = org;
}

static void looked(struct desk_call *done)
{
    struct payments *payments = CONTAINER_OF(done, struct payments, call);
    struct db_call *call = &done->call;
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL && call->err.code != ERR_CANCELED)
        log_event(LOG_WARN, "payments.look_failed", LOG_ERR(&call->err));
    for (int i = 0; rows != NULL && i < rows_n(rows) && !payments->closing; i++)
        begin(payments, rows, i);
    if (rows != NULL && room_in(payments) == 0)
        add_soon(payments, payments->org); /* there may be more, when there is room again */
    look(payments);
}

static void ask(struct payments *payments, size_t room)
{
    const struct config *config = payments->worker->config;
    struct arena *arena = &payments->arena;
    struct db_param *params;
    usec_t now;

    payments->asked_at = clock_monotonic();
    now = clock_now(); /* after it: ours ends first, whoever sleeps here */
    arena_reset(arena);
    call_init(&payments->call.call, arena, payments->org);
    payments->call.done = looked;
    params = arena_array(arena, struct db_param, 5);
    params[0] = param_uuid(arena, payments->org);
    params[1] = param_time(arena, now);
    params[2] = param_time(arena, now + lease_of(config));
    params[3] = param_int8(arena, config->stripe.link_life / USEC_PER_SEC);
    params[4] = param_int4(arena, (int32_t)room);
    call_add(&payments->call.call, &SQL_PAYMENTS_CLAIM, params);
    desk_door_call(payments->worker->desk, &payments->call);
}

static void look(struct payments *payments)
{
    size_t room = room_in(payments);

    payments->looking = true;
    if (payments->closing || room == 0 || payments->worker->draining ||
        !desk_door_is_open(payments->worker->desk) || !next_org(payments)) {
        rest(payments);
    } else {
        ask(payments, room);
    }
}

void payments_wake(struct payments *payments, struct uuid org)
{
    add_soon(payments, org);
    if (!payments->looking && !payments->closing)
        look(payments);
}

/* --- life --------------------------------------------------------------------------------- */

struct payments *payments_create(struct worker *worker)
{
    struct payments *payments = calloc(1, sizeof *payments);

    if (payments == NULL)
        abort();
    payments->worker = worker;
    rest(payments);
    return payments;
}

void payments_close(struct payments *payments)
{
    payments->closing = true;
    timer_close(&payments->timer, NULL);
}

void payments_destroy(struct payments *payments)
{
    if (payments == NULL)
        return;
    arena_finish(&payments->arena);
    free(payments);
}
