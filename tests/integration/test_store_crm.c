/*
 * What a CRM's events do to the rows: in whatever order they come, however often, in whatever
 * batches, they end the same; and what they may and may not do.
 */
#include "bot/base/crypto.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/said.h"
#include "webhooks/crm_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 60 /* and 1,000 by PARLEY_TEST_PERMUTATIONS=1000 */
#define SOURCE "https://crm.lark.example"
#define NOW    "2026-11-21 12:00:00+00"

static struct arena arena;
static PGconn *owner, *staff;

/* What came of the last batch, "kept older" and so on; and the first refusal. */
static char outcomes[4096], wrong[512];

/* JSON is written with ' for ". */
static struct str json_of(const char *text)
{
    char *copy = (char *)arena_cstr(&arena, str_from(text));

    for (char *at = copy; *at; at++)
        *at = (char)(*at == '\'' ? '"' : *at);
    return str_from(copy);
}

/* Take events through the decoder into the database, as the door does. */
static void take_at(const char *events, const char *at, bool tell)
{
    struct crm_faults faults = {.into = &arena};
    struct cloud_headers headers = {.content_type = STR("application/cloudevents+json")};
    struct cloud_batch batch;
    struct err err = {0};

    outcomes[0] = wrong[0] = '\0';
    if (!cloud_events_read(&arena, &headers, json_of(events), &batch, &err))
        fail_msg("%s", err.text);
    for (struct crm_batch *one = crm_events_read(&arena, &batch, &faults); one;
         one = one->next) {
        const char *params[] = {arena_cstr(&arena, one->source), "demo",
                                arena_cstr(&arena, one->events), at, tell ? "t" : "f"};
        PGresult *rows = say_sql(staff, &SQL_CRM_TAKE, params);
        for (int i = 0; i < PQntuples(rows); i++) {
            size_t len = strlen(outcomes);
            (void)snprintf(outcomes + len, sizeof outcomes - len, "%s%s", i ? " " : "",
                           PQgetvalue(rows, i, 1));
            if (strcmp(PQgetvalue(rows, i, 1), "refused") == 0 && !wrong[0]) {
                (void)snprintf(wrong, sizeof wrong, "%s: %s (%s)", PQgetvalue(rows, i, 2),
                               PQgetvalue(rows, i, 3), PQgetvalue(rows, i, 4));
            }
        }
        PQclear(rows);
    }
    if (faults.n > 0)
        fail_msg("%.*s", STR_ARG(crm_faults_json(&arena, &faults)));
}

static void take(const char *events)
{
    take_at(events, NOW, true);
}

static const char *event(const char *id, const char *type, const char *more, const char *data)
{
    return arena_format(&arena,
                        "{'specversion':'1.0','source':'" SOURCE "','id':'%s','type':'%s',%s"
                        "'data':%s}",
                        id, type, more, data)
        .at;
}

static const char *order(const char *id, const char *more, const char *number,
                         const char *customer, const char *status, const char *rest)
{
    return event(id, "order.upserted", more,
                 arena_format(&arena,
                              "{'id':'x-%s','number':'%s','customer':'%s','status':'%s',"
                              "'placed_at':'2026-11-20T10:00:00Z','currency':'EUR',"
                              "'total':'25.50'%s}",
                              number, number, customer, status, rest)
                     .at);
}

static const char *invoice(const char *id, const char *more, const char *number,
                           const char *customer, const char *rest)
{
    return event(
        id, "invoice.upserted", more,
        arena_format(&arena,
                     "{'id':'i-%s','number':'%s','customer':'%s','issued_on':'2026-11-21',"
                     "'currency':'EUR'%s}",
                     number, number, customer, rest)
            .at);
}

static int begin(void **state)
{
    (void)state;
    run_sql(staff, "begin");
    return 0;
}

static int undo(void **state)
{
    (void)state;
    run_sql(staff, "rollback");
    return 0;
}

static long asked(const char *sql)
{
    return ask_number(staff, sql);
}

/* --- any order ------------------------------------------------------------------------------
 */

#define ROWS(columns, table)                                                                   \
    "select md5(coalesce(string_agg(r::text, '|' order by r::text), ''))"                      \
    " from (select " columns " from " table ") r"

/* One figure for all that the events can have written. */
static const char *const digest = "select ('x' || substr(md5(concat(waiting, ' ', (" ROWS(
    "*",
    "customers") "),"
                 " (" ROWS("*", "customer_phones") "), (" ROWS("*", "orders") "), (" ROWS(
                     "*",
                     "order_items") "),"
                                    " (" ROWS("*", "order_events") "), (" ROWS(
                                        "*",
                                        "crm_order_states") "),"
                                                            " (" ROWS(
                                                                "*",
                                                                "ship"
                                                                "ment"
                                                                "s") "), (" ROWS("*",
                                                                                 "tracking_"
                                                                                 "events") "),"
                                                                                           " "
                                                                                           "(" ROWS("*", "order_photos") "), (" ROWS(
                                                                                               "*",
                                                                                               "c"
                                                                                               "r"
                                                                                               "m"
                                                                                               "_"
                                                                                               "s"
                                                                                               "u"
                                                                                               "b"
                                                                                               "j"
                                                                                               "e"
                                                                                               "c"
                                                                                               "t"
                                                                                               "s") "))), 1, 15))::bit(60)::int8"
                                                                                                    " from (select count(*) as waiting from crm_waiting) w";

static size_t write_events(const char **events)
{
    size_t n = 0;

    events[n++] = event("c1", "customer.upserted", "'version':1,",
                        "{'id':'p-1','name':'Ann','phones':['+15550190001','+15550190002'],"
                        "'language':'en'}");
    events[n++] = event("c2", "customer.upserted", "'version':2,",
                        "{'id':'p-1','name':'Anna','phones':['+15550190001'],'language':'pl'}");
    events[n++] = event("c3", "customer.upserted", "'time':'2026-11-20T10:00:00Z',",
                        "{'id':'p-2','name':'Ben'}");
    events[n++] = order("o1", "'version':1,'time':'2026-11-20T10:00:00Z',", "P-1", "p-1",
                        "processing", ",'expected_at':'2026-11-25T12:00:00Z'");
    events[n++] =
        order("o2", "'version':2,'time':'2026-11-20T11:00:00Z',", "P-1", "p-1", "processing",
              ",'expected_at':'2026-11-26T12:00:00Z','items':[{'description':'Mug',"
              "'qty':1.5,'unit_price':17,'total':'25.50'}]");
    events[n++] = order("o3", "'version':3,'time':'2026-11-20T12:00:00Z',", "P-1", "p-1",
                        "shipped", ",'expected_at':'2026-11-26T12:00:00Z'");
    events[n++] = order("o4", "'version':4,'time':'2026-11-20T13:00:00Z',", "P-1", "p-1",
                        "processing", ",'expected_at':'2026-11-27T12:00:00Z'");
    events[n++] = order("o5", "'version':4,'time':'2026-11-20T14:00:00Z',", "P-1", "p-1",
                        "delivered", ",'expected_at':'2026-11-28T12:00:00Z'"); /* a tie */
    events[n++] = order("o6", "'time':'2026-11-20T12:00:00Z',", "P-2", "p-2", "processing", "");
    events[n++] = order("o7", "'time':'2026-11-20T13:00:00Z',", "P-2", "p-2", "cancelled", "");
    events[n++] = event("s1", "shipment.upserted", "'version':1,'time':'2026-11-20T12:00:00Z',",
                        "{'id':'q-1','order':'x-P-1','carrier':'ups','status':'label_created',"
                        "'tracking_number':'1Z999AA10123456784'}");
    events[n++] = event("s2", "shipment.upserted", "'version':2,'time':'2026-11-20T15:00:00Z',",
                        "{'id':'q-1','order':'x-P-1','carrier':'ups','status':'in_transit',"
                        "'tracking_number':'1Z999AA10123456784'}");
    events[n++] = event("t1", "tracking.added", "",
                        "{'shipment':'q-1','status':'picked_up','at':'2026-11-20T14:00:00Z'}");
    events[n++] = event("t2", "tracking.added", "",
                        "{'shipment':'q-1','status':'delivered','at':'2026-11-20T16:00:00Z',"
                        "'place':'Warsaw'}");
    events[n++] = invoice("i1", "'version':1,", "PI-1", "p-1", ",'order':'x-P-1','total':10");
    events[n++] =
        invoice("i2", "'version':2,", "PI-1", "p-1", ",'order':'x-P-1','total':'25.50'");
    events[n++] = event("f1", "photo.added", "'version':1,'time':'2026-11-20T16:00:00Z',",
                        "{'id':'f-1','order':'x-P-2','category':'damage',"
                        "'url':'https://pictures.example/1.jpg'}");
    return n;
}

static size_t draw(uint64_t *chance, size_t below)
{
    *chance = *chance * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*chance >> 33) % below;
}

/* Each event once or twice, shuffled, in batches of 1 to 6. */
static void play(const char *const *events, size_t n, uint64_t *chance)
{
    const char *deck[64];
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        for (size_t times = 1 + draw(chance, 8) / 6; times > 0; times--)
            deck[left++] = events[i];
    }
    for (size_t i = left; i > 1; i--) {
        size_t other = draw(chance, i);
        const char *kept = deck[i - 1];
        deck[i - 1] = deck[other];
        deck[other] = kept;
    }
    while (left > 0) {
        size_t size = 1 + draw(chance, 6);
        struct str batch = STR("[");
        for (size_t i = 0; i < size && left > 0; i++) {
            struct str next = str_from(deck[--left]);
            batch = arena_concat(&arena, batch, STR(""), i ? STR(",") : STR(""), next);
        }
        take_at(arena_concat(&arena, batch, STR("]")).at, NOW, false);
    }
}

static void crm_1_any_order_and_any_repetition_end_in_the_same_rows(void **state)
{
    const char *times = getenv("PARLEY_TEST_PERMUTATIONS");
    long rounds = times ? strtol(times, NULL, 10) : ROUNDS;
    const char *events[32];
    size_t n = write_events(events);
    long expected;

    (void)state;
    run_sql(staff, "savepoint clean");
    for (size_t i = 0; i < n; i++)
        take_at(events[i], NOW, false);
    expected = asked(digest);
    assert_int_equal(
        asked("select count(*) from order_events join orders using (org_id, order_id)"
              " where number = 'P-1'"),
        asked("select case status when 'delivered' then 4 else 4 end from orders"
              " where number = 'P-1'"));
    for (long round = 0; round < rounds; round++) {
        uint64_t chance = (uint64_t)round + 1;
        run_sql(staff, "rollback to clean");
        play(events, n, &chance);
        if (asked(digest) != expected)
            fail_msg("round %ld ends elsewhere", round);
        arena_reset(&arena);
        n = write_events(events);
    }
}

/* --- what is heard of it --------------------------------------------------------------------
 */

static long notices(const char *kind)
{
    return asked(
        arena_format(&arena,
                     "select count(*) from notices where kind = '%s' and state <> 'replaced'",
                     kind)
            .at);
}

static void ntf_2_the_customer_hears_of_what_changed_once(void **state)
{
    (void)state;
    take(order("n1", "'version':1,'time':'2026-11-21T10:00:00Z',", "N-1", "C-0001",
               "processing", ",'expected_at':'2026-11-25T12:00:00Z'"));
    assert_int_equal(notices("order_status"), 1);
    take(order("n2", "'version':2,'time':'2026-11-21T10:01:00Z',", "N-1", "C-0001",
               "processing", ",'expected_at':'2026-11-26T12:00:00Z'"));
    assert_int_equal(notices("expected_changed"), 1);
    take(order("n3", "'version':3,'time':'2026-11-21T10:02:00Z','causeid':'packed',", "N-1",
               "C-0001", "shipped", ""));
    take(event("n4", "shipment.upserted",
               "'version':1,'time':'2026-11-21T10:02:00Z','causeid':'packed',",
               "{'id':'n-1','order':'x-N-1','carrier':'ups','status':'picked_up',"
               "'tracking_number':'1Z999AA10123456784'}"));
    assert_int_equal(notices("shipped"), 1);
    assert_int_equal(
        asked("select count(*) from notices where kind = 'shipped' and cause = 'packed'"
              " and state = 'waiting' and detail ->> 'carrier' = 'ups'"),
        1);
    assert_int_equal(asked("select count(*) from notices where detail -> 'expected_at' = '{}'"),
                     0);
    take(event("n5", "tracking.added", "",
               "{'shipment':'n-1','status':'out_for_delivery','at':'2026-11-21T11:00:00Z'}"));
    assert_int_equal(notices("shipped"), 0); /* nobody had been told yet */
    take(event(
        "n6", "tracking.added", "",
        "{'shipment':'n-1','status':'delivered','at':'2026-11-21T11:30:00Z','place':'Door'}"));
    take(order("n7", "'version':4,'time':'2026-11-21T11:31:00Z',", "N-1", "C-0001", "delivered",
               ""));
    assert_int_equal(notices("out_for_delivery"), 1);
    assert_int_equal(notices("delivered"), 1); /* of the parcel: the order says no more */
}

/* A system that was away tells all at once, and not always in order. */
static void ntf_2_that_a_parcel_left_is_no_news_once_it_is_at_the_door(void **state)
{
    const char *left = event("w2", "shipment.upserted",
                             "'version':1,'time':'2026-11-21T10:02:00Z','causeid':'packed',",
                             "{'id':'w-1','order':'x-W-1','carrier':'ups','status':'picked_up',"
                             "'tracking_number':'1Z999AA10123456784'}");
    const char *at_the_door =
        event("w3", "tracking.added", "",
              "{'shipment':'w-1','status':'out_for_delivery','at':'2026-11-21T11:00:00Z'}");

    (void)state;
    take(order("w1", "'version':1,'time':'2026-11-21T10:00:00Z',", "W-1", "C-0001",
               "processing", ""));
    take(at_the_door); /* it waits for its parcel */
    take(left);
    assert_int_equal(notices("out_for_delivery"), 1);
    assert_int_equal(notices("shipped"), 0);
    take(order("w4", "'version':2,'time':'2026-11-21T10:01:00Z','causeid':'packed',", "W-1",
               "C-0001", "shipped", ""));
    assert_int_equal(notices("shipped"), 0);
    /* The other parcel of the order has not been heard of. */
    take(event("w5", "shipment.upserted", "'version':1,'time':'2026-11-21T11:02:00Z',",
               "{'id':'w-2','order':'x-W-1','carrier':'ups','status':'picked_up',"
               "'tracking_number':'1Z999AA10123456785'}"));
    assert_int_equal(notices("shipped"), 1);
    run_sql(staff, "update notices set state = 'told' where kind = 'shipped' and "
                   "state = 'waiting'");
    take(event("w6", "tracking.added", "",
               "{'shipment':'w-2','status':'delivered','at':'2026-11-21T11:30:00Z'}"));
    assert_int_equal(notices("delivered"), 1);
    assert_int_equal(notices("shipped"), 1); /* what was told stays told */
}

static void ntf_2_what_is_long_past_is_no_news(void **state)
{
    (void)state;
    take(order("p1", "'version':1,'time':'2026-11-01T10:00:00Z',", "N-2", "C-0001",
               "processing", ""));
    take(order("p2", "'version':2,'time':'2026-11-02T10:00:00Z',", "N-2", "C-0001", "shipped",
               ""));
    assert_int_equal(asked("select count(*) from notices"), 0);
    take_at(order("p3", "'version':3,'time':'2026-11-21T10:00:00Z',", "N-2", "C-0001",
                  "delivered", ""),
            NOW, false);
    assert_int_equal(asked("select count(*) from notices"), 0);
}

static void rev_1_an_order_that_comes_to_its_end_is_asked_about_once_and_none_of_an_import(
    void **state)
{
    char at[40];
    time_t now = time(NULL);
    struct tm tm;

    (void)state;
    (void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    for (int version = 1; version <= 3; version++) {
        take_at(order(arena_format(&arena, "v%d", version).at,
                      arena_format(&arena, "'version':%d,'time':'%s',", version, at).at, "V-1",
                      "C-0001", version == 1 ? "shipped" : "delivered", ""),
                at, true);
    }
    take_at(order("v9", arena_format(&arena, "'version':1,'time':'%s',", at).at, "V-2",
                  "C-0001", "delivered", ""),
            at, false);
    take_at(order("v8", "'version':1,'time':'2020-11-01T10:00:00Z',", "V-3", "C-0001",
                  "delivered", ""),
            at, true);
    assert_int_equal(
        asked("select count(*) from reviews r join orders o using (org_id, order_id) "
              "where o.number like 'V-%' and r.state = 'requested'"),
        1);
    assert_int_equal(
        asked("select count(*) from notices where kind = 'review_asked' and state = "
              "'waiting' and due_at > now() + interval '23 hours'"),
        1);
}

/* --- decisions and answers ------------------------------------------------------------------
 */

static void ask_to_cancel(const char *number)
{
    run_sql(staff,
            arena_format(
                &arena,
                "insert into cancellations (org_id, cancellation_id, order_id, customer_id,"
                " status, reason, note, rule_id, facts, asked_at, status_at, decided_by)"
                " select org_id, gen_random_uuid(), order_id, customer_id, 'submitted', '',"
                " '', 'r', '{}', '" NOW "', '" NOW "', '' from orders where number = '%s'",
                number)
                .at);
}

static void can_3_a_decision_comes_back_once(void **state)
{
    const char *yes =
        event("d1", "cancellation.decided", "", "{'order':'x-K-1','decision':'approve'}");

    (void)state;
    take(order("k1", "'version':1,'time':'2026-11-21T10:00:00Z',", "K-1", "C-0001",
               "processing", ""));
    take(yes);
    assert_non_null(strstr(wrong, "data.order"));
    ask_to_cancel("K-1");
    take(yes);
    assert_string_equal(outcomes, "kept");
    take(yes);
    assert_string_equal(outcomes, "repeated");
    assert_int_equal(
        asked("select count(*) from orders where number = 'K-1' and status = 'cancelled'"), 1);
    take(event("d2", "cancellation.decided", "", "{'order':'x-K-1','decision':'reject'}"));
    assert_string_equal(outcomes, "ignored");
    /* What the CRM knew before it decided does not bring the order back; what it says later
     * does. */
    take(order("k2", "'version':2,'time':'2026-11-21T11:00:00Z',", "K-1", "C-0001",
               "processing", ",'address':'Elsewhere 1'"));
    assert_int_equal(
        asked("select count(*) from orders where number = 'K-1' and status = 'cancelled'"
              " and address = 'Elsewhere 1'"),
        1);
    take(order("k3", "'version':3,'time':'2026-11-21T13:00:00Z',", "K-1", "C-0001",
               "processing", ""));
    assert_int_equal(
        asked("select count(*) from orders where number = 'K-1' and status = 'processing'"), 1);
}

static void can_3_what_has_left_is_not_cancelled(void **state)
{
    (void)state;
    take(order("l1", "'version':1,'time':'2026-11-21T10:00:00Z',", "L-1", "C-0001", "shipped",
               ""));
    ask_to_cancel("L-1");
    take(event("l2", "cancellation.decided", "", "{'order':'x-L-1','decision':'approve'}"));
    assert_non_null(strstr(wrong, "data.decision: reject"));
}

static void iss_2_an_answer_to_a_report_reaches_the_customer(void **state)
{
    (void)state;
    run_sql(staff, "reset role");
    run_sql(staff,
            "insert into tickets (org_id, ticket_id, number, customer_id, kind, description,"
            " created_at, due_at) select org_id, gen_random_uuid(), 'T-BCDF-GHJK', customer_id,"
            " 'damaged', 'It is broken.', '" NOW "', '" NOW "' from customers"
            " where external_id = 'C-0001'");
    run_sql(staff, "set role parley_staff");
    take(event("a1", "ticket.answered", "",
               "{'ticket':'t-bcdf-ghjk','text':'A new one is on its way.','author':'Eve'}"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(asked("select count(*) from tickets where status = 'answered'"
                           " and number = 'T-BCDF-GHJK' and answered_at is not null"),
                     1);
    assert_int_equal(notices("ticket_answered"), 1);
    take(event("a2", "ticket.updated", "", "{'ticket':'T-BCDF-GHJK','status':'closed'}"));
    assert_int_equal(asked("select count(*) from tickets where closed_at is not null"), 1);
    take(event("a3", "ticket.answered", "", "{'ticket':'T-NONE','text':'?'}"));
    assert_non_null(strstr(wrong, "data.ticket"));
}

/* --- invoices, documents --------------------------------------------------------------------
 */

static void pay_1_an_invoice_is_charged_and_corrected(void **state)
{
    (void)state;
    take(invoice("i1", "'version':2,'time':'2026-11-21T10:00:00Z',", "INV-X", "C-0001",
                 ",'due_on':'2026-12-05','total':'40.96','lines':[{'description':'Mug','qty':2,"
                 "'unit_price':'14.90','total':'29.80'}]"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(
        asked("select sum(minor) from ledger l join invoices using (org_id, invoice_id)"
              " where number = 'INV-X'"),
        4096);
    assert_int_equal(notices("invoice_issued"), 1);
    take(invoice("i0", "'version':1,'time':'2026-11-21T09:00:00Z',", "INV-X", "C-0001",
                 ",'total':1"));
    assert_string_equal(outcomes, "older");
    take(invoice("i2", "'version':3,'time':'2026-11-21T11:00:00Z',", "INV-X", "C-0001",
                 ",'total':30"));
    assert_int_equal(
        asked("select sum(minor) from ledger l join invoices using (org_id, invoice_id)"
              " where number = 'INV-X'"),
        3000);
    take(invoice("i3", "'version':4,", "INV-X", "C-0002", ",'total':30"));
    assert_non_null(strstr(wrong, "data.customer"));
    take(invoice("i4", "'version':4,", "INV-X", "C-0001", ",'total':30,'voided':true"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(
        asked("select count(*) from invoices where number = 'INV-X' and voided_at is not null"),
        1);
}

static void pay_2_what_was_paid_elsewhere_is_on_the_books_once(void **state)
{
    static const char owed[] =
        "select sum(minor) from ledger l join invoices using (org_id, invoice_id)"
        " where number = 'INV-E'";

    (void)state;
    take(invoice("e1", "'version':1,", "INV-E", "C-0001", ",'total':30"));
    take(invoice("e2", "'version':2,", "INV-E", "C-0001",
                 ",'total':30,'paid_elsewhere':'12.50'"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(asked(owed), 1750);
    assert_int_equal(notices("payment_received"), 1);
    take(invoice("e2", "'version':2,", "INV-E", "C-0001",
                 ",'total':30,'paid_elsewhere':'12.50'"));
    take(invoice("e3", "'version':3,", "INV-E", "C-0001", ",'total':30,'note':'Hello.'"));
    assert_int_equal(asked(owed), 1750);
    take(invoice("e0", "'version':1,", "INV-E", "C-0001", ",'total':30,'paid_elsewhere':30"));
    assert_string_equal(outcomes, "older");
    take(invoice("e5", "'version':5,", "INV-E", "C-0001", ",'total':30,'paid_elsewhere':30"));
    assert_int_equal(asked(owed), 0);
    assert_int_equal(notices("payment_received"), 2);
    take(invoice("e6", "'version':6,", "INV-E", "C-0001", ",'total':30,'paid_elsewhere':0"));
    assert_int_equal(asked(owed), 3000);
    assert_int_equal(notices("payment_received"), 2);
    take(invoice("e8", "'version':1,", "INV-E2", "C-0001", ",'total':30,'paid_elsewhere':30"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(notices("payment_received"), 2); /* it came so: nothing to tell */
}

static void crm_1_an_invoice_waits_for_customer_and_order(void **state)
{
    (void)state;
    take(invoice("j1", "'version':1,", "INV-W", "w-1", ",'order':'x-W-1','total':1"));
    assert_string_equal(outcomes, "waiting");
    take(event("j2", "customer.upserted", "'version':1,", "{'id':'w-1'}"));
    assert_int_equal(asked("select count(*) from invoices where number = 'INV-W'"), 0);
    take(order("j3", "'version':1,", "W-1", "w-1", "processing", ""));
    assert_int_equal(
        asked("select count(*) from invoices i join orders using (org_id, order_id)"
              " where i.number = 'INV-W'"),
        1);
    assert_int_equal(asked("select count(*) from crm_waiting"), 0);
}

static void crm_1_a_document_is_told_and_listed(void **state)
{
    (void)state;
    take(event("g1", "document.added", "'version':1,'time':'2026-11-21T11:00:00Z',",
               "{'id':'g-1','customer':'C-0001','kind':'statement','name':'Statement',"
               "'url':'https://documents.example/1.pdf'}"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(notices("document_ready"), 1);
    assert_int_equal(asked("select count(*) from documents d join document_links l using "
                           "(org_id, document_id) where l.external_id = 'g-1' and d.open and "
                           "d.state = 'wanted' and d.handle = l.url and d.filename = "
                           "'Statement' and d.customer_id = l.customer_id"),
                     1);
    take(event("g2", "document.added", "'version':1,",
               "{'id':'g-2','customer':'C-0001','order':'x-G','name':'Warranty',"
               "'url':'https://documents.example/2.pdf'}"));
    assert_string_equal(outcomes, "waiting");
    take(order("g3", "'version':1,", "G", "C-0001", "processing", ""));
    assert_int_equal(
        asked("select count(*) from document_links join orders using (org_id, order_id)"
              " where orders.external_id = 'x-G'"),
        1);
}

/* --- estimates ------------------------------------------------------------------------------
 */

static const char *estimate(const char *id, int version, const char *called, const char *more)
{
    return event(
        id, "estimate.upserted",
        arena_format(&arena, "'version':%d,'time':'2026-11-21T10:00:00Z',", version).at,
        arena_format(&arena,
                     "{'id':'%s','order':'x-E','currency':'EUR','total':'96.80',"
                     "'tax':'16.80',%s}",
                     called, more)
            .at);
}

static void ord_8_an_estimate_is_drafted_sent_changed_and_decided(void **state)
{
    const char *items = "'items':[{'description':'Spring','qty':2.50,'unit_price':'32.00',"
                        "'total':'80.00'}]";
    const char *sent = arena_format(&arena, "'status':'sent',%s", items).at;

    (void)state;
    take(estimate("e0", 1, "E-1", "'status':'draft'"));
    assert_string_equal(outcomes, "waiting");
    take(order("eo", "'version':1,", "E", "C-0001", "processing", ""));
    assert_int_equal(
        asked("select count(*) from estimates where external_id = 'E-1' and status "
              "= 'draft' and version = 1 and subtotal_minor = 8000"),
        1);
    assert_int_equal(asked("select count(*) from notices where kind = 'estimate_awaiting'"), 0);
    take(estimate("e2", 3, "E-1", sent));
    assert_string_equal(outcomes, "kept");
    take(estimate("e1", 2, "E-1", "'status':'withdrawn'"));
    assert_string_equal(outcomes, "older");
    assert_int_equal(asked("select count(*) from estimates e join estimate_items i using "
                           "(org_id, order_id, estimate_id, version) where status = 'awaiting' "
                           "and version = 2"),
                     1);
    assert_int_equal(asked("select count(*) from notices where kind = 'estimate_awaiting'"), 1);
    take(estimate("e3", 4, "E-1", sent)); /* the same again: who looks at it may still decide */
    assert_string_equal(outcomes, "kept");
    assert_int_equal(asked("select version from estimates where external_id = 'E-1'"), 2);
    take(estimate("e4", 5, "E-1", "'status':'sent','note':'Cheaper.'"));
    assert_int_equal(asked("select version from estimates where external_id = 'E-1'"), 3);
    assert_int_equal(asked("select count(*) from notices where kind = 'estimate_awaiting' and "
                           "state = 'waiting'"),
                     1);
    take(estimate("e5", 1, "E-2", sent)); /* a customer decides on one */
    assert_int_equal(
        asked("select count(*) from estimates where external_id = 'E-1' and status "
              "= 'withdrawn'"),
        1);
    run_sql(staff, "reset role");
    run_sql(staff, "update estimates set status = 'approved', decided_at = '" NOW
                   "' where external_id = 'E-2'");
    run_sql(staff, "set role parley_staff");
    take(estimate("e6", 2, "E-2", sent));
    assert_string_equal(outcomes, "ignored"); /* as it was said: the decision stands */
    take(estimate("e7", 3, "E-2", "'status':'sent','note':'More.'"));
    assert_non_null(strstr(wrong, "data.id: an id of its own: this estimate was approved"));
    take(estimate("e8", 3, "E-2", "'status':'withdrawn'"));
    assert_non_null(strstr(wrong, "data.id"));
    assert_int_equal(
        asked("select count(*) from estimates where external_id = 'E-2' and status "
              "= 'approved'"),
        1);
    take(event("e9", "estimate.upserted", "'version':1,",
               "{'id':'E-3','order':'x-E','status':'sent','currency':'USD','total':'1'}"));
    assert_non_null(strstr(wrong, "data.currency: the order's: EUR"));
    take(event("e10", "estimate.upserted", "'version':1,",
               "{'id':'E-3','order':'x-E','status':'sent','currency':'EUR','subtotal':'1',"
               "'total':'2'}"));
    assert_non_null(strstr(wrong, "data.total"));
}

/* --- people ---------------------------------------------------------------------------------
 */

static void crm_3_an_agent_speaks_through_the_crm(void **state)
{
    static const char talk[] = "11111111-2222-4333-8444-555555555555";

    (void)state;
    run_sql(staff, "reset role");
    run_sql(
        staff,
        "insert into contact_points (org_id, contact_id, channel, address) select org_id,"
        " '11111111-2222-4333-8444-555555555556', 'whatsapp', '15550197531' from businesses;"
        "insert into conversations (org_id, conversation_id, account_id, contact_id, seq,"
        " last_inbound_at) select a.org_id, '11111111-2222-4333-8444-555555555555',"
        " a.account_id, '11111111-2222-4333-8444-555555555556', 3, '" NOW "' from accounts a"
        " where a.channel = 'whatsapp';"
        "insert into handoffs (org_id, handoff_id, conversation_id, reason, asked_at, seq,"
        " answer_by) select org_id, gen_random_uuid(), conversation_id, 'asked', '" NOW "', 3,"
        " '" NOW "' from conversations where seq = 3;"
        "insert into jobs (org_id, job_id, kind, conversation_id, name, due_at) select org_id,"
        " gen_random_uuid(), 'handoff', conversation_id, 'handoff.timeout', '" NOW "' from"
        " conversations where seq = 3");
    run_sql(staff, "set role parley_staff");
    take(event(
        "h1", "agent.message", "",
        arena_format(&arena, "{'conversation':'%s','agent':'Eve','text':'Hello.'}", talk).at));
    assert_string_equal(outcomes, "kept");
    take(event(
        "h2", "agent.message", "",
        arena_format(&arena, "{'conversation':'%s','agent':'Bob','text':'Me too.'}", talk).at));
    assert_non_null(strstr(wrong, "data.agent: who holds it: Eve"));
    assert_int_equal(
        asked("select count(*) from outbox o join messages using (org_id, conversation_id, seq)"
              " where why = 'person/Eve' and body::jsonb ->> 'body' = 'Hello.' and seq = 4"
              " and body::jsonb ->> 'by' = 'Eve'"),
        1);
    take(event("h3", "handoff.released", "",
               arena_format(&arena, "{'conversation':'%s','agent':'Eve'}", talk).at));
    assert_int_equal(asked("select count(*) from jobs where name = 'handoff.released'"), 1);
    take(event(
        "h4", "agent.message", "",
        arena_format(&arena, "{'conversation':'%s','agent':'Eve','text':'More.'}", talk).at));
    assert_non_null(strstr(wrong, "data.conversation"));
    take(event("h5", "handoff.released", "", "{'conversation':'nowhere'}"));
    assert_non_null(strstr(wrong, "data.conversation"));
}

/* --- what is wrong --------------------------------------------------------------------------
 */

static void crm_1_what_cannot_be_kept_is_refused_alone(void **state)
{
    const char *one = order("z1", "'version':1,'time':'2026-11-21T10:00:00Z',", "Z-1", "C-0001",
                            "processing", "");
    const char *two =
        event("z2", "order.upserted", "'version':1,'time':'2026-11-21T10:00:00Z',",
              "{'id':'other','number':'Z-1','customer':'C-0001','status':'processing',"
              "'placed_at':'2026-11-20T10:00:00Z','currency':'EUR','total':1}");

    (void)state;
    take(arena_format(&arena, "[%s,%s,%s]", one, two,
                      order("z3", "'version':1,", "Z-3", "C-0001", "processing", ""))
             .at);
    assert_string_equal(outcomes, "kept refused kept");
    assert_non_null(strstr(wrong, "data.number"));
    take(two);
    assert_non_null(strstr(wrong, "data.number: a number that no other order has"));
    take(event("z4", "order.upserted", "'version':1,",
               "{'id':'w','number':'W','customer':'C-0001','status':'x','workflow':'baking',"
               "'placed_at':'2026-11-20T10:00:00Z','currency':'EUR','total':1}"));
    assert_non_null(strstr(wrong, "data.workflow: one of: job, repair, shop"));
    take(event("z5", "customer.upserted", "'version':1,",
               "{'id':'tz','time_zone':'Mars/Phobos'}"));
    assert_non_null(strstr(wrong, "data.time_zone"));
}

/* Both are owed, so neither takes the place of the other; whose number it is says who came
 * first. */
static void crm_1_two_invoices_of_one_number_are_not_one(void **state)
{
    (void)state;
    take(invoice("n1", "'version':1,", "N-1", "C-0001", ",'total':'10.00'"));
    take(event("n2", "invoice.upserted", "'version':1,",
               "{'id':'i-other','number':'N-1','customer':'C-0001','issued_on':'2026-11-21',"
               "'currency':'EUR','total':'50.00'}"));
    assert_string_equal(outcomes, "refused");
    assert_non_null(strstr(wrong, "data.number: a number that no other invoice has"));
    take(invoice("n3", "'version':2,", "N-1", "C-0001", ",'total':'11.00'"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(asked("select sum(l.minor) from ledger l join invoices using (org_id,"
                           " invoice_id) where number = 'N-1' and external_id = 'i-N-1'"),
                     1100);
    take(event("n4", "invoice.upserted", "'version':1,",
               "{'id':'i-other','number':'N-4','customer':'C-0001','issued_on':'2026-11-21',"
               "'currency':'EUR','total':'50.00'}"));
    assert_string_equal(outcomes, "kept");
}

/* Two orders of one number wait for a customer: the customer comes all the same. */
static void crm_1_what_waited_and_is_wrong_goes_to_a_person(void **state)
{
    (void)state;
    take(order("y1", "'version':1,", "Y-1", "late", "processing", ""));
    take(event("y2", "order.upserted", "'version':1,",
               "{'id':'y-other','number':'Y-1','customer':'late','status':'processing',"
               "'placed_at':'2026-11-20T10:00:00Z','currency':'EUR','total':1}"));
    take(order("y3", "'version':1,", "Y-3", "late", "burnt", ""));
    assert_non_null(strstr(wrong, "data.status"));
    take(event("y4", "customer.upserted", "'version':1,", "{'id':'late','name':'Late'}"));
    assert_string_equal(outcomes, "kept");
    assert_int_equal(asked("select count(*) from orders where number = 'Y-1'"), 1);
    assert_int_equal(asked("select count(*) from dead_letters where provider = 'crm'"), 1);
    assert_int_equal(asked("select count(*) from crm_waiting"), 0);
}

static void crm_1_what_waits_in_vain_becomes_a_dead_letter(void **state)
{
    char org[UUID_TEXT_LEN + 1];
    const char *params[] = {org, "2026-12-22 12:00:00+00", "100"};

    (void)state;
    uuid_format(seed_demo_org, org);
    take(order("u1", "'version':1,", "U-1", "nobody", "processing", ""));
    assert_string_equal(outcomes, "waiting");
    take(order("u1", "'version':1,", "U-1", "nobody", "processing", ""));
    assert_string_equal(outcomes, "repeated");
    assert_int_equal(say_number(staff, &SQL_CRM_SWEEP, params), 1);
    assert_int_equal(
        asked("select count(*) from dead_letters where reason like 'waited 30 days%'"), 1);
    assert_int_equal(asked("select count(*) from crm_waiting"), 0);
}

static void crm_1_a_number_moves_to_its_new_customer(void **state)
{
    (void)state;
    take(event("m1", "customer.upserted", "'version':1,",
               "{'id':'m-1','phones':['+15550199991']}"));
    take(event("m2", "customer.upserted", "'version':1,",
               "{'id':'m-2','phones':['+15550199991']}"));
    take(event("m3", "customer.upserted", "'version':2,", "{'id':'m-1','phones':[]}"));
    assert_int_equal(
        asked("select count(*) from customer_phones join customers using (org_id, customer_id)"
              " where phone = '+15550199991' and external_id = 'm-2'"),
        1);
}

/* --- the test -------------------------------------------------------------------------------
 */

static int set_up(void **state)
{
    const struct seed_options seed = {
        .url = store_pg.url, .phone_number_id = "1", .reset = true};
    struct seed_counts counts;
    struct err err = {0};

    (void)state;
    if (!seed_demo(&seed, &counts, &err))
        fail_msg("%s", err.text);
    owner = owner_connect();
    staff = owner_connect();
    run_sql(staff, "set role parley_staff");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(staff);
    PQfinish(owner);
    arena_finish(&arena);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, undo)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ntf_2_the_customer_hears_of_what_changed_once),
        TEST(ntf_2_that_a_parcel_left_is_no_news_once_it_is_at_the_door),
        TEST(ntf_2_what_is_long_past_is_no_news),
        TEST(rev_1_an_order_that_comes_to_its_end_is_asked_about_once_and_none_of_an_import),
        TEST(can_3_a_decision_comes_back_once),
        TEST(can_3_what_has_left_is_not_cancelled),
        TEST(iss_2_an_answer_to_a_report_reaches_the_customer),
        TEST(pay_1_an_invoice_is_charged_and_corrected),
        TEST(pay_2_what_was_paid_elsewhere_is_on_the_books_once),
        TEST(crm_1_an_invoice_waits_for_customer_and_order),
        TEST(crm_1_a_document_is_told_and_listed),
        TEST(ord_8_an_estimate_is_drafted_sent_changed_and_decided),
        TEST(crm_3_an_agent_speaks_through_the_crm),
        TEST(crm_1_what_cannot_be_kept_is_refused_alone),
        TEST(crm_1_two_invoices_of_one_number_are_not_one),
        TEST(crm_1_what_waited_and_is_wrong_goes_to_a_person),
        TEST(crm_1_what_waits_in_vain_becomes_a_dead_letter),
        TEST(crm_1_a_number_moves_to_its_new_customer),
        TEST(crm_1_any_order_and_any_repetition_end_in_the_same_rows),
    };
    struct err err = {0};

    if (!crypto_init(&err))
        return 1;
    store_open();
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    store_shut();
    return failed;
}
