/* Who holds a lane, and until when. The epoch fences off whoever held it before. */
#include "bot/lane/lanes_inside.h"

#include "bot/loop/log.h"
#include "store/sql.h"

#define LEASE_RETRY (500 * USEC_PER_MSEC)

void lane_lost(struct lane *lane, const char *why)
{
    if (lane->state == LANE_HELD) {
        log_event(LOG_WARN, "lane.lost", LOG_S("lane", lane->account->external_id),
                  LOG_C("why", why));
    }
    lane_shut_gate(lane);
    lane->state = LANE_FREE;
    lane->lease_until = 0; /* what is still to be sent is another's to send */
    lane->next_acquire = clock_monotonic() + lane_jitter(LEASE_RETRY);
    gauge_lane_gone(lane->slot);
    lanes_check_drained(lane->lanes);
}

static usec_t lease_ends(const struct lane *lane, usec_t asked_at)
{
    usec_t lease = lane_config(lane)->outbox.lease;

    return asked_at + lease - lease / 4;
}

static void acquired(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, lease_call);
    usec_t now = clock_monotonic();

    if (call->err.code != ERR_NONE || rows_n(call->results[0]) == 0) {
        lane->state = LANE_FREE;
        lane->next_acquire = now + LEASE_RETRY / 2 + lane_jitter(LEASE_RETRY);
        lanes_check_drained(lane->lanes);
        lane_pump(lane);
        return;
    }
    lane->state = LANE_HELD;
    lane->doubtful = false;
    lane->inherited = false;
    lane->n_witnesses = 0;
    lane->reports_all = false;
    lane->deep = lane->parted = true; /* the first sweep tells */
    lane->epoch = row_int(call->results[0], 0, 0);
    memset(lane->recent, 0, sizeof lane->recent);
    bundle_forget(lane); /* the first sweep tells */
    lane->stopped = !row_null(call->results[0], 0, 1);
    lane->probe_at = now; /* a new holder may have a new token */
    lane->next_renew = now + lane_config(lane)->outbox.lease / 3;
    lane->next_poll = now;
    lane->next_sweep = now;
    lane->more = true;
    log_event(LOG_INFO, "lane.held", LOG_S("lane", lane->account->external_id),
              LOG_I("epoch", lane->epoch));
    lane_pump(lane);
}

void lane_acquire(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;

    lane->state = LANE_ACQUIRING;
    lane->lease_until = lease_ends(lane, clock_monotonic());
    usec_t now = clock_now(); /* after the other clock: ours ends first, whoever sleeps here */
    lane_call(lane, arena, &lane->lease_call, acquired);
    struct db_param *params = lane_params(arena, 5, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_time(arena, now);
    params[4] = param_time(arena, now + lane_config(lane)->outbox.lease);
    call_add(&lane->lease_call, &SQL_LANE_ACQUIRE, params);
    db_call(worker->db, &lane->lease_call);
}

/* What is under way may still begin: a connection takes its time. What an earlier epoch
 * intended may not. */
static void extend(struct lane *lane)
{
    for (struct sending_row *row = lane->rows; row != NULL; row = row->older) {
        if (row->wire != NULL && row->epoch == lane->epoch)
            fetcher_extend(row->wire, lane->lease_until);
    }
}

static void renewed(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, lease_call);

    lane->renewing = false;
    if (call->err.code == ERR_NONE && rows_n(call->results[0]) == 0) {
        lane_lost(lane, "another holds it");
    } else if (call->err.code == ERR_NONE) {
        lane->lease_until =
            lane->next_renew - lane_config(lane)->outbox.lease / 3; /* when it was asked */
        lane->lease_until = lease_ends(lane, lane->lease_until);
        extend(lane);
        if (row_null(call->results[0], 0, 0))
            lane->stopped = false;
    } else {
        lane->next_renew = clock_monotonic() + USEC_PER_SEC / 2;
    }
    lane_pump(lane);
}

void lane_renew(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;
    usec_t lease = lane_config(lane)->outbox.lease;

    lane->renewing = true;
    lane->asked_at = clock_monotonic();
    lane->next_renew = lane->asked_at + lease / 3;
    lane_call(lane, arena, &lane->lease_call, renewed);
    struct db_param *params = lane_params(arena, 5, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_int8(arena, lane->epoch);
    params[4] = param_time(arena, clock_now() + lease);
    call_add(&lane->lease_call, &SQL_LANE_RENEW, params);
    db_call(worker->db, &lane->lease_call);
}

/* Nothing is under way or unsettled, so what this epoch still intends was never on the wire. */
bool lane_is_idle(const struct lane *lane)
{
    return lane->under_way == 0 && !lane->cycling && !lane->renewing && !lane->sweeping &&
           lane->done == NULL;
}

static void reclaimed(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, lease_call);

    lane->renewing = false;
    if (call->err.code == ERR_NONE && rows_n(call->results[0]) == 0) {
        lane_lost(lane, "another holds it");
    } else if (call->err.code == ERR_NONE) {
        lane_shut_gate(lane);
        lane->epoch = row_int(call->results[0], 0, 0);
        lane->doubtful = false;
        lane->inherited = false;
        lane->next_sweep = 0;
        lane->more = true;
        log_event(LOG_INFO, "lane.reclaimed", LOG_S("lane", lane->account->external_id),
                  LOG_I("epoch", lane->epoch));
    }
    lane_pump(lane);
}

/* A claim whose answer was lost may have been committed: its messages would be intended by us
 * without our knowing, and their conversations would wait for ever. A new epoch shuts the
 * claim out if it is still on its way, and what it took is ready again. */
void lane_reclaim(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;

    lane->renewing = true;
    lane_call(lane, arena, &lane->lease_call, reclaimed);
    struct db_param *params = lane_params(arena, 4, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_int8(arena, lane->epoch);
    call_add(&lane->lease_call, &SQL_LANE_RECLAIM, params);
    db_call(worker->db, &lane->lease_call);
}

static void released(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, lease_call);

    lane->state = LANE_FREE;
    gauge_lane_gone(lane->slot);
    lanes_check_drained(lane->lanes);
}

void lane_release(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;

    lane->state = LANE_RELEASING;
    lane_shut_gate(lane);
    lane_call(lane, arena, &lane->lease_call, released);
    struct db_param *params = lane_params(arena, 4, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_int8(arena, lane->epoch);
    call_add(&lane->lease_call, &SQL_LANE_RELEASE, params);
    db_call(worker->db, &lane->lease_call);
}
