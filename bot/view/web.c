/*
 * Two round trips: whose link it is, which also says in what language; then what the page
 * wants, all at once.
 */
#include "bot/view/web_inside.h"

#include "bot/loop/log.h"
#include "bot/turn/accounts.h"
#include "bot/turn/books.h"
#include "bot/view/portal.h"
#include "store/sql.h"

#include <stdlib.h>

#define OFTEN_INTERVAL (36 * USEC_PER_SEC) /* 100 an hour (OTP-7) */
#define OFTEN_BURST    100

/* --- answering ---------------------------------------------------------------------------- */

void web_show(struct web_visit *visit, int status, struct str page)
{
    const char *const headers[] = {page_policy(),
                                   "Referrer-Policy: no-referrer",
                                   "X-Content-Type-Options: nosniff",
                                   "X-Robots-Tag: noindex, nofollow",
                                   "Cache-Control: no-store",
                                   "Cross-Origin-Opener-Policy: same-origin",
                                   status == 503   ? "Retry-After: 10"
                                   : status == 429 ? "Retry-After: 600"
                                   : status == 405 ? "Allow: GET, HEAD"
                                                   : NULL,
                                   NULL};

    http_reply(visit->exchange, status, "text/html; charset=utf-8", page, headers);
}

static void words_of(struct web_visit *visit)
{
    struct record_builder nobody;

    visit->page.words = book_words(books_newest(visit->web->worker->books));
    visit->page.locale.now = clock_now();
    if (visit->page.business == NULL) {
        record_build(&nobody, &visit->exchange->arena);
        visit->page.business = record_built(&nobody);
        visit->page.locale.lang = visit->asked != LANG_COUNT ? visit->asked : LANG_EN;
    }
}

struct str web_plain_words(struct web_visit *visit, const char *key, struct str ticket)
{
    struct arena *arena = &visit->exchange->arena;
    struct record_builder values;

    record_build(&values, arena);
    record_set_all(&values, visit->page.business);
    if (ticket.len > 0)
        record_set(&values, STR("ticket"), value_text(ticket));
    return words_render(arena, visit->page.words, &visit->page.locale, str_from(key),
                        record_built(&values), NULL);
}

void web_show_plain(struct web_visit *visit, int status, const char *name)
{
    words_of(visit);
    if (visit->json) {
        const char *key = arena_format(&visit->exchange->arena, "web.%s.words", name).at;
        web_json_refuse(visit, status, name, web_plain_words(visit, key, STR_NONE), NULL);
        return;
    }
    web_show(visit, status, web_plain_page(&visit->exchange->arena, &visit->page, name));
}

/* --- where to ----------------------------------------------------------------------------- */

static const struct {
    const char *before;
    void (*answer)(struct web_visit *visit, struct str rest);
} places[] = {
    {"/orders/",       web_order },
    {"/papers/",       web_paper },
    {"/documents.zip", web_bundle},
    {"/report",        web_report},
};

static void go(struct web_visit *visit)
{
    if (visit->json) {
        web_json(visit);
        return;
    }
    if (visit->tail.len == 0 || str_eq(visit->tail, STR("/"))) {
        web_index(visit, STR_NONE);
        return;
    }
    for (size_t i = 0; i < COUNTOF(places); i++) {
        struct str before = str_from(places[i].before);
        if (str_starts(visit->tail, before)) {
            places[i].answer(visit, str_slice(visit->tail, before.len, visit->tail.len));
            return;
        }
    }
    web_show_plain(visit, 404, "missing");
}

/* --- whose it is -------------------------------------------------------------------------- */

static void read_business(struct web_visit *visit, const PGresult *rows)
{
    static const char *const names[] = {"name", "email", "phone", "website"};
    struct arena *arena = &visit->exchange->arena;
    struct record_builder business;

    record_build(&business, arena);
    for (int i = 0; i < (int)COUNTOF(names); i++) {
        struct str text = arena_str(arena, row_text(rows, 0, i));
        if (text.len > 0)
            record_set(&business, str_from(names[i]), value_text(text));
    }
    visit->page.business = record_built(&business);
    if (visit->asked != LANG_COUNT) {
        visit->page.locale.lang = visit->asked;
    } else if (!lang_parse(row_text(rows, 0, 4), &visit->page.locale.lang)) {
        visit->page.locale.lang = LANG_EN;
    }
}

static void read_customer(struct web_visit *visit, const PGresult *rows)
{
    struct arena *arena = &visit->exchange->arena;

    visit->customer = row_uuid(rows, 0, 5);
    visit->page.customer = arena_str(arena, row_text(rows, 0, 6));
    if (!lang_parse(row_text(rows, 0, 7), &visit->page.locale.lang))
        visit->page.locale.lang = LANG_EN;
    visit->page.locale.zone = arena_str(arena, row_text(rows, 0, 8));
    visit->page.good_until = row_time(rows, 0, 9);
}

/* By token, for all workers of the node, and only of links that are good: otherwise whoever
 * makes some up could empty all the places, and nobody would see their pages. */
static bool is_too_often(struct web_visit *visit)
{
    struct shared *shared = visit->web->worker->shared;
    uint32_t at;

    memcpy(&at, visit->hash.bytes, sizeof at);
    return !quota_one(&shared->web_links[at % SHARED_WEB_LINKS], clock_monotonic(),
                      OFTEN_INTERVAL, OFTEN_BURST);
}

static void opened(struct db_call *call)
{
    struct web_visit *visit = CONTAINER_OF(call, struct web_visit, call);
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL) {
        web_show_plain(visit, 503, "sorry");
    } else if (rows_n(rows) == 0) {
        web_show_plain(visit, 404, "lost");
    } else {
        read_business(visit, rows);
        if (row_null(rows, 0, 5)) {
            web_show_plain(visit, 404, "bad");
            return;
        }
        read_customer(visit, rows);
        words_of(visit);
        if (is_too_often(visit)) {
            web_show_plain(visit, 429, "often");
        } else {
            go(visit);
        }
    }
}

void web_call_init(struct web_visit *visit, void (*done)(struct db_call *call))
{
    call_init(&visit->call, &visit->exchange->arena, visit->org);
    visit->call.customer = visit->customer;
    visit->call.done = done;
}

void web_base(struct web_visit *visit)
{
    struct str path = visit->exchange->path;

    visit->page.base = str_slice(path, 0, path.len - visit->tail.len);
}

static void open_link(struct web_visit *visit)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 6);

    params[0] = param_uuid(arena, visit->org);
    params[1] =
        param_text(arena_str(arena, (struct str){(const char *)visit->hash.bytes, HASH_LEN}));
    params[2] = param_bool(arena, !visit->head);
    params[3] = param_time(arena, clock_now());
    params[4] = param_text(http_client(visit->exchange));
    params[5] = param_text(str_sane(arena, http_request_header(visit->exchange, "user-agent")));
    call_init(&visit->call, arena, visit->org);
    visit->call.done = opened;
    call_add(&visit->call, &SQL_PORTAL_OPEN, params);
    db_call(visit->web->db, &visit->call);
}

/* The business, where there is but one: whatever a link has become, it was that one's. */
static struct uuid only_business(struct worker *worker)
{
    const struct account *first = accounts_at(worker->accounts, 0), *next;

    for (size_t i = 1; first != NULL && (next = accounts_at(worker->accounts, i)) != NULL;
         i++) {
        if (!uuid_eq(next->org, first->org))
            return (struct uuid){{0}};
    }
    return first != NULL ? first->org : (struct uuid){{0}};
}

static bool is_known(struct worker *worker, struct uuid org)
{
    const struct account *account;

    for (size_t i = 0; (account = accounts_at(worker->accounts, i)) != NULL; i++) {
        if (uuid_eq(account->org, org))
            return true;
    }
    return false;
}

static enum lang browser_lang(struct http_exchange *exchange)
{
    struct str wish = http_request_header(exchange, "accept-language");
    enum lang lang;

    return lang_parse(str_slice(wish, 0, 2), &lang) ? lang : LANG_COUNT;
}

/* A browser that says where a form comes from has to say: from here. Pages without referrer
 * have "null" for their origin. */
static bool is_same_site(struct http_exchange *exchange)
{
    struct str site = http_request_header(exchange, "sec-fetch-site");
    struct str origin = http_request_header(exchange, "origin");
    struct str host = http_request_header(exchange, "host");

    if (site.len > 0)
        return str_eq(site, STR("same-origin"));
    if (origin.len == 0 || str_eq(origin, STR("null")))
        return true;
    size_t scheme = str_find(origin, STR("://"));
    return host.len > 0 && str_eq(str_slice(origin, scheme + 3, origin.len), host);
}

void web_visit(struct web *web, struct http_exchange *exchange, struct str path, bool json)
{
    struct web_visit *visit = arena_new(&exchange->arena, struct web_visit);
    size_t slash = str_find(path, STR("/"));

    *visit = (struct web_visit){.web = web,
                                .exchange = exchange,
                                .json = json,
                                .tail = str_slice(path, slash, path.len),
                                .asked = browser_lang(exchange),
                                .head = strcmp(exchange->method, "HEAD") == 0,
                                .post = strcmp(exchange->method, "POST") == 0,
                                .same_site = is_same_site(exchange),
                                .content_type = http_request_header(exchange, "content-type")};
    (void)portal_token_read(str_slice(path, 0, slash), &visit->org, &visit->hash);
    if (visit->post && !(json ? str_ends(visit->tail, STR("/report-issue"))
                              : str_eq(visit->tail, STR("/report")))) {
        web_show_plain(visit, 405, "missing");
        return;
    }
    if (!accounts_loaded(web->worker->accounts)) { /* it has just begun: no link is bad yet */
        web_show_plain(visit, 503, "sorry");
        return;
    }
    if (!is_known(web->worker, visit->org))
        visit->org = only_business(web->worker);
    open_link(visit);
}

/* --- life --------------------------------------------------------------------------------- */

struct web *web_create(struct worker *worker, struct err *err)
{
    const struct config *config = worker->config;
    const struct db_options options = {.url = config->database.url.at,
                                       .connections = config->database.web_connections,
                                       .connect_timeout = config->database.connect_timeout,
                                       .deadline = config->database.deadline,
                                       .role = "parley_web",
                                       .application = "parley web"};
    struct web *web = calloc(1, sizeof *web);

    if (web == NULL)
        abort();
    web->worker = worker;
    if (db_create(&worker->loop, &options, &web->db, err))
        return web;
    free(web);
    return NULL;
}

static void closed(struct db *db)
{
    (void)db;
}

void web_close(struct web *web)
{
    db_close(web->db, closed);
}

void web_destroy(struct web *web)
{
    if (web == NULL)
        return;
    db_destroy(web->db);
    free(web);
}
