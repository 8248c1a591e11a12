/*
 * Reports and their files in the database: what actions answer, whose rows they are, and who
 * may fetch what when. A file's way through its states is played by hand here; the whole way,
 * with deaths, is in tests/e2e/media.mjs.
 */
#include "bot/base/crypto.h"
#include "store/parts.h"
#include "store/seed.h"
#include "store/sql.h"
#include "tests/support/talks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define AMELIA 1
#define LUCIA  2

static struct rig rig;
static PGconn *owner;
static usec_t now, lease; /* the lease is what a claim took, or what stands in a new row */

static struct uuid customer(int n)
{
    char sql[100];
    (void)snprintf(sql, sizeof sql, "select md5('larkfield/customer/%d')::uuid", n);
    return ask_id(owner, sql);
}

static struct uuid conversation(int n)
{
    char sql[100];
    (void)snprintf(sql, sizeof sql, "select md5('talk/%d')::uuid", n);
    return ask_id(owner, sql);
}

static struct uuid fresh(void)
{
    return ask_id(owner, "select gen_random_uuid()");
}

/* --- parts, as flows use them ----------------------------------------------------------------
 */

struct take {
    const char *name;
    const char *text;
};

static struct value act(int who, const char *name, const struct take *takes, size_t n)
{
    struct called called = {.done = false};
    const struct part *part = parts_find(str_from(name));
    struct record_builder record;
    struct err err = {0};
    struct value answer;
    const char *outcome;

    assert_non_null(part);
    record_build(&record, &rig.arena);
    for (size_t i = 0; i < n; i++)
        record_set(&record, str_from(takes[i].name), value_text(str_from(takes[i].text)));
    struct part_frame frame = {.org = seed_demo_org,
                               .customer = customer(who),
                               .conversation = conversation(who),
                               .contact = conversation(who),
                               .now = now,
                               .id = fresh()};
    call_init(&called.call, &rig.arena, seed_demo_org);
    called.call.customer = frame.customer;
    call_add(&called.call, part->sql,
             part_params(&rig.arena, part, &frame, record_built(&record)));
    wait_call(&rig, &called);
    if (called.call.err.code != ERR_NONE)
        fail_msg("%s: %s", name, called.call.err.text);
    if (!part_answer(&rig.arena, part, called.results[0], &answer, &outcome, &err))
        fail_msg("%s", err.text);
    called_clear(&called);
    return answer;
}

#define ACT(who, name, ...)                                                                    \
    act(who, name, (const struct take[]){__VA_ARGS__},                                         \
        sizeof((const struct take[]){__VA_ARGS__}) / sizeof(struct take))

static const char *text_in(struct value value, const char *name)
{
    struct value field;
    assert_int_equal(value.kind, VALUE_RECORD);
    field = record_get(value.record, str_from(name));
    return field.kind == VALUE_TEXT ? arena_cstr(&rig.arena, field.text) : "";
}

static int64_t number_in(struct value value, const char *name)
{
    struct value field = record_get(value.record, str_from(name));
    return field.kind == VALUE_INT ? field.number : 0;
}

static struct value open_ticket(int who, const char *story, const char *files)
{
    return ACT(who, "ticket_open", {"kind", "damaged"}, {"description", story},
               {"email", "a@example.com"}, {"files", files});
}

/* --- statements of the shell
 * -------------------------------------------------------------------
 */

/* Run one in nobody's name; what it gives is looked at by `look`. */
static int64_t tell_of(const struct sql *sql, const struct db_param *params,
                       int64_t (*look)(const PGresult *rows))
{
    struct called called = {.done = false};
    int64_t got;

    call_init(&called.call, &rig.arena, seed_demo_org);
    call_add(&called.call, sql, params);
    wait_call(&rig, &called);
    if (called.call.err.code != ERR_NONE)
        fail_msg("%s: %s", sql->name, called.call.err.text);
    got = look(called.results[0]);
    called_clear(&called);
    return got;
}

static int64_t count_rows(const PGresult *rows)
{
    return rows_n(rows);
}

static int64_t count_changed(const PGresult *rows)
{
    return rows_changed(rows);
}

static struct db_param *params(size_t n)
{
    struct db_param *made = arena_array(&rig.arena, struct db_param, n);
    made[0] = param_uuid(&rig.arena, seed_demo_org);
    return made;
}

static int64_t claim(usec_t at, int most)
{
    struct db_param *values = params(5);
    lease = at + USEC_PER_MIN;
    values[1] = param_time(&rig.arena, at);
    values[2] = param_time(&rig.arena, lease);
    values[3] = param_int4(&rig.arena, most);
    values[4] = param_int4(&rig.arena, most);
    return tell_of(&SQL_DOCUMENTS_CLAIM, values, count_rows);
}

static struct db_param document_of(const char *handle)
{
    char sql[200];
    (void)snprintf(sql, sizeof sql, "select document_id from documents where handle = '%s'",
                   handle);
    return param_uuid(&rig.arena, ask_id(owner, sql));
}

static int64_t say_storing(const char *handle, const char *bytes)
{
    struct hash hash = sha256(str_from(bytes));
    struct db_param *values = params(8);
    values[1] = document_of(handle);
    values[2] =
        param_text(arena_str(&rig.arena, (struct str){(const char *)hash.bytes, HASH_LEN}));
    values[3] = param_int8(&rig.arena, 1);
    values[4] = param_text(STR("image/jpeg"));
    values[5] = values[6] = param_int4(&rig.arena, 0);
    values[7] = param_time(&rig.arena, lease);
    return tell_of(&SQL_DOCUMENTS_STORING, values, count_changed);
}

static int64_t end_file(const char *handle, const char *state)
{
    struct db_param *values = params(6);
    values[1] = document_of(handle);
    values[2] = param_text(str_from(state));
    values[3] = param_text(STR("lost"));
    values[4] = param_time(&rig.arena, now);
    values[5] = param_time(&rig.arena, lease);
    return tell_of(&SQL_DOCUMENTS_END, values, count_rows);
}

static int64_t say_kept(const char *handle)
{
    struct db_param *values = params(4);
    values[1] = document_of(handle);
    values[2] = param_time(&rig.arena, now);
    values[3] = param_time(&rig.arena, lease);
    return tell_of(&SQL_DOCUMENTS_KEPT, values, count_rows);
}

static int64_t say_later(const char *handle)
{
    struct db_param *values = params(6);
    values[1] = document_of(handle);
    values[2] = param_time(&rig.arena, now);
    values[3] = param_text(STR("later"));
    values[4] = param_time(&rig.arena, lease);
    values[5] = param_bool(&rig.arena, false);
    return tell_of(&SQL_DOCUMENTS_LATER, values, count_changed);
}

static int64_t say_closed(const char *handle)
{
    char sql[200];
    struct db_param *values = params(3);
    values[1] = document_of(handle);
    values[2] = param_time(&rig.arena, lease);
    (void)tell_of(&SQL_DOCUMENTS_CLOSED, values, count_changed);
    (void)snprintf(sql, sizeof sql,
                   "select count(*) from documents where handle = '%s' and open", handle);
    return ask_number(owner, sql);
}

static int64_t say_stray(const char *bytes)
{
    struct hash hash = sha256(str_from(bytes));
    struct db_param *values = params(4);
    values[1] = param_uuid(&rig.arena, fresh());
    values[2] =
        param_text(arena_str(&rig.arena, (struct str){(const char *)hash.bytes, HASH_LEN}));
    values[3] = param_time(&rig.arena, now);
    return tell_of(&SQL_DOCUMENTS_STRAY, values, count_changed);
}

static int64_t untold(int who)
{
    struct db_param *values = params(3);
    values[1] = param_uuid(&rig.arena, conversation(who));
    values[2] = param_time(&rig.arena, now);
    return tell_of(&SQL_DOCUMENTS_UNTOLD, values, count_rows);
}

static int64_t tell(int who)
{
    struct db_param *values = params(4);
    values[1] = param_uuid(&rig.arena, conversation(who));
    values[2] = param_text(STR("{\"kind\":\"text\",\"body\":\"x\"}"));
    values[3] = param_time(&rig.arena, now);
    return tell_of(&SQL_DOCUMENTS_TELL, values, count_changed);
}

/* --- arranging
 * ----------------------------------------------------------------------------------
 */

static void want(int who, const char *handle)
{
    char sql[700];
    (void)snprintf(
        sql, sizeof sql,
        "insert into documents (org_id, document_id, conversation_id, account_id, customer_id,"
        " handle, kind, at, expires_at, due_at)"
        " select org_id, gen_random_uuid(), conversation_id, account_id,"
        "        md5('larkfield/customer/%d')::uuid, '%s', 'image', now(), now() + '7 days',"
        "        to_timestamp(%lld / 1000000.0)"
        "   from conversations where conversation_id = md5('talk/%d')::uuid",
        who, handle, (long long)now, who);
    run_sql(owner, sql);
}

static int clean(void **state)
{
    (void)state;
    lease = now = clock_now();
    run_sql(owner,
            "truncate ticket_answers, ticket_documents, tickets, documents, outbox, messages,"
            " fallbacks;"
            "update businesses set settings = '{}'");
    return 0;
}

/* --- tests
 * ---------------------------------------------------------------------------------------
 */

static void iss_1_a_report_gets_a_number_and_a_promise(void **state)
{
    (void)state;
    struct value opened =
        ACT(AMELIA, "ticket_open", {"number", "ORD-1001"}, {"kind", "damaged"},
            {"description", "It is cracked."}, {"email", "a@example.com"});

    assert_string_equal(text_in(opened, "outcome"), "opened");
    assert_int_equal(
        ask_number(owner, "select count(*) from tickets where number ~ "
                          "'^T-[BCDFGHJKMNPQRSTVWXZ]{4}-[BCDFGHJKMNPQRSTVWXZ]{4}$' and "
                          "due_at = created_at + interval '24 hours' and order_id is not null "
                          "and contact_email = 'a@example.com' and contact_phone like '+%'"),
        1);
    struct value shown = ACT(AMELIA, "ticket_by_number", {"ticket", text_in(opened, "ticket")});
    assert_string_equal(text_in(shown, "order_number"), "ORD-1001");
    assert_string_equal(text_in(shown, "description"), "It is cracked.");
    assert_int_equal(ACT(AMELIA, "tickets_list", {"offset", "0"}).list->n, 1);
    /* nobody else's */
    assert_int_equal(ACT(LUCIA, "ticket_by_number", {"ticket", text_in(opened, "ticket")}).kind,
                     VALUE_NONE);
    assert_int_equal(ACT(LUCIA, "tickets_list", {"offset", "nonsense"}).list->n, 0);
}

static void iss_1_numbers_are_no_sequence(void **state)
{
    (void)state;
    assert_int_equal(ask_number(owner, "select count(distinct ticket_number())"
                                       " from generate_series(1, 5000)"),
                     5000);
    assert_int_equal(ask_number(owner, "select count(*) from generate_series(1, 2000), "
                                       "ticket_number() n where n !~ "
                                       "'^T-[B-Z]{4}-[B-Z]{4}$'"),
                     0);
}

static void iss_1_what_cannot_be_opened_is_an_outcome(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "x",          "@",        "a@b", "a b@example.com", "a@example.com>", "a@@example.com",
        "a@example.", "\"'; drop"};

    for (size_t i = 0; i < COUNTOF(addresses); i++) {
        struct value refused = ACT(AMELIA, "ticket_open", {"kind", "other"},
                                   {"description", "Something."}, {"email", addresses[i]});
        if (strcmp(text_in(refused, "outcome"), "bad_email") != 0)
            fail_msg("%s: %s", addresses[i], text_in(refused, "outcome"));
    }
    assert_string_equal(text_in(ACT(AMELIA, "ticket_open", {"number", "ORD-9999"},
                                    {"kind", "other"}, {"description", "Something."}),
                                "outcome"),
                        "no_order");
    /* another customer's order is none */
    PGresult *theirs = PQexec(owner, "select number from orders where customer_id = "
                                     "md5('larkfield/customer/3')::uuid limit 1");
    const char *number = arena_cstr(&rig.arena, str_from(PQgetvalue(theirs, 0, 0)));
    PQclear(theirs);
    assert_string_equal(text_in(ACT(AMELIA, "ticket_open", {"number", number},
                                    {"kind", "other"}, {"description", "Something."}),
                                "outcome"),
                        "no_order");
    assert_int_equal(ask_number(owner, "select count(*) from tickets"), 0);
}

static void iss_1_the_same_report_twice_is_one(void **state)
{
    (void)state;
    struct value first = open_ticket(AMELIA, "It is cracked.", "");
    struct value again = open_ticket(AMELIA, "It is cracked.", "");

    assert_string_equal(text_in(again, "outcome"), "twice");
    assert_string_equal(text_in(again, "ticket"), text_in(first, "ticket"));
    assert_string_equal(text_in(open_ticket(AMELIA, "And more.", ""), "outcome"), "opened");
    assert_string_equal(text_in(open_ticket(LUCIA, "It is cracked.", ""), "outcome"), "opened");
    now += 2 * USEC_PER_HOUR;
    assert_string_equal(text_in(open_ticket(AMELIA, "It is cracked.", ""), "outcome"),
                        "opened");
}

static PGconn *amelias(void)
{
    PGconn *conn = owner_connect();
    char sql[400], org[UUID_TEXT_LEN + 1], her[UUID_TEXT_LEN + 1];

    uuid_format(seed_demo_org, org);
    uuid_format(customer(AMELIA), her);
    (void)snprintf(
        sql, sizeof sql,
        "set role parley_bot; set parley.org_id = '%s'; set parley.customer_id = '%s'", org,
        her);
    run_sql(conn, sql);
    return conn;
}

/* From her telephone and from her page at the same moment. */
static void iss_1_the_same_report_from_two_places_at_once_is_one(void **state)
{
    (void)state;
    static const char same[] =
        "select outcome from ticket_open(current_setting('parley.org_id')::uuid,"
        " current_setting('parley.customer_id')::uuid, '', 'damaged', 'It is cracked.', '', '',"
        " gen_random_uuid(), md5('talk/1')::uuid, md5('talk/1')::uuid, now())";
    PGconn *phone = amelias(), *page = amelias();
    PGresult *answer;

    run_sql(phone, "begin");
    answer = PQexec(phone, same);
    assert_string_equal(PQgetvalue(answer, 0, 0), "opened");
    PQclear(answer);
    assert_int_equal(PQsendQuery(page, same), 1);
    while (ask_number(owner, "select count(*) from pg_stat_activity where wait_event_type ="
                             " 'Lock' and query like '%ticket_open%'") == 0 &&
           PQconsumeInput(page) && PQisBusy(page))
        (void)usleep(10000);
    run_sql(phone, "commit");
    answer = PQgetResult(page);
    assert_string_equal(PQgetvalue(answer, 0, 0), "twice");
    PQclear(answer);
    assert_int_equal(ask_number(owner, "select count(*) from tickets"), 1);
    PQfinish(phone);
    PQfinish(page);
}

static void iss_1_a_day_has_a_most(void **state)
{
    (void)state;
    char story[40];

    for (int i = 0; i < 10; i++) {
        (void)snprintf(story, sizeof story, "It is cracked, %d.", i);
        assert_string_equal(text_in(open_ticket(AMELIA, story, ""), "outcome"), "opened");
    }
    assert_string_equal(text_in(open_ticket(AMELIA, "One more.", ""), "outcome"), "too_many");
    run_sql(owner, "update businesses set settings = '{\"tickets_a_day\": 11}'");
    assert_string_equal(text_in(open_ticket(AMELIA, "One more.", ""), "outcome"), "opened");
    run_sql(owner, "update businesses set settings = '{\"tickets_a_day\": \"many\"}'");
    assert_string_equal(text_in(open_ticket(AMELIA, "And more.", ""), "outcome"), "too_many");
    now += 25 * USEC_PER_HOUR;
    assert_string_equal(text_in(open_ticket(AMELIA, "Next day.", ""), "outcome"), "opened");
}

static void iss_1_only_files_of_this_conversation_are_taken(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    want(AMELIA, "a2");
    want(LUCIA, "l1");
    struct value opened = open_ticket(AMELIA, "It is cracked.", "a2,l1,a1,nothing,a2,',");

    assert_int_equal(number_in(opened, "files"), 2);
    assert_int_equal(ask_number(owner, "select count(*) from documents where ticketed"), 2);
    assert_int_equal(ask_number(owner,
                                "select position from ticket_documents t join documents d "
                                "using (org_id, document_id) where handle = 'a1'"),
                     2);
}

static void iss_1_five_files_with_a_report_and_twenty_in_all(void **state)
{
    (void)state;
    char handles[400] = "", handle[16];
    struct value opened, more;

    for (int i = 0; i < 30; i++) {
        (void)snprintf(handle, sizeof handle, "f%02d", i);
        want(AMELIA, handle);
        (void)snprintf(handles + strlen(handles), sizeof handles - strlen(handles), "%s%s",
                       i ? "," : "", handle);
    }
    opened = open_ticket(AMELIA, "It is cracked.", handles);
    assert_int_equal(number_in(opened, "files"), 5);
    more =
        ACT(AMELIA, "ticket_attach", {"ticket", text_in(opened, "ticket")}, {"files", handles});
    assert_string_equal(text_in(more, "outcome"), "attached");
    assert_int_equal(number_in(more, "files"), 15);
    more =
        ACT(AMELIA, "ticket_attach", {"ticket", text_in(opened, "ticket")}, {"files", handles});
    assert_string_equal(text_in(more, "outcome"), "full");
    more = ACT(LUCIA, "ticket_attach", {"ticket", text_in(opened, "ticket")}, {"files", "f29"});
    assert_string_equal(text_in(more, "outcome"), "not_found");
    run_sql(owner, "update tickets set status = 'closed'");
    more =
        ACT(AMELIA, "ticket_attach", {"ticket", text_in(opened, "ticket")}, {"files", "f29"});
    assert_string_equal(text_in(more, "outcome"), "closed");
}

static void ch_1_a_file_is_claimed_by_one_worker_at_a_time(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    want(AMELIA, "a2");
    want(LUCIA, "l1");
    assert_int_equal(claim(now, 2), 2);
    assert_int_equal(claim(now, 9), 1);
    assert_int_equal(claim(now, 9), 0);
    assert_int_equal(claim(now + 2 * USEC_PER_MIN, 9), 3); /* whoever had them is dead */
    assert_int_equal(ask_number(owner, "select count(*) from documents where attempts = 2"), 3);
    run_sql(owner, "update documents set open = false");
    assert_int_equal(claim(now + USEC_PER_HOUR, 9), 0);
}

/* Two workers with one file: the first slept past its lease, and what it says then is nothing.
 */
static void ch_1_who_slept_past_its_lease_ends_no_file(void **state)
{
    (void)state;
    usec_t first, second;

    want(AMELIA, "a1");
    assert_int_equal(open_ticket(AMELIA, "It is cracked.", "a1").kind, VALUE_RECORD);
    assert_int_equal(claim(now, 9), 1);
    first = lease;
    assert_int_equal(claim(now + 2 * USEC_PER_MIN, 9), 1);
    second = lease;
    lease = first;
    assert_int_equal(say_storing("a1", "old bytes"), 0);
    assert_int_equal(end_file("a1", "lost"), 0);
    assert_int_equal(say_later("a1"), 0);
    lease = second;
    assert_int_equal(say_storing("a1", "the bytes"), 1);
    lease = first;
    assert_int_equal(say_kept("a1"), 0); /* the other's are not there yet */
    assert_int_equal(end_file("a1", "refused"), 0);
    lease = second;
    assert_int_equal(say_kept("a1"), 1);
    assert_int_equal(tell(AMELIA), 0);
    /* its own row, when it is removed and wanted once more meanwhile */
    run_sql(owner, "update documents set state = 'gone', open = true");
    lease = first;
    assert_int_equal(say_closed("a1"), 1);
    lease = second;
    assert_int_equal(say_closed("a1"), 0);
}

static void ch_1_what_was_stored_too_late_is_removed_again(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    assert_int_equal(claim(now, 9), 1);
    assert_int_equal(say_storing("a1", "the bytes"), 1);
    assert_int_equal(say_stray("the bytes"), 0); /* another row has them */
    assert_int_equal(say_kept("a1"), 1);
    assert_int_equal(say_stray("the bytes"), 0);
    run_sql(owner, "update documents set state = 'gone', open = true");
    assert_int_equal(say_stray("the bytes"), 0); /* they are being removed */
    assert_int_equal(say_closed("a1"), 0);
    assert_int_equal(say_stray("the bytes"), 1);
    want(LUCIA, "l1");
    assert_int_equal(claim(now, 9), 2);
    assert_int_equal(say_storing("l1", "the bytes"), 0); /* not beneath its removal */
    assert_int_equal(say_storing("l1", "others"), 1);
    run_sql(owner, "delete from documents where handle = 'a1'"); /* or even its row is gone */
    run_sql(owner, "delete from documents where handle = ''");
    assert_int_equal(say_stray("the bytes"), 1);
}

static void ch_1_bytes_that_are_being_removed_are_not_stored_beneath_it(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    want(LUCIA, "l1");
    assert_int_equal(say_storing("a1", "the same"), 1);
    run_sql(owner, "update documents set state = 'gone' where handle = 'a1'");
    assert_int_equal(say_storing("l1", "the same"), 0);
    assert_int_equal(say_storing("l1", "others"), 1);
    run_sql(owner, "update documents set open = false where handle = 'a1'");
    assert_int_equal(say_storing("l1", "the same"), 1);
}

static void iss_1_what_a_report_counts_on_is_told_once(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    want(AMELIA, "a2");
    want(AMELIA, "loose");
    assert_int_equal(number_in(open_ticket(AMELIA, "It is cracked.", "a1,a2"), "files"), 2);
    assert_int_equal(end_file("loose", "lost"), 1);
    assert_int_equal(tell(AMELIA), 0); /* nobody counts on that one */
    assert_int_equal(end_file("a1", "lost"), 1);
    assert_int_equal(end_file("a1", "lost"), 0); /* it has ended */
    assert_int_equal(end_file("a2", "refused"), 1);
    assert_int_equal(tell(LUCIA), 0);
    assert_int_equal(tell(AMELIA), 1);
    assert_int_equal(tell(AMELIA), 0);
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound"), 1);
}

/* CRM-3: what the bot has to say about files waits until it may speak. */
static void crm_3_a_lost_file_is_told_when_no_person_has_the_conversation_any_more(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    assert_int_equal(number_in(open_ticket(AMELIA, "It is cracked.", "a1"), "files"), 1);
    assert_int_equal(end_file("a1", "lost"), 1);
    assert_int_equal(untold(AMELIA), 1);
    run_sql(owner, "update conversations set held_until = now() + interval '1 hour'");
    assert_int_equal(untold(AMELIA), 0);
    assert_int_equal(tell(AMELIA), 0); /* taken by a person since it was asked for */
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound"), 0);
    assert_int_equal(claim(now + USEC_PER_SEC, 9), 1); /* and it is looked at again */
    run_sql(owner, "update conversations set held_until = null");
    assert_int_equal(untold(AMELIA), 1);
    assert_int_equal(tell(AMELIA), 1);
    assert_int_equal(ask_number(owner, "select count(*) from fallbacks"), 1);
}

static void iss_1_a_report_tells_of_files_that_were_lost_before_it(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    want(AMELIA, "a2");
    assert_int_equal(end_file("a1", "refused"), 1);
    struct value opened = open_ticket(AMELIA, "It is cracked.", "a1,a2");
    assert_int_equal(number_in(opened, "files"), 1);
    assert_int_equal(number_in(opened, "lost"), 1);
    assert_int_equal(tell(AMELIA), 0);
}

/* What the team answers, as `parley ticket answer` does; how many ways it was told by. */
static long team_answers(const char *ticket)
{
    char sql[300];
    long told;

    (void)snprintf(sql, sizeof sql, "select ticket_id from tickets where number = '%s'",
                   ticket);
    char id[UUID_TEXT_LEN + 1], answer[UUID_TEXT_LEN + 1], org[UUID_TEXT_LEN + 1];
    uuid_format(ask_id(owner, sql), id);
    uuid_format(fresh(), answer);
    uuid_format(seed_demo_org, org);
    run_sql(owner, "begin; set local role parley_staff");
    (void)snprintf(sql, sizeof sql, "set local parley.org_id = '%s'", org);
    run_sql(owner, sql);
    PGresult *rows =
        PQexecParams(owner, SQL_TICKETS_ANSWER.text, 7, NULL,
                     (const char *const[]){org, id, "answered", answer, "eve",
                                           "It is on its way.", "{\"kind\":\"text\"}"},
                     NULL, NULL, 0);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(owner));
    assert_string_equal(PQgetvalue(rows, 0, 0), "1");
    told = atol(PQgetvalue(rows, 0, 1));
    PQclear(rows);
    run_sql(owner, "commit");
    return told;
}

/* A number has another owner ("this isn't me"): what the team answers is not for them to read.
 */
static void otp_10_an_answer_to_a_report_follows_its_customer(void **state)
{
    (void)state;
    const char *first = text_in(open_ticket(AMELIA, "The lamp is broken.", ""), "ticket");
    const char *second = text_in(open_ticket(AMELIA, "So is the cup.", ""), "ticket");

    assert_int_equal(team_answers(first), 1);
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
    run_sql(owner, "update contact_points set customer_id = null where contact_id ="
                   " md5('talk/1')::uuid");
    assert_int_equal(team_answers(second), 1);
    assert_int_equal(ask_number(owner, "select count(*) from outbox"), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from notices where kind ="
                                " 'ticket_answered' and state = 'waiting' and customer_id"
                                " = md5('larkfield/customer/1')::uuid and detail ->>"
                                " 'said' = 'It is on its way.'"),
                     1);
    run_sql(owner, "update contact_points set customer_id ="
                   " md5('larkfield/customer/1')::uuid where contact_id ="
                   " md5('talk/1')::uuid; delete from notices; delete from fallbacks");
}

static void ch_1_the_same_handle_twice_is_one_file(void **state)
{
    (void)state;
    want(AMELIA, "a1");
    assert_string_equal(
        try_sql(owner,
                "insert into documents (org_id, document_id, conversation_id, account_id, "
                "handle, kind, at, expires_at, due_at) select org_id, gen_random_uuid(), "
                "conversation_id, account_id, handle, kind, at, expires_at, due_at from "
                "documents"),
        "23505");
}

/* --- all of them
 * -----------------------------------------------------------------------------------
 */

static int begin(void **state)
{
    (void)state;
    owner = owner_connect();
    talks_begin(owner);
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
#define TEST(name) cmocka_unit_test_setup(name, clean)
    static const struct CMUnitTest tests[] = {
        TEST(iss_1_a_report_gets_a_number_and_a_promise),
        TEST(iss_1_numbers_are_no_sequence),
        TEST(iss_1_what_cannot_be_opened_is_an_outcome),
        TEST(iss_1_the_same_report_twice_is_one),
        TEST(iss_1_the_same_report_from_two_places_at_once_is_one),
        TEST(iss_1_a_day_has_a_most),
        TEST(iss_1_only_files_of_this_conversation_are_taken),
        TEST(iss_1_five_files_with_a_report_and_twenty_in_all),
        TEST(ch_1_a_file_is_claimed_by_one_worker_at_a_time),
        TEST(ch_1_who_slept_past_its_lease_ends_no_file),
        TEST(ch_1_what_was_stored_too_late_is_removed_again),
        TEST(ch_1_bytes_that_are_being_removed_are_not_stored_beneath_it),
        TEST(iss_1_what_a_report_counts_on_is_told_once),
        TEST(crm_3_a_lost_file_is_told_when_no_person_has_the_conversation_any_more),
        TEST(iss_1_a_report_tells_of_files_that_were_lost_before_it),
        TEST(otp_10_an_answer_to_a_report_follows_its_customer),
        TEST(ch_1_the_same_handle_twice_is_one_file),
    };

    store_open();
    int failed = cmocka_run_group_tests(tests, begin, end);
    store_shut();
    return failed;
}
