/*
 * The API of a business's people and programs through the whole service: who may do what, on
 * every route, and what becomes of it.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/door/api_routes.h"
#include "bot/loop/loop.h"
#include "tests/sandbox/schema.h"
#include "tests/support/files.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <curl/curl.h>

#define AMELIA  "15550100001"
#define WAIT    (60 * USEC_PER_SEC)
#define FOREIGN "0192ffff-4000-7000-8000-0000000000b0"
#define ALL     "orders:read,orders:write,estimates:write,handoff,customers:read,reviews"

static struct arena arena;
static struct service service;
static PGconn *owner;
static char all[80], foreign[80], lesser[80], revoked[80];

static char said[1 << 18], head[8192];
static struct str picture; /* a body of bytes: "@" stands for it */

static size_t take(char *bytes, size_t size, size_t n, void *user)
{
    char *into = user;
    size_t room = into == said ? sizeof said : sizeof head, len = strlen(into);

    (void)snprintf(into + len, room - len, "%.*s", (int)(size * n), bytes);
    return size * n;
}

/* JSON is written with ' for ". */
static char *json_of(const char *text)
{
    char *copy = (char *)arena_cstr(&arena, str_from(text));

    for (char *at = copy; *at; at++)
        *at = (char)(*at == '\'' ? '"' : *at);
    return copy;
}

static json_t *openapi;

static const json_t *in(const json_t *object, const char *name)
{
    return json_object_get(object, name);
}

/* What was answered is as docs/openapi.yaml has it. */
static void hold(const char *method, const char *path, long status)
{
    struct str bare = str_slice(str_from(path), 0, str_find(str_from(path), STR("?")));
    char small[16] = "", code[8], reason[SCHEMA_REASON_MAX] = "";
    struct api_match match;
    struct err err = {0};
    OWNED_JSON(body) = NULL;

    api_route_find(method, bare, &match);
    if (openapi == NULL || match.route == NULL || said[0] == '\0')
        return;
    for (size_t i = 0; method[i] != '\0'; i++)
        small[i] = (char)(method[i] | 0x20);
    (void)snprintf(code, sizeof code, "%ld", status);
    const json_t *responses =
        in(in(in(in(openapi, "paths"), match.route->path), small), "responses");
    const json_t *response = in(responses, status < 300 ? code : "default");
    if (response == NULL)
        fail_msg("%s %s: %ld is not described", method, path, status);
    const json_t *schema = in(in(in(response, "content"), "application/json"), "schema");
    assert_true(json_read(str_from(said), &body, &err));
    if (!schema_check(openapi, schema, body, reason))
        fail_msg("%s %s %ld: %s in %s", method, path, status, reason, said);
}

/* The answer's status; its body is in `said`, its headers in `head`. `more`: a header line. */
static long call_with(const char *key, const char *method, const char *path, const char *body,
                      const char *more)
{
    CURL *curl = curl_easy_init();
    bool typed = more != NULL && strncmp(more, "Content-Type", 12) == 0;
    struct curl_slist *list =
        typed ? NULL : curl_slist_append(NULL, "Content-Type: application/json");
    struct str lines = str_from(more != NULL ? more : ""), line;
    long status = 0;

    if (key != NULL)
        list = curl_slist_append(list, arena_format(&arena, "Authorization: %s", key).at);
    while (str_split(&lines, '\n', &line))
        list = curl_slist_append(list, arena_cstr(&arena, line));
    said[0] = head[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena, "http://127.0.0.1:%d%s", service.port, path).at);
    if (body != NULL && strcmp(body, "@") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)picture.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, picture.at);
    } else if (body != NULL || strcmp(method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body != NULL ? json_of(body) : "");
    }
    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, said);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, head);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    if (status == 503)
        service_show_log(&service);
    hold(method, path, status);
    return status;
}

static const char *bearer(const char *key)
{
    return arena_format(&arena, "Bearer %s", key).at;
}

static long call(const char *method, const char *path, const char *body)
{
    return call_with(bearer(all), method, path, body, NULL);
}

/* What standard output has of `parley ...`. */
static int command(const char *words, char *into, size_t room)
{
    const char *line = arena_format(&arena,
                                    PARLEY_BUILD_DIR "/parley --config %s/parley.yaml %s "
                                                     "2>/dev/null",
                                    service.dir, words)
                           .at;
    FILE *pipe = popen(line, "r"); /* NOLINT(cert-env33-c): our own words */
    assert_non_null(pipe);
    size_t n = fread(into, 1, room - 1, pipe);
    into[n] = '\0';
    into[strcspn(into, "\n")] = '\0';
    return pclose(pipe);
}

static void make_key(const char *name, const char *scopes, const char *business, char *into)
{
    const char *words =
        arena_format(&arena, "key create %s --scopes %s --business %s", name, scopes, business)
            .at;

    assert_int_equal(command(words, into, 80), 0);
    assert_int_equal(strlen(into), 64);
}

#define ours "01921a7b-4000-7000-8000-6c61726b0001" /* seed_demo_org */

static int set_up(void **state)
{
    (void)state;
    picture = arena_str(&arena, file_png(&arena, 8, 8));
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2,
                                                   .more = "api:\n  rate: 5\n"
                                                           "  rate_burst: 400\n"});
    run_sql(owner, "insert into businesses (org_id, name, currency) values ('" FOREIGN
                   "', 'Elsewhere', 'EUR') on conflict do nothing;"
                   "insert into directory (kind, external_id, org_id) values ('crm', "
                   "'https://elsewhere.example', '" FOREIGN "') on conflict do nothing");
    nobody_sleeps(owner); /* what staff changes is told */
    assert_int_equal(call_with(NULL, "GET", "/v1/openapi.json", NULL, NULL), 200);
    assert_non_null(openapi = json_loads(said, 0, NULL));
    make_key("till", ALL, ours, all);
    make_key("stranger", ALL, FOREIGN, foreign);
    make_key("reader", "customers:read", ours, lesser);
    make_key("old", ALL, ours, revoked);
    assert_int_equal(call_with(bearer(revoked), "GET", "/v1/orders", NULL, NULL), 200);
    assert_int_equal(command("key revoke old --business " ours, said, sizeof said), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(openapi);
    service_end(&service);
    arena_finish(&arena);
    run_sql(owner, "delete from api_answers; delete from api_keys; delete from directory where "
                   "org_id = '" FOREIGN "' or kind = 'api_key'; delete from businesses where "
                   "org_id = '" FOREIGN "'");
    PQfinish(owner);
    return 0;
}

/* --- who may --------------------------------------------------------------------------------
 */

/* A path that there is: what is in braces is one of ours. */
static const char *path_of(const struct api_route *route, const char *handoff)
{
    struct str rest = str_from(route->path), part;
    struct str path = STR_NONE;

    while (str_split(&rest, '/', &part)) {
        if (part.len == 0)
            continue;
        if (str_eq(part, STR("{order}"))) {
            part = STR("ORD-1002");
        } else if (str_eq(part, STR("{customer}"))) {
            part = STR("C-0001");
        } else if (str_starts(part, STR("{"))) {
            part = str_from(handoff);
        }
        path = arena_format(&arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(part));
    }
    return route->body == API_FILE
               ? arena_format(&arena, "%.*s?category=progress", STR_ARG(path)).at
               : path.at;
}

static const char *body_of(const struct api_route *route)
{
    if (strcmp(route->what, "order.change") == 0)
        return "{'progress':40}";
    if (strcmp(route->what, "estimate.draft") == 0)
        return "{'items':[{'description':'x','qty':1,'unit_price_minor':1}]}";
    if (strcmp(route->what, "estimate.change") == 0)
        return "{'status':'withdrawn'}";
    if (strcmp(route->what, "review.request") == 0)
        return "{'order':'ORD-1002'}";
    if (route->body == API_FILE)
        return "@";
    return route->body == API_JSON ? "{'text':'words'}" : NULL;
}

static void stf_3_every_route_refuses_every_wrong_identity(void **state)
{
    static const char *const wrong[] = {
        NULL,
        "",
        "Bearer",
        "Bearer pk_",
        "Basic dXNlcjpwdw==",
        "Bearer pk_000000000000_000000000000000000000000000000000000000000000000"};
    const char *id = "0192ffff-4000-7000-8000-0000000000c0";
    char forged[80];
    long before = ask_number(owner, "select count(*) from audit");

    (void)state;
    (void)snprintf(forged, sizeof forged, "%s", all);
    forged[63] = (char)(forged[63] == '0' ? '1' : '0');
    for (const struct api_route *route = api_routes; route->method != NULL; route++) {
        const char *path = path_of(route, id), *body = body_of(route);
        bool lists = route->query != NULL && strcmp(route->method, "GET") == 0;
        for (size_t i = 0; i < COUNTOF(wrong); i++) {
            if (call_with(wrong[i], route->method, path, body, NULL) != 401)
                fail_msg("%s %s with '%s'", route->method, path, wrong[i] ? wrong[i] : "-");
            assert_non_null(strstr(head, "WWW-Authenticate"));
        }
        assert_int_equal(call_with(bearer(forged), route->method, path, body, NULL), 401);
        assert_int_equal(call_with(bearer(revoked), route->method, path, body, NULL), 401);
        long status = call_with(bearer(foreign), route->method, path, body, NULL);
        if (status != (lists ? 200 : 404) || strstr(said, "ORD-") != NULL)
            fail_msg("%s %s as another business: %ld", route->method, path, status);
        if (strcmp(route->scope, "customers:read") != 0) {
            assert_int_equal(call_with(bearer(lesser), route->method, path, body, NULL), 403);
            assert_non_null(strstr(said, route->scope));
        }
    }
    assert_int_equal(ask_number(owner, "select count(*) from audit"), before);
    assert_int_equal(service_logged(&service, "pk_"), 0);
}

static void a_key_that_is_revoked_works_no_more_at_once(void **state)
{
    char key[80];

    (void)state;
    make_key("brief", "orders:read", ours, key);
    assert_int_equal(call_with(bearer(key), "GET", "/v1/orders", NULL, NULL), 200);
    assert_int_equal(call_with(bearer(key), "GET", "/v1/orders", NULL, NULL), 200);
    assert_int_equal(command("key revoke brief --business " ours, said, sizeof said), 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(call_with(bearer(key), "GET", "/v1/orders", NULL, NULL), 401);
    assert_int_equal(ask_number(owner, "select count(*) from api_keys where name = 'till' and "
                                       "last_used_at is not null and octet_length(hash) = 32"),
                     0);
    assert_int_equal(call("GET", "/v1/orders", NULL), 200);
    assert_int_equal(ask_number(owner, "select count(*) from api_keys where name = 'till' and "
                                       "last_used_at > now() - interval '1 minute'"),
                     1);
}

static void rev_2_reviews_are_counted_and_asked_for(void **state)
{
    (void)state;
    assert_int_equal(call("GET", "/v1/reviews?since=2020-02-29&limit=3", NULL), 200);
    assert_non_null(strstr(said, "\"figures\""));
    assert_non_null(strstr(said, "\"channel\""));
    assert_int_equal(call("GET", "/v1/reviews?since=2021-02-29", NULL), 422);
    assert_int_equal(call("GET", "/v1/reviews?since=yesterday", NULL), 422);
    assert_int_equal(call("GET", "/v1/reviews?limit=many", NULL), 422);
    assert_int_equal(call("POST", "/v1/reviews/request", "{'order':'REP-2102'}"), 202);
    assert_int_equal(ask_number(owner, "select count(*) from reviews where source = 'staff'"),
                     1);
    assert_int_equal(call("POST", "/v1/reviews/request", "{'order':'ORD-1015'}"), 409);
    assert_int_equal(call("POST", "/v1/reviews/request", "{'order':'ORD-1005'}"), 409);
    assert_int_equal(call("POST", "/v1/reviews/request", "{'order':'NONE-1'}"), 404);
    assert_int_equal(call("POST", "/v1/reviews/request", "{}"), 422);
}

/* Keys that were made up are looked up, which costs something: so often, and no more. Whoever
 * has one that works and comes from elsewhere does not notice. */
static void who_shows_invented_keys_shuts_nobody_else_out(void **state)
{
    const char *there = "X-Forwarded-For: 198.51.100.7";
    const char *elsewhere = "X-Forwarded-For: 198.51.100.8";
    char late[80];
    long status = 0;
    int n = 0;

    (void)state;
    make_key("late", ALL, ours, late); /* no worker has seen it */
    while (status != 429 && n++ < 3000) {
        const char *junk = arena_format(&arena, "Bearer pk_%012d_%048d", n, n).at;
        status = call_with(junk, "GET", "/v1/orders", NULL, there);
    }
    assert_int_equal(status, 429);
    assert_true(n > 100);
    assert_int_equal(call_with(bearer(late), "GET", "/v1/orders", NULL, elsewhere), 200);
}

/* However the path is written, so that a proxy does not know it. */
static void ops_3_figures_are_not_for_the_internet(void **state)
{
    static const char *const paths[] = {
        "/metrics",   "//metrics",           "/%6detrics",
        "/metrics?a", "/metrics%0ahttp/1.1", "/metrics%0d%0aX:y"};
    const char *elsewhere = "X-Forwarded-For: 10.1.2.3, 8.8.8.8";

    (void)state;
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        long status = call_with(NULL, "GET", paths[i], NULL, elsewhere);
        if (status != 404 && status != 400)
            fail_msg("%s: %ld", paths[i], status);
    }
    assert_int_equal(call_with(NULL, "GET", "/metrics", NULL, "X-Forwarded-For: 10.1.2.3"),
                     200);
    assert_int_equal(call_with(NULL, "GET", "/metrics", NULL, NULL), 200);
}

static void who_asks_too_often_waits_and_harms_no_other_key(void **state)
{
    char key[80];
    long status = 200;

    (void)state;
    make_key("eager", "orders:read", ours, key);
    for (int i = 0; i < 2000 && status == 200; i++)
        status = call_with(bearer(key), "GET", "/v1/orders?limit=1", NULL, NULL);
    assert_int_equal(status, 429);
    assert_non_null(strstr(head, "Retry-After: 1"));
    assert_int_equal(call("GET", "/v1/orders?limit=1", NULL), 200);
}

/* --- orders ---------------------------------------------------------------------------------
 */

static void write_in(const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, AMELIA, arena_format(&arena, "wamid.api.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static void greet(void)
{
    write_in("hi");
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
}

static void ord_5_what_staff_changes_is_visible_at_once_and_told(void **state)
{
    (void)state;
    greet();
    run_sql(owner, "update orders set status = 'processing' where number = 'ORD-1002'");
    assert_int_equal(call("PATCH", "/v1/orders/ord%201002",
                          "{'status':'shipped','note':'On the van.','progress':60}"),
                     200);
    assert_non_null(strstr(said, "\"status\": \"shipped\""));
    assert_non_null(strstr(said, "On the van."));
    write_in("ORD-1002");
    assert_int_equal(service_arrived(&service, AMELIA, "On the van."), 1);
    service_until(&service, owner,
                  "select count(*) from notices n join orders o using (org_id, order_id) where "
                  "o.number = 'ORD-1002' and n.kind = 'shipped' and n.state = 'told'",
                  1, WAIT);
    assert_int_equal(ask_number(owner, "select count(*) from audit where actor = 'till' and "
                                       "action = 'order.updated' and subject = 'ORD-1002'"),
                     1);
    assert_int_equal(
        call("PATCH", "/v1/orders/ORD-1002", "{'status':'delivered','quiet':true}"), 200);
    assert_int_equal(ask_number(owner, "select count(*) from notices where kind = 'delivered'"),
                     0);
}

static void ord_5_a_hidden_note_is_the_businesss_own(void **state)
{
    (void)state;
    assert_int_equal(
        call("POST", "/v1/orders/ORD-1002/notes", "{'text':'Pays late.','visible':false}"),
        201);
    assert_non_null(strstr(said, "Pays late."));
    write_in("ORD-1002");
    assert_int_equal(service_arrived(&service, AMELIA, "Pays late."), 0);
}

static void what_cannot_be_meant_is_told_with_its_path(void **state)
{
    static const struct {
        const char *body;
        long status;
        const char *part;
    } wrong[] = {
        {"{'status':'burnt'}",                     422, "\"path\": \"status\"" },
        {"{'status':'burnt'}",                     422, "processing, shipped"  },
        {"{'progress':101}",                       422, "progress"             },
        {"{'progress':'much'}",                    422, "progress"             },
        {"{'expected_at':'tomorrow'}",             422, "expected_at"          },
        {"{'paid_minor':-1}",                      422, "paid_minor"           },
        {"{'paid_minor':99999999999}",             422, "paid_minor"           },
        {"{}",                                     422, "say what"             },
        {"{'note':'  '}",                          422, "note"                 },
        {"[]",                                     400, "not_json"             },
        {"{",                                      400, "not_json"             },
        {"{'expected_at':'9999-12-31T23:59:59Z'}", 200, "9999"                 },
        {"{'expected_at':null}",                   200, "\"expected_at\": null"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(wrong); i++) {
        long status = call("PATCH", "/v1/orders/ORD-1003", wrong[i].body);
        if (status != wrong[i].status || strstr(said, wrong[i].part) == NULL)
            fail_msg("%s: %ld %s", wrong[i].body, status, said);
    }
    assert_int_equal(call("PATCH", "/v1/orders/NONE-1", "{'progress':1}"), 404);
    assert_int_equal(call("PUT", "/v1/orders/ORD-1003", "{}"), 405);
    assert_non_null(strstr(head, "Allow: GET, PATCH"));
    assert_int_equal(call("GET", "/v1/nothing", NULL), 404);
    assert_int_equal(call("GET", "/v1/handoffs/12", NULL), 404);
    assert_int_equal(call("GET", "/v1/orders?limit=0", NULL), 422);
    assert_int_equal(call_with(bearer(all), "PATCH", "/v1/orders/ORD-1003", "{'progress':1}",
                               "Content-Type: text/plain"),
                     415);
}

static void who_changes_what_another_changed_meanwhile_is_told(void **state)
{
    char tag[64] = "", *at;

    (void)state;
    assert_int_equal(call("GET", "/v1/orders/ORD-1003", NULL), 200);
    at = strstr(head, "ETag: ");
    assert_non_null(at);
    (void)snprintf(tag, sizeof tag, "%.*s", (int)strcspn(at + 6, "\r"), at + 6);
    assert_int_equal(call_with(bearer(all), "GET", "/v1/orders/ORD-1003", NULL,
                               arena_format(&arena, "If-None-Match: %s", tag).at),
                     304);
    const char *match = arena_format(&arena, "If-Match: %s", tag).at;
    assert_int_equal(
        call_with(bearer(all), "PATCH", "/v1/orders/ORD-1003", "{'progress':12}", match), 200);
    assert_int_equal(
        call_with(bearer(all), "PATCH", "/v1/orders/ORD-1003", "{'progress':13}", match), 412);
    /* a tag that a proxy made weak is a condition, too, and not met */
    match = arena_format(&arena, "If-Match: W/%s", tag).at;
    assert_int_equal(
        call_with(bearer(all), "PATCH", "/v1/orders/ORD-1003", "{'progress':13}", match), 412);
    assert_int_equal(ask_number(owner, "select progress from orders where number = 'ORD-1003'"),
                     12);
}

static void what_is_sent_again_under_its_key_is_done_once(void **state)
{
    const char *idem = "Idempotency-Key: note-1", *path = "/v1/orders/ORD-1003/notes";

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(call_with(bearer(all), "POST", path, "{'text':'Once.'}", idem), 201);
        assert_non_null(strstr(said, "Once."));
    }
    assert_int_equal(ask_number(owner, "select count(*) from order_notes where body = 'Once.'"),
                     1);
    assert_int_equal(call_with(bearer(all), "POST", path, "{'text':'Other.'}", idem), 422);
    assert_non_null(strstr(said, "idempotency_key_reused"));
    /* a PATCH, too: its note would be there twice */
    idem = "Idempotency-Key: change-1";
    for (int i = 0; i < 3; i++) {
        assert_int_equal(call_with(bearer(all), "PATCH", "/v1/orders/ORD-1003",
                                   "{'status':'shipped','note':'With the carrier.'}", idem),
                         200);
        assert_non_null(strstr(said, "With the carrier."));
    }
    assert_int_equal(
        ask_number(owner, "select count(*) from order_notes where body = 'With the carrier.'"),
        1);
    assert_int_equal(ask_number(owner, "select count(*) from audit where action = "
                                       "'order.updated' and subject = 'ORD-1003' and "
                                       "detail ->> 'status' = 'shipped'"),
                     1);
}

static void pages_of_orders_have_each_once(void **state)
{
    char *path = "/v1/orders?limit=7";
    long n = 0, pages = 0;

    (void)state;
    for (; path != NULL && pages < 1000; pages++) {
        assert_int_equal(call("GET", path, NULL), 200);
        for (char *at = said; (at = strstr(at, "\"number\"")) != NULL; at++)
            n++;
        char *next = strstr(said, "\"next\": \"");
        path = next == NULL ? NULL
                            : (char *)arena_format(&arena, "/v1/orders?limit=7&after=%.*s",
                                                   (int)strcspn(next + 9, "\""), next + 9)
                                  .at;
    }
    assert_int_equal(
        n, ask_number(owner, "select count(*) from orders where org_id = '" ours "'"));
    assert_int_equal(call("GET", "/v1/orders?phone=%2B" AMELIA "&status=delivered", NULL), 200);
    assert_non_null(strstr(said, "ORD-"));
    assert_null(strstr(said, "\"status\": \"shipped\""));
    assert_int_equal(call("GET", "/v1/orders?number=ord-1002", NULL), 200);
    assert_non_null(strstr(said, "ORD-1002"));
    assert_int_equal(call("GET", "/v1/orders?after=x", NULL), 422);
    assert_int_equal(call("GET", "/v1/customers/C-0001", NULL), 200);
}

/* --- photos ---------------------------------------------------------------------------------
 */

static void ord_10_a_photo_is_kept_once_and_goes_again(void **state)
{
    const char *path = "/v1/orders/ord1002/photos?category=progress&caption=On%20the%20bench";
    char id[UUID_TEXT_LEN + 1];

    (void)state;
    long before = ask_number(owner, "select count(*) from order_photos");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call_with(bearer(all), "POST", path, "@", "Idempotency-Key: p-1"),
                         201);
        assert_non_null(strstr(said, "On the bench"));
    }
    (void)snprintf(id, sizeof id, "%.*s", UUID_TEXT_LEN, strstr(said, "\"id\": \"") + 7);
    assert_int_equal(ask_number(owner, "select count(*) from order_photos"), before + 1);
    assert_int_equal(ask_number(owner, "select count(*) from order_photos p join documents d "
                                       "using (org_id, document_id) where p.caption = 'On the "
                                       "bench' and p.added_by = 'till' and d.state = 'kept'"),
                     1);
    assert_int_equal(call("GET", "/v1/orders/ORD-1002", NULL), 200);
    assert_non_null(strstr(said, id));
    assert_int_equal(call("POST", "/v1/orders/ORD-1002/photos?category=progress", "{}"), 415);
    assert_int_equal(call("POST", "/v1/orders/ORD-1002/photos?category=sky", "@"), 422);
    assert_int_equal(call("POST", "/v1/orders/NONE-1/photos?category=damage", "@"), 404);
    const char *photo = arena_format(&arena, "/v1/orders/ORD-1002/photos/%s", id).at;
    assert_int_equal(call_with(bearer(foreign), "DELETE", photo, NULL, NULL), 404);
    assert_int_equal(call("DELETE", photo, NULL), 204);
    assert_int_equal(call("DELETE", photo, NULL), 404);
    assert_int_equal(ask_number(owner, "select count(*) from audit where actor = 'till' and "
                                       "action in ('photo.added', 'photo.removed')"),
                     2);
}

#define FORM   "Content-Type: multipart/form-data; boundary=\"xyz\""
#define PART   "--xyz\r\nContent-Disposition: form-data; name="
#define FILE_1 PART "\"file\"; filename=\"a.png\"\r\n\r\n"

static struct str form_of(const char *category, struct str bytes, const char *more)
{
    struct str field = arena_format(&arena, PART "\"category\"\r\n\r\n%s\r\n" FILE_1, category);

    return arena_concat(&arena, field, bytes, STR("\r\n"), str_from(more), STR("--xyz--\r\n"));
}

static long post_form(struct str form, const char *more)
{
    struct str bare = picture;
    long status;

    picture = form;
    status = call_with(bearer(all), "POST", "/v1/orders/ORD-1002/photos", "@",
                       arena_format(&arena, FORM "%s", more).at);
    picture = bare;
    return status;
}

static void ord_10_a_photo_comes_in_a_form_too_and_is_kept_once(void **state)
{
    struct str other = arena_str(&arena, file_png(&arena, 9, 9)), first;
    long before = ask_number(owner, "select count(*) from order_photos");

    (void)state;
    assert_int_equal(post_form(form_of("damage", picture, ""), "\nIdempotency-Key: f-1"), 201);
    first = arena_str(&arena, str_from(said));
    assert_int_equal(post_form(form_of("damage", picture, ""), "\nIdempotency-Key: f-1"), 201);
    assert_true(ask_number(owner, "select count(*) from order_photos") == before + 1);
    assert_int_equal(/* the same, packed otherwise */
                     call_with(bearer(all), "POST",
                               "/v1/orders/ORD-1002/photos?category=damage", "@",
                               "Idempotency-Key: f-1"),
                     201);
    assert_non_null(strstr(said, "\"category\""));
    assert_string_equal(said, arena_cstr(&arena, first));
    assert_int_equal(post_form(form_of("damage", other, ""), "\nIdempotency-Key: f-1"), 422);
    assert_non_null(strstr(said, "idempotency_key_reused"));
    assert_int_equal(post_form(form_of("progress", picture, ""), "\nIdempotency-Key: f-1"),
                     422);
    assert_true(ask_number(owner, "select count(*) from order_photos") == before + 1);
    assert_int_equal(post_form(form_of("sky", picture, ""), ""), 422);
    assert_int_equal(post_form(form_of("damage", STR("words"), ""), ""), 415);
    assert_int_equal(post_form(form_of("damage", picture, FILE_1 "x\r\n"), ""), 422);
    assert_int_equal(post_form(STR("--xyz\r\nno end"), ""), 400);
}

static void ord_10_what_is_too_large_is_told_the_limit(void **state)
{
    static char large[12 << 20];
    struct str bare = picture;

    (void)state;
    picture = (struct str){large, 10 * 1024 * 1024 + 1};
    assert_int_equal(call("POST", "/v1/orders/ORD-1002/photos?category=damage", "@"), 413);
    assert_non_null(strstr(said, "at most 10485760 bytes"));
    picture.len = sizeof large;
    assert_int_equal(call("POST", "/v1/orders/ORD-1002/photos?category=damage", "@"), 413);
    assert_non_null(strstr(said, "at most 10551296 bytes"));
    picture = bare;
}

/* --- estimates ------------------------------------------------------------------------------
 */

static void ord_10_a_draft_is_shown_when_staff_says_so(void **state)
{
    (void)state;
    run_sql(owner, "delete from estimate_items; delete from estimates;"
                   "insert into estimates (org_id, order_id, estimate_id, status, currency, "
                   "subtotal_minor, total_minor, issued_at) select org_id, order_id, order_id, "
                   "'draft', currency, 5000, 5000, now() from orders where number = "
                   "'ORD-1003'");
    assert_int_equal(call("PATCH", "/v1/estimates/ORD-1003", "{'status':'approved'}"), 422);
    assert_int_equal(call("PATCH", "/v1/estimates/ORD-1003", "{'status':'awaiting'}"), 200);
    assert_non_null(strstr(said, "\"status\": \"awaiting\""));
    assert_int_equal(ask_number(owner, "select count(*) from notices where kind = "
                                       "'estimate_awaiting'"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from audit where action = "
                                       "'estimate.awaiting' and actor = 'till'"),
                     1);
    run_sql(owner, "update estimates set status = 'approved', decided_at = now()");
    assert_int_equal(call("PATCH", "/v1/estimates/ORD-1003", "{'status':'withdrawn'}"), 409);
}

static void ord_10_an_estimate_is_drafted_sent_decided_and_withdrawn(void **state)
{
    const char *path = "/v1/orders/ORD-1003/estimates";
    const char *draft =
        "{'items':[{'description':'New spring','qty':1,'unit_price_minor':3000},"
        "{'description':'Work','qty':2.5,'unit_price_minor':1999}],"
        "'tax_minor':100,'note':'As we said.'}";

    (void)state;
    run_sql(owner, "delete from estimate_items; delete from estimates; delete from notices");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call_with(bearer(all), "POST", path, draft, "Idempotency-Key: e-1"),
                         201);
        assert_non_null(strstr(said, "\"status\": \"draft\""));
        assert_non_null(strstr(said, "\"total_minor\": 8098")); /* 3000 + 4997.5 + 100 */
        assert_non_null(strstr(said, "\"version\": 1,"));
    }
    assert_int_equal(call("POST", path, draft), 201); /* anew: the same draft, said again */
    assert_non_null(strstr(said, "\"version\": 2,"));
    assert_int_equal(ask_number(owner, "select count(*) from estimates"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from notices"), 0);
    run_sql(owner,
            "set role parley_bot; select set_config('parley.org_id', '" ours "', false), "
            "set_config('parley.customer_id', (select customer_id::text from orders "
            "where number = 'ORD-1003'), false)");
    assert_int_equal(ask_number(owner, "select count(*) from estimates"), 0);
    run_sql(owner, "reset role");
    assert_int_equal(call("PATCH", "/v1/estimates/ORD-1003", "{'status':'awaiting'}"), 200);
    assert_int_equal(call("POST", path,
                          "{'items':[{'description':'Work','qty':1,"
                          "'unit_price_minor':5000}],'send':true}"),
                     201);
    assert_non_null(strstr(said, "\"status\": \"awaiting\""));
    assert_int_equal(call("GET", path, NULL), 200);
    assert_non_null(strstr(said, "\"status\": \"withdrawn\"")); /* the one before */
    assert_int_equal(ask_number(owner, "select count(*) from estimates where status = "
                                       "'awaiting'"),
                     1);
    assert_int_equal(
        ask_number(owner, "select count(*) from notices where kind = 'estimate_awaiting' and "
                          "detail -> 'total' ->> 'minor' = '5000' and state <> 'replaced'"),
        1);
    assert_int_equal(call_with(bearer(foreign), "GET", path, NULL, NULL), 404);
    assert_int_equal(call("POST", path, "{'items':[]}"), 422);
    assert_int_equal(call("POST", path,
                          "{'items':[{'description':'x','qty':1,"
                          "'unit_price_minor':-5}]}"),
                     422);
    assert_non_null(strstr(said, "\"path\": \"items\""));
    assert_int_equal(call("POST", path,
                          "{'items':[{'description':'x','qty':'1.0001',"
                          "'unit_price_minor':5}]}"),
                     422);
    assert_non_null(strstr(said, "items[0].qty"));
    assert_int_equal(call("PATCH", "/v1/estimates/ORD-1003", "{'status':'withdrawn'}"), 200);
    assert_int_equal(ask_number(owner, "select count(*) from audit where actor = 'till' and "
                                       "action in ('estimate.draft', 'estimate.withdrawn')"),
                     4);
}

/* --- a person -------------------------------------------------------------------------------
 */

static void crm_3_a_person_takes_speaks_and_gives_back(void **state)
{
    char id[UUID_TEXT_LEN + 1], *at;
    const char *path;

    (void)state;
    write_in("human");
    assert_int_equal(call("GET", "/v1/handoffs", NULL), 200);
    at = strstr(said, "\"id\": \"");
    assert_non_null(at);
    (void)snprintf(id, sizeof id, "%.*s", UUID_TEXT_LEN, at + 7);
    path = arena_format(&arena, "/v1/handoffs/%s", id).at;
    assert_int_equal(call("GET", path, NULL), 200);
    assert_non_null(strstr(said, "\"text\": \"human\""));
    assert_int_equal(call_with(bearer(foreign), "GET", path, NULL, NULL), 404);
    assert_int_equal(call_with(bearer(foreign), "POST",
                               arena_format(&arena, "%s/take", path).at, NULL, NULL),
                     404);
    assert_int_equal(call("POST", arena_format(&arena, "%s/take", path).at, NULL), 200);
    assert_non_null(strstr(said, "\"held_by\": \"till\""));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(call_with(bearer(all), "POST", arena_format(&arena, "%s/say", path).at,
                                   "{'text':'Good day, Ann here.'}", "Idempotency-Key: say-1"),
                         200);
    }
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(service_arrived(&service, AMELIA, "Ann here"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "till"), 0); /* a key is nobody */
    assert_int_equal(call("POST", arena_format(&arena, "%s/say", path).at,
                          "{'text':'And I am Bob.','agent':'Bob'}"),
                     409);
    assert_non_null(strstr(said, "till holds it"));
    assert_int_equal(call("POST", arena_format(&arena, "%s/release", path).at, "{'agent':[]}"),
                     422);
    assert_int_equal(call("POST", arena_format(&arena, "%s/release", path).at, NULL), 200);
    service_until(&service, owner, "select count(*) from handoffs where ended_why = 'released'",
                  1, WAIT);
    assert_int_equal(call("POST", arena_format(&arena, "%s/say", path).at, "{'text':'more'}"),
                     409);
}

/* Several people with one key: each has the conversation in their own name, and the customer
 * reads it. */
static void crm_3_the_customer_sees_who_speaks(void **state)
{
    char id[UUID_TEXT_LEN + 1], *at;
    const char *path;

    (void)state;
    write_in("human");
    assert_int_equal(call("GET", "/v1/handoffs", NULL), 200);
    at = strstr(said, "\"id\": \"");
    assert_non_null(at);
    (void)snprintf(id, sizeof id, "%.*s", UUID_TEXT_LEN, at + 7);
    path = arena_format(&arena, "/v1/handoffs/%s", id).at;
    assert_int_equal(call("POST", arena_format(&arena, "%s/take", path).at, "{'agent':'Anna'}"),
                     200);
    assert_non_null(strstr(said, "\"held_by\": \"Anna\""));
    assert_int_equal(call("POST", arena_format(&arena, "%s/say", path).at,
                          "{'text':'Bob here.','agent':'Bob'}"),
                     409);
    assert_int_equal(call("POST", arena_format(&arena, "%s/say", path).at,
                          "{'text':'How can I help?','agent':'Anna'}"),
                     200);
    assert_non_null(strstr(said, "\"agent\": \"Anna\""));
    assert_non_null(strstr(said, "\"text\": \"How can I help?\""));
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_int_equal(service_arrived(&service, AMELIA, "*Anna:* How can I help?"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from audit where actor = 'till' and "
                                       "detail ->> 'agent' = 'Anna' and action in "
                                       "('handoff taken', 'handoff answered')"),
                     2);
    assert_int_equal(call("POST", arena_format(&arena, "%s/release", path).at, NULL), 200);
    service_until(&service, owner, "select count(*) from handoffs where ended_why = 'released'",
                  2, WAIT);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_is_revoked_works_no_more_at_once),
        cmocka_unit_test(rev_2_reviews_are_counted_and_asked_for),
        cmocka_unit_test(ops_3_figures_are_not_for_the_internet),
        cmocka_unit_test(who_asks_too_often_waits_and_harms_no_other_key),
        cmocka_unit_test(who_shows_invented_keys_shuts_nobody_else_out),
        cmocka_unit_test(stf_3_every_route_refuses_every_wrong_identity),
        cmocka_unit_test(ord_5_what_staff_changes_is_visible_at_once_and_told),
        cmocka_unit_test(ord_5_a_hidden_note_is_the_businesss_own),
        cmocka_unit_test(what_cannot_be_meant_is_told_with_its_path),
        cmocka_unit_test(who_changes_what_another_changed_meanwhile_is_told),
        cmocka_unit_test(what_is_sent_again_under_its_key_is_done_once),
        cmocka_unit_test(pages_of_orders_have_each_once),
        cmocka_unit_test(ord_10_a_photo_is_kept_once_and_goes_again),
        cmocka_unit_test(ord_10_a_photo_comes_in_a_form_too_and_is_kept_once),
        cmocka_unit_test(ord_10_what_is_too_large_is_told_the_limit),
        cmocka_unit_test(ord_10_a_draft_is_shown_when_staff_says_so),
        cmocka_unit_test(ord_10_an_estimate_is_drafted_sent_decided_and_withdrawn),
        cmocka_unit_test(crm_3_a_person_takes_speaks_and_gives_back),
        cmocka_unit_test(crm_3_the_customer_sees_who_speaks),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    store_open();
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    store_shut();
    return failed;
}
