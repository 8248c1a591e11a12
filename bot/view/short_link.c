#include "bot/view/short_link.h"

#include "bot/base/crypto.h"
#include "bot/turn/accounts.h"
#include "bot/view/link.h"
#include "bot/view/portal.h"
#include "store/sql.h"

#define MARK_LEN  2
#define WORTH_MIN 15 /* characters saved */

static const char letters[] = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";
#define N_LETTERS (sizeof letters - 1)

static void put_mark(struct uuid org, char *into)
{
    struct str id = {(const char *)org.bytes, sizeof org.bytes};
    struct hash16 hash = hash16_of(&id, 1);

    for (size_t i = 0; i < MARK_LEN; i++)
        into[i] = letters[hash.bytes[i] % N_LETTERS];
}

struct str short_link_code(struct arena *into, struct uuid org)
{
    char *code = arena_alloc(into, SHORT_LINK_LEN);
    uint8_t chance[16];
    size_t left = 0;

    put_mark(org, code);
    for (size_t i = MARK_LEN; i < SHORT_LINK_LEN;) {
        if (left == 0) {
            random_bytes(chance, sizeof chance);
            left = sizeof chance;
        }
        uint8_t one = chance[--left];
        if (one < 256 / N_LETTERS * N_LETTERS) /* each letter as likely as any other */
            code[i++] = letters[one % N_LETTERS];
    }
    return (struct str){code, SHORT_LINK_LEN};
}

/* Some letters are a little more likely than others, which their number makes up for: 90 bits.
 */
struct str short_link_spell(struct arena *into, struct uuid org, const uint8_t bytes[16])
{
    char *code = arena_alloc(into, SHORT_LINK_LONG);

    put_mark(org, code);
    for (size_t i = MARK_LEN; i < SHORT_LINK_LONG; i++)
        code[i] = letters[bytes[i - MARK_LEN] % N_LETTERS];
    return (struct str){code, SHORT_LINK_LONG};
}

bool short_link_may_be_of(struct str code, struct uuid org)
{
    char mark[MARK_LEN];

    if (code.len != SHORT_LINK_LEN && code.len != SHORT_LINK_LONG)
        return false;
    put_mark(org, mark);
    return memcmp(code.at, mark, MARK_LEN) == 0;
}

struct str short_link_before(struct arena *into, const struct config *config)
{
    if (config->public_url.len == 0)
        return STR("");
    return arena_format(into, "%.*s/s/", STR_ARG(config->public_url));
}

struct str short_link_fresh(struct arena *into, const struct config *config, struct uuid org,
                            size_t n)
{
    struct str all = short_link_before(into, config);

    for (size_t i = 0; i < n && all.len > 0; i++)
        all = arena_concat(into, all, STR(" "), short_link_code(into, org));
    return all;
}

struct str short_link_address(struct arena *into, const struct config *config, struct str url,
                              struct str code)
{
    struct str before = short_link_before(into, config);

    if (before.len == 0 || url.len < before.len + code.len + WORTH_MIN)
        return STR_NONE;
    return arena_concat(into, before, code);
}

/* --- a visit ------------------------------------------------------------------------------ */

struct visit {
    struct worker *worker;
    struct http_exchange *exchange;
    struct str code;
    struct db_call call;
    size_t next; /* the account whose business is asked next */
};

static const char *const headers_gone[] = {"Cache-Control: no-store", NULL};

static bool is_web(struct str url)
{
    return str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
}

static void go_on(struct visit *visit, struct str url)
{
    const char *const headers[] = {
        arena_format(&visit->exchange->arena, "Location: %.*s", STR_ARG(url)).at,
        "Referrer-Policy: no-referrer", "X-Robots-Tag: noindex", "Cache-Control: no-store",
        NULL};

    http_reply(visit->exchange, 302, NULL, STR_NONE, headers);
}

/* A file's link, the same each time. */
static struct str file_link(struct visit *visit, const PGresult *rows)
{
    usec_t made_at = row_time(rows, 0, 3);
    struct link_file file = {.org = visit->call.org,
                             .document = row_uuid(rows, 0, 1),
                             .customer = row_uuid(rows, 0, 2),
                             .end = link_file_end(made_at, made_at)};

    return link_file_make(&visit->exchange->arena, visit->worker->config, &file);
}

static void ask_next(struct visit *visit);

static void asked(struct db_call *call)
{
    struct visit *visit = CONTAINER_OF(call, struct visit, call);
    struct str url = STR_NONE;

    if (call->err.code != ERR_NONE) {
        http_reply(visit->exchange, 503, NULL, STR_NONE, headers_gone);
        return;
    }
    if (rows_n(call->results[0]) > 0) {
        bool file = !row_null(call->results[0], 0, 1);
        url = file ? file_link(visit, call->results[0])
                   : portal_address(&visit->exchange->arena, visit->worker->config, call->org,
                                    row_text(call->results[0], 0, 0));
    }
    if (is_web(url)) {
        go_on(visit, url);
    } else {
        ask_next(visit);
    }
}

static void ask(struct visit *visit, struct uuid org)
{
    struct arena *arena = &visit->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 3);

    call_init(&visit->call, arena, org);
    visit->call.done = asked;
    params[0] = param_uuid(arena, org);
    if (visit->code.len == SHORT_LINK_LONG) {
        params[1] = param_text(portal_code_hash(arena, visit->code));
        call_add(&visit->call, &SQL_PORTAL_SHORT, params);
    } else {
        params[1] = param_text(visit->code);
        params[2] = param_time(arena, clock_now() - SHORT_LINK_GOOD_FOR);
        call_add(&visit->call, &SQL_SHORT_LINKS_FIND, params);
    }
}

/* The businesses whose mark it bears, one after the other: mostly there is one. */
static void ask_next(struct visit *visit)
{
    const struct account *account, *before = NULL;

    while ((account = accounts_at(visit->worker->accounts, visit->next)) != NULL) {
        if (visit->next > 0)
            before = accounts_at(visit->worker->accounts, visit->next - 1);
        visit->next++;
        if (!short_link_may_be_of(visit->code, account->org) ||
            (before != NULL && uuid_eq(before->org, account->org)))
            continue;
        ask(visit, account->org);
        db_call(visit->worker->db, &visit->call);
        return;
    }
    http_reply(visit->exchange, 404, "text/plain", STR("This link is no longer good.\n"),
               headers_gone);
}

void short_link_visit(struct worker *worker, struct http_exchange *exchange, struct str code)
{
    struct visit *visit = arena_new(&exchange->arena, struct visit);

    *visit = (struct visit){.worker = worker, .exchange = exchange, .code = code};
    ask_next(visit);
}
