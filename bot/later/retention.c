/*
 * One small transaction after the other, business by business, so that nobody waits for a
 * broom: of everything a slice, and again while a slice was full. Nodes may sweep at the same
 * time: each statement is harmless twice.
 */
#include "bot/later/retention.h"

#include "bot/door/desk_door.h"
#include "bot/loop/log.h"
#include "bot/turn/accounts.h"
#include "bot/view/short_link.h"
#include "store/sql.h"

#include <stdlib.h>

#define FIRST_AFTER  (5 * USEC_PER_SEC)
#define EVERY        USEC_PER_HOUR
#define DAYS_AHEAD   3
#define PAYLOAD_DAYS 30
#define STRAYS_KEPT  ((PAYLOAD_DAYS + 2) * USEC_PER_DAY) /* no daily partition is so old */
#define SEEN_KEPT    (10 * USEC_PER_DAY)
#define AT_ONCE      5000
#define CODES_KEPT   USEC_PER_DAY /* budgets look back no further */

struct retention {
    struct worker *worker;
    struct timer timer;
    struct arena arena;
    struct db_call call;
    struct desk_call desk;
    size_t next; /* the account whose business is swept next */
    bool more;   /* a slice of this business was full */
};

static void sweep_next(struct retention *retention);

static void timer_fired(struct timer *timer);

static void rest(struct retention *retention, usec_t until)
{
    if (!retention->worker->draining)
        timer_start(&retention->worker->loop, &retention->timer, until, timer_fired);
}

static struct db_call *begin(struct retention *retention, struct uuid org,
                             void (*done)(struct db_call *call))
{
    arena_reset(&retention->arena);
    call_init(&retention->call, &retention->arena, org);
    retention->call.done = done;
    return &retention->call;
}

/* Whether a statement did as much as it may: it deleted rows, or a function says how many. */
static bool is_full(const PGresult *rows)
{
    int64_t n = rows_n(rows) > 0 ? row_int(rows, 0, 0) : rows_changed(rows);

    return n >= AT_ONCE;
}

static bool any_full(const struct db_call *call)
{
    for (size_t i = 0; i < call->n; i++) {
        if (is_full(call->results[i]))
            return true;
    }
    return false;
}

static void desk_swept(struct desk_call *desk)
{
    struct retention *retention = CONTAINER_OF(desk, struct retention, desk);

    if (desk->call.err.code != ERR_NONE) {
        log_event(LOG_WARN, "retention.failed", LOG_ERR(&desk->call.err));
    } else {
        retention->more = retention->more || any_full(&desk->call);
    }
    if (retention->more)
        retention->next--;
    sweep_next(retention);
}

/* What the business's CRM told is the desk's. */
static void sweep_desk(struct retention *retention, struct uuid org)
{
    struct arena *arena = &retention->arena;
    struct db_param *crm = arena_array(arena, struct db_param, 3);

    crm[0] = param_uuid(arena, org);
    crm[1] = param_time(arena, clock_now());
    crm[2] = param_int4(arena, AT_ONCE);
    call_init(&retention->desk.call, arena, org);
    retention->desk.done = desk_swept;
    call_add(&retention->desk.call, &SQL_CRM_SWEEP, crm);
    desk_door_call(retention->worker->desk, &retention->desk);
}

static void swept(struct db_call *call)
{
    struct retention *retention = CONTAINER_OF(call, struct retention, call);
    struct uuid org = call->org;

    retention->more = false;
    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "retention.failed", LOG_ERR(&call->err));
    } else {
        retention->more = any_full(call);
    }
    if (retention->worker->draining) {
        sweep_next(retention);
    } else {
        sweep_desk(retention, org);
    }
}

/* One that deletes what is older than `age`, a slice of it. */
static void add(struct retention *retention, const struct sql *sql, struct uuid org, usec_t age)
{
    struct arena *arena = &retention->arena;
    struct db_param *params = arena_array(arena, struct db_param, 3);

    params[0] = param_uuid(arena, org);
    params[1] = param_time(arena, clock_now() - age);
    params[2] = param_int4(arena, AT_ONCE);
    call_add(&retention->call, sql, params);
}

static void sweep(struct retention *retention, struct uuid org)
{
    struct db_call *call = begin(retention, org, swept);

    add(retention, &SQL_RETENTION_SEEN, org, SEEN_KEPT);
    add(retention, &SQL_RETENTION_EARLY, org, SEEN_KEPT);
    add(retention, &SQL_RETENTION_PAYLOADS, org, STRAYS_KEPT);
    add(retention, &SQL_RETENTION_CODES, org, CODES_KEPT);
    add(retention, &SQL_SHORT_LINKS_FORGET, org, SHORT_LINK_GOOD_FOR);
    add(retention, &SQL_EVENTS_OUT_FORGET, org, retention->worker->config->events.keep);
    db_call(retention->worker->db, call);
}

/* Accounts of one business mostly stand together; sweeping one twice is harmless. */
static void sweep_next(struct retention *retention)
{
    const struct account *account = accounts_at(retention->worker->accounts, retention->next);

    if (account == NULL || retention->worker->draining) {
        rest(retention, EVERY);
        return;
    }
    retention->next++;
    sweep(retention, account->org);
}

static void sweep_strays(struct retention *retention);

static void strays_swept(struct db_call *call)
{
    struct retention *retention = CONTAINER_OF(call, struct retention, call);

    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "retention.failed", LOG_ERR(&call->err));
    } else if (any_full(call) && !retention->worker->draining) {
        sweep_strays(retention);
        return;
    }
    retention->next = 0;
    sweep_next(retention);
}

/* Deliveries of no business. */
static void sweep_strays(struct retention *retention)
{
    struct arena *arena = &retention->arena;
    struct db_call *call = begin(retention, (struct uuid){{0}}, strays_swept);
    struct db_param *params = arena_array(arena, struct db_param, 2);

    params[0] = param_time(arena, clock_now() - PAYLOAD_DAYS * USEC_PER_DAY);
    params[1] = param_int4(arena, AT_ONCE);
    call_add(call, &SQL_RETENTION_UNROUTED, params);
    db_call(retention->worker->db, call);
}

static void partitions_made(struct db_call *call)
{
    if (call->err.code != ERR_NONE)
        log_event(LOG_WARN, "retention.failed", LOG_ERR(&call->err));
    sweep_strays(CONTAINER_OF(call, struct retention, call));
}

static void timer_fired(struct timer *timer)
{
    struct retention *retention = CONTAINER_OF(timer, struct retention, timer);
    struct arena *arena = &retention->arena;
    struct db_call *call = begin(retention, (struct uuid){{0}}, partitions_made);
    struct db_param *partitions = arena_array(arena, struct db_param, 3);

    partitions[0] = param_time(arena, clock_now());
    partitions[1] = param_int4(arena, DAYS_AHEAD);
    partitions[2] = param_int4(arena, PAYLOAD_DAYS);
    call_add(call, &SQL_RETENTION_PARTITIONS, partitions);
    db_call(retention->worker->db, call);
}

struct retention *retention_create(struct worker *worker)
{
    struct retention *retention = calloc(1, sizeof *retention);

    if (retention == NULL)
        abort();
    retention->worker = worker;
    if (worker->index == 0)
        rest(retention, FIRST_AFTER);
    return retention;
}

void retention_close(struct retention *retention)
{
    timer_close(&retention->timer, NULL);
}

void retention_destroy(struct retention *retention)
{
    if (retention == NULL)
        return;
    arena_finish(&retention->arena);
    free(retention);
}
