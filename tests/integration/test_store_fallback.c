/*
 * Where a customer is written to, and what goes on by another channel when it does not arrive.
 */
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ORG_ID "01921a7b-4000-7000-8000-6c61726b0001"
#define ORG    "'" ORG_ID "'"
#define PHONE  "+15550100001"
#define MAIL   "amelia@example.com"
#define NOON   "2026-06-10 16:00Z"
#define NIGHT  "2026-06-11 04:00Z" /* New York: 0:00 */
#define AFTER  "600000000"

#define SHORT_BEFORE "https://l.example/s/"
#define SHORT        SHORT_BEFORE "aBcdefgh101" /* of the first that goes on */

#define WHATSAPP "'0190aaaa-0000-7000-8000-00000000c0de'"

static PGconn *owner, *bot;
static char text[4096];

#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)

static const char *ask(PGconn *conn, const char *sql)
{
    static char answers[8][2000];
    static unsigned at;
    char *answer = answers[at++ % COUNTOF(answers)];
    PGresult *result = PQexec(conn, sql);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    (void)snprintf(answer, sizeof(answers[0]), "%s", ok ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    if (!ok)
        fail_msg("%s\n%s", sql, PQerrorMessage(conn));
    return answer;
}

static const char *amelia(void)
{
    return ask(owner, "select customer_id from customer_phones where phone = '" PHONE "'");
}

/* Amelia wrote on WhatsApp an hour before noon; her address of mail is on record. */
static int arrange(void **state)
{
    struct seed_options options = {
        .url = store_pg.url, .phone_number_id = "106", .reset = true};
    struct seed_counts counts;
    struct err err = {.code = ERR_NONE};

    (void)state;
    if (!seed_demo(&options, &counts, &err))
        fail_msg("%s", err.text);
    run_sql(owner, "delete from fallbacks; delete from outbox; delete from preferences;"
                   " delete from short_links;"
                   " delete from customer_settings; delete from messages;"
                   " delete from conversations; delete from contact_points;"
                   " delete from accounts where channel in ('sms', 'email')");
    run_sql(owner,
            "insert into accounts (org_id, account_id, channel, external_id) values (" ORG
            ", '0190aaaa-0000-7000-8000-00000000e001', 'email', 'help@lark.example'), (" ORG
            ", '0190aaaa-0000-7000-8000-00000000e002', 'sms', '+15550109999')");
    run_sql(owner, FORMAT("update customers set email = '" MAIL "', external_id = coalesce("
                          "external_id, 'C-1') where customer_id = '%s'",
                          amelia()));
    run_sql(owner,
            FORMAT("insert into contact_points (org_id, contact_id, channel, address, phone,"
                   " customer_id) values (" ORG ", " WHATSAPP ", 'whatsapp', 'US.1', '" PHONE
                   "', '%s')",
                   amelia()));
    run_sql(owner,
            "insert into conversations (org_id, conversation_id, account_id, contact_id, seq,"
            " last_inbound_at) select org_id, " WHATSAPP ", account_id, " WHATSAPP
            ", 1, timestamptz '" NOON "' - interval '1 hour' from accounts where org_id = " ORG
            " and channel = 'whatsapp' order by external_id limit 1");
    return 0;
}

static void say(const char *delivery, const char *topic)
{
    run_sql(
        owner,
        FORMAT("insert into messages (org_id, conversation_id, seq, inbound, kind, body,"
               " at, delivery) values (" ORG ", " WHATSAPP
               ", 1, false, 'text', '{\"kind\":\"text\",\"lang\":\"pl\",\"body\":\"Gotowe\"}',"
               " '" NOON "', %s)",
               delivery));
    run_sql(owner,
            FORMAT("insert into fallbacks (org_id, conversation_id, seq, topic, begun_at,"
                   " due_at) values (" ORG ", " WHATSAPP ", 1, '%s', '" NOON "', '" NOON "')",
                   topic));
}

static void wants(const char *topic, const char *channel, const char *wanted)
{
    run_sql(owner,
            FORMAT("insert into preferences (org_id, customer_id, topic, channel, wanted, at,"
                   " source) values (" ORG ", '%s', '%s', '%s', %s, now(), 'test')",
                   amelia(), topic, channel, wanted));
}

/* Look at what is due; "outcome channel" of each, by commas. */
static const char *look(const char *at)
{
    static char answer[400];
    PGresult *result = PQexecParams(
        bot, SQL_FALLBACKS_LOOK.text, 7, NULL,
        (const char *const[]){ORG_ID, at, AFTER,
                              ask(owner, "select array(select gen_random_uuid() from "
                                         "generate_series(1, 20))"),
                              ask(owner, "select array(select gen_random_uuid() from "
                                         "generate_series(1, 20))"),
                              SHORT_BEFORE,
                              ask(owner, "select array(select 'aBcdefgh' || n from "
                                         "generate_series(101, 120) n)")},
        NULL, NULL, 0);

    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(bot));
    answer[0] = '\0';
    for (int i = 0; i < PQntuples(result); i++) {
        size_t len = strlen(answer);
        (void)snprintf(answer + len, sizeof(answer) - len, "%s%s %s", i ? ", " : "",
                       PQgetvalue(result, i, 2), PQgetvalue(result, i, 3));
    }
    PQclear(result);
    return answer;
}

/* Where a topic would be told, in order, without these channels. */
static const char *places(const char *topic, const char *at, const char *without)
{
    return ask(bot,
               FORMAT("select coalesce(string_agg(channel || case when conversation_id is null"
                      " then '' else '*' end, ' '), '') from notification_places(" ORG
                      ", '%s', '%s', '%s', '%s')",
                      amelia(), topic, at, without));
}

/* --- where ----------------------------------------------------------------------------------
 */

static void ch_7_first_where_they_wrote_last_then_what_is_on_record(void **state)
{
    (void)state;
    assert_string_equal(places("orders", NOON, "{}"), "whatsapp* email");
    wants("orders", "sms", "true");
    assert_string_equal(places("orders", NOON, "{}"), "whatsapp* sms email");
    assert_string_equal(places("orders", NOON, "{whatsapp,sms}"), "email");
    assert_string_equal(places("orders", NOON, "{whatsapp,sms,email}"), "");
}

static void ch_7_the_channel_that_they_chose_comes_first(void **state)
{
    (void)state;
    run_sql(owner, FORMAT("insert into customer_settings (org_id, customer_id, first_channel)"
                          " values (" ORG ", '%s', 'email')",
                          amelia()));
    assert_string_equal(places("orders", NOON, "{}"), "email whatsapp*");
}

static void ch_3_a_closed_window_leaves_whatsapp_out(void **state)
{
    (void)state;
    assert_string_equal(places("orders", "2026-06-11 14:50Z", "{}"), "email");
    /* and so do quiet hours that end after it has closed */
    run_sql(owner, "update conversations set last_inbound_at = '2026-06-10 11:00Z'");
    assert_string_equal(places("orders", NIGHT, "{}"), "email");
}

static void ntf_1_stop_anywhere_means_nowhere_and_no_means_no(void **state)
{
    (void)state;
    wants("orders", "email", "false");
    assert_string_equal(places("orders", NOON, "{}"), "whatsapp*");
    run_sql(owner, "update contact_points set stopped_at = now()");
    assert_string_equal(places("orders", NOON, "{}"), "");
}

static void otp_2_an_address_that_nobody_proved_is_no_place(void **state)
{
    (void)state;
    run_sql(owner,
            FORMAT("update customers set external_id = null, email_verified_at = null where"
                   " customer_id = '%s'",
                   amelia()));
    assert_string_equal(places("orders", NOON, "{}"), "whatsapp*");
}

/* STOP is for all their places: what it takes back (a person's words, too, which every channel
 * may bring else) goes on nowhere, until they write START from one of these. */
static void ntf_1_what_stop_took_back_goes_on_nowhere(void **state)
{
    PGresult *result;

    (void)state;
    wants("orders", "sms", "true");
    say("0", "");
    run_sql(owner,
            "insert into outbox (org_id, lane_id, conversation_id, seq, due_at)"
            " select org_id, account_id, conversation_id, 1, '" NOON "' from conversations;"
            " update contact_points set stopped_at = '" NOON "'");
    result = PQexecParams(
        owner, SQL_TURN_STOP_OUTBOX.text, 2, NULL,
        (const char *const[]){ORG_ID, "{0190aaaa-0000-7000-8000-00000000c0de}"}, NULL, NULL, 0);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    assert_string_equal(look("2026-06-10 16:01Z"), "nowhere ");
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from fallbacks"), 0);
}

/* --- going on -------------------------------------------------------------------------------
 */

static void ch_7_what_failed_goes_on_by_the_next_channel_once(void **state)
{
    (void)state;
    say("2", "orders");
    assert_string_equal(look(NOON), "gone_on email");
    assert_string_equal(look(NOON), "");
    assert_string_equal(
        ask(owner, "select m.body::jsonb ->> 'body' || ' ' || (m.body::jsonb ->> 'lang')"
                   " || ' ' || p.channel || ' ' || p.address || ' ' || m.seq"
                   " from outbox o join messages m using (org_id, conversation_id, seq)"
                   " join conversations c using (org_id, conversation_id)"
                   " join contact_points p using (org_id, contact_id)"),
        "Gotowe pl email " MAIL " 1");
    assert_string_equal(
        ask(owner, "select reason from messages where conversation_id = " WHATSAPP),
        "went on by email");
    assert_string_equal(ask(owner, FORMAT("select customer_id = '%s' from contact_points where"
                                          " channel = 'email'",
                                          amelia())),
                        "t");
}

static void ch_7_what_was_not_delivered_in_time_goes_on_and_not_before(void **state)
{
    (void)state;
    say("1", "orders");
    assert_string_equal(look(NOON), "");
    assert_string_equal(look("2026-06-10 16:09:59Z"), "");
    assert_string_equal(look("2026-06-10 16:10:01Z"), "gone_on email");
}

static void ch_7_what_arrived_goes_nowhere(void **state)
{
    (void)state;
    say("3", "orders");
    assert_string_equal(look("2026-06-10 17:00Z"), "");
    assert_int_equal(ask_number(owner, "select count(*) from fallbacks"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 0);
}

/* Nobody knows of it, or it has not left yet: two of it would be worse than a late one. */
static void ch_7_what_may_still_arrive_is_waited_for(void **state)
{
    (void)state;
    say("1", "orders");
    run_sql(owner,
            "insert into outbox (org_id, lane_id, conversation_id, seq, due_at, state)"
            " select org_id, account_id, conversation_id, 1, '" NOON "', 2 from conversations");
    assert_string_equal(look("2026-06-10 17:00Z"), "");
    assert_string_equal(look("2026-06-10 17:02Z"), "");
    run_sql(owner, "delete from outbox");
    assert_string_equal(look("2026-06-10 17:04Z"), ""); /* the wait begins when it is theirs */
    assert_string_equal(look("2026-06-10 17:15Z"), "gone_on email");
}

/* Its first attempt, of which no answer came, is reported as failed when the second waits
 * already. */
static void ch_7_what_is_about_to_be_tried_again_does_not_go_on(void **state)
{
    (void)state;
    say("2", "orders");
    run_sql(owner, "insert into outbox (org_id, lane_id, conversation_id, seq, due_at, state,"
                   " attempt) select org_id, account_id, conversation_id, 1, '" NOON
                   "', 0, 1 from conversations");
    assert_string_equal(look(NOON), "");
    run_sql(owner, "update outbox set state = 1, attempt = 2;"
                   " update fallbacks set due_at = '" NOON "'");
    assert_string_equal(look(NOON), "");
    run_sql(owner, "delete from outbox; update messages set delivery = 3");
    assert_string_equal(look("2026-06-10 16:02Z"), "");
    assert_int_equal(ask_number(owner, "select count(*) from fallbacks"), 0);
}

static void ch_7_a_mail_that_did_not_come_back_has_arrived(void **state)
{
    (void)state;
    say("2", "orders");
    assert_string_equal(look(NOON), "gone_on email");
    run_sql(owner, "delete from outbox; update messages set delivery = 1 where delivery = 0");
    assert_string_equal(look("2026-06-10 17:00Z"), "");
    assert_int_equal(ask_number(owner, "select count(*) from fallbacks"), 0);
}

/* A server says within seconds or minutes that it has no such mailbox. */
static void ch_7_a_mail_that_comes_back_within_the_wait_goes_on(void **state)
{
    (void)state;
    wants("orders", "sms", "true");
    say("2", "orders");
    run_sql(owner, "update preferences set wanted = false where channel = 'sms'");
    assert_string_equal(look(NOON), "gone_on email");
    run_sql(owner, "update preferences set wanted = true where channel = 'sms';"
                   " delete from outbox; update messages set delivery = 1 where delivery = 0");
    assert_string_equal(look("2026-06-10 16:00:01Z"), "");
    assert_string_equal(look("2026-06-10 16:02Z"), "");
    run_sql(owner, "update messages set delivery = 2 where delivery = 1;"
                   " update fallbacks set due_at = '2026-06-10 16:03Z'");
    assert_string_equal(look("2026-06-10 16:03Z"), "gone_on sms");
}

/* Its failure is being written while it is looked at for the first time. */
static void ch_7_a_look_does_not_put_off_what_fails_meanwhile(void **state)
{
    PGresult *result;

    (void)state;
    say("1", "orders");
    run_sql(owner, "begin; update messages set delivery = 2");
    result =
        PQexecParams(owner, SQL_FALLBACKS_FAILED.text, 4, NULL,
                     (const char *const[]){ORG_ID, "{0190aaaa-0000-7000-8000-00000000c0de}",
                                           "{1}", "2026-06-10 16:00:01Z"},
                     NULL, NULL, 0);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
    result = PQexecParams(bot, SQL_FALLBACKS_LOOK.text, 7, NULL,
                          (const char *const[]){ORG_ID, "2026-06-10 16:00:02Z", AFTER,
                                                "{0190aaaa-0000-7000-8000-0000000000a1}",
                                                "{0190aaaa-0000-7000-8000-0000000000a2}",
                                                SHORT_BEFORE, "{aBcdefgh101}"},
                          NULL, NULL, 0);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    PQclear(result);
    run_sql(owner, "commit");
    assert_string_equal(look("2026-06-10 16:00:03Z"), "gone_on email");
}

static void ch_7_it_goes_round_once_and_then_a_person_can_see_it(void **state)
{
    (void)state;
    wants("orders", "sms", "true");
    say("2", "orders");
    assert_string_equal(look(NOON), "gone_on sms");
    run_sql(owner, "delete from outbox; update messages set delivery = 2");
    assert_string_equal(look("2026-06-10 16:00:01Z"), "gone_on email");
    run_sql(owner, "delete from outbox; update messages set delivery = 2");
    assert_string_equal(look("2026-06-10 16:00:02Z"), "nowhere ");
    assert_string_equal(look("2026-06-10 18:00Z"), "");
    assert_int_equal(ask_number(owner, "select count(*) from messages"), 3);
    assert_int_equal(ask_number(owner, "select count(*) from messages where reason like"
                                       " '%there is no other way'"),
                     1);
}

static void ntf_3_going_on_waits_for_the_end_of_quiet_hours_but_an_answer_does_not(void **state)
{
    (void)state;
    say("2", "orders");
    assert_string_equal(look(NIGHT), "gone_on email");
    assert_string_equal(ask(owner, "select due_at = '2026-06-11 12:00Z' from outbox"), "t");
    run_sql(owner, "delete from outbox; delete from fallbacks; delete from messages where"
                   " conversation_id = " WHATSAPP);
    say("2", "");
    assert_string_equal(look(NIGHT), "gone_on sms");
    assert_string_equal(ask(owner, "select due_at = '" NIGHT "' from outbox"), "t");
}

/* Two workers look at the same moment. */
static void ch_7_two_who_look_at_once_send_one(void **state)
{
    PGconn *first = bot;

    (void)state;
    say("2", "orders");
    run_sql(bot, "begin");
    assert_string_equal(look(NOON), "gone_on email");
    bot = owner_connect();
    run_sql(bot, "set role parley_bot; set parley.org_id = " ORG);
    assert_string_equal(look(NOON), "");
    PQfinish(bot);
    bot = first;
    run_sql(bot, "commit");
    assert_string_equal(look(NOON), "");
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
}

/* To SMS and mail the file goes along, if it is theirs; without the right to it, the words go
 * alone. */
static void ch_7_a_kept_file_goes_on_with_its_words(void **state)
{
    static const struct {
        const char *document, *wanted;
        bool goes;
    } cases[] = {
        {"md5('mine')::uuid",     "image Gotowe",         true },
        {"md5('others')::uuid",   "text Gotowe\nhttps:x", false},
        {"md5('nowhere')::uuid",  "text Gotowe\nhttps:x", false},
        {"'none of these words'", "text Gotowe\nhttps:x", false},
    };

    (void)state;
    run_sql(owner, "delete from documents");
    run_sql(owner,
            FORMAT("insert into documents (org_id, document_id, customer_id, handle, kind,"
                   " at, expires_at, due_at, state, open, ticketed, sha256, mime, size)"
                   " select " ORG ", md5(n)::uuid, case n when 'mine' then '%s'::uuid end,"
                   " '', 'image', now(), now(), now(), 'kept', false, true, sha256('x'),"
                   " 'image/png', 9 from unnest(array['mine', 'others']) n",
                   amelia()));
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        run_sql(owner, "delete from fallbacks; delete from outbox; delete from messages;"
                       " delete from short_links");
        say("2", "");
        run_sql(owner,
                FORMAT("update messages set kind = 'image', body = jsonb_build_object("
                       "'kind', 'image', 'lang', 'pl', 'body', 'Gotowe', 'url', 'https:x',"
                       " 'document', %s)::text",
                       cases[i].document));
        assert_string_equal(look(NOON), "gone_on sms");
        assert_string_equal(ask(owner, "select kind || ' ' || (body::jsonb ->> 'body') from"
                                       " messages where why like 'fallback/%'"),
                            cases[i].wanted);
        assert_int_equal(ask_number(owner, "select count(*) from outbox where state = 0 and"
                                           " document_id = md5('mine')::uuid"),
                         cases[i].goes);
        assert_int_equal(ask_number(owner, "select count(*) from messages where why like"
                                           " 'fallback/%' and body::jsonb ? 'document'"
                                           " and body::jsonb ->> 'url' = '" SHORT "'"),
                         cases[i].goes);
        assert_int_equal(ask_number(owner, "select count(*) from short_links s join"
                                           " contact_points p using (org_id, customer_id)"
                                           " where '" SHORT_BEFORE "' || code = '" SHORT
                                           "' and document_id = md5('mine')::uuid"
                                           " and made_at = '" NOON "' and p.channel = 'sms'"),
                         cases[i].goes);
    }
    run_sql(owner, "delete from documents");
}

/* --- whose it is ----------------------------------------------------------------------------
 */

#define BEN "(select customer_id from customer_phones where phone = '+15550100002')"

/* A mailbox that two customers have on record is neither's: what is one's is not for the other
 * to read, and whoever writes from it is not taken for one of them afterwards. */
static void ch_7_a_mailbox_that_two_share_is_no_place(void **state)
{
    (void)state;
    run_sql(owner,
            "update customers set email = 'Amelia@Example.com', external_id = 'C-2' where"
            " customer_id = " BEN);
    assert_string_equal(places("orders", NOON, "{}"), "whatsapp*");
    say("2", "orders");
    assert_string_equal(look(NOON), "nowhere ");
    assert_int_equal(ask_number(owner, "select count(*) from contact_points where channel ="
                                       " 'email'"),
                     0);
}

static long sms_places(const char *customer)
{
    return ask_number(bot, FORMAT("select count(*) from notification_places(" ORG
                                  ", '%s', 'orders', '" NOON "', '{}') where channel = 'sms'",
                                  customer));
}

/* A number that went over to another customer, and one that was taken off before anybody wrote
 * from it: that a message went there once is no reason to go on. */
static void ch_7_a_number_that_is_theirs_no_more_is_no_place(void **state)
{
    const char *customer = amelia();

    (void)state;
    wants("orders", "sms", "true");
    say("2", "orders");
    assert_string_equal(look(NOON), "gone_on sms"); /* makes the contact */
    assert_int_equal(sms_places(customer), 1);
    run_sql(owner, "update customer_phones set disputed_at = now() where phone = '" PHONE "'");
    assert_int_equal(sms_places(customer), 0);
    run_sql(owner, "update customer_phones set disputed_at = null, customer_id = " BEN
                   " where phone = '" PHONE "'");
    assert_int_equal(sms_places(customer), 0);
    run_sql(owner, "delete from customer_phones where phone = '" PHONE "'");
    assert_int_equal(sms_places(customer), 0);
    /* whoever wrote from it has shown that they have it, unless another has it on record */
    run_sql(owner, "update conversations set last_inbound_at = '" NOON "'");
    assert_int_equal(sms_places(customer), 1);
    run_sql(owner, "insert into customer_phones (org_id, phone, customer_id) select " ORG
                   ", '" PHONE "', " BEN);
    assert_int_equal(sms_places(customer), 0);
}

/* By SMS a link is short where that saves letters; a mail has it as it is. */
static void ch_4_a_link_goes_on_by_sms_as_a_short_one(void **state)
{
    static const struct {
        const char *url, *first, *said;
        bool shortened;
    } cases[] = {
        {"https://carrier.example/track/1Z999AA10123456784", "sms",   "Gotowe\n" SHORT, true },
        {"https://carrier.example/track/1Z999AA10123456784", "email",
         "Gotowe\nhttps://carrier.example/track/1Z999AA10123456784",                    false},
        {"https://c.example/1Z999AA101234567840",            "sms",
         "Gotowe\nhttps://c.example/1Z999AA101234567840",                               false},
    };

    (void)state;
    wants("orders", "sms", "true");
    run_sql(owner,
            FORMAT("insert into customer_settings (org_id, customer_id) values (" ORG ", '%s')",
                   amelia()));
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        run_sql(owner,
                FORMAT("update customer_settings set first_channel = '%s', quiet = false;"
                       " delete from fallbacks; delete from outbox; delete from messages;"
                       " delete from short_links",
                       cases[i].first));
        say("2", "orders");
        run_sql(owner, FORMAT("update messages set body = jsonb_set(body::jsonb, '{url}',"
                              " '\"%s\"')::text",
                              cases[i].url));
        assert_string_equal(look(NOON), FORMAT("gone_on %s", cases[i].first));
        assert_string_equal(ask(owner, "select body::jsonb ->> 'body' from messages where why"
                                       " like 'fallback/%'"),
                            cases[i].said);
        assert_int_equal(ask_number(owner, FORMAT("select count(*) from short_links where"
                                                  " url = '%s' and document_id is null",
                                                  cases[i].url)),
                         cases[i].shortened);
    }
}

static void ch_7_nobody_s_message_goes_nowhere(void **state)
{
    (void)state;
    say("2", "orders");
    run_sql(owner, "update contact_points set customer_id = null");
    assert_string_equal(look(NOON), "nowhere ");
}

static int open_all(void **state)
{
    (void)state;
    store_open();
    owner = owner_connect();
    (void)arrange(NULL);
    bot = owner_connect();
    run_sql(bot, "set role parley_bot; set parley.org_id = " ORG);
    return 0;
}

static int shut_all(void **state)
{
    (void)state;
    PQfinish(bot);
    PQfinish(owner);
    store_shut();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ch_7_first_where_they_wrote_last_then_what_is_on_record,
                               arrange),
        cmocka_unit_test_setup(ch_7_the_channel_that_they_chose_comes_first, arrange),
        cmocka_unit_test_setup(ch_3_a_closed_window_leaves_whatsapp_out, arrange),
        cmocka_unit_test_setup(ntf_1_stop_anywhere_means_nowhere_and_no_means_no, arrange),
        cmocka_unit_test_setup(ntf_1_what_stop_took_back_goes_on_nowhere, arrange),
        cmocka_unit_test_setup(ch_7_what_is_about_to_be_tried_again_does_not_go_on, arrange),
        cmocka_unit_test_setup(otp_2_an_address_that_nobody_proved_is_no_place, arrange),
        cmocka_unit_test_setup(ch_7_what_failed_goes_on_by_the_next_channel_once, arrange),
        cmocka_unit_test_setup(ch_7_what_was_not_delivered_in_time_goes_on_and_not_before,
                               arrange),
        cmocka_unit_test_setup(ch_7_what_arrived_goes_nowhere, arrange),
        cmocka_unit_test_setup(ch_7_what_may_still_arrive_is_waited_for, arrange),
        cmocka_unit_test_setup(ch_7_a_mail_that_did_not_come_back_has_arrived, arrange),
        cmocka_unit_test_setup(ch_7_a_mail_that_comes_back_within_the_wait_goes_on, arrange),
        cmocka_unit_test_setup(ch_7_a_look_does_not_put_off_what_fails_meanwhile, arrange),
        cmocka_unit_test_setup(ch_7_it_goes_round_once_and_then_a_person_can_see_it, arrange),
        cmocka_unit_test_setup(
            ntf_3_going_on_waits_for_the_end_of_quiet_hours_but_an_answer_does_not, arrange),
        cmocka_unit_test_setup(ch_7_two_who_look_at_once_send_one, arrange),
        cmocka_unit_test_setup(ch_7_a_kept_file_goes_on_with_its_words, arrange),
        cmocka_unit_test_setup(ch_7_a_mailbox_that_two_share_is_no_place, arrange),
        cmocka_unit_test_setup(ch_7_a_number_that_is_theirs_no_more_is_no_place, arrange),
        cmocka_unit_test_setup(ch_4_a_link_goes_on_by_sms_as_a_short_one, arrange),
        cmocka_unit_test_setup(ch_7_nobody_s_message_goes_nowhere, arrange),
    };

    return cmocka_run_group_tests(tests, open_all, shut_all);
}
