/*
 * Files that a CRM names by their address: fetched into our store, shown from there, and where
 * that cannot be, told to the CRM. A small server of our own has the files.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/loop/loop.h"
#include "tests/sandbox/schema.h"
#include "tests/support/files.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define AMELIA "15550100001"
#define SOURCE "https://crm.lark.example"
#define LIMIT  (40 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;

/* --- where the files are --------------------------------------------------------------------
 */

static int port;
static struct str picture, paper;

static void say(int fd, const char *status, const char *more, struct str body)
{
    char head[512];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n",
                     status, body.len, more);

    if (write(fd, head, (size_t)n) == n && write(fd, body.at, body.len) < 0)
        return; /* they have heard enough */
}

static void answer(int fd, const char *asked)
{
    static const char page[] = "<!doctype html><title>Sign in</title>";
    static char large[11 << 20];

    if (strstr(asked, "GET /paper") != NULL) {
        say(fd, "200 OK", "Content-Type: text/html\r\n", paper); /* it says nonsense */
    } else if (strstr(asked, "GET /picture") != NULL) {
        say(fd, "200 OK", "", picture);
    } else if (strstr(asked, "GET /moved") != NULL) {
        say(fd, "302 Found", "Location: /paper.pdf\r\n", STR_NONE);
    } else if (strstr(asked, "GET /away") != NULL) {
        say(fd, "302 Found", "Location: ftp://127.0.0.1/x\r\n", STR_NONE);
    } else if (strstr(asked, "GET /round") != NULL) {
        say(fd, "302 Found", "Location: /round\r\n", STR_NONE);
    } else if (strstr(asked, "GET /page") != NULL) {
        say(fd, "200 OK", "Content-Type: application/pdf\r\n", str_from(page));
    } else if (strstr(asked, "GET /large") != NULL) {
        say(fd, "200 OK", "", (struct str){large, sizeof large});
    } else {
        say(fd, "404 Not Found", "", STR_NONE);
    }
}

static void *serve(void *listener)
{
    for (;;) {
        char asked[4096] = "";
        int fd = accept(*(int *)listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        if (read(fd, asked, sizeof asked - 1) > 0)
            answer(fd, asked);
        (void)close(fd);
    }
}

static void begin_serving(void)
{
    static int listener;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    pthread_t thread;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(listener, 64), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&thread, NULL, serve, &listener), 0);
    (void)pthread_detach(thread);
}

/* --- the CRM --------------------------------------------------------------------------------
 */

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, LIMIT);
}

/* An event as the door hands it to the database; `path` is where the file is. */
static void give(const char *type, const char *id, int version, const char *path,
                 const char *more)
{
    char sql[2048];

    (void)snprintf(
        sql, sizeof sql,
        "select * from crm_take('" SOURCE "', null, jsonb_build_array("
        "jsonb_build_object('i', 0, 'hash', gen_random_uuid(), 'type', '%s', "
        "'subject', '%s', 'version', %d, 'data', jsonb_build_object('id', '%s', 'url', "
        "'http://127.0.0.1:%d%s', %s))), now(), true)",
        type, id, version, id, port, path, more);
    run_sql(owner, sql);
}

static void give_document(const char *id, const char *path)
{
    give("document.added", id, 1, path, "'customer', 'C-0001', 'name', 'Warranty'");
}

static void write_in(const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, AMELIA, arena_format(&arena, "wamid.g.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, LIMIT);
    assert_int_equal(post.status, 200);
}

/* Why that file was refused, as the CRM has heard, once it has; held against the schema. */
static const char *refused(const char *id)
{
    for (int tries = 0; tries < 400; tries++) {
        OWNED_JSON(heard) = service_events(&service);
        json_t *record;
        size_t i;
        json_array_foreach(heard, i, record)
        {
            const json_t *event = json_object_get(record, "event");
            const json_t *data = json_object_get(event, "data");
            const char *which = json_string_value(json_object_get(data, "id"));
            char reason[SCHEMA_REASON_MAX];
            if (which == NULL || strcmp(which, id) != 0)
                continue;
            OWNED_JSON(schema) = json_load_file(
                PARLEY_SOURCE_DIR "/docs/events/out/file.refused.schema.json", 0, NULL);
            assert_non_null(schema);
            if (!schema_check(schema, schema, event, reason))
                fail_msg("%s", reason);
            return arena_cstr(&arena,
                              str_from(json_string_value(json_object_get(data, "reason"))));
        }
        (void)usleep(25000);
    }
    service_show_log(&service);
    fail_msg("the CRM has not heard of %s", id);
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    picture = file_png(&arena, 8, 8);
    paper = file_pdf(&arena, "/Title");
    begin_serving();
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2, .crm = true});
    nobody_sleeps(owner);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

/* --- what is kept ---------------------------------------------------------------------------
 */

static void crm_1_a_document_is_fetched_told_and_sent_from_our_store(void **state)
{
    (void)state;
    write_in("hi"); /* WhatsApp's window is open */
    give_document("d-1", "/moved.pdf");
    until("select count(*) from documents d join document_links l using (org_id, document_id) "
          "where l.external_id = 'd-1' and d.state = 'kept' and d.mime = 'application/pdf'",
          1);
    until("select count(*) from notices where kind = 'document_ready' and state = 'told'", 1);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "Warranty is ready. Write"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "127.0.0.1"), 0);
    write_in("documents");
    write_in("1");
    until("select count(*) from messages where not inbound and body::jsonb ->> 'kind' = "
          "'document' and body::jsonb ? 'document'",
          1);
    until("select count(*) from outbox", 0);
    assert_int_equal(
        ask_number(owner, "select count(*) from uploads where media_id is not null"), 1);
}

static void ord_6_a_photo_is_fetched_and_another_takes_its_place(void **state)
{
    const char *more = "'order', 'x-1', 'category', 'progress'";

    (void)state;
    run_sql(owner, "update orders set external_id = 'x-1' where number = 'ORD-1002'");
    give("photo.added", "p-1", 1, "/picture.png", more);
    until("select count(*) from order_photos p join documents d using (org_id, document_id) "
          "where "
          "p.external_id = 'p-1' and d.state = 'kept' and d.mime = 'image/png'",
          1);
    give("photo.added", "p-1", 2, "/picture.png?2", more);
    until("select count(*) from order_photos p join documents d using (org_id, document_id) "
          "where "
          "p.external_id = 'p-1' and d.state = 'kept' and d.handle like '%?2'",
          1);
    assert_int_equal(ask_number(owner, "select count(*) from documents where handle like "
                                       "'%/picture.png' and not ticketed"),
                     1); /* nothing counts on the first any more */
}

/* A person of the business shows a paper and a picture, while they have the conversation. */
static void crm_3_an_agents_file_follows_their_words(void **state)
{
    char sql[1024];
    static const char *const paths[] = {"/paper.pdf", "/picture.png", "/nothing-there.pdf"};
    static const char *const names[] = {"manual.pdf", "the knob", "lost"};

    (void)state;
    write_in("human");
    until("select count(*) from handoffs where state = 'offered'", 1);
    for (size_t i = 0; i < COUNTOF(paths); i++) {
        (void)snprintf(
            sql, sizeof sql,
            "select * from crm_take('" SOURCE "', null, (select jsonb_build_array("
            "jsonb_build_object('i', 0, 'hash', gen_random_uuid(), 'type', 'agent.message', "
            "'version', 1, 'data', jsonb_build_object('conversation', conversation_id, "
            "'agent', "
            "'Eve', 'text', 'Here it is, %zu.', 'url', 'http://127.0.0.1:%d%s', 'name', "
            "'%s'))) from handoffs where state <> 'done'), now(), true)",
            i, port, paths[i], names[i]);
        run_sql(owner, sql);
    }
    until("select count(*) from documents where shown_at is not null", 2);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "*Eve:* Here it is, 0."), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "\"filename\":\"manual.pdf\""), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "Eve: the knob"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from handoffs where state = 'human'"),
                     1); /* it is theirs still */
    run_sql(owner, "update documents set refusals = 4, due_at = now() where open");
    until("select count(*) from events_out where type = 'file.refused' and data ->> 'what' = "
          "'message' and data ->> 'reason' = 'lost'",
          1);
    write_in("menu");
    run_sql(owner, "update jobs set due_at = now() where kind = 'handoff'");
    until("select count(*) from handoffs where state <> 'done'", 0);
}

static void crm_1_killed_workers_fetch_again(void **state)
{
    pid_t pids[8];

    (void)state;
    for (int i = 0; i < 40; i++) {
        give_document(arena_format(&arena, "k-%d", i).at,
                      arena_format(&arena, "/paper.pdf?%d", i).at);
    }
    size_t n = service_workers(&service, pids, 8);
    for (size_t i = 0; i < n; i++)
        (void)kill(pids[i], SIGKILL);
    run_sql(owner, "update documents set due_at = now() where open");
    until("select count(*) from documents d join document_links l using (org_id, document_id) "
          "where l.external_id like 'k-%' and d.state = 'kept'",
          40);
}

/* --- what is not ----------------------------------------------------------------------------
 */

/* However often the network failed before: it said nothing about the file. */
static void crm_1_only_answers_about_a_file_make_it_lost(void **state)
{
    (void)state;
    give_document("v-1", "/nothing?v");
    until("select max(refusals) from documents where handle like '%/nothing?v'", 1);
    run_sql(owner, "update documents set attempts = 10, due_at = now() where handle like "
                   "'%/nothing?v'");
    until("select max(refusals) from documents where handle like '%/nothing?v'", 2);
    assert_int_equal(ask_number(owner, "select count(*) from documents where handle like "
                                       "'%/nothing?v' and open and state = 'wanted'"),
                     1);
    run_sql(owner, "update documents set refusals = 4, due_at = now() where handle like "
                   "'%/nothing?v'");
    assert_string_equal(refused("v-1"), "lost");
}

static void crm_1_what_cannot_be_fetched_is_told_and_stays_a_reference(void **state)
{
    static const struct {
        const char *id, *path, *reason;
    } cases[] = {
        {"n-1", "/nothing", "lost"     },
        {"n-2", "/page",    "kind"     },
        {"n-3", "/large",   "too_large"},
        {"n-4", "/away",    "address"  },
    };

    (void)state;
    run_sql(owner, "delete from notices where state = 'waiting'");
    for (size_t i = 0; i < COUNTOF(cases); i++)
        give_document(cases[i].id, cases[i].path);
    for (size_t i = 0; i < COUNTOF(cases); i++)
        assert_string_equal(refused(cases[i].id), cases[i].reason);
    assert_int_equal(ask_number(owner, "select count(*) from notices where kind = "
                                       "'document_ready' and state = 'waiting' and due_at > "
                                       "now() + interval '1 minute'"),
                     0);
    assert_int_equal(
        ask_number(owner,
                   "select count(*) from document_links where external_id like 'n-%' and "
                   "url like 'http%'"),
        4);
    give("document.added", "n-1", 2, "/paper.pdf?late", "'customer', 'C-0001', 'name', 'Late'");
    until("select count(*) from documents d join document_links l using (org_id, document_id) "
          "where l.external_id = 'n-1' and d.state = 'kept'",
          1);
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crm_1_a_document_is_fetched_told_and_sent_from_our_store),
        cmocka_unit_test(ord_6_a_photo_is_fetched_and_another_takes_its_place),
        cmocka_unit_test(crm_3_an_agents_file_follows_their_words),
        cmocka_unit_test(crm_1_killed_workers_fetch_again),
        cmocka_unit_test(crm_1_only_answers_about_a_file_make_it_lost),
        cmocka_unit_test(crm_1_what_cannot_be_fetched_is_told_and_stays_a_reference),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    store_open();
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    store_shut();
    return failed;
}
