#include "bot/turn/batch_hand.h"

#include "bot/lane/lanes.h"
#include "store/sql.h"

#define FRESH (USEC_PER_HOUR) /* far within every service window */

void batch_promise(struct batch_work *work, const struct promise *promise)
{
    work->promises =
        arena_more(&work->arena, work->promises, work->n_promised, &work->room_promised);
    work->promises[work->n_promised++] = *promise;
    promise->turn->n_promised++;
    work->n_files += !uuid_is_none(promise->document);
    promise->turn->waits_its_turn |=
        promise->exempt || promise->later || !uuid_is_none(promise->document);
}

static void take_places(struct batch_work *work)
{
    struct worker *worker = work->batch->worker;
    usec_t now = clock_monotonic();

    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        if (turn->n_promised == 0 || turn->waits_its_turn || turn->stopped ||
            turn->account->channel == CHANNEL_EMAIL || /* its thread is not in a letter */
            work->now - turn->inbound_at > FRESH)
            continue;
        turn->pass = gate_take(gate_of(worker->shared->gates, turn->account->account),
                               worker->index, now, turn->n_promised);
    }
}

/* Those that are to arrive by some channel, whichever it is. */
static void watch(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_INT8, DB_TEXT};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_promised; i++) {
        const struct promise *promise = &work->promises[i];
        if (!promise->watched)
            continue;
        array_uuid(&arrays[0], promise->turn->conversation);
        array_int(&arrays[1], promise->seq);
        array_text(&arrays[2], promise->topic);
    }
    if (arrays[0].n == 0)
        return;
    struct db_param *params = batch_params(work, arrays, COUNTOF(types), 1);
    params[1 + COUNTOF(types)] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_FALLBACKS_WATCH, params);
}

void batch_promises_write(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_UUID, DB_INT8, DB_TIME,
                                         DB_BOOL, DB_INT2, DB_UUID, DB_INT8};
    struct db_array arrays[COUNTOF(types)];

    if (work->n_promised == 0)
        return;
    take_places(work);
    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_promised; i++) {
        const struct promise *promise = &work->promises[i];
        const struct turn *turn = promise->turn;
        array_uuid(&arrays[0], turn->account->account);
        array_uuid(&arrays[1], turn->conversation);
        array_int(&arrays[2], promise->seq);
        array_time(&arrays[3], promise->due_at);
        array_bool(&arrays[4], promise->exempt);
        array_int(&arrays[5], promise->later); /* answers go before what nobody awaits */
        array_uuid(&arrays[6], turn->contact);
        array_int(&arrays[7], turn->pass.gate != NULL ? turn->pass.epoch : 0);
    }
    struct db_param *params = arena_array(&work->arena, struct db_param, 2 + COUNTOF(types));
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < COUNTOF(types); i++)
        params[1 + i] = param_array(&arrays[i]);
    params[1 + COUNTOF(types)] = param_time(&work->arena, work->now);
    work->promise_query = work->flight.n;
    flight_add(work->conn, &work->flight, &SQL_TURN_PROMISE, params);
    watch(work);
}

/* --- after the commit --------------------------------------------------------------------- */

static void hand_over(struct batch_work *work, struct promise *promise, int64_t last)
{
    struct turn *turn = promise->turn;
    struct handover handover = {.lane = turn->account->account,
                                .epoch = turn->pass.epoch,
                                .taker = turn->pass.taker,
                                .at = work->began,
                                .conversation = turn->conversation,
                                .seq = promise->seq,
                                .last = turn->handed > 0 ? turn->handed : last,
                                .due_at = promise->due_at,
                                .address = turn->address,
                                .phone = turn->phone,
                                .body = promise->body};

    turn->handed = promise->seq;
    worker_hand_over(work->batch->worker, turn->pass.holder, &handover);
}

/* Those that wait in the outbox; each lane is told once. */
static void wake_lanes(struct batch_work *work)
{
    struct worker *worker = work->batch->worker;
    const struct account *woken = NULL;

    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        if (turn->n_promised == 0 || turn->handed > 0)
            continue;
        pass_return(&turn->pass);
        gate_queue(gate_of(worker->shared->gates, turn->account->account), turn->n_promised);
        if (turn->account != woken)
            worker_wake_lane(worker, turn->account->account);
        woken = turn->account;
    }
}

void batch_promises_go(struct batch_work *work)
{
    if (work->n_promised == 0)
        return;
    const PGresult *intended = work->flight.results[work->promise_query];

    for (int row = 0; row < rows_n(intended); row++) {
        size_t i = (size_t)row_int(intended, row, 0) - 1;
        if (i < work->n_promised)
            hand_over(work, &work->promises[i], row_int(intended, row, 1));
    }
    worker_handed_over(work->batch->worker);
    wake_lanes(work);
}

void batch_promises_undo(struct batch_work *work)
{
    for (size_t i = 0; i < work->n_turns; i++)
        pass_return(&work->turns[i].pass);
}
