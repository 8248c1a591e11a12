/*
 * Money: what is owed is counted from a ledger that is only added to; links side by side never
 * come to more than is owed; Stripe's events may come in any order and any number of times.
 */
#include "store/seed.h"
#include "tests/support/kept_shop.h"
#include "tests/support/store.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ORG "'01921a7b-4000-7000-8000-6c61726b0001'"
#define NOW "'2026-06-10 12:00Z'"

static PGconn *owner, *bot, *other, *staff;

static char text[32768];
#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)

/* One value as text; "" for null. */
static const char *ask(PGconn *conn, const char *sql)
{
    static char answers[16][800];
    static unsigned at;
    char *answer = answers[at++ % COUNTOF(answers)];
    PGresult *result = PQexec(conn, sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("%s\n%s", sql, PQerrorMessage(conn));
    (void)snprintf(answer, sizeof(answers[0]), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return answer;
}

static PGconn *connect_as(const char *role, int person)
{
    PGconn *conn = owner_connect();

    run_sql(
        conn,
        FORMAT("set role %s; set parley.org_id = " ORG "; set parley.customer_id = '%s'", role,
               person ? ask(owner, FORMAT("select md5('larkfield/customer/%d')::uuid", person))
                      : ""));
    return conn;
}

#define AMELIA "md5('larkfield/customer/1')::uuid"

/* An invoice of Amelia's with nothing on it but its total. */
static void invoice(const char *number, long total)
{
    assert_string_equal(
        ask(staff, FORMAT("select outcome from invoice_put(" ORG ", " AMELIA
                          ", null, '%s', null, '2026-06-01', '2026-06-30', 'USD', %ld, 0, 0, "
                          "%ld, '', '[]', false, 'test', " NOW ")",
                          number, total, total)),
        "made");
}

static const char *make(PGconn *conn, const char *number, const char *amount)
{
    return ask(conn, FORMAT("select outcome from checkout_make(" ORG ", " AMELIA
                            ", '%s', %s, null, gen_random_uuid(), " NOW ")",
                            number, amount));
}

/* All links that wait for Stripe are made there. */
static void make_at_stripe(void)
{
    run_sql(staff, "do $$ declare r record; begin "
                   "for i in 1..3 loop "
                   "for r in select * from payments_claim(" ORG ", " NOW
                   "::timestamptz + i * interval '3 seconds', " NOW
                   "::timestamptz, '23 hours', 100) loop "
                   "case r.what when 'create' then perform checkout_opened(" ORG
                   ", r.id, 'cs_' || r.id, 'https://pay.example/' || r.id, " NOW "); "
                   "when 'expire' then perform stripe_event(" ORG
                   ", jsonb_build_object('id', 'x' || r.id, 'kind', 'expired', 'checkout', "
                   "r.id, 'session', r.session_id), " NOW "); "
                   "else null; end case; end loop; end loop; end $$");
}

static const char *link_of(const char *number, long amount)
{
    return ask(owner, FORMAT("select c.checkout_id from checkouts c join invoices using "
                             "(org_id, invoice_id) where number = '%s' and minor = %ld "
                             "order by c.made_at desc, c.checkout_id limit 1",
                             number, amount));
}

static const char *stripe(const char *id, const char *kind, const char *checkout,
                          const char *intent, long amount)
{
    return ask(staff, FORMAT("select outcome from stripe_event(" ORG
                             ", jsonb_build_object('id', '%s', 'kind', '%s', 'checkout', '%s', "
                             "'session', 'cs_%s', 'payment_intent', '%s', 'minor', %ld, "
                             "'currency', 'usd', 'method', 'card'), " NOW ")",
                             id, kind, checkout, checkout, intent, amount));
}

static const char *said(const char *id, const char *kind, const char *intent,
                        const char *object, const char *status, long amount)
{
    return ask(staff, FORMAT("select outcome from stripe_event(" ORG
                             ", jsonb_build_object('id', '%s', 'kind', '%s', 'payment_intent', "
                             "'%s', 'object', '%s', 'status', '%s', 'minor', %ld, 'currency', "
                             "'usd'), " NOW ")",
                             id, kind, intent, object, status, amount));
}

static const char *stands(const char *number, const char *column)
{
    return ask(owner, FORMAT("select s.%s from invoices i, invoice_stands(i.org_id, "
                             "i.invoice_id, '2026-06-10') s where i.org_id = " ORG
                             " and i.number = '%s'",
                             column, number));
}

static long notices(const char *kind)
{
    return ask_number(owner, FORMAT("select count(*) from notices where kind = '%s'", kind));
}

static int arrange(void **state)
{
    const struct seed_options options = {.url = store_pg.url,
                                         .phone_number_id = "106540352242922",
                                         .business_account_id = "1",
                                         .app = "demo",
                                         .sms_number = "",
                                         .mail_address = "",
                                         .pictures = "",
                                         .reset = true};

    (void)state;
    run_sql(owner, "delete from notices; delete from events_out; delete from event_subjects;"
                   "delete from stripe_early; delete from directory where kind = "
                   "'stripe_payment'");
    kept_shop_seed(&options);
    return 0;
}

/* --- invoices ------------------------------------------------------------------------------
 */

static void ch_11_the_demo_has_invoices_of_every_state_and_three_fifteen_and_more(void **state)
{
    static const char *const states[] = {"open", "overdue", "processing",
                                         "paid", "failed",  "void"};
    (void)state;
    for (size_t i = 0; i < COUNTOF(states); i++) {
        assert_true(ask_number(owner, FORMAT("select count(*) from invoices i, invoice_stands("
                                             "i.org_id, i.invoice_id, current_date) s where "
                                             "customer_id = " AMELIA " and s.state = '%s'",
                                             states[i])) > 0);
    }
    assert_int_equal(ask_number(owner, "select count(*) from invoices where customer_id = "
                                       "md5('larkfield/customer/2')::uuid"),
                     3);
    assert_int_equal(ask_number(owner, "select count(*) from invoices where customer_id = "
                                       "md5('larkfield/customer/9')::uuid"),
                     15);
    assert_true(ask_number(owner, "select count(*) from invoices where customer_id = "
                                  "md5('larkfield/customer/3')::uuid") >= 30);
}

static const char *put(const char *customer, const char *external, const char *number,
                       const char *currency, const char *total, const char *voided,
                       const char *cause)
{
    return ask(staff,
               FORMAT("select outcome from invoice_put(" ORG ", %s, %s, '%s', null, "
                      "'2026-06-01', null, '%s', %s, 0, 0, %s, '', "
                      "'[{\"description\":\"Work\",\"qty\":\"1.5\",\"unit_minor\":100,"
                      "\"total_minor\":150}]', %s, '%s', " NOW ")",
                      customer, external, number, currency, total, total, voided, cause));
}

static void pay_1_an_invoice_comes_in_once_and_a_new_total_is_an_adjustment(void **state)
{
    (void)state;
    assert_string_equal(put(AMELIA, "'crm-1'", "A-1", "USD", "5000", "false", "e1"), "made");
    assert_string_equal(put(AMELIA, "'crm-1'", "A-1", "USD", "5000", "false", "e1"), "same");
    assert_string_equal(put(AMELIA, "'crm-1'", "A-1", "USD", "7000", "false", "e2"), "changed");
    assert_string_equal(put(AMELIA, "'crm-1'", "A-1", "USD", "7000", "false", "e2"), "same");
    assert_string_equal(stands("A-1", "outstanding"), "7000");
    assert_string_equal(put(AMELIA, "'crm-1'", "A-1", "EUR", "7000", "false", "e3"),
                        "currency");
    assert_string_equal(
        put("md5('larkfield/customer/2')::uuid", "'crm-1'", "A-1", "USD", "1", "false", "e4"),
        "customer");
    assert_string_equal(put(AMELIA, "null", "A-2", "USD", "100", "false", "e5"), "made");
    assert_string_equal(put(AMELIA, "'crm-1'", "A-2", "USD", "7000", "false", "e6"), "number");
    assert_string_equal(put(AMELIA, "'crm-2'", "A-3", "USD", "-1", "false", "e7"), "amount");
    assert_string_equal(put(AMELIA, "'crm-2'", "A-3", "USD", "100000000000000", "false", "e7"),
                        "amount");
    assert_string_equal(put(AMELIA, "'crm-1'", "A-1", "USD", "7000", "true", "e8"), "changed");
    assert_string_equal(stands("A-1", "outstanding"), "0");
    assert_string_equal(stands("A-1", "state"), "void");
    assert_string_equal(put(AMELIA, "'crm-1'", "A-1", "USD", "7000", "false", "e9"), "void");
}

static void stf_3_no_role_changes_or_removes_an_entry_of_the_ledger(void **state)
{
    static const char *const roles[] = {"parley_bot", "parley_web", "parley_staff"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(roles); i++) {
        for (size_t k = 0; k < 3; k++) {
            static const char *const rights[] = {"update", "delete", "truncate"};
            assert_string_equal(
                ask(owner, FORMAT("select has_table_privilege('%s', 'ledger', '%s') or "
                                  "has_any_column_privilege('%s', 'ledger', 'update')",
                                  roles[i], rights[k], roles[i])),
                "f");
        }
    }
    assert_string_equal(try_sql(bot, "insert into ledger select * from ledger limit 1"),
                        "42501");
    assert_string_equal(try_sql(staff, "update ledger set minor = 1"), "42501");
}

static void pay_7_what_an_int64_does_not_hold_is_refused(void **state)
{
    (void)state;
    invoice("BIG", 99999999999999);
    assert_string_equal(
        try_sql(staff, "insert into ledger select org_id, gen_random_uuid(), invoice_id, "
                       "customer_id, 'charge', 9223372036854775807, 'USD', 'x', now() "
                       "from invoices where number = 'BIG'"),
        "23514");
    /* As many as it takes, past the function that counts. */
    run_sql(owner, "set parley.org_id = " ORG "; insert into ledger select org_id, "
                   "gen_random_uuid(), invoice_id, customer_id, 'charge', 99999999999999, "
                   "'USD', 'big' || g, now() from invoices, generate_series(1, 92232) g where "
                   "number = 'BIG'");
    assert_string_equal(
        try_sql(staff, "select ledger_add(" ORG ", (select invoice_id from invoices where "
                       "number = 'BIG'), 'charge', 99999999999999, 'one more', " NOW ")"),
        "22003");
}

/* --- links ---------------------------------------------------------------------------------
 */

static void pay_2_links_side_by_side_never_come_to_more_than_is_owed(void **state)
{
    (void)state;
    invoice("P-1", 10000);
    assert_string_equal(make(bot, "P-1", "'10001'"), "too_much");
    assert_string_equal(make(bot, "P-1", "'49'"), "too_little");
    assert_string_equal(make(bot, "P-1", "'9960'"),
                        "too_little"); /* 40 would remain for ever */
    assert_string_equal(make(bot, "P-1", "'4000'"), "wanted");
    assert_string_equal(make(bot, "P-1", "'5000'"), "wanted"); /* it fits beside */
    assert_string_equal(make(bot, "P-1", "'4000'"), "wanted");
    assert_string_equal(stands("P-1", "held"), "9000");
    make_at_stripe();
    assert_string_equal(make(bot, "P-1", "'4000'"), "open");
    assert_string_equal(stripe("e1", "paid", link_of("P-1", 4000), "pi_1", 4000), "paid");
    assert_string_equal(make(bot, "P-1", "'6001'"), "too_much");
    assert_string_equal(stripe("e2", "processing", link_of("P-1", 5000), "pi_2", 5000),
                        "processing");
    assert_string_equal(make(bot, "P-1", "'1001'"), "too_much");
    assert_string_equal(make(bot, "P-1", "null"), "wanted");
    assert_string_equal(make(bot, "NONE", "null"), "gone");
    assert_string_equal(stands("P-1", "payable"), "0");
}

static void pay_2_a_wish_that_does_not_fit_waits_until_the_older_link_is_over(void **state)
{
    const char *older, *newer;

    (void)state;
    invoice("P-2", 10000);
    assert_string_equal(make(bot, "P-2", "'4000'"), "wanted");
    make_at_stripe();
    older = link_of("P-2", 4000);
    assert_string_equal(make(bot, "P-2", "null"), "wanted");
    newer = link_of("P-2", 10000);
    /* It is paid while it is being closed: the newer one is never made. */
    assert_string_equal(stripe("e1", "paid", older, "pi_1", 4000), "paid");
    make_at_stripe();
    assert_string_equal(
        ask(owner, FORMAT("select state || ' ' || reason from checkouts where checkout_id = "
                          "'%s'",
                          newer)),
        "failed paid_meanwhile");
    /* Or it is over, and the newer one is made. */
    assert_string_equal(make(bot, "P-2", "'1000'"), "wanted");
    make_at_stripe();
    assert_string_equal(make(bot, "P-2", "null"), "wanted");
    make_at_stripe();
    assert_string_equal(
        ask(owner, FORMAT("select string_agg(c.minor || c.state, ' ' order by c.minor) from "
                          "checkouts c join invoices using (org_id, invoice_id) where number = "
                          "'P-2' and c.state in ('open', 'expired')")),
        "1000expired 6000open");
}

static void pay_2_two_wishes_at_one_instant_are_judged_one_after_the_other(void **state)
{
    PGresult *result;

    (void)state;
    invoice("P-3", 10000);
    run_sql(bot, "begin");
    assert_string_equal(make(bot, "P-3", "'6000'"), "wanted");
    run_sql(other, "begin");
    assert_int_equal(PQsendQuery(other, FORMAT("select outcome from checkout_make(" ORG
                                               ", " AMELIA ", 'P-3', '6000', null, "
                                               "gen_random_uuid(), " NOW ")")),
                     1);
    run_sql(bot, "commit");
    result = PQgetResult(other);
    assert_string_equal(PQgetvalue(result, 0, 0), "wanted"); /* the same one */
    PQclear(result);
    assert_null(PQgetResult(other));
    run_sql(other, "commit");
    assert_int_equal(ask_number(owner, "select count(*) from checkouts join invoices using "
                                       "(org_id, invoice_id) where number = 'P-3'"),
                     1);
}

static void pay_2_nobody_makes_a_link_for_what_is_another_s(void **state)
{
    PGconn *lucia = connect_as("parley_bot", 2);

    (void)state;
    invoice("P-4", 10000);
    assert_string_equal(make(lucia, "P-4", "null"), "gone");
    assert_string_equal(ask(lucia, "select count(*) from invoices where customer_id = " AMELIA),
                        "0");
    PQfinish(lucia);
}

/* --- what Stripe says ----------------------------------------------------------------------
 */

static void pay_3_a_payment_is_booked_and_told_once(void **state)
{
    const char *link;

    (void)state;
    invoice("P-5", 5000);
    (void)make(bot, "P-5", "null");
    make_at_stripe();
    link = link_of("P-5", 5000);
    assert_string_equal(stripe("e1", "paid", link, "pi_5", 5000), "paid");
    assert_string_equal(stripe("e1", "paid", link, "pi_5", 5000), "again");
    assert_string_equal(stripe("e2", "paid", link, "pi_5", 5000), "again");
    assert_string_equal(stripe("e3", "expired", link, "pi_5", 5000), "late");
    assert_string_equal(stripe("e4", "async_failed", link, "pi_5", 5000), "late");
    assert_string_equal(stands("P-5", "state"), "paid");
    assert_int_equal(notices("payment_received"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from events_out where type = "
                                       "'payment.made'"),
                     1);
}

static long failures(const char *since)
{
    return ask_number(owner, FORMAT("select count(*) from events_out where type = "
                                    "'payment.failed' and coalesce(data ->> 'since', '-') = "
                                    "'%s'",
                                    since));
}

/* Both orders of a decline and the end of its link, each event twice: the same is told. */
static void pay_3_a_decline_is_told_once_before_and_after_its_link_expired(void **state)
{
    static const struct {
        const char *number, *intent, *kinds[2], *ids[2];
    } orders[] = {
        {"P-51", "pi_51", {"declined", "expired"}, {"e1", "e2"}},
        {"P-52", "pi_52", {"expired", "declined"}, {"e3", "e4"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(orders); i++) {
        const char *link;
        invoice(orders[i].number, 5000);
        (void)make(bot, orders[i].number, "null");
        make_at_stripe();
        link = link_of(orders[i].number, 5000);
        for (size_t k = 0; k < 4; k++) {
            const char *kind = orders[i].kinds[k / 2];
            assert_string_equal(
                stripe(orders[i].ids[k / 2], kind, link, orders[i].intent, 5000),
                k % 2 == 0 ? kind : "again");
        }
        assert_int_equal(notices("payment_failed"), (long)i + 1);
        assert_string_equal(stands(orders[i].number, "outstanding"), "5000");
    }
    assert_int_equal(failures("-"), 1);
    assert_int_equal(failures("expired"), 1);
}

/* What was said since is newer: "failed" after "paid" would be wrong to a reader. The CRM
 * counts it all the same. */
static void pay_3_a_decline_of_what_was_paid_since_is_told_to_the_crm_alone(void **state)
{
    const char *link;

    (void)state;
    invoice("P-54", 5000);
    (void)make(bot, "P-54", "null");
    make_at_stripe();
    link = link_of("P-54", 5000);
    assert_string_equal(stripe("e1", "paid", link, "pi_54", 5000), "paid");
    assert_string_equal(stripe("e2", "declined", link, "pi_54", 5000), "declined");
    assert_string_equal(stripe("e2", "declined", link, "pi_54", 5000), "again");
    assert_int_equal(notices("payment_failed"), 0);
    assert_int_equal(failures("completed"), 1);
    assert_string_equal(stands("P-54", "state"), "paid");
    invoice("P-55", 5000); /* over, and paid by another link since */
    (void)make(bot, "P-55", "null");
    make_at_stripe();
    link = link_of("P-55", 5000);
    assert_string_equal(stripe("e3", "expired", link, "pi_55", 5000), "expired");
    run_sql(owner, FORMAT("update checkouts set made_at = made_at - interval '1 hour' where "
                          "checkout_id = '%s'",
                          link));
    (void)make(bot, "P-55", "null");
    make_at_stripe();
    assert_string_equal(stripe("e4", "paid", link_of("P-55", 5000), "pi_56", 5000), "paid");
    assert_string_equal(stripe("e5", "declined", link, "pi_55", 5000), "declined");
    assert_int_equal(notices("payment_failed"), 0);
    assert_int_equal(failures("expired"), 1);
}

static void pay_3_a_late_payment_by_a_link_that_was_over_is_booked_and_goes_back(void **state)
{
    const char *first, *second;

    (void)state;
    invoice("P-6", 5000);
    (void)make(bot, "P-6", "null");
    make_at_stripe();
    first = link_of("P-6", 5000);
    assert_string_equal(stripe("e1", "expired", first, "pi_6", 5000), "expired");
    run_sql(owner, FORMAT("update checkouts set made_at = made_at - interval '1 hour' where "
                          "checkout_id = '%s'",
                          first));
    (void)make(bot, "P-6", "null");
    make_at_stripe();
    second = link_of("P-6", 5000);
    assert_string_not_equal(first, second);
    assert_string_equal(stripe("e2", "paid", second, "pi_7", 5000), "paid");
    assert_string_equal(ask(staff, FORMAT("select alert from stripe_event(" ORG
                                          ", jsonb_build_object('id', 'e3', 'kind', 'paid', "
                                          "'checkout', '%s', 'payment_intent', 'pi_6', "
                                          "'minor', 5000, 'currency', 'usd'), " NOW ")",
                                          first)),
                        "payments.overpaid");
    assert_string_equal(stands("P-6", "outstanding"), "-5000");
    assert_int_equal(ask_number(owner, "select sum(minor) from refunds where state = 'wanted'"),
                     5000);
    (void)said("e4", "refund", "pi_6", "re_1", "succeeded", 5000);
    assert_string_equal(stands("P-6", "outstanding"), "0");
}

static void pay_3_refunds_are_counted_once_however_they_are_told(void **state)
{
    (void)state;
    invoice("P-7", 5000);
    (void)make(bot, "P-7", "null");
    make_at_stripe();
    (void)stripe("e1", "paid", link_of("P-7", 5000), "pi_7", 5000);
    assert_string_equal(said("e2", "charge_refunded", "pi_7", "ch_7", "", 2000),
                        "charge_refunded");
    assert_string_equal(stands("P-7", "paid"), "3000");
    assert_string_equal(said("e3", "refund", "pi_7", "re_7", "succeeded", 2000), "refund");
    assert_string_equal(stands("P-7", "paid"), "3000");
    assert_string_equal(said("e4", "refund", "pi_7", "re_8", "pending", 1000), "refund");
    assert_string_equal(stands("P-7", "paid"), "3000");
    assert_string_equal(said("e5", "refund", "pi_7", "re_8", "succeeded", 1000), "refund");
    assert_string_equal(said("e6", "refund", "pi_7", "re_8", "pending", 1000), "late");
    assert_string_equal(said("e7", "charge_refunded", "pi_7", "ch_7", "", 3000),
                        "charge_refunded");
    assert_string_equal(stands("P-7", "paid"), "2000");
    /* One that comes back is ours again. */
    assert_string_equal(said("e8", "refund", "pi_7", "re_8", "failed", 1000), "refund");
    assert_string_equal(stands("P-7", "paid"), "3000");
    assert_int_equal(notices("refunded"), 2);
}

static void adjust(const char *number, long total, const char *cause)
{
    assert_string_equal(
        ask(staff, FORMAT("select outcome from invoice_put(" ORG ", " AMELIA
                          ", null, '%s', null, '2026-06-01', '2026-06-02', 'USD', %ld, 0, 0, "
                          "%ld, '', '[]', false, '%s', " NOW ")",
                          number, total, total, cause)),
        "changed");
}

/* Due eight days ago, paid, and a part or all of it given back: nobody is asked for it again.
 */
static void pay_1_what_the_business_gives_back_is_not_owed_again(void **state)
{
    (void)state;
    invoice("P-20", 5000);
    adjust("P-20", 6000, "c1"); /* due on 2 June from here on */
    (void)make(bot, "P-20", "null");
    make_at_stripe();
    (void)stripe("e1", "paid", link_of("P-20", 6000), "pi_20", 6000);
    (void)said("e2", "refund", "pi_20", "re_20", "succeeded", 1000);
    assert_string_equal(stands("P-20", "state"), "paid");
    assert_string_equal(stands("P-20", "outstanding"), "0");
    assert_string_equal(stands("P-20", "payable"), "0");
    assert_string_equal(stands("P-20", "paid"), "5000");
    assert_string_equal(make(bot, "P-20", "null"), "paid");
    /* The business's books may lower the total for it, or not: it counts once. */
    adjust("P-20", 5000, "c2");
    assert_string_equal(stands("P-20", "outstanding"), "0");
    adjust("P-20", 6000, "c3");
    assert_string_equal(stands("P-20", "outstanding"), "0");
    /* It says so: then it is owed. */
    adjust("P-20", 7000, "c4");
    assert_string_equal(stands("P-20", "state"), "overdue");
    assert_string_equal(stands("P-20", "outstanding"), "1000");
    /* All of it, and what a bank takes back is no gift. */
    adjust("P-20", 6000, "c5");
    (void)said("e3", "refund", "pi_20", "re_21", "succeeded", 2000);
    assert_string_equal(stands("P-20", "state"), "paid");
    (void)said("e4", "dispute", "pi_20", "du_20", "lost", 3000);
    assert_string_equal(stands("P-20", "state"), "overdue");
    assert_string_equal(stands("P-20", "outstanding"), "3000");
    assert_string_equal(stands("P-20", "paid"), "0");
}

/* What is left to pay of an invoice does not grow by what is given back of the part. */
static void pay_1_what_is_given_back_of_a_part_leaves_the_rest_as_it_was(void **state)
{
    (void)state;
    invoice("P-21", 5000);
    (void)make(bot, "P-21", "'3000'");
    make_at_stripe();
    (void)stripe("e1", "paid", link_of("P-21", 3000), "pi_21", 3000);
    (void)said("e2", "refund", "pi_21", "re_22", "succeeded", 1000);
    assert_string_equal(stands("P-21", "outstanding"), "2000");
    (void)said("e3", "refund", "pi_21", "re_22", "failed", 1000);
    assert_string_equal(stands("P-21", "outstanding"), "2000");
    assert_string_equal(stands("P-21", "paid"), "3000");
}

static void pay_3_a_dispute_takes_the_money_and_a_won_one_gives_it_back(void **state)
{
    (void)state;
    invoice("P-8", 5000);
    (void)make(bot, "P-8", "null");
    make_at_stripe();
    (void)stripe("e1", "paid", link_of("P-8", 5000), "pi_8", 5000);
    assert_string_equal(said("e2", "dispute", "pi_8", "du_0", "warning_needs_response", 5000),
                        "noted");
    assert_string_equal(said("e3", "dispute", "pi_8", "du_1", "won", 5000), "dispute");
    assert_string_equal(said("e4", "dispute", "pi_8", "du_1", "needs_response", 5000), "late");
    assert_string_equal(stands("P-8", "outstanding"), "0");
    assert_string_equal(said("e5", "dispute", "pi_8", "du_2", "needs_response", 5000),
                        "dispute");
    assert_string_equal(stands("P-8", "outstanding"), "5000");
    assert_string_equal(stands("P-8", "payable"), "0"); /* not asked for while it is open */
    assert_string_equal(said("e6", "dispute", "pi_8", "du_2", "lost", 5000), "dispute");
    assert_string_equal(stands("P-8", "payable"), "5000");
}

static const char *take(const char *json)
{
    return ask(staff, FORMAT("select outcome from stripe_take('%s', " NOW ")", json));
}

static void pay_3_what_comes_before_its_payment_waits_for_it(void **state)
{
    static char json[600];
    const char *link;

    (void)state;
    invoice("P-9", 5000);
    (void)make(bot, "P-9", "null");
    make_at_stripe();
    link = link_of("P-9", 5000);
    assert_string_equal(take("{\"id\":\"r1\",\"kind\":\"refund\",\"payment_intent\":\"pi_9\","
                             "\"object\":\"re_9\",\"status\":\"succeeded\",\"minor\":1500}"),
                        "early");
    (void)snprintf(json, sizeof json,
                   "{\"id\":\"p1\",\"kind\":\"paid\",\"checkout\":\"%s\",\"org\":%s,"
                   "\"payment_intent\":\"pi_9\",\"minor\":5000,\"currency\":\"usd\"}",
                   link, "\"01921a7b-4000-7000-8000-6c61726b0001\"");
    assert_string_equal(take(json), "paid");
    assert_string_equal(stands("P-9", "paid"), "3500");
    assert_int_equal(ask_number(owner, "select count(*) from stripe_early"), 0);
    assert_string_equal(take("{\"id\":\"r1\",\"kind\":\"refund\",\"payment_intent\":\"pi_9\","
                             "\"object\":\"re_9\",\"status\":\"succeeded\",\"minor\":1500}"),
                        "again");
}

static void pay_3_another_business_s_metadata_reaches_nothing(void **state)
{
    static char json[600];

    (void)state;
    invoice("P-10", 5000);
    (void)make(bot, "P-10", "null");
    make_at_stripe();
    (void)snprintf(json, sizeof json,
                   "{\"id\":\"p1\",\"kind\":\"paid\",\"checkout\":\"%s\",\"org\":"
                   "\"0192ffff-4000-7000-8000-0000000000b0\","
                   "\"payment_intent\":\"pi_10\",\"minor\":5000,\"currency\":\"usd\"}",
                   link_of("P-10", 5000));
    assert_string_equal(take(json), "foreign");
    assert_string_equal(stands("P-10", "state"), "open");
    /* Nor does the right business with a session that is not the link's. */
    assert_string_equal(
        ask(staff, FORMAT("select outcome from stripe_event(" ORG
                          ", jsonb_build_object('id', 'e', 'kind', 'paid', 'checkout', '%s', "
                          "'session', 'cs_of_others', 'payment_intent', 'pi_10', 'minor', "
                          "5000, 'currency', 'usd'), " NOW ")",
                          link_of("P-10", 5000))),
        "foreign");
}

static void can_4_an_approved_cancellation_pays_back_once_and_voids_the_invoice(void **state)
{
    (void)state;
    run_sql(owner, "delete from cancellation_rules; insert into cancellation_rules (org_id, "
                   "position, rule_id, effect) values (" ORG ", 1, 'all', 'approve')");
    assert_string_equal(
        ask(staff, "select outcome from invoice_put(" ORG ", " AMELIA ", null, 'P-11', (select "
                   "order_id from orders where number = 'ORD-1002'), '2026-06-01', null, "
                   "'USD', 9000, 0, 0, 9000, '', null, false, 'x', " NOW ")"),
        "made");
    (void)make(bot, "P-11", "'6000'");
    make_at_stripe();
    (void)stripe("e1", "paid", link_of("P-11", 6000), "pi_11", 6000);
    assert_string_equal(ask(owner, "select paid_minor from orders where number = 'ORD-1002'"),
                        "6000");
    assert_string_equal(ask(bot, "select outcome from cancellation_request(" ORG ", " AMELIA
                                 ", 'ORD-1002', '', '', 'en', now(), gen_random_uuid(), null)"),
                        "approved");
    make_at_stripe();
    make_at_stripe();
    assert_string_equal(stands("P-11", "state"), "void");
    assert_string_equal(ask(owner, "select count(*) || ' ' || sum(minor) from refunds where "
                                   "cancellation_id is not null"),
                        "1 6000");
    assert_string_equal(said("e2", "refund", "pi_11", "re_11", "succeeded", 6000), "refund");
    assert_string_equal(ask(owner, "select state from refunds where provider_id = 're_11'"),
                        "succeeded");
}

/* The file as text, ended. */
static char *read_text(const char *path)
{
    static char script[16384];
    FILE *file = fopen(path, "r");
    size_t n;

    assert_non_null(file);
    n = fread(script, 1, sizeof script - 1, file);
    assert_in_range(n, 1, sizeof script - 2);
    script[n] = 0;
    (void)fclose(file);
    return script;
}

/* --- any order, any number of times --------------------------------------------------------
 */

/*
 * A thousand histories (ten thousand by `tests/run histories`), each of an invoice with some
 * links and what became of them: paid, paid after a while, failed, expired, paid though
 * expired, refunded in parts by refunds and by charges, disputed, won or lost. Each is told in
 * two orders, with repetitions, and must end the same and as a plain sum says. It is played
 * inside the database, or it would take minutes.
 */
static void pay_7_made_up_histories_end_the_same_in_any_order(void **state)
{
    const char *many = getenv("PARLEY_HISTORIES");
    PGresult *result;

    (void)state;
    run_sql(staff,
            read_text(PARLEY_SOURCE_DIR "/tests/integration/store_payments_histories.sql"));
    result = PQexec(staff, FORMAT("select pg_temp.play(%s)", many ? many : "300"));
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(staff));
    PQclear(result);
}

int main(void)
{
#define ARRANGED(test) cmocka_unit_test_setup(test, arrange)
    const struct CMUnitTest tests[] = {
        ARRANGED(ch_11_the_demo_has_invoices_of_every_state_and_three_fifteen_and_more),
        ARRANGED(pay_1_an_invoice_comes_in_once_and_a_new_total_is_an_adjustment),
        ARRANGED(stf_3_no_role_changes_or_removes_an_entry_of_the_ledger),
        ARRANGED(pay_7_what_an_int64_does_not_hold_is_refused),
        ARRANGED(pay_2_links_side_by_side_never_come_to_more_than_is_owed),
        ARRANGED(pay_2_a_wish_that_does_not_fit_waits_until_the_older_link_is_over),
        ARRANGED(pay_2_two_wishes_at_one_instant_are_judged_one_after_the_other),
        ARRANGED(pay_2_nobody_makes_a_link_for_what_is_another_s),
        ARRANGED(pay_3_a_payment_is_booked_and_told_once),
        ARRANGED(pay_3_a_decline_is_told_once_before_and_after_its_link_expired),
        ARRANGED(pay_3_a_decline_of_what_was_paid_since_is_told_to_the_crm_alone),
        ARRANGED(pay_3_a_late_payment_by_a_link_that_was_over_is_booked_and_goes_back),
        ARRANGED(pay_3_refunds_are_counted_once_however_they_are_told),
        ARRANGED(pay_1_what_the_business_gives_back_is_not_owed_again),
        ARRANGED(pay_1_what_is_given_back_of_a_part_leaves_the_rest_as_it_was),
        ARRANGED(pay_3_a_dispute_takes_the_money_and_a_won_one_gives_it_back),
        ARRANGED(pay_3_what_comes_before_its_payment_waits_for_it),
        ARRANGED(pay_3_another_business_s_metadata_reaches_nothing),
        ARRANGED(can_4_an_approved_cancellation_pays_back_once_and_voids_the_invoice),
        ARRANGED(pay_7_made_up_histories_end_the_same_in_any_order),
    };
    store_open();
    owner = owner_connect();
    run_sql(owner, "set time zone 'UTC'");
    staff = connect_as("parley_staff", 0);
    bot = connect_as("parley_bot", 1);
    other = connect_as("parley_bot", 1);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(other);
    PQfinish(bot);
    PQfinish(staff);
    PQfinish(owner);
    store_shut();
    return failed;
}
