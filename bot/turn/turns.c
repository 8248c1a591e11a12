/*
 * The queue of each business, and when its next batch begins.
 *
 * A batch begins in the loop's check phase, after all sockets of this turn of the loop have
 * been read, so that deliveries which came together go together. A business has one batch in
 * flight in each worker: that keeps the order of a conversation without any further
 * bookkeeping. Beside it there may be one item alone, after a sick batch: its conversation
 * waits for it, and no other.
 */
#include "bot/turn/turns.h"

#include "bot/loop/log.h"
#include "bot/turn/batch.h"

#include <stdlib.h>

#define RETRY_FIRST   (10 * USEC_PER_MSEC)
#define RETRY_MAX     (2 * USEC_PER_SEC)
#define PUT_OFF_FIRST (2 * USEC_PER_MSEC)
#define PUT_OFF_MAX   (50 * USEC_PER_MSEC)
#define ASIDE_FIRST   (50 * USEC_PER_MSEC)
#define REFUSED_OFTEN 6  /* in a row: two seconds of locks that are held */
#define ASIDE_KEPT    16 /* conversations that are known to make batches sick */

struct queue {
    struct item *first, **last;
};

struct org {
    struct org *next;
    struct turns *turns;
    struct business business;
    struct queue waiting;
    size_t n;
    struct batch *batch; /* in flight */
    size_t limit;        /* of the next batch; halved by bad data, doubled by success */
    unsigned failures;   /* in a row */
    usec_t not_before;   /* monotonic */
    struct timer timer;

    struct business apart; /* the same once more: each batch reads it anew now and then */
    struct batch *aside;   /* in flight: one item */
    size_t n_aside;        /* waiting for that, or in it */
    size_t n_known;
    /* Whose deadline passed there: what comes next of them goes there at once. */
    struct hash16 known[ASIDE_KEPT];
};

struct turns {
    struct worker *worker;
    struct org *orgs;
    struct batch *spare;
    size_t depth;
    uv_check_t check;
    uv_idle_t idle; /* keeps the loop from sleeping while a batch waits for its check phase */
    bool kicked;
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_append(struct queue *queue, struct item *item)
{
    item->next = NULL;
    *queue->last = item;
    queue->last = &item->next;
}

/* Put a list before all that wait, keeping its order. */
static void queue_prepend(struct queue *queue, struct item *list)
{
    struct item *last = list;

    if (list == NULL)
        return;
    while (last->next != NULL)
        last = last->next;
    last->next = queue->first;
    if (queue->first == NULL)
        queue->last = &last->next;
    queue->first = list;
}

static void org_begin(struct org *org);

static void org_timer(struct timer *timer)
{
    org_begin(CONTAINER_OF(timer, struct org, timer));
}

static struct org *org_of(struct turns *turns, struct uuid id)
{
    struct org *org = turns->orgs;

    while (org != NULL && !uuid_eq(org->business.org, id))
        org = org->next;
    if (org != NULL)
        return org;
    org = calloc(1, sizeof *org);
    if (org == NULL)
        abort();
    org->turns = turns;
    org->business.org = org->apart.org = id;
    org->limit = turns->worker->config->turns.batch_max;
    queue_init(&org->waiting);
    org->next = turns->orgs;
    turns->orgs = org;
    return org;
}

static void kick(struct turns *turns);

static void idle_turn(uv_idle_t *idle)
{
    (void)idle;
}

static void check_phase(uv_check_t *check)
{
    struct turns *turns = CONTAINER_OF(check, struct turns, check);

    uv_check_stop(&turns->check);
    uv_idle_stop(&turns->idle);
    turns->kicked = false;
    for (struct org *org = turns->orgs; org != NULL; org = org->next)
        org_begin(org);
}

static void kick(struct turns *turns)
{
    if (turns->kicked)
        return;
    turns->kicked = true;
    uv_check_start(&turns->check, check_phase);
    uv_idle_start(&turns->idle, idle_turn);
}

struct turns *turns_create(struct worker *worker)
{
    struct turns *turns = calloc(1, sizeof *turns);

    if (turns == NULL)
        abort();
    turns->worker = worker;
    uv_check_init(&worker->loop.uv, &turns->check);
    uv_idle_init(&worker->loop.uv, &turns->idle);
    return turns;
}

size_t turns_depth(const struct turns *turns)
{
    return turns->depth;
}

/* --- conversations that make batches sick ----------------------------------------------------
 */

static struct hash16 conversation_of(const struct item *item)
{
    struct str parts[] = {
        {(const char *)item->account->account.bytes, sizeof item->account->account.bytes},
        item->address
    };

    return hash16_of(parts, COUNTOF(parts));
}

static struct hash16 *find_known(struct org *org, const struct item *item)
{
    struct hash16 hash;

    if (org->n_known == 0 || item->address.len == 0)
        return NULL;
    hash = conversation_of(item);
    for (size_t i = 0; i < org->n_known && i < ASIDE_KEPT; i++) {
        if (memcmp(&org->known[i], &hash, sizeof hash) == 0)
            return &org->known[i];
    }
    return NULL;
}

static void know(struct org *org, const struct item *item)
{
    if (item->address.len > 0 && find_known(org, item) == NULL)
        org->known[org->n_known++ % ASIDE_KEPT] = conversation_of(item);
}

static void forget(struct org *org, const struct item *item)
{
    struct hash16 *known = find_known(org, item);

    if (known != NULL)
        *known = (struct hash16){0};
}

static void put_aside(struct org *org, struct item *item)
{
    org->n_aside += !item->aside;
    item->aside = true;
}

void turns_add(struct turns *turns, struct item *item)
{
    struct org *org = org_of(turns, item->portion->org);

    if (find_known(org, item) != NULL)
        put_aside(org, item);
    queue_append(&org->waiting, item);
    org->n++;
    turns->depth++;
    gauge_set(GAUGE_QUEUED, (int64_t)turns->depth);
    kick(turns);
}

void arrival_settle(struct arrival *delivery, bool ok)
{
    delivery->failed = delivery->failed || !ok;
    if (--delivery->pending == 0)
        delivery->settled(delivery);
}

static void settle(struct org *org, struct item *item, bool ok)
{
    struct arrival *delivery = item->portion->delivery;

    org->n--;
    org->n_aside -= item->aside;
    org->turns->depth--;
    gauge_set(GAUGE_QUEUED, (int64_t)org->turns->depth);
    arrival_settle(delivery, ok); /* the item may be gone now */
}

/* --- picking a batch -------------------------------------------------------------------------
 */

struct picking {
    struct item *picked, **picked_last;
    struct item *left, **left_last;
    size_t n;
    const struct arrival *alone; /* a suspect is stepped with nothing else */
    const struct item *held[64]; /* conversations that wait: what follows in them waits too */
    size_t n_held;
    bool closed;
    usec_t next; /* when the first of the held may be tried again; 0: none */
};

static bool same_conversation(const struct item *a, const struct item *b)
{
    return a->address.len > 0 && a->account == b->account && str_eq(a->address, b->address);
}

static void hold(struct picking *picking, const struct item *item)
{
    if (picking->n_held < COUNTOF(picking->held)) {
        picking->held[picking->n_held++] = item;
    } else {
        picking->closed = true;
    }
}

static bool must_wait(struct picking *picking, const struct item *item, usec_t now)
{
    for (size_t i = 0; i < picking->n_held; i++) {
        if (same_conversation(picking->held[i], item))
            return true;
    }
    if (item->not_before <= now)
        return false;
    hold(picking, item);
    if (picking->next == 0 || item->not_before < picking->next)
        picking->next = item->not_before;
    return true;
}

static void leave(struct picking *picking, struct item *item)
{
    *picking->left_last = item;
    picking->left_last = &item->next;
}

/* A suspect that must wait closes the batch, and so does what comes after a suspect: else what
 * stands behind it in the same conversation could overtake it. */
static void pick_one(struct picking *picking, struct item *item, size_t limit, usec_t now)
{
    struct arrival *delivery = item->portion->delivery;
    bool parted = picking->alone != NULL ? picking->alone != delivery
                                         : delivery->suspect && picking->n > 0;

    item->next = NULL;
    if (item->aside) {
        hold(picking, item);
        leave(picking, item);
        return;
    }
    if (picking->closed || picking->n >= limit || parted || must_wait(picking, item, now)) {
        if (parted || delivery->suspect)
            picking->closed = true;
        leave(picking, item);
        return;
    }
    if (delivery->suspect)
        picking->alone = delivery;
    *picking->picked_last = item;
    picking->picked_last = &item->next;
    picking->n++;
}

/* Take the next batch's items out of the queue; what may not run yet stays, in order. */
static void pick(struct org *org, struct picking *picking)
{
    usec_t now = clock_monotonic();
    struct item *item = org->waiting.first;

    *picking = (struct picking){0};
    if (org->aside != NULL)
        hold(picking, org->aside->items);
    picking->picked_last = &picking->picked;
    picking->left_last = &picking->left;
    while (item != NULL && picking->n < org->limit && !picking->closed) {
        struct item *next = item->next;
        pick_one(picking, item, org->limit, now);
        item = next;
    }
    *picking->left_last = item; /* the rest, untouched */
    org->waiting.first = picking->left;
    org->waiting.last = &org->waiting.first;
    while (*org->waiting.last != NULL)
        org->waiting.last = &(*org->waiting.last)->next;
}

static bool is_in(const struct item *list, const struct item *item)
{
    for (; list != NULL && list != item; list = list->next) {
        if (same_conversation(list, item))
            return true;
    }
    return false;
}

/* Take the first that may go alone out of the queue: nothing of its conversation stands before
 * it or is in flight. When there is none, `next` is when there may be. */
static struct item *pick_aside(struct org *org, usec_t now, usec_t *next)
{
    size_t left = org->n_aside;

    for (struct item **at = &org->waiting.first; *at != NULL && left > 0; at = &(*at)->next) {
        struct item *item = *at;
        left -= item->aside;
        if (!item->aside || is_in(org->waiting.first, item) ||
            (org->batch != NULL && is_in(org->batch->items, item)))
            continue;
        if (item->not_before > now) {
            *next = *next == 0 || item->not_before < *next ? item->not_before : *next;
            continue;
        }
        *at = item->next;
        if (org->waiting.last == &item->next)
            org->waiting.last = at;
        item->next = NULL;
        return item;
    }
    return NULL;
}

/* --- the end of a batch
 * ----------------------------------------------------------------------- */

static usec_t backoff(usec_t first, usec_t most, unsigned times)
{
    uint8_t chance;
    usec_t wait = times < 16 ? first << times : most;

    random_bytes(&chance, 1);
    wait = wait < most ? wait : most;
    return wait / 2 + wait * chance / 510;
}

/* A job that waits for its conversation too long is left to its lease, and read anew then. */
static struct item *without_late_jobs(struct org *org, struct item *list, usec_t now)
{
    struct item *kept = NULL, **last = &kept;

    for (struct item *item = list, *next; item != NULL; item = next) {
        next = item->next;
        if (item->job != NULL && now > item->portion->delivery->deadline) {
            settle(org, item, false);
            continue;
        }
        *last = item;
        last = &item->next;
    }
    *last = NULL;
    return kept;
}

static void committed(struct org *org, struct batch *batch)
{
    struct item *put_off = batch->put_off;
    usec_t now = clock_monotonic();

    if (batch == org->aside) {
        if (batch->items != NULL)
            forget(org, batch->items);
    } else {
        org->failures = 0;
        org->limit = org->limit * 2 < org->turns->worker->config->turns.batch_max
                         ? org->limit * 2
                         : org->turns->worker->config->turns.batch_max;
    }
    for (struct item *item = put_off; item != NULL; item = item->next) {
        item->not_before = now + backoff(PUT_OFF_FIRST, PUT_OFF_MAX, item->put_off++);
        count(COUNT_PUT_OFF, 1);
    }
    put_off = without_late_jobs(org, put_off, now);
    for (struct item *item = batch->items, *next; item != NULL; item = next) {
        next = item->next;
        settle(org, item, true);
    }
    queue_prepend(&org->waiting, put_off);
}

/* Those whose delivery has waited too long fail; the others are tried again. */
static void sick(struct org *org, struct batch *batch)
{
    usec_t now = clock_monotonic();
    struct item *again = NULL, **last = &again;

    org->not_before = now + backoff(RETRY_FIRST, RETRY_MAX, org->failures++);
    for (struct item *item = batch->items, *next; item != NULL; item = next) {
        next = item->next;
        if (now > item->portion->delivery->deadline || org->turns->worker->draining) {
            settle(org, item, false);
            continue;
        }
        if (batch->blame == BLAME_ONE ||
            (batch->blame == BLAME_PERHAPS && org->failures > REFUSED_OFTEN))
            put_aside(org, item);
        *last = item;
        last = &item->next;
    }
    *last = NULL;
    queue_prepend(&org->waiting, again);
    if (batch->err.code != ERR_CANCELED) {
        log_event(LOG_WARN, "turns.retry", LOG_ID("org", org->business.org),
                  LOG_I("failures", org->failures), LOG_ERR(&batch->err));
    }
}

/* Alone it is to blame, or the database is; either way it waits for itself only. */
static void sick_aside(struct org *org, struct item *item, const struct batch *batch)
{
    usec_t now = clock_monotonic();

    if (batch->err.code != ERR_CANCELED) {
        log_event(LOG_WARN, "turns.retry_aside", LOG_ID("org", org->business.org),
                  LOG_ID("payload", item->portion->payload_id), LOG_ERR(&batch->err));
    }
    if (now > item->portion->delivery->deadline || org->turns->worker->draining) {
        if (batch->blame != BLAME_NOBODY)
            know(org, item);
        settle(org, item, false);
        return;
    }
    item->not_before = now + backoff(ASIDE_FIRST, RETRY_MAX, item->put_off++);
    queue_prepend(&org->waiting, item);
}

static void bad(struct org *org, struct batch *batch)
{
    if (batch->n == 1) {
        log_event(LOG_ALERT, "turns.parked", LOG_ID("org", org->business.org),
                  LOG_ID("payload", batch->items->portion->payload_id), LOG_ERR(&batch->err));
        if (batch->items->park != NULL) { /* even parking it fails: leave it to the provider */
            settle(org, batch->items, false);
            return;
        }
        batch->items->park =
            arena_cstr(batch->items->portion->delivery->arena, str_from(batch->err.text));
    }
    if (batch != org->aside)
        org->limit = batch->n > 1 ? batch->n / 2 : 1;
    queue_prepend(&org->waiting, batch->items);
}

static void end(struct org *org, struct batch *batch)
{
    struct turns *turns = org->turns;
    struct batch **place = batch == org->aside ? &org->aside : &org->batch;

    shared_stepping_end(turns->worker->self, batch->slot);
    if (batch->end != BATCH_COMMITTED)
        count(COUNT_BATCH_FAILURES, 1);
    if (batch->end == BATCH_COMMITTED) {
        committed(org, batch);
    } else if (batch->end == BATCH_BAD) {
        bad(org, batch);
    } else if (batch == org->aside) {
        sick_aside(org, batch->items, batch);
    } else {
        sick(org, batch);
    }
    *place = NULL;
    batch->next = turns->spare;
    turns->spare = batch;
    kick(turns);
}

static void batch_done(struct batch *batch)
{
    end(CONTAINER_OF(batch->business, struct org, business), batch);
}

static void aside_done(struct batch *batch)
{
    end(CONTAINER_OF(batch->business, struct org, apart), batch);
}

static void begin(struct org *org, struct item *items, size_t n, bool aside)
{
    struct turns *turns = org->turns;
    struct batch *batch = turns->spare;

    if (batch != NULL) {
        turns->spare = batch->next;
    } else {
        batch = batch_create(turns->worker);
    }
    batch->business = aside ? &org->apart : &org->business;
    batch->items = items;
    batch->n = n;
    batch->done = aside ? aside_done : batch_done;
    *(aside ? &org->aside : &org->batch) = batch;
    batch->slot = shared_stepping_begin(turns->worker->self);
    for (struct item *item = batch->items; item != NULL; item = item->next)
        shared_stepping_add(turns->worker->self, batch->slot, item->portion->delivery->hash);
    count(COUNT_BATCHES, 1);
    observe(HIST_BATCH_SIZE, (usec_t)batch->n);
    shared_runs(turns->worker->self, batch->slot);
    batch_start(batch);
    shared_rests(turns->worker->self);
}

/* What may begin now; what waits for a time only is left to the timer. */
static void org_begin(struct org *org)
{
    struct picking picking = {0};
    usec_t now = clock_monotonic(), next = 0;

    if (org->batch == NULL && org->waiting.first != NULL) {
        if (org->not_before > now) {
            next = org->not_before;
        } else {
            pick(org, &picking);
            next = picking.next;
        }
    }
    if (picking.n > 0) {
        begin(org, picking.picked, picking.n, false);
        next = 0;
    }
    if (org->aside == NULL && org->n_aside > 0) {
        struct item *item = pick_aside(org, now, &next);
        if (item != NULL)
            begin(org, item, 1, true);
    }
    if (next > 0)
        timer_start(&org->turns->worker->loop, &org->timer, next > now ? next - now : 0,
                    org_timer);
}

void turns_close(struct turns *turns)
{
    uv_close((uv_handle_t *)&turns->check, NULL);
    uv_close((uv_handle_t *)&turns->idle, NULL);
    for (struct org *org = turns->orgs; org != NULL; org = org->next)
        timer_close(&org->timer, NULL);
}

void turns_destroy(struct turns *turns)
{
    if (turns == NULL)
        return;
    while (turns->orgs != NULL) {
        struct org *org = turns->orgs;
        turns->orgs = org->next;
        arena_finish(&org->business.arena);
        arena_finish(&org->apart.arena);
        free(org);
    }
    while (turns->spare != NULL) {
        struct batch *batch = turns->spare;
        turns->spare = batch->next;
        batch_destroy(batch);
    }
    free(turns);
}
