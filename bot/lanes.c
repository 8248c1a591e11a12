/*
 * Each lane is a small machine: while it is held, claim what is due and what the rate allows,
 * send, settle. At most one claim, one settlement and one renewal are under way in each lane;
 * what comes meanwhile makes the next ones larger, as with turns.
 *
 * A claimed message is the intent: from its commit on it is either settled by an answer, or
 * unknown. A sender that slept past its lease between intent and wire does not send: the next
 * holder treats the row as unknown.
 */
#include "bot/lanes.h"

#include "bot/accounts.h"
#include "bot/loop/log.h"
#include "bot/rate.h"
#include "store/sql.h"
#include "webhooks/whatsapp.h"

#include <stdlib.h>

#define ACQUIRE_EVERY (500 * USEC_PER_MSEC)
#define STOPPED_RETRY (60 * USEC_PER_SEC) /* a stopped lane asks again with one message */
#define DEPTH_EVERY   (5 * USEC_PER_SEC)
#define SENDS_MAX     256 /* under way in one lane */
#define PAIR_WAIT_MAX 5   /* 4^5 s */

enum lane_state {
    LANE_FREE, /* another's, or nobody's */
    LANE_ACQUIRING,
    LANE_HELD,
    LANE_RELEASING
};

enum settlement { SETTLE_SENT, SETTLE_FAILED, SETTLE_PUT_OFF, SETTLE_N };

struct sending_row {
    struct sending_row *next;
    struct lane *lane;
    struct arena arena;
    struct uuid conversation;
    int64_t seq;
    int attempt, repeats, priority;
    usec_t due_at;      /* wall: when the delivery that it answers came */
    usec_t intended_at; /* monotonic */
    struct outbound message;
    struct http_request request;
    struct fetch fetch;
    /* what became of it */
    enum settlement settlement;
    struct str provider_id;
    int code;
    struct str reason;
    int16_t state;  /* PUT_OFF: 0 ready, 2 unknown */
    usec_t put_off; /* PUT_OFF: wall */
};

struct lane {
    struct lane *next;
    struct lanes *lanes;
    const struct account *account;
    size_t slot; /* of the metrics */
    enum lane_state state;
    int64_t epoch;
    usec_t asked_at;    /* when the lease was last asked for; monotonic */
    usec_t lease_until; /* monotonic, with a margin: after it nothing may go to the wire */
    bool stopped;
    bool stop_unsaid; /* `stopped` changed, and the database does not know yet */
    usec_t probe_at;  /* stopped: when one message may try again; monotonic */
    bool more;        /* something may be due */
    bool doubtful;    /* a claim failed, but may be committed: none before the next epoch */
    bool claiming, settling, renewing, sweeping;
    unsigned under_way;
    usec_t next_acquire, next_renew, next_poll, next_sweep, next_settle; /* monotonic */
    struct bucket bucket;
    struct pairs pairs;
    struct sending_row *done;    /* to be settled */
    struct sending_row *settled; /* by the call under way */
    struct arena lease_arena, claim_arena, settle_arena, sweep_arena;
    struct db_call lease_call, claim_call, settle_call, sweep_call;
    unsigned claim_limit;
    struct timer timer;
};

struct lanes {
    struct worker *worker;
    struct lane *lanes;
    size_t n;
    bool draining;
    void (*drained)(struct worker *worker);
};

static void pump(struct lane *lane);
static void timer_fired(struct timer *timer);

/* --- small things
 * ----------------------------------------------------------------------------------- */

static const struct config *config_of(const struct lane *lane)
{
    return lane->lanes->worker->config;
}

static struct db_param *new_params(struct arena *arena, size_t n, const struct lane *lane)
{
    struct db_param *params = arena_array(arena, struct db_param, n);

    params[0] = param_uuid(arena, lane->account->org);
    params[1] = param_uuid(arena, lane->account->account);
    return params;
}

static void begin_call(struct lane *lane, struct arena *arena, struct db_call *call,
                       void (*done)(struct db_call *))
{
    arena_reset(arena);
    call_init(call, arena, lane->account->org);
    call->done = done;
}

static usec_t jitter(usec_t wait)
{
    uint8_t chance;

    random_bytes(&chance, 1);
    return wait / 2 + wait * chance / 510;
}

/* While draining: the worker may go on once no lane is held any more. */
static void check_drained(struct lanes *lanes)
{
    void (*drained)(struct worker * worker) = lanes->drained;

    if (drained == NULL)
        return;
    for (const struct lane *lane = lanes->lanes; lane != NULL; lane = lane->next) {
        if (lane->state != LANE_FREE)
            return;
    }
    lanes->drained = NULL;
    drained(lanes->worker);
}

/* --- the lease
 * -------------------------------------------------------------------------------------- */

static void lost(struct lane *lane, const char *why)
{
    if (lane->state == LANE_HELD)
        log_event(LOG_WARN, "lane.lost", LOG_S("lane", lane->account->external_id),
                  LOG_C("why", why));
    lane->state = LANE_FREE;
    lane->next_acquire = clock_monotonic() + jitter(ACQUIRE_EVERY);
    gauge_lane_gone(lane->slot);
    check_drained(lane->lanes);
}

static usec_t lease_ends(const struct lane *lane, usec_t asked_at)
{
    usec_t lease = config_of(lane)->outbox.lease;

    return asked_at + lease - lease / 4;
}

static void acquired(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, lease_call);
    usec_t now = clock_monotonic();

    if (call->err.code != ERR_NONE || rows_n(call->results[0]) == 0) {
        lane->state = LANE_FREE;
        lane->next_acquire = now + ACQUIRE_EVERY / 2 + jitter(ACQUIRE_EVERY);
        check_drained(lane->lanes);
        pump(lane);
        return;
    }
    lane->state = LANE_HELD;
    lane->doubtful = false;
    lane->epoch = row_int(call->results[0], 0, 0);
    lane->stopped = !row_null(call->results[0], 0, 1);
    lane->probe_at = now; /* a new holder may have a new token */
    lane->next_renew = now + config_of(lane)->outbox.lease / 3;
    lane->next_poll = now;
    lane->next_sweep = now;
    lane->more = true;
    log_event(LOG_INFO, "lane.held", LOG_S("lane", lane->account->external_id),
              LOG_I("epoch", lane->epoch));
    pump(lane);
}

static void acquire(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;
    usec_t now = clock_now();

    lane->state = LANE_ACQUIRING;
    lane->lease_until = lease_ends(lane, clock_monotonic());
    begin_call(lane, arena, &lane->lease_call, acquired);
    struct db_param *params = new_params(arena, 5, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_time(arena, now);
    params[4] = param_time(arena, now + config_of(lane)->outbox.lease);
    call_add(&lane->lease_call, &SQL_LANE_ACQUIRE, params);
    db_call(worker->db, &lane->lease_call);
}

static void renewed(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, lease_call);

    lane->renewing = false;
    if (call->err.code == ERR_NONE && rows_n(call->results[0]) == 0) {
        lost(lane, "another holds it");
    } else if (call->err.code == ERR_NONE) {
        lane->lease_until =
            lane->next_renew - config_of(lane)->outbox.lease / 3; /* when it was asked */
        lane->lease_until = lease_ends(lane, lane->lease_until);
        if (row_null(call->results[0], 0, 0))
            lane->stopped = false;
    } else {
        lane->next_renew = clock_monotonic() + USEC_PER_SEC / 2;
    }
    pump(lane);
}

static void renew(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;
    usec_t lease = config_of(lane)->outbox.lease;

    lane->renewing = true;
    lane->asked_at = clock_monotonic();
    lane->next_renew = lane->asked_at + lease / 3;
    begin_call(lane, arena, &lane->lease_call, renewed);
    struct db_param *params = new_params(arena, 5, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_int8(arena, lane->epoch);
    params[4] = param_time(arena, clock_now() + lease);
    call_add(&lane->lease_call, &SQL_LANE_RENEW, params);
    db_call(worker->db, &lane->lease_call);
}

/* Nothing is under way or unsettled, so what this epoch still intends was never on the wire. */
static bool is_idle(const struct lane *lane)
{
    return lane->under_way == 0 && !lane->claiming && !lane->settling && !lane->renewing &&
           !lane->sweeping && lane->done == NULL;
}

static void reclaimed(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, lease_call);

    lane->renewing = false;
    if (call->err.code == ERR_NONE && rows_n(call->results[0]) == 0) {
        lost(lane, "another holds it");
    } else if (call->err.code == ERR_NONE) {
        lane->epoch = row_int(call->results[0], 0, 0);
        lane->doubtful = false;
        lane->more = true;
        log_event(LOG_INFO, "lane.reclaimed", LOG_S("lane", lane->account->external_id),
                  LOG_I("epoch", lane->epoch));
    }
    pump(lane);
}

/* A claim whose answer was lost may have been committed: its messages would be intended by us
 * without our knowing, and their conversations would wait for ever. A new epoch shuts the
 * claim out if it is still on its way, and what it took is ready again. */
static void reclaim(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;

    lane->renewing = true;
    begin_call(lane, arena, &lane->lease_call, reclaimed);
    struct db_param *params = new_params(arena, 4, lane);
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
    check_drained(lane->lanes);
}

static void release(struct lane *lane)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->lease_arena;

    lane->state = LANE_RELEASING;
    begin_call(lane, arena, &lane->lease_call, released);
    struct db_param *params = new_params(arena, 4, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_int8(arena, lane->epoch);
    call_add(&lane->lease_call, &SQL_LANE_RELEASE, params);
    db_call(worker->db, &lane->lease_call);
}

/* --- settling
 * ------------------------------------------------------------------------------------------ */

static void free_row(struct sending_row *row)
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
    if (call->err.code != ERR_NONE && call->err.code != ERR_CANCELED &&
        lane->state == LANE_HELD) {
        /* what the provider said must not be forgotten: try until it is kept or the lane is
         * lost */
        struct sending_row **last = &lane->done;
        while (*last != NULL)
            last = &(*last)->next;
        *last = row;
        log_event(LOG_WARN, "outbox.unsettled", LOG_ERR(&call->err));
        lane->next_settle = clock_monotonic() + USEC_PER_SEC / 4;
        timer_start(&lane->lanes->worker->loop, &lane->timer, USEC_PER_SEC / 4, timer_fired);
        return;
    }
    while (row != NULL) {
        struct sending_row *next = row->next;
        free_row(row);
        row = next;
    }
    lane->more = true; /* the next of their conversations may go */
    pump(lane);
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
static void settle(struct lane *lane)
{
    struct settle_arrays arrays;
    struct sending_row **rows;
    size_t n = 0;

    lane->settling = true;
    lane->settled = lane->done;
    lane->done = NULL;
    begin_call(lane, &lane->settle_arena, &lane->settle_call, settled);
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

static void row_ends(struct sending_row *row)
{
    struct lane *lane = row->lane;

    row->next = lane->done;
    lane->done = row;
    lane->under_way--;
    pump(lane);
}

static void fail(struct sending_row *row, int code, struct str reason)
{
    row->settlement = SETTLE_FAILED;
    row->code = code;
    row->reason = arena_str(&row->arena, reason);
}

static void put_off(struct sending_row *row, int16_t state, usec_t wait)
{
    row->settlement = SETTLE_PUT_OFF;
    row->state = state;
    row->put_off = clock_now() + wait;
}

/* --- what an answer means
 * ---------------------------------------------------------------------------------- */

static usec_t retry_wait(const struct sending_row *row, const struct sending_result *result)
{
    const struct config *config = config_of(row->lane);
    int times = row->attempt < 20 ? row->attempt - 1 : 20;
    usec_t wait = config->outbox.retry_first * (1LL << times);

    if (wait > config->outbox.retry_max)
        wait = config->outbox.retry_max;
    wait = jitter(wait);
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

    put_off(row, 0, 0);
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
    const struct config *config = config_of(row->lane);
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
            put_off(row, 0, pair_wait(row));
        else if ((unsigned)row->attempt >= most)
            fail(row, result->code, STR("too many attempts"));
        else
            put_off(row, 0, retry_wait(row, result));
        break;
    case SENDING_REFUSED:
    case SENDING_ELSEWHERE:
        count(COUNT_SEND_REFUSED, 1);
        fail(row, result->code, result->reason);
        break;
    case SENDING_STOP_LANE:
        stop_lane(row, result);
        break;
    case SENDING_UNKNOWN:
        count(COUNT_SEND_UNKNOWN, 1);
        put_off(row, 2, config->outbox.unknown_wait);
        break;
    }
}

static void answered(struct fetch *fetch)
{
    struct sending_row *row = CONTAINER_OF(fetch, struct sending_row, fetch);
    struct sending_result result = {0};

    observe(HIST_SEND, fetch->took);
    whatsapp_answer(&row->arena, &fetch->answer, &result);
    if (result.sending == SENDING_ACCEPTED && row->lane->stopped)
        start_lane(row->lane);
    result_of(row, &result);
    row_ends(row);
}

/* --- claiming and sending
 * ------------------------------------------------------------------------------------ */

/* Whether it may go to the wire; else it is settled without. */
static bool may_go(struct sending_row *row, bool stopped, usec_t last_inbound_at)
{
    struct lane *lane = row->lane;
    const struct config *config = config_of(lane);
    usec_t now = clock_monotonic();
    usec_t wait;

    if (stopped) {
        count(COUNT_STOPPED, 1);
        fail(row, 0, STR("stopped"));
        return false;
    }
    if (row->message.reply->kind != REPLY_TEMPLATE &&
        clock_now() - last_inbound_at > config->whatsapp.service_window) {
        count(COUNT_WINDOW_CLOSED, 1);
        fail(row, 0, STR("service window closed"));
        return false;
    }
    wait = pairs_take(&lane->pairs, row->conversation, now, config->whatsapp.pair_interval,
                      config->whatsapp.pair_burst);
    if (wait > 0 || now > lane->lease_until) {
        put_off(row, 0, wait); /* it was never on the wire */
        row->attempt--;
        return false;
    }
    return true;
}

static bool encode(struct sending_row *row, struct str body, struct str address,
                   struct str phone, struct err *err)
{
    struct lane *lane = row->lane;
    const struct config *config = config_of(lane);
    struct whatsapp_sender sender = {config->whatsapp.base_url, lane->account->app->token};
    struct reply *reply = arena_new(&row->arena, struct reply);
    char conversation[UUID_TEXT_LEN + 1];

    if (!reply_from_json(&row->arena, body, reply, err))
        return false;
    uuid_format(row->conversation, conversation);
    row->message = (struct outbound){
        .key = arena_format(&row->arena, "p1.%s.%lld", conversation, (long long)row->seq),
        .account = lane->account->external_id,
        .to = {.user_id = arena_str(&row->arena, address),
               .phone = arena_str(&row->arena, phone)},
        .reply = reply
    };
    if (str_eq(row->message.to.user_id, row->message.to.phone))
        row->message.to.user_id = STR_NONE;
    return whatsapp_encode(&row->arena, &sender, &row->message, &row->request, err);
}

static void send_row(struct lane *lane, const PGresult *rows, int i)
{
    const struct config *config = config_of(lane);
    struct sending_row *row = calloc(1, sizeof *row);
    struct err err = {0};

    if (row == NULL)
        abort();
    row->lane = lane;
    row->conversation = row_uuid(rows, i, 0);
    row->seq = row_int(rows, i, 1);
    row->attempt = (int)row_int(rows, i, 2);
    row->repeats = (int)row_int(rows, i, 3);
    row->priority = (int)row_int(rows, i, 4);
    row->due_at = row_time(rows, i, 5);
    row->intended_at = clock_monotonic();
    lane->under_way++;
    if (!encode(row, row_text(rows, i, 6), row_text(rows, i, 7), row_text(rows, i, 8), &err)) {
        log_event(LOG_ALERT, "outbox.unsayable", LOG_ID("conversation", row->conversation),
                  LOG_I("seq", row->seq), LOG_ERR(&err));
        fail(row, 0, str_from(err.text));
        row_ends(row);
        return;
    }
    if (!may_go(row, row_bool(rows, i, 10), row_time(rows, i, 9))) {
        row_ends(row);
        return;
    }
    row->fetch = (struct fetch){.request = &row->request,
                                .connect_timeout = config->whatsapp.connect_timeout,
                                .timeout = config->whatsapp.timeout,
                                .body_max = config->whatsapp.answer_max,
                                .into = &row->arena,
                                .done = answered};
    fetcher_start(lane->lanes->worker->fetcher, &row->fetch);
}

static void claimed(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, claim_call);
    int n = call->err.code == ERR_NONE ? rows_n(call->results[0]) : 0;

    lane->claiming = false;
    if (call->err.code != ERR_NONE) {
        lane->next_poll = clock_monotonic() + USEC_PER_SEC / 4;
        lane->doubtful = true;
    }
    if (n > 0)
        bucket_take(&lane->bucket, (unsigned)n);
    lane->more = lane->more || (unsigned)n == lane->claim_limit;
    for (int i = 0; i < n; i++)
        send_row(lane, call->results[0], i);
    pump(lane);
}

static void claim(struct lane *lane, unsigned limit)
{
    struct worker *worker = lane->lanes->worker;
    struct arena *arena = &lane->claim_arena;

    lane->claiming = true;
    lane->more = false;
    lane->claim_limit = limit;
    lane->next_poll = clock_monotonic() + config_of(lane)->outbox.poll;
    begin_call(lane, arena, &lane->claim_call, claimed);
    struct db_param *params = new_params(arena, 6, lane);
    params[2] = param_uuid(arena, worker->id);
    params[3] = param_int8(arena, lane->epoch);
    params[4] = param_time(arena, clock_now());
    params[5] = param_int4(arena, (int32_t)limit);
    call_add(&lane->claim_call, &SQL_OUTBOX_INTEND, params);
    db_call(worker->db, &lane->claim_call);
}

/* --- what time brings: unknowns, early statuses, figures
 * ------------------------------------------------------ */

static void give_up(struct lane *lane, const PGresult *rows)
{
    for (int i = 0; i < rows_n(rows); i++) {
        struct sending_row *row = calloc(1, sizeof *row);
        if (row == NULL)
            abort();
        row->lane = lane;
        row->conversation = row_uuid(rows, i, 0);
        row->seq = row_int(rows, i, 1);
        row->attempt = (int)row_int(rows, i, 2);
        fail(row, 0, STR("outcome unknown"));
        count(COUNT_SEND_GIVEN_UP, 1);
        row->next = lane->done;
        lane->done = row;
    }
}

static void swept(struct db_call *call)
{
    struct lane *lane = CONTAINER_OF(call, struct lane, sweep_call);

    lane->sweeping = false;
    if (call->err.code == ERR_NONE) {
        int repeated = rows_n(call->results[2]);
        const PGresult *depth = call->results[4];
        count(COUNT_SEND_REPEATED, (uint64_t)repeated);
        lane->more = lane->more || repeated > 0;
        give_up(lane, call->results[3]);
        gauge_lane(lane->slot, lane->account->external_id.at, row_int(depth, 0, 0),
                   row_int(depth, 0, 1), row_int(depth, 0, 2), lane->stopped);
    }
    pump(lane);
}

/* The unknowns are looked at twice within `unknown_wait`; a lane just taken inherits its last
 * holder's. */
static void sweep(struct lane *lane)
{
    struct arena *arena = &lane->sweep_arena;
    struct db_call *call = &lane->sweep_call;
    const struct config *config = config_of(lane);
    usec_t now = clock_now();
    usec_t every = config->outbox.unknown_wait / 4;
    struct db_param *params;

    lane->sweeping = true;
    lane->next_sweep = clock_monotonic() + (every < DEPTH_EVERY ? every : DEPTH_EVERY);
    begin_call(lane, arena, call, swept);
    params = new_params(arena, 4, lane);
    params[2] = param_int8(arena, lane->epoch);
    params[3] = param_time(arena, now + config->outbox.unknown_wait);
    call_add(call, &SQL_LANE_INHERIT, params);
    call_add(call, &SQL_EARLY_JOIN, new_params(arena, 2, lane));
    params = new_params(arena, 3, lane);
    params[2] = param_time(arena, now);
    call_add(call, &SQL_OUTBOX_REPEAT, params);
    call_add(call, &SQL_OUTBOX_GIVE_UP, params);
    call_add(call, &SQL_LANE_DEPTH, new_params(arena, 2, lane));
    if (lane->stop_unsaid) {
        params = new_params(arena, 4, lane);
        params[2] = lane->stopped ? param_time(arena, now) : param_null();
        params[3] = param_text(lane->stopped ? STR("refused by the provider") : STR_NONE);
        call_add(call, &SQL_LANE_STOP, params);
        lane->stop_unsaid = false;
    }
    db_call(lane->lanes->worker->db, call);
}

/* --- the pump: what a lane does next
 * ------------------------------------------------------------------------------ */

static void timer_fired(struct timer *timer)
{
    pump(CONTAINER_OF(timer, struct lane, timer));
}

static unsigned claim_size(struct lane *lane, usec_t now)
{
    const struct config *config = config_of(lane);
    unsigned tokens =
        bucket_tokens(&lane->bucket, now, config->whatsapp.rate, config->whatsapp.rate_burst);
    unsigned room = SENDS_MAX > lane->under_way ? SENDS_MAX - lane->under_way : 0;
    unsigned size = tokens < room ? tokens : room;

    size = size < config->outbox.claim_max ? size : config->outbox.claim_max;
    if (lane->stopped)
        size = now >= lane->probe_at && lane->under_way == 0 && size > 0 ? 1 : 0;
    return size;
}

static void drain(struct lane *lane)
{
    if (lane->state == LANE_HELD && is_idle(lane))
        release(lane);
}

/* The earliest of the things that wait for time only. */
static void sleep_lane(struct lane *lane, usec_t now)
{
    const struct config *config = config_of(lane);
    usec_t next = lane->next_sweep;

    if (lane->state == LANE_ACQUIRING || lane->state == LANE_RELEASING)
        return;
    if (lane->state == LANE_FREE) {
        next = lane->next_acquire;
    } else {
        next = lane->next_renew < next ? lane->next_renew : next;
        next = lane->next_poll < next ? lane->next_poll : next;
        if (lane->more && !lane->claiming) {
            usec_t wait = bucket_wait(&lane->bucket, now, config->whatsapp.rate,
                                      config->whatsapp.rate_burst);
            if (wait > 0 && now + wait < next)
                next = now + wait;
        }
    }
    timer_start(&lane->lanes->worker->loop, &lane->timer,
                next > now ? next - now : USEC_PER_MSEC, timer_fired);
}

/* Nothing more is claimed meanwhile, so that the lane comes to rest. */
static void clear_doubt(struct lane *lane, usec_t now)
{
    lane->more = false;
    if (now < lane->next_poll)
        return;
    if (is_idle(lane))
        reclaim(lane);
    lane->next_poll = now + (lane->renewing ? USEC_PER_SEC / 4 : 5 * USEC_PER_MSEC);
}

static void pump_held(struct lane *lane, usec_t now)
{
    unsigned size;

    if (now > lane->lease_until && !lane->renewing) {
        lost(lane, "its lease could not be renewed");
        return;
    }
    if (now >= lane->next_renew && !lane->renewing)
        renew(lane);
    if (lane->done != NULL && !lane->settling && now >= lane->next_settle)
        settle(lane);
    if (lane->lanes->draining)
        return;
    if (now >= lane->next_sweep && !lane->sweeping)
        sweep(lane);
    if (lane->doubtful) {
        clear_doubt(lane, now);
        return;
    }
    lane->more = lane->more || now >= lane->next_poll;
    size = claim_size(lane, now);
    if (lane->more && !lane->claiming && size > 0)
        claim(lane, size);
}

static void pump(struct lane *lane)
{
    usec_t now = clock_monotonic();

    if (lane->lanes->draining && lane->state != LANE_HELD)
        return;
    if (lane->state == LANE_FREE && now >= lane->next_acquire) {
        lane->next_acquire = now + ACQUIRE_EVERY;
        if (lane->account->app != NULL)
            acquire(lane);
    }
    if (lane->state == LANE_HELD)
        pump_held(lane, now);
    if (lane->lanes->draining)
        drain(lane);
    else
        sleep_lane(lane, now);
}

/* --- life
 * ------------------------------------------------------------------------------------------------------------
 */

static struct lane *lane_of(const struct lanes *lanes, struct uuid id)
{
    struct lane *lane = lanes->lanes;

    while (lane != NULL && !uuid_eq(lane->account->account, id))
        lane = lane->next;
    return lane;
}

static void add_lanes(struct worker *worker)
{
    struct lanes *lanes = worker->lanes;
    const struct account *account;

    for (size_t i = 0; (account = accounts_at(worker->accounts, i)) != NULL; i++) {
        if (uuid_is_none(account->account) || lane_of(lanes, account->account) != NULL)
            continue;
        struct lane *lane = calloc(1, sizeof *lane);
        if (lane == NULL)
            abort();
        lane->lanes = lanes;
        lane->account = account;
        lane->slot = lanes->n++;
        lane->next = lanes->lanes;
        pairs_init(&lane->pairs);
        lanes->lanes = lane;
        /* workers spread out, so that one does not take every lane */
        lane->next_acquire =
            clock_monotonic() +
            (usec_t)((worker->index * 7 + lane->slot * 3) % 16) * USEC_PER_MSEC;
        pump(lane);
    }
}

struct lanes *lanes_create(struct worker *worker)
{
    struct lanes *lanes = calloc(1, sizeof *lanes);

    if (lanes == NULL)
        abort();
    lanes->worker = worker;
    accounts_on_change(worker->accounts, add_lanes);
    return lanes;
}

void lanes_wake(struct lanes *lanes, struct uuid id)
{
    struct lane *lane = lane_of(lanes, id);

    if (lane == NULL || lane->state != LANE_HELD)
        return;
    lane->more = true;
    pump(lane);
}

bool lanes_holds(const struct lanes *lanes, struct uuid id)
{
    const struct lane *lane = lane_of(lanes, id);

    return lane != NULL && lane->state == LANE_HELD;
}

void lanes_drain(struct lanes *lanes, void (*drained)(struct worker *worker))
{
    lanes->draining = true;
    lanes->drained = drained;
    for (struct lane *lane = lanes->lanes; lane != NULL; lane = lane->next)
        pump(lane);
    check_drained(lanes);
}

void lanes_close(struct lanes *lanes)
{
    for (struct lane *lane = lanes->lanes; lane != NULL; lane = lane->next)
        timer_close(&lane->timer, NULL);
}

static void free_lane(struct lane *lane)
{
    while (lane->done != NULL) {
        struct sending_row *row = lane->done;
        lane->done = row->next;
        free_row(row);
    }
    pairs_finish(&lane->pairs);
    arena_finish(&lane->lease_arena);
    arena_finish(&lane->claim_arena);
    arena_finish(&lane->settle_arena);
    arena_finish(&lane->sweep_arena);
    free(lane);
}

void lanes_destroy(struct lanes *lanes)
{
    if (lanes == NULL)
        return;
    while (lanes->lanes != NULL) {
        struct lane *lane = lanes->lanes;
        lanes->lanes = lane->next;
        free_lane(lane);
    }
    free(lanes);
}
