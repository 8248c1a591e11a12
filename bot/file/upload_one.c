/*
 * One file's way. Each step begins the next from its own `done`; every end is one of three: the
 * provider has it, later, or never. Both certain ends settle the waiting messages in their own
 * transaction, after the upload's row is locked: a turn that promises one more meanwhile waits
 * for that lock, or is waited for. The row is ours as long as it has our lease.
 */
#include "bot/file/upload_inside.h"

#include "bot/base/sniff.h"
#include "bot/lane/pause.h"
#include "bot/loop/log.h"
#include "store/sql.h"

#define STOPPED_RETRY                                                                          \
    (60 * USEC_PER_SEC) /* the account itself is refused, as lanes have it                     \
                         */

static bool is_closing(const struct upload *upload)
{
    return upload->uploads->closing;
}

static const struct config *config_of(const struct upload *upload)
{
    return upload->uploads->worker->config;
}

static struct db_param *start_call(struct upload *upload, size_t n,
                                   void (*done)(struct db_call *call))
{
    struct db_param *params = arena_array(&upload->arena, struct db_param, n);

    call_init(&upload->call, &upload->arena, upload->org);
    upload->call.done = done;
    params[0] = param_uuid(&upload->arena, upload->org);
    params[1] = param_uuid(&upload->arena, upload->account_id);
    params[2] = param_uuid(&upload->arena, upload->document);
    return params;
}

/* True: the row was ours to end. When the database did not take it, the lease lapses and it is
 * done again. */
static bool has_ended(struct upload *upload)
{
    struct db_call *call = &upload->call;

    if (call->err.code == ERR_NONE && rows_changed(call->results[0]) > 0) {
        worker_wake_lane(upload->uploads->worker, upload->account_id);
        return true;
    }
    if (call->err.code == ERR_NONE) {
        log_event(LOG_WARN, "upload.too_late", LOG_ID("document", upload->document));
    } else if (call->err.code != ERR_CANCELED) {
        log_event(LOG_WARN, "upload.database", LOG_ID("document", upload->document),
                  LOG_ERR(&call->err));
    }
    return false;
}

static void put_off(struct db_call *call)
{
    struct upload *upload = CONTAINER_OF(call, struct upload, call);

    if (call->err.code == ERR_NONE && rows_changed(call->results[0]) == 0)
        log_event(LOG_WARN, "upload.too_late", LOG_ID("document", upload->document));
    upload_finish(upload);
}

/* --- ends --------------------------------------------------------------------------------- */

static void readied(struct db_call *call)
{
    struct upload *upload = CONTAINER_OF(call, struct upload, call);

    if (has_ended(upload)) {
        count(COUNT_UPLOADS, 1);
        log_event(LOG_INFO, "upload.ready", LOG_ID("document", upload->document),
                  LOG_I("attempt", upload->attempts),
                  LOG_I("ms", (clock_monotonic() - upload->began) / USEC_PER_MSEC));
    }
    upload_finish(upload);
}

static void ready(struct upload *upload, struct str handle)
{
    struct db_param *params = start_call(upload, 6, readied);

    params[3] = param_text(handle);
    params[4] = param_time(&upload->arena, upload->sent_at);
    params[5] = param_time(&upload->arena, upload->lease);
    call_add(&upload->call, &SQL_UPLOAD_READY, params);
    call_add(&upload->call, &SQL_UPLOAD_RELEASE, params);
    db_call(upload->uploads->worker->db, &upload->call);
}

static void refused(struct db_call *call)
{
    struct upload *upload = CONTAINER_OF(call, struct upload, call);

    if (has_ended(upload)) {
        count(COUNT_UPLOADS_REFUSED, 1);
        log_event(LOG_ALERT, "upload.refused", LOG_ID("document", upload->document),
                  LOG_I("code", upload->code), LOG_S("why", upload->reason));
    }
    upload_finish(upload);
}

static void refuse(struct upload *upload, int code, struct str reason)
{
    struct db_param *params = start_call(upload, 6, refused);

    upload->code = code;
    upload->reason = reason;
    params[3] = param_text(reason);
    params[4] = param_time(&upload->arena, upload->lease);
    params[5] = param_int4(&upload->arena, code);
    call_add(&upload->call, &SQL_UPLOAD_REFUSED, params);
    call_add(&upload->call, &SQL_UPLOAD_DROP, params);
    db_call(upload->uploads->worker->db, &upload->call);
}

/* `least`: not before; an attempt that does not count is no fault of this file's. */
static void later(struct upload *upload, usec_t least, bool counts, struct str reason)
{
    const struct config *config = config_of(upload);
    usec_t pause = pause_before_next(config->outbox.retry_first, config->outbox.retry_max,
                                     upload->attempts);

    if (is_closing(upload)) {
        upload_finish(upload);
        return;
    }
    struct db_param *params = start_call(upload, 7, put_off);
    pause = pause > least ? pause : least;
    count(COUNT_UPLOAD_RETRIES, 1);
    log_event(LOG_WARN, "upload.retry", LOG_ID("document", upload->document),
              LOG_I("attempt", upload->attempts), LOG_I("ms", pause / USEC_PER_MSEC),
              LOG_S("why", reason));
    params[3] = param_time(&upload->arena, clock_now() + pause);
    params[4] = param_int4(&upload->arena, (int32_t)(upload->attempts - (counts ? 0 : 1)));
    params[5] = param_text(reason);
    params[6] = param_time(&upload->arena, upload->lease);
    call_add(&upload->call, &SQL_UPLOAD_LATER, params);
    db_call(upload->uploads->worker->db, &upload->call);
}

static struct str words_of(struct upload *upload, const struct err *err)
{
    return arena_str(&upload->arena, str_from(err->text));
}

/* --- uploading ---------------------------------------------------------------------------- */

static void judge(struct upload *upload, const struct sending_result *result)
{
    unsigned most = config_of(upload)->outbox.max_attempts;

    if (result->max_attempts > 0 && result->max_attempts < most)
        most = result->max_attempts;
    switch (result->sending) {
    case SENDING_ACCEPTED:
        ready(upload, result->provider_id);
        break;
    case SENDING_STOP_LANE:
        later(upload, STOPPED_RETRY, false, result->reason);
        break;
    case SENDING_REFUSED:
    case SENDING_ELSEWHERE:
        refuse(upload, result->code, result->reason);
        break;
    case SENDING_RETRY:
    case SENDING_PAIR_WAIT:
    case SENDING_UNKNOWN: /* it may be there, under a handle that nobody will ever name */
        if (upload->attempts >= most) {
            refuse(upload, result->code, STR("too many attempts"));
        } else {
            later(upload, result->wait, true, result->reason);
        }
        break;
    }
}

static void answered(struct fetch *fetch)
{
    struct upload *upload = CONTAINER_OF(fetch, struct upload, fetch);
    struct sending_result result = {0};

    if (is_closing(upload)) {
        upload_finish(upload);
        return;
    }
    channel_ways(upload->account->channel)->uploaded(&upload->arena, &fetch->answer, &result);
    judge(upload, &result);
}

static void start(struct upload *upload)
{
    const struct config *config = config_of(upload);
    const struct account *account = upload->account;
    char mark[2 * HASH_LEN + 1];
    struct err err = {0};

    hex_format(upload->file.sha256.bytes, HASH_LEN, mark);
    struct outbound_file file = {
        .mime = upload->file.mime,
        .name = arena_format(&upload->arena, "file.%s", kept_ending(upload->file.mime)),
        .mark = str_from(mark),
        .bytes = upload->file.bytes};
    if (!channel_ways(account->channel)
             ->upload(&upload->arena, config, account, &file, &upload->request, &err)) {
        refuse(upload, 0, words_of(upload, &err));
        return;
    }
    upload->sent_at = clock_now();
    upload->fetch =
        (struct fetch){.request = &upload->request,
                       .connect_timeout = config->whatsapp.connect_timeout,
                       .timeout = config->documents.timeout,
                       .until = upload->until,
                       .body_max = channel_ways(account->channel)->limits(config).answer_max,
                       .into = &upload->arena,
                       .done = answered};
    fetcher_start(upload->uploads->worker->fetcher, &upload->fetch);
}

/* --- reading ------------------------------------------------------------------------------ */

static void loaded(struct kept_file *file)
{
    struct upload *upload = CONTAINER_OF(file, struct upload, file);

    if (is_closing(upload)) {
        upload_finish(upload);
    } else if (file->err.code == ERR_BROKEN) {
        refuse(upload, 0, words_of(upload, &file->err));
    } else if (file->err.code != ERR_NONE) {
        later(upload, 0, true, words_of(upload, &file->err));
    } else if (!file->found) {
        refuse(upload, 0, STR("the file is not kept any more"));
    } else {
        start(upload);
    }
}

void upload_run(struct upload *upload)
{
    const struct account *account = upload->account;

    if (account == NULL || channel_ways(account->channel)->upload == NULL ||
        !channel_ways(account->channel)->is_ready(config_of(upload), account)) {
        later(upload, STOPPED_RETRY, false, STR("the number's app is not in the settings"));
        return;
    }
    upload->file = (struct kept_file){.org = upload->org,
                                      .document = upload->document,
                                      .into = &upload->arena,
                                      .done = loaded};
    kept_load(upload->uploads->worker->db, upload->uploads->documents, &upload->file);
}
