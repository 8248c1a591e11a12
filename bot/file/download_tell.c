/*
 * What cannot be kept: the row says so and why; whoever counts on it is told, once for all
 * files of their conversation; and bytes that may already lie in the store are removed, unless
 * another row has the very same.
 */
#include "bot/file/download_inside.h"

#include "bot/loop/log.h"
#include "bot/turn/books.h"
#include "store/sql.h"

/* --- telling
 * ----------------------------------------------------------------------------------
 */

static void told(struct db_call *call)
{
    struct download *download = download_called(call);

    if (download == NULL)
        return;
    if (rows_changed(call->results[0]) > 0)
        worker_wake_lane(download->downloads->worker, download->account_id);
    download_finish(download);
}

/* The language of the conversation, else the business's. */
static struct locale locale_of(const PGresult *rows)
{
    struct locale locale = {.lang = LANG_EN, .now = clock_now()};

    if (!lang_parse(row_text(rows, 0, 2), &locale.lang) &&
        !lang_parse(row_text(rows, 0, 4), &locale.lang))
        locale.lang = LANG_EN;
    return locale;
}

static struct str words_of(struct download *download, const PGresult *rows)
{
    const struct book *book = books_newest(download->downloads->worker->books);
    struct locale locale = locale_of(rows);
    struct record_builder scope;

    record_build(&scope, &download->arena);
    record_set(&scope, STR("files"), value_int(row_int(rows, 0, 0)));
    record_set(&scope, STR("reason"),
               value_text(arena_str(&download->arena, row_text(rows, 0, 1))));
    return words_render(&download->arena, book_words(book), &locale, STR("documents.not_kept"),
                        record_built(&scope), NULL);
}

static void tell(struct db_call *call)
{
    struct download *download = download_called(call);
    struct reply reply = {.kind = REPLY_TEXT};
    struct db_param *params;

    if (download == NULL)
        return;
    if (rows_n(call->results[0]) ==
        0) { /* another worker has told it, or a person has the conversation */
        download_finish(download);
        return;
    }
    reply.body = words_of(download, call->results[0]);
    params = arena_array(&download->arena, struct db_param, 4);
    params[0] = param_uuid(&download->arena, download->org);
    params[1] = param_uuid(&download->arena, download->conversation);
    params[2] = param_text(reply_to_json(&download->arena, &reply));
    params[3] = param_time(&download->arena, clock_now());
    download_call(download, &SQL_DOCUMENTS_TELL, params, told);
}

void download_tell(struct download *download)
{
    struct db_param *params = arena_array(&download->arena, struct db_param, 3);

    params[0] = param_uuid(&download->arena, download->org);
    params[1] = param_uuid(&download->arena, download->conversation);
    params[2] = param_time(&download->arena, clock_now());
    download_call(download, &SQL_DOCUMENTS_UNTOLD, params, tell);
}

/* --- removing
 * ---------------------------------------------------------------------------------
 */

static void closed(struct db_call *call)
{
    struct download *download = download_called(call);

    if (download != NULL)
        download_finish(download);
}

static struct db_param *closing_params(struct download *download)
{
    struct db_param *params = download_params(download, 3);

    params[2] = param_time(&download->arena, download->lease);
    return params;
}

static void removed(struct document_op *op)
{
    struct download *download = CONTAINER_OF(op, struct download, op);

    if (op->err.code != ERR_NONE || download->downloads->closing) {
        download_later(download, &op->err);
    } else if (download->state == DOCUMENT_GONE) {
        download_call(download, &SQL_DOCUMENTS_CLOSED, closing_params(download), closed);
    } else if (download->linked) {
        download_finish(download);
    } else {
        download_tell(download);
    }
}

static void found_others(struct db_call *call)
{
    struct download *download = download_called(call);

    if (download == NULL)
        return;
    download->op = (struct document_op){
        .key = {download->org, download->sha256},
        .into = &download->arena,
        .until = download->until,
        .done = removed
    };
    if (rows_n(call->results[0]) > 0) {
        removed(&download->op); /* the file is another row's too, and stays */
    } else {
        documents_drop(download->downloads->documents, &download->op);
    }
}

void download_remove(struct download *download)
{
    struct db_param *params = arena_array(&download->arena, struct db_param, 3);

    params[0] = param_uuid(&download->arena, download->org);
    params[1] = param_text((struct str){(const char *)download->sha256.bytes, HASH_LEN});
    params[2] = param_uuid(&download->arena, download->id);
    download_call(download, &SQL_DOCUMENTS_OTHERS, params, found_others);
}

/* --- the end
 * -----------------------------------------------------------------------------------
 */

static void ended(struct db_call *call)
{
    struct download *download = download_called(call);

    if (download == NULL)
        return;
    if (rows_n(call->results[0]) == 0) { /* it has ended otherwise meanwhile */
        download_finish(download);
        return;
    }
    count(COUNT_DOCUMENTS_NOT_KEPT, 1);
    log_event(LOG_WARN, "document.not_kept", LOG_ID("document", download->id),
              LOG_S("kind", download->kind), LOG_S("why", str_from(download->reason)),
              LOG_I("attempt", download->attempts));
    if (download->has_sha256) {
        download_remove(download);
    } else if (download->linked) {
        download_finish(download); /* told to the CRM with its end */
    } else {
        download_tell(download);
    }
}

void download_end(struct download *download, enum document_state state, const char *reason)
{
    struct db_param *params = download_params(download, 6);

    download->state = state;
    download->reason = reason;
    params[2] = param_text(state == DOCUMENT_LOST ? STR("lost") : STR("refused"));
    params[3] = param_text(str_from(reason));
    params[4] = param_time(&download->arena, clock_now());
    params[5] = param_time(&download->arena, download->lease);
    download_call(download, download->linked ? &SQL_DOCUMENTS_LINKED_END : &SQL_DOCUMENTS_END,
                  params, ended);
}
