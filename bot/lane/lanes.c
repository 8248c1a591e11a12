/*
 * Each lane is a small machine: while it is held, intend what is due and what the rate allows,
 * send, settle. At most one cycle, one renewal and one sweep are under way in each lane; what
 * comes meanwhile makes the next ones larger, as with turns.
 *
 * A claimed message is the intent: from its commit on it is either settled by an answer, or
 * unknown. A sender that slept past its lease between intent and wire does not send: the next
 * holder treats the row as unknown. The lease is asked before the request is made, and again by
 * libcurl with the connection in its hand (`until` of bot/net/fetch.h): a turn of the loop lies
 * between the two, and dialling. What an old holder still learns is kept, but what the new one
 * has on the wire by then is the new one's to settle (outbox_settle).
 */
#include "bot/lane/lanes_inside.h"

#include <stdlib.h>

#define LOW_BITE      100 /* with LOW_EVERY and LOW_WAIT of lane_cycle.c 1000 a second */
#define ACQUIRE_EVERY (500 * USEC_PER_MSEC)
#define DRAIN_WAIT    USEC_PER_SEC

const struct config *lane_config(const struct lane *lane)
{
    return lane->lanes->worker->config;
}

struct db_param *lane_params(struct arena *arena, size_t n, const struct lane *lane)
{
    struct db_param *params = arena_array(arena, struct db_param, n);

    params[0] = param_uuid(arena, lane->account->org);
    params[1] = param_uuid(arena, lane->account->account);
    return params;
}

void lane_call(struct lane *lane, struct arena *arena, struct db_call *call,
               void (*done)(struct db_call *))
{
    arena_reset(arena);
    call_init(call, arena, lane->account->org);
    call->done = done;
}

usec_t lane_jitter(usec_t wait)
{
    uint8_t chance;

    random_bytes(&chance, 1);
    return wait / 2 + wait * chance / 510;
}

void lanes_check_drained(struct lanes *lanes)
{
    void (*drained)(struct worker * worker) = lanes->drained;

    if (drained == NULL)
        return;
    for (const struct lane *lane = lanes->lanes; lane != NULL; lane = lane->next) {
        if (lane->state != LANE_FREE || lane->under_way > 0 || lane->done != NULL ||
            lane->cycling)
            return;
    }
    lanes->drained = NULL;
    drained(lanes->worker);
}

static void timer_fired(struct timer *timer)
{
    lane_pump(CONTAINER_OF(timer, struct lane, timer));
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* For a broadcast half of the burst and of the connections stays untouched, so that answers
 * that come together find both; and no more at once than are put into words in a moment,
 * however much has gathered. */
static unsigned low_size(const struct lane *lane, unsigned tokens, unsigned room)
{
    unsigned kept = lane->limits.rate_burst / 2, spare = tokens > kept ? tokens - kept : 0;

    return least(least(spare, (room + 1) / 2), LOW_BITE);
}

/* What is asked for is kept from the gate meanwhile. So where nobody is known to wait, half of
 * what there is; where a broadcast's wait, no more than can be there; but always one, for
 * somebody may wait whom nobody told of. */
static struct claim claim_size(struct lane *lane, usec_t now)
{
    unsigned tokens = lane_tokens(lane, now), room = lane_room(lane);
    struct claim claim = {.all =
                              least(least(tokens, room), lane_config(lane)->outbox.claim_max)};

    if (lane->stopped) {
        bool probes = now >= lane->probe_at && lane->under_way == 0 && claim.all > 0;
        return probes ? (struct claim){1, 1} : (struct claim){0};
    }
    claim.low = least(low_size(lane, tokens, room), claim.all);
    if (lane->gate != NULL) {
        int64_t waiting = atomic_load(&lane->gate->queued);
        unsigned most = claim.low + (waiting < UINT16_MAX ? (unsigned)waiting : UINT16_MAX);
        if (lane->low) {
            claim.all = least(claim.all, most > 0 ? most : 1);
        } else if (waiting == 0) {
            claim.all = least(claim.all, least((tokens + 1) / 2, (room + 1) / 2));
        }
        claim.low = least(claim.low, claim.all);
    }
    return claim;
}

/* Of a shared rate nothing is promised that was not taken; what is not used goes back. */
static struct claim draw(struct lane *lane, usec_t now, struct claim claim)
{
    const struct channel_limits *limits = &lane->limits;

    if (lane->bundling)
        claim = (struct claim){1, 1};
    if (lane->quota != NULL)
        claim.all = quota_share(lane->quota, now, limits->rate, limits->rate_burst, claim.all);
    claim.low = least(claim.low, claim.all);
    return claim;
}

/* How long a lane that wants to send has no tokens; those who wait for the same ones do not
 * come together. */
static usec_t tokens_wait(struct lane *lane, usec_t now)
{
    unsigned rate = lane->limits.rate, burst = lane->limits.rate_burst;
    usec_t wait = bucket_wait(&lane->bucket, now, rate, burst), shared = 0;

    if (lane->quota != NULL)
        shared = quota_share_wait(lane->quota, now, rate, burst);
    if (shared > 0)
        shared += lane_jitter(20 * USEC_PER_MSEC);
    return wait > shared ? wait : shared;
}

/* Those that turns have taken places for are waited for a moment; the next holder would have to
 * wait longer. */
static void drain(struct lane *lane, usec_t now)
{
    if (lane->drained_by == 0)
        lane->drained_by = now + DRAIN_WAIT;
    if (lane->state == LANE_HELD && lane_is_idle(lane) &&
        (lane->gate == NULL || gate_out(lane->gate) == 0 || now >= lane->drained_by))
        lane_release(lane);
}

static usec_t sooner(usec_t a, usec_t b)
{
    return a < b ? a : b;
}

/* When what is done may be kept. */
static usec_t settle_due(const struct lane *lane)
{
    bool at_once = lane->lanes->draining || lane->settle_low < lane->next_settle;

    return at_once ? lane->next_settle : lane->settle_low;
}

/* The earliest of the things that wait for time only. */
static void sleep_lane(struct lane *lane, usec_t now)
{
    usec_t next = lane->done != NULL && !lane->cycling ? settle_due(lane) : INT64_MAX;

    if (lane->state == LANE_HELD)
        next = sooner(next, lane->next_renew);
    if (lane->lanes->draining) { /* nothing new is begun */
        if (lane->state == LANE_HELD)
            next = sooner(next, now + 10 * USEC_PER_MSEC);
    } else if (lane->state == LANE_FREE) {
        next = sooner(next, lane->next_acquire);
    } else if (lane->state == LANE_HELD) {
        next = sooner(next, sooner(lane->next_sweep, lane->next_poll));
        next = sooner(next, lane->bundles.due);
        if (lane->more && !lane->cycling) {
            usec_t wait = tokens_wait(lane, now);
            if (wait > 0 && now + wait < next)
                next = now + wait;
        }
    }
    if (next != INT64_MAX) {
        timer_start(&lane->lanes->worker->loop, &lane->timer,
                    next > now ? next - now : USEC_PER_MSEC, timer_fired);
    }
}

/* Nothing more is claimed meanwhile, so that the lane comes to rest. */
static void clear_doubt(struct lane *lane, usec_t now)
{
    lane->more = false;
    if (now < lane->next_poll)
        return;
    if (lane_is_idle(lane))
        lane_reclaim(lane);
    lane->next_poll = now + (lane->renewing ? USEC_PER_SEC / 4 : 5 * USEC_PER_MSEC);
}

/* Nothing but a broadcast is known to wait, and none of it may go yet. */
static bool is_in_vain(const struct lane *lane, struct claim claim, usec_t now)
{
    return lane->low && lane->gate != NULL && claim.low == 0 && !lane->stopped &&
           now < lane->next_look && atomic_load(&lane->gate->queued) == 0;
}

/* A bite of a broadcast goes along with what is kept now. */
static bool joins(const struct lane *lane, usec_t now)
{
    return lane->low && lane->done != NULL && now >= settle_due(lane) && now >= lane->next_join;
}

/* How many may be intended now. */
static struct claim wanted(struct lane *lane, usec_t now)
{
    struct claim none = {0}, claim;

    if (lane->state != LANE_HELD || lane->lanes->draining)
        return none;
    if (lane->doubtful) {
        clear_doubt(lane, now);
        return none;
    }
    lane->more = lane->more || now >= lane->next_poll || joins(lane, now);
    if (!lane->more)
        return none;
    lane_withdraw(lane); /* who waits in the outbox goes first */
    claim = claim_size(lane, now);
    lane->bundling = claim.all > 0 && bundle_wanted(lane);
    if (is_in_vain(lane, claim, now)) {
        lane->more = lane->bundling = false;
        lane->next_poll = lane->next_look;
        lane_pace(lane, now, 0);
        return none;
    }
    return draw(lane, now, claim);
}

static void pump_held(struct lane *lane, usec_t now)
{
    if (now > lane->lease_until && !lane->renewing) {
        lane_lost(lane, "its lease could not be renewed");
        return;
    }
    bundle_tick(lane, now);
    if (now >= lane->next_renew && !lane->renewing)
        lane_renew(lane);
    if (now >= lane->next_sweep && !lane->sweeping && !lane->lanes->draining)
        lane_sweep(lane);
}

void lane_pump(struct lane *lane)
{
    usec_t now = clock_monotonic();

    if (lane->state == LANE_FREE && now >= lane->next_acquire && !lane->lanes->draining) {
        lane->next_acquire = now + ACQUIRE_EVERY;
        if (lane->ways->is_ready(lane_config(lane), lane->account))
            lane_acquire(lane);
    }
    if (lane->state == LANE_HELD)
        pump_held(lane, now);
    if (!lane->cycling) {
        struct claim claim = wanted(lane, now);
        if (claim.all > 0 || (lane->done != NULL && now >= settle_due(lane)))
            lane_cycle(lane, claim);
    }
    lane_tend_gate(lane, now);
    if (lane->lanes->draining)
        drain(lane, now);
    sleep_lane(lane, now);
}

struct lane *lane_of(const struct lanes *lanes, struct uuid id)
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
        lane->ways = channel_ways_by(worker->config, account->channel);
        lane->limits = lane->ways->limits(worker->config);
        lane->slot = lanes->n++;
        lane->quota = lane->limits.one_key ? &worker->shared->resend : NULL;
        lane->gate = gate_of(worker->shared->gates, account->account);
        lane->next = lanes->lanes;
        lane->patient_last = &lane->patient;
        pairs_init(&lane->pairs);
        bundle_forget(lane);
        lanes->lanes = lane;
        /* workers spread out, so that one does not take every lane */
        lane->next_acquire =
            clock_monotonic() +
            (usec_t)(((size_t)worker->index * 7 + lane->slot * 3) % 16) * USEC_PER_MSEC;
        lane_pump(lane);
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
    lane->next_look = 0;
    lane_pump(lane);
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
        lane_pump(lane);
    lanes_check_drained(lanes);
}

void lanes_close(struct lanes *lanes)
{
    for (struct lane *lane = lanes->lanes; lane != NULL; lane = lane->next) {
        timer_close(&lane->timer, NULL);
        lane_forget_patient(lane);
    }
}

static void free_lane(struct lane *lane)
{
    while (lane->done != NULL) {
        struct sending_row *row = lane->done;
        lane->done = row->next;
        sending_free(row);
    }
    pairs_finish(&lane->pairs);
    arena_finish(&lane->lease_arena);
    arena_finish(&lane->cycle_arena);
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
