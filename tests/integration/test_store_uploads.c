/*
 * Messages that show a kept file, and the uploads that they wait for: whose files may go, what
 * a handle is good for, and a turn that promises while an upload ends. The whole way, with
 * deaths, is in test_service_photos.c.
 */
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/talks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define AMELIA 1 /* REP-2001 is hers */
#define LUCIA  2

static struct rig rig;
static PGconn *owner;
static usec_t now, lease; /* the lease is what a claim took, or what stands in a new row */

/* --- arranging -----------------------------------------------------------------------------
 */

#define FORMAT(...) (snprintf(text, sizeof(text), __VA_ARGS__), text)
static char text[2000];

static struct uuid md5_of(const char *name)
{
    return ask_id(owner, FORMAT("select md5('%s')::uuid", name));
}

static struct uuid account(void)
{
    return ask_id(owner, "select account_id from accounts where channel = 'whatsapp' limit 1");
}

/* A message of the conversation, promised as a turn does. */
static void promise(int seq)
{
    run_sql(owner,
            FORMAT("insert into messages (org_id, conversation_id, seq, inbound, kind, body,"
                   " at) select org_id, md5('talk')::uuid, %d, false, 'image', '{}', now()"
                   " from businesses limit 1",
                   seq));
    run_sql(owner, FORMAT("insert into outbox (org_id, lane_id, conversation_id, seq, due_at)"
                          " select org_id, account_id, md5('talk')::uuid, %d, now()"
                          " from accounts where channel = 'whatsapp'",
                          seq));
}

static void keep_file(const char *name, const char *state, const char *owner_of)
{
    run_sql(
        owner,
        FORMAT("insert into documents (org_id, document_id, customer_id, handle, kind, at,"
               " expires_at, due_at, state, open, ticketed, sha256, mime, size)"
               " select org_id, md5('%s')::uuid, %s, '', 'image', now(), now(), now(), '%s',"
               " false, true, sha256('%s'), 'image/png', 9 from businesses limit 1",
               name, owner_of, state, name));
}

static void add_photo(const char *name, const char *number, const char *visible)
{
    run_sql(owner,
            FORMAT("insert into order_photos (org_id, order_id, photo_id, category, taken_at,"
                   " document_id, visible) select org_id, order_id, gen_random_uuid(),"
                   " 'damage', now(), md5('%s')::uuid, %s from orders where number = '%s'",
                   name, visible, number));
}

static int clean(void **state)
{
    (void)state;
    lease = now = clock_now();
    run_sql(owner,
            "truncate ticket_answers, ticket_documents, tickets, documents, outbox, messages,"
            " uploads, order_photos");
    keep_file("a", "kept", "null");
    add_photo("a", "REP-2001", "true");
    return 0;
}

/* --- statements of the shell ---------------------------------------------------------------
 */

static void run(const struct sql *sql, const struct db_param *params, struct called *called)
{
    *called = (struct called){.done = false};
    call_init(&called->call, &rig.arena, seed_demo_org);
    call_add(&called->call, sql, params);
    wait_call(&rig, called);
    if (called->call.err.code != ERR_NONE)
        fail_msg("%s: %s", sql->name, called->call.err.text);
}

static struct db_param *params(size_t n)
{
    struct db_param *made = arena_array(&rig.arena, struct db_param, n);

    made[0] = param_uuid(&rig.arena, seed_demo_org);
    return made;
}

/* What a turn of that customer says of its message. */
static void show_by(int seq, const char *document, int customer, bool beforehand)
{
    struct db_array arrays[6];
    static const enum db_type types[] = {DB_UUID, DB_UUID, DB_INT8, DB_UUID, DB_UUID, DB_BOOL};
    struct db_param *values = params(9);
    struct called called;

    for (size_t i = 0; i < COUNTOF(types); i++)
        array_init(&arrays[i], &rig.arena, types[i]);
    array_uuid(&arrays[0], account());
    array_uuid(&arrays[1], md5_of("talk"));
    array_int(&arrays[2], seq);
    array_uuid(&arrays[3], md5_of(document));
    if (customer > 0) {
        struct uuid id =
            ask_id(owner, FORMAT("select md5('larkfield/customer/%d')::uuid", customer));
        array_uuid(&arrays[4], id);
    } else {
        array_null(&arrays[4]);
    }
    array_bool(&arrays[5], beforehand);
    for (size_t i = 0; i < 5; i++)
        values[1 + i] = param_array(&arrays[i]);
    values[8] = param_array(&arrays[5]);
    values[6] = param_time(&rig.arena, now);
    values[7] = param_time(&rig.arena, now - 25 * USEC_PER_DAY);
    run(&SQL_TURN_FILES, values, &called);
    called_clear(&called);
}

static void show(int seq, const char *document, int customer)
{
    show_by(seq, document, customer, true);
}

static int claim(usec_t at)
{
    struct db_param *values = params(4);
    struct called called;

    lease = at + USEC_PER_MIN;
    values[1] = param_time(&rig.arena, at);
    values[2] = param_time(&rig.arena, lease);
    values[3] = param_int4(&rig.arena, 10);
    run(&SQL_UPLOADS_CLAIM, values, &called);
    int n = rows_n(called.results[0]);
    called_clear(&called);
    return n;
}

/* Both statements of an end, as upload_one.c has them. */
static void end(const struct sql *first, const struct sql *second, const char *document,
                const char *word)
{
    bool ready = first == &SQL_UPLOAD_READY;
    struct db_param *values = params(6);
    struct called called = {.done = false};

    values[1] = param_uuid(&rig.arena, account());
    values[2] = param_uuid(&rig.arena, md5_of(document));
    values[3] = param_text(str_from(word));
    values[4] = param_time(&rig.arena, ready ? now : lease);
    values[5] = ready ? param_time(&rig.arena, lease) : param_int4(&rig.arena, 131053);
    call_init(&called.call, &rig.arena, seed_demo_org);
    call_add(&called.call, first, values);
    call_add(&called.call, second, values);
    wait_call(&rig, &called);
    assert_int_equal(called.call.err.code, ERR_NONE);
    called_clear(&called);
}

static long outbox(const char *where)
{
    char sql[300];

    (void)snprintf(sql, sizeof sql, "select count(*) from outbox where %s", where);
    return ask_number(owner, sql);
}

/* --- tests ---------------------------------------------------------------------------------
 */

static void ch_2_a_message_waits_for_its_file_and_names_it(void **state)
{
    (void)state;
    promise(1);
    show(1, "a", AMELIA);
    assert_int_equal(outbox("state = 5 and media_id is null and document_id = md5('a')::uuid"),
                     1);
    assert_int_equal(claim(now), 1);
    assert_int_equal(claim(now), 0); /* another has it */
    promise(2);
    show(2, "a", AMELIA); /* and the lease stays as it is */
    assert_int_equal(claim(now), 0);
    end(&SQL_UPLOAD_READY, &SQL_UPLOAD_RELEASE, "a", "77");
    assert_int_equal(outbox("state = 0 and media_id = '77'"), 2);
    promise(3);
    show(3, "a", AMELIA);
    assert_int_equal(outbox("state = 0 and media_id = '77'"), 3);
    assert_int_equal(claim(now + USEC_PER_HOUR), 0);
}

static void ch_2_an_upload_whose_worker_died_is_due_again(void **state)
{
    (void)state;
    promise(1);
    show(1, "a", AMELIA);
    assert_int_equal(claim(now), 1);
    assert_int_equal(claim(now + 2 * USEC_PER_MIN), 1);
    assert_int_equal(ask_number(owner, "select attempts from uploads"), 2);
    assert_int_equal(outbox("state = 5"), 1);
}

static void later(const char *document)
{
    struct db_param *values = params(7);
    struct called called;

    values[1] = param_uuid(&rig.arena, account());
    values[2] = param_uuid(&rig.arena, md5_of(document));
    values[3] = param_time(&rig.arena, now);
    values[4] = param_int4(&rig.arena, 0);
    values[5] = param_text(STR("later"));
    values[6] = param_time(&rig.arena, lease);
    run(&SQL_UPLOAD_LATER, values, &called);
    called_clear(&called);
}

/* Two workers with one file: the first slept past its lease. What it says then, be it good or
 * bad, is not said to messages that wait for the second, nor to those that came afterwards. */
static void ch_2_who_slept_past_its_lease_ends_no_upload(void **state)
{
    (void)state;
    usec_t first, second;

    promise(1);
    show(1, "a", AMELIA);
    assert_int_equal(claim(now), 1);
    first = lease;
    assert_int_equal(claim(now + 2 * USEC_PER_MIN), 1);
    second = lease;
    lease = first;
    end(&SQL_UPLOAD_REFUSED, &SQL_UPLOAD_DROP, "a", "old");
    end(&SQL_UPLOAD_READY, &SQL_UPLOAD_RELEASE, "a", "old");
    later("a");
    assert_int_equal(outbox("state = 5 and media_id is null"), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from uploads where open and attempts = 2"
                                " and media_id is null and reason is null"),
                     1);
    assert_int_equal(claim(now + 2 * USEC_PER_MIN), 0); /* the second has it, still */
    lease = second;
    end(&SQL_UPLOAD_READY, &SQL_UPLOAD_RELEASE, "a", "77");
    assert_int_equal(outbox("state = 0 and media_id = '77'"), 1);
    now += 26 * USEC_PER_DAY; /* the handle is not trusted any more, and another waits */
    promise(2);
    show(2, "a", AMELIA);
    lease = first;
    end(&SQL_UPLOAD_READY, &SQL_UPLOAD_RELEASE, "a", "old");
    end(&SQL_UPLOAD_REFUSED, &SQL_UPLOAD_DROP, "a", "old");
    assert_int_equal(outbox("seq = 2 and state = 5 and media_id is null"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where reason = 'old'"),
                     0);
}

static void ch_2_a_handle_is_not_trusted_to_its_end(void **state)
{
    (void)state;
    promise(1);
    show(1, "a", AMELIA);
    end(&SQL_UPLOAD_READY, &SQL_UPLOAD_RELEASE, "a", "77");
    now += 24 * USEC_PER_DAY;
    promise(2);
    show(2, "a", AMELIA);
    assert_int_equal(outbox("media_id = '77'"), 2);
    now += 2 * USEC_PER_DAY;
    promise(3);
    show(3, "a", AMELIA);
    assert_int_equal(outbox("state = 5 and media_id is null"), 1);
    assert_int_equal(claim(now), 1);
    assert_int_equal(ask_number(owner, "select attempts from uploads"), 1);
}

static void ch_2_what_is_refused_ends_all_that_wait_and_no_others(void **state)
{
    (void)state;
    keep_file("b", "kept", "null");
    add_photo("b", "REP-2001", "true");
    for (int i = 1; i <= 3; i++)
        promise(i);
    show(1, "a", AMELIA);
    show(2, "a", AMELIA);
    show(3, "b", AMELIA);
    end(&SQL_UPLOAD_REFUSED, &SQL_UPLOAD_DROP, "a", "too ugly");
    assert_int_equal(outbox("true"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 2"
                                       " and reason = 'too ugly' and error = 131053"),
                     2);
    promise(4); /* settings change: it is tried anew */
    show(4, "a", AMELIA);
    assert_int_equal(ask_number(owner, "select count(*) from uploads where open"), 2);
    assert_int_equal(ask_number(owner, "select attempts from uploads where document_id ="
                                       " md5('a')::uuid"),
                     0);
}

/* The turn holds the upload's row until it is committed; whoever ends the upload waits for it.
 */
static void ch_2_a_turn_that_promises_while_the_upload_ends_is_not_left_waiting(void **state)
{
    (void)state;
    PGconn *turn = owner_connect();

    promise(1);
    show(1, "a", AMELIA);
    promise(2);
    run_sql(turn, "begin");
    run_sql(turn, "update uploads set open = media_id is null");
    run_sql(turn, "update outbox set state = 5, document_id = md5('a')::uuid where seq = 2");

    struct db_param *values = params(6);
    struct called called = {.done = false};
    values[1] = param_uuid(&rig.arena, account());
    values[2] = param_uuid(&rig.arena, md5_of("a"));
    values[3] = param_text(STR("77"));
    values[4] = param_time(&rig.arena, now);
    values[5] = param_time(&rig.arena, lease);
    call_init(&called.call, &rig.arena, seed_demo_org);
    call_add(&called.call, &SQL_UPLOAD_READY, values);
    call_add(&called.call, &SQL_UPLOAD_RELEASE, values);
    called.call.done = called_done;
    db_call(rig.db, &called.call);
    turn_for(&rig, 200 * USEC_PER_MSEC);
    assert_false(called.done);
    run_sql(turn, "commit");
    turn_until(&rig, &called.done, 10 * USEC_PER_SEC);
    assert_int_equal(called.call.err.code, ERR_NONE);
    called_clear(&called);
    assert_int_equal(outbox("state = 0 and media_id = '77'"), 2);
    PQfinish(turn);
}

static void ord_6_only_the_customers_own_files_go_out(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int customer;
        bool goes;
    } asked[] = {
        {"a",       AMELIA, true },
        {"a",       LUCIA,  false}, /* a photo of another's order */
        {"a",       0,      false}, /* nobody that we know */
        {"hidden",  AMELIA, false},
        {"loose",   AMELIA, false}, /* of no order */
        {"gone",    AMELIA, false},
        {"nowhere", AMELIA, false},
        {"sent",    AMELIA, true }, /* which she sent herself */
        {"sent",    LUCIA,  false},
    };

    keep_file("hidden", "kept", "null");
    add_photo("hidden", "REP-2001", "false");
    keep_file("loose", "kept", "null");
    keep_file("gone", "gone", "null");
    add_photo("gone", "REP-2001", "true");
    keep_file("sent", "kept", "md5('larkfield/customer/1')::uuid");
    for (size_t i = 0; i < COUNTOF(asked); i++) {
        promise((int)i + 1);
        show((int)i + 1, asked[i].file, asked[i].customer);
        if (outbox(FORMAT("seq = %zu", i + 1)) != asked[i].goes)
            fail_msg("%s for %d", asked[i].file, asked[i].customer);
    }
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 2"
                                       " and reason = 'the file is not theirs'"),
                     7);
    assert_int_equal(ask_number(owner, "select count(*) from uploads"), 2);
}

/* Where files go along with messages, nothing waits, and what is not theirs does not go either.
 */
static void ord_6_without_an_upload_the_same_files_go(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int customer;
        bool goes;
    } asked[] = {
        {"a",       AMELIA, true },
        {"a",       LUCIA,  false},
        {"a",       0,      false},
        {"gone",    AMELIA, false},
        {"nowhere", AMELIA, false},
    };

    keep_file("gone", "gone", "null");
    add_photo("gone", "REP-2001", "true");
    for (size_t i = 0; i < COUNTOF(asked); i++) {
        promise((int)i + 1);
        show_by((int)i + 1, asked[i].file, asked[i].customer, false);
        if (outbox(FORMAT("seq = %zu and state = 0 and document_id is not null", i + 1)) !=
            asked[i].goes)
            fail_msg("%s for %d", asked[i].file, asked[i].customer);
    }
    assert_int_equal(outbox("true"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from uploads"), 0);
}

static void ch_2_stop_takes_back_what_waits_for_a_file(void **state)
{
    (void)state;
    struct db_array contacts;
    struct db_param *values = params(3);
    struct called called;

    promise(1);
    show(1, "a", AMELIA);
    array_init(&contacts, &rig.arena, DB_UUID);
    array_uuid(&contacts, md5_of("talk"));
    values[1] = param_array(&contacts);
    values[2] = param_time(&rig.arena, now);
    run(&SQL_TURN_STOP_OUTBOX, values, &called);
    called_clear(&called);
    assert_int_equal(outbox("true"), 0);
}

/* --- the frame -----------------------------------------------------------------------------
 */

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig, &(struct db_options){.connections = 2, .role = "parley_bot"});
    return clean(state);
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static int arrange(void)
{
    struct seed_options options = {
        .url = store_pg.url, .phone_number_id = "106540352242922", .app = "demo"};
    struct seed_counts counts;
    struct err err = {0};

    if (!seed_demo(&options, &counts, &err))
        return -1;
    run_sql(owner, "insert into contact_points (org_id, contact_id, channel, address, phone,"
                   " customer_id) select org_id, md5('talk')::uuid, 'whatsapp', '+15550100001',"
                   " '+15550100001', md5('larkfield/customer/1')::uuid from businesses;"
                   "insert into conversations (org_id, conversation_id, account_id, contact_id)"
                   " select org_id, md5('talk')::uuid, account_id, md5('talk')::uuid"
                   " from accounts where channel = 'whatsapp'");
    return 0;
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(ch_2_a_message_waits_for_its_file_and_names_it),
        FRESH(ch_2_an_upload_whose_worker_died_is_due_again),
        FRESH(ch_2_who_slept_past_its_lease_ends_no_upload),
        FRESH(ch_2_a_handle_is_not_trusted_to_its_end),
        FRESH(ch_2_what_is_refused_ends_all_that_wait_and_no_others),
        FRESH(ch_2_a_turn_that_promises_while_the_upload_ends_is_not_left_waiting),
        FRESH(ord_6_only_the_customers_own_files_go_out),
        FRESH(ord_6_without_an_upload_the_same_files_go),
        FRESH(ch_2_stop_takes_back_what_waits_for_a_file),
    };

    store_open();
    owner = owner_connect();
    int failed = arrange() != 0 || cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(owner);
    store_shut();
    return failed;
}
