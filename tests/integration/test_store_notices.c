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
            "delete from jobs; delete from notices; delete from fallbacks; delete from outbox; "
            "delete from messages; "
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
    assert_string_equal(place("2026-06-10 16:00:10Z"), ""); /* somebody has it in hand */
    assert_string_equal(place("2026-06-10 16:00:20Z"), "template order_shipped_plain");
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

/* With more that waits than is looked at: nothing goes another way before it was held against
 * the templates. */
static void ntf_2_news_that_a_template_tells_is_told_by_it_however_much_waits(void **state)
{
    static const char look[] =
        "select string_agg(concat_ws(' ', p.how, p.template), ', ') from notices_place(" ORG
        ", '2026-06-10 16:02Z', 1, '[{\"kind\": \"order_status\", \"name\": "
        "\"order_shipped_plain\", \"needs\": [\"number\"]}]') p";

    (void)state;
    write_in("whatsapp", AMELIA, 48);
    run_sql(owner,
            FORMAT("insert into preferences select " ORG ", '%s', t, 'sms', true, now(), "
                   "'test' from unnest(array['orders', 'deliveries']) t",
                   amelia));
    make("orders", "order_status", "", "ORD-1");
    make("deliveries", "exception", "", "ORD-2");
    run_sql(owner, "update notices set due_at = due_at + interval '1 minute' where kind = "
                   "'exception'");
    assert_string_equal(ask(bot, look), "placed");
    assert_string_equal(ask(bot, look), "template order_shipped_plain");
    assert_string_equal(stand(), "exception placed sms, order_status placed whatsapp "
                                 "order_shipped_plain");
}

static void wants(const char *topic, const char *channel, bool wanted)
{
    run_sql(owner, FORMAT("insert into preferences values (" ORG ", '%s', '%s', '%s', %s, "
                          "now(), 'test') on conflict (org_id, customer_id, topic, channel) do "
                          "update set wanted = excluded.wanted",
                          amelia, topic, channel, wanted ? "true" : "false"));
}

static void ntf_1_each_topic_goes_by_the_channel_on_which_it_is_wanted(void **state)
{
    (void)state;
    write_in("whatsapp", AMELIA, 1);
    write_in("sms", AMELIA, 2);
    make("orders", "order_status", "", "ORD-1");
    make("deliveries", "delivered", "", "ORD-1");
    make("payments", "payment_received", "", "ORD-1");
    make("", "refunded", "", "ORD-1");
    wants("orders", "whatsapp", false);
    wants("orders", "sms", true);
    wants("payments", "whatsapp", false);
    assert_string_equal(place(NOW), "placed, placed, placed, unwanted");
    assert_string_equal(stand(), "delivered placed whatsapp, order_status placed sms, "
                                 "payment_received unwanted, refunded placed whatsapp");
    /* Said no between the place and the turn: nothing of that topic is told. */
    wants("deliveries", "whatsapp", false);
    const char *told = ask(bot, FORMAT("select news from news_tell(" ORG
                                       ", '%s', md5('whatsapp')::uuid, 'en', "
                                       "'" NOW "')",
                                       amelia));
    assert_non_null(strstr(told, "refunded"));
    assert_null(strstr(told, "delivered"));
    assert_string_equal(stand(), "delivered unwanted whatsapp, order_status placed sms, "
                                 "payment_received unwanted, refunded told whatsapp");
    run_sql(owner, "update contact_points set stopped_at = now() where channel = 'whatsapp'");
    make("deliveries", "exception", "", "ORD-1");
    assert_string_equal(place(NOW), "stopped");
}

/* --- quiet hours -------------------------------------------------------------------------- */

/* News at that instant, for somebody who wrote a minute before and is quiet from and until
 * these minutes of their own day; when it is told, in UTC. */
static const char *told_at(const char *zone, int from, int until, const char *at)
{
    run_sql(owner,
            FORMAT("delete from notices; delete from jobs; update customers set time_zone = "
                   "'%s' where customer_id = '%s';"
                   "insert into customer_settings (org_id, customer_id, quiet, quiet_from, "
                   "quiet_until) values (" ORG ", '%s', true, %d, %d) on conflict (org_id, "
                   "customer_id) do update set quiet_from = excluded.quiet_from, quiet_until = "
                   "excluded.quiet_until",
                   zone, amelia, amelia, from, until));
    run_sql(owner, FORMAT("update conversations set last_inbound_at = timestamptz '%s' - "
                          "interval '1 minute'",
                          at));
    run_sql(bot, FORMAT("select notice_make(" ORG ", '%s', 'orders', 'order_status', '', null, "
                        "'{}', '%s', '%s')",
                        amelia, at, at));
    (void)place(at);
    return ask(owner, "select to_char(due_at at time zone 'UTC', 'DD.MM. HH24:MI') from jobs");
}

static void ntf_3_quiet_hours_end_when_the_clock_on_the_wall_says_so(void **state)
{
    static const struct {
        const char *zone;
        int from, until;
        const char *at, *told;
    } nights[] = {
  /* an evening, after midnight, the last minute, the first one after it */
        {"Europe/Warsaw",    1260, 480, "2026-06-10 19:30Z", "11.06. 06:00"},
        {"Europe/Warsaw",    1260, 480, "2026-06-10 22:30Z", "11.06. 06:00"},
        {"Europe/Warsaw",    1260, 480, "2026-06-11 05:59Z", "11.06. 06:00"},
        {"Europe/Warsaw",    1260, 480, "2026-06-11 06:00Z", "11.06. 06:00"},
        {"Europe/Warsaw",    1260, 480, "2026-06-10 18:59Z", "10.06. 18:59"},
 /* the night in which the clocks go forward, and back */
        {"Europe/Warsaw",    1260, 480, "2026-03-28 21:30Z", "29.03. 06:00"},
        {"Europe/Warsaw",    1260, 480, "2026-10-24 20:30Z", "25.10. 07:00"},
 /* an end that the clocks leave out, and one that comes twice: the later */
        {"Europe/Warsaw",    1260, 150, "2026-03-28 21:30Z", "29.03. 01:30"},
        {"Europe/Warsaw",    1260, 150, "2026-10-24 20:30Z", "25.10. 01:30"},
 /* around midnight itself, and hours within one day */
        {"America/New_York", 0,    1,   "2026-06-11 04:00Z", "11.06. 04:01"},
        {"America/New_York", 1439, 0,   "2026-06-11 03:59Z", "11.06. 04:00"},
        {"America/New_York", 780,  840, "2026-06-10 17:30Z", "10.06. 18:00"},
        {"Asia/Kathmandu",   1320, 420, "2026-06-10 17:00Z", "11.06. 01:15"},
    };

    (void)state;
    write_in("whatsapp", AMELIA, 1);
    for (size_t i = 0; i < COUNTOF(nights); i++) {
        const char *told =
            told_at(nights[i].zone, nights[i].from, nights[i].until, nights[i].at);
        if (strcmp(told, nights[i].told) != 0) {
            fail_msg("%s, %d to %d, at %s: %s and not %s", nights[i].zone, nights[i].from,
                     nights[i].until, nights[i].at, told, nights[i].told);
        }
    }
}

/* --- what became of it ----------------------------------------------------------------------
 */

static const char *listed(void)
{
    static char all[600];
    size_t len = 0;
    PGresult *rows = PQexecParams(
        owner, SQL_NOTICES_LIST.text, 5, NULL,
        (const char *const[]){"01921a7b-4000-7000-8000-6c61726b0001", AMELIA, NULL, "0", "10"},
        NULL, NULL, 0);

    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(owner));
    for (int i = 0; i < PQntuples(rows); i++) {
        len += (size_t)snprintf(all + len, sizeof all - len, "%s%s %s %s %s %s", i ? ", " : "",
                                PQgetvalue(rows, i, 11), PQgetvalue(rows, i, 6),
                                PQgetvalue(rows, i, 7), PQgetvalue(rows, i, 9),
                                PQgetvalue(rows, i, 10));
    }
    PQclear(rows);
    return all;
}

static void ntf_5_the_log_says_what_became_of_each(void **state)
{
    (void)state;
    write_in("whatsapp", AMELIA, 48);
    make("deliveries", "shipped", "", "ORD-1");
    assert_string_equal(listed(), "ORD-1 waiting   ");
    assert_string_equal(place(NOW), "template order_shipped_plain");
    run_sql(bot, "select notice_tell(" ORG ", (select notice_id from notices), '{\"kind\": "
                 "\"template\"}', '" NOW "')");
    assert_string_equal(listed(), "ORD-1 told whatsapp 0 ");
    run_sql(owner, "delete from outbox; update messages set delivery = 4");
    assert_string_equal(listed(), "ORD-1 told whatsapp 4 ");
    run_sql(owner, "update messages set delivery = 2, error = 131026, reason = 'the person "
                   "cannot be reached on WhatsApp'");
    assert_string_equal(listed(),
                        "ORD-1 told whatsapp 2 the person cannot be reached on WhatsApp");
    run_sql(owner, "delete from notices");
    make("orders", "order_status", "", "ORD-2");
    make("orders", "order_status", "", "ORD-2");
    assert_string_equal(place(NOW), "closed");
    assert_non_null(strstr(listed(), "ORD-2 closed"));
    assert_non_null(strstr(listed(), "ORD-2 replaced"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ntf_5_what_a_dead_worker_left_is_told_by_the_same_template,
                               arrange),
        cmocka_unit_test_setup(
            ntf_2_news_that_a_template_tells_is_told_by_it_however_much_waits, arrange),
        cmocka_unit_test_setup(ntf_1_each_topic_goes_by_the_channel_on_which_it_is_wanted,
                               arrange),
        cmocka_unit_test_setup(ntf_3_quiet_hours_end_when_the_clock_on_the_wall_says_so,
                               arrange),
        cmocka_unit_test_setup(ntf_5_the_log_says_what_became_of_each, arrange),
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
