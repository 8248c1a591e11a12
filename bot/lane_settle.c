/* What an answer means for a message, and keeping it. */
#include "bot/lanes_inside.h"

#include "bot/loop/log.h"
#include "store/sql.h"

#include <stdlib.h>

#define STOPPED_RETRY (60 * USEC_PER_SEC) /* a stopped lane asks again with one message */
#define SETTLE_RETRY  (USEC_PER_SEC / 4)
#define PAIR_WAIT_MAX 5 /* 4^5 s */

void sending_free(struct sending_row *row)
{
    arena_finish(&row->arena);
    free(row);
}

static void settled(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, settle_call);
    struct sending_row *row = lane->settled;

    lane->settling = false;
    lane->settled = NULL;
    if (call->err.code != ERR_NONE && call->err.code != ERR_CANCELED) {
        /* What the provider said stays true, whoever holds the lane by now, and must not be
         * forgotten: try until it is kept. */
        struct sending_row **last = &lane->done;
        while (*last != NULL)
            last = &(*last)->next;
        *last = row;
        log_event(LOG_WARN, "outbox.unsettled", LOG_ERR(&call->err));
        lane->next_settle = clock_monotonic() + SETTLE_RETRY;
        lane_pump(lane);
        return;
    }
    while (row != NULL) {
        struct sending_row *next = row->next;
        sending_free(row);
        row = next;
    }
    lane->more = true; /* the next of their conversations may go */
    lane_pump(lane);
    lanes_check_drained(lane->lanes);
}

struct settle_arrays {
    struct db_array conversations[SETTLE_N], seqs[SETTLE_N], attempts[SETTLE_N];
    struct db_array ids, hashes, errors, reasons, states, dues;
};

static void settle_row(struct settle_arrays *arrays, const struct sending_row *row)
{
    enum settlement kind = row->settlement;

    array_uuid(&arrays->conversations[kind], row->conversation);
    array_int(&arrays->seqs[kind], row->seq);
    array_int(&arrays->attempts[kind], row->attempt);
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
    struct arena *arena = &lane->settle_arena;
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
    struct db_call *call = &lane->settle_call;

    if (arrays->conversations[SETTLE_SENT].n > 0) {
        call_add(call, &SQL_OUTBOX_SETTLE,
                 settle_params(lane, arrays, SETTLE_SENT, NULL, NULL, false));
        call_add(call, &SQL_OUTBOX_SENT,
                 settle_params(lane, arrays, SETTLE_SENT, &arrays->ids, &arrays->hashes, true));
    }
    if (arrays->conversations[SETTLE_FAILED].n > 0) {
        call_add(call, &SQL_OUTBOX_SETTLE,
                 settle_params(lane, arrays, SETTLE_FAILED, NULL, NULL, false));
        call_add(call, &SQL_OUTBOX_FAILED,
                 settle_params(lane, arrays, SETTLE_FAILED, &arrays->errors, &arrays->reasons,
                               true));
    }
    if (arrays->conversations[SETTLE_PUT_OFF].n > 0)
        call_add(
            call, &SQL_OUTBOX_PUT_OFF,
            settle_params(lane, arrays, SETTLE_PUT_OFF, &arrays->states, &arrays->dues, true));
}

static int by_key(const void *a, const void *b)
{
    const struct sending_row *left = *(struct sending_row *const *)a,
                             *right = *(struct sending_row *const *)b;
    int order = uuid_compare(left->conversation, right->conversation);

    return order != 0 ? order : (left->seq > right->seq) - (left->seq < right->seq);
}

/* All that has become certain since, in one transaction, sorted by key. */
void lane_settle(struct lane *lane)
{
    struct settle_arrays arrays;
    struct sending_row **rows;
    size_t n = 0;

    lane->settling = true;
    lane->settled = lane->done;
    lane->done = NULL;
    lane_call(lane, &lane->settle_arena, &lane->settle_call, settled);
    for (struct sending_row *row = lane->settled; row != NULL; row = row->next)
        n++;
    rows = arena_array(&lane->settle_arena, struct sending_row *, n);
    n = 0;
    for (struct sending_row *row = lane->settled; row != NULL; row = row->next)
        rows[n++] = row;
    qsort(rows, n, sizeof(struct sending_row *), by_key);
    init_settle(&arrays, &lane->settle_arena);
    for (size_t i = 0; i < n; i++)
        settle_row(&arrays, rows[i]);
    add_settlements(lane, &arrays);
    db_call(lane->lanes->worker->db, &lane->settle_call);
}

void sending_ends(struct sending_row *row)
{
    struct lane *lane = row->lane;

    row->next = lane->done;
    lane->done = row;
    lane->under_way--;
    lane_pump(lane);
}

void sending_fail(struct sending_row *row, int code, struct str reason)
{
    row->settlement = SETTLE_FAILED;
    row->code = code;
    row->reason = arena_str(&row->arena, reason);
}

void sending_put_off(struct sending_row *row, enum outbox_state state, usec_t wait)
{
    row->settlement = SETTLE_PUT_OFF;
    row->state = state;
    row->put_off = clock_now() + wait;
}

static usec_t retry_wait(const struct sending_row *row, const struct sending_result *result)
{
    const struct config *config = lane_config(row->lane);
    int times = row->attempt < 20 ? row->attempt - 1 : 20;
    usec_t wait = config->outbox.retry_first * (1LL << times);

    if (wait > config->outbox.retry_max)
        wait = config->outbox.retry_max;
    wait = lane_jitter(wait);
    return wait > result->wait ? wait : result->wait;
}

static usec_t pair_wait(const struct sending_row *row)
{
    int times = row->attempt - 1 < PAIR_WAIT_MAX ? row->attempt - 1 : PAIR_WAIT_MAX;

    return USEC_PER_SEC * ((usec_t)1 << (2 * times));
}

/* The account itself is refused. One message asks again now and then, until one is taken. */
static void stop_lane(struct sending_row *row, const struct sending_result *result)
{
    struct lane *lane = row->lane;

    sending_put_off(row, OUTBOX_READY, 0);
    row->attempt--; /* it was not this message's fault */
    lane->probe_at = clock_monotonic() + STOPPED_RETRY;
    if (lane->stopped)
        return;
    lane->stopped = true;
    lane->stop_unsaid = true;
    lane->next_sweep = 0;
    count(COUNT_LANE_STOPS, 1);
    log_event(LOG_ALERT, "lane.stopped", LOG_S("lane", lane->account->external_id),
              LOG_I("code", result->code), LOG_S("why", result->reason));
}

static void start_lane(struct lane *lane)
{
    lane->stopped = false;
    lane->stop_unsaid = true;
    lane->more = true;
    log_event(LOG_INFO, "lane.resumed", LOG_S("lane", lane->account->external_id));
}

static void result_of(struct sending_row *row, const struct sending_result *result)
{
    const struct config *config = lane_config(row->lane);
    unsigned most =
        result->max_attempts > 0 ? result->max_attempts : config->outbox.max_attempts;

    if (result->code != 0)
        count_error(result->code);
    if (result->alert)
        log_event(LOG_ALERT, "outbox.refused", LOG_S("lane", row->lane->account->external_id),
                  LOG_I("code", result->code), LOG_S("why", result->reason));
    switch (result->sending) {
    case SENDING_ACCEPTED:
        row->settlement = SETTLE_SENT;
        row->provider_id = result->provider_id;
        count(COUNT_SENT, 1);
        if (row->attempt == 1)
            observe(HIST_WEBHOOK_TO_SEND, clock_now() - row->due_at);
        break;
    case SENDING_RETRY:
    case SENDING_PAIR_WAIT:
        count(COUNT_SEND_RETRIES, 1);
        if (result->sending == SENDING_PAIR_WAIT)
            sending_put_off(row, OUTBOX_READY, pair_wait(row));
        else if ((unsigned)row->attempt >= most)
            sending_fail(row, result->code, STR("too many attempts"));
        else
            sending_put_off(row, OUTBOX_READY, retry_wait(row, result));
        break;
    case SENDING_REFUSED:
    case SENDING_ELSEWHERE:
        count(COUNT_SEND_REFUSED, 1);
        sending_fail(row, result->code, result->reason);
        break;
    case SENDING_STOP_LANE:
        stop_lane(row, result);
        break;
    case SENDING_UNKNOWN:
        count(COUNT_SEND_UNKNOWN, 1);
        sending_put_off(row, OUTBOX_UNKNOWN, config->outbox.unknown_wait);
        break;
    }
}

void sending_answered(struct fetch *fetch)
{
    struct sending_row *row = CONTAINER_OF(fetch, struct sending_row, fetch);
    struct sending_result result = {0};

    observe(HIST_SEND, fetch->took);
    whatsapp_answer(&row->arena, &fetch->answer, &result);
    if (result.sending == SENDING_ACCEPTED && row->lane->stopped)
        start_lane(row->lane);
    result_of(row, &result);
    sending_ends(row);
}
