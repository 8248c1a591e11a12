/*
 * Links of our mails, through the whole service: the pages ask, a POST acts, and nothing else
 * does.
 */
#include "bot/base/crypto.h"
#include "bot/view/link.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <curl/curl.h>

#define ANA  "15550100001"
#define WAIT (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static struct config config = {
    .secrets = {.key = {"a key of thirty-two characters or more", 38}}};

/* An answer: its headers and its page. */
static struct {
    long status;
    char head[4096], body[16384];
    size_t head_len, body_len;
} answer;

static size_t keep(char *at, char *text, size_t room, size_t *len)
{
    size_t n = strlen(at);

    (void)snprintf(text + *len, room - *len, "%s", at);
    *len += n < room - *len ? n : room - *len - 1;
    return n;
}

static size_t take_head(char *bytes, size_t size, size_t n, void *user)
{
    char *line = strndup(bytes, size * n);

    (void)user;
    keep(line, answer.head, sizeof answer.head, &answer.head_len);
    free(line);
    return size * n;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    char *text = strndup(bytes, size * n);

    (void)user;
    keep(text, answer.body, sizeof answer.body, &answer.body_len);
    free(text);
    return size * n;
}

/* `form` NULL: GET. */
static long visit(struct str url, const char *form)
{
    CURL *curl = curl_easy_init();

    memset(&answer, 0, sizeof answer);
    curl_easy_setopt(curl, CURLOPT_URL, arena_cstr(&arena, url));
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 10L);
    if (form != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_cleanup(curl);
    return answer.status;
}

static void uuid_asked(const char *sql, struct uuid *id)
{
    PGresult *rows = PQexec(owner, sql);

    assert_int_equal(PQntuples(rows), 1);
    assert_true(uuid_parse(str_from(PQgetvalue(rows, 0, 0)), id));
    PQclear(rows);
}

/* The last message with options that was said to Ana. */
static struct link last_said(void)
{
    struct link link = {.seq =
                            ask_number(owner, "select max(seq) from messages where not inbound"
                                              " and body like '%\"options\"%'")};

    uuid_asked("select org_id from conversations limit 1", &link.org);
    uuid_asked("select conversation_id from conversations limit 1", &link.conversation);
    return link;
}

static struct str url_of(enum link_kind kind, const struct link *link)
{
    config.public_url = arena_format(&arena, "http://127.0.0.1:%d", service.port);
    return link_make(&arena, &config, kind, link);
}

static const char *text_asked(const char *sql)
{
    PGresult *rows = PQexec(owner, sql);

    assert_int_equal(PQntuples(rows), 1);
    const char *text = arena_format(&arena, "%s", PQgetvalue(rows, 0, 0)).at;
    PQclear(rows);
    return text;
}

static int set_up(void **state)
{
    struct post post;

    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 2});
    post = (struct post){.body = post_text(&arena, ANA, "wamid.link.1", "menu")};
    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
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

static long turns(void)
{
    return ask_number(owner, "select count(*) from messages where inbound");
}

/* --- taps -----------------------------------------------------------------------------------
 */

static void ch_6_a_get_shows_and_does_nothing(void **state)
{
    struct link link = last_said();

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(visit(url_of(LINK_TAP, &link), NULL), 200);
        assert_non_null(strstr(answer.body, "My orders"));
        assert_non_null(strstr(answer.body, "<form method=\"post\">"));
    }
    assert_int_equal(turns(), 1);
    assert_non_null(strcasestr(answer.head, "content-security-policy: default-src 'none'"));
    assert_non_null(strcasestr(answer.head, "referrer-policy: no-referrer"));
    assert_non_null(strcasestr(answer.head, "cache-control: no-store"));
    assert_null(strstr(answer.body, "<script"));
    service_stop(&service);
}

static void ch_6_a_post_acts_as_a_tap_and_once(void **state)
{
    struct link link = last_said();

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(visit(url_of(LINK_TAP, &link), "once=0123456789abcdef"), 200);
    assert_non_null(strstr(answer.body, "Thank you"));
    assert_int_equal(turns(), 2);
    service_until(&service, owner,
                  "select count(*) from messages where inbound and kind = 'choice'", 1, WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_true(service_arrived(&service, ANA, "ORD-1001") > 0);
    /* the page opened anew gives another tap */
    assert_int_equal(visit(url_of(LINK_TAP, &link), "once=fedcba9876543210"), 200);
    assert_int_equal(turns(), 3);
    service_stop(&service);
}

/* Whoever holds a link may post anything: no bytes of a form end as a message that nobody can
 * handle, and hold up what came with them. */
static void ch_6_a_form_of_any_bytes_is_a_tap_and_no_more(void **state)
{
    static const char *const forms[] = {"", "once=%ff%fe", "once=%00", "once=%27%22%5c",
                                        "once=%e2%80%ae"};
    struct link link = last_said();

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        assert_int_equal(visit(url_of(LINK_TAP, &link), forms[i]), 200);
    assert_int_equal(turns(), 2); /* none of them is one of ours, so all are the same */
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    service_stop(&service);
}

static void flw_7_a_link_to_what_is_not_there_is_refused_kindly(void **state)
{
    struct link link = last_said(), other = link;

    (void)state;
    other.option = 200;
    assert_int_equal(visit(url_of(LINK_TAP, &other), "once=0000000000000001"), 410);
    other = link;
    other.seq = 12345;
    assert_int_equal(visit(url_of(LINK_TAP, &other), "once=0000000000000001"), 410);
    other = link;
    other.org.bytes[3] ^= 1; /* another business's, as far as that can be */
    assert_int_equal(visit(url_of(LINK_TAP, &other), "once=0000000000000001"), 410);
    assert_non_null(strstr(answer.body, "no longer good"));
    run_sql(owner, "update messages set at = now() - interval '91 days'");
    assert_int_equal(visit(url_of(LINK_TAP, &link), "once=0000000000000001"), 410);
    struct str broken = arena_format(&arena, "http://127.0.0.1:%d/t/AAAA", service.port);
    assert_int_equal(visit(broken, "once=0000000000000001"), 404);
    struct str mixed = url_of(LINK_UNSUBSCRIBE, &link);
    mixed = arena_str(&arena, mixed);
    ((char *)mixed.at)[mixed.len - 80] = 't'; /* its letter exchanged */
    assert_int_equal(visit(mixed, "once=0000000000000001"), 404);
    assert_int_equal(turns(), 1);
    service_stop(&service);
}

/* --- unsubscribing --------------------------------------------------------------------------
 */

static const char opted_out[] =
    "select count(*) from events_out where type = 'contact.opted_out'"
    " and data ->> 'source' = 'unsubscribe'";

static void ch_5_one_click_unsubscribes_and_a_get_does_not(void **state)
{
    static const char one_click[] = "List-Unsubscribe=One-Click";
    struct link link = last_said();
    struct str url = url_of(LINK_UNSUBSCRIBE, &link);

    (void)state;
    assert_int_equal(visit(url, NULL), 200);
    assert_non_null(strstr(answer.body, "Stop these emails"));
    assert_int_equal(ask_number(owner, "select count(*) from consent_log where source ="
                                       " 'unsubscribe'"),
                     0);
    assert_int_equal(visit(url, one_click), 200);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points p, unnest(array["
                                       " 'orders', 'deliveries', 'cancellations', 'estimates',"
                                       " 'payments', 'reviews', 'offers']) topic where"
                                       " preference_wanted(p.org_id, p.customer_id, topic,"
                                       " p.channel)"),
                     0);
    long logged = ask_number(owner, "select count(*) from consent_log");
    assert_true(logged >= 6);
    assert_int_equal(visit(url, one_click), 200);
    assert_int_equal(ask_number(owner, "select count(*) from consent_log"), logged);
    assert_int_equal(ask_number(owner, opted_out), 1); /* CRM-2: told once */
    /* and whoever writes is answered all the same */
    struct post post = {.body = post_text(&arena, ANA, "wamid.link.2", "help")};
    service_post(&service, &post, 1, 1, WAIT);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
    assert_true(service_arrived(&service, ANA, NULL) >= 2);
    service_stop(&service);
}

/* What is said to whoever clicked is what was done: long after the message was forgotten, too.
 */
static void ch_5_unsubscribing_works_when_the_message_is_forgotten(void **state)
{
    struct link link = last_said(), none = link;

    (void)state;
    link.seq = 999;
    assert_int_equal(visit(url_of(LINK_UNSUBSCRIBE, &link), NULL), 200);
    assert_int_equal(visit(url_of(LINK_UNSUBSCRIBE, &link), "x"), 200);
    assert_true(ask_number(owner, "select count(*) from consent_log where source ="
                                  " 'unsubscribe'") >= 6);
    none.conversation.bytes[5] ^= 1;
    assert_int_equal(visit(url_of(LINK_UNSUBSCRIBE, &none), "x"), 410);
    service_stop(&service);
}

static void ntf_1_who_is_nobody_s_hears_nothing_more(void **state)
{
    struct link link = last_said();

    (void)state;
    run_sql(owner, "update contact_points set customer_id = null");
    assert_int_equal(visit(url_of(LINK_UNSUBSCRIBE, &link), "x"), 200);
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where stopped_at is"
                                       " not null"),
                     1);
    assert_int_equal(ask_number(owner, opted_out), 1);
    service_stop(&service);
}

static int open_all(void **state)
{
    (void)state;
    if (!crypto_init(NULL))
        return 1;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    store_open();
    return 0;
}

static int shut_all(void **state)
{
    (void)state;
    store_shut();
    curl_global_cleanup();
    return 0;
}

/* What nobody signs is not replayed; it is said why, and it stays listed. */
static void ops_6_a_dead_tap_or_event_of_ours_says_why_it_is_not_replayed(void **state)
{
    static const char *const cases[][2] = {
        {"link",   "a tap on a mail's link, which only its reader can repeat"},
        {"parley", "an event of our own"                                     },
    };
    char org[UUID_TEXT_LEN + 1], said[2000];

    (void)state;
    uuid_format(seed_demo_org, org);
    run_sql(owner, arena_format(&arena, "set parley.org_id = '%s'", org).at);
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        run_sql(owner, arena_format(
                           &arena,
                           "insert into dead_letters (org_id, dead_id, at, provider,"
                           " account_id, reason, item, payload) select org_id,"
                           " md5('dead.%zu')::uuid, now(), '%s', account_id, 'a test', 'x.%zu',"
                           " 'once=0' from accounts where channel = 'whatsapp'",
                           i, cases[i][0], i)
                           .at);
        const char *id = text_asked(arena_format(&arena, "select md5('dead.%zu')::uuid", i).at);
        char *show[] = {"dead", "show", (char *)(uintptr_t)id, NULL};
        char *replay[] = {"dead", "replay", (char *)(uintptr_t)id, NULL};
        assert_int_equal(service_command(&service, show, said, sizeof said), 0);
        assert_int_equal(service_command(&service, replay, said, sizeof said), 1);
        if (strstr(said, cases[i][1]) == NULL)
            fail_msg("%s", said);
    }
    assert_int_equal(
        ask_number(owner, "select count(*) from dead_letters where replayed_at is null"), 2);
    run_sql(owner, "delete from dead_letters");
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ch_6_a_get_shows_and_does_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_6_a_post_acts_as_a_tap_and_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_6_a_form_of_any_bytes_is_a_tap_and_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(flw_7_a_link_to_what_is_not_there_is_refused_kindly,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_one_click_unsubscribes_and_a_get_does_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            ops_6_a_dead_tap_or_event_of_ours_says_why_it_is_not_replayed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ch_5_unsubscribing_works_when_the_message_is_forgotten,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ntf_1_who_is_nobody_s_hears_nothing_more, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
