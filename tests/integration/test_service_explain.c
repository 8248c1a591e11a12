/*
 * parley explain, after real conversations: why each message was said, and nothing of what
 * people wrote unless it is asked for.
 */
#include "tests/support/service.h"

#include "bot/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT   (60 * USEC_PER_SEC)
#define PHONE  "15550900001"
#define SECRET "my heart is a purple sparrow"

static struct arena arena;
static struct service service;
static PGconn *owner;

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = 1});
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

static void say(const char *id, const char *words)
{
    struct post post = {.body = post_text(&arena, PHONE, id, words)};

    service_post(&service, &post, 1, 1, WAIT);
    assert_int_equal(post.status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static struct str explain(const char *message, const char *option, int wanted)
{
    char *words[] = {"explain", (char *)message, (char *)option, NULL};
    char *said = arena_alloc(&arena, 16384);

    if (service_command(&service, words, said, 16384) != wanted)
        fail_msg("parley explain %s: %s", message, said);
    return str_from(said);
}

static void wants(struct str text, const char *part)
{
    if (str_find(text, str_from(part)) == text.len)
        fail_msg("\"%s\" is not in:\n%.*s", part, STR_ARG(text));
}

static const char *place(const char *where)
{
    struct str sql = arena_format(&arena,
                                  "select conversation_id || ':' || seq from messages where %s"
                                  " order by seq desc limit 1",
                                  where);
    PGresult *rows = PQexec(owner, sql.at);
    const char *text;

    assert_int_equal(PQntuples(rows), 1);
    text = arena_str(&arena, str_from(PQgetvalue(rows, 0, 0))).at;
    PQclear(rows);
    return text;
}

static void ops_6_a_message_is_explained_by_rule_state_words_and_fate(void **state)
{
    struct str told;

    (void)state;
    say("wamid.explain.1", "help");
    say("wamid.explain.2", SECRET);

    told = explain("wamid.explain.1", NULL, 0);
    wants(told, ">> 1  from them");
    wants(told, "a word that works anywhere (command)");
    wants(told, "meaning      help");
    wants(told, "help.text");
    wants(told, ", settled, 1 attempt\n");
    wants(told, "version");
    assert_int_equal(str_find(told, STR(PHONE)), told.len);

    told = explain(place("why like '%by=nothing%' or why like '%misunderstood%'"), NULL, 0);
    wants(told, "not understood (nothing)");
    wants(told, "misunderstood.");
    wants(told, "(28 characters; --show shows them)");
    assert_int_equal(str_find(told, STR(SECRET)), told.len);

    told = explain("wamid.explain.2", "--show", 0);
    wants(told, SECRET);
    wants(told, PHONE);
    service_stop(&service);
}

static void ops_6_programs_get_json_and_what_is_not_there_is_refused(void **state)
{
    OWNED_JSON(doc) = NULL;
    struct err err = {0};
    struct str told;

    (void)state;
    say("wamid.explain.3", "help");
    told = explain("wamid.explain.3", "--json", 0);
    told = str_slice(told, str_find(told, STR("{")),
                     told.len); /* after a note on standard error */
    if (!json_read(told, &doc, &err))
        fail_msg("%s: %.*s", err.text, STR_ARG(told));
    assert_int_equal(json_array_size(json_array_in(doc, "messages")), 2);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_array_in(doc, "messages"), 1), "rule")),
                        "command");

    told = explain("wamid.never", NULL, 1);
    wants(told, "no message is known as that");
    told = explain("00000000-0000-7000-8000-000000000000:1", NULL, 1);
    wants(told, "no message is known as that");
    told = explain("'; drop table messages; --", NULL, 1);
    wants(told, "no message is known as that");
    service_stop(&service);
}

/* What was looked up and which condition held; of a wish to cancel the rule and the facts that
 * it saw; and nothing of what the customer wrote. */
static void ops_6_can_2_what_a_cancellation_was_judged_by_is_told(void **state)
{
    static const char *const phone = "15550100001";
    static const char *const lines[] = {"hi", ("cancel order 1002, " SECRET), "yes"};
    struct str told;

    (void)state;
    run_sql(owner, "delete from cancellations; delete from cancellation_rules; insert into "
                   "cancellation_rules (org_id, position, rule_id, phase, effect) select "
                   "org_id, 1, 'ask-us', 'active', 'review' from businesses");
    for (size_t i = 0; i < COUNTOF(lines); i++) {
        struct post post = {.body = post_text(&arena, phone,
                                              arena_format(&arena, "wamid.explain.c%zu", i).at,
                                              lines[i])};

        service_post(&service, &post, 1, 1, WAIT);
        assert_int_equal(post.status, 200);
        service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
        if (i == 0) {
            run_sql(owner, "update conversations set verified_until = now() + interval '29 "
                           "minutes'");
        }
    }
    told = explain("wamid.explain.c1", NULL, 0);
    wants(told, "about        ORD-1002");
    wants(told, "cancellation_outlook:review:ask-us");
    wants(told, "because      number:some,outlook.outcome:is:review");
    told = explain("wamid.explain.c2", NULL, 0);
    wants(told, "cancellation_request:submitted");
    wants(told, "cancellation of ORD-1002, now submitted");
    wants(told, "rule         ask-us");
    wants(told, "\"part_shipped\": false");
    assert_int_equal(str_find(told, STR(SECRET)), told.len);
    assert_int_equal(
        ask_number(owner, "select count(*) from messages where why like '%sparrow%'"), 0);
    told = explain("wamid.explain.c2", "--json", 0);
    wants(told, "\"rule\":\"ask-us\"");
    service_stop(&service);
}

/* A message that did not arrive, and the mail that went instead: each tells of the other, and
 * the address stays hidden. */
static void ops_6_ch_7_a_fallback_is_told_from_both_ends(void **state)
{
    char org[UUID_TEXT_LEN + 1];
    struct str told;

    (void)state;
    say("wamid.explain.4", "help");
    uuid_format(seed_demo_org, org);
    run_sql(owner, arena_format(&arena, "set parley.org_id = '%s'", org).at);
    const char *first = place("not inbound");
    run_sql(owner, "update messages set delivery = 2, reason = 'went on by email'"
                   " where not inbound");
    run_sql(owner, "insert into contact_points (org_id, contact_id, channel, address)"
                   " select org_id, md5('a')::uuid, 'email', 'ana.sparrow@example.net'"
                   " from businesses");
    run_sql(owner, "insert into conversations (org_id, conversation_id, account_id, contact_id,"
                   " language) select org_id, md5('b')::uuid, account_id, md5('a')::uuid, 'en'"
                   " from accounts where channel = 'whatsapp'");
    run_sql(owner,
            "insert into messages (org_id, conversation_id, seq, inbound, kind, body, at, why)"
            " select org_id, md5('b')::uuid, 1, false, 'text', '{\"kind\":\"text\"}', now(),"
            " 'fallback/' || conversation_id || '/' || seq from messages where not inbound"
            " order by seq desc limit 1");
    told = explain(first, NULL, 0);
    wants(told, "reason       went on by email");
    told = explain(place("why like 'fallback/%'"), NULL, 0);
    wants(told, arena_format(&arena, "instead of   %s, which did not arrive", first).at);
    wants(told, ", email a…@e….net, language en");
    assert_int_equal(str_find(told, STR("sparrow")), told.len);
    told = explain(place("why like 'fallback/%'"), "--json", 0);
    wants(told, arena_format(&arena, "\"instead_of\":\"%s\"", first).at);
    told = explain(place("why like 'fallback/%'"), "--show", 0);
    wants(told, "ana.sparrow@example.net");
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            ops_6_a_message_is_explained_by_rule_state_words_and_fate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ops_6_ch_7_a_fallback_is_told_from_both_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(ops_6_can_2_what_a_cancellation_was_judged_by_is_told,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            ops_6_programs_get_json_and_what_is_not_there_is_refused, set_up, tear_down),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
