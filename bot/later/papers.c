#include "bot/later/papers.h"

#include "bot/file/documents.h"

#include "bot/later/jobs.h"
#include "bot/later/paper_draw.h"
#include "bot/later/paper_make.h"
#include "bot/loop/log.h"
#include "bot/metrics.h"
#include "store/sql.h"

#include <stdlib.h>

#define AT_ONCE      4                   /* as many threads as libuv has */
#define LEASE        (20 * USEC_PER_SEC) /* a paper takes a tenth of one; two of a wish are one */
#define ATTEMPTS_MAX 5
#define RETRY_AFTER  (5 * USEC_PER_SEC)
#define CLAIMS_MAX   20 /* killed workers are counted, too; so a deadly one ends */

struct papers {
    struct worker *worker;
    size_t n_open;
    bool closing;
};

/* One wish on its way. Its memory is its own and ends with it. */
struct wish {
    struct papers *papers;
    struct arena arena;
    struct uuid id;
    int64_t attempts;
    usec_t began;
    struct uuid document;
    struct paper_make make;
    struct document_op op;
    struct db_call call;
};

static void finish(struct wish *wish)
{
    wish->papers->n_open--;
    arena_finish(&wish->arena);
    free(wish);
}

static struct db_param *start_call(struct wish *wish, size_t n,
                                   void (*done)(struct db_call *call))
{
    struct db_param *params = arena_array(&wish->arena, struct db_param, n);

    call_init(&wish->call, &wish->arena, wish->make.org);
    wish->call.done = done;
    params[0] = param_uuid(&wish->arena, wish->make.org);
    return params;
}

/* --- ends: whatever the database does not take is done again after the lease ----------------
 */

static void told(struct db_call *call)
{
    struct wish *wish = CONTAINER_OF(call, struct wish, call);

    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "paper.database", LOG_ID("paper", wish->id), LOG_ERR(&call->err));
    } else {
        jobs_made(wish->papers->worker->jobs, wish->make.org, clock_now());
    }
    finish(wish);
}

static void put_off(struct db_call *call)
{
    finish(CONTAINER_OF(call, struct wish, call));
}

/* Not this time; after some times not at all, and that is said. */
static void fail(struct wish *wish, bool for_ever, const struct err *err)
{
    struct str reason = arena_str(&wish->arena, str_from(err->text));
    bool last = for_ever || wish->attempts >= ATTEMPTS_MAX;
    struct db_param *params;

    if (wish->papers->closing) {
        finish(wish);
        return;
    }
    log_event(last ? LOG_ALERT : LOG_WARN, last ? "paper.failed" : "paper.retry",
              LOG_ID("paper", wish->id), LOG_I("attempt", wish->attempts),
              LOG_S("why", reason));
    if (last)
        count(COUNT_PAPERS_FAILED, 1);
    params = start_call(wish, 5, last ? told : put_off);
    params[1] = param_uuid(&wish->arena, wish->id);
    if (last) {
        params[2] = param_text(reason);
        params[3] = param_uuid(&wish->arena, worker_uuid());
        params[4] = param_time(&wish->arena, clock_now());
    } else {
        params[2] = param_time(&wish->arena, clock_now() + RETRY_AFTER * wish->attempts);
        params[3] = param_text(reason);
    }
    call_add(&wish->call, last ? &SQL_PAPER_FAILED : &SQL_PAPER_LATER, params);
    db_call(wish->papers->worker->db, &wish->call);
}

/* --- keeping
 * ---------------------------------------------------------------------------------- */

static void stored(struct document_op *op)
{
    struct wish *wish = CONTAINER_OF(op, struct wish, op);
    struct db_param *params;

    if (op->err.code != ERR_NONE) {
        fail(wish, false, &op->err);
        return;
    }
    count(COUNT_PAPERS, 1);
    log_event(LOG_INFO, "paper.ready", LOG_ID("paper", wish->id),
              LOG_I("bytes", (int64_t)wish->make.bytes.len),
              LOG_I("ms", (clock_monotonic() - wish->began) / USEC_PER_MSEC));
    params = start_call(wish, 5, told);
    params[1] = param_uuid(&wish->arena, wish->id);
    params[2] = param_uuid(&wish->arena, wish->document);
    params[3] = param_uuid(&wish->arena, worker_uuid());
    params[4] = param_time(&wish->arena, clock_now());
    call_add(&wish->call, &SQL_PAPER_KEPT, params);
    db_call(wish->papers->worker->db, &wish->call);
}

/* The row is there: now the bytes may be. */
static void noted(struct db_call *call)
{
    struct wish *wish = CONTAINER_OF(call, struct wish, call);
    struct err err = call->err;

    if (err.code == ERR_NONE && rows_n(call->results[0]) == 0)
        (void)err_raise(&err, ERR_RETRY, "the same bytes are just being removed");
    if (err.code != ERR_NONE) {
        fail(wish, false, &err);
        return;
    }
    wish->op.bytes = wish->make.bytes;
    wish->op.into = &wish->arena;
    wish->op.done = stored;
    documents_put(wish->papers->worker->documents, &wish->op);
}

static void made(struct paper_make *make)
{
    struct wish *wish = CONTAINER_OF(make, struct wish, make);
    struct err gone = {.code = ERR_REJECT, .text = "it is not there any more"};
    struct db_param *params;

    if (!make->found) {
        bool for_ever = make->err.code == ERR_NONE || make->err.code == ERR_REJECT;
        fail(wish, for_ever, make->err.code == ERR_NONE ? &gone : &make->err);
        return;
    }
    wish->document = worker_uuid();
    wish->op.key = (struct document_key){make->org, sha256(make->bytes)};
    params = start_call(wish, 7, noted);
    params[1] = param_uuid(&wish->arena, wish->document);
    params[2] = param_time(&wish->arena, clock_now());
    params[3] = param_text((struct str){(const char *)wish->op.key.sha256.bytes, HASH_LEN});
    params[4] = param_int8(&wish->arena, (int64_t)make->bytes.len);
    params[5] = param_text(make->filename);
    params[6] = param_uuid(&wish->arena, make->customer);
    call_add(&wish->call, &SQL_PAPER_STORING, params);
    db_call(wish->papers->worker->db, &wish->call);
}

/* --- looking
 * ---------------------------------------------------------------------------------- */

void papers_look(struct papers *papers, struct db_call *call, struct uuid org, usec_t now)
{
    bool able = !papers->closing && papers->worker->documents != NULL;
    struct db_param *params = arena_array(call->into, struct db_param, 4);

    params[0] = param_uuid(call->into, org);
    params[1] = param_time(call->into, now);
    params[2] = param_time(call->into, now + LEASE);
    params[3] = param_int4(call->into, able ? (int32_t)(AT_ONCE - papers->n_open) : 0);
    call_add(call, &SQL_PAPERS_CLAIM, params);
}

static void begin(struct papers *papers, struct uuid org, const PGresult *rows, int row)
{
    struct wish *wish = calloc(1, sizeof *wish);

    if (wish == NULL)
        abort();
    wish->papers = papers;
    wish->began = clock_monotonic();
    wish->id = row_uuid(rows, row, 0);
    wish->attempts = row_int(rows, row, 5);
    wish->make = (struct paper_make){.worker = papers->worker,
                                     .org = org,
                                     .customer = row_uuid(rows, row, 1),
                                     .subject = arena_str(&wish->arena, row_text(rows, row, 3)),
                                     .into = &wish->arena,
                                     .done = made};
    if (!paper_kind_parse(row_text(rows, row, 2), &wish->make.kind) ||
        !lang_parse(row_text(rows, row, 4), &wish->make.lang))
        wish->make.lang = LANG_EN;
    papers->n_open++;
    if (wish->attempts > CLAIMS_MAX) {
        struct err deadly = {.code = ERR_BROKEN, .text = "nobody lives to end it"};
        fail(wish, true, &deadly);
        return;
    }
    paper_make(&wish->make);
}

void papers_looked(struct papers *papers, struct uuid org, const PGresult *rows)
{
    for (int row = 0; row < rows_n(rows); row++)
        begin(papers, org, rows, row);
}

/* --- life
 * ------------------------------------------------------------------------------------- */

struct papers *papers_create(struct worker *worker)
{
    struct papers *papers = calloc(1, sizeof *papers);

    if (papers == NULL)
        abort();
    papers->worker = worker;
    return papers;
}

void papers_close(struct papers *papers)
{
    papers->closing = true;
}

void papers_destroy(struct papers *papers)
{
    paper_cool();
    free(papers);
}
