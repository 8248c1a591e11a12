/*
 * Preferences, quiet hours, the log of consent, and what is new.
 */
#include "store/parts.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/kept_shop.h"
#include "tests/support/store.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AMELIA "+15550100001"
#define LUCIA  "+15550100002"
#define ORG    "'01921a7b-4000-7000-8000-6c61726b0001'"
#define NOW    "'2026-06-10 12:00Z'"

static struct rig rig;
static PGconn *owner;
static PGconn *bot; /* Amelia */

#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)
static char text[8192];

static const char *customer(const char *phone)
{
    static char id[40];
    PGresult *result =
        PQexecParams(owner, "select customer_id from customer_phones where phone = $1", 1, NULL,
                     (const char *const[]){phone}, NULL, NULL, 0);
    (void)snprintf(id, sizeof(id), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return id;
}

static PGconn *connect_as(const char *role, const char *phone)
{
    PGconn *conn = owner_connect();
    run_sql(conn,
            FORMAT("set role %s; set parley.org_id = " ORG "; set parley.customer_id = '%s'",
                   role, phone ? customer(phone) : ""));
    return conn;
}

static const char *ask(PGconn *conn, const char *sql)
{
    static char answers[4][600];
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

static int arrange(void **state)
{
    (void)state;
    struct seed_options options = {
        .url = store_pg.url, .phone_number_id = "106", .reset = true};
    kept_shop_seed(&options);
    run_sql(owner,
            "delete from preferences; delete from consent_log; delete from customer_settings");
    return 0;
}

/* --- quiet hours ---------------------------------------------------------------------------
 */

static void ntf_3_quiet_hours_end_by_the_customer_s_clock_also_when_it_is_changed(void **state)
{
    (void)state;
    /* New York: on 8 March 2026 there is no 02:30, on 1 November 01:30 comes twice. */
    static const struct {
        const char *at;
        int from, until;
        const char *due;
    } cases[] = {
        {"2026-06-10 12:00-04",    1260, 480, "2026-06-10 12:00-04"   },
        {"2026-06-10 20:59:59-04", 1260, 480, "2026-06-10 20:59:59-04"},
        {"2026-06-10 21:00-04",    1260, 480, "2026-06-11 08:00-04"   },
        {"2026-06-10 23:59:59-04", 1260, 480, "2026-06-11 08:00-04"   },
        {"2026-06-11 00:00-04",    1260, 480, "2026-06-11 08:00-04"   },
        {"2026-06-11 07:59:59-04", 1260, 480, "2026-06-11 08:00-04"   },
        {"2026-06-11 08:00-04",    1260, 480, "2026-06-11 08:00-04"   },
        {"2026-03-07 22:00-05",    1260, 480, "2026-03-08 08:00-04"   },
        {"2026-03-08 01:59-05",    1260, 480, "2026-03-08 08:00-04"   },
        {"2026-10-31 22:00-04",    1260, 480, "2026-11-01 08:00-05"   },
        {"2026-11-01 01:30-04",    1260, 480, "2026-11-01 08:00-05"   },
        {"2026-11-01 01:30-05",    1260, 480, "2026-11-01 08:00-05"   },
        {"2026-03-07 23:00-05",    1260, 150, "2026-03-08 03:30-04"   },
        {"2026-11-01 00:30-04",    0,    90,  "2026-11-01 01:30-05"   },
        {"2026-06-10 13:00-04",    720,  840, "2026-06-10 14:00-04"   },
        {"2026-06-10 14:00-04",    720,  840, "2026-06-10 14:00-04"   },
        {"2026-06-10 11:59-04",    720,  840, "2026-06-10 11:59-04"   },
        {"2026-06-10 23:30-04",    1380, 0,   "2026-06-11 00:00-04"   },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const char *ok =
            ask(owner, FORMAT("select quiet_until('%s', 'America/New_York', %d, %d) = "
                              "timestamptz '%s'",
                              cases[i].at, cases[i].from, cases[i].until, cases[i].due));
        if (ok[0] != 't')
            fail_msg("%s, %d to %d", cases[i].at, cases[i].from, cases[i].until);
    }
}

static void ntf_3_nothing_is_due_inside_quiet_hours_whatever_the_zone(void **state)
{
    (void)state;
    static const char *const zones[] = {"America/New_York",  "Europe/Warsaw",
                                        "Asia/Kolkata",      "Australia/Lord_Howe",
                                        "America/Sao_Paulo", "UTC"};
    /* Every 37 minutes of two years: due is never quiet, never early, never a day late. (Asked
     * once each: without "offset" it would be for every place that it stands in.) */
    for (size_t z = 0; z < COUNTOF(zones); z++) {
        assert_int_equal(
            ask_number(
                owner,
                FORMAT("select count(*) from (select at, quiet_until(at, '%s', 1260, 480) as "
                       "due from generate_series(timestamptz '2025-01-01Z', '2026-12-31Z', "
                       "'37 minutes') at offset 0) d where due < at or due > at + interval '12 "
                       "hours' "
                       "or (due at time zone '%s')::time < '08:00' or (due at time zone "
                       "'%s')::time >= '21:00'",
                       zones[z], zones[z], zones[z])),
            0);
    }
}

static void ntf_3_hours_are_read_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *words, *read;
    } cases[] = {
        {"22-7",                                   "1320 420"},
        {"22 - 7",                                 "1320 420"},
        {"from 10 pm to 7 am",                     "1320 420"},
        {"10pm-7am",                               "1320 420"},
        {"de 22:30 a 7:15",                        "1350 435"},
        {"od 22 do 7 rano",                        "1320 420"},
        {"od 9 wieczorem do 8",                    "1260 480"},
        {"٢٢ - ٧",                              "1320 420"},
        {"من 10 م إلى 7 ص",                 "1320 420"},
        {"22.00-06.00",                            "1320 360"},
        {"24-7",                                   "0 420"   },
        {"12 am - 12 pm",                          "0 720"   },
        {"0-6",                                    "0 360"   },
        {"9-9",                                    " "       },
        {"25-7",                                   " "       },
        {"22",                                     " "       },
        {"22-7-9",                                 " "       },
        {"22:75-7",                                " "       },
        {"off",                                    " "       },
        {"",                                       " "       },
        {"2200-0700",                              " "       },
        {"whenever",                               " "       },
        {"99999999999999999999-99999999999999999", " "       },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const char *got = ask(owner, FORMAT("select concat(quiet_from, ' ', quiet_until) from "
                                            "quiet_read('%s')",
                                            cases[i].words));
        if (strcmp(got, cases[i].read) != 0)
            fail_msg("%s: %s", cases[i].words, got);
    }
}

/* --- as flows ask --------------------------------------------------------------------------
 */

struct take {
    const char *name;
    struct value value;
};

static usec_t clock_of_part = 1781092800 * USEC_PER_SEC; /* 2026-06-10 12:00 UTC */

static struct value part(const char *phone, const char *name, const struct take *takes,
                         size_t n, const char **outcome)
{
    struct called called = {.done = false};
    struct record_builder record;
    struct err err = {.code = ERR_NONE};
    struct value answer;
    struct part_frame frame = {
        .org = seed_demo_org, .now = clock_of_part, .text = STR("what they wrote")};
    record_build(&record, &rig.arena);
    for (size_t i = 0; i < n; i++)
        record_set(&record, str_from(takes[i].name), takes[i].value);
    const struct part *found = parts_find(str_from(name));
    assert_non_null(found);
    if (phone)
        assert_true(uuid_parse(str_from(customer(phone)), &frame.customer));
    call_init(&called.call, &rig.arena, seed_demo_org);
    called.call.customer = frame.customer;
    call_add(&called.call, found->sql,
             part_params(&rig.arena, found, &frame, record_built(&record)));
    wait_call(&rig, &called);
    if (called.call.err.code != ERR_NONE)
        fail_msg("%s: %s", name, called.call.err.text);
    if (!part_answer(&rig.arena, found, called.results[0], &answer, outcome, &err))
        fail_msg("%s", err.text);
    called_clear(&called);
    return answer;
}

static const char *set_preference(const char *phone, const char *topic, const char *change)
{
    const char *outcome;
    const struct take takes[] = {
        {"topic",  value_text(str_from(topic)) },
        {"change", value_text(str_from(change))}
    };
    (void)part(phone, "preference_set", takes, 2, &outcome);
    return outcome;
}

static struct value in(struct value record, const char *path)
{
    assert_int_equal(record.kind, VALUE_RECORD);
    return record_path(record.record, str_from(path));
}

static bool says(struct value value, const char *words)
{
    return str_eq(value.text, str_from(words));
}

static void ntf_1_every_change_of_mind_is_kept_with_its_time_and_source(void **state)
{
    (void)state;
    const char *outcome;
    const struct list *topics = part(AMELIA, "preferences_topics", NULL, 0, &outcome).list;
    assert_int_equal(topics->n, 7);
    assert_true(says(in(topics->items[0], "whatsapp"), "on"));
    assert_true(says(in(topics->items[0], "sms"), "off"));
    assert_true(says(in(topics->items[6], "email"), "off")); /* offers are asked for */
    assert_string_equal(set_preference(AMELIA, "offers", "email_on"), "on");
    assert_string_equal(set_preference(AMELIA, "offers", "email_on"), "on"); /* no change */
    assert_string_equal(set_preference(AMELIA, "orders", "whatsapp_off"), "off");
    assert_string_equal(set_preference(AMELIA, "orders", "whatsapp_on"), "on");
    assert_string_equal(
        ask(owner,
            "select string_agg(concat(topic, ' ', channel, ' ', wanted, ' ', source, ' ', "
            "words), '; ' order by topic, wanted) from consent_log where at = "
            "'2026-06-10 12:00Z'"),
        "offers email t chat what they wrote; orders whatsapp f chat what they wrote; "
        "orders whatsapp t chat what they wrote");
    topics = part(AMELIA, "preferences_topics", NULL, 0, &outcome).list;
    assert_true(says(in(topics->items[6], "email"), "on"));
    topics = part(LUCIA, "preferences_topics", NULL, 0, &outcome).list;
    assert_true(says(in(topics->items[6], "email"), "off"));
    const struct take offers = {"topic", value_text(STR("offers"))};
    const struct list *channels =
        part(AMELIA, "preferences_channels", &offers, 1, &outcome).list;
    assert_int_equal(channels->n, 3);
    assert_true(says(in(channels->items[2], "change"), "email_off"));
}

static void ntf_1_what_is_no_preference_changes_nothing(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "", "email", "email_maybe", "fax_on", "email_on; drop", "EMAIL_ON", "email_on\n"};
    const char *outcome;
    for (size_t i = 0; i < COUNTOF(changes); i++)
        assert_string_equal(set_preference(AMELIA, "offers", changes[i]), "unknown");
    assert_string_equal(set_preference(AMELIA, "secrets", "email_on"), "unknown");
    assert_string_equal(set_preference(NULL, "offers", "email_on"), "unknown");
    const struct take hours = {"hours", value_text(STR("off"))};
    (void)part(NULL, "quiet_set", &hours, 1, &outcome);
    assert_string_equal(outcome, "unreadable");
    (void)part(NULL, "updates_seen", NULL, 0, &outcome);
    assert_string_equal(outcome, "unknown");
    assert_int_equal(ask_number(owner, "select (select count(*) from consent_log) + (select "
                                       "count(*) from preferences) + (select count(*) from "
                                       "customer_settings)"),
                     0);
}

/* "whatsapp off, last on": what they may choose from. */
static const char *first_channels(const char *phone)
{
    const char *outcome;
    struct value rows = part(phone, "first_channels", NULL, 0, &outcome);
    struct str all = STR_NONE;

    for (size_t i = 0; rows.kind == VALUE_LIST && i < rows.list->n; i++) {
        all = arena_format(&rig.arena, "%.*s%s%.*s %.*s", STR_ARG(all), i ? ", " : "",
                           STR_ARG(in(rows.list->items[i], "channel").text),
                           STR_ARG(in(rows.list->items[i], "stands").text));
    }
    return arena_cstr(&rig.arena, all);
}

static const char *set_first(const char *phone, const char *channel)
{
    const char *outcome;
    const struct take take = {"channel", value_text(str_from(channel))};

    (void)part(phone, "first_channel_set", &take, 1, &outcome);
    return outcome;
}

static void ch_7_who_can_be_reached_on_a_channel_may_have_it_first(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "fax", "SMS", "sms ", "last;", "whatsapp,sms"};

    assert_string_equal(first_channels(AMELIA), "last on"); /* no account for SMS or mail */
    run_sql(owner, "insert into accounts (org_id, account_id, channel, external_id) values"
                   " (" ORG ", gen_random_uuid(), 'sms', '+3531550'),"
                   " (" ORG ", gen_random_uuid(), 'email', 'shop@in.example')");
    run_sql(owner,
            FORMAT("insert into contact_points (org_id, contact_id, channel, address, phone, "
                   "customer_id) values (" ORG ", '%s', 'whatsapp', '%s', '%s', '%s')",
                   customer(AMELIA), AMELIA, AMELIA, customer(AMELIA)));
    assert_string_equal(first_channels(AMELIA), "whatsapp off, sms off, email off, last on");
    assert_string_equal(set_first(AMELIA, "sms"), "set");
    assert_string_equal(set_first(AMELIA, "email"), "set");
    assert_string_equal(first_channels(AMELIA), "whatsapp off, sms off, email on, last off");
    for (size_t i = 0; i < COUNTOF(wrong); i++)
        assert_string_equal(set_first(AMELIA, wrong[i]), "unknown");
    assert_string_equal(set_first(NULL, "sms"), "unknown");
    assert_string_equal(first_channels(NULL), "");
    assert_string_equal(first_channels(LUCIA), "sms off, email off, last on"); /* hers alone */
    run_sql(owner,
            FORMAT("update customer_phones set disputed_at = now() where phone = '%s'", LUCIA));
    assert_string_equal(first_channels(LUCIA), "email off, last on");
    assert_string_equal(set_first(AMELIA, "last"), "set");
    assert_string_equal(first_channels(AMELIA), "whatsapp off, sms off, email off, last on");
}

static void ntf_1_the_log_of_consent_is_only_ever_added_to(void **state)
{
    (void)state;
    static const char *const roles[] = {"parley_bot", "parley_web", "parley_staff"};
    static const char *const forbidden[] = {
        "update consent_log set wanted = true", "delete from consent_log",
        "truncate consent_log", "delete from preferences", "delete from customer_settings"};
    assert_string_equal(set_preference(AMELIA, "offers", "email_on"), "on");
    for (size_t r = 0; r < COUNTOF(roles); r++) {
        PGconn *conn = connect_as(roles[r], AMELIA);
        for (size_t i = 0; i < COUNTOF(forbidden); i++)
            assert_string_equal(try_sql(conn, forbidden[i]), "42501");
        PQfinish(conn);
    }
    PGconn *lucia = connect_as("parley_bot", LUCIA);
    assert_int_equal(ask_number(lucia, "select count(*) from consent_log"), 0);
    assert_int_equal(ask_number(lucia, "select count(*) from preferences"), 0);
    PQfinish(lucia);
    assert_int_equal(ask_number(bot, "select count(*) from consent_log"), 1);
}

/* A statement of a turn's, which speaks for nobody in particular. */
static void obey(const struct sql *sql, const char *const *params)
{
    PGconn *turn = connect_as("parley_bot", NULL);
    PGresult *result =
        PQexecParams(turn, sql->text, sql->n_params, NULL, params, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql->name, PQerrorMessage(turn));
    PQclear(result);
    PQfinish(turn);
}

/* Where Amelia hears of her orders unasked. */
static const char *hears_on(void)
{
    return ask(bot, FORMAT("select coalesce(string_agg(c, ' ' order by c), 'nowhere') from "
                           "unnest(array['email', 'whatsapp']) c where "
                           "notification_wanted(" ORG ", '%s', 'orders', c)",
                           customer(AMELIA)));
}

static void ntf_1_a_mailbox_that_is_gone_silences_no_other_place(void **state)
{
    char org[40], sms[60] = "{10000000-0000-4000-8000-000000000001}",
                  whatsapp[60] = "{10000000-0000-4000-8000-000000000002}",
                  mail[60] = "{10000000-0000-4000-8000-000000000003}";
    const char *const gone[] = {org,  "{email}", "{amelia@example.com}", "{true}",
                                mail, "{\"\"}",  "2026-06-10 12:00Z"};

    (void)state;
    (void)snprintf(org, sizeof(org), "%.36s", &ORG[1]);
    run_sql(owner,
            FORMAT("insert into contact_points (org_id, contact_id, channel, address, "
                   "customer_id) select " ORG ", id::uuid, channel, address, '%s' from "
                   "(values ('%.36s', 'sms', '" AMELIA "'), ('%.36s', 'whatsapp', '" AMELIA
                   "'), ('%.36s', 'email', 'amelia@example.com')) c (id, channel, address)",
                   customer(AMELIA), sms + 1, whatsapp + 1, mail + 1));
    assert_string_equal(hears_on(), "email whatsapp");
    obey(&SQL_TURN_SWITCH, gone); /* a mail came back */
    assert_int_equal(ask_number(owner,
                                "select count(*) from contact_points where stopped_at is "
                                "not null and unreachable and channel = 'email'"),
                     1);
    assert_string_equal(hears_on(),
                        "email whatsapp"); /* of which notification_places takes one */
    assert_string_equal(
        ask(bot, FORMAT("select string_agg(channel, ' ') from notification_places(" ORG
                        ", '%s', '', now(), '{}') where channel = 'email'",
                        customer(AMELIA))),
        "");
    /* STOP is for all places, until START is written from one: then it is heard of things
     * there. */
    obey(&SQL_TURN_STOP, (const char *const[]){org, sms, "2026-06-10 12:01Z"});
    assert_string_equal(hears_on(), "nowhere");
    obey(&SQL_TURN_START, (const char *const[]){org, whatsapp});
    obey(&SQL_TURN_START, (const char *const[]){org, whatsapp}); /* again: nothing new */
    assert_string_equal(hears_on(), "whatsapp");
    assert_int_equal(ask_number(owner, "select count(*) from consent_log where wanted"), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from contact_points where stopped_at is "
                                "not null and not unreachable and channel = 'sms'"),
                     1);
    obey(&SQL_TURN_STOP, (const char *const[]){org, whatsapp, "2126-06-10 12:02Z"});
    assert_string_equal(hears_on(), "nowhere");
    /* Who writes STOP from a mailbox that was gone means it. */
    obey(&SQL_TURN_START, (const char *const[]){org, sms});
    obey(&SQL_TURN_START, (const char *const[]){org, whatsapp});
    assert_string_equal(hears_on(), "email whatsapp");
    obey(&SQL_TURN_STOP, (const char *const[]){org, mail, "2126-06-10 12:03Z"});
    assert_string_equal(hears_on(), "nowhere");
}

static void ntf_1_stop_and_start_are_logged_once_each_and_whatsapp_s_own_switch_too(
    void **state)
{
    (void)state;
    run_sql(owner,
            FORMAT("insert into contact_points (org_id, contact_id, channel, address, phone, "
                   "customer_id) values (" ORG ", '%s', 'whatsapp', '%s', '%s', '%s')",
                   customer(AMELIA), AMELIA, AMELIA, customer(AMELIA)));
    const char *id = customer(AMELIA);
    char contacts[60];
    (void)snprintf(contacts, sizeof(contacts), "{%s}", id);
    const struct {
        const struct sql *sql;
        const char *const *values;
    } steps[] = {
        {&SQL_TURN_STOP,        (const char *const[]){&ORG[1], contacts, "2026-06-10 12:00Z"}},
        {&SQL_TURN_STOP,        (const char *const[]){&ORG[1], contacts, "2026-06-10 12:01Z"}},
        {&SQL_TURN_START,       (const char *const[]){&ORG[1], contacts}                     },
        {&SQL_TURN_START,       (const char *const[]){&ORG[1], contacts}                     },
        {&SQL_TURN_PREFERENCES,
         (const char *const[]){&ORG[1], "{" AMELIA "}", "{true}", "2026-06-10 12:02Z"}       },
    };
    char org[40];
    (void)snprintf(org, sizeof(org), "%.36s", &ORG[1]);
    for (size_t i = 0; i < COUNTOF(steps); i++) {
        const char *values[4] = {org};
        for (int v = 1; v < steps[i].sql->n_params; v++) {
            // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): each has as many
            values[v] = steps[i].values[v];
        }
        obey(steps[i].sql, values);
    }
    assert_string_equal(ask(bot,
                            "select string_agg(concat(topic, ' ', wanted, ' ', source), '; ' "
                            "order by topic, wanted) from consent_log"),
                        "all f message; all t message; offers f channel");
    assert_string_equal(set_preference(AMELIA, "offers", "whatsapp_on"), "blocked");
    assert_string_equal(set_preference(AMELIA, "offers", "email_on"), "on");
    assert_string_equal(ask(bot, FORMAT("select preference_wanted(" ORG ", '%s', 'offers', "
                                        "'whatsapp')",
                                        customer(AMELIA))),
                        "f");
}

/* Whether Amelia wants to hear of cancellations on WhatsApp, and when, in UTC. */
static const char *due_of(const char *at)
{
    return ask(bot, FORMAT("select concat(wanted, ' ', due_at at time zone 'UTC') from "
                           "notification_due(" ORG ", '%s', 'cancellations', 'whatsapp', '%s')",
                           customer(AMELIA), at));
}

static void ntf_3_what_nobody_asked_for_waits_for_the_end_of_the_quiet_hours(void **state)
{
    (void)state;
    const char *outcome;
    /* Amelia has no zone of her own: the shop's, New York. 12:00 UTC is 8:00 there. */
    assert_string_equal(due_of("2026-06-10 12:00Z"), "t 2026-06-10 12:00:00");
    assert_string_equal(due_of("2026-06-10 11:59Z"), "t 2026-06-10 12:00:00");
    run_sql(owner,
            FORMAT("update customers set time_zone = 'Europe/Warsaw' where customer_id = "
                   "'%s'",
                   customer(AMELIA)));
    assert_string_equal(due_of("2026-06-10 20:00Z"), "t 2026-06-11 06:00:00");
    struct take hours = {"hours", value_text(STR("23 - 9:30"))};
    struct value set = part(AMELIA, "quiet_set", &hours, 1, &outcome);
    assert_string_equal(outcome, "set");
    assert_int_equal(in(set, "ends_at").time - in(set, "begins_at").time,
                     -(13 * 60 + 30) * USEC_PER_MIN);
    assert_string_equal(due_of("2026-06-10 20:00Z"), "t 2026-06-10 20:00:00");
    assert_string_equal(due_of("2026-06-10 21:00Z"), "t 2026-06-11 07:30:00");
    hours.value = value_text(STR("9-9"));
    (void)part(AMELIA, "quiet_set", &hours, 1, &outcome);
    assert_string_equal(outcome, "unreadable");
    hours.value = value_text(STR("off"));
    (void)part(AMELIA, "quiet_set", &hours, 1, &outcome);
    assert_string_equal(outcome, "off");
    assert_string_equal(due_of("2026-06-10 21:00Z"), "t 2026-06-10 21:00:00");
    assert_true(
        says(in(part(AMELIA, "preferences_quiet", NULL, 0, &outcome), "stands"), "off"));
    assert_string_equal(set_preference(AMELIA, "cancellations", "whatsapp_off"), "off");
    assert_string_equal(due_of("2026-06-10 12:00Z"), "f 2026-06-10 12:00:00");
    run_sql(owner, FORMAT("update customers set time_zone = null where customer_id = '%s'",
                          customer(AMELIA)));
}

/* --- what is new ---------------------------------------------------------------------------
 */

static void happen(const char *what, const char *at)
{
    run_sql(
        owner,
        FORMAT(
            "insert into order_notes (org_id, order_id, note_id, at, body, visible) select "
            "org_id, order_id, gen_random_uuid(), '%s', '%s', true from orders where number = "
            "'ORD-1002'",
            at, what));
}

static void ntf_4_what_is_new_is_shown_until_it_is_put_away_and_nothing_with_it(void **state)
{
    (void)state;
    const char *outcome;
    /* The clock stands far from the seed's own events. */
    clock_of_part = 1781092800 * USEC_PER_SEC + 3650 * USEC_PER_DAY;
    happen("first", "2036-06-06 10:00Z");
    happen("second", "2036-06-06 11:00Z");
    happen("to come", "2036-06-08 13:00Z");
    happen("long ago", "2036-04-01 13:00Z");
    const struct list *news = part(AMELIA, "updates_list", NULL, 0, &outcome).list;
    assert_int_equal(news->n, 2);
    assert_true(says(in(news->items[0], "said"), "second"));
    assert_true(says(in(news->items[0], "kind"), "note"));
    assert_true(says(in(news->items[0], "number"), "ORD-1002"));
    assert_int_equal(part(LUCIA, "updates_list", NULL, 0, &outcome).list->n, 0);
    struct take until = {"until", in(news->items[0], "at")};
    happen("meanwhile", "2036-06-06 11:00:00.000001Z");
    assert_int_equal(part(AMELIA, "updates_list", &until, 1, &outcome).list->n, 2);
    (void)part(AMELIA, "updates_seen", &until, 1, &outcome);
    assert_string_equal(outcome, "done");
    news = part(AMELIA, "updates_list", NULL, 0, &outcome).list;
    assert_int_equal(news->n, 1);
    assert_true(says(in(news->items[0], "said"), "meanwhile"));
    /* An older button takes nothing back; a time that is to come puts away no more than now. */
    until.value = value_time(0);
    (void)part(AMELIA, "updates_seen", &until, 1, &outcome);
    assert_int_equal(part(AMELIA, "updates_list", NULL, 0, &outcome).list->n, 1);
    until.value = value_text(STR("99999999999999999"));
    (void)part(AMELIA, "updates_seen", &until, 1, &outcome);
    assert_int_equal(part(AMELIA, "updates_list", NULL, 0, &outcome).list->n, 0);
    clock_of_part += 2 * USEC_PER_DAY;
    assert_int_equal(part(AMELIA, "updates_list", NULL, 0, &outcome).list->n, 1);
}

/* Three thousand orders of her own among thirty thousand of others, with three events each. */
static void ntf_4_what_is_new_comes_at_once_also_to_who_has_ordered_much(void **state)
{
    (void)state;
    const char *outcome;
    run_sql(
        owner,
        FORMAT("insert into orders (org_id, order_id, number, customer_id, workflow, status, "
               "placed_at, currency, subtotal_minor, total_minor) select " ORG
               ", md5('big' || i)::uuid, 'BIG-' || i, case when i %% 10 = 0 then '%s' else "
               "(select customer_id from customers order by customer_id limit 1 offset i %% "
               "7) end, 'shop', 'processing', now() - i * interval '1 minute', 'USD', 1, 1 "
               "from generate_series(1, 30000) i;"
               "insert into order_events (org_id, order_id, event_id, status, at, actor) "
               "select " ORG ", md5('big' || i)::uuid, md5('e' || i || '/' || k)::uuid, "
               "'processing', now() - i * interval '1 minute' + k * interval '1 second', "
               "'shop' from generate_series(1, 30000) i, generate_series(1, 3) k",
               customer(AMELIA)));
    clock_of_part = clock_now();
    (void)part(AMELIA, "updates_list", NULL, 0, &outcome); /* warm */
    usec_t began = clock_now();
    for (int i = 0; i < 10; i++)
        assert_int_equal(part(AMELIA, "updates_list", NULL, 0, &outcome).list->n, 10);
    usec_t each = (clock_now() - began) / 10;
    print_message("%.1f ms\n", (double)each / 1000);
    assert_true(each < 200 * USEC_PER_MSEC);
}

static void what_a_dialogue_holds_cannot_fail_a_preference(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "\xff\xfe",        "", "99999999999999999999", "-1", "'; drop table orders; --",
        "\xd9\xa1\xd9\xa0"};
    static const char *const names[] = {
        "preferences_topics", "preferences_channels", "preferences_quiet", "preference_set",
        "quiet_set",          "updates_list",         "updates_seen"};
    static const char *const takes[] = {"topic", "change", "hours", "until", "language"};
    const char *outcome;
    for (size_t l = 0; l < COUNTOF(names); l++) {
        for (size_t i = 0; i <= COUNTOF(hostile); i++) {
            struct take all[COUNTOF(takes)];
            for (size_t t = 0; t < COUNTOF(takes); t++) {
                all[t] = (struct take){takes[t], i < COUNTOF(hostile)
                                                     ? value_text(str_from(hostile[i]))
                                                     : value_none()};
            }
            (void)part(AMELIA, names[l], all, COUNTOF(takes), &outcome);
        }
    }
}

static int open_rig(void **state)
{
    clock_of_part = 1781092800 * USEC_PER_SEC;
    rig_open(&rig, &(struct db_options){.connections = 2, .role = "parley_bot"});
    return arrange(state);
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void)
{
#define RIGGED(test) cmocka_unit_test_setup_teardown(test, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntf_3_quiet_hours_end_by_the_customer_s_clock_also_when_it_is_changed),
        cmocka_unit_test(ntf_3_nothing_is_due_inside_quiet_hours_whatever_the_zone),
        cmocka_unit_test(ntf_3_hours_are_read_as_people_write_them),
        RIGGED(ntf_1_every_change_of_mind_is_kept_with_its_time_and_source),
        RIGGED(ntf_1_what_is_no_preference_changes_nothing),
        RIGGED(ch_7_who_can_be_reached_on_a_channel_may_have_it_first),
        RIGGED(ntf_1_the_log_of_consent_is_only_ever_added_to),
        RIGGED(ntf_1_a_mailbox_that_is_gone_silences_no_other_place),
        RIGGED(ntf_1_stop_and_start_are_logged_once_each_and_whatsapp_s_own_switch_too),
        RIGGED(ntf_3_what_nobody_asked_for_waits_for_the_end_of_the_quiet_hours),
        RIGGED(ntf_4_what_is_new_is_shown_until_it_is_put_away_and_nothing_with_it),
        RIGGED(ntf_4_what_is_new_comes_at_once_also_to_who_has_ordered_much),
        RIGGED(what_a_dialogue_holds_cannot_fail_a_preference),
    };
    store_open();
    owner = owner_connect();
    (void)arrange(NULL);
    bot = connect_as("parley_bot", AMELIA);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(bot);
    PQfinish(owner);
    store_shut();
    return failed;
}
