/*
 * Looking goes business by business, one query at a time; what a turn has just brought goes
 * first. No more is claimed than there is room for, so that a lease is for what is under way.
 */
#include "bot/file/download_inside.h"

#include "bot/lane/pause.h"
#include "bot/loop/log.h"
#include "store/sql.h"

#include <stdlib.h>

#define SWEEP_EVERY   USEC_PER_HOUR
#define SWEEP_AT_ONCE 100

static void look(struct downloads *downloads);

static void fired(struct timer *timer)
{
    struct downloads *downloads = CONTAINER_OF(timer, struct downloads, timer);

    if (downloads->looking)
        return; /* it rests afterwards, and this fires again */
    downloads->next = 0;
    downloads->sweeping =
        downloads->swept_at == 0 || clock_monotonic() - downloads->swept_at > SWEEP_EVERY;
    look(downloads);
}

static void rest(struct downloads *downloads)
{
    const struct worker *worker = downloads->worker;

    downloads->looking = false;
    if (!downloads->closing) {
        timer_start(&downloads->worker->loop, &downloads->timer, worker->config->documents.poll,
                    fired);
    }
}

static void add_soon(struct downloads *downloads, struct uuid org)
{
    for (size_t i = 0; i < downloads->n_soon; i++) {
        if (uuid_eq(downloads->soon[i], org))
            return;
    }
    if (downloads->n_soon < SOON_MAX)
        downloads->soon[downloads->n_soon++] = org;
}

/* --- room ----------------------------------------------------------------------------------
 */

static size_t room_in(const struct downloads *downloads)
{
    size_t most = downloads->worker->config->documents.downloads;

    return downloads->n_open < most ? most - downloads->n_open : 0;
}

static bool is_one_of_many(const struct downloads *downloads, struct uuid org)
{
    const struct account *account;

    for (size_t i = 0; (account = accounts_at(downloads->worker->accounts, i)) != NULL; i++) {
        if (!uuid_eq(account->org, org))
            return true;
    }
    return false;
}

/* Of that, for one business: where there are others one place stays free for them, however many
 * are sent to this one. */
static size_t room_of(const struct downloads *downloads, struct uuid org)
{
    size_t most = downloads->worker->config->documents.downloads;
    size_t room = room_in(downloads), taken = shares_of(&downloads->open, org);

    if (most < 2 || !is_one_of_many(downloads, org))
        return room;
    most--;
    most = taken < most ? most - taken : 0;
    return room < most ? room : most;
}

/* --- one that was claimed -------------------------------------------------------------------
 */

void download_finish(struct download *download)
{
    struct downloads *downloads = download->downloads;

    if (!download->in_conversation || room_of(downloads, download->org) == 0)
        add_soon(downloads, download->org); /* there may be more: of a CRM's, thousands */
    downloads->n_open--;
    downloads->n_given -= !download->in_conversation;
    shares_give(&downloads->open, download->org);
    arena_finish(&download->arena);
    free(download);
    if (downloads->n_soon > 0 && !downloads->looking && !downloads->closing)
        look(downloads);
}

static enum document_state state_of(struct str name)
{
    static const char *const names[] = {"wanted", "storing", "refused", "lost", "gone"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (str_eq(name, str_from(names[i])))
            return (enum document_state)i;
    }
    return DOCUMENT_WANTED;
}

static bool read_hash(const PGresult *rows, int row, int column, struct hash *hash)
{
    struct str bytes = row_text(rows, row, column);

    if (bytes.len != HASH_LEN)
        return false;
    memcpy(hash->bytes, bytes.at, HASH_LEN);
    return true;
}

static const struct account *account_of(const struct download *download)
{
    const struct accounts *accounts = download->downloads->worker->accounts;
    const struct account *account;

    for (size_t i = 0; (account = accounts_at(accounts, i)) != NULL; i++) {
        if (uuid_eq(account->account, download->account_id) &&
            uuid_eq(account->org, download->org))
            return account;
    }
    return NULL;
}

static void begin(struct downloads *downloads, const PGresult *rows, int row)
{
    struct download *download = calloc(1, sizeof *download);

    if (download == NULL)
        abort();
    download->downloads = downloads;
    download->began = clock_monotonic();
    download->lease = downloads->lease;
    download->until = downloads->until;
    download->org = downloads->org;
    download->id = row_uuid(rows, row, 0);
    download->conversation = row_uuid(rows, row, 1);
    download->account_id = row_uuid(rows, row, 2);
    download->handle = arena_str(&download->arena, row_text(rows, row, 3));
    download->state = state_of(row_text(rows, row, 4));
    download->has_claimed = read_hash(rows, row, 5, &download->claimed);
    download->has_sha256 = read_hash(rows, row, 6, &download->sha256);
    download->attempts = row_int(rows, row, 8);
    download->expires_at = row_time(rows, row, 9);
    download->kind = arena_str(&download->arena, row_text(rows, row, 10));
    download->refusals = row_int(rows, row, 11);
    download->account = account_of(download);
    download->in_conversation = !row_null(rows, row, 1);
    downloads->n_open++;
    shares_take(&downloads->open, download->org);
    if (!download->in_conversation)
        downloads->n_given++;
    download_run(download);
}

/* --- what its steps share -------------------------------------------------------------------
 */

struct db_param *download_params(struct download *download, size_t n)
{
    struct db_param *params = arena_array(&download->arena, struct db_param, n);

    params[0] = param_uuid(&download->arena, download->org);
    params[1] = param_uuid(&download->arena, download->id);
    return params;
}

void download_call(struct download *download, const struct sql *sql,
                   const struct db_param *params, void (*done)(struct db_call *call))
{
    call_init(&download->call, &download->arena, download->org);
    download->call.done = done;
    call_add(&download->call, sql, params);
    db_call(download->downloads->worker->db, &download->call);
}

struct download *download_called(struct db_call *call)
{
    struct download *download = CONTAINER_OF(call, struct download, call);

    if (call->err.code == ERR_NONE && !download->downloads->closing)
        return download;
    if (call->err.code != ERR_CANCELED && call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "document.database", LOG_ID("document", download->id),
                  LOG_ERR(&call->err));
    }
    download_finish(download); /* the lease lapses, and it begins where the row says */
    return NULL;
}

static void put_off(struct db_call *call)
{
    struct download *download = download_called(call);

    if (download == NULL)
        return;
    if (rows_changed(call->results[0]) == 0)
        log_event(LOG_WARN, "document.too_late", LOG_ID("document", download->id));
    download_finish(download);
}

void download_later(struct download *download, const struct err *err)
{
    const struct config *config = download->downloads->worker->config;
    usec_t pause = pause_before_next(config->documents.retry_first, config->documents.retry_max,
                                     download->attempts);
    struct db_param *params = download_params(download, 6);

    if (download->downloads->closing || err->code == ERR_CANCELED) {
        download_finish(download);
        return;
    }
    log_event(LOG_WARN, "document.retry", LOG_ID("document", download->id),
              LOG_I("attempt", download->attempts), LOG_I("ms", pause / USEC_PER_MSEC),
              LOG_ERR(err));
    count(COUNT_DOCUMENT_RETRIES, 1);
    params[2] = param_time(&download->arena, clock_now() + pause);
    params[3] = param_text(arena_str(&download->arena, str_from(err->text)));
    params[4] = param_time(&download->arena, download->lease);
    params[5] = param_bool(&download->arena, download->refused);
    download_call(download, &SQL_DOCUMENTS_LATER, params, put_off);
}

void download_refused(struct download *download, int64_t times, enum document_state state,
                      const char *reason, const struct err *err)
{
    download->refused = true;
    if (download->refusals + 1 >= times) {
        download_end(download, state, reason);
    } else {
        download_later(download, err);
    }
}

/* --- looking --------------------------------------------------------------------------------
 */

static bool next_org(struct downloads *downloads)
{
    const struct account *account;

    while (downloads->n_soon > 0) {
        downloads->org = downloads->soon[0];
        memmove(&downloads->soon[0], &downloads->soon[1],
                --downloads->n_soon * sizeof downloads->soon[0]);
        if (room_of(downloads, downloads->org) > 0)
            return true;
    }
    /* accounts of one business mostly stand together; looking twice is harmless */
    while ((account = accounts_at(downloads->worker->accounts, downloads->next)) != NULL) {
        downloads->next++;
        if (uuid_eq(account->org, downloads->org) && downloads->next > 1)
            continue;
        downloads->org = account->org;
        if (room_of(downloads, account->org) > 0)
            return true;
    }
    return false;
}

#define SPARE (5 * USEC_PER_SEC) /* for the database */

/* A lease is as long as one attempt can take: asking, fetching, and storing. */
static usec_t lease_of(const struct config *config)
{
    usec_t one = config->documents.timeout;

    return config->whatsapp.timeout + 2 * one + (one < SPARE ? one : SPARE);
}

/* Of that, for files that nobody waits for in a conversation: half of all at most, so that a
 * host of a CRM's that is slow is not everybody's. */
static size_t room_for_given(const struct downloads *downloads, size_t room)
{
    size_t most = (downloads->worker->config->documents.downloads + 1) / 2;
    size_t left = downloads->n_given < most ? most - downloads->n_given : 0;

    return left < room ? left : room;
}

static void looked(struct db_call *call)
{
    struct downloads *downloads = CONTAINER_OF(call, struct downloads, call);
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL && call->err.code != ERR_CANCELED)
        log_event(LOG_WARN, "documents.look_failed", LOG_ERR(&call->err));
    for (int i = 0; rows != NULL && i < rows_n(rows) && !downloads->closing; i++)
        begin(downloads, rows, i);
    if (rows != NULL && room_in(downloads) == 0)
        add_soon(downloads, downloads->org); /* there may be more, when there is room again */
    look(downloads);
}

static void add_sweep(struct downloads *downloads, usec_t now)
{
    struct db_param *params = arena_array(&downloads->arena, struct db_param, 4);
    usec_t keep = downloads->worker->config->documents.keep_loose;

    params[0] = param_uuid(&downloads->arena, downloads->org);
    params[1] = param_time(&downloads->arena, now - keep);
    params[2] = param_time(&downloads->arena, now);
    params[3] = param_int4(&downloads->arena, SWEEP_AT_ONCE);
    call_add(&downloads->call, &SQL_DOCUMENTS_LOOSE, params);
}

static void ask(struct downloads *downloads)
{
    size_t room = room_of(downloads, downloads->org);
    const struct config *config = downloads->worker->config;
    usec_t now = clock_now();
    struct db_param *params;

    downloads->lease = now + lease_of(config);
    downloads->until = clock_monotonic() + lease_of(config) - config->documents.timeout;
    arena_reset(&downloads->arena);
    call_init(&downloads->call, &downloads->arena, downloads->org);
    downloads->call.done = looked;
    params = arena_array(&downloads->arena, struct db_param, 5);
    params[0] = param_uuid(&downloads->arena, downloads->org);
    params[1] = param_time(&downloads->arena, now);
    params[2] = param_time(&downloads->arena, downloads->lease);
    params[3] = param_int4(&downloads->arena, (int32_t)room);
    params[4] = param_int4(&downloads->arena, (int32_t)room_for_given(downloads, room));
    call_add(&downloads->call, &SQL_DOCUMENTS_CLAIM, params);
    if (downloads->sweeping)
        add_sweep(downloads, now);
    db_call(downloads->worker->db, &downloads->call);
}

static void look(struct downloads *downloads)
{
    size_t room = room_in(downloads);

    downloads->looking = true;
    if (downloads->closing || downloads->documents == NULL || room == 0) {
        rest(downloads);
    } else if (next_org(downloads)) {
        ask(downloads);
    } else {
        if (downloads->sweeping && downloads->next > 0) /* a fresh worker knows none yet */
            downloads->swept_at = clock_monotonic();
        downloads->sweeping = false;
        rest(downloads);
    }
}

void downloads_wake(struct downloads *downloads, struct uuid org)
{
    add_soon(downloads, org);
    if (!downloads->looking && !downloads->closing)
        look(downloads);
}

/* --- life -----------------------------------------------------------------------------------
 */

struct downloads *downloads_create(struct worker *worker)
{
    struct downloads *downloads = calloc(1, sizeof *downloads);
    struct err err = {0};

    if (downloads == NULL)
        abort();
    downloads->worker = worker;
    if (!documents_create(&worker->loop, worker->config, &downloads->documents, &err) ||
        (worker->index == 0 && !documents_ready(downloads->documents, &err)))
        log_event(LOG_ALERT, "documents.not_ready", LOG_ERR(&err)); /* and all files wait */
    rest(downloads);
    return downloads;
}

void downloads_close(struct downloads *downloads)
{
    downloads->closing = true;
    timer_close(&downloads->timer, NULL);
    documents_close(downloads->documents);
}

void downloads_destroy(struct downloads *downloads)
{
    if (downloads == NULL)
        return;
    documents_destroy(downloads->documents);
    arena_finish(&downloads->arena);
    free(downloads);
}
