#include "bot/view/link_files.h"

#include "bot/base/percent.h"
#include "bot/file/kept.h"
#include "bot/loop/log.h"
#include "bot/turn/books.h"
#include "bot/view/link.h"
#include "store/sql.h"
#include "templates/link_page.h"

#include <stdlib.h>

#define AT_ONCE     4
#define WAITING_MAX 64
#define MEMORY_MAX  ((size_t)96 << 20) /* of answers that are not taken yet */

struct link_files {
    struct worker *worker;
    struct visit *first, **last; /* those that wait */
    size_t n_open, n_waiting;
    size_t bytes; /* of those that are open, as far as is known */
};

struct visit {
    struct visit *next;
    struct link_files *files;
    struct http_exchange *exchange;
    struct link_file link;
    struct db_call call;
    struct document_op op;
    struct str mime, name;
    size_t size; /* what it takes of files->bytes */
    bool head;
};

/* --- answers ------------------------------------------------------------------------------ */

static const char private_line[] = "Referrer-Policy: no-referrer";

static void say(struct link_files *files, struct http_exchange *exchange, enum link_page page,
                int status)
{
    struct link_page_ask ask = {
        .page = page,
        .words = book_words(books_newest(files->worker->books)),
        .locale = {.lang = LANG_EN, .zone = STR("UTC")}
    };
    const char *const headers[] = {link_page_policy(),
                                   private_line,
                                   "X-Content-Type-Options: nosniff",
                                   "X-Robots-Tag: noindex",
                                   "Cache-Control: no-store",
                                   status == 503 ? "Retry-After: 10" : NULL,
                                   NULL};

    http_reply(exchange, status, "text/html; charset=utf-8", link_page(&exchange->arena, &ask),
               headers);
}

static bool is_picture(struct str mime)
{
    return str_eq(mime, STR("image/jpeg")) || str_eq(mime, STR("image/png"));
}

/* Bytes that came from outside never get a type that a browser would run. */
static const char *type_of(struct str mime)
{
    if (str_eq(mime, STR("image/jpeg")))
        return "image/jpeg";
    if (str_eq(mime, STR("image/png")))
        return "image/png";
    return str_eq(mime, STR("application/pdf")) ? "application/pdf"
                                                : "application/octet-stream";
}

#define NAME_SIGNS "._-" /* what a name may have in a header besides letters and digits */

/* The name with each other byte as "_", for whoever knows nothing else. */
static struct str plain_name(struct arena *into, struct str name)
{
    char *plain = arena_alloc(into, name.len + 1);

    for (size_t i = 0; i < name.len; i++) {
        plain[i] = '_';
        if (percent_keeps(name.at[i], NAME_SIGNS))
            plain[i] = name.at[i];
    }
    return (struct str){plain, name.len};
}

/* "filename", and the name itself (RFC 6266). */
static const char *disposition(struct arena *into, struct str name, struct str mime)
{
    return arena_format(
               into, "Content-Disposition: %s; filename=\"%.*s\"; filename*=UTF-8''%.*s",
               is_picture(mime) ? "inline" : "attachment", STR_ARG(plain_name(into, name)),
               STR_ARG(percent_encode(into, name, NAME_SIGNS)))
        .at;
}

static void hand_out(struct visit *visit, struct str bytes)
{
    struct arena *arena = &visit->exchange->arena;
    struct str name = kept_name(arena, visit->name, visit->mime);
    const char *const headers[] = {disposition(arena, name, visit->mime),
                                   "Content-Security-Policy: default-src 'none'; sandbox",
                                   "X-Content-Type-Options: nosniff",
                                   private_line,
                                   "X-Robots-Tag: noindex",
                                   "Cross-Origin-Resource-Policy: same-origin",
                                   "Cache-Control: no-store",
                                   NULL};

    http_reply(visit->exchange, 200, type_of(visit->mime), bytes, headers);
}

/* --- one after the other ------------------------------------------------------------------ */

static void look(struct visit *visit);

/* What is read stands in memory twice when it is answered. */
static bool is_full(const struct link_files *files)
{
    struct http_counts counts;

    http_server_counts(files->worker->http, &counts);
    return counts.answers + 2 * files->bytes > MEMORY_MAX;
}

/* How large it is: until its row has been read, as large as what may be kept today. What was
 * kept when more was allowed may be larger. */
static void weigh(struct visit *visit, size_t size)
{
    visit->files->bytes += size - visit->size;
    visit->size = size;
}

static void open_visit(struct visit *visit)
{
    visit->files->n_open++;
    weigh(visit, visit->files->worker->config->documents.max_size);
    look(visit);
}

static struct visit *next_of(struct link_files *files)
{
    struct visit *next = files->first;

    if (next != NULL) {
        files->first = next->next;
        if (files->first == NULL)
            files->last = &files->first;
        files->n_waiting--;
    }
    return next;
}

/* A visit was answered, which ends it (so it is weighed out before), and another has its place;
 * what has no room is asked to come again. */
static void leave(struct link_files *files)
{
    struct visit *next;

    files->n_open--;
    while ((next = next_of(files)) != NULL) {
        if (!is_full(files)) {
            open_visit(next);
            return;
        }
        say(files, next->exchange, LINK_PAGE_SORRY, 503);
    }
}

static void give_up(struct visit *visit, enum link_page page, int status)
{
    struct link_files *files = visit->files;

    weigh(visit, 0);
    say(files, visit->exchange, page, status);
    leave(files);
}

static void got(struct document_op *op)
{
    struct visit *visit = CONTAINER_OF(op, struct visit, op);
    struct link_files *files = visit->files;

    if (op->err.code != ERR_NONE && op->err.code != ERR_CANCELED) {
        log_event(op->err.code == ERR_BROKEN ? LOG_ALERT : LOG_WARN, "link.file_failed",
                  LOG_ID("document", visit->link.document), LOG_ERR(&op->err));
    }
    if (op->err.code == ERR_BROKEN || (op->err.code == ERR_NONE && !op->found)) {
        give_up(visit, LINK_PAGE_OLD, 410);
    } else if (op->err.code != ERR_NONE) {
        give_up(visit, LINK_PAGE_SORRY, 503);
    } else {
        weigh(visit, 0);
        hand_out(visit, op->bytes);
        leave(files);
    }
}

static void looked(struct db_call *call)
{
    struct visit *visit = CONTAINER_OF(call, struct visit, call);
    struct link_files *files = visit->files;
    struct arena *arena = &visit->exchange->arena;
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL || files->worker->documents == NULL) {
        give_up(visit, LINK_PAGE_SORRY, 503);
        return;
    }
    if (rows_n(rows) > 0 && row_null(rows, 0, 0)) {
        give_up(visit, LINK_PAGE_SORRY, 503);
        return;
    }
    if (rows_n(rows) == 0 || row_text(rows, 0, 0).len != HASH_LEN) {
        give_up(visit, LINK_PAGE_OLD, 410);
        return;
    }
    visit->mime = arena_str(arena, row_text(rows, 0, 1));
    visit->name = arena_str(arena, row_text(rows, 0, 2));
    visit->op =
        (struct document_op){.key = {.org = visit->link.org}, .into = arena, .done = got};
    memcpy(visit->op.key.sha256.bytes, row_text(rows, 0, 0).at, HASH_LEN);
    if (visit->head) {
        weigh(visit, 0);
        hand_out(visit, (struct str){"", (size_t)row_int(rows, 0, 3)}); /* no byte is read */
        leave(files);
        return;
    }
    weigh(visit, (size_t)row_int(rows, 0, 3));
    if (files->n_open > 1 && is_full(files)) { /* alone it goes, whatever its size */
        give_up(visit, LINK_PAGE_SORRY, 503);
    } else {
        documents_get(files->worker->documents, &visit->op);
    }
}

static void look(struct visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 4);

    params[0] = param_uuid(arena, visit->link.org);
    params[1] = param_uuid(arena, visit->link.document);
    params[2] = param_uuid(arena, visit->link.customer);
    params[3] = param_bool(arena, uuid_eq(visit->link.customer, link_file_desk));
    call_init(&visit->call, arena, visit->link.org);
    visit->call.done = looked;
    call_add(&visit->call, &SQL_LINK_FILE, params);
    db_call(visit->files->worker->db, &visit->call);
}

void link_files_visit(struct link_files *files, struct http_exchange *exchange,
                      struct str token)
{
    struct visit *visit = arena_new(&exchange->arena, struct visit);

    *visit = (struct visit){
        .files = files, .exchange = exchange, .head = strcmp(exchange->method, "HEAD") == 0};
    if (!link_file_open(files->worker->config, token, &visit->link)) {
        say(files, exchange, LINK_PAGE_OLD, 404);
    } else if (visit->link.end <= clock_now()) {
        say(files, exchange, LINK_PAGE_OLD, 410);
    } else if (is_full(files) || files->n_waiting >= WAITING_MAX) {
        say(files, exchange, LINK_PAGE_SORRY, 503);
    } else if (files->n_open < AT_ONCE) {
        open_visit(visit);
    } else {
        files->n_waiting++;
        *files->last = visit;
        files->last = &visit->next;
    }
}

/* --- life --------------------------------------------------------------------------------- */

struct link_files *link_files_create(struct worker *worker)
{
    struct link_files *files = calloc(1, sizeof *files);

    if (files == NULL)
        abort();
    files->worker = worker;
    files->last = &files->first;
    return files;
}

void link_files_close(struct link_files *files)
{
    struct visit *visit;

    while ((visit = next_of(files)) != NULL)
        say(files, visit->exchange, LINK_PAGE_SORRY, 503);
}

void link_files_destroy(struct link_files *files)
{
    free(files);
}
