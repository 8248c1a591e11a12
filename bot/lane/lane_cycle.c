/*
 * A cycle: what has become certain is kept and the next messages are intended, in one
 * transaction. One cycle of a lane is under way at a time, so nothing is settled while the
 * heads of the conversations are being looked for.
 */
#include "bot/lane/lanes_inside.h"

#include "bot/file/upload.h"
#include "bot/loop/log.h"
#include "store/sql.h"

#include <limits.h>
#include <stdlib.h>

#define RETRY_WAIT (USEC_PER_SEC / 4)
#define LOW_REST   8                    /* times as long as the cycle */
#define LOW_EVERY  (20 * USEC_PER_MSEC) /* between two bites of a broadcast at least, */
#define LOW_LEAST  4                    /* and until the rate allows so many */
#define LOW_WAIT   (60 * USEC_PER_MSEC) /* for a commit that is made anyway */

struct sending_row *sending_new(struct lane *lane)
{
    struct sending_row *row = calloc(1, sizeof *row);

    if (row == NULL)
        abort();
    row->lane = lane;
    row->older = lane->rows;
    if (row->older != NULL)
        row->older->newer = row;
    lane->rows = row;
    row->epoch = lane->epoch;
    row->intended_at = clock_monotonic();
    return row;
}

void sending_free(struct sending_row *row)
{
    if (row->newer != NULL) {
        row->newer->older = row->older;
    } else {
        row->lane->rows = row->older;
    }
    if (row->older != NULL)
        row->older->newer = row->newer;
    sending_detach(row);
    arena_finish(&row->arena);
    free(row);
}

/* --- keeping ------------------------------------------------------------------------------ */

struct settle_arrays {
    struct db_array conversations[SETTLE_N], seqs[SETTLE_N], attempts[SETTLE_N];
    struct db_array epochs[SETTLE_N];
    struct db_array ids, hashes, errors, reasons, states, dues;
};

/* Put off under an epoch that is over: whoever holds it by now may have it on the wire. */
static bool is_stale(const struct sending_row *row)
{
    return row->settlement == SETTLE_PUT_OFF && row->epoch != row->lane->epoch;
}

static void settle_row(struct settle_arrays *arrays, const struct sending_row *row)
{
    enum settlement kind = row->settlement;

    if (is_stale(row))
        return;
    array_uuid(&arrays->conversations[kind], row->conversation);
    array_int(&arrays->seqs[kind], row->seq);
    array_int(&arrays->attempts[kind], row->attempt);
    array_int(&arrays->epochs[kind], row->epoch);
    if (kind == SETTLE_SENT) {
        struct hash16 hash = hash16_of(&row->provider_id, 1);
        array_text(&arrays->ids, row->provider_id);
        array_text(&arrays->hashes, (struct str){(const char *)hash.bytes, sizeof hash.bytes});
    } else if (kind == SETTLE_FAILED) {
        array_int(&arrays->errors, row->code);
        array_text(&arrays->reasons, row->reason.at != NULL ? row->reason : STR(""));
    } else {
        array_int(&arrays->states, row->state);
        array_time(&arrays->dues, row->put_off);
    }
}

static void init_settle(struct settle_arrays *arrays, struct arena *arena)
{
    for (int kind = 0; kind < SETTLE_N; kind++) {
        array_init(&arrays->conversations[kind], arena, DB_UUID);
        array_init(&arrays->seqs[kind], arena, DB_INT8);
        array_init(&arrays->attempts[kind], arena, DB_INT2);
        array_init(&arrays->epochs[kind], arena, DB_INT8);
    }
    array_init(&arrays->ids, arena, DB_TEXT);
    array_init(&arrays->hashes, arena, DB_BYTEA);
    array_init(&arrays->errors, arena, DB_INT4);
    array_init(&arrays->reasons, arena, DB_TEXT);
    array_init(&arrays->states, arena, DB_INT2);
    array_init(&arrays->dues, arena, DB_TIME);
}

static struct db_param *settle_params(struct lane *lane, struct settle_arrays *arrays,
                                      enum settlement kind, struct db_array *a,
                                      struct db_array *b, bool with_attempts)
{
    struct arena *arena = &lane->cycle_arena;
    struct db_param *params = arena_array(arena, struct db_param, 7);
    size_t n = 3;

    params[0] = param_uuid(arena, lane->account->org);
    params[1] = param_array(&arrays->conversations[kind]);
    params[2] = param_array(&arrays->seqs[kind]);
    if (a != NULL)
        params[n++] = param_array(a);
    if (b != NULL)
        params[n++] = param_array(b);
    if (with_attempts)
        params[n++] = param_array(&arrays->attempts[kind]);
    params[n] = param_int8(arena, lane->epoch);
    return params;
}

static void add_settlements(struct lane *lane, struct settle_arrays *arrays)
{
    struct db_call *call = &lane->cycle_call;

    if (arrays->conversations[SETTLE_SENT].n > 0) {
        call_add(call, &SQL_OUTBOX_SETTLE,
                 settle_params(lane, arrays, SETTLE_SENT, &arrays->epochs[SETTLE_SENT], NULL,
                               false));
        call_add(call, &SQL_OUTBOX_SENT,
                 settle_params(lane, arrays, SETTLE_SENT, &arrays->ids, &arrays->hashes, true));
    }
    if (arrays->conversations[SETTLE_FAILED].n > 0) {
        call_add(call, &SQL_OUTBOX_SETTLE,
                 settle_params(lane, arrays, SETTLE_FAILED, &arrays->epochs[SETTLE_FAILED],
                               NULL, false));
        call_add(call, &SQL_OUTBOX_FAILED,
                 settle_params(lane, arrays, SETTLE_FAILED, &arrays->errors, &arrays->reasons,
                               true));
        struct db_param *params = settle_params(lane, arrays, SETTLE_FAILED, NULL, NULL, false);
        params[3] = param_time(&lane->cycle_arena, clock_now());
        call_add(call, &SQL_FALLBACKS_FAILED, params);
    }
    if (arrays->conversations[SETTLE_PUT_OFF].n > 0) {
        call_add(
            call, &SQL_OUTBOX_PUT_OFF,
            settle_params(lane, arrays, SETTLE_PUT_OFF, &arrays->states, &arrays->dues, true));
    }
}

static int by_key(const void *a, const void *b)
{
    const struct sending_row *left = *(struct sending_row *const *)a,
                             *right = *(struct sending_row *const *)b;
    int order = uuid_compare(left->conversation, right->conversation);

    return order != 0 ? order : (left->seq > right->seq) - (left->seq < right->seq);
}

/* Those whose file the provider does not know any more. */
static void add_renewals(struct lane *lane, struct sending_row *const *rows, size_t n)
{
    struct arena *arena = &lane->cycle_arena;
    struct db_param *params = lane_params(arena, 5, lane);
    struct db_array conversations, seqs;

    array_init(&conversations, arena, DB_UUID);
    array_init(&seqs, arena, DB_INT8);
    for (size_t i = 0; i < n; i++) {
        if (rows[i]->settlement != SETTLE_PUT_OFF || rows[i]->state != OUTBOX_FILELESS)
            continue;
        array_uuid(&conversations, rows[i]->conversation);
        array_int(&seqs, rows[i]->seq);
    }
    lane->renews = seqs.n > 0;
    if (!lane->renews)
        return;
    params[2] = param_array(&conversations);
    params[3] = param_array(&seqs);
    params[4] = param_time(arena, clock_now());
    call_add(&lane->cycle_call, &SQL_UPLOADS_FORGET, params);
    call_add(&lane->cycle_call, &SQL_UPLOADS_KNOWN, params);
}

/* Of those that failed, the readers who told the provider to stop. Before anything is intended,
 * so that nothing more goes to them, and no lock is waited for behind the outbox's own. */
static void add_stopped(struct lane *lane, struct sending_row *const *rows, size_t n)
{
    struct arena *arena = &lane->cycle_arena;
    struct db_array conversations, seqs;
    struct db_param *params;

    array_init(&conversations, arena, DB_UUID);
    array_init(&seqs, arena, DB_INT8);
    for (size_t i = 0; i < n; i++) {
        if (!rows[i]->told_to_stop)
            continue;
        array_uuid(&conversations, rows[i]->conversation);
        array_int(&seqs, rows[i]->seq);
    }
    if (seqs.n == 0)
        return;
    params = arena_array(arena, struct db_param, 4);
    params[0] = param_uuid(arena, lane->account->org);
    params[1] = param_array(&conversations);
    params[2] = param_array(&seqs);
    params[3] = param_time(arena, clock_now());
    call_add(&lane->cycle_call, &SQL_OUTBOX_TOLD_TO_STOP, params);
}

/* Those that are of another bundle now, or of none. Before they are put off. */
static void add_moves(struct lane *lane, struct sending_row *const *rows, size_t n)
{
    struct arena *arena = &lane->cycle_arena;
    struct db_array conversations, seqs, into;
    struct db_param *params;

    array_init(&conversations, arena, DB_UUID);
    array_init(&seqs, arena, DB_INT8);
    array_init(&into, arena, DB_UUID);
    for (size_t i = 0; i < n; i++) {
        if (!rows[i]->moved || is_stale(rows[i]))
            continue;
        array_uuid(&conversations, rows[i]->conversation);
        array_int(&seqs, rows[i]->seq);
        array_uuid(&into, rows[i]->bundle);
    }
    if (seqs.n == 0)
        return;
    params = arena_array(arena, struct db_param, 5);
    params[0] = param_uuid(arena, lane->account->org);
    params[1] = param_array(&conversations);
    params[2] = param_array(&seqs);
    params[3] = param_array(&into);
    params[4] = param_int8(arena, lane->epoch);
    call_add(&lane->cycle_call, &SQL_BUNDLE_PART, params);
}

/* All that has become certain since, sorted by key. */
static void add_done(struct lane *lane)
{
    struct settle_arrays arrays;
    struct sending_row **rows;
    bool unsure = false; /* of one the provider may have reported already */
    size_t n = 0;

    lane->settled = lane->done;
    lane->done = NULL;
    for (struct sending_row *row = lane->settled; row != NULL; row = row->next)
        n++;
    if (n == 0)
        return;
    rows = arena_array(&lane->cycle_arena, struct sending_row *, n);
    n = 0;
    for (struct sending_row *row = lane->settled; row != NULL; row = row->next)
        rows[n++] = row;
    qsort(rows, n, sizeof(struct sending_row *), by_key);
    init_settle(&arrays, &lane->cycle_arena);
    for (size_t i = 0; i < n; i++) {
        settle_row(&arrays, rows[i]);
        unsure = unsure ||
                 (rows[i]->settlement == SETTLE_PUT_OFF && rows[i]->state == OUTBOX_UNKNOWN);
    }
    add_moves(lane, rows, n);
    add_settlements(lane, &arrays);
    add_renewals(lane, rows, n);
    add_stopped(lane, rows, n);
    if (unsure) {
        call_add(&lane->cycle_call, &SQL_OUTBOX_REPORTED,
                 lane_params(&lane->cycle_arena, 2, lane));
    }
    if (lane->parted) {
        struct db_param *params = lane_params(&lane->cycle_arena, 3, lane);
        struct db_array conversations;
        array_init(&conversations, &lane->cycle_arena, DB_UUID);
        for (size_t i = 0; i < n; i++)
            array_uuid(&conversations, rows[i]->conversation);
        params[2] = param_array(&conversations);
        call_add(&lane->cycle_call, &SQL_OUTBOX_PROMOTE, params);
    }
}

/* What the provider said stays true, whoever holds the lane by now, and must not be forgotten:
 * it is tried until it is kept. */
static void keep_done(struct lane *lane)
{
    struct sending_row **last = &lane->done;

    while (*last != NULL)
        last = &(*last)->next;
    *last = lane->settled;
    lane->settled = NULL;
}

static void free_settled(struct lane *lane)
{
    while (lane->settled != NULL) {
        struct sending_row *row = lane->settled;
        lane->settled = row->next;
        sending_free(row);
    }
}

/* --- intending ---------------------------------------------------------------------------- */

static void add_claim(struct lane *lane)
{
    struct arena *arena = &lane->cycle_arena;
    struct db_param *params;

    if (lane->part) {
        params = lane_params(arena, 3, lane);
        params[2] = param_time(arena, clock_now());
        call_add(&lane->cycle_call, &SQL_OUTBOX_PART, params);
        lane->parted = true;
        lane->part = false;
    }
    lane->claim_query = lane->cycle_call.n;
    if (lane->bundling) {
        bundle_add_claim(lane);
    } else {
        params = lane_params(arena, 7, lane);
        params[2] = param_uuid(arena, lane->lanes->worker->id);
        params[3] = param_int8(arena, lane->epoch);
        params[4] = param_time(arena, clock_now());
        params[5] = param_int4(arena, (int32_t)lane->claim.all);
        params[6] = param_int4(arena, (int32_t)lane->claim.low);
        call_add(&lane->cycle_call, &SQL_OUTBOX_INTEND, params);
    }
    if (lane->ways->face != NULL) {
        params = lane_params(arena, 3, lane);
        params[2] = param_int8(arena, lane->epoch);
        call_add(&lane->cycle_call, &SQL_FACES_OF, params);
    }
    lane->more = false;
    lane->next_poll = clock_monotonic() + lane_config(lane)->outbox.poll;
    lane->next_look = lane->next_poll;
}

static unsigned count_low(const PGresult *rows)
{
    unsigned n = 0;

    for (int i = 0; i < rows_n(rows); i++)
        n += row_int(rows, i, 4) == PRIORITY_BROADCAST;
    return n;
}

void lane_pace(struct lane *lane, usec_t now, usec_t took)
{
    usec_t rest = LOW_REST * took, every = LOW_EVERY;

    if (lane->limits.rate > 0 && LOW_LEAST * USEC_PER_SEC / lane->limits.rate > every)
        every = LOW_LEAST * USEC_PER_SEC / lane->limits.rate;
    lane->next_join = now + (rest > every ? rest : every);
    if (lane->next_join + LOW_WAIT < lane->next_poll)
        lane->next_poll = lane->next_join + LOW_WAIT;
}

/* Answers are taken first: where a broadcast's is among them, none waits any more, and where
 * fewer came than were asked for neither. That no broadcast is there is known only when it was
 * asked for and there was room. */
static void learn(struct lane *lane, unsigned n, unsigned low)
{
    usec_t now = clock_monotonic();
    bool all = n < lane->claim.all || low > 0;

    if (lane->gate != NULL)
        gate_dequeue(lane->gate, all ? UINT_MAX : n);
    lane->low = low > 0 || (lane->low && (n == lane->claim.all || lane->claim.low == 0));
    if (lane->low)
        lane_pace(lane, now, now - lane->cycle_began);
    lane->more = lane->more || !all;
    if (n < lane->claim.all && low < lane->claim.low && lane->deep) {
        lane->part = true;
        lane->more = true;
        lane->deep = false; /* until the next sweep says so again */
    }
}

static void claimed(struct lane *lane, const PGresult *rows)
{
    unsigned n = (unsigned)rows_n(rows), low = count_low(rows);
    unsigned requests = lane->bundling && n > 1 ? 1 : n;

    bucket_give(&lane->bucket, lane->reserved - requests);
    lane->reserved = 0;
    if (lane->quota != NULL)
        quota_give(lane->quota, lane->limits.rate, lane->claim.all - requests);
    lane->under_way += requests;
    bundle_claimed(lane, n);
    if (lane->bundling) {
        if (lane->gate != NULL)
            gate_dequeue(lane->gate, n < lane->claim.all || low > 0 ? UINT_MAX : n);
    } else {
        learn(lane, n, low);
    }
}

/* --- both --------------------------------------------------------------------------------- */

static void failed(struct lane *lane, const struct err *err)
{
    usec_t wait = clock_monotonic() + RETRY_WAIT;

    if (lane->claim.all > 0) {
        lane->doubtful = true;
        lane->next_poll = wait;
    }
    if (lane->settled != NULL && err->code != ERR_CANCELED) {
        log_event(LOG_WARN, "outbox.unsettled", LOG_ERR(err));
        keep_done(lane);
        lane->next_settle = wait;
    }
    free_settled(lane);
}

/* The next cycle begins before this one's messages are put into words for the provider, which
 * takes as long: PostgreSQL works meanwhile. The rows stay until we return, whoever uses the
 * call. */
static void cycled(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, cycle_call);
    const PGresult *rows = NULL, *speakers = NULL;
    bool bundled = lane->bundling;

    lane->cycling = false;
    if (call->err.code != ERR_NONE) {
        lane->reserved = 0; /* perhaps it is committed */
        failed(lane, &call->err);
    } else {
        free_settled(lane);
        if (lane->renews)
            uploads_wake(lane->lanes->worker->uploads, lane->account->org);
        if (lane->claim.all > 0) {
            rows = call->results[lane->claim_query];
            if (lane->ways->face != NULL)
                speakers = call->results[lane->claim_query + 1];
            claimed(lane, rows);
        }
    }
    lane_pump(lane);
    if (rows != NULL && bundled) {
        bundle_send(lane, rows, speakers);
    } else if (rows != NULL) {
        lane_send(lane, rows, speakers);
    }
    lanes_check_drained(lane->lanes);
}

void lane_cycle(struct lane *lane, struct claim claim)
{
    lane->cycling = true;
    lane->cycle_began = clock_monotonic();
    lane->claim = claim;
    lane->bundling = lane->bundling && claim.all > 0;
    /* Else the gate would promise the same tokens to turns while the claim is under way. */
    lane->reserved = lane->bundling ? 1 : claim.all;
    bucket_take(&lane->bucket, lane->reserved);
    lane->renews = false;
    lane_call(lane, &lane->cycle_arena, &lane->cycle_call, cycled);
    add_done(lane);
    if (claim.all > 0)
        add_claim(lane);
    db_call(lane->lanes->worker->db, &lane->cycle_call);
}
