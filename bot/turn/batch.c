/*
 * Four flights for a usual batch, two when no flow needs to look anything up. The order of
 * writes is the same in every batch (contacts, seen, messages, outbox, conversations), and each
 * is sorted by its key, so that batches cannot wait for each other in a circle.
 *
 * Nothing leaves the batch before COMMIT has come back: figures, receipts, wakes.
 */
#include "bot/turn/batch_code.h"
#include "bot/turn/batch_hand.h"

#include "bot/file/download.h"
#include "bot/file/upload.h"
#include "bot/lane/lanes.h"
#include "bot/lane/receipts.h"
#include "bot/later/jobs.h"
#include "bot/later/payments.h"
#include "bot/loop/log.h"
#include "bot/turn/batch_handoff.h"

#include <stdlib.h>

/* --- the end -------------------------------------------------------------------------------
 */

void batch_finish(struct batch_work *work, enum batch_end end)
{
    struct batch *batch = work->batch;

    if (end != BATCH_COMMITTED)
        batch_promises_undo(work);
    if (work->conn != NULL)
        db_release(batch->worker->db, work->conn);
    work->conn = NULL;
    for (struct item *item = batch->items; item != NULL; item = item->next)
        item->portion->writing = false;
    for (struct item *item = batch->put_off; item != NULL; item = item->next)
        item->portion->writing = false;
    batch->end = end;
    batch->done(batch);
}

/* The work itself may be another batch's when this returns. */
static void flown(struct db_flight *flight)
{
    struct batch_work *work = CONTAINER_OF(flight, struct batch_work, flight);
    struct shared_worker *self = work->batch->worker->self;

    shared_runs(self, work->batch->slot);
    work->then(flight);
    shared_rests(self);
}

/* Whoever was with something that takes too long has time for another try before its delivery's
 * deadline. */
void batch_then(struct batch_work *work, void (*then)(struct db_flight *flight))
{
    const struct config *config = work->batch->worker->config;
    usec_t most = config->turns.deadline / 2;

    work->flight.deadline = most < config->database.deadline ? most : config->database.deadline;
    work->flight.done = flown;
    work->then = then;
}

static enum batch_blame blame_of(const struct db_flight *flight)
{
    static const char *const unwell[] = {"08", "53", "57P", "58"};

    if (flight->late || strcmp(flight->sqlstate, "57014") == 0) /* cancelled */
        return BLAME_ONE;
    for (size_t i = 0; i < COUNTOF(unwell); i++) {
        if (strncmp(flight->sqlstate, unwell[i], strlen(unwell[i])) == 0)
            return BLAME_NOBODY;
    }
    return flight->sqlstate[0] != '\0' ? BLAME_PERHAPS : BLAME_NOBODY;
}

/* True when the flight went well; else the batch has ended. */
bool batch_flown(struct batch_work *work)
{
    struct db_flight *flight = &work->flight;

    if (flight->err.code == ERR_NONE)
        return true;
    work->batch->err = flight->err;
    work->batch->blame = blame_of(flight);
    if (flight->err.code == ERR_BROKEN) {
        log_event(LOG_ALERT, "turns.query_broken", LOG_I("query", flight->failed),
                  LOG_C("sqlstate", flight->sqlstate), LOG_ERR(&flight->err));
    }
    batch_finish(work, flight->err.code == ERR_REJECT ? BATCH_BAD : BATCH_SICK);
    return false;
}

/* --- after the commit
 * --------------------------------------------------------------------------------- */

static void split_items(struct batch_work *work)
{
    struct batch *batch = work->batch;
    struct item *item = batch->items, **kept = &batch->items, **off = &batch->put_off;
    bool any = batch_missing(work) > 0;

    while (item != NULL) {
        struct item *next = item->next;
        struct item ***list = any && batch_is_put_off(work, item) ? &off : &kept;
        item->portion->kept |= item->portion->writing;
        **list = item;
        *list = &item->next;
        item = next;
    }
    *kept = NULL;
    *off = NULL;
}

void batch_committed(struct db_flight *flight)
{
    struct batch_work *work = CONTAINER_OF(flight, struct batch_work, flight);
    struct worker *worker = work->batch->worker;

    if (!batch_flown(work))
        return;
    count(COUNT_TURNS, work->handled);
    count(COUNT_DUPLICATES, work->duplicates);
    count(COUNT_STATUSES, work->n_statuses);
    count(COUNT_PROMISED, work->n_promised);
    count(COUNT_PARKED, work->n_dead);
    count(COUNT_NOT_UNDERSTOOD, work->not_understood);
    count(COUNT_HANDOFFS, work->handoffs);
    count(COUNT_CODES_SENT, work->codes_sent);
    count(COUNT_PROVED, work->proved);
    count(COUNT_CODE_ALERTS, work->code_alerts);
    observe(HIST_TURN, clock_monotonic() - work->began);
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        if (turn->last != NULL)
            receipts_send(worker, turn->account, turn->last->event->id);
    }
    batch_promises_go(work);
    batch_codes_wake(work);
    batch_handoffs_log(work);
    if (work->next_job > 0)
        jobs_made(worker->jobs, work->batch->business->org, work->next_job);
    if (work->n_wanted > 0)
        downloads_wake(worker->downloads, work->batch->business->org);
    if (work->n_files > 0)
        uploads_wake(worker->uploads, work->batch->business->org);
    if (work->links_wanted > 0)
        payments_wake(worker->payments, work->batch->business->org);
    split_items(work);
    batch_finish(work, BATCH_COMMITTED);
}

/* --- life
 * ------------------------------------------------------------------------------------------------
 */

static void leased(struct db_lease *lease)
{
    struct batch_work *work = CONTAINER_OF(lease, struct batch_work, lease);

    if (lease->conn == NULL) {
        work->batch->err = lease->err;
        batch_finish(work, BATCH_SICK);
        return;
    }
    work->conn = lease->conn;
    shared_runs(work->batch->worker->self, work->batch->slot);
    batch_take(work);
    shared_rests(work->batch->worker->self);
}

void batch_start(struct batch *batch)
{
    static const enum db_type log_types[] = {DB_UUID, DB_INT8, DB_BOOL,  DB_TEXT,
                                             DB_TEXT, DB_TIME, DB_BYTEA, DB_TEXT,
                                             DB_UUID, DB_INT8, DB_TEXT};
    static const enum db_type dead_types[] = {DB_UUID,  DB_UUID, DB_TEXT, DB_TEXT,
                                              DB_BYTEA, DB_UUID, DB_TEXT};
    static const enum db_type short_types[] = {DB_TEXT, DB_TEXT};
    static const enum db_type unsee_types[] = {DB_UUID, DB_BYTEA};
    struct batch_work *work = batch->work;
    struct arena arena = work->arena;

    arena_reset(&arena);
    memset(work, 0, sizeof *work);
    work->arena = arena;
    work->batch = batch;
    work->began = clock_monotonic();
    work->now = clock_now();
    batch->err = (struct err){0};
    batch->blame = BLAME_NOBODY;
    batch->put_off = NULL;
    batch_arrays(work, work->log, log_types, COUNTOF(log_types));
    batch_arrays(work, work->dead, dead_types, COUNTOF(dead_types));
    batch_arrays(work, work->unsee, unsee_types, COUNTOF(unsee_types));
    batch_arrays(work, work->short_links, short_types, COUNTOF(short_types));
    work->stopping = arena_array(&work->arena, struct uuid, batch->n);
    work->starting = arena_array(&work->arena, struct uuid, batch->n);
    array_init(&work->done_jobs, &work->arena, DB_UUID);
    batch_sort(work);
    work->lease.done = leased;
    db_lease(batch->worker->db, &work->lease);
}

struct batch *batch_create(struct worker *worker)
{
    struct batch *batch = calloc(1, sizeof *batch);
    struct batch_work *work = calloc(1, sizeof *work);

    if (batch == NULL || work == NULL)
        abort();
    batch->worker = worker;
    batch->work = work;
    return batch;
}

void batch_destroy(struct batch *batch)
{
    arena_finish(&batch->work->arena);
    free(batch->work);
    free(batch);
}
