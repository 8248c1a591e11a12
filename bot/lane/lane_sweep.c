/* What time brings: unknown outcomes, early statuses, figures. */
#include "bot/lane/lanes_inside.h"

#include "bot/door/spool.h"
#include "store/sql.h"

#define DEPTH_EVERY (5 * USEC_PER_SEC)
#define DEEP        500 /* ready: half of what a claim looks at */
#define EARLY_MOST  500
#define EARLY_AGAIN (250 * USEC_PER_MSEC) /* when there were as many */

/* Whoever intended on our behalf must have handed it over long before. */
#define LOST_AFTER (3 * USEC_PER_SEC)

/* The queries of a sweep, in order. */
enum sweep_query {
    SWEEP_LOST,
    SWEEP_BUNDLES,
    SWEEP_INHERIT,
    SWEEP_WAIT,
    SWEEP_EARLY,
    SWEEP_REPORTED,
    SWEEP_REPEAT,
    SWEEP_ORPHANS,
    SWEEP_GIVE_UP,
    SWEEP_REPORTS,
    SWEEP_PROMOTE,
    SWEEP_NEXT_BUNDLE,
    SWEEP_DEPTH /* the last: keep the order of lane_sweep */
};

static void give_up(struct lane *lane, const PGresult *rows)
{
    for (int i = 0; i < rows_n(rows); i++) {
        struct sending_row *row = sending_new(lane);
        row->conversation = row_uuid(rows, i, 0);
        row->seq = row_int(rows, i, 1);
        row->attempt = (int)row_int(rows, i, 2);
        sending_fail(row, 0, STR("outcome unknown"));
        count(COUNT_SEND_GIVEN_UP, 1);
        row->next = lane->done;
        lane->done = row;
    }
}

/* --- does the provider report on what it takes? ------------------------------------------- */

/* At most so often as to span a good part of `unknown_wait`. */
void lane_took(struct lane *lane, const struct sending_row *row)
{
    usec_t now = clock_monotonic();
    usec_t apart = lane_config(lane)->outbox.unknown_wait / 40;

    if (lane->n_witnesses > 0 &&
        now - lane->witnesses[(lane->n_witnesses - 1) % WITNESSES].taken_at < apart)
        return;
    lane->witnesses[lane->n_witnesses++ % WITNESSES] =
        (struct witness){row->conversation, row->seq, now};
}

/* Asks about those that have had the time to be reported. */
static void add_reports(struct lane *lane, struct arena *arena, struct db_call *call)
{
    struct db_param *params = arena_array(arena, struct db_param, 3);
    struct db_array conversations, seqs;
    usec_t before = clock_monotonic() - lane_config(lane)->outbox.unknown_wait / 10;
    unsigned n = lane->n_witnesses < WITNESSES ? lane->n_witnesses : WITNESSES;

    lane->asked = 0;
    array_init(&conversations, arena, DB_UUID);
    array_init(&seqs, arena, DB_INT8);
    for (unsigned i = 0; i < n; i++) {
        if (lane->witnesses[i].taken_at > before)
            continue;
        array_uuid(&conversations, lane->witnesses[i].conversation);
        array_int(&seqs, lane->witnesses[i].seq);
        lane->asked++;
    }
    params[0] = param_uuid(arena, lane->account->org);
    params[1] = param_array(&conversations);
    params[2] = param_array(&seqs);
    call_add(call, &SQL_LANE_REPORTS, params);
}

/* --- what was never handed over ----------------------------------------------------------- */

/* Not while a claim may be committed that we have not heard of. */
static void add_lost(struct lane *lane, struct arena *arena, struct db_call *call)
{
    struct db_param *params = lane_params(arena, 7, lane);
    struct db_array conversations, seqs;

    array_init(&conversations, arena, DB_UUID);
    array_init(&seqs, arena, DB_INT8);
    for (const struct sending_row *row = lane->rows; row != NULL; row = row->older) {
        array_uuid(&conversations, row->conversation);
        array_int(&seqs, row->seq);
    }
    params[2] = param_bool(arena, !lane->cycling);
    params[3] = param_int8(arena, lane->epoch);
    params[4] = param_time(arena, clock_now() - LOST_AFTER);
    params[5] = param_array(&conversations);
    params[6] = param_array(&seqs);
    call_add(call, &SQL_LANE_LOST, params);
}

/* Whose provider knows our keys has no doubt about what may go again. */
static void add_orphans(struct lane *lane, struct arena *arena, struct db_call *call)
{
    struct db_param *params = lane_params(arena, 5, lane);

    params[2] = param_time(arena, clock_now());
    params[3] = param_int4(arena, (int32_t)lane_config(lane)->outbox.max_attempts);
    params[4] = param_bool(arena, lane->ways->bundle != NULL);
    call_add(call, &SQL_BUNDLE_ORPHANS, params);
}

/* Where a sign of what became of an unknown may be on our own disk (bot/door/spool), unheard.
 */
static bool is_deaf(const struct lane *lane)
{
    const struct spool *spool = lane->lanes->worker->spool;

    return !lane->inherited ||
           spool_holds(spool, spool_account(spool, lane->account->external_id));
}

/* --- statuses that were early ------------------------------------------------------------- */

static void add_early(struct lane *lane, struct arena *arena, struct db_call *call)
{
    struct db_param *params = lane_params(arena, 3, lane);

    params[1] = param_time(arena, clock_now());
    params[2] = param_int4(arena, EARLY_MOST);
    call_add(call, &SQL_EARLY_JOIN, params);
}

/* More wait than a sweep looks at: the next is soon. */
static void take_early(struct lane *lane, const PGresult *rows)
{
    usec_t soon = clock_monotonic() + EARLY_AGAIN;

    if (row_int(rows, 0, 0) == EARLY_MOST && soon < lane->next_sweep)
        lane->next_sweep = soon;
}

/* --- the sweep ---------------------------------------------------------------------------- */

static void take_depth(struct lane *lane, const PGresult *rows)
{
    int64_t ready = row_int(rows, 0, 0), intended = row_int(rows, 0, 1),
            unsure = row_int(rows, 0, 2), waiting = row_int(rows, 0, 3);

    if (lane->gate != NULL)
        atomic_store(&lane->gate->queued, ready + waiting);
    gauge_lane(lane->slot, lane->account->external_id.at, ready + waiting, intended, unsure,
               lane->stopped);
    lane->deep = ready >= DEEP;
    lane->parted = waiting > 0;
}

static void swept(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, sweep_call);

    lane->sweeping = false;
    if (call->err.code == ERR_NONE) {
        int64_t repeated =
            rows_n(call->results[SWEEP_REPEAT]) + rows_changed(call->results[SWEEP_ORPHANS]);
        int64_t back = rows_changed(call->results[SWEEP_PROMOTE]) +
                       rows_changed(call->results[SWEEP_REPORTED]) +
                       rows_changed(call->results[SWEEP_LOST]);
        count(COUNT_SEND_UNKNOWN, (uint64_t)rows_changed(call->results[SWEEP_INHERIT]));
        count(COUNT_HANDED_LOST, (uint64_t)rows_changed(call->results[SWEEP_LOST]));
        lane->inherited = true;
        count(COUNT_SEND_REPEATED, (uint64_t)repeated);
        lane->more = lane->more || repeated > 0 || back > 0;
        take_early(lane, call->results[SWEEP_EARLY]);
        give_up(lane, call->results[SWEEP_GIVE_UP]);
        lane->reports_all = lane->asked >= WITNESSES * 3 / 4 &&
                            row_int(call->results[SWEEP_REPORTS], 0, 0) == lane->asked;
        bundle_found(lane, call->results[SWEEP_NEXT_BUNDLE]);
        take_depth(lane, call->results[SWEEP_DEPTH]);
    } else {
        lane->stop_unsaid = lane->stop_unsaid || lane->saying_stop;
    }
    lane->saying_stop = false;
    lane_pump(lane);
}

static void add_stop(struct lane *lane, struct arena *arena, struct db_call *call)
{
    struct db_param *params = lane_params(arena, 4, lane);

    params[2] = lane->stopped ? param_time(arena, clock_now()) : param_null();
    params[3] = param_text(lane->stopped ? STR("refused by the provider") : STR_NONE);
    call_add(call, &SQL_LANE_STOP, params);
    lane->saying_stop = true;
    lane->stop_unsaid = false;
}

/* The unknowns are looked at twice within `unknown_wait`; a lane just taken inherits its last
 * holder's. */
void lane_sweep(struct lane *lane)
{
    struct arena *arena = &lane->sweep_arena;
    struct db_call *call = &lane->sweep_call;
    const struct config *config = lane_config(lane);
    usec_t now = clock_now();
    usec_t every = config->outbox.unknown_wait / 4;
    struct db_param *params;

    lane->sweeping = true;
    lane->next_sweep = clock_monotonic() + (every < DEPTH_EVERY ? every : DEPTH_EVERY);
    lane_call(lane, arena, call, swept);
    add_lost(lane, arena, call);
    params = lane_params(arena, 5, lane);
    params[2] = param_int8(arena, lane->epoch);
    params[3] = param_time(arena, now);
    params[4] = param_int4(arena, (int32_t)config->outbox.max_attempts);
    call_add(call, &SQL_BUNDLE_INHERIT, params);
    params = lane_params(arena, 4, lane);
    params[2] = param_int8(arena, lane->epoch);
    params[3] = param_time(arena, now + config->outbox.unknown_wait);
    call_add(call, &SQL_LANE_INHERIT, params);
    params = lane_params(arena, 4, lane);
    params[2] = param_time(arena, now + config->outbox.unknown_wait);
    params[3] = param_bool(arena, is_deaf(lane));
    call_add(call, &SQL_LANE_WAIT_ANEW, params);
    add_early(lane, arena, call);
    call_add(call, &SQL_OUTBOX_REPORTED, lane_params(arena, 2, lane));
    params = lane_params(arena, 6, lane);
    params[2] = param_time(arena, now);
    params[3] = param_int4(arena, (int32_t)config->outbox.max_attempts);
    params[4] = param_bool(arena, lane->reports_all);
    params[5] = param_time(arena, now - 2 * config->outbox.unknown_wait);
    call_add(call, &SQL_OUTBOX_REPEAT, params);
    add_orphans(lane, arena, call);
    call_add(call, &SQL_OUTBOX_GIVE_UP, params);
    add_reports(lane, arena, call);
    params = lane_params(arena, 3, lane);
    params[2] = param_bool(arena, lane->parted);
    call_add(call, &SQL_OUTBOX_PROMOTE_ALL, params);
    call_add(call, &SQL_BUNDLE_NEXT, lane_params(arena, 2, lane));
    call_add(call, &SQL_LANE_DEPTH, lane_params(arena, 2, lane));
    if (lane->stop_unsaid)
        add_stop(lane, arena, call);
    db_call(lane->lanes->worker->db, call);
}
