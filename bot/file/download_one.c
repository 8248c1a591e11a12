/*
 * One file's way. Each step begins the next from its own `done`; every end is one of three:
 * kept, later, or never (download_tell.c).
 */
#include "bot/file/download_inside.h"

#include "bot/base/sniff.h"
#include "bot/loop/log.h"
#include "store/sql.h"

#define GONE_TRIES  5 /* "no such file", so often: it will not come back */
#define WRONG_TRIES 3 /* other bytes than were promised, so often */

static void look_up(struct download *download);
static void fetch_file(struct download *download);

static bool is_closing(const struct download *download)
{
    return download->downloads->closing;
}

/* --- kept ------------------------------------------------------------------------------------
 */

static void swept(struct db_call *call)
{
    struct download *download = download_called(call);

    if (download != NULL)
        download_finish(download);
}

/* The row has gone on without us, and the bytes that we have put may be nobody's. */
static void sweep(struct download *download)
{
    struct arena *arena = &download->arena;
    struct db_param *params = arena_array(arena, struct db_param, 4);

    params[0] = param_uuid(arena, download->org);
    params[1] = param_uuid(arena, worker_uuid());
    params[2] = param_text((struct str){(const char *)download->sha256.bytes, HASH_LEN});
    params[3] = param_time(arena, clock_now());
    download_call(download, &SQL_DOCUMENTS_STRAY, params, swept);
}

static void kept(struct db_call *call)
{
    struct download *download = download_called(call);

    if (download == NULL)
        return;
    if (rows_n(call->results[0]) == 0) {
        log_event(LOG_WARN, "document.too_late", LOG_ID("document", download->id));
        if (download->stored) {
            sweep(download);
        } else {
            download_finish(download);
        }
        return;
    }
    count(COUNT_DOCUMENTS, 1);
    log_event(LOG_INFO, "document.kept", LOG_ID("document", download->id),
              LOG_S("kind", download->kind), LOG_I("attempt", download->attempts),
              LOG_I("ms", (clock_monotonic() - download->began) / USEC_PER_MSEC));
    download_finish(download);
}

static void keep(struct download *download)
{
    struct db_param *params = download_params(download, 4);

    params[2] = param_time(&download->arena, clock_now());
    params[3] = param_time(&download->arena, download->lease);
    download_call(download, download->linked ? &SQL_DOCUMENTS_LINKED_KEPT : &SQL_DOCUMENTS_KEPT,
                  params, kept);
}

/* --- storing ---------------------------------------------------------------------------------
 */

static void stored(struct document_op *op)
{
    struct download *download = CONTAINER_OF(op, struct download, op);

    if (op->err.code != ERR_NONE || is_closing(download)) {
        download_later(download, &op->err);
    } else {
        download->stored = true;
        keep(download);
    }
}

static void store(struct db_call *call)
{
    struct download *download = download_called(call);
    struct err err = {0};

    if (download == NULL)
        return;
    if (rows_changed(call->results[0]) == 0) {
        (void)err_raise(&err, ERR_RETRY, "the same file is just being removed, or another's");
        download_later(download, &err);
        return;
    }
    download->op = (struct document_op){
        .key = {download->org, download->sha256},
        .bytes = download->bytes,
        .into = &download->arena,
        .until = download->until,
        .done = stored
    };
    documents_put(download->downloads->documents, &download->op);
}

static void say_storing(struct download *download, const struct file_look *look)
{
    struct arena *arena = &download->arena;
    struct db_param *params = download_params(download, 8);

    params[2] = param_text((struct str){(const char *)download->sha256.bytes, HASH_LEN});
    params[3] = param_int8(arena, (int64_t)download->bytes.len);
    params[4] = param_text(str_from(look->mime));
    params[5] = param_int4(arena, (int32_t)look->width);
    params[6] = param_int4(arena, (int32_t)look->height);
    params[7] = param_time(arena, download->lease);
    download_call(download, &SQL_DOCUMENTS_STORING, params, store);
}

/* --- judging ---------------------------------------------------------------------------------
 */

static bool is_promised(const struct download *download)
{
    const struct hash *hash = &download->sha256;

    return (!download->has_claimed ||
            memcmp(hash->bytes, download->claimed.bytes, HASH_LEN) == 0) &&
           (!download->file.has_sha256 ||
            memcmp(hash->bytes, download->file.sha256.bytes, HASH_LEN) == 0);
}

/* Sound is kept where sound was sent; else only what can be attached to a report. */
static bool is_expected(const struct download *download, enum file_kind kind)
{
    bool sound = str_eq(download->kind, STR("voice")) || str_eq(download->kind, STR("audio"));

    return sound ? kind == FILE_VOICE : file_is_attachment(kind);
}

void download_judge(struct download *download)
{
    struct file_look look = file_sniff(download->bytes);
    size_t most = download->downloads->worker->config->documents.max_size;
    struct err err = {0};

    download->sha256 = sha256(download->bytes);
    if (download->bytes.len > most) {
        download_end(download, DOCUMENT_REFUSED, "too_large");
    } else if (!is_promised(download) || download->bytes.len == 0) {
        (void)err_raise(&err, ERR_RETRY, "other bytes came than were promised");
        download_refused(download, WRONG_TRIES, DOCUMENT_REFUSED, "damaged", &err);
    } else if (look.verdict == FILE_HOSTILE) {
        download_end(download, DOCUMENT_REFUSED, "hostile");
    } else if (look.verdict != FILE_FINE || !is_expected(download, look.kind)) {
        download_end(download, DOCUMENT_REFUSED, "kind");
    } else {
        say_storing(download, &look);
    }
}

/* --- fetching --------------------------------------------------------------------------------
 */

static bool is_too_large(const struct fetch *fetch)
{
    return fetch->answer.fate == HTTP_UNKNOWN && fetch->err.code == ERR_REJECT;
}

static void fetched(struct fetch *fetch)
{
    struct download *download = CONTAINER_OF(fetch, struct download, fetch);

    if (is_closing(download)) {
        download_finish(download);
    } else if (is_too_large(fetch)) {
        download_end(download, DOCUMENT_REFUSED, "too_large");
    } else if (fetch->answer.fate != HTTP_ANSWERED) {
        download_later(download, &fetch->err);
    } else if (fetch->redirect.len > 0 && download->hops > 0) {
        download->hops--;
        download->file.url = fetch->redirect;
        fetch_file(download);
    } else if (fetch->answer.status != 200) {
        (void)err_raise(&fetch->err, ERR_RETRY, "the file's address answered %d",
                        fetch->answer.status);
        download_later(download, &fetch->err);
    } else {
        download->bytes = fetch->answer.body;
        download_judge(download);
    }
}

/* However often one address leads to the next, all of it has the time of one: so the lease
 * holds.
 */
static usec_t time_left(const struct download *download)
{
    usec_t whole = download->downloads->worker->config->documents.timeout;
    usec_t spent = download->ways->at_once ? clock_monotonic() - download->began : 0;

    return spent < whole ? whole - spent : USEC_PER_MSEC;
}

static void start(struct download *download, usec_t timeout, size_t most,
                  void (*done)(struct fetch *fetch))
{
    const struct config *config = download->downloads->worker->config;

    download->fetch = (struct fetch){.request = &download->request,
                                     .connect_timeout = config->whatsapp.connect_timeout,
                                     .timeout = timeout,
                                     .until = download->until,
                                     .body_max = most,
                                     .public_only = download->ways->is_elsewhere != NULL &&
                                                    download->ways->is_elsewhere(config),
                                     .into = &download->arena,
                                     .done = done};
    fetcher_start(download->downloads->worker->fetcher, &download->fetch);
}

static void fetch_file(struct download *download)
{
    const struct config *config = download->downloads->worker->config;
    struct err err = {0};

    if (download->file.size > 0 && (uint64_t)download->file.size > config->documents.max_size) {
        download_end(download, DOCUMENT_REFUSED, "too_large");
    } else if (!download->ways->fetch(&download->arena, config, download->account,
                                      download->file.url, &download->request, &err)) {
        log_event(LOG_ALERT, "document.foreign_address", LOG_ID("document", download->id),
                  LOG_ERR(&err));
        download_later(download, &err);
    } else {
        start(download, time_left(download), config->documents.max_size, fetched);
    }
}

/* --- asking ----------------------------------------------------------------------------------
 */

static void look_up_answered(struct download *download, const struct http_answer *answer)
{
    if (download->file.url.len > 0) {
        fetch_file(download);
    } else {
        download->bytes = answer->body;
        download_judge(download);
    }
}

static void looked_up(struct fetch *fetch)
{
    struct download *download = CONTAINER_OF(fetch, struct download, fetch);
    struct err err = {0};

    if (is_closing(download)) {
        download_finish(download);
    } else if (is_too_large(fetch)) {
        download_end(download, DOCUMENT_REFUSED, "too_large");
    } else if (download->ways->read(&download->arena, fetch, &download->file, &err)) {
        look_up_answered(download, &fetch->answer);
    } else if (err.code == ERR_REJECT) {
        download_refused(download, GONE_TRIES, DOCUMENT_LOST, "lost", &err);
    } else {
        download_later(download, &err);
    }
}

static void look_up(struct download *download)
{
    const struct config *config = download->downloads->worker->config;
    struct err err = {0};

    if (clock_now() >= download->expires_at) {
        download_end(download, DOCUMENT_LOST, "lost");
        return;
    }
    if (download_is_enclosed(download->handle)) {
        download_enclosed(download);
        return;
    }
    if (download->linked) {
        download_linked(download);
        return;
    }
    download->ways = download->account != NULL ? file_ways(download->account->channel) : NULL;
    if (download->ways == NULL || !download->ways->is_ready(config, download->account)) {
        (void)err_raise(&err, ERR_RETRY, "nothing in the settings can ask for its files");
        download_later(download, &err);
        return;
    }
    download->hops = download->ways->hops;
    if (!download->ways->ask(&download->arena, config, download->account, download->handle,
                             &download->request, &err)) {
        download_end(download, DOCUMENT_LOST,
                     "lost"); /* a handle that can never be asked for */
        return;
    }
    if (download->ways->at_once) {
        start(download, time_left(download), config->documents.max_size, looked_up);
    } else {
        start(download, config->whatsapp.timeout, config->whatsapp.answer_max, looked_up);
    }
}

/* --- where a dead worker left it
 * --------------------------------------------------------------
 */

static void looked(struct document_op *op)
{
    struct download *download = CONTAINER_OF(op, struct download, op);

    if (op->err.code != ERR_NONE || is_closing(download)) {
        download_later(download, &op->err);
    } else if (op->found) {
        keep(download); /* it had been stored, and only the word of it was missing */
    } else {
        look_up(download);
    }
}

void download_run(struct download *download)
{
    download->linked = download_is_linked(download);
    switch (download->state) {
    case DOCUMENT_WANTED:
        look_up(download);
        break;
    case DOCUMENT_STORING:
        download->op = (struct document_op){
            .key = {download->org, download->sha256},
              .into = &download->arena, .done = looked
        };
        documents_look(download->downloads->documents, &download->op);
        break;
    case DOCUMENT_REFUSED:
    case DOCUMENT_LOST:
        download_tell(download);
        break;
    case DOCUMENT_GONE:
        download_remove(download);
        break;
    }
}
