/*
 * Looking goes business by business, one query at a time; what a turn has just wanted goes
 * first. No more is claimed than there is room for, so that a lease is for what is under way.
 */
#include "bot/file/upload_inside.h"

#include "bot/loop/log.h"
#include "store/sql.h"

#include <stdlib.h>

static void look(struct uploads *uploads);

static void fired(struct timer *timer)
{
    struct uploads *uploads = CONTAINER_OF(timer, struct uploads, timer);

    if (uploads->looking)
        return; /* it rests afterwards, and this fires again */
    uploads->next = 0;
    look(uploads);
}

static void rest(struct uploads *uploads)
{
    uploads->looking = false;
    if (!uploads->closing) {
        timer_start(&uploads->worker->loop, &uploads->timer,
                    uploads->worker->config->documents.poll, fired);
    }
}

/* --- one that was claimed ----------------------------------------------------------------- */

void upload_finish(struct upload *upload)
{
    struct uploads *uploads = upload->uploads;

    uploads->n_open--;
    arena_finish(&upload->arena);
    free(upload);
    if (uploads->n_soon > 0 && !uploads->looking && !uploads->closing)
        look(uploads);
}

static const struct account *account_of(const struct upload *upload)
{
    const struct accounts *accounts = upload->uploads->worker->accounts;
    const struct account *account;

    for (size_t i = 0; (account = accounts_at(accounts, i)) != NULL; i++) {
        if (uuid_eq(account->account, upload->account_id) && uuid_eq(account->org, upload->org))
            return account;
    }
    return NULL;
}

static void begin(struct uploads *uploads, const PGresult *rows, int row)
{
    struct upload *upload = calloc(1, sizeof *upload);

    if (upload == NULL)
        abort();
    upload->uploads = uploads;
    upload->began = clock_monotonic();
    upload->org = uploads->org;
    upload->account_id = row_uuid(rows, row, 0);
    upload->document = row_uuid(rows, row, 1);
    upload->attempts = row_int(rows, row, 2);
    upload->lease = uploads->lease;
    upload->until = uploads->until;
    upload->account = account_of(upload);
    uploads->n_open++;
    upload_run(upload);
}

/* --- looking ------------------------------------------------------------------------------ */

static bool next_org(struct uploads *uploads)
{
    const struct account *account;

    if (uploads->n_soon > 0) {
        uploads->org = uploads->soon[--uploads->n_soon];
        return true;
    }
    /* accounts of one business mostly stand together; looking twice is harmless */
    while ((account = accounts_at(uploads->worker->accounts, uploads->next)) != NULL) {
        uploads->next++;
        if (uuid_eq(account->org, uploads->org) && uploads->next > 1)
            continue;
        uploads->org = account->org;
        return true;
    }
    return false;
}

#define SPARE (5 * USEC_PER_SEC) /* for the database */

/* A lease is as long as one attempt can take: reading, and uploading. */
static usec_t lease_of(const struct config *config)
{
    usec_t one = config->documents.timeout;

    return 2 * one + (one < SPARE ? one : SPARE);
}

static size_t room_in(const struct uploads *uploads)
{
    size_t most = uploads->worker->config->documents.downloads;

    return uploads->n_open < most ? most - uploads->n_open : 0;
}

static void add_soon(struct uploads *uploads, struct uuid org)
{
    for (size_t i = 0; i < uploads->n_soon; i++) {
        if (uuid_eq(uploads->soon[i], org))
            return;
    }
    if (uploads->n_soon < UPLOADS_SOON_MAX)
        uploads->soon[uploads->n_soon++] = org;
}

static void looked(struct db_call *call)
{
    struct uploads *uploads = CONTAINER_OF(call, struct uploads, call);
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL && call->err.code != ERR_CANCELED)
        log_event(LOG_WARN, "uploads.look_failed", LOG_ERR(&call->err));
    for (int i = 0; rows != NULL && i < rows_n(rows) && !uploads->closing; i++)
        begin(uploads, rows, i);
    if (rows != NULL && room_in(uploads) == 0)
        add_soon(uploads, uploads->org); /* there may be more, when there is room again */
    look(uploads);
}

static void ask(struct uploads *uploads, size_t room)
{
    const struct config *config = uploads->worker->config;
    struct db_param *params;
    usec_t now = clock_now();

    uploads->lease = now + lease_of(config);
    uploads->until = clock_monotonic() + lease_of(config) - config->documents.timeout;
    arena_reset(&uploads->arena);
    call_init(&uploads->call, &uploads->arena, uploads->org);
    uploads->call.done = looked;
    params = arena_array(&uploads->arena, struct db_param, 4);
    params[0] = param_uuid(&uploads->arena, uploads->org);
    params[1] = param_time(&uploads->arena, now);
    params[2] = param_time(&uploads->arena, uploads->lease);
    params[3] = param_int4(&uploads->arena, (int32_t)room);
    call_add(&uploads->call, &SQL_UPLOADS_CLAIM, params);
    db_call(uploads->worker->db, &uploads->call);
}

static void look(struct uploads *uploads)
{
    size_t room = room_in(uploads);

    uploads->looking = true;
    if (uploads->closing || uploads->documents == NULL || room == 0 || !next_org(uploads)) {
        rest(uploads);
    } else {
        ask(uploads, room);
    }
}

void uploads_wake(struct uploads *uploads, struct uuid org)
{
    add_soon(uploads, org);
    if (!uploads->looking && !uploads->closing)
        look(uploads);
}

/* --- life --------------------------------------------------------------------------------- */

struct uploads *uploads_create(struct worker *worker)
{
    struct uploads *uploads = calloc(1, sizeof *uploads);
    struct err err = {0};

    if (uploads == NULL)
        abort();
    uploads->worker = worker;
    if (!documents_create(&worker->loop, worker->config, &uploads->documents, &err))
        log_event(LOG_ALERT, "documents.not_ready", LOG_ERR(&err)); /* and all of them wait */
    rest(uploads);
    return uploads;
}

void uploads_close(struct uploads *uploads)
{
    uploads->closing = true;
    timer_close(&uploads->timer, NULL);
    documents_close(uploads->documents);
}

void uploads_destroy(struct uploads *uploads)
{
    if (uploads == NULL)
        return;
    documents_destroy(uploads->documents);
    arena_finish(&uploads->arena);
    free(uploads);
}
