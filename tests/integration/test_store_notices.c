/*
 * Where news goes, and when: every notice's way from `waiting` to what became of it, at the
 * instants that matter, without a service.
 */
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AMELIA "+15550100001"
#define ORG    "'01921a7b-4000-7000-8000-6c61726b0001'"
#define NOW    "2026-06-10 16:00Z" /* noon in New York */

static PGconn *owner;
static PGconn *bot; /* Amelia's turn */
static char amelia[40];

#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)
static char text[2048];

static const char *ask(PGconn *conn, const char *sql)
{
    static char answers[4][900];
    static unsigned at;
    char *answer = answers[at++ % 4];
    PGresult *result = PQexec(conn, sql);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;

    (void)snprintf(answer, sizeof(answers[0]), "%s", ok ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    if (!ok)
        fail_msg("%s\n%s", sql, PQerrorMessage(conn));
    return answer;
}

/* Amelia's place on a channel, where she wrote so many hours before NOW; -1: she never did. */
static void write_in(const char *channel, const char *address, int hours)
{
    run_sql(owner,
            FORMAT("insert into contact_points (org_id, contact_id, channel, address, phone, "
                   "customer_id) values (" ORG
                   ", md5('%s')::uuid, '%s', '%s', nullif('%s', ''), "
                   "'%s')",
                   channel, channel, address, address[0] == '+' ? address : "", amelia));
    run_sql(
        owner,
        FORMAT("insert into conversations (org_id, conversation_id, account_id, contact_id, "
               "last_inbound_at) select " ORG ", md5('%s')::uuid, account_id, "
               "md5('%s')::uuid, case when %d >= 0 then timestamptz '" NOW
               "' - interval '%d hours' end from accounts where channel = '%s'",
               channel, channel, hours, hours, channel));
}

static void make(const char *topic, const char *kind, const char *cause, const char *number)
{
    run_sql(bot, FORMAT("select notice_make(" ORG ", '%s', '%s', '%s', '%s', null, "
                        "'{\"number\": \"%s\"}', '" NOW "', '" NOW "')",
                        amelia, topic, kind, cause, number));
}

/* A look at what is due; what it says of each, oldest first: "how template". */
static const char *place(const char *at)
{
    return ask(
        bot, FORMAT("select coalesce(string_agg(concat_ws(' ', p.how, p.template), ', ' order "
                    "by p.how, p.template), '') from notices_place(" ORG ", '%s', 50, "
                    "'[{\"kind\": \"shipped\", \"name\": \"order_shipped_plain\", \"needs\": "
                    "[\"number\"]}]') p",
                    at));
}

/* All of them, by the order of their making: "kind state channel template". */
static const char *stand(void)
{
    return ask(owner, "select coalesce(string_agg(concat_ws(' ', n.kind, n.state, p.channel, "
                      "n.template), ', ' order by n.made_at, n.kind), '') from notices n "
                      "left join conversations c using (org_id, conversation_id) "
                      "left join contact_points p using (org_id, contact_id)");
}

static int arrange(void **state)
{
    (void)state;
    struct seed_options options = {
        .url = store_pg.url, .phone_number_id = "106", .reset = true};
    struct seed_counts counts;
    struct err err = {.code = ERR_NONE};

    if (!seed_demo(&options, &counts, &err))
        fail_msg("%s", err.text);
    (void)snprintf(
        amelia, sizeof(amelia), "%s",
        ask(owner, "select customer_id from customer_phones where phone = '" AMELIA "'"));
    run_sql(bot, FORMAT("set role parley_bot; set parley.org_id = " ORG
                        "; set parley.customer_id = '%s'",
                        amelia));
    run_sql(owner,
            "delete from jobs; delete from notices; delete from outbox; delete from messages; "
            "delete from conversations; delete from contact_points; delete from preferences; "
            "delete from customer_settings; update customers set email = '', time_zone = null;"
            "insert into accounts (org_id, account_id, channel, external_id) select " ORG
            ", md5(c)::uuid, c, c from unnest(array['sms', 'email']) c on conflict do nothing;"
            "insert into whatsapp_templates (org_id, account, name, language, status, "
            "updated_at) values (" ORG ", '1', 'order_shipped_plain', 'en', 'APPROVED', now())"
            " on conflict do nothing");
    return 0;
}

/* --- places ------------------------------------------------------------------------------- */

static void ntf_5_what_a_dead_worker_left_is_told_by_the_same_template(void **state)
{
    (void)state;
    write_in("whatsapp", AMELIA, 48);
    run_sql(owner, FORMAT("insert into preferences values (" ORG ", '%s', 'deliveries', 'sms', "
                          "true, now(), 'test')",
                          amelia));
    make("deliveries", "shipped", "", "ORD-1");
    assert_string_equal(place("2026-06-10 16:00Z"), "template order_shipped_plain");
    assert_string_equal(place("2026-06-10 16:01Z"), ""); /* somebody has it in hand */
    assert_string_equal(place("2026-06-10 16:03Z"), "template order_shipped_plain");
    assert_string_equal(stand(), "shipped placed whatsapp order_shipped_plain");
    assert_string_equal(
        ask(bot, "select outcome from notice_tell(" ORG
                 ", (select notice_id from notices), '{\"kind\": \"template\"}', '" NOW "')"),
        "told");
    assert_string_equal(ask(owner, "select count(*) from outbox"), "1");
    /* Paused meanwhile, it goes on by the next channel, and is no template's any more. */
    make("deliveries", "shipped", "", "ORD-2");
    assert_string_equal(place("2026-06-10 16:05Z"), "template order_shipped_plain");
    run_sql(owner, "update whatsapp_templates set status = 'PAUSED'");
    assert_string_equal(place("2026-06-10 16:08Z"), "placed");
    assert_non_null(strstr(stand(), "shipped placed sms"));
    assert_null(strstr(stand(), "sms order_shipped_plain"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ntf_5_what_a_dead_worker_left_is_told_by_the_same_template,
                               arrange),
    };

    store_open();
    owner = owner_connect();
    bot = owner_connect();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(bot);
    PQfinish(owner);
    store_shut();
    return failed;
}
