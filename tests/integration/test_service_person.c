/*
 * A person who sits in the business's own system: what the customer says goes out to it, what
 * the person says comes in from it, each once and in order, whoever dies on the way.
 */
#include "bot/base/crypto.h"
#include "bot/base/json.h"
#include "bot/loop/loop.h"
#include "tests/support/files.h"
#include "tests/support/service.h"
#include "webhooks/svix.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#define AMELIA  "15550100001"
#define OLIVER  "15550100005"
#define HARRIET "15550100009"
#define CLARA   "15550100003"
#define SOURCE  "https://crm.lark.example"
#define LIMIT   (40 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, LIMIT);
}

static void write_in(const char *phone, const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, phone, arena_format(&arena, "wamid.p.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, LIMIT);
    assert_int_equal(post.status, 200);
}

static const char *ask_text(const char *sql)
{
    PGresult *rows = PQexec(owner, sql);

    assert_int_equal(PQntuples(rows), 1);
    const char *text = arena_cstr(&arena, str_from(PQgetvalue(rows, 0, 0)));
    PQclear(rows);
    return text;
}

static size_t drop(const char *bytes, size_t size, size_t n, void *user)
{
    (void)bytes, (void)user;
    return size * n;
}

static struct curl_slist *add(struct curl_slist *list, const char *name, struct str value)
{
    return curl_slist_append(list, arena_format(&arena, "%s: %.*s", name, STR_ARG(value)).at);
}

/* Signed as the CRM does; the answer's status, 0 when there was none. */
static long push(struct str body, const char *secret)
{
    struct str at = arena_format(&arena, "%lld", (long long)(clock_now() / USEC_PER_SEC));
    CURL *curl = curl_easy_init();
    struct curl_slist *list = NULL;
    long status = 0;

    list = add(list, "webhook-id", STR("m"));
    list = add(list, "webhook-timestamp", at);
    list =
        add(list, "webhook-signature", svix_sign(&arena, str_from(secret), STR("m"), at, body));
    list = add(list, "Content-Type", STR("application/cloudevents+json"));
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_format(&arena, "http://127.0.0.1:%d/v1/events", service.port).at);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    return status;
}

static struct str agent_event(const char *source, const char *id, const char *type,
                              const char *conversation, const char *text)
{
    return arena_format(&arena,
                        "{\"specversion\":\"1.0\",\"source\":\"%s\",\"id\":\"%s\",\"type\":"
                        "\"%s\",\"time\":\"2026-11-21T10:00:00Z\",\"data\":{\"conversation\":"
                        "\"%s\",\"agent\":\"Eve\",\"text\":\"%s\"}}",
                        source, id, type, conversation, text);
}

/* As a sender does: again until it is taken. */
static void tell(const char *id, const char *type, const char *conversation, const char *text)
{
    struct str event = agent_event(SOURCE, id, type, conversation, text);
    long status = 0;

    for (int tries = 0; tries < 200 && status != 200; tries++) {
        status = push(event, SERVICE_CRM_SECRET);
        if (status != 200)
            (void)usleep(50000);
    }
    assert_int_equal(status, 200);
}

static json_t *heard;

/* The data of the last event of this type (and, unless NULL, this text) that the CRM took, once
 * it has; how often it was taken is in `times`. */
static const json_t *hear(const char *type, const char *text, size_t *times)
{
    for (int tries = 0; tries < 400; tries++) {
        const json_t *found = NULL;
        json_t *record;
        size_t i, n = 0;

        json_decref(heard);
        heard = service_events(&service);
        json_array_foreach(heard, i, record)
        {
            const json_t *event = json_object_get(record, "event");
            const json_t *data = json_object_get(event, "data");
            const char *said = json_string_value(json_object_get(data, "text"));
            if (strcmp(json_string_value(json_object_get(event, "type")), type) == 0 &&
                (text == NULL || (said != NULL && strcmp(said, text) == 0)))
                found = data, n++;
        }
        if (times != NULL)
            *times = n;
        if (found != NULL)
            return found;
        (void)usleep(25000);
    }
    service_show_log(&service);
    fail_msg("the CRM has not heard of %s", type);
    return NULL;
}

static const char *text_in(const json_t *data, const char *name)
{
    const char *text = json_string_value(json_object_get(data, name));

    return arena_cstr(&arena, str_from(text != NULL ? text : ""));
}

static void kill_workers(void)
{
    pid_t pids[8];
    size_t n = service_workers(&service, pids, 8);

    for (size_t i = 0; i < n; i++)
        (void)kill(pids[i], SIGKILL);
}

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    service_start(&service,
                  &(struct service_wish){.workers = 2,
                                         .crm = true,
                                         .more = "events:\n  retry: 100ms, 200ms, 300ms\n"
                                                 "  timeout: 1s\n  off_after: 1d\n"
                                                 "log:\n  level: warn\n"});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(heard);
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void crm_3_both_directions_each_word_once_and_in_order(void **state)
{
    const json_t *asked, *line;
    const char *conversation;
    size_t times;

    (void)state;
    write_in(AMELIA, "good morning");
    write_in(AMELIA, "human");
    asked = hear("handoff.asked", NULL, NULL);
    conversation = text_in(asked, "conversation");
    assert_string_equal(text_in(asked, "reason"), "asked");
    assert_string_equal(text_in(asked, "language"), "en");
    assert_true(strlen(text_in(asked, "answer_by")) == 20);
    line = json_array_get(json_object_get(asked, "transcript"), 0);
    assert_string_equal(text_in(line, "text"), "good morning");
    assert_string_equal(text_in(line, "from"), "customer");
    line = json_array_get(json_object_get(asked, "transcript"), 1);
    assert_string_equal(text_in(line, "from"), "bot");
    assert_true(strlen(text_in(line, "text")) > 10);

    assert_int_equal(push(agent_event("https://elsewhere.example", "x", "agent.message",
                                      conversation, "forged"),
                          SERVICE_CRM_SECRET),
                     422);
    assert_int_equal(
        push(agent_event(SOURCE, "x", "agent.message", conversation, "forged"), "whsec_Zm9y"),
        401);
    tell("m-1", "agent.message", conversation, "Eve here.");
    tell("m-2", "agent.message", conversation, "What is it about?");
    tell("m-1", "agent.message", conversation, "Eve here.");
    kill_workers();
    tell("m-2", "agent.message", conversation, "What is it about?");
    write_in(AMELIA, "my lamp");
    write_in(AMELIA, "is broken");
    assert_string_equal(text_in(hear("message.received", "my lamp", NULL), "conversation"),
                        conversation);
    (void)hear("message.received", "is broken", &times);
    assert_int_equal(times, 1);
    tell("m-3", "agent.message", conversation, "We send another one.");
    run_sql(owner, "update lanes set lease_until = now()");
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "*Eve:* Eve here."), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "What is it about?"), 1);
    assert_int_equal(service_arrived(&service, AMELIA, "We send another one."), 1);
    assert_int_equal(service_arrived(&service, NULL, "forged"), 0);
    assert_true(service_place(&service, "Eve here.") < service_place(&service, "about?"));
    tell("r-1", "handoff.released", conversation, "");
    assert_string_equal(text_in(hear("handoff.returned", NULL, NULL), "why"), "released");
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, AMELIA, "talking with me, the assistant"), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from (select data ->> 'seq', count(*) from "
                                "events_out where type = 'message.received' group by 1 having "
                                "count(*) > 1) twice"),
                     0);
}

static void crm_3_whom_nobody_answers_has_the_bot_again_and_a_report(void **state)
{
    const json_t *back;

    (void)state;
    write_in(OLIVER, "human");
    until("select count(*) from handoffs where state = 'offered'", 1);
    write_in(OLIVER, "my order never came");
    (void)hear("message.received", "my order never came", NULL);
    run_sql(owner, "update jobs set due_at = now() where kind = 'handoff'");
    until("select count(*) from handoffs where ended_why = 'unanswered'", 1);
    for (int tries = 0; tries < 400; tries++) {
        back = hear("handoff.returned", NULL, NULL);
        if (strcmp(text_in(back, "why"), "unanswered") == 0)
            break;
        (void)usleep(25000);
    }
    assert_string_equal(text_in(back, "why"), "unanswered");
    assert_int_equal(strncmp(text_in(back, "ticket"), "T-", 2), 0);
    assert_int_equal(ask_number(owner, "select count(*) from tickets where description like "
                                       "'%my order never came' and status = 'open'"),
                     1);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, OLIVER, "nobody of the team was free"), 1);
}

/* The CRM is away: nobody comes, and so the bot does; what happened is told when it is back. */
static void crm_3_a_crm_that_is_away_leaves_nobody_alone(void **state)
{
    (void)state;
    service_crm(&service, "{\"status\": 503}");
    write_in(HARRIET, "human");
    until("select count(*) from handoffs where state = 'offered'", 1);
    write_in(HARRIET, "anybody there?"); /* a word for whoever comes */
    run_sql(owner, "update jobs set due_at = now() where kind = 'handoff'");
    until("select count(*) from handoffs where ended_why = 'unanswered'", 2);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, HARRIET, "nobody of the team was free"), 1);
    service_crm(&service, "{\"next\": 0}");
    run_sql(owner, "update event_deliveries set due_at = now() where due_at is not null; "
                   "update event_endpoints set held_until = null");
    (void)hear("message.received", "anybody there?", NULL);
    until("select count(*) from event_deliveries where state = 'waiting'", 0);
}

static struct str bytes_of; /* what the last `fetch` brought */

static size_t gather(const char *bytes, size_t size, size_t n, void *user)
{
    (void)user;
    bytes_of = arena_concat(&arena, bytes_of, (struct str){bytes, size * n});
    return size * n;
}

/* As a CRM does: again while it is told to come later. The status. */
static long fetch(const char *url)
{
    long status = 503;

    for (int tries = 0; tries < 200 && status == 503; tries++) {
        CURL *curl = curl_easy_init();
        bytes_of = STR_NONE;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, gather);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
        assert_int_equal(curl_easy_perform(curl), CURLE_OK);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(curl);
        if (status == 503)
            (void)usleep(50000);
    }
    return status;
}

static void send_in(const char *phone, const char *rest)
{
    static unsigned n;
    struct str message = arena_format(
        &arena, "{\"from\":\"%s\",\"id\":\"wamid.f.%u\",\"timestamp\":\"%lld\",%s}", phone, ++n,
        (long long)(clock_now() / USEC_PER_SEC), rest);
    struct post post = {.body = post_messages(&arena, &message, 1)};

    service_post(&service, &post, 1, 1, LIMIT);
    assert_int_equal(post.status, 200);
}

/* The data of the newest message.received of that kind, and its file's address here. */
static const json_t *hear_kind(const char *kind, const char **url)
{
    for (int tries = 0; tries < 400; tries++) {
        const json_t *found = NULL;
        json_t *record;
        size_t i;
        json_decref(heard);
        heard = service_events(&service);
        json_array_foreach(heard, i, record)
        {
            const json_t *data = json_object_get(json_object_get(record, "event"), "data");
            if (strcmp(text_in(data, "kind"), kind) == 0)
                found = data;
        }
        if (found != NULL) {
            const char *at = text_in(json_array_get(json_object_get(found, "files"), 0), "url");
            const char *path = strstr(at, "/f/");
            if (url != NULL && path != NULL)
                *url = arena_format(&arena, "http://127.0.0.1:%d%s", service.port, path).at;
            return found;
        }
        (void)usleep(25000);
    }
    fail_msg("the CRM has not heard of a message of the kind %s", kind);
    return NULL;
}

/* What a customer shows reaches whoever answers: before and while they have the conversation.
 */
static void crm_3_a_persons_system_gets_the_customers_files_and_learns_what_else_came(
    void **state)
{
    struct str lamp = file_png(&arena, 31, 17), shade = file_png(&arena, 20, 20);
    const char *id = service_media(&service, &arena, "image/png", lamp), *url = NULL;
    const json_t *asked, *line = NULL, *each;
    size_t i;

    (void)state;
    send_in(CLARA, arena_format(&arena,
                                "\"type\":\"image\",\"image\":{\"id\":\"%s\",\"mime_type\":"
                                "\"image/png\",\"caption\":\"my lamp\"}",
                                id)
                       .at);
    write_in(CLARA, "human");
    until("select count(*) from handoffs where state = 'offered'", 1);
    (void)hear("handoff.asked", NULL, NULL);
    for (int tries = 0; tries < 400 && line == NULL; tries++) {
        asked = hear("handoff.asked", NULL, NULL);
        json_array_foreach(json_object_get(asked, "transcript"), i,
                           each) if (strcmp(text_in(each, "kind"), "image") == 0) line = each;
        (void)usleep(line == NULL ? 25000 : 0);
    }
    assert_non_null(line);
    assert_string_equal(text_in(line, "text"), "my lamp");
    url = strstr(text_in(json_array_get(json_object_get(line, "files"), 0), "url"), "/f/");
    assert_non_null(url);
    assert_int_equal(fetch(arena_format(&arena, "http://127.0.0.1:%d%s", service.port, url).at),
                     200);
    assert_true(str_eq(bytes_of, lamp));

    id = service_media(&service, &arena, "image/png", shade);
    send_in(CLARA, arena_format(&arena,
                                "\"type\":\"document\",\"document\":{\"id\":\"%s\","
                                "\"mime_type\":\"image/png\",\"filename\":\"shade.png\"}",
                                id)
                       .at);
    send_in(CLARA, "\"type\":\"location\",\"location\":{\"latitude\":52.2297,\"longitude\":"
                   "21.0122,\"name\":\"The shop\"}");
    send_in(CLARA, "\"type\":\"audio\",\"audio\":{\"id\":\"no-such-voice\",\"voice\":true,"
                   "\"mime_type\":\"audio/ogg\"}");
    each = hear_kind("document", &url);
    assert_string_equal(text_in(json_array_get(json_object_get(each, "files"), 0), "name"),
                        "shade.png");
    assert_int_equal(fetch(url), 200);
    assert_true(str_eq(bytes_of, shade));
    assert_string_equal(text_in(hear_kind("location", NULL), "text"),
                        "52.229700, 21.012200 The shop");
    (void)hear_kind("voice", &url);
    assert_true(strlen(url) > 40);
    /* Another token, or a mangled one, opens nothing; and an end is an end. */
    ((char *)url)[strlen(url) - 1] ^= 1;
    assert_int_equal(fetch(url), 404);
    assert_int_equal(ask_number(owner, "select count(*) from events_out where data::text like "
                                       "'%/f/%'"),
                     0); /* no key lies in the database */
    tell("f-1", "handoff.released",
         ask_text("select conversation_id from handoffs where state <> 'done'"), "");
    until("select count(*) from handoffs where state <> 'done'", 0);
}

/* As long as nobody has come the customer may think better of it. */
static void crm_3_who_is_waiting_may_go_back_to_the_bot(void **state)
{
    const json_t *back;
    const char *conversation;

    (void)state;
    write_in(OLIVER, "human");
    until("select count(*) from handoffs where state = 'offered'", 1);
    conversation = ask_text("select conversation_id from handoffs where state = 'offered'");
    write_in(OLIVER, "menu");
    until("select count(*) from handoffs where ended_why = 'withdrawn' and state = 'done'", 1);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, OLIVER, "nobody is being called any more"), 1);
    for (int tries = 0; tries < 400; tries++) {
        back = hear("handoff.returned", NULL, NULL);
        if (strcmp(text_in(back, "why"), "withdrawn") == 0)
            break;
        (void)usleep(25000);
    }
    assert_string_equal(text_in(back, "why"), "withdrawn");
    assert_int_equal(push(agent_event(SOURCE, "w-1", "agent.message", conversation, "too late"),
                          SERVICE_CRM_SECRET),
                     422);
    assert_int_equal(ask_number(owner, "select count(*) from jobs where kind = 'handoff'"), 0);
}

/* Nobody holds it any longer than the lease says, whatever became of its timer. */
static void crm_3_a_lease_that_is_over_gives_the_bot_its_words_back(void **state)
{
    const char *conversation;
    long before;

    (void)state;
    write_in(HARRIET, "human");
    until("select count(*) from handoffs where state = 'offered'", 1);
    conversation = text_in(hear("handoff.asked", NULL, NULL), "conversation");
    tell("l-1", "agent.message", conversation, "One moment.");
    until("select count(*) from handoffs where state = 'human'", 1);
    before = ask_number(owner, "select count(*) from messages where not inbound");
    write_in(HARRIET, "menu");
    (void)hear("message.received", "menu", NULL); /* it is a person's to answer */
    write_in(HARRIET, "back");
    (void)hear("message.received", "back", NULL);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, HARRIET, "so I stay out of it"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound"),
                     before + 1); /* how the bot comes back, once */
    run_sql(owner, "update conversations set held_until = now() where held_until > now()");
    write_in(HARRIET, "menu");
    until("select count(*) from messages where not inbound", before + 2);
    run_sql(owner, "update jobs set due_at = now() where kind = 'handoff'");
    until("select count(*) from handoffs where state <> 'done'", 0);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

/* The settings ask for warnings, and each start has lines of "info" otherwise. */
static void the_log_has_no_line_below_its_level(void **state)
{
    (void)state;
    assert_int_equal(service_logged(&service, " info "), 0);
    assert_int_equal(service_logged(&service, "supervisor.started"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crm_3_both_directions_each_word_once_and_in_order),
        cmocka_unit_test(crm_3_whom_nobody_answers_has_the_bot_again_and_a_report),
        cmocka_unit_test(
            crm_3_a_persons_system_gets_the_customers_files_and_learns_what_else_came),
        cmocka_unit_test(crm_3_who_is_waiting_may_go_back_to_the_bot),
        cmocka_unit_test(crm_3_a_crm_that_is_away_leaves_nobody_alone),
        cmocka_unit_test(crm_3_a_lease_that_is_over_gives_the_bot_its_words_back),
        cmocka_unit_test(the_log_has_no_line_below_its_level),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    store_open();
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    store_shut();
    return failed;
}
