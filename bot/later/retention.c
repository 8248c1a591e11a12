/*
 * One small transaction after the other, business by business, so that nobody waits for a
 * broom. Nodes may sweep at the same time: each statement is harmless twice.
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
#define SEEN_KEPT    (10 * USEC_PER_DAY)
#define SEEN_AT_ONCE 5000
#define CODES_KEPT   USEC_PER_DAY /* budgets look back no further */

struct retention {
    struct worker *worker;
    struct timer timer;
    struct arena arena;
    struct db_call call;
    struct desk_call desk;
    size_t next; /* the account whose business is swept next */
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

static void desk_swept(struct desk_call *desk)
{
    struct retention *retention = CONTAINER_OF(desk, struct retention, desk);

    if (desk->call.err.code != ERR_NONE)
        log_event(LOG_WARN, "retention.failed", LOG_ERR(&desk->call.err));
    sweep_next(retention);
}

/* What the business's CRM told is the desk's. */
static void sweep_desk(struct retention *retention, struct uuid org)
{
    struct arena *arena = &retention->arena;
    struct db_param *crm = arena_array(arena, struct db_param, 3);

    crm[0] = param_uuid(arena, org);
    crm[1] = param_time(arena, clock_now());
    crm[2] = param_int4(arena, SEEN_AT_ONCE);
    call_init(&retention->desk.call, arena, org);
    retention->desk.done = desk_swept;
    call_add(&retention->desk.call, &SQL_CRM_SWEEP, crm);
    desk_door_call(retention->worker->desk, &retention->desk);
}

static void swept(struct db_call *call)
{
    struct retention *retention = CONTAINER_OF(call, struct retention, call);
    struct uuid org = call->org;

    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "retention.failed", LOG_ERR(&call->err));
    } else if (rows_changed(call->results[0]) == SEEN_AT_ONCE) {
        retention->next--; /* there is more of this business */
    }
    if (retention->worker->draining) {
        sweep_next(retention);
    } else {
        sweep_desk(retention, org);
    }
}

static void sweep(struct retention *retention, struct uuid org)
{
    struct arena *arena = &retention->arena;
    struct db_call *call = begin(retention, org, swept);
    usec_t now = clock_now();
    struct db_param *seen = arena_array(arena, struct db_param, 3);
    struct db_param *payloads = arena_array(arena, struct db_param, 2);
    struct db_param *codes = arena_array(arena, struct db_param, 2);
    struct db_param *short_links = arena_array(arena, struct db_param, 2);
    struct db_param *events = arena_array(arena, struct db_param, 3);

    seen[0] = payloads[0] = param_uuid(arena, org);
    seen[1] = param_time(arena, now - SEEN_KEPT);
    seen[2] = param_int4(arena, SEEN_AT_ONCE);
    payloads[1] = param_time(arena, now - PAYLOAD_DAYS * USEC_PER_DAY);
    codes[0] = short_links[0] = seen[0];
    short_links[1] = param_time(arena, now - SHORT_LINK_GOOD_FOR);
    codes[1] = param_time(arena, now - CODES_KEPT);
    call_add(call, &SQL_RETENTION_SEEN, seen);
    call_add(call, &SQL_RETENTION_EARLY, seen);
    call_add(call, &SQL_RETENTION_PAYLOADS, payloads);
    call_add(call, &SQL_RETENTION_CODES, codes);
    call_add(call, &SQL_SHORT_LINKS_FORGET, short_links);
    events[0] = seen[0];
    events[1] = param_time(arena, now - retention->worker->config->events.keep);
    events[2] = seen[2];
    call_add(call, &SQL_EVENTS_OUT_FORGET, events);
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

static void partitions_made(struct db_call *call)
{
    struct retention *retention = CONTAINER_OF(call, struct retention, call);

    if (call->err.code != ERR_NONE)
        log_event(LOG_WARN, "retention.failed", LOG_ERR(&call->err));
    retention->next = 0;
    sweep_next(retention);
}

static void timer_fired(struct timer *timer)
{
    struct retention *retention = CONTAINER_OF(timer, struct retention, timer);
    struct arena *arena = &retention->arena;
    struct db_call *call = begin(retention, (struct uuid){{0}}, partitions_made);
    struct db_param *partitions = arena_array(arena, struct db_param, 3);
    struct db_param *unrouted = arena_array(arena, struct db_param, 1);

    partitions[0] = param_time(arena, clock_now());
    partitions[1] = param_int4(arena, DAYS_AHEAD);
    partitions[2] = param_int4(arena, PAYLOAD_DAYS);
    unrouted[0] = param_time(arena, clock_now() - PAYLOAD_DAYS * USEC_PER_DAY);
    call_add(call, &SQL_RETENTION_PARTITIONS, partitions);
    call_add(call, &SQL_RETENTION_UNROUTED, unrouted);
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
