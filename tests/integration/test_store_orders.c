/*
 * The demo's shop, asked as flows ask it.
 */
#include "store/parts.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rig rig;
static PGconn *owner;

static struct uuid customer(const char *phone)
{
    char sql[200];
    (void)snprintf(sql, sizeof(sql),
                   "select customer_id from customer_phones where phone = '%s'", phone);
    PGresult *result = PQexec(owner, sql);
    struct uuid id;
    assert_true(uuid_parse(str_from(PQgetvalue(result, 0, 0)), &id));
    PQclear(result);
    return id;
}

struct take {
    const char *name;
    struct value value;
};

static struct value load(const char *phone, const char *name, const struct take *takes,
                         size_t n)
{
    struct called called = {.done = false};
    struct record_builder record;
    struct err err = {.code = ERR_NONE};
    struct value answer;
    record_build(&record, &rig.arena);
    for (size_t i = 0; i < n; i++)
        record_set(&record, str_from(takes[i].name), takes[i].value);
    const struct part *part = parts_find(str_from(name));
    assert_non_null(part);
    struct uuid who = customer(phone);
    struct part_frame frame = {.org = seed_demo_org, .customer = who};
    const char *outcome;
    call_init(&called.call, &rig.arena, seed_demo_org);
    called.call.customer = who;
    call_add(&called.call, part->sql,
             part_params(&rig.arena, part, &frame, record_built(&record)));
    wait_call(&rig, &called);
    if (called.call.err.code != ERR_NONE)
        fail_msg("%s", called.call.err.text);
    if (!part_answer(&rig.arena, part, called.results[0], &answer, &outcome, &err))
        fail_msg("%s", err.text);
    called_clear(&called);
    return answer;
}

static struct value load_text(const char *phone, const char *name, const char *take,
                              const char *text)
{
    return load(phone, name, &(struct take){take, value_text(str_from(text))}, 1);
}

static struct value in(struct value record, const char *path)
{
    assert_int_equal(record.kind, VALUE_RECORD);
    return record_path(record.record, str_from(path));
}

#define AMELIA "+15550100001"
#define LUCIA  "+15550100002"
#define ZOFIA  "+15550100003"
#define LAYLA  "+15550100004"
#define OLIVER "+15550100005"

static void figures_count_by_phase(void **state)
{
    (void)state;
    struct value figures = load(AMELIA, "order_figures", NULL, 0);
    assert_int_equal(in(figures, "active").number, 4);
    assert_int_equal(in(figures, "in_transit").number, 1);
    assert_int_equal(in(figures, "delivered").number, 1);
    figures = load(LUCIA, "order_figures", NULL, 0);
    assert_int_equal(in(figures, "active").number, 1);
    figures = load(OLIVER, "order_figures", NULL, 0);
    assert_int_equal(in(figures, "active").number, 0);
}

static void ord_1_filters_pages_and_words_narrow_the_list(void **state)
{
    (void)state;
    const struct {
        const char *filter;
        size_t n;
    } cases[] = {
        {"all",       6},
        {"active",    4},
        {"shipped",   1},
        {"delivered", 1},
        {"cancelled", 1}
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        assert_int_equal(load_text(AMELIA, "orders_list", "filter", cases[i].filter).list->n,
                         cases[i].n);
    }
    struct value all = load(ZOFIA, "orders_list", NULL, 0);
    assert_int_equal(all.list->n, 11);
    for (size_t i = 0; i + 1 < all.list->n; i++) {
        assert_true(in(all.list->items[i], "placed_at").time >=
                    in(all.list->items[i + 1], "placed_at").time);
    }
    struct value next = load(ZOFIA, "orders_list", &(struct take){"offset", value_int(10)}, 1);
    assert_true(
        str_eq(in(next.list->items[0], "number").text, in(all.list->items[10], "number").text));
    assert_int_equal(
        load(ZOFIA, "orders_list", &(struct take){"offset", value_int(30)}, 1).list->n, 4);
    assert_int_equal(load_text(AMELIA, "orders_list", "words", "PUMP").list->n, 1);
    assert_int_equal(load_text(AMELIA, "orders_list", "words", "ord-100").list->n, 4);
    assert_int_equal(load_text(AMELIA, "orders_list", "words", "%").list->n, 0);
    assert_int_equal(load(OLIVER, "orders_list", NULL, 0).list->n, 0);
    struct value placed = in(all.list->items[0], "placed_at");
    struct value day = load(ZOFIA, "orders_list", &(struct take){"day", placed}, 1);
    assert_in_range(day.list->n, 1, 3);
    assert_true(
        str_eq(in(day.list->items[0], "number").text, in(all.list->items[0], "number").text));
    assert_int_equal(
        load(ZOFIA, "orders_list", &(struct take){"day", value_time(5)}, 1).list->n, 0);
}

static void an_order_is_found_however_its_number_is_typed(void **state)
{
    (void)state;
    static const char *const forms[] = {"ORD-1001", "ord-1001",   "1001",     "#1001",
                                        "ord1001",  " ORD 1001 ", "#ord_1001"};
    static const char *const none[] = {
        "",         "#",     "100",          "11001", "REP-1001", "ORD-", "ORD-1005",
        "ORD-9999", "10010", "' or true --", "%",     "1001.5",   "\xff", "1001; 1002"};
    for (size_t i = 0; i < COUNTOF(forms); i++) {
        struct value order = load_text(AMELIA, "order_by_number", "number", forms[i]);
        if (order.kind != VALUE_RECORD)
            fail_msg("%s", forms[i]);
        assert_true(str_eq(in(order, "number").text, STR("ORD-1001")));
    }
    for (size_t i = 0; i < COUNTOF(none); i++) {
        if (load_text(AMELIA, "order_by_number", "number", none[i]).kind != VALUE_NONE)
            fail_msg("%s", none[i]);
    }
    struct value by_number =
        load(AMELIA, "order_by_number", &(struct take){"number", value_int(1001)}, 1);
    assert_int_equal(by_number.kind, VALUE_RECORD);
    assert_int_equal(load(AMELIA, "order_by_number", NULL, 0).kind, VALUE_NONE);
}

static void flw_5_an_invoices_number_is_no_orders(void **state)
{
    (void)state;
    run_sql(owner, "begin; select set_config('parley.org_id', org_id::text, true) from "
                   "businesses; update orders set number = '4711' where number = 'ORD-1001'; "
                   "select invoice_put(org_id, customer_id, null, 'INV-4711', null, "
                   "current_date, null, 'USD', 1, 0, 0, 1, '', null, false, 'test', now()) "
                   "from customer_phones where phone = '" AMELIA "'; commit");
    assert_int_equal(load_text(AMELIA, "order_by_number", "number", "inv-4711").kind,
                     VALUE_NONE);
    assert_int_equal(load_text(AMELIA, "order_by_number", "number", "ord-4711").kind,
                     VALUE_RECORD);
    assert_int_equal(load_text(AMELIA, "order_by_number", "number", "4711").kind, VALUE_RECORD);
    run_sql(owner, "begin; select set_config('parley.org_id', org_id::text, true) from "
                   "businesses; update orders set number = 'ORD-1001' where number = '4711'; "
                   "update invoices set number = 'INV-47-11' where number = 'INV-4711'; "
                   "commit");
}

static void ord_2_an_order_adds_up_and_shows_what_the_customer_may_see(void **state)
{
    (void)state;
    struct value order = load_text(AMELIA, "order_by_number", "number", "ORD-1001");
    assert_true(str_eq(in(order, "status").text, STR("shipped")));
    assert_true(str_eq(in(order, "phase").text, STR("active")));
    assert_int_equal(in(order, "progress").number, 70);
    assert_int_equal(in(order, "items_count").number, 3);
    assert_int_equal(in(order, "subtotal").money.minor + in(order, "tax").money.minor +
                         in(order, "shipping").money.minor,
                     in(order, "total").money.minor);
    assert_string_equal(in(order, "total").money.currency, "USD");
    assert_true(in(order, "placed_at").time > 0 && in(order, "expected_at").time > 0);
    assert_int_equal(in(order, "delivered_at").kind, VALUE_NONE);
    assert_true(in(order, "address").text.len > 0);
    const struct list *items = in(order, "items").list;
    int64_t sum = 0;
    for (size_t i = 0; i < items->n; i++) {
        assert_int_equal(in(items->items[i], "unit_price").money.minor *
                             in(items->items[i], "qty").number,
                         in(items->items[i], "line_total").money.minor);
        sum += in(items->items[i], "line_total").money.minor;
    }
    assert_int_equal(sum, in(order, "subtotal").money.minor);
    const struct list *notes = in(order, "notes").list;
    assert_int_equal(notes->n, 1); /* the other one is the staff's own */
    assert_int_equal(in(notes->items[0], "at").kind, VALUE_TIME);
    assert_null(memmem(in(notes->items[0], "text").text.at,
                       in(notes->items[0], "text").text.len, "charge nothing", 14));
    /* A quantity with a fraction is text, and counts as one. */
    order = load_text(LAYLA, "order_by_number", "number", "REP-2002");
    assert_int_equal(in(order, "items_count").number, 2);
    assert_true(str_eq(in(in(order, "items").list->items[1], "qty").text, STR("3.5")));
    assert_int_equal(in(order, "instructions").kind, VALUE_NONE);
}

static void ord_9_a_timeline_has_done_current_and_expected_steps(void **state)
{
    (void)state;
    const struct {
        const char *phone, *number, *states;
    } cases[] = {
        {AMELIA, "ORD-1001", "dce"  },
        {AMELIA, "ORD-1002", "cee"  },
        {AMELIA, "ORD-1003", "ddd"  },
        {AMELIA, "ORD-1004", "dd"   },
        {AMELIA, "REP-2001", "ddcee"},
        {AMELIA, "nothing",  ""     },
        {LUCIA,  "ORD-1001", ""     },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct list *steps =
            load_text(cases[i].phone, "order_timeline", "number", cases[i].number).list;
        char got[16] = "";
        usec_t last = 0;
        for (size_t s = 0; s < steps->n && s < 15; s++) {
            got[s] = in(steps->items[s], "state").text.at[0];
            usec_t at = in(steps->items[s], "at").kind ? in(steps->items[s], "at").time : last;
            assert_true(at >= last);
            last = at;
        }
        assert_string_equal(got, cases[i].states);
    }
}

static void shipments_come_with_their_events_newest_first(void **state)
{
    (void)state;
    const struct list *parcels = load_text(LAYLA, "order_shipments", "number", "1006").list;
    assert_int_equal(parcels->n, 1);
    struct value parcel = parcels->items[0];
    assert_true(str_eq(in(parcel, "status").text, STR("out_for_delivery")));
    assert_true(in(parcel, "tracking_number").text.len >= 10);
    const struct list *events = in(parcel, "events").list;
    assert_int_equal(events->n, 5);
    assert_true(str_eq(in(events->items[0], "status").text, STR("out_for_delivery")));
    for (size_t i = 0; i + 1 < events->n; i++)
        assert_true(in(events->items[i], "at").time > in(events->items[i + 1], "at").time);
    assert_int_equal(load_text(AMELIA, "order_shipments", "number", "REP-2001").list->n, 0);
}

static void what_a_dialogue_holds_cannot_fail_a_load(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "\xff\xfe",        "", "99999999999999999999", "-1", "1e9", "'; drop table orders; --",
        "\xd9\xa1\xd9\xa0"};
    struct list nothing = {NULL, 0};
    const struct value kinds[] = {value_none(),         value_bool(true), value_int(INT64_MIN),
                                  value_int(INT64_MAX), value_time(5),    value_list(&nothing)};
    static const char *const names[] = {"order_figures", "orders_list", "order_by_number",
                                        "order_timeline", "order_shipments"};
    static const char *const takes[] = {"filter", "offset", "words", "number", "day"};
    for (size_t l = 0; l < COUNTOF(names); l++) {
        for (size_t i = 0; i < COUNTOF(hostile) + COUNTOF(kinds); i++) {
            struct value value = i < COUNTOF(hostile) ? value_text(str_from(hostile[i]))
                                                      : kinds[i - COUNTOF(hostile)];
            struct take all[5];
            for (size_t t = 0; t < 5; t++)
                all[t] = (struct take){takes[t], value};
            (void)load(AMELIA, names[l], all, 5); /* fails the test if it fails */
        }
    }
}

/* --- the shop itself -----------------------------------------------------------------------
 */

static void the_shop_is_believable(void **state)
{
    (void)state;
    static const char *const none[] = {
        "select count(*) from order_events where at > now()",
        "select count(*) from tracking_events where at > now()",
        "select count(*) from orders where total_minor <> subtotal_minor + tax_minor + "
        "shipping_minor",
        "select count(*) from orders o where subtotal_minor <> (select sum(total_minor) from "
        "order_items i where i.order_id = o.order_id)",
        "select count(*) from orders o where status <> (select status from order_events e "
        "where "
        "e.order_id = o.order_id order by at desc limit 1)",
        "select count(*) from workflow_states w where not exists (select 1 from orders o where "
        "(o.workflow, o.status) = (w.workflow, w.status))",
        "select count(*) from customers where language not in ('en', 'es', 'pl', 'ar')",
        "select 20 - count(*) from customers",
        "select count(*) from (select customer_id from customer_phones group by 1 having "
        "count(*) <> 1) x",
        "select 1 - count(*) from directory where kind = 'whatsapp' and account_id is not null",
        "select 4 - count(distinct language) from customers",
        "select count(*) from estimates where total_minor <> subtotal_minor + tax_minor or "
        "issued_at > now() or decided_at > now()",
        "select count(*) from estimates e where subtotal_minor <> (select sum(total_minor) "
        "from "
        "estimate_items i where i.estimate_id = e.estimate_id)",
        "select count(*) from order_photos where taken_at > now()",
        "select count(*) from shipments group by tracking_number having count(*) > 1",
    };
    for (size_t i = 0; i + 1 < COUNTOF(none); i++) {
        if (ask_number(owner, none[i]) != 0)
            fail_msg("%s", none[i]);
    }
    PGresult *twice = PQexec(owner, none[COUNTOF(none) - 1]);
    assert_int_equal(PQntuples(twice), 0);
    PQclear(twice);
}

static void seeding_again_changes_nothing_and_reset_begins_anew(void **state)
{
    (void)state;
    struct seed_options options = {.url = store_pg.url, .phone_number_id = "106"};
    struct seed_counts counts;
    struct err err = {.code = ERR_NONE};
    run_sql(owner, "update orders set address = 'changed' where number = 'ORD-1001'");
    long rows = ask_number(owner, "select count(*) from tracking_events");
    assert_true(seed_demo(&options, &counts, &err));
    assert_int_equal(ask_number(owner, "select count(*) from tracking_events"), rows);
    assert_int_equal(ask_number(owner, "select count(*) from orders where address = 'changed'"),
                     1);
    options.reset = true;
    assert_true(seed_demo(&options, &counts, &err));
    assert_int_equal(counts.customers, 20);
    assert_true(counts.orders >= 40 && counts.shipments > 10);
    assert_int_equal(ask_number(owner, "select count(*) from orders where address = 'changed'"),
                     0);
    options.url = "host=/nonexistent";
    assert_false(seed_demo(&options, &counts, &err));
    assert_int_equal(err.code, ERR_RETRY);
}

/* --- retention -----------------------------------------------------------------------------
 */

static PGresult *keep(struct called *called, const struct sql *sql, struct uuid org,
                      const struct db_param *params)
{
    *called = (struct called){.done = false};
    call_init(&called->call, &rig.arena, org);
    call_add(&called->call, sql, params);
    wait_call(&rig, called);
    if (called->call.err.code != ERR_NONE)
        fail_msg("%s", called->call.err.text);
    return called->results[0];
}

static void partitions_are_made_ahead_and_dropped_when_old(void **state)
{
    (void)state;
    struct called called;
    struct arena *a = &rig.arena;
    const usec_t noon = 1795176000 * USEC_PER_SEC;
    const struct {
        usec_t now;
        int64_t made, dropped;
    } days[] = {
        {noon,                     4, 0},
        {noon,                     0, 0},
        {noon + USEC_PER_DAY,      1, 0},
        {noon + 10 * USEC_PER_DAY, 4, 2}
    };
    for (size_t i = 0; i < COUNTOF(days); i++) {
        const struct db_param params[] = {param_time(a, days[i].now), param_int4(a, 3),
                                          param_int4(a, 8)};
        PGresult *rows = keep(&called, &SQL_RETENTION_PARTITIONS, (struct uuid){{0}}, params);
        assert_int_equal(row_int(rows, 0, 0), days[i].made);
        assert_int_equal(row_int(rows, 0, 1), days[i].dropped);
        called_clear(&called);
    }
    /* A day that already has rows elsewhere is passed over. */
    run_sql(owner, "insert into payloads values ('01921a7b-4000-7000-8000-6c61726b0001',"
                   " md5('x')::uuid, '2031-01-01 12:00Z', 'whatsapp', 'x')");
    const struct db_param far[] = {param_time(a, 1924988400 * USEC_PER_SEC), param_int4(a, 1),
                                   param_int4(a, 99999)};
    PGresult *rows = keep(&called, &SQL_RETENTION_PARTITIONS, (struct uuid){{0}}, far);
    assert_int_equal(row_int(rows, 0, 0), 1);
    called_clear(&called);
    const struct db_param all[] = {param_uuid(a, seed_demo_org), param_time(a, INT64_MAX),
                                   param_int4(a, 100)};
    (void)keep(&called, &SQL_RETENTION_PAYLOADS, seed_demo_org, all);
    called_clear(&called);
    assert_int_equal(ask_number(owner, "select count(*) from payloads"), 0);
}

static void seen_is_pruned_in_pieces(void **state)
{
    (void)state;
    struct called called;
    struct arena *a = &rig.arena;
    run_sql(owner, "insert into seen select org_id, account_id, decode(md5(i::text), 'hex'),"
                   " now() - i * interval '1 hour' from accounts, generate_series(1, 500) i");
    const usec_t old = clock_now() - 10 * USEC_PER_DAY;
    const struct db_param params[] = {param_uuid(a, seed_demo_org), param_time(a, old),
                                      param_int4(a, 200)};
    (void)keep(&called, &SQL_RETENTION_SEEN, seed_demo_org, params);
    called_clear(&called);
    assert_int_equal(ask_number(owner, "select count(*) from seen"), 300);
    (void)keep(&called, &SQL_RETENTION_SEEN, seed_demo_org, params);
    called_clear(&called);
    assert_in_range(ask_number(owner, "select count(*) from seen"), 239, 240);
}

static int arrange(void **state)
{
    (void)state;
    struct err err = {.code = ERR_NONE};
    struct seed_counts counts;
    struct seed_options options = {.url = store_pg.url, .phone_number_id = "106"};
    if (!seed_demo(&options, &counts, &err))
        fail_msg("%s", err.text);
    owner = owner_connect();
    rig_open(&rig, &(struct db_options){.connections = 2, .role = "parley_bot"});
    return 0;
}

static int leave(void **state)
{
    (void)state;
    rig_close(&rig);
    PQfinish(owner);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_count_by_phase),
        cmocka_unit_test(ord_1_filters_pages_and_words_narrow_the_list),
        cmocka_unit_test(an_order_is_found_however_its_number_is_typed),
        cmocka_unit_test(flw_5_an_invoices_number_is_no_orders),
        cmocka_unit_test(ord_2_an_order_adds_up_and_shows_what_the_customer_may_see),
        cmocka_unit_test(ord_9_a_timeline_has_done_current_and_expected_steps),
        cmocka_unit_test(shipments_come_with_their_events_newest_first),
        cmocka_unit_test(what_a_dialogue_holds_cannot_fail_a_load),
        cmocka_unit_test(the_shop_is_believable),
        cmocka_unit_test(seeding_again_changes_nothing_and_reset_begins_anew),
        cmocka_unit_test(partitions_are_made_ahead_and_dropped_when_old),
        cmocka_unit_test(seen_is_pruned_in_pieces),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, arrange, leave);
    store_shut();
    return failed;
}
