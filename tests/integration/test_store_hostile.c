/*
 * Every load and every action, with what somebody might bring along who has read the source: a
 * button's row, a carried variable and free text all end as text in a parameter. No value fails
 * the statement (that would park a message and wake a person), and none reaches what is another
 * customer's, by whatever name, number or id it is called.
 */
#include "bot/base/crypto.h"
#include "flows/flows.h"
#include "store/parts.h"
#include "store/seed.h"
#include "tests/support/talks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MARK "Markedword" /* stands in all that is Lucia's */

static struct rig rig;
static PGconn *owner;
static char long_text[3000];
static struct str theirs[32]; /* names, numbers and ids of Lucia's things */
static size_t n_theirs;

/* --- one call ----------------------------------------------------------------------------- */

struct asking {
    const struct flow_part *flow;
    const struct part *part;
    const char *variable; /* that the text is given for; the others are sound */
};

static const char *sound(const char *name)
{
    static const char *const values[][2] = {
        {"number",      "ORD-1001"             },
        {"language",    "en"                   },
        {"topic",       "orders"               },
        {"change",      "sms_on"               },
        {"kind",        "damaged"              },
        {"decision",    "approved"             },
        {"access",      "off"                  },
        {"description", "it came in two pieces"},
        {"version",     "1"                    },
        {"category",    "both"                 },
        {"name",        "Amelia"               },
        {"email",       "a@example.com"        },
        {"identity",    "+353871110001"        },
        {"code",        "123456"               },
        {"hours",       "21-8"                 },
    };

    for (size_t i = 0; i < COUNTOF(values); i++) {
        if (strcmp(values[i][0], name) == 0)
            return values[i][1];
    }
    return NULL;
}

static const struct record *takes_of(const struct asking *asking, struct str text)
{
    struct record_builder takes;

    record_build(&takes, &rig.arena);
    for (const char *const *name = asking->flow->takes; name && *name; name++) {
        const char *plain = **name == '?' ? *name + 1 : *name;
        bool this = asking->variable && strcmp(plain, asking->variable) == 0;
        if (this || sound(plain)) {
            record_set(&takes, str_from(plain),
                       value_text(this ? text : str_from(sound(plain))));
        }
    }
    return record_built(&takes);
}

static void look_for_theirs(const struct asking *asking, struct str text, struct value answer)
{
    struct record_builder all;

    record_build(&all, &rig.arena);
    record_set(&all, STR("all"), answer);
    struct str json = record_to_json(&rig.arena, record_built(&all));
    if (str_find(json, STR(MARK)) < json.len) {
        fail_msg("%s with %s '%.*s' gives what is another's", asking->flow->name,
                 asking->variable, STR_ARG(str_slice(text, 0, 60)));
    }
}

static void ask(const struct asking *asking, struct str text)
{
    struct called called = {.done = false};
    struct err err = {0};
    struct value answer;
    const char *outcome;
    struct part_frame frame = {.org = seed_demo_org,
                               .customer =
                                   ask_id(owner, "select md5('larkfield/customer/1')::uuid"),
                               .conversation = ask_id(owner, "select md5('talk/1')::uuid"),
                               .contact = ask_id(owner, "select md5('talk/1')::uuid"),
                               .now = clock_now(),
                               .id = ask_id(owner, "select gen_random_uuid()"),
                               .text = text,
                               .code = STR("aa11"),
                               .given = STR("bb22"),
                               .channels = STR("sms,whatsapp,email")};

    call_init(&called.call, &rig.arena, seed_demo_org);
    called.call.customer = frame.customer;
    call_add(&called.call, asking->part->sql,
             part_params(&rig.arena, asking->part, &frame, takes_of(asking, text)));
    wait_call(&rig, &called);
    if (called.call.err.code != ERR_NONE) {
        fail_msg("%s with %s '%.*s': %s", asking->flow->name, asking->variable,
                 STR_ARG(str_slice(text, 0, 60)), called.call.err.text);
    }
    if (!part_answer(&rig.arena, asking->part, called.results[0], &answer, &outcome, &err))
        fail_msg("%s: %s", asking->flow->name, err.text);
    look_for_theirs(asking, text, answer);
    called_clear(&called);
}

/* --- what is brought along ---------------------------------------------------------------- */

static const struct str nasty[] = {
    {"",                                     0 },
    {" ",                                    1 },
    {"'",                                    1 },
    {"'; drop table orders; --",             24},
    {"\\",                                   1 },
    {"%",                                    1 },
    {"_",                                    1 },
    {"(",                                    1 },
    {"[a-",                                  3 },
    {"{}",                                   2 },
    {"null",                                 4 },
    {"-1",                                   2 },
    {"1e400",                                5 },
    {"NaN",                                  3 },
    {"infinity",                             8 },
    {"999999999",                            9 },
    {"99999999999999999999",                 20},
    {"-9223372036854775808",                 20},
    {"9223372036854775807",                  19},
    {"\xd9\xa3\xd9\xa3",                     4 },
    {"0001-01-01",                           10},
    {"a\0b",                                 3 },
    {"\xff\xfe\x80",                         3 },
    {"\xe2\x80\xae\xf0\x9f\x93\xa6",         7 },
    {"00000000-0000-0000-0000-000000000000", 36},
    {"25-99 0:61-24:00",                     16},
    {"both,,,both",                          11},
    {"@",                                    1 },
    {"+",                                    1 },
};

/* What a flow itself always writes, and nobody else. */
static bool is_the_flows_own(const char *variable)
{
    static const char *const names[] = {"kind", "decision", "access", "language"};

    for (size_t i = 0; i < COUNTOF(names); i++) {
        if (strcmp(names[i], variable) == 0)
            return true;
    }
    return false;
}

static void ask_all(const struct asking *asking)
{
    for (size_t i = 0; i < COUNTOF(nasty); i++)
        ask(asking, nasty[i]);
    ask(asking, (struct str){long_text, sizeof long_text});
    for (size_t i = 0; i < n_theirs; i++)
        ask(asking, theirs[i]);
}

static void every_part_answers_anything_and_tells_nothing_of_others(void **state)
{
    (void)state;
    size_t asked = 0;

    for (size_t i = 0; i < flow_parts_n; i++) {
        struct asking asking = {&flow_parts[i], parts_find(str_from(flow_parts[i].name)), NULL};
        assert_non_null(asking.part);
        for (const char *const *name = flow_parts[i].takes; name && *name; name++) {
            asking.variable = **name == '?' ? *name + 1 : *name;
            if (is_the_flows_own(asking.variable))
                continue;
            ask_all(&asking);
            asked++;
            arena_reset(&rig.arena);
        }
    }
    assert_true(asked > 30);
}

/* And nothing of hers has changed for all of it. */
static void nothing_of_the_others_has_changed(void **state)
{
    (void)state;
    static char before[65];
    PGresult *result =
        PQexec(owner, "select md5(string_agg(t, '|' order by t)) from ("
                      "select c::text as t from customers c where c.customer_id ="
                      "       md5('larkfield/customer/2')::uuid"
                      " union all select o::text from orders o where o.customer_id ="
                      "       md5('larkfield/customer/2')::uuid"
                      " union all select k::text from tickets k where k.customer_id ="
                      "       md5('larkfield/customer/2')::uuid"
                      " union all select x::text from cancellations x where x.customer_id ="
                      "       md5('larkfield/customer/2')::uuid) a");
    assert_int_equal(PQntuples(result), 1);
    if (before[0])
        assert_string_equal(PQgetvalue(result, 0, 0), before);
    (void)snprintf(before, sizeof before, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
}

/* --- the stage ---------------------------------------------------------------------------- */

static void collect(const char *sql)
{
    static struct arena kept;
    PGresult *result = PQexec(owner, sql);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    assert_true(PQntuples(result) > 0);
    for (int i = 0; i < PQntuples(result) && n_theirs < COUNTOF(theirs); i++)
        theirs[n_theirs++] = arena_str(&kept, str_from(PQgetvalue(result, i, 0)));
    PQclear(result);
}

static int begin(void **state)
{
    (void)state;
    struct err err = {0};

    assert_true(crypto_init(&err));
    memset(long_text, 'a', sizeof long_text);
    owner = owner_connect();
    talks_begin(owner);
    run_sql(owner, "select set_config('parley.org_id', org_id::text, false) from businesses");
    /* what is Lucia's is marked */
    run_sql(owner,
            "update customers set name = '" MARK "', email = '" MARK "@example.com'"
            " where customer_id = md5('larkfield/customer/2')::uuid;"
            "update order_items i set description = '" MARK "' from orders o"
            " where o.org_id = i.org_id and o.order_id = i.order_id"
            "   and o.customer_id = md5('larkfield/customer/2')::uuid;"
            "insert into tickets (org_id, ticket_id, number, customer_id, kind, description,"
            " created_at, due_at) select org_id, gen_random_uuid(), 'T-MARK-MARK', customer_id,"
            " 'other', '" MARK "', now(), now() from customers"
            " where customer_id = md5('larkfield/customer/2')::uuid;"
            "insert into cancellations (org_id, cancellation_id, order_id, customer_id, status,"
            " reason, note, rule_id, facts, asked_at, status_at, decided_by)"
            " select org_id, gen_random_uuid(), order_id, customer_id, 'submitted', '',"
            " '" MARK "', '', '{}', now(), now(), '' from orders"
            " where customer_id = md5('larkfield/customer/2')::uuid order by number limit 1");
    collect("select number from orders where customer_id = md5('larkfield/customer/2')::uuid"
            " order by number limit 8");
    collect("select tracking_number from shipments s join orders o using (org_id, order_id)"
            " where o.customer_id = md5('larkfield/customer/2')::uuid limit 4");
    collect("select order_id::text from orders"
            " where customer_id = md5('larkfield/customer/2')::uuid limit 2");
    collect("select cancellation_id::text from cancellations");
    collect("select customer_id::text from customers where name = '" MARK "'");
    collect("select number from tickets");
    collect("select phone from customer_phones"
            " where customer_id = md5('larkfield/customer/2')::uuid limit 2");
    rig_open(&rig, &(struct db_options){.connections = 2, .role = "parley_bot"});
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_close(&rig);
    PQfinish(owner);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_others_has_changed), /* looks */
        cmocka_unit_test(every_part_answers_anything_and_tells_nothing_of_others),
        cmocka_unit_test(nothing_of_the_others_has_changed), /* and compares */
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, begin, end);
    store_shut();
    return failed;
}
