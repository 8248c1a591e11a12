/*
 * Writing: what comes while a write is under way is the next write. Draining: one worker of the
 * node holds the lock, takes what came first, as many as one batch or two, waits until all of
 * it is committed, and goes on. Both wait for the disk on libuv's threads.
 */
#include "bot/door/spool.h"

#include "bot/door/intake.h"
#include "bot/loop/log.h"
#include "bot/turn/turns.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_EVERY (250 * USEC_PER_MSEC)
#define LOOK_AGAIN 40
#define REST       (5 * USEC_PER_SEC)
#define WRITE_MAX  256 /* deliveries in one sync */
#define WINDOW     128 /* handed in at once */
#define WINDOW_MAX ((size_t)4 * 1024 * 1024)

struct writing {
    uv_work_t work;
    bool busy;
    struct spooling *taken[WRITE_MAX];
    const struct spool_record *records[WRITE_MAX];
    bool kept[WRITE_MAX];
    size_t n;
    struct err err;
};

struct draining {
    uv_work_t work;
    bool busy; /* on a thread */
    int lock;  /* -1: not ours */
    usec_t horizon;
    struct spool_index index;
    struct spool_again *window[WINDOW];
    size_t n, pending;
    uint64_t drained;
    usec_t rest_until; /* monotonic: after something went wrong */
    struct err err;
};

struct spool {
    struct worker *worker;
    struct spool_folder folder;
    struct timer look;
    struct spooling *first, **last;
    struct writing writing;
    struct draining draining;
    struct spool_guest *guests, *newest;
    unsigned looks;
    bool closed;
};

static bool is_wanted(const struct config *config)
{
    return config->twilio.auth_token.len > 0 && config->public_url.len > 0 &&
           config->spool.dir.len > 0 && config->secrets.key.len > 0;
}

static struct spool_folder folder_of(const struct config *config, struct shared *shared)
{
    return (struct spool_folder){.dir = config->spool.dir.at,
                                 .key = crypto_subkey(config->secrets.key, "spool"),
                                 .max = config->spool.max,
                                 .shared = &shared->spool};
}

int spool_prepare(const struct config *config, struct shared *shared)
{
    struct spool_folder folder = folder_of(config, shared);
    struct err err = {0};
    int lock;

    if (!is_wanted(config))
        return -1;
    if (!spool_folder_open(&folder, &lock, &err)) {
        log_event(LOG_ALERT, "spool.unusable", LOG_ERR(&err));
        return -1;
    }
    atomic_store(&shared->spool.ready, true);
    log_event(LOG_INFO, "spool.ready", LOG_I("records", atomic_load(&shared->spool.records)),
              LOG_I("bytes", atomic_load(&shared->spool.bytes)));
    return lock;
}

/* --- who is being served -------------------------------------------------------------------
 */

static void publish(const struct spool *spool)
{
    atomic_store(&spool->worker->self->oldest_guest,
                 spool->guests != NULL ? spool->guests->at : 0);
}

void spool_arrives(struct spool *spool, struct spool_guest *guest, usec_t at)
{
    *guest = (struct spool_guest){.prev = spool->newest, .at = at, .here = true};
    if (spool->newest != NULL) {
        spool->newest->next = guest;
    } else {
        spool->guests = guest;
    }
    spool->newest = guest;
    publish(spool);
}

void spool_leaves(struct spool *spool, struct spool_guest *guest)
{
    if (!guest->here)
        return;
    guest->here = false;
    if (guest->prev != NULL) {
        guest->prev->next = guest->next;
    } else {
        spool->guests = guest->next;
    }
    if (guest->next != NULL) {
        guest->next->prev = guest->prev;
    } else {
        spool->newest = guest->prev;
    }
    publish(spool);
}

/* Before this moment nothing is being served any more, on any worker. */
static usec_t horizon(const struct spool *spool)
{
    const struct shared *shared = spool->worker->shared;
    usec_t first = INT64_MAX;

    for (unsigned i = 0; i < shared->n_workers; i++) {
        usec_t at = atomic_load(&shared->workers[i].oldest_guest);
        if (at > 0 && at < first)
            first = at;
    }
    return first;
}

/* --- writing -------------------------------------------------------------------------------
 */

uint32_t spool_account(const struct spool *spool, struct str account)
{
    return spool_tag(&spool->folder.key, account);
}

bool spool_is_ready(const struct spool *spool)
{
    return atomic_load(&spool->folder.shared->ready);
}

bool spool_holds(const struct spool *spool, uint32_t account)
{
    return atomic_load(&spool->folder.shared->waiting[account % SPOOL_ACCOUNTS]) > 0;
}

/* What was noticed on a thread, or by one who died since. */
static void tell(const struct spool *spool)
{
    struct spool_shared *shared = spool->folder.shared;
    uint64_t torn = atomic_exchange(&shared->torn, 0);
    uint64_t damaged = atomic_exchange(&shared->damaged, 0);
    uint64_t unreadable = atomic_exchange(&shared->unreadable, 0);

    if (torn > 0)
        log_event(LOG_WARN, "spool.torn", LOG_I("bytes", torn));
    if (damaged > 0)
        log_event(LOG_ALERT, "spool.damaged", LOG_I("bytes", damaged));
    if (unreadable > 0)
        log_event(LOG_ALERT, "spool.unreadable", LOG_I("bytes", unreadable));
}

static void write_work(uv_work_t *work)
{
    struct writing *writing = CONTAINER_OF(work, struct writing, work);
    struct spool *spool = CONTAINER_OF(writing, struct spool, writing);

    (void)!spool_append(&spool->folder, writing->records, writing->kept, writing->n,
                        &writing->err);
}

static void write_next(struct spool *spool);

static void written(uv_work_t *work, int status)
{
    struct writing *writing = CONTAINER_OF(work, struct writing, work);
    struct spool *spool = CONTAINER_OF(writing, struct spool, writing);
    size_t refused = 0;

    (void)status;
    writing->busy = false;
    tell(spool);
    for (size_t i = 0; i < writing->n; i++)
        refused += !writing->kept[i];
    count(COUNT_SPOOLED, writing->n - refused);
    if (writing->err.code != ERR_NONE) {
        log_event(LOG_ALERT, "spool.broken", LOG_I("deliveries", refused),
                  LOG_ERR(&writing->err));
    } else if (refused > 0) {
        log_event(LOG_ALERT, "spool.full", LOG_I("deliveries", refused));
    }
    for (size_t i = 0; i < writing->n; i++) {
        writing->taken[i]->kept = writing->kept[i];
        writing->taken[i]->done(writing->taken[i]);
    }
    write_next(spool);
}

static void write_next(struct spool *spool)
{
    struct writing *writing = &spool->writing;

    if (writing->busy || spool->first == NULL)
        return;
    for (writing->n = 0; spool->first != NULL && writing->n < WRITE_MAX; writing->n++) {
        writing->taken[writing->n] = spool->first;
        writing->records[writing->n] = &spool->first->record;
        spool->first = spool->first->next;
    }
    if (spool->first == NULL)
        spool->last = &spool->first;
    writing->busy = true;
    writing->err = (struct err){0};
    if (uv_queue_work(&spool->worker->loop.uv, &writing->work, write_work, written) != 0)
        abort(); /* it knows no failure but a call without a function */
}

void spool_add(struct spool *spool, struct spooling *spooling)
{
    spooling->next = NULL;
    *spool->last = spooling;
    spool->last = &spooling->next;
    write_next(spool);
}

/* --- draining ------------------------------------------------------------------------------
 */

static bool may_drain(const struct spool *spool)
{
    const struct worker *worker = spool->worker;
    struct db_health health;

    db_health(worker->db, &health);
    return spool_is_ready(spool) && !worker->draining && !spool->closed && health.open > 0 &&
           accounts_loaded(worker->accounts) &&
           turns_depth(worker->turns) < worker->config->turns.queue_max / 2;
}

/* On a thread: what has been handed in goes, and the next are read. */
static void drain_work(uv_work_t *work)
{
    struct draining *draining = CONTAINER_OF(work, struct draining, work);
    struct spool *spool = CONTAINER_OF(draining, struct spool, draining);
    struct spool_index *index = &draining->index;
    size_t bytes = 0;

    draining->n = 0;
    if (!spool_index_refresh(&spool->folder, index, &draining->err))
        return;
    for (size_t i = 0; i < index->n && draining->n < WINDOW && bytes < WINDOW_MAX; i++) {
        struct spool_entry *entry = &index->entries[i];
        struct spool_again *again;
        if (entry->at >= draining->horizon)
            break;
        again = calloc(1, sizeof *again);
        if (again == NULL)
            abort();
        again->entry = entry;
        again->spool = spool;
        if (spool_read(&spool->folder, entry, &again->arena, &again->record, &draining->err)) {
            draining->window[draining->n++] = again;
            bytes += entry->len;
            continue;
        }
        arena_finish(&again->arena);
        free(again);
        if (draining->err.code != ERR_REJECT)
            break;
        entry->done = true;
        draining->err = (struct err){0};
    }
}

static void drain_next(struct spool *spool);

static void drain_end(struct spool *spool)
{
    struct draining *draining = &spool->draining;

    if (draining->lock < 0)
        return;
    if (draining->err.code != ERR_NONE) {
        log_event(LOG_ALERT, "spool.drain_broken", LOG_ERR(&draining->err));
        draining->rest_until = clock_monotonic() + REST;
    } else if (draining->drained > 0) {
        log_event(LOG_INFO, "spool.drained", LOG_I("deliveries", draining->drained),
                  LOG_I("left", draining->index.n));
    }
    spool_index_finish(&draining->index);
    (void)close(draining->lock);
    draining->lock = -1;
    draining->drained = 0;
}

static void lower(_Atomic uint32_t *waiting)
{
    uint32_t n = atomic_load(waiting);

    while (n > 0 && !atomic_compare_exchange_weak(waiting, &n, n - 1))
        ;
}

void spool_again_settled(struct spool_again *again, bool ok)
{
    struct spool *spool = again->spool;
    struct draining *draining = &spool->draining;
    struct spool_shared *shared = spool->folder.shared;

    again->entry->done = ok;
    if (ok) {
        lower(&shared->waiting[again->entry->account % SPOOL_ACCOUNTS]);
        atomic_fetch_sub(&shared->records, 1);
        count(COUNT_DRAINED, 1);
        draining->drained++;
    } else if (draining->err.code == ERR_NONE && !spool->worker->draining) {
        err_raise(&draining->err, ERR_RETRY, "a delivery could not be kept");
    }
    arena_finish(&again->arena);
    free(again);
    if (--draining->pending == 0)
        drain_next(spool);
}

static void drain_read(uv_work_t *work, int status)
{
    struct draining *draining = CONTAINER_OF(work, struct draining, work);
    struct spool *spool = CONTAINER_OF(draining, struct spool, draining);
    size_t n = draining->n;

    (void)status;
    draining->busy = false;
    tell(spool);
    if (n == 0) { /* nothing is left, or nothing may go yet */
        drain_end(spool);
        return;
    }
    draining->pending = n + 1; /* so that the last does not go on while others are handed in */
    for (size_t i = 0; i < n; i++)
        intake_again(spool->worker->intake, draining->window[i]);
    if (--draining->pending == 0)
        drain_next(spool);
}

static void drain_next(struct spool *spool)
{
    struct draining *draining = &spool->draining;

    if (draining->err.code != ERR_NONE || spool->closed || spool->worker->draining) {
        drain_end(spool);
        return;
    }
    draining->busy = true;
    draining->horizon = horizon(spool);
    if (uv_queue_work(&spool->worker->loop.uv, &draining->work, drain_work, drain_read) != 0)
        abort();
}

static void look(struct timer *timer)
{
    struct spool *spool = CONTAINER_OF(timer, struct spool, look);
    struct draining *draining = &spool->draining;

    bool some = atomic_load(&spool->folder.shared->bytes) > 0;

    timer_start(&spool->worker->loop, &spool->look, LOOK_EVERY, look);
    tell(spool);
    if (++spool->looks % LOOK_AGAIN == 0)
        some = true; /* a worker of a service before this one may still have written */
    if (!some || draining->lock >= 0 || clock_monotonic() < draining->rest_until ||
        !may_drain(spool) || !spool_drain_begin(&spool->folder, &draining->lock))
        return;
    draining->err = (struct err){0};
    drain_next(spool);
}

/* --- life ----------------------------------------------------------------------------------
 */

struct spool *spool_create(struct worker *worker)
{
    struct spool *spool = calloc(1, sizeof *spool);

    if (spool == NULL)
        abort();
    spool->worker = worker;
    spool->folder = folder_of(worker->config, worker->shared);
    spool->last = &spool->first;
    spool->draining.lock = -1;
    publish(spool); /* whom a worker before us served is served no more */
    if (spool_is_ready(spool))
        timer_start(&worker->loop, &spool->look, LOOK_EVERY, look);
    return spool;
}

bool spool_is_busy(const struct spool *spool)
{
    return spool->writing.busy || spool->draining.busy || spool->draining.pending > 0;
}

void spool_close(struct spool *spool)
{
    spool->closed = true;
    timer_close(&spool->look, NULL);
}

void spool_destroy(struct spool *spool)
{
    if (spool == NULL)
        return;
    drain_end(spool);
    crypto_wipe(&spool->folder.key, sizeof spool->folder.key);
    free(spool);
}
