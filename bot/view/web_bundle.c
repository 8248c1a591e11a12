/*
 * All of a customer's papers and photos as one ZIP, made while it is read: one file after the
 * other is drawn or loaded, put into the archive and sent, and the next one begins when the
 * reader has taken it. So a bundle holds one file at a time, whatever there is. What cannot be
 * had just now is left out, and logged.
 *
 * There are few places. A reader who takes nothing for half a minute is cut off, one who is
 * not through after a quarter of an hour, too, and of a customer's readers the latest is
 * served: so nobody keeps others away by reading slowly, again and again.
 */
#include "bot/view/web_inside.h"

#include "bot/file/kept.h"
#include "bot/loop/log.h"
#include "bot/view/zip.h"
#include "store/sql.h"

#include <stdlib.h>

#define BUNDLES_MAX 2   /* at once: each holds a file twice */
#define FILES_MAX   200 /* of each kind, the newest */
#define PIECE       ((size_t)256 * 1024)
#define LOOK_AGAIN  (10 * USEC_PER_MSEC)
#define PATIENCE    (30 * USEC_PER_SEC)
#define LONGEST     (15 * USEC_PER_MIN)

struct item {
    struct str kind, subject;
    struct uuid document;
    usec_t at;
};

struct bundle {
    struct web *web;
    struct bundle *next_one; /* of the web's */
    struct uuid org, customer;
    enum lang lang;
    struct arena arena, one; /* the list; the file that is being added */
    const struct item *items;
    size_t n, next;
    struct zip *zip;
    struct http_stream stream;
    bool reader_gone, at_work, finished;
    usec_t began_at, progress_at;
    struct timer timer;
    struct paper_make paper;
    struct kept_file file;
};

/* --- the end ------------------------------------------------------------------------------ */

static void closed(struct timer *timer)
{
    struct bundle *bundle = CONTAINER_OF(timer, struct bundle, timer);
    struct bundle **at = &bundle->web->bundles;

    while (*at != bundle)
        at = &(*at)->next_one;
    *at = bundle->next_one;
    zip_destroy(bundle->zip);
    arena_finish(&bundle->one);
    arena_finish(&bundle->arena);
    free(bundle);
}

/* When nobody reads any more and nothing is under way. */
static void end_perhaps(struct bundle *bundle)
{
    if (bundle->reader_gone && !bundle->at_work)
        timer_close(&bundle->timer, closed);
}

static void reader_gone(struct http_stream *stream)
{
    struct bundle *bundle = CONTAINER_OF(stream, struct bundle, stream);

    bundle->reader_gone = true;
    end_perhaps(bundle);
}

/* --- one file after the other ------------------------------------------------------------- */

static void go_on(struct bundle *bundle);

static void add(struct bundle *bundle, struct str name, struct str bytes)
{
    struct err err = {0};

    bundle->at_work = false;
    if (!bundle->reader_gone &&
        !zip_add(bundle->zip, name, bundle->items[bundle->next - 1].at, bytes, &err)) {
        log_event(LOG_ALERT, "web.bundle_failed", LOG_ID("org", bundle->org), LOG_ERR(&err));
        bundle->finished = true;
        http_stream_cut(&bundle->stream);
    }
    arena_reset(&bundle->one);
    go_on(bundle);
}

static void leave_out(struct bundle *bundle, const struct err *err)
{
    log_event(LOG_WARN, "web.bundle_left_out", LOG_ID("org", bundle->org), LOG_ERR(err));
    bundle->at_work = false;
    arena_reset(&bundle->one);
    go_on(bundle);
}

static void drawn(struct paper_make *make)
{
    struct bundle *bundle = CONTAINER_OF(make, struct bundle, paper);

    if (make->found) {
        add(bundle, make->filename, make->bytes);
    } else {
        leave_out(bundle, &make->err);
    }
}

static void loaded(struct kept_file *file)
{
    struct bundle *bundle = CONTAINER_OF(file, struct bundle, file);
    const struct item *item = &bundle->items[bundle->next - 1];

    if (file->found) {
        add(bundle,
            arena_format(&bundle->one, "%.*s/%zu.%s", STR_ARG(item->subject), bundle->next,
                         kept_ending(file->mime)),
            file->bytes);
    } else {
        leave_out(bundle, &file->err);
    }
}

static void begin(struct bundle *bundle, const struct item *item)
{
    struct worker *worker = bundle->web->worker;
    struct err none = {0};
    enum paper_kind kind;

    bundle->at_work = true;
    if (paper_kind_parse(item->kind, &kind)) {
        bundle->paper = (struct paper_make){.worker = worker,
                                            .db = bundle->web->db,
                                            .org = bundle->org,
                                            .customer = bundle->customer,
                                            .kind = kind,
                                            .subject = item->subject,
                                            .lang = bundle->lang,
                                            .into = &bundle->one,
                                            .done = drawn};
        paper_make(&bundle->paper);
    } else if (worker->documents != NULL) {
        bundle->file = (struct kept_file){.org = bundle->org,
                                          .document = item->document,
                                          .into = &bundle->one,
                                          .done = loaded};
        kept_load(worker->db, worker->documents, &bundle->file);
    } else {
        leave_out(bundle, &none);
    }
}

static void look_again(struct timer *timer)
{
    go_on(CONTAINER_OF(timer, struct bundle, timer));
}

static void cut(struct bundle *bundle)
{
    bundle->finished = true;
    http_stream_cut(&bundle->stream);
}

/* What is there is sent piece by piece, as the reader takes it. */
static bool push(struct bundle *bundle)
{
    usec_t now = clock_monotonic();

    if (http_stream_behind(&bundle->stream) == 0) {
        bundle->progress_at = now;
        struct str piece = zip_take(bundle->zip, PIECE);
        if (piece.len == 0)
            return true;
        http_stream_write(&bundle->stream, piece);
    } else if (now - bundle->progress_at > PATIENCE || now - bundle->began_at > LONGEST) {
        cut(bundle);
        return false;
    }
    timer_start(&bundle->web->worker->loop, &bundle->timer, LOOK_AGAIN, look_again);
    return false;
}

static void go_on(struct bundle *bundle)
{
    struct err err = {0};

    if (bundle->reader_gone) {
        end_perhaps(bundle);
    } else if (bundle->at_work || bundle->finished || !push(bundle)) {
        return;
    } else if (bundle->next < bundle->n) {
        bundle->next++;
        begin(bundle, &bundle->items[bundle->next - 1]);
    } else if (bundle->next++ == bundle->n && zip_finish(bundle->zip, &err)) {
        go_on(bundle);
    } else {
        bundle->finished = true;
        http_stream_close(&bundle->stream);
    }
}

/* --- what there is ------------------------------------------------------------------------ */

static void read_items(struct bundle *bundle, const PGresult *rows)
{
    struct item *items = arena_array(&bundle->arena, struct item, (size_t)rows_n(rows) + 1);

    for (int i = 0; i < rows_n(rows); i++) {
        items[i] = (struct item){.kind = arena_str(&bundle->arena, row_text(rows, i, 0)),
                                 .subject = arena_str(&bundle->arena, row_text(rows, i, 1)),
                                 .document = row_uuid(rows, i, 2),
                                 .at = row_time(rows, i, 3)};
    }
    bundle->items = items;
    bundle->n = (size_t)rows_n(rows);
}

/* Whoever asks again ends what they had asked for before; those that are on their way out do
 * not count. */
static bool has_place(const struct web_visit *visit)
{
    size_t n = 0;

    for (struct bundle *one = visit->web->bundles; one != NULL; one = one->next_one) {
        if (!one->finished && uuid_eq(one->org, visit->org) &&
            uuid_eq(one->customer, visit->customer))
            cut(one);
        n += one->finished ? 0 : 1;
    }
    return n < BUNDLES_MAX;
}

static void listed(struct db_call *call)
{
    static const char *const headers[] = {
        "Content-Disposition: attachment; filename=\"documents.zip\"",
        "Content-Security-Policy: default-src 'none'; sandbox",
        "Referrer-Policy: no-referrer",
        "X-Content-Type-Options: nosniff",
        "X-Robots-Tag: noindex, nofollow",
        NULL};
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);

    if (call->err.code != ERR_NONE || !has_place(visit)) {
        web_show_plain(visit, 503, "sorry");
        return;
    }
    struct bundle *bundle = calloc(1, sizeof *bundle);
    if (bundle == NULL)
        abort();
    *bundle = (struct bundle){.web = visit->web,
                              .org = visit->org,
                              .customer = visit->customer,
                              .lang = visit->page.locale.lang,
                              .zip = zip_create(),
                              .stream = {.gone = reader_gone},
                              .next_one = visit->web->bundles,
                              .began_at = clock_monotonic(),
                              .progress_at = clock_monotonic()};
    arena_init(&bundle->arena);
    arena_init(&bundle->one);
    read_items(bundle, call->results[0]);
    bundle->web->bundles = bundle;
    timer_start(&bundle->web->worker->loop, &bundle->timer, 0, look_again);
    http_reply_stream(visit->exchange, "application/zip", headers, &bundle->stream);
}

void web_bundle(struct web_visit *visit, struct str rest)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 3);

    if (rest.len > 0) {
        web_show_plain(visit, 404, "missing");
        return;
    }
    params[0] = param_uuid(arena, visit->org);
    params[1] = param_uuid(arena, visit->customer);
    params[2] = param_int4(arena, FILES_MAX);
    web_call_init(visit, listed);
    call_add(&visit->call, &SQL_PORTAL_BUNDLE, params);
    db_call(visit->web->db, &visit->call);
}
