/*
 * Cancelling: rules and windows, what becomes of a wish, and who wins when two things happen to
 * one order at the same instant.
 */
#include "store/parts.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/kept_shop.h"
#include "tests/support/store.h"

#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define AMELIA "+15550100001"
#define LUCIA  "+15550100002"

static struct rig rig;
static PGconn *owner;
static PGconn *bot, *other; /* Amelia, twice */
static PGconn *staff;

#define ORG "'01921a7b-4000-7000-8000-6c61726b0001'"
#define NOW "'2026-06-10 12:00Z'"

#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)
static char text[16384];

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

/* One value as text; "" for null. */
static const char *ask(PGconn *conn, const char *sql)
{
    static char answers[8][600];
    static unsigned at;
    char *answer = answers[at++ % 8];
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("%s\n%s", sql, PQerrorMessage(conn));
    (void)snprintf(answer, sizeof(answers[0]), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return answer;
}

static const char *request_sql(const char *phone, const char *number, const char *at)
{
    static char sql[800];
    (void)snprintf(sql, sizeof(sql),
                   "select outcome from cancellation_request(" ORG
                   ", '%s', '%s', 'twice', 'a note',"
                   " 'en', %s, gen_random_uuid(), null)",
                   customer(phone), number, at);
    return sql;
}

static const char *request(PGconn *conn, const char *number, const char *at)
{
    return ask(conn, request_sql(AMELIA, number, at));
}

static const char *judged(const char *number, const char *at, const char *column)
{
    static char sql[800];
    (void)snprintf(sql, sizeof(sql),
                   "select %s from cancellation_judge(" ORG ", '%s', '%s', %s, 'en')", column,
                   customer(AMELIA), number, at);
    return ask(bot, sql);
}

static const char *decide(const char *id, const char *wish)
{
    static char sql[400];
    (void)snprintf(sql, sizeof(sql),
                   "select outcome from cancellation_decide(" ORG
                   ", '%s', '%s', 'seen', 'marta', " NOW ")",
                   id, wish);
    return ask(staff, sql);
}

static const char *request_id(const char *number)
{
    return ask(owner,
               FORMAT("select cancellation_id from cancellations join orders using (org_id, "
                      "order_id) where number = '%s' and org_id = " ORG
                      " order by asked_at desc, cancellations.status = 'withdrawn' limit 1",
                      number));
}

static const char *withdraw_sql(const char *phone, const char *id)
{
    static char sql[400];
    (void)snprintf(sql, sizeof(sql),
                   "select outcome from cancellation_withdraw(" ORG ", '%s', '%s', " NOW ")",
                   customer(phone), id);
    return sql;
}

/* One rule for everything, as a tail of `insert ... values`. */
static void rules(const char *values)
{
    run_sql(owner, "delete from cancellation_rules");
    if (values) {
        run_sql(owner,
                FORMAT("insert into cancellation_rules (org_id, position, rule_id, workflow, "
                       "statuses, phase, part_shipped, paid, open_for, effect, why, help) "
                       "select " ORG "::uuid, r.* from (values %s) r (position, rule_id, "
                       "workflow, statuses, phase, part_shipped, paid, open_for, effect, why, "
                       "help)",
                       values));
    }
}

static void place(const char *number, const char *at)
{
    run_sql(owner,
            FORMAT("update orders set placed_at = '%s' where number = '%s'", at, number));
}

#define EFFECT(effect)                                                                         \
    "null::text, null::text[], null::text, null::bool, null::bool, null::interval, '" effect   \
    "', 'by_a_person', 'person'"
#define WITHIN(span, effect)                                                                   \
    "null::text, null::text[], null::text, null::bool, null::bool, interval '" span            \
    "', '" effect "', 'by_a_person', 'person'"

static int arrange(void **state)
{
    (void)state;
    struct seed_options options = {
        .url = store_pg.url, .phone_number_id = "106", .reset = true};
    kept_shop_seed(&options);
    run_sql(owner, "delete from cancellations");
    rules("(1, 'all', " EFFECT("approve") ")");
    return 0;
}

/* --- windows -------------------------------------------------------------------------------
 */

static void can_2_a_window_is_open_to_its_last_second_across_both_changes_of_the_clocks(
    void **state)
{
    (void)state;
    /* New York: on 8 March 2026 there is no 02:30, on 1 November 01:30 comes twice. */
    static const struct {
        const char *placed, *span, *closes;
    } cases[] = {
        {"2026-06-01 12:00-04",      "24 hours",      "2026-06-02 12:00-04"     },
        {"2026-06-01 12:00-04",      "1 day",         "2026-06-02 12:00-04"     },
        {"2026-03-07 12:00-05",      "24 hours",      "2026-03-08 13:00-04"     },
        {"2026-03-07 12:00-05",      "1 day",         "2026-03-08 12:00-04"     },
        {"2026-10-31 12:00-04",      "24 hours",      "2026-11-01 11:00-05"     },
        {"2026-10-31 12:00-04",      "1 day",         "2026-11-01 12:00-05"     },
        {"2026-03-07 02:30-05",      "1 day",         "2026-03-08 03:30-04"     },
        {"2026-10-31 01:30-04",      "1 day",         "2026-11-01 01:30-05"     },
        {"2026-11-01 01:30-04",      "1 hour",        "2026-11-01 01:30-05"     },
        {"2026-11-01 01:30-05",      "1 hour",        "2026-11-01 02:30-05"     },
        {"2026-11-01 01:30-04",      "90 minutes",    "2026-11-01 02:00-05"     },
        {"2026-03-08 01:59-05",      "1 minute",      "2026-03-08 03:00-04"     },
        {"2026-03-07 12:00-05",      "1 day 2 hours", "2026-03-08 14:00-04"     },
        {"2026-01-31 09:00-05",      "1 month",       "2026-02-28 09:00-05"     },
        {"2026-02-15 09:00-05",      "1 month",       "2026-03-15 09:00-04"     },
        {"2026-06-01 12:00:00.5-04", "30 seconds",    "2026-06-01 12:00:30.5-04"},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        char rule[400], before[100], at[100], after[100], same[200];
        (void)snprintf(
            rule, sizeof(rule),
            "(1, 'open', null::text, null::text[], null::text, null::bool, null::bool, "
            "interval '%s', 'approve', 'by_a_person', 'person')",
            cases[i].span);
        rules(rule);
        place("ORD-1002", cases[i].placed);
        (void)snprintf(before, sizeof(before), "timestamptz '%s' - interval '1 second'",
                       cases[i].closes);
        (void)snprintf(at, sizeof(at), "timestamptz '%s'", cases[i].closes);
        (void)snprintf(after, sizeof(after), "timestamptz '%s' + interval '1 second'",
                       cases[i].closes);
        (void)snprintf(same, sizeof(same), "closed_at = timestamptz '%s'", cases[i].closes);
        print_message("%s + %s\n", cases[i].placed, cases[i].span);
        assert_string_equal(judged("ORD-1002", before, "verdict"), "approve");
        assert_string_equal(judged("ORD-1002", at, "verdict"), "too_late");
        assert_string_equal(judged("ORD-1002", after, "verdict"), "too_late");
        assert_string_equal(judged("ORD-1002", after, same), "t");
        (void)snprintf(same, sizeof(same), "closes_at = timestamptz '%s'", cases[i].closes);
        assert_string_equal(judged("ORD-1002", before, same), "t");
    }
    /* Not the session's clock, but the business's; and nonsense is UTC. */
    run_sql(owner, "update businesses set time_zone = 'Nowhere/Land'");
    rules("(1, 'open', " WITHIN("1 day", "approve") ")");
    place("ORD-1002", "2026-03-07 12:00-05");
    run_sql(bot, "set time zone 'America/New_York'");
    assert_string_equal(judged("ORD-1002", NOW, "closed_at = '2026-03-08 13:00-04'"), "t");
    run_sql(bot, "reset time zone");
}

/* --- rules against a reference --------------------------------------------------------------
 */

enum { RULES = 5 };

static const char *const flows_of[] = {"shop", "repair"};
static const char *const states_of[2][3] = {
    {"processing", "shipped",     "delivered"},
    {"received",   "in_progress", "completed"}
};
static const char *const phases[] = {"active", "done"};
static const char *const effects[] = {"approve", "review", "refuse"};

struct rule {
    int workflow, status, phase, part, paid; /* -1: any */
    int hours;                               /* 0: no window */
    int effect;
};

struct facts {
    int workflow, status, phase;
    bool left, part, paid, shipped, has_cancelled;
    int age; /* minutes */
};

struct verdict {
    const char *said;
    int rule;       /* -1: none */
    int64_t closed; /* minutes after placing; 0: none */
};

static uint64_t seed_state;

static int draw(int below)
{
    seed_state = seed_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((seed_state >> 33) % (uint64_t)below);
}

static bool fits_but_time(const struct rule *rule, const struct facts *facts)
{
    return (rule->workflow < 0 || rule->workflow == facts->workflow) &&
           (rule->status < 0 || (rule->status == facts->status && true)) &&
           (rule->phase < 0 || rule->phase == facts->phase) &&
           (rule->part < 0 || rule->part == facts->part) &&
           (rule->paid < 0 || rule->paid == facts->paid);
}

static struct verdict reference(const struct rule *all, const struct facts *facts)
{
    struct verdict verdict = {"not_allowed", -1, 0};
    int64_t closed = 0;
    int first = -1;
    for (int i = 0; i < RULES && first < 0; i++) {
        if (!fits_but_time(&all[i], facts))
            continue;
        if (all[i].hours == 0 || facts->age < all[i].hours * 60) {
            first = i;
        } else if (all[i].effect != 2 && (int64_t)all[i].hours * 60 > closed) {
            closed = (int64_t)all[i].hours * 60;
        }
    }
    verdict.rule = first;
    if (first >= 0 && all[first].effect != 2) {
        verdict.said = all[first].effect == 1 || !facts->has_cancelled ? "review" : "approve";
    } else if (facts->shipped) {
        verdict.said = "shipped";
    } else if (closed > 0) {
        verdict.said = "too_late";
        verdict.closed = closed;
    }
    return verdict;
}

static struct facts draw_facts(void)
{
    struct facts facts = {.workflow = draw(2), .status = draw(3)};
    facts.phase = facts.status == 2;
    facts.left = draw(2);
    facts.paid = draw(2);
    bool in_transit = facts.workflow == 0 && facts.status == 1;
    facts.part = facts.left && facts.phase == 0 && !in_transit;
    facts.shipped = in_transit || (facts.phase == 1 && facts.left);
    facts.has_cancelled = facts.workflow == 0;
    facts.age = draw(2) ? draw(60 * 60) : (1 + draw(4)) * 12 * 60 + draw(3) - 1;
    return facts;
}

static struct rule draw_rule(void)
{
    struct rule rule = {.workflow = draw(3) - 1,
                        .status = draw(2) ? -1 : draw(3),
                        .phase = draw(3) ? -1 : draw(2),
                        .part = draw(3) ? -1 : draw(2),
                        .paid = draw(3) ? -1 : draw(2),
                        .hours = draw(5) * 12,
                        .effect = draw(3)};
    if (rule.status >= 0 && rule.workflow < 0)
        rule.workflow = draw(2);
    return rule;
}

static const char *bool_or_null(int value)
{
    return value < 0 ? "null" : value ? "true" : "false";
}

static const char *quoted(const char *word)
{
    static char words[4][40];
    static unsigned at;
    char *to = words[at++ % 4];
    (void)snprintf(to, sizeof(words[0]), word ? "'%s'" : "null", word);
    return to;
}

static void write_rules(const struct rule *all)
{
    char sql[4000] = "delete from cancellation_rules;";
    for (int i = 0; i < RULES; i++) {
        const struct rule *rule = &all[i];
        char status[60] = "null";
        if (rule->status >= 0) {
            (void)snprintf(status, sizeof(status), "array['none', '%s']",
                           states_of[rule->workflow][rule->status]);
        }
        (void)snprintf(sql + strlen(sql), sizeof(sql) - strlen(sql),
                       "insert into cancellation_rules (org_id, position, rule_id, workflow, "
                       "statuses, phase, part_shipped, paid, open_for, effect) values (" ORG
                       ", %d, 'r%d', %s, %s, %s, %s, %s, nullif(make_interval(hours => %d), "
                       "interval '0'), '%s');",
                       (i + 1) * 10, i,
                       quoted(rule->workflow < 0 ? NULL : flows_of[rule->workflow]), status,
                       quoted(rule->phase < 0 ? NULL : phases[rule->phase]),
                       bool_or_null(rule->part), bool_or_null(rule->paid), rule->hours,
                       effects[rule->effect]);
    }
    run_sql(owner, sql);
}

static void write_facts(const struct facts *facts)
{
    run_sql(owner,
            FORMAT("update orders set workflow = '%s', status = '%s', paid_minor = %d, "
                   "placed_at = " NOW
                   "::timestamptz - interval '%d minutes' where number = 'ORD-1002';"
                   "update shipments set status = '%s' where order_id = (select order_id from "
                   "orders where number = 'ORD-1002')",
                   flows_of[facts->workflow], states_of[facts->workflow][facts->status],
                   facts->paid, facts->age, facts->left ? "in_transit" : "label_created"));
}

static void can_2_rules_judge_as_a_small_reference_does(void **state)
{
    (void)state;
    seed_state = 42;
    int counts[6] = {0};
    static const char *const said[] = {"approve", "review", "shipped", "too_late",
                                       "not_allowed"};
    run_sql(owner,
            "insert into shipments (org_id, order_id, shipment_id, carrier, tracking_number,"
            " status) select org_id, order_id, gen_random_uuid(), 'UPS', '1Z', 'in_transit'"
            " from orders where number = 'ORD-1002'");
    for (int set = 0; set < 300; set++) {
        struct rule all[RULES];
        for (int i = 0; i < RULES; i++)
            all[i] = draw_rule();
        write_rules(all);
        for (int n = 0; n < 10; n++) {
            struct facts facts = draw_facts();
            struct verdict want = reference(all, &facts);
            char wanted[120];
            write_facts(&facts);
            (void)snprintf(wanted, sizeof(wanted), "%s %s%.0d %" PRId64, want.said,
                           want.rule < 0 ? ""
                           : want.rule   ? "r"
                                         : "r0",
                           want.rule < 0 ? 0 : want.rule, want.closed);
            const char *got = judged(
                "ORD-1002", NOW,
                "format('%s %s %s', verdict, rule_id, coalesce(extract(epoch from closed_at - "
                "(facts ->> 'placed_at')::timestamptz) / 60, 0)::int8)");
            if (strcmp(got, wanted) != 0)
                fail_msg("set %d, facts %d: wanted %s, got %s", set, n, wanted, got);
            for (size_t i = 0; i < COUNTOF(said); i++)
                counts[i] += strcmp(said[i], want.said) == 0;
        }
    }
    for (size_t i = 0; i < COUNTOF(said); i++) {
        print_message("%s: %d\n", said[i], counts[i]);
        assert_true(counts[i] > 50);
    }
}

/* --- what becomes of a wish -----------------------------------------------------------------
 */

static void can_2_the_first_rule_that_fits_wins_and_is_kept_with_what_it_saw(void **state)
{
    (void)state;
    rules("(20, 'second', " EFFECT("approve") "), (10, 'first', " EFFECT("review") ")");
    assert_string_equal(request(bot, "ORD-1002", NOW), "submitted");
    const char *id = request_id("ORD-1002");
    assert_string_equal(
        ask(owner, FORMAT("select rule_id || ' ' || (facts ->> 'status') || ' ' || "
                          "(facts ->> 'paid') || ' ' || (facts ->> 'zone') from "
                          "cancellations where cancellation_id = '%s'",
                          id)),
        "first processing false America/New_York");
    assert_string_equal(ask(owner, FORMAT("select reason || '|' || note || '|' || status from "
                                          "cancellations where cancellation_id = '%s'",
                                          id)),
                        "twice|a note|submitted");
    assert_string_equal(ask(owner, "select status from orders where number = 'ORD-1002'"),
                        "processing");
}

static void can_2_an_approved_order_is_cancelled_at_once_and_its_timeline_says_so(void **state)
{
    (void)state;
    assert_string_equal(request(bot, "ORD-1002", NOW), "approved");
    assert_string_equal(ask(owner, "select status from orders where number = 'ORD-1002'"),
                        "cancelled");
    assert_string_equal(
        ask(owner,
            "select actor from order_events join orders o using (org_id, order_id) where "
            "o.number = 'ORD-1002' and order_events.status = 'cancelled' and at = " NOW),
        "customer");
    assert_string_equal(request(bot, "ORD-1002", NOW), "already_cancelled");
    assert_int_equal(ask_number(owner, "select count(*) from cancellations"), 1);
}

static void can_2_each_refusal_has_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *number, *outcome;
    } cases[] = {
        {"ORD-1001", "shipped"          },
        {"ORD-1003", "shipped"          },
        {"ORD-1004", "already_cancelled"},
        {"ORD-1002", "not_allowed"      },
        {"ORD-9999", "gone"             },
        {"ORD-1005", "gone"             }, /* another customer's */
        {"1002",     "gone"             },
        {"",         "gone"             },
    };
    rules(NULL); /* a business without rules lets nobody cancel: "ask us" */
    for (size_t i = 0; i < COUNTOF(cases); i++)
        assert_string_equal(request(bot, cases[i].number, NOW), cases[i].outcome);
    assert_string_equal(judged("ORD-1002", NOW, "why || ' ' || help"), "by_a_person person");
    assert_int_equal(ask_number(owner, "select count(*) from cancellations"), 0);
    /* A workflow without a cancelled state: a person sees to it. */
    rules("(1, 'all', " EFFECT("approve") ")");
    run_sql(owner,
            "update orders set status = 'received' where workflow = 'repair';"
            "delete from workflow_states where workflow = 'repair' and phase = 'cancelled'");
    assert_string_equal(request(bot, "REP-2001", NOW), "submitted");
    assert_string_equal(request(bot, "REP-2001", NOW), "already_asked");
    assert_string_equal(judged("REP-2001", NOW, "asked_status"), "submitted");
    assert_string_equal(decide(request_id("REP-2001"), "approve"), "no_state");
    assert_string_equal(ask(owner, "select status from cancellations"), "submitted");
    assert_string_equal(decide(request_id("REP-2001"), "reject"), "rejected");
}

static void can_2_a_refusal_speaks_the_business_s_own_words(void **state)
{
    (void)state;
    rules("(1, 'no', " EFFECT("refuse") ")");
    run_sql(owner, "update cancellation_rules set why_words = '{\"en\": \"Not here.\", \"pl\": "
                   "\"Nie tutaj.\"}'");
    static const struct {
        const char *lang, *words;
    } cases[] = {
        {"en", "Not here." },
        {"pl", "Nie tutaj."},
        {"es", "Not here." },
        {"xx", "Not here." }
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        assert_string_equal(ask(bot, FORMAT("select why_own from cancellation_judge(" ORG
                                            ", '%s', 'ORD-1002', " NOW ", '%s')",
                                            customer(AMELIA), cases[i].lang)),
                            cases[i].words);
    }
    assert_string_equal(judged("ORD-1002", NOW, "coalesce(help_own, 'none')"), "none");
}

static void can_1_reasons_come_in_the_customer_s_language_and_unknown_ones_are_dropped(
    void **state)
{
    (void)state;
    assert_string_equal(ask(bot,
                            "select own_words(names, 'ar', 'en') from cancellation_reasons "
                            "where reason = 'twice'"),
                        "طُلب مرتين");
    char note[700];
    memset(note, 'x', 600);
    note[600] = 0;
    assert_string_equal(
        ask(bot, FORMAT("select outcome from cancellation_request(" ORG ", '%s', 'ORD-1002', "
                        "'forged', '%s', 'en', " NOW ", gen_random_uuid(), null)",
                        customer(AMELIA), note)),
        "approved");
    assert_string_equal(ask(owner, "select reason || length(note) from cancellations"), "500");
}

static void can_3_after_a_refusal_by_the_team_it_is_not_asked_again_but_after_a_withdrawal(
    void **state)
{
    (void)state;
    rules("(1, 'all', " EFFECT("review") ")");
    assert_string_equal(request(bot, "ORD-1002", NOW), "submitted");
    assert_string_equal(ask(bot, withdraw_sql(AMELIA, request_id("ORD-1002"))), "withdrawn");
    assert_string_equal(ask(bot, withdraw_sql(AMELIA, request_id("ORD-1002"))), "withdrawn");
    assert_string_equal(request(bot, "ORD-1002", "'2026-06-10 12:01Z'"), "submitted");
    assert_string_equal(decide(request_id("ORD-1002"), "review"), "in_review");
    assert_string_equal(decide(request_id("ORD-1002"), "reject"), "rejected");
    assert_string_equal(decide(request_id("ORD-1002"), "approve"), "decided");
    assert_string_equal(ask(bot, withdraw_sql(AMELIA, request_id("ORD-1002"))), "decided");
    assert_string_equal(request(bot, "ORD-1002", NOW), "already_asked");
    assert_string_equal(ask(owner, "select status from orders where number = 'ORD-1002'"),
                        "processing");
}

static void can_3_what_shipped_while_it_was_looked_at_is_not_approved(void **state)
{
    (void)state;
    rules("(1, 'all', " EFFECT("review") ")");
    assert_string_equal(request(bot, "ORD-1002", NOW), "submitted");
    const char *ship =
        "select order_ship(" ORG ", order_id, gen_random_uuid(), 'UPS', '1Z1', " NOW
        ") from orders where number = 'ORD-1002'";
    assert_string_equal(ask(staff, ship), "shipped");
    assert_string_equal(decide(request_id("ORD-1002"), "approve"), "shipped");
    assert_string_equal(ask(owner, "select status from cancellations"), "submitted");
    assert_string_equal(decide(request_id("ORD-1002"), "reject"), "rejected");
    assert_string_equal(
        ask(owner, "select decided_by || ' ' || decision_note from cancellations"),
        "marta seen");
    assert_string_equal(decide("00000000-0000-7000-8000-000000000000", "approve"), "gone");
}

static void can_4_nobody_takes_back_or_asks_for_what_is_another_s(void **state)
{
    (void)state;
    rules("(1, 'all', " EFFECT("review") ")");
    assert_string_equal(request(bot, "ORD-1002", NOW), "submitted");
    const char *id = request_id("ORD-1002");
    PGconn *lucia = connect_as("parley_bot", LUCIA);
    assert_string_equal(ask(lucia, withdraw_sql(LUCIA, id)), "gone");
    assert_string_equal(ask(lucia, withdraw_sql(AMELIA, id)), "gone"); /* even saying so */
    assert_string_equal(ask(lucia, request_sql(AMELIA, "REP-2001", NOW)), "gone");
    assert_int_equal(ask_number(lucia, "select count(*) from cancellations"), 0);
    assert_string_equal(ask(bot, withdraw_sql(AMELIA, "0190-nonsense")), "gone");
    assert_string_equal(ask(bot, withdraw_sql(AMELIA, "")), "gone");
    PQfinish(lucia);
}

/* --- telling --------------------------------------------------------------------------------
 */

#define CONVERSATION "'0190aaaa-0000-7000-8000-00000000c0de'"

/* Amelia wrote from her number, so many hours before NOW. */
static void write_in(int hours)
{
    run_sql(
        owner,
        FORMAT("delete from conversations; delete from contact_points;"
               "insert into contact_points (org_id, contact_id, channel, address, phone, "
               "customer_id) values (" ORG ", " CONVERSATION ", 'whatsapp', '%s', '%s', '%s');"
               "insert into conversations (org_id, conversation_id, account_id, contact_id, "
               "last_inbound_at) select " ORG ", " CONVERSATION ", account_id, " CONVERSATION
               ", " NOW "::timestamptz - interval '%d hours' from accounts where channel = "
               "'whatsapp'",
               AMELIA, AMELIA, customer(AMELIA), hours));
    run_sql(owner, "delete from jobs");
}

/* What will become of the news: "how due_at". */
static const char *notice(const char *at)
{
    PGresult *result = PQexecParams(
        staff, SQL_CANCELLATION_NOTICE.text, 5, NULL,
        (const char *const[]){"01921a7b-4000-7000-8000-6c61726b0001", request_id("ORD-1002"),
                              "marta", ask(owner, "select gen_random_uuid()"), at},
        NULL, NULL, 0);
    static char answer[100];
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("%s", PQerrorMessage(staff));
    (void)snprintf(answer, sizeof(answer), "%s %s", PQgetvalue(result, 0, 0),
                   PQgetvalue(result, 0, 1));
    PQclear(result);
    return answer;
}

/* What is due then finds its place, and the conversation's turn asks for it. */
static const char *tell(PGconn *conn, const char *phone, const char *at)
{
    run_sql(bot, FORMAT("select notices_place(" ORG ", '%s', 50, '[]')", at));
    PGresult *result = PQexecParams(
        conn, SQL_NEWS_TELL.text, 5, NULL,
        (const char *const[]){"01921a7b-4000-7000-8000-6c61726b0001", customer(phone),
                              "0190aaaa-0000-7000-8000-00000000c0de", "en", at},
        NULL, NULL, 0);
    static char answer[300];
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("%s", PQerrorMessage(conn));
    (void)snprintf(answer, sizeof(answer), "%s %s", PQgetvalue(result, 0, 0),
                   PQgetvalue(result, 0, 1));
    PQclear(result);
    return answer;
}

static long stand(const char *state)
{
    return ask_number(owner, FORMAT("select count(*) from notices where state = '%s'", state));
}

static void decide_on_one(const char *wish)
{
    run_sql(owner, "delete from cancellations; delete from customer_settings; delete from "
                   "preferences; delete from notices; delete from jobs");
    rules("(1, 'all', " EFFECT("review") ")");
    assert_string_equal(request(bot, "ORD-1002", NOW), "submitted");
    assert_string_equal(tell(bot, AMELIA, "2026-06-10 12:00Z"), "nothing "); /* undecided */
    (void)decide(request_id("ORD-1002"), wish);
}

static void can_3_a_decision_is_told_once_and_anew_when_it_is_decided_anew(void **state)
{
    (void)state;
    write_in(1);
    decide_on_one("review");
    assert_string_equal(notice("2026-06-10 15:00Z"), "told 2026-06-10 15:00:00+00");
    const char *told = tell(bot, AMELIA, "2026-06-10 15:00Z");
    assert_non_null(strstr(told, "told [{"));
    assert_non_null(strstr(told, "\"decision\": \"in_review\""));
    assert_string_equal(tell(bot, AMELIA, "2026-06-10 15:00Z"), "nothing ");
    assert_string_equal(decide(request_id("ORD-1002"), "reject"), "rejected");
    assert_string_equal(tell(bot, AMELIA, "2026-06-10 15:00Z"), "nothing "); /* not promised */
    assert_non_null(strstr(notice("2026-06-10 15:00Z"), "told"));
    PGconn *lucia = connect_as("parley_bot", LUCIA);
    assert_string_equal(tell(lucia, LUCIA, "2026-06-10 15:00Z"), "nothing ");
    PQfinish(lucia);
    told = tell(bot, AMELIA, "2026-06-10 15:00Z");
    assert_non_null(strstr(told, "\"decision\": \"rejected\""));
    assert_non_null(strstr(told, "\"note\": \"seen\""));
    assert_int_equal(stand("told"), 2);
}

/* At night two decisions are one piece of news: the last. */
static void can_3_of_what_was_decided_twice_in_the_night_the_last_is_told(void **state)
{
    (void)state;
    write_in(-14);
    decide_on_one("review");
    assert_string_equal(notice("2026-06-11 03:00Z"), "told 2026-06-11 12:00:00+00");
    assert_string_equal(decide(request_id("ORD-1002"), "reject"), "rejected");
    assert_string_equal(notice("2026-06-11 03:10Z"), "told 2026-06-11 12:00:00+00");
    assert_int_equal(stand("replaced"), 1);
    assert_string_equal(tell(bot, AMELIA, "2026-06-11 11:59Z"), "nothing ");
    const char *told = tell(bot, AMELIA, "2026-06-11 12:00Z");
    assert_non_null(strstr(told, "rejected"));
    assert_null(strstr(told, "in_review"));
    assert_int_equal(stand("told"), 1);
}

static void can_3_nobody_is_told_what_they_do_not_want_or_cannot_be_sent(void **state)
{
    (void)state;
    write_in(1);
    decide_on_one("reject");
    run_sql(owner, "update contact_points set stopped_at = now()");
    assert_string_equal(notice("2026-06-10 15:00Z"), "stopped ");
    assert_string_equal(tell(bot, AMELIA, "2026-06-10 15:00Z"), "nothing ");
    assert_int_equal(stand("stopped"), 1);
    write_in(1);
    run_sql(owner, FORMAT("insert into preferences values (" ORG ", '%s', 'cancellations', "
                          "'whatsapp', false, now(), 'chat')",
                          customer(AMELIA)));
    assert_string_equal(notice("2026-06-10 15:00Z"), "unwanted ");
    assert_string_equal(tell(bot, AMELIA, "2026-06-10 15:00Z"), "nothing ");
    assert_int_equal(stand("unwanted"), 1);
    run_sql(owner, "delete from preferences");
    /* STOP by SMS is a STOP here, too. */
    run_sql(owner, FORMAT("insert into contact_points (org_id, contact_id, channel, address, "
                          "customer_id, stopped_at) values (" ORG ", gen_random_uuid(), 'sms', "
                          "'%s', '%s', now())",
                          AMELIA, customer(AMELIA)));
    assert_string_equal(notice("2026-06-10 15:00Z"), "stopped ");
    assert_string_equal(tell(bot, AMELIA, "2026-06-10 15:00Z"), "nothing ");
    write_in(30); /* a day ago: templates only */
    assert_string_equal(notice("2026-06-10 15:00Z"), "closed ");
    assert_string_equal(tell(bot, AMELIA, "2026-06-10 15:00Z"), "nothing ");
    assert_int_equal(stand("closed"), 1);
    write_in(16); /* still open, but not any more when the night is over */
    assert_string_equal(notice("2026-06-11 02:00Z"), "closed ");
    write_in(1);
    run_sql(owner, "update conversations set held_until = '2026-06-10 18:00Z'");
    assert_string_equal(notice("2026-06-10 15:00Z"), "told 2026-06-10 18:00:01+00");
    run_sql(owner, "delete from conversations; delete from contact_points");
    assert_string_equal(notice("2026-06-10 15:00Z"), "nowhere ");
    assert_int_equal(stand("told"), 0);
}

/* --- at the same instant --------------------------------------------------------------------
 */

/* Whether it is waiting for the other connection. */
static bool is_waiting(PGconn *conn)
{
    for (int i = 0; i < 100; i++) {
        const char *waits =
            ask(owner, FORMAT("select coalesce(wait_event_type = 'Lock', false) from "
                              "pg_stat_activity where pid = %d",
                              PQbackendPID(conn)));
        if (waits[0] == 't')
            return true;
        (void)poll(NULL, 0, 10);
    }
    return false;
}

static const char *finish(PGconn *conn)
{
    static char answer[100];
    PGresult *result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(conn));
    (void)snprintf(answer, sizeof(answer), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    while ((result = PQgetResult(conn)))
        PQclear(result);
    return answer;
}

/* The second begins while the first is not committed: it waits, and then sees. */
static const char *one_after_the_other(PGconn *first, const char *sql, const char *wanted,
                                       PGconn *second, const char *sql2, bool roll_back)
{
    char copy[1000];
    (void)snprintf(copy, sizeof(copy), "%s", sql2);
    run_sql(first, "begin");
    assert_string_equal(ask(first, sql), wanted);
    assert_int_equal(PQsendQuery(second, copy), 1);
    assert_true(is_waiting(second));
    run_sql(first, roll_back ? "rollback" : "commit");
    return finish(second);
}

#define SHIP                                                                                   \
    "select order_ship(" ORG ", order_id, gen_random_uuid(), 'UPS', '1Z1', " NOW               \
    ") from orders where number = 'ORD-1002'"

static void can_2_a_parcel_that_leaves_at_the_same_instant_is_not_also_cancelled(void **state)
{
    (void)state;
    /* The rule knows nothing of parcels but that orders under way may go. */
    rules(
        "(1, 'under-way', null::text, array['processing'], null::text, null::bool, null::bool, "
        "null::interval, 'approve', 'by_a_person', 'person')");
    assert_string_equal(one_after_the_other(staff, SHIP, "shipped", bot,
                                            request_sql(AMELIA, "ORD-1002", NOW), false),
                        "shipped");
    assert_string_equal(ask(owner, "select status from orders where number = 'ORD-1002'"),
                        "shipped");
    assert_int_equal(ask_number(owner, "select count(*) from cancellations"), 0);
}

static void can_2_an_order_that_is_cancelled_at_the_same_instant_does_not_leave(void **state)
{
    (void)state;
    assert_string_equal(one_after_the_other(bot, request_sql(AMELIA, "ORD-1002", NOW),
                                            "approved", staff, SHIP, false),
                        "cancelled");
    assert_string_equal(ask(owner, "select status from orders where number = 'ORD-1002'"),
                        "cancelled");
    assert_int_equal(ask_number(owner,
                                "select count(*) from shipments join orders using (org_id, "
                                "order_id) where number = 'ORD-1002'"),
                     0);
}

static void can_2_a_shipping_or_a_cancelling_that_fails_leaves_the_other_its_way(void **state)
{
    (void)state;
    assert_string_equal(one_after_the_other(staff, SHIP, "shipped", bot,
                                            request_sql(AMELIA, "ORD-1002", NOW), true),
                        "approved");
    run_sql(owner,
            "delete from cancellations; update orders set status = 'processing' where number "
            "= 'ORD-1002'");
    assert_string_equal(one_after_the_other(bot, request_sql(AMELIA, "ORD-1002", NOW),
                                            "approved", staff, SHIP, true),
                        "shipped");
}

static void can_2_also_a_parcel_alone_makes_the_cancelling_wait(void **state)
{
    (void)state;
    rules(
        "(1, 'whole', null::text, null::text[], null::text, false, null::bool, null::interval, "
        "'approve', 'by_a_person', 'person')");
    assert_string_equal(one_after_the_other(staff,
                                            "insert into shipments (org_id, order_id, "
                                            "shipment_id, carrier, tracking_number, status)"
                                            " select org_id, order_id, gen_random_uuid(), "
                                            "'UPS', '1Z', 'picked_up' from orders where "
                                            "number = 'ORD-1002' returning 'sent'",
                                            "sent", bot, request_sql(AMELIA, "ORD-1002", NOW),
                                            false),
                        "not_allowed");
}

static void can_3_two_wishes_at_the_same_instant_make_one_request(void **state)
{
    (void)state;
    rules("(1, 'all', " EFFECT("review") ")");
    assert_string_equal(one_after_the_other(bot, request_sql(AMELIA, "ORD-1002", NOW),
                                            "submitted", other,
                                            request_sql(AMELIA, "ORD-1002", NOW), false),
                        "already_asked");
    assert_int_equal(ask_number(owner, "select count(*) from cancellations"), 1);
}

static void can_4_a_withdrawal_and_a_decision_at_the_same_instant_are_one_of_them(void **state)
{
    (void)state;
    rules("(1, 'all', " EFFECT("review") ")");
    char decision[400], id[40];
    for (int order = 0; order < 2; order++) {
        run_sql(owner,
                "delete from cancellations; update orders set status = 'processing' where "
                "number = 'ORD-1002'");
        assert_string_equal(request(bot, "ORD-1002", NOW), "submitted");
        (void)snprintf(id, sizeof(id), "%s", request_id("ORD-1002"));
        (void)snprintf(decision, sizeof(decision),
                       "select outcome from cancellation_decide(" ORG
                       ", '%s', 'approve', '', 'marta', " NOW ")",
                       id);
        const char *second = order == 0
                                 ? one_after_the_other(bot, withdraw_sql(AMELIA, id),
                                                       "withdrawn", staff, decision, false)
                                 : one_after_the_other(staff, decision, "approved", bot,
                                                       withdraw_sql(AMELIA, id), false);
        assert_string_equal(second, order == 0 ? "withdrawn" : "decided");
        assert_string_equal(ask(owner, "select status from orders where number = 'ORD-1002'"),
                            order == 0 ? "processing" : "cancelled");
    }
}

/* --- as flows ask --------------------------------------------------------------------------
 */

struct take {
    const char *name;
    struct value value;
};

static struct value part(const char *phone, const char *name, const struct take *takes,
                         size_t n, const char **outcome)
{
    struct called called = {.done = false};
    struct record_builder record;
    struct err err = {.code = ERR_NONE};
    struct value answer;
    struct part_frame frame = {.org = seed_demo_org, .now = 1781000000 * USEC_PER_SEC};
    record_build(&record, &rig.arena);
    for (size_t i = 0; i < n; i++)
        record_set(&record, str_from(takes[i].name), takes[i].value);
    const struct part *found = parts_find(str_from(name));
    assert_non_null(found);
    assert_true(uuid_parse(str_from(customer(phone)), &frame.customer));
    assert_true(uuid_parse(STR("00000000-0000-7000-8000-00000000abcd"), &frame.id));
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

static struct value in(struct value record, const char *path)
{
    assert_int_equal(record.kind, VALUE_RECORD);
    return record_path(record.record, str_from(path));
}

#define SAYS(what, words) assert_true(str_eq((what).text, STR(words)))

static void can_1_a_flow_asks_sees_and_takes_back(void **state)
{
    (void)state;
    const char *outcome;
    struct take number[] = {
        {"number",   value_text(STR("ORD-1002"))},
        {"language", value_text(STR("pl"))      },
        {"reason",   value_text(STR("slow"))    },
        {"note",     value_text(STR("uwaga"))   }
    };
    rules("(1, 'all', " EFFECT("review") ")");
    assert_int_equal(part(AMELIA, "cancellable_orders", NULL, 0, &outcome).list->n, 4);
    struct value outlook = part(AMELIA, "cancellation_outlook", number, 2, &outcome);
    SAYS(in(outlook, "outcome"), "review");
    assert_int_equal(part(AMELIA, "cancellation_reasons", number, 2, &outcome).list->n, 6);
    SAYS(in(part(AMELIA, "cancellation_reason", number, 3, &outcome), "name"),
         "Zbyt długo to trwa");
    struct value made = part(AMELIA, "cancellation_request", number, 4, &outcome);
    assert_string_equal(outcome, "submitted");
    SAYS(in(made, "number"), "ORD-1002");
    const struct list *all = part(AMELIA, "cancellations_list",
                                  (struct take[]){
                                      {"number", value_text(STR("1002"))},
                                      number[1]
    },
                                  2, &outcome)
                                 .list;
    assert_int_equal(all->n, 1);
    SAYS(in(all->items[0], "reason"), "Zbyt długo to trwa");
    struct take id[] = {
        {"id", in(all->items[0], "id")},
        number[1]
    };
    struct value one = part(AMELIA, "cancellation_by_id", id, 2, &outcome);
    SAYS(in(one, "note"), "uwaga");
    assert_true(in(one, "undecided").yes);
    assert_int_equal(part(LUCIA, "cancellation_by_id", id, 2, &outcome).kind, VALUE_NONE);
    (void)part(LUCIA, "cancellation_withdraw", id, 1, &outcome);
    assert_string_equal(outcome, "gone");
    (void)part(AMELIA, "cancellation_withdraw", id, 1, &outcome);
    assert_string_equal(outcome, "withdrawn");
}

static void what_a_dialogue_holds_cannot_fail_a_cancellation(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "\xff\xfe",        "", "99999999999999999999", "-1", "'; drop table orders; --",
        "\xd9\xa1\xd9\xa0"};
    static const char *const names[] = {"cancellation_outlook",  "cancellation_reasons",
                                        "cancellation_reason",   "cancellation_request",
                                        "cancellation_withdraw", "cancellations_list",
                                        "cancellation_by_id"};
    static const char *const takes[] = {"number", "language", "reason", "note", "id"};
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
#define ARRANGED(test) cmocka_unit_test_setup(test, arrange)
    const struct CMUnitTest tests[] = {
        ARRANGED(can_2_a_window_is_open_to_its_last_second_across_both_changes_of_the_clocks),
        ARRANGED(can_2_rules_judge_as_a_small_reference_does),
        ARRANGED(can_2_the_first_rule_that_fits_wins_and_is_kept_with_what_it_saw),
        ARRANGED(can_2_an_approved_order_is_cancelled_at_once_and_its_timeline_says_so),
        ARRANGED(can_2_each_refusal_has_its_name),
        ARRANGED(can_2_a_refusal_speaks_the_business_s_own_words),
        ARRANGED(can_1_reasons_come_in_the_customer_s_language_and_unknown_ones_are_dropped),
        ARRANGED(
            can_3_after_a_refusal_by_the_team_it_is_not_asked_again_but_after_a_withdrawal),
        ARRANGED(can_3_what_shipped_while_it_was_looked_at_is_not_approved),
        ARRANGED(can_4_nobody_takes_back_or_asks_for_what_is_another_s),
        ARRANGED(can_3_a_decision_is_told_once_and_anew_when_it_is_decided_anew),
        ARRANGED(can_3_of_what_was_decided_twice_in_the_night_the_last_is_told),
        ARRANGED(can_3_nobody_is_told_what_they_do_not_want_or_cannot_be_sent),
        ARRANGED(can_2_a_parcel_that_leaves_at_the_same_instant_is_not_also_cancelled),
        ARRANGED(can_2_an_order_that_is_cancelled_at_the_same_instant_does_not_leave),
        ARRANGED(can_2_a_shipping_or_a_cancelling_that_fails_leaves_the_other_its_way),
        ARRANGED(can_2_also_a_parcel_alone_makes_the_cancelling_wait),
        ARRANGED(can_3_two_wishes_at_the_same_instant_make_one_request),
        ARRANGED(can_4_a_withdrawal_and_a_decision_at_the_same_instant_are_one_of_them),
        cmocka_unit_test_setup_teardown(can_1_a_flow_asks_sees_and_takes_back, open_rig,
                                        close_rig),
        cmocka_unit_test_setup_teardown(what_a_dialogue_holds_cannot_fail_a_cancellation,
                                        open_rig, close_rig),
    };
    store_open();
    owner = owner_connect();
    (void)arrange(NULL);
    bot = connect_as("parley_bot", AMELIA);
    other = connect_as("parley_bot", AMELIA);
    staff = connect_as("parley_staff", NULL);
    run_sql(staff, "set time zone 'UTC'");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(staff);
    PQfinish(other);
    PQfinish(bot);
    PQfinish(owner);
    store_shut();
    return failed;
}
