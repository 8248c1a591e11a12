/*
 * Jobs, repairs, estimates, photos and history over real SQL: a business's own words, who sees
 * what, decisions that meet, and that nothing reads more than it must.
 */
#include "bot/later/workflow_file.h"
#include "store/parts.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/chat.h"
#include "tests/support/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ORG    "01921a7b-4000-7000-8000-6c61726b0001" /* seed_demo_org */
#define AMELIA "+15550100001"
#define LAYLA  "+15550100004"
#define GRACE  "+15550100006"
#define MATEO  "+15550100007"
#define JAKUB  "+15550100008"
#define BEA    "+15550100019"

static struct rig rig;
static PGconn *owner;
static usec_t now; /* of the frame */

static char text[4096];
#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)

static struct uuid customer(const char *phone)
{
    PGresult *result = PQexec(
        owner, FORMAT("select customer_id from customer_phones where phone = '%s'", phone));
    struct uuid id;
    assert_true(uuid_parse(str_from(PQgetvalue(result, 0, 0)), &id));
    PQclear(result);
    return id;
}

/* A load or action of a customer's; names and texts in turn, up to NULL. */
static struct value ask(const char *phone, const char *name, const char **outcome,
                        const char *const *takes)
{
    static unsigned char made;
    struct called called = {.done = false};
    struct record_builder record;
    struct err err = {.code = ERR_NONE};
    struct value answer;
    const struct part *part = parts_find(str_from(name));
    struct uuid who = customer(phone);
    struct part_frame frame = {
        .org = seed_demo_org, .customer = who, .now = now, .id = {{1, ++made}}};
    assert_non_null(part);
    record_build(&record, &rig.arena);
    for (; takes && takes[0]; takes += 2)
        record_set(&record, str_from(takes[0]), value_text(str_from(takes[1])));
    call_init(&called.call, &rig.arena, seed_demo_org);
    called.call.customer = who;
    call_add(&called.call, part->sql,
             part_params(&rig.arena, part, &frame, record_built(&record)));
    wait_call(&rig, &called);
    if (called.call.err.code != ERR_NONE)
        fail_msg("%s: %s", name, called.call.err.text);
    if (!part_answer(&rig.arena, part, called.results[0], &answer, outcome, &err))
        fail_msg("%s", err.text);
    called_clear(&called);
    return answer;
}

#define TAKES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct value load(const char *phone, const char *name, const char *const *takes)
{
    const char *outcome;
    struct value answer = ask(phone, name, &outcome, takes);
    assert_null(outcome);
    return answer;
}

static const char *decide(const char *phone, const char *number, const char *version,
                          const char *decision)
{
    const char *outcome;
    (void)ask(phone, "estimate_decide", &outcome,
              TAKES("number", number, "version", version, "decision", decision));
    assert_non_null(outcome);
    return outcome;
}

static struct value in(struct value record, const char *path)
{
    if (record.kind != VALUE_RECORD)
        fail_msg("no record to find %s in", path);
    return record_path(record.record, str_from(path));
}

static const char *words(struct value record, const char *path)
{
    struct value value = in(record, path);
    return value.kind == VALUE_TEXT ? arena_cstr(&rig.arena, value.text) : "";
}

static struct value detail(const char *phone, const char *number, const char *language)
{
    return load(phone, "order_by_number", TAKES("number", number, "language", language));
}

static size_t length(struct value list)
{
    assert_int_equal(list.kind, VALUE_LIST);
    return list.list->n;
}

/* --- statuses ------------------------------------------------------------------------------
 */

static void ord_3_three_workflows_are_there_as_data(void **state)
{
    (void)state;
    static const char *const steps[] = {
        "shop:processing,shipped,delivered,cancelled",
        "repair:received,in_progress,waiting_for_parts,ready,completed",
        "job:not_started,in_progress,quality_check,ready_for_pickup,completed"};
    for (size_t i = 0; i < COUNTOF(steps); i++) {
        assert_int_equal(
            ask_number(owner, FORMAT("select count(*) from (select workflow || ':' || "
                                     "string_agg(status, ',' order by position) as steps "
                                     "from workflow_states where org_id = '" ORG
                                     "' group by workflow) s where steps = '%s'",
                                     steps[i])),
            1);
    }
}

static void ord_3_a_business_calls_a_status_what_it_likes(void **state)
{
    (void)state;
    run_sql(owner,
            "insert into workflow_states (org_id, workflow, status, position, phase, progress,"
            " names, icon) values"
            " ('" ORG "', 'bakery', 'dough_rests', 1, 'active', 20,"
            "  '{\"en\": \"The dough rests\", \"es\": \"La masa reposa\"}', '🥣'),"
            " ('" ORG
            "', 'bakery', 'in_the_oven', 2, 'active', 60, '{\"pl\": \"W piecu\"}', ''),"
            " ('" ORG "', 'bakery', 'to_be_fetched', 3, 'active', 90, '{}', ''),"
            " ('" ORG "', 'bakery', 'eaten', 4, 'done', 100, '{\"ar\": \"\"}', '');"
            "update orders set workflow = 'bakery', status = 'dough_rests'"
            " where number = 'JOB-3004'");
    static const struct {
        const char *status, *language, *name, *icon;
    } cases[] = {
        {"dough_rests",   "en", "The dough rests", "🥣"},
        {"dough_rests",   "es", "La masa reposa",  "🥣"},
        {"dough_rests",   "pl", "The dough rests", "🥣"}, /* English before any other */
        {"in_the_oven",   "ar", "W piecu",         "🔵"},
        {"to_be_fetched", "en", "to be fetched",   "🔵"},
        {"eaten",         "ar", "eaten",           "🟢"},
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        run_sql(owner, FORMAT("update orders set status = '%s' where number = 'JOB-3004'",
                              cases[i].status));
        struct value order = detail("+15550100014", "JOB-3004", cases[i].language);
        assert_string_equal(words(order, "status_name"), cases[i].name);
        assert_string_equal(words(order, "status_icon"), cases[i].icon);
    }
    /* The timeline and the lists say the same. */
    run_sql(owner, "update orders set status = 'dough_rests' where number = 'JOB-3004';"
                   "update order_events set status = 'dough_rests' where order_id = "
                   "(select order_id from orders where number = 'JOB-3004')");
    struct value steps =
        load("+15550100014", "order_timeline", TAKES("number", "3004", "language", "es"));
    assert_int_equal(length(steps), 4);
    assert_string_equal(words(steps.list->items[0], "status_name"), "La masa reposa");
    assert_string_equal(words(steps.list->items[1], "status_name"), "W piecu");
    struct value jobs = load("+15550100014", "jobs_list", TAKES("language", "es"));
    assert_string_equal(words(jobs.list->items[0], "status_name"), "La masa reposa");
    struct value orders = load("+15550100014", "orders_list", TAKES("language", "es"));
    assert_string_equal(words(orders.list->items[0], "status_name"), "La masa reposa");
}

static void ord_3_our_words_are_said_where_the_business_has_none(void **state)
{
    (void)state;
    struct value order = detail(AMELIA, "ORD-1001", "en");
    assert_int_equal(in(order, "status_name").kind, VALUE_NONE);
    assert_int_equal(in(order, "status_icon").kind, VALUE_NONE);
    run_sql(owner, "update workflow_states set names = '{\"es\": \"De camino\"}', icon = '🚲'"
                   " where workflow = 'shop' and status = 'shipped'");
    order = detail(AMELIA, "ORD-1001", "es");
    assert_string_equal(words(order, "status_name"), "De camino");
    order = detail(AMELIA, "ORD-1001", "pl");
    assert_int_equal(in(order, "status_name").kind, VALUE_NONE); /* not Spanish to a Pole */
    assert_string_equal(words(order, "status_icon"), "🚲");
    order = load(AMELIA, "order_by_number", TAKES("number", "1001")); /* no language at all */
    assert_int_equal(in(order, "status_name").kind, VALUE_NONE);
    run_sql(owner,
            "update workflow_states set names = '{}', icon = '' where workflow = 'shop'");
    assert_string_equal(try_sql(owner, "update workflow_states set names = '[]'"), "23514");
}

static struct workflow of_file(const char *yaml)
{
    struct workflow workflow;
    struct err err = {.code = ERR_NONE};
    if (!workflow_read(&rig.arena, STR("w.yaml"), str_from(yaml), &workflow, &err))
        fail_msg("%s", err.text);
    return workflow;
}

static void ord_3_an_operator_writes_a_workflow_and_changes_it(void **state)
{
    (void)state;
    struct err err = {.code = ERR_NONE};
    OWNED_WORKFLOWS(store) = NULL;
    struct uuid org = {{0}};
    const struct workflow *list = NULL;
    size_t n = 0;
    struct workflow first = of_file("workflow: framing\nstates:\n  cut: {names: {en: Cut}}\n"
                                    "  glued: {names: {en: Glued}}\n"
                                    "  hung: {phase: done, names: {en: Hung}}\n");
    struct workflow second = of_file("workflow: framing\nstates:\n"
                                     "  cut: {icon: ✂, names: {en: Cut, pl: Przycięte}}\n"
                                     "  hung: {phase: done, names: {en: Hung}}\n");
    if (!workflows_open(store_pg.url, USEC_PER_SEC, &store, &err) ||
        !workflows_only_business(store, &org, &err) ||
        !workflows_keep(store, org, &first, &err) || !workflows_keep(store, org, &first, &err))
        fail_msg("%s", err.text);
    assert_true(uuid_eq(org, seed_demo_org));
    run_sql(owner, "update orders set workflow = 'framing', status = 'glued'"
                   " where number = 'JOB-3005'");
    /* Nothing is changed when orders stand at what would go. */
    assert_false(workflows_keep(store, org, &second, &err));
    assert_int_equal(err.code, ERR_REJECT);
    assert_non_null(strstr(err.text, "1 orders stand at 'glued'"));
    assert_int_equal(ask_number(owner, "select count(*) from workflow_states where workflow ="
                                       " 'framing' and icon = ''"),
                     3);
    run_sql(owner, "update orders set status = 'cut' where number = 'JOB-3005'");
    err = (struct err){.code = ERR_NONE};
    if (!workflows_keep(store, org, &second, &err) ||
        !workflows_list(store, org, &rig.arena, &list, &n, &err))
        fail_msg("%s", err.text);
    assert_string_equal(words(detail("+447700900116", "JOB-3005", "pl"), "status_name"),
                        "Przycięte");
    assert_string_equal(words(detail("+447700900116", "JOB-3005", "pl"), "status_icon"), "✂");
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(list[i].name, STR("framing")))
            continue;
        found = true;
        assert_int_equal(list[i].n, 2);
        struct workflow again =
            of_file(arena_cstr(&rig.arena, workflow_write(&rig.arena, &list[i])));
        assert_true(str_find(again.states[0].names, STR("Przycięte")) <
                    again.states[0].names.len);
    }
    assert_true(found);
    /* Nobody else's. */
    struct uuid other = {{9}};
    assert_true(workflows_list(store, other, &rig.arena, &list, &n, &err));
    assert_int_equal(n, 0);
    assert_false(workflows_keep(store, other, &first, &err));
    run_sql(owner, "update orders set workflow = 'job', status = 'completed'"
                   " where number = 'JOB-3005'");
}

/* The files in deploy/workflows are the workflows of the demo's shop. */
static void ord_3_the_three_workflows_come_as_files(void **state)
{
    (void)state;
    static const char *const names[] = {"job", "repair", "shop"};
    struct err err = {.code = ERR_NONE};
    OWNED_WORKFLOWS(store) = NULL;
    const struct workflow *list = NULL;
    size_t n = 0;
    if (!workflows_open(store_pg.url, USEC_PER_SEC, &store, &err) ||
        !workflows_list(store, seed_demo_org, &rig.arena, &list, &n, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNTOF(names); i++) {
        const char *path = FORMAT(PARLEY_SOURCE_DIR "/deploy/workflows/%s.yaml", names[i]);
        struct workflow file = of_file(arena_cstr(&rig.arena, chat_file(&rig.arena, path)));
        struct str want = workflow_write(&rig.arena, &file);
        bool same = false;
        for (size_t k = 0; k < n; k++)
            same = same || str_eq(workflow_write(&rig.arena, &list[k]), want);
        if (!same)
            fail_msg("%s is not as the seed has it", names[i]);
    }
}

static void ord_3_only_what_is_sent_ships(void **state)
{
    (void)state;
    assert_true(in(detail(AMELIA, "ORD-1001", "en"), "ships").yes);
    assert_int_equal(in(detail(AMELIA, "REP-2001", "en"), "ships").kind, VALUE_NONE);
    assert_int_equal(length(load(AMELIA, "jobs_list", NULL)), 2);
    assert_int_equal(length(load(JAKUB, "jobs_list", NULL)), 0); /* his repair is done */
}

static void ord_4_a_date_that_moved_says_what_it_was(void **state)
{
    (void)state;
    struct value order = detail(AMELIA, "REP-2001", "en");
    assert_int_equal(in(order, "expected_at").time - in(order, "expected_was").time,
                     3 * USEC_PER_DAY);
    assert_int_equal(in(detail(AMELIA, "JOB-3001", "en"), "expected_was").kind, VALUE_NONE);
    struct value news = load(AMELIA, "updates_list", TAKES("until", ""));
    size_t moved = 0;
    for (size_t i = 0; i < length(news); i++) {
        if (strcmp(words(news.list->items[i], "kind"), "expected") != 0)
            continue;
        moved++;
        assert_string_equal(words(news.list->items[i], "number"), "REP-2001");
        assert_int_equal(in(news.list->items[i], "due").time, in(order, "expected_at").time);
    }
    assert_int_equal(moved, 1);
    run_sql(owner, "update orders set expected_was = expected_at where number = 'JOB-3001'");
    assert_int_equal(in(detail(AMELIA, "JOB-3001", "en"), "expected_was").kind, VALUE_NONE);
}

/* --- what may be seen ----------------------------------------------------------------------
 */

static bool mentions(struct value value, const char *mark)
{
    switch (value.kind) {
    case VALUE_TEXT:
        return str_find(value.text, str_from(mark)) < value.text.len;
    case VALUE_RECORD:
        for (size_t i = 0; i < value.record->n; i++) {
            if (mentions(value.record->fields[i].value, mark))
                return true;
        }
        return false;
    case VALUE_LIST:
        for (size_t i = 0; i < value.list->n; i++) {
            if (mentions(value.list->items[i], mark))
                return true;
        }
        return false;
    default:
        return false;
    }
}

/* Every load, asked by this customer about that number in every way. */
static bool any_load_mentions(const char *phone, const char *number, const char *tracking,
                              const char *mark)
{
    static const char *const names[] = {
        "orders_list", "order_by_number",    "order_timeline",       "order_shipments",
        "jobs_list",   "history_list",       "photo_groups",         "order_photos",
        "estimate_of", "estimates_awaiting", "shipments_by_tracking"};
    static const char *const categories[] = {"damage", "progress", "completed", "both"};
    for (size_t i = 0; i < COUNTOF(names); i++) {
        for (size_t c = 0; c < COUNTOF(categories); c++) {
            if (mentions(load(phone, names[i],
                              TAKES("number", number, "tracking", tracking, "category",
                                    categories[c])),
                         mark))
                return true;
        }
    }
    return false;
}

static void ord_5_what_is_not_visible_never_appears(void **state)
{
    (void)state;
    run_sql(owner,
            "insert into order_notes (org_id, order_id, note_id, at, author, body, visible)"
            " select org_id, order_id, md5(number)::uuid, now(), 'MARKED', 'MARKED', false"
            "   from orders;"
            "insert into order_photos (org_id, order_id, photo_id, category, caption,"
            "  taken_at, url, visible)"
            " select org_id, order_id, md5(number || c)::uuid, c, 'MARKED', now(),"
            "        'https://a.example/MARKED', false"
            "   from orders, unnest(array['damage', 'progress', 'completed']) c");
    assert_false(any_load_mentions(AMELIA, "REP-2001", "", "MARKED"));
    assert_false(any_load_mentions(AMELIA, "ORD-1003", "", "MARKED"));
    assert_int_equal(in(detail(AMELIA, "REP-2001", "en"), "photos_count").number, 3);
    assert_int_equal(in(detail(AMELIA, "ORD-1001", "en"), "photos_count").kind, VALUE_NONE);
    assert_int_equal(length(load(AMELIA, "photo_groups", TAKES("number", "ORD-1001"))), 0);
    run_sql(owner, "update order_notes set visible = true where body = 'MARKED'");
    assert_true(any_load_mentions(AMELIA, "REP-2001", "", "MARKED"));
    run_sql(owner, "delete from order_notes where body = 'MARKED';"
                   "delete from order_photos where caption = 'MARKED'");
}

static void ord_5_an_update_is_visible_at_once(void **state)
{
    (void)state;
    run_sql(owner,
            "update orders set status = 'ready', progress = 93 where number = 'REP-2001'");
    struct value order = detail(AMELIA, "REP-2001", "en");
    assert_string_equal(words(order, "status"), "ready");
    assert_int_equal(in(order, "progress").number, 93);
    run_sql(owner, "update orders set status = 'waiting_for_parts', progress = null"
                   " where number = 'REP-2001'");
    assert_int_equal(in(detail(AMELIA, "REP-2001", "en"), "progress").number, 55);
}

static void nobody_sees_what_is_another_customers(void **state)
{
    (void)state;
    static const char *const numbers[] = {"REP-2001", "2001", "JOB-3001", "ORD-1001",
                                          "REP-2003"};
    static const char *const marks[] = {"axle", "Lacing", "REP-2001", "Bearing", "REP-2003"};
    PGresult *parcel = PQexec(owner, "select tracking_number from shipments s join orders o"
                                     " using (org_id, order_id) where o.number = 'ORD-1001'");
    const char *tracking = PQgetvalue(parcel, 0, 0);
    assert_true(any_load_mentions(AMELIA, "REP-2001", tracking, "axle"));
    assert_true(any_load_mentions(AMELIA, "REP-2001", tracking, tracking));
    for (size_t i = 0; i < COUNTOF(numbers); i++) {
        for (size_t m = 0; m < COUNTOF(marks); m++)
            assert_false(any_load_mentions(LAYLA, numbers[i], tracking, marks[m]));
        assert_false(any_load_mentions(LAYLA, numbers[i], tracking, tracking));
        assert_string_equal(decide(LAYLA, numbers[i], "1", "approved"), "gone");
    }
    PQclear(parcel);
    assert_int_equal(
        ask_number(owner, "select count(*) from estimates where status = 'approved'"),
        1); /* the one that the seed brings */
}

/* --- photos --------------------------------------------------------------------------------
 */

static void ord_6_photos_come_by_category_and_as_before_and_after(void **state)
{
    (void)state;
    struct value groups = load(LAYLA, "photo_groups", TAKES("number", "rep 2002"));
    static const char *const want[] = {"both", "damage", "completed"};
    assert_int_equal(length(groups), COUNTOF(want));
    for (size_t i = 0; i < COUNTOF(want); i++)
        assert_string_equal(words(groups.list->items[i], "category"), want[i]);
    assert_int_equal(in(groups.list->items[0], "photos").number, 2);
    struct value both =
        load(LAYLA, "order_photos", TAKES("number", "REP-2002", "category", "both"));
    assert_string_equal(words(both.list->items[0], "category"), "damage");
    assert_string_equal(words(both.list->items[1], "category"), "completed");
    assert_true(str_starts(in(both.list->items[0], "url").text, STR("https://")));
    groups = load(AMELIA, "photo_groups", TAKES("number", "REP-2001"));
    assert_int_equal(length(groups), 2); /* nothing after, so no before and after */
    assert_int_equal(length(load(AMELIA, "order_photos",
                                 TAKES("number", "REP-2001", "category", "progress"))),
                     1);
    assert_int_equal(
        length(load(AMELIA, "order_photos", TAKES("number", "REP-2001", "category", "x"))), 0);
    assert_int_equal(length(load(AMELIA, "order_photos", TAKES("number", "REP-2001"))), 0);
}

static void ord_6_never_more_than_eight_photos_at_once(void **state)
{
    (void)state;
    run_sql(owner,
            "insert into order_photos (org_id, order_id, photo_id, category, taken_at, url)"
            " select org_id, order_id, md5('many' || i)::uuid, 'progress',"
            "        now() + i * interval '1 minute', 'https://a.example/' || i"
            "   from orders, generate_series(1, 30) i where number = 'JOB-3001'");
    struct value photos =
        load(AMELIA, "order_photos", TAKES("number", "JOB-3001", "category", "progress"));
    assert_int_equal(length(photos), 8);
    assert_string_equal(words(photos.list->items[7], "url"), "https://a.example/30");
    run_sql(owner, "delete from order_photos where url like 'https://a.example/%'");
}

/* --- history -------------------------------------------------------------------------------
 */

static void ord_7_history_has_what_is_finished_and_can_be_narrowed(void **state)
{
    (void)state;
    static const struct {
        const char *phone, *filter;
        size_t n;
    } cases[] = {
        {AMELIA,         "all",       2 },
        {AMELIA,         "parcels",   2 },
        {AMELIA,         "cancelled", 1 },
        {AMELIA,         "recent",    2 },
        {AMELIA,         "work",      0 },
        {JAKUB,          "work",      1 },
        {"+15550100003", "all",       11},
        {"+15550100003", "work",      1 },
        {"+15550100005", "all",       0 },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        size_t n =
            length(load(cases[i].phone, "history_list", TAKES("filter", cases[i].filter)));
        if (n != cases[i].n)
            fail_msg("%s, %s: %zu", cases[i].phone, cases[i].filter, n);
    }
    struct value page = load("+15550100003", "history_list", TAKES("offset", "0"));
    for (size_t i = 0; i + 1 < length(page); i++) {
        assert_true(in(page.list->items[i], "finished_at").time >=
                    in(page.list->items[i + 1], "finished_at").time);
    }
    assert_int_equal(length(load(AMELIA, "history_list", TAKES("words", "PUMP"))), 1);
    assert_int_equal(length(load(AMELIA, "history_list", TAKES("words", "lamp"))), 0);
    assert_int_equal(length(load(AMELIA, "history_list", TAKES("words", "%"))), 0);
}

/* --- estimates -----------------------------------------------------------------------------
 */

static void ord_8_an_estimate_is_decided_once(void **state)
{
    (void)state;
    struct value estimate = load(GRACE, "estimate_of", TAKES("number", "2003"));
    int64_t sum = 0;
    assert_string_equal(words(estimate, "state"), "awaiting");
    for (size_t i = 0; i < length(in(estimate, "items")); i++)
        sum += in(in(estimate, "items").list->items[i], "line_total").money.minor;
    assert_int_equal(sum, in(estimate, "subtotal").money.minor);
    assert_true(in(detail(GRACE, "REP-2003", "en"), "awaits").yes);
    assert_int_equal(length(load(GRACE, "estimates_awaiting", NULL)), 1);

    assert_string_equal(decide(GRACE, "REP-2003", "1", "approved"), "approved");
    assert_string_equal(decide(GRACE, "REP-2003", "1", "approved"), "already_decided");
    assert_string_equal(decide(GRACE, "REP-2003", "1", "declined"), "already_decided");
    const char *outcome;
    struct value told =
        ask(GRACE, "estimate_decide", &outcome,
            TAKES("number", "REP-2003", "version", "7", "decision", "declined"));
    assert_string_equal(words(told, "decided"), "approved");
    assert_int_equal(in(told, "decided_at").time, now);
    estimate = load(GRACE, "estimate_of", TAKES("number", "2003"));
    assert_string_equal(words(estimate, "state"), "approved");
    assert_int_equal(in(detail(GRACE, "REP-2003", "en"), "awaits").kind, VALUE_NONE);
    assert_string_equal(words(in(detail(GRACE, "REP-2003", "en"), "estimate"), "state"),
                        "approved");
    assert_int_equal(length(load(GRACE, "estimates_awaiting", NULL)), 0);
    assert_int_equal(ask_number(owner,
                                "select count(*) from audit where action like 'estimate.%'"
                                " and subject = 'REP-2003'"),
                     1);
}

static void ord_8_only_the_version_that_was_shown_can_be_decided_on(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "2", "", "1 ", "01", "one", "1; drop", "-1"};
    for (size_t i = 0; i < COUNTOF(wrong); i++)
        assert_string_equal(decide(MATEO, "JOB-3002", wrong[i], "approved"), "changed");
    const char *outcome;
    (void)ask(MATEO, "estimate_decide", &outcome,
              TAKES("number", "JOB-3002", "decision", "approved"));
    assert_string_equal(outcome, "changed");
    run_sql(owner, "update estimates set version = 2, total_minor = 99900 where order_id ="
                   " (select order_id from orders where number = 'JOB-3002')");
    assert_string_equal(decide(MATEO, "JOB-3002", "1", "approved"), "changed");
    assert_string_equal(decide(MATEO, "JOB-3002", "1", "declined"), "changed");
    assert_int_equal(in(load(MATEO, "estimate_of", TAKES("number", "3002")), "version").number,
                     2);
    assert_string_equal(decide(MATEO, "JOB-3002", "2", "declined"), "declined");
    assert_string_equal(decide(MATEO, "JOB-3002", "1", "approved"), "already_decided");
}

static void ord_8_an_estimate_ends_at_its_very_time(void **state)
{
    (void)state;
    run_sql(owner, "update estimates set expires_at = '2031-05-06 12:00Z' where order_id ="
                   " (select order_id from orders where number = 'REP-2001')");
    const usec_t end = 1935835200 * USEC_PER_SEC;
    usec_t before = now;
    now = end;
    assert_string_equal(decide(AMELIA, "REP-2001", "1", "approved"), "expired");
    assert_string_equal(words(load(AMELIA, "estimate_of", TAKES("number", "2001")), "state"),
                        "expired");
    assert_int_equal(length(load(AMELIA, "estimates_awaiting", NULL)), 0);
    now = end - 1;
    assert_int_equal(length(load(AMELIA, "estimates_awaiting", NULL)), 1);
    assert_string_equal(decide(AMELIA, "REP-2001", "1", "approved"), "approved");
    now = before;
    assert_string_equal(decide(BEA, "REP-2007", "1", "approved"), "expired");
}

static void ord_8_nothing_else_can_be_decided(void **state)
{
    (void)state;
    assert_string_equal(decide("+15550100013", "REP-2006", "1", "paid"), "gone");
    assert_string_equal(decide("+15550100013", "REP-2006", "1", "withdrawn"), "gone");
    assert_string_equal(decide("+15550100013", "REP-2006", "1", ""), "gone");
    assert_string_equal(decide("+15550100013", "nothing", "1", "approved"), "gone");
    assert_string_equal(decide("+15550100013", "\xff", "1", "approved"), "gone");
    run_sql(owner, "update estimates set status = 'withdrawn' where order_id ="
                   " (select order_id from orders where number = 'REP-2006')");
    assert_string_equal(decide("+15550100013", "REP-2006", "1", "approved"), "gone");
    assert_int_equal(load("+15550100013", "estimate_of", TAKES("number", "2006")).kind,
                     VALUE_NONE);
    run_sql(owner, "update estimates set status = 'awaiting' where order_id ="
                   " (select order_id from orders where number = 'REP-2006')");
}

/* --- two at once ---------------------------------------------------------------------------
 */

static PGconn *agnieszka(void)
{
    PGconn *conn = owner_connect();
    const char *id = uuid_str(&rig.arena, customer("+15550100013")).at;
    run_sql(conn, "set role parley_bot; set parley.org_id = '" ORG "'");
    run_sql(conn, FORMAT("set parley.customer_id = '%s'", id));
    return conn;
}

static const char *decision(const char *what, int id)
{
    static char sql[2][400];
    (void)snprintf(sql[id], sizeof(sql[id]),
                   "select outcome from estimate_decide('" ORG "',"
                   " current_setting('parley.customer_id')::uuid, 'REP-2006', '1', '%s', now(),"
                   " null, md5('audit%d')::uuid)",
                   what, id);
    return sql[id];
}

/* The first has decided and not yet committed when the second asks. */
static void ord_8_two_decisions_at_once_are_one(void **state)
{
    (void)state;
    static const char *const others[] = {"approved", "declined"};
    for (int i = 0; i < 4; i++) {
        bool commits = i < 2;
        PGconn *one = agnieszka();
        PGconn *two = agnieszka();
        run_sql(owner,
                "update estimates set status = 'awaiting', decided_at = null"
                " where order_id = (select order_id from orders where number = 'REP-2006');"
                "delete from audit where subject = 'REP-2006'");
        run_sql(one, "begin");
        PGresult *first = PQexec(one, decision("approved", 0));
        assert_string_equal(PQgetvalue(first, 0, 0), "approved");
        assert_int_equal(PQsendQuery(two, decision(others[i % 2], 1)), 1);
        for (int wait = 0; wait < 500 && ask_number(owner, "select count(*) from pg_locks"
                                                           " where not granted") == 0;
             wait++)
            (void)usleep(2000);
        run_sql(one, commits ? "commit" : "rollback");
        PGresult *second = PQgetResult(two);
        assert_int_equal(PQresultStatus(second), PGRES_TUPLES_OK);
        assert_string_equal(PQgetvalue(second, 0, 0),
                            commits ? "already_decided" : others[i % 2]);
        assert_int_equal(
            ask_number(owner, "select count(*) from audit where subject = 'REP-2006'"), 1);
        PQclear(first);
        PQclear(second);
        PQfinish(one);
        PQfinish(two);
    }
}

/* --- parcels -------------------------------------------------------------------------------
 */

static void trk_4_a_parcel_is_found_by_its_number_as_people_type_it(void **state)
{
    (void)state;
    run_sql(owner, "update shipments set tracking_number = '1Z 999-AA1 0123', url = ''"
                   " where order_id = (select order_id from orders where number = 'ORD-1001')");
    static const char *const forms[] = {"1Z999AA10123", "1z 999 aa1 0123", "1Z-999-AA10123.",
                                        "#1z999aa1 0123"};
    static const char *const none[] = {"1Z999AA1012", "", "1Z999AA10124", "%", "\xff"};
    for (size_t i = 0; i < COUNTOF(forms); i++) {
        struct value found = load(AMELIA, "shipments_by_tracking", TAKES("tracking", forms[i]));
        assert_int_equal(length(found), 1);
        assert_string_equal(words(found.list->items[0], "number"), "ORD-1001");
        assert_true(length(in(found.list->items[0], "events")) > 0);
        assert_int_equal(
            length(load(LAYLA, "shipments_by_tracking", TAKES("tracking", forms[i]))), 0);
    }
    for (size_t i = 0; i < COUNTOF(none); i++) {
        assert_int_equal(
            length(load(AMELIA, "shipments_by_tracking", TAKES("tracking", none[i]))), 0);
    }
}

static void trk_2_a_carriers_page_is_made_from_its_number(void **state)
{
    (void)state;
    static const struct {
        const char *carrier, *number, *begins;
    } cases[] = {
        {"UPS",       "1Z999AA10123456784", "https://www.ups.com/"                            },
        {"FedEx",     "4012 3456 7890",     "https://www.fedex.com/fedextrack/?trknbr=4012345"},
        {"U.S.P.S.",  "9400111899223197",   "https://tools.usps.com/"                         },
        {"dhl",       "2000000001",         "https://www.dhl.com/"                            },
        {"InPost",    "600000000000000000", "https://inpost.pl/"                              },
        {"Uncle Bob", "1234567",            ""                                                },
        {"UPS",       "123",                ""                                                },
        {"",          "1Z999AA10123456784", ""                                                },
    };
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        run_sql(owner,
                FORMAT("update shipments set carrier = '%s', tracking_number = '%s', url "
                       "= '' where order_id = (select order_id from orders where number "
                       "= 'ORD-1001')",
                       cases[i].carrier, cases[i].number));
        struct value parcels = load(AMELIA, "order_shipments", TAKES("number", "ORD-1001"));
        const char *url = words(parcels.list->items[0], "url");
        if (cases[i].begins[0] ? strstr(url, cases[i].begins) != url : url[0] != '\0')
            fail_msg("%s %s: %s", cases[i].carrier, cases[i].number, url);
    }
    run_sql(owner, "update shipments set url = 'https://own.example/1' where order_id ="
                   " (select order_id from orders where number = 'ORD-1001')");
    struct value parcels = load(AMELIA, "order_shipments", TAKES("number", "ORD-1001"));
    assert_string_equal(words(parcels.list->items[0], "url"), "https://own.example/1");
}

/* --- size ----------------------------------------------------------------------------------
 */

/* As a replica would copy them: checking each reference would take minutes. */
static const char many[] =
    "set session_replication_role = replica;"
    "insert into orders (org_id, order_id, number, customer_id, workflow, status, placed_at,"
    "  currency, subtotal_minor, total_minor)"
    " select '" ORG "', md5('many' || i)::uuid, 'MANY-' || i,"
    "        (array(select customer_id from customers where org_id = '" ORG "'"
    "                order by customer_id))[i % 19 + 1],"
    "        'repair', case when i % 50 = 0 then 'received' else 'completed' end,"
    "        now() - i * interval '1 minute', 'USD', 1, 1"
    "   from generate_series(1, 100000) i;"
    "insert into customers (org_id, customer_id, name) values"
    "  ('" ORG "', md5('quiet')::uuid, 'Quiet');"
    "insert into customer_phones values ('" ORG "', '+15550109999', md5('quiet')::uuid);"
    "update orders set customer_id = md5('quiet')::uuid where number in"
    "  ('MANY-1', 'MANY-50', 'MANY-51', 'MANY-99000');"
    "insert into shipments (org_id, order_id, shipment_id, carrier, tracking_number, status)"
    " select org_id, order_id, order_id, 'UPS', 'T' || number, 'in_transit' from orders"
    "  where number like 'MANY-%';"
    "insert into order_photos (org_id, order_id, photo_id, category, taken_at, url)"
    " select org_id, order_id, order_id, 'damage', placed_at, 'https://a.example/1' from orders"
    "  where number like 'MANY-%';"
    "insert into estimates (org_id, order_id, estimate_id, currency, subtotal_minor,"
    "  total_minor, issued_at)"
    " select org_id, order_id, order_id, 'USD', 1, 1, placed_at from orders"
    "  where number like 'MANY-%';"
    "insert into estimate_items (org_id, order_id, estimate_id, version, position, description,"
    "  qty, unit_minor, total_minor)"
    " select org_id, order_id, estimate_id, 1, 1, 'x', 1, 1, 1 from estimates e"
    "  where e.estimate_id = e.order_id;"
    "set session_replication_role = origin;"
    "analyze orders, shipments, order_photos, estimates, estimate_items, customers";

/* How many pages a load reads for a customer of four orders among a hundred thousand. */
static long pages_read(PGconn *conn, const struct part *part)
{
    static const char *const values[] = {"number",   "MANY-50", "language", "en",
                                         "category", "damage",  "tracking", "TMANY-50",
                                         "version",  "9",       "decision", "approved"};
    char sql[2000];
    size_t len = (size_t)snprintf(sql, sizeof(sql),
                                  "explain (analyze, buffers, format text)"
                                  " execute p('" ORG "', md5('quiet')::uuid");
    for (int i = 0; i + 2 < part->sql->n_params; i++) {
        const char *name = part->takes[i];
        const char *value = "null";
        char quoted[64];
        for (size_t v = 0; v < COUNTOF(values); v += 2) {
            if (strcmp(values[v], name) == 0) {
                (void)snprintf(quoted, sizeof(quoted), "'%s'", values[v + 1]);
                value = quoted;
            }
        }
        if (strcmp(name, "@now") == 0)
            value = "now()";
        if (strcmp(name, "@id") == 0)
            value = "md5('audit')::uuid";
        len += (size_t)snprintf(sql + len, sizeof(sql) - len, ", %s", value);
    }
    (void)snprintf(sql + len, sizeof(sql) - len, ")");
    PQclear(PQprepare(conn, "p", part->sql->text, 0, NULL));
    PGresult *plan = PQexec(conn, sql);
    long pages = 0;
    if (PQresultStatus(plan) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", part->name, PQerrorMessage(conn));
    for (int i = 0; i < PQntuples(plan); i++) {
        const char *line = PQgetvalue(plan, i, 0);
        const char *hit = strstr(line, "shared hit=");
        const char *read = strstr(line, "read=");
        if (strstr(line, "Seq Scan on orders") || strstr(line, "Seq Scan on estimates") ||
            strstr(line, "Seq Scan on shipments") || strstr(line, "Seq Scan on order_photos"))
            fail_msg("%s: %s", part->name, line);
        if (pages == 0 && (hit || read)) {
            pages = (hit ? strtol(hit + 11, NULL, 10) : 0) +
                    (read ? strtol(read + 5, NULL, 10) : 0);
        }
    }
    PQclear(plan);
    run_sql(conn, "deallocate p");
    return pages;
}

static void ord_1_a_customer_of_a_large_business_is_answered_by_index(void **state)
{
    (void)state;
    static const char *const names[] = {
        "order_figures",   "orders_list", "order_by_number",    "order_timeline",
        "order_shipments", "jobs_list",   "history_list",       "photo_groups",
        "order_photos",    "estimate_of", "estimates_awaiting", "shipments_by_tracking",
        "estimate_decide"};
    run_sql(owner, many);
    PGconn *conn = owner_connect();
    run_sql(conn, "set role parley_bot; set parley.org_id = '" ORG "';"
                  "set plan_cache_mode = force_generic_plan; set jit = off;"
                  "set enable_seqscan = off; set enable_hashjoin = off;"
                  "set enable_mergejoin = off; set enable_material = off;"
                  "set enable_bitmapscan = off");
    PGresult *quiet = PQexec(owner, "select md5('quiet')::uuid");
    run_sql(conn, FORMAT("set parley.customer_id = '%s'", PQgetvalue(quiet, 0, 0)));
    PQclear(quiet);
    for (size_t i = 0; i < COUNTOF(names); i++) {
        const struct part *part = parts_find(str_from(names[i]));
        (void)pages_read(conn, part); /* the catalog is read the first time */
        long pages = pages_read(conn, part);
        if (pages > 100)
            fail_msg("%s reads %ld pages", names[i], pages);
    }
    PQfinish(conn);
    assert_int_equal(length(load("+15550109999", "orders_list", NULL)), 4);
    assert_int_equal(length(load("+15550109999", "jobs_list", NULL)), 2);
    assert_int_equal(length(load("+15550109999", "history_list", NULL)), 2);
    assert_int_equal(length(load("+15550109999", "estimates_awaiting", NULL)), 4);
}

/* --- arranging -----------------------------------------------------------------------------
 */

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
    now = (usec_t)ask_number(owner, "select extract(epoch from now())::int8") * USEC_PER_SEC;
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
        cmocka_unit_test(ord_3_three_workflows_are_there_as_data),
        cmocka_unit_test(ord_3_the_three_workflows_come_as_files),
        cmocka_unit_test(ord_3_a_business_calls_a_status_what_it_likes),
        cmocka_unit_test(ord_3_our_words_are_said_where_the_business_has_none),
        cmocka_unit_test(ord_3_an_operator_writes_a_workflow_and_changes_it),
        cmocka_unit_test(ord_3_only_what_is_sent_ships),
        cmocka_unit_test(ord_4_a_date_that_moved_says_what_it_was),
        cmocka_unit_test(ord_5_what_is_not_visible_never_appears),
        cmocka_unit_test(ord_5_an_update_is_visible_at_once),
        cmocka_unit_test(nobody_sees_what_is_another_customers),
        cmocka_unit_test(ord_6_photos_come_by_category_and_as_before_and_after),
        cmocka_unit_test(ord_6_never_more_than_eight_photos_at_once),
        cmocka_unit_test(ord_7_history_has_what_is_finished_and_can_be_narrowed),
        cmocka_unit_test(ord_8_an_estimate_is_decided_once),
        cmocka_unit_test(ord_8_only_the_version_that_was_shown_can_be_decided_on),
        cmocka_unit_test(ord_8_an_estimate_ends_at_its_very_time),
        cmocka_unit_test(ord_8_nothing_else_can_be_decided),
        cmocka_unit_test(ord_8_two_decisions_at_once_are_one),
        cmocka_unit_test(trk_4_a_parcel_is_found_by_its_number_as_people_type_it),
        cmocka_unit_test(trk_2_a_carriers_page_is_made_from_its_number),
        cmocka_unit_test(ord_1_a_customer_of_a_large_business_is_answered_by_index),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, arrange, leave);
    store_shut();
    return failed;
}
