/*
 * A request on its way: its key is found (or remembered from a moment ago), held against what
 * was shown, counted; its body is read; then one call does it. A key that was revoked since it
 * was remembered is refused by that call, so remembering costs nothing in safety.
 *
 * Answers are told apart as little as they may be: whoever shows no key that works learns
 * nothing, and what belongs to another business is not there.
 */
#include "bot/door/api_inside.h"

#include "bot/door/api_doc.h"

#include "bot/loop/log.h"
#include "store/sql.h"

#include <stdlib.h>

#define JSON_MAX ((size_t)64 * 1024)
#define IDEM_MAX 200
#define FRESH    (10 * USEC_PER_SEC)

/* --- answers --------------------------------------------------------------------------------
 */

static struct str line_of(struct arena *into, const char *name, struct str value)
{
    return arena_format(into, "%s: %.*s", name, STR_ARG(value));
}

void api_answer(struct http_exchange *exchange, int status, struct str body, const char *first,
                const char *second)
{
    const char *headers[] = {"X-Content-Type-Options: nosniff", "Cache-Control: no-store",
                             first, second, NULL};

    if (first == NULL)
        headers[2] = second, headers[3] = NULL;
    http_reply(exchange, status, body.len > 0 ? "application/json" : NULL, body, headers);
}

void api_refuse_at(struct http_exchange *exchange, int status, const char *code,
                   struct str message, struct str path, const char *header)
{
    struct json_out out;

    json_out_init(&out, &exchange->arena, 256);
    json_open(&out, '{');
    json_open_in(&out, "error", '{');
    json_member(&out, "code", str_from(code));
    json_member(&out, "message", message);
    json_member(&out, "path", path);
    json_close(&out, '}');
    json_close(&out, '}');
    api_answer(exchange, status, json_out_text(&out), header, NULL);
}

void api_refuse(struct http_exchange *exchange, int status, const char *code,
                const char *message)
{
    api_refuse_at(exchange, status, code, str_from(message), STR_NONE, NULL);
}

static void no_key(struct http_exchange *exchange)
{
    api_refuse_at(exchange, 401, "unauthorized",
                  STR("a key that works is needed: Authorization: Bearer pk_..."), STR_NONE,
                  "WWW-Authenticate: Bearer realm=\"parley\"");
}

static void wait_for(struct http_exchange *exchange, int status, const char *code,
                     const char *message, usec_t wait)
{
    long seconds = (long)((wait + USEC_PER_SEC - 1) / USEC_PER_SEC);

    api_refuse_at(
        exchange, status, code, str_from(message), STR_NONE,
        arena_format(&exchange->arena, "Retry-After: %ld", seconds > 0 ? seconds : 1).at);
}

void api_unavailable(struct http_exchange *exchange)
{
    wait_for(exchange, 503, "unavailable", "not now: try again in a few seconds",
             5 * USEC_PER_SEC);
}

/* --- keys -----------------------------------------------------------------------------------
 */

static struct api_key *remembered(struct api *api, struct str public_part)
{
    usec_t now = clock_monotonic();

    for (size_t i = 0; i < API_REMEMBERED; i++) {
        struct api_key *key = &api->keys[i];
        if (key->at > 0 && now - key->at < FRESH &&
            memcmp(key->public_part, public_part.at, API_KEY_PUBLIC) == 0)
            return key;
    }
    return NULL;
}

/* Whoever shows a key that once was good here is no stranger, however long ago that was. */
static bool has_shown(const struct api *api, const struct api_request *request)
{
    struct str shown = {(const char *)request->hash.bytes, HASH_LEN};
    bool has = false;

    for (size_t i = 0; i < API_REMEMBERED; i++) {
        struct str kept = {(const char *)api->keys[i].hash.bytes, HASH_LEN};
        has |= api->keys[i].at > 0 && crypto_equal(kept, shown);
    }
    return has;
}

static void forget(struct api *api, const struct api_key *key)
{
    for (size_t i = 0; i < API_REMEMBERED; i++) {
        if (uuid_eq(api->keys[i].id, key->id))
            api->keys[i].at = 0;
    }
}

static void copy_text(char *into, size_t room, struct str text)
{
    (void)snprintf(into, room, "%.*s", STR_ARG(text));
}

/* The place that this key has, so that one which is used much leaves the others theirs. */
static struct api_key *place_of(struct api *api, struct uuid id)
{
    for (size_t i = 0; i < API_REMEMBERED; i++) {
        if (uuid_eq(api->keys[i].id, id))
            return &api->keys[i];
    }
    return &api->keys[api->next++ % API_REMEMBERED];
}

static void remember(struct api *api, const PGresult *rows, struct str public_part,
                     struct api_key *key)
{
    struct str hash = row_text(rows, 0, 2);

    *key = (struct api_key){
        .org = row_uuid(rows, 0, 0), .id = row_uuid(rows, 0, 1), .at = clock_monotonic()};
    memcpy(key->public_part, public_part.at, API_KEY_PUBLIC);
    if (hash.len == HASH_LEN)
        memcpy(key->hash.bytes, hash.at, HASH_LEN);
    copy_text(key->name, sizeof key->name, row_text(rows, 0, 3));
    copy_text(key->scopes, sizeof key->scopes, row_text(rows, 0, 4));
    *place_of(api, key->id) = *key;
}

/* --- doing it -------------------------------------------------------------------------------
 */

static void done(struct desk_call *desk)
{
    struct api_request *request = CONTAINER_OF(desk, struct api_request, call);
    struct http_exchange *exchange = request->exchange;
    struct db_call *call = &desk->call;
    struct str etag, body;
    const char *tag = NULL;
    int status;

    if (call->err.code == ERR_REJECT) {
        api_refuse(exchange, 422, "invalid", "something in it cannot be kept");
        return;
    }
    if (call->err.code != ERR_NONE || rows_n(call->results[0]) != 1) {
        log_event(LOG_WARN, "api.failed", LOG_C("what", request->match.route->what),
                  LOG_ERR(&call->err));
        api_unavailable(exchange);
        return;
    }
    status = (int)row_int(call->results[0], 0, 0);
    etag = row_text(call->results[0], 0, 1);
    body = row_text(call->results[0], 0, 2);
    if (status == 401) {
        forget(request->api, &request->key);
        no_key(exchange);
        return;
    }
    log_event(LOG_INFO, "api.done", LOG_C("what", request->match.route->what),
              LOG_I("status", status), LOG_ID("key", request->key.id),
              LOG_MS("ms", clock_monotonic() - exchange->arrived));
    if (status == 200 && etag.len > 0) {
        etag = arena_format(&exchange->arena, "\"%.*s\"", STR_ARG(etag));
        tag = line_of(&exchange->arena, "ETag", etag).at;
        if (str_eq(etag, request->if_none_match)) {
            api_answer(exchange, 304, STR_NONE, tag, NULL);
            return;
        }
    }
    if (status == 200 && request->match.route->made > 0)
        status = request->match.route->made;
    api_answer(exchange, status, body, tag, NULL);
}

static struct hash fingerprint(const struct api_request *request)
{
    struct http_exchange *exchange = request->exchange;

    return sha256(arena_format(&exchange->arena, "%s\n%.*s\n%.*s\n%.*s", exchange->method,
                               STR_ARG(exchange->path), STR_ARG(exchange->query),
                               STR_ARG(exchange->body)));
}

static void run(struct api_request *request, struct str args)
{
    struct arena *arena = &request->exchange->arena;
    struct hash print = fingerprint(request);
    struct db_param *params = arena_array(arena, struct db_param, 8);

    params[0] = param_uuid(arena, request->key.org);
    params[1] = param_uuid(arena, request->key.id);
    params[2] = param_text(str_from(request->match.route->what));
    params[3] = param_text(args);
    params[4] = request->idem.len > 0 ? param_text(request->idem) : param_null();
    params[5] = param_text(arena_str(arena, (struct str){(const char *)print.bytes, HASH_LEN}));
    params[6] = param_uuid(arena, worker_uuid());
    params[7] = param_time(arena, clock_now());
    call_init(&request->call.call, arena, request->key.org);
    call_add(&request->call.call, &SQL_API_RUN, params);
    request->call.done = done;
    desk_door_call(request->api->worker->desk, &request->call);
}

/* --- what was asked -------------------------------------------------------------------------
 */

/* True when it was answered. */
static bool refused_query(struct api_request *request, struct str name, struct str value,
                          struct json_out *out)
{
    const char *key = arena_cstr(&request->exchange->arena, name);
    int64_t number;

    if (str_eq(name, STR("limit"))) {
        if (!str_to_int(value, &number) || number < 1 || number > 200) {
            api_refuse_at(request->exchange, 422, "invalid", STR("a number from 1 to 200"),
                          name, NULL);
            return true;
        }
        json_key(out, key);
        json_put_int(out, number);
        return false;
    }
    if (str_eq(name, STR("all")) && !str_eq(value, STR("true")) &&
        !str_eq(value, STR("false"))) {
        api_refuse_at(request->exchange, 422, "invalid", STR("true or false"), name, NULL);
        return true;
    }
    json_member(out, key, str_slice(value, 0, 200));
    return false;
}

static bool refused_queries(struct api_request *request, struct json_out *out)
{
    struct str rest = str_from(request->match.route->query), name;

    while (str_split(&rest, ' ', &name)) {
        struct str value =
            http_query(request->exchange, arena_cstr(&request->exchange->arena, name));
        if (value.len > 0 && refused_query(request, name, value, out))
            return true;
    }
    return false;
}

static bool is_json(struct str type)
{
    struct str bare = str_trim(str_slice(type, 0, str_find(type, STR(";"))));

    return str_eq(bare, STR("application/json")) ||
           str_eq(bare, STR("application/merge-patch+json"));
}

/* True when it was answered. */
static bool refused_body(struct api_request *request, struct json_out *out)
{
    struct http_exchange *exchange = request->exchange;
    struct shape_faults faults = {.into = &exchange->arena};
    struct err err = {0};

    enum api_body wanted = request->match.route->body;

    if (wanted != API_JSON && !(wanted == API_JSON_OR_NONE && exchange->body.len > 0))
        return false;
    if (!is_json(request->content_type)) {
        api_refuse(exchange, 415, "unsupported_media_type", "Content-Type: application/json");
    } else if (exchange->body.len > JSON_MAX) {
        api_refuse(exchange, 413, "too_large", "at most 64 KB");
    } else if (!api_body_read(request->match.route, exchange->body, out, &faults, &err)) {
        api_refuse(exchange, 400, "not_json", arena_cstr(&exchange->arena, str_from(err.text)));
    } else if (faults.n > 0) {
        api_refuse_at(exchange, 422, "invalid", faults.items[0].expected, faults.items[0].path,
                      NULL);
    } else {
        return false;
    }
    return true;
}

static bool is_idem(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < ' ' || text.at[i] > '~')
            return false;
    }
    return text.len <= IDEM_MAX;
}

static void ask(struct api_request *request)
{
    struct json_out out;

    json_out_init(&out, &request->exchange->arena, 512);
    json_open(&out, '{');
    for (size_t i = 0; i < request->match.n; i++) {
        json_member(&out, arena_cstr(&request->exchange->arena, request->match.parts[i].name),
                    request->match.parts[i].value);
    }
    if (strcmp(request->match.route->what, "order.change") == 0)
        json_member(&out, "if_match", request->if_match);
    if (refused_queries(request, &out) || refused_body(request, &out))
        return;
    json_close(&out, '}');
    if (request->match.route->body == API_FILE) {
        api_photo(request);
    } else {
        run(request, json_out_text(&out));
    }
}

/* --- who asks -------------------------------------------------------------------------------
 */

static void admit(struct api_request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct worker *worker = request->api->worker;
    const struct config *config = worker->config;
    struct str kept = {(const char *)request->key.hash.bytes, HASH_LEN};
    struct str shown = {(const char *)request->hash.bytes, HASH_LEN};
    usec_t wait;

    if (!crypto_equal(kept, shown)) {
        no_key(exchange);
        return;
    }
    wait = api_rate_take(&worker->shared->api, request->key.id, clock_monotonic(),
                         config->api.rate, config->api.rate_burst);
    if (wait > 0) {
        wait_for(exchange, 429, "rate_limited", "too many requests with this key", wait);
    } else if (!api_key_may(str_from(request->key.scopes), request->match.route->scope)) {
        api_refuse_at(exchange, 403, "forbidden",
                      arena_format(&exchange->arena, "this key lacks the scope %s",
                                   request->match.route->scope),
                      STR_NONE, NULL);
    } else if (!api_parts_fit(&request->match)) {
        api_refuse(exchange, 404, "not_found", "there is no such thing");
    } else if (!is_idem(request->idem)) {
        api_refuse(exchange, 422, "invalid", "Idempotency-Key: 1 to 200 plain characters");
    } else {
        ask(request);
    }
}

static void found(struct desk_call *desk)
{
    struct api_request *request = CONTAINER_OF(desk, struct api_request, call);
    struct db_call *call = &desk->call;

    if (call->err.code != ERR_NONE) {
        log_event(LOG_WARN, "api.failed", LOG_C("what", "key"), LOG_ERR(&call->err));
        api_unavailable(request->exchange);
    } else if (rows_n(call->results[0]) == 0) {
        no_key(request->exchange);
    } else {
        remember(request->api, call->results[0], request->public_part, &request->key);
        admit(request);
    }
}

/* Salted, so that nobody can choose whose bucket they empty. */
static usec_t take_unknown(struct api_request *request)
{
    struct worker *worker = request->api->worker;
    struct str parts[2] = {worker->config->secrets.key, http_client(request->exchange)};
    struct hash16 hash = hash16_of(parts, 2);
    uint64_t who;

    memcpy(&who, hash.bytes, sizeof who);
    return api_rate_take_unknown(&worker->shared->api, who, clock_monotonic());
}

static void find(struct api_request *request)
{
    struct arena *arena = &request->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 1);
    usec_t wait = has_shown(request->api, request) ? 0 : take_unknown(request);

    if (wait > 0) {
        wait_for(request->exchange, 429, "rate_limited", "too many unknown keys", wait);
        return;
    }
    params[0] = param_text(request->public_part);
    call_init(&request->call.call, arena, (struct uuid){{0}}); /* it says whose it is */
    call_add(&request->call.call, &SQL_API_KEY_FIND, params);
    request->call.done = found;
    desk_door_call(request->api->worker->desk, &request->call);
}

/*
 * What stands between the quotes of an entity tag; empty for "*" and none. What is no such tag
 * (a weak one, a list) is left as it is, and is the tag of nothing: its change is refused.
 */
static struct str tag_of(struct str header)
{
    struct str tag = str_trim(header);

    if (str_eq(tag, STR("*")))
        return STR_NONE;
    if (tag.len > 2 && tag.at[0] == '"' && tag.at[tag.len - 1] == '"')
        return str_slice(tag, 1, tag.len - 2);
    return tag;
}

static void begin(struct api_request *request)
{
    struct http_exchange *exchange = request->exchange;
    const struct api_key *known;

    request->shown = api_key_bearer(http_request_header(exchange, "authorization"));
    request->if_match = tag_of(http_request_header(exchange, "if-match"));
    request->if_none_match = str_trim(http_request_header(exchange, "if-none-match"));
    request->content_type = http_request_header(exchange, "content-type");
    if (api_changes(exchange->method))
        request->idem = http_request_header(exchange, "idempotency-key");
    if (!api_key_read(request->shown, &request->public_part)) {
        no_key(exchange);
        return;
    }
    if (!desk_door_is_open(request->api->worker->desk)) {
        api_unavailable(exchange);
        return;
    }
    request->hash = sha256(request->shown);
    known = remembered(request->api, request->public_part);
    if (known == NULL) {
        find(request);
        return;
    }
    request->key = *known;
    admit(request);
}

void api_handle(struct api *api, struct http_exchange *exchange)
{
    struct api_request *request = arena_new(&exchange->arena, struct api_request);

    if (str_eq(exchange->path, STR("/v1/openapi.json"))) {
        api_answer(exchange, 200, api_openapi(&exchange->arena), NULL, NULL);
        return;
    }
    *request = (struct api_request){.api = api, .exchange = exchange};
    api_route_find(exchange->method, exchange->path, &request->match);
    if (request->match.route != NULL) {
        begin(request);
    } else if (request->match.known) {
        api_refuse_at(
            exchange, 405, "method_not_allowed", STR("not by this method"), STR_NONE,
            line_of(&exchange->arena, "Allow", api_methods(&exchange->arena, exchange->path))
                .at);
    } else {
        api_refuse(exchange, 404, "not_found", "there is no such thing");
    }
}

struct api *api_create(struct worker *worker)
{
    struct api *api = calloc(1, sizeof *api);

    if (api == NULL)
        abort();
    api->worker = worker;
    return api;
}

void api_destroy(struct api *api)
{
    free(api);
}
