/*
 * Events out, through the running service to the sandbox's CRM: signed, in the order of their
 * subjects, and none lost, whatever the CRM does and whoever dies.
 */
#include "bot/base/json.h"
#include "tests/sandbox/schema.h"
#include "tests/support/service.h"
#include "webhooks/svix.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct service service;
static PGconn *owner;

#define AMELIA "15550100001"
#define BEN    "15550100002"
#define LIMIT  (20 * USEC_PER_SEC)

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, LIMIT);
}

static void write_in(const char *phone, const char *words)
{
    static unsigned n;
    struct post post = {
        .body = post_text(&arena, phone, arena_format(&arena, "wamid.e.%u", ++n).at, words)};

    service_post(&service, &post, 1, 1, LIMIT);
    assert_int_equal(post.status, 200);
    until("select count(*) from outbox", 0);
}

static int set_up(void **state)
{
    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){
                                .workers = 2,
                                .crm = true,
                                .more = "events:\n  retry: 100ms, 200ms, 300ms\n"
                                        "  timeout: 1s\n  at_once: 4\n  off_after: 1d\n"});
    run_sql(owner, "delete from cancellation_rules; insert into cancellation_rules (org_id, "
                   "position, rule_id, phase, effect) select org_id, 1, 'ask-us', 'active', "
                   "'review' from businesses");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

/* The first of this type that the CRM took, once it has; borrowed from `events`. */
static const json_t *event_of(json_t **events, const char *type)
{
    for (int tries = 0; tries < 400; tries++) {
        size_t i;
        json_t *record;

        json_decref(*events);
        *events = service_events(&service);
        json_array_foreach(*events, i, record)
        {
            const json_t *event = json_object_get(record, "event");
            if (strcmp(json_string_value(json_object_get(event, "type")), type) == 0)
                return record;
        }
        (void)usleep(25000);
    }
    service_show_log(&service);
    fail_msg("the CRM has not heard of %s", type);
    return NULL;
}

static const char *text_of(const json_t *record, const char *name)
{
    return json_string_value(json_object_get(json_object_get(record, "event"), name));
}

static const char *data_of(const json_t *record, const char *name)
{
    return json_string_value(
        json_object_get(json_object_get(json_object_get(record, "event"), "data"), name));
}

/* --- what customers do ----------------------------------------------------------------------
 */

static void crm_2_what_a_customer_does_is_told_signed_with_both_secrets(void **state)
{
    OWNED_JSON(events) = NULL;
    const json_t *told;

    (void)state;
    write_in(AMELIA, "hi");
    run_sql(owner, "update conversations set verified_until = now() + interval '29 minutes'");
    write_in(AMELIA, "cancel order 1002, bought the wrong size");
    write_in(AMELIA, "yes");
    told = event_of(&events, "order.cancellation_requested");
    assert_string_equal(text_of(told, "subject"), "order/ORD-1002");
    assert_string_equal(text_of(told, "sequence"), "0000000001");
    assert_non_null(strstr(text_of(told, "source"), "/businesses/"));
    assert_string_equal(data_of(told, "status"), "submitted");
    assert_string_equal(data_of(told, "note"), "bought the wrong size");
    assert_string_equal(data_of(told, "customer"), "C-0001");
    assert_non_null(data_of(told, "customer_id"));
    assert_int_equal(json_integer_value(json_object_get(told, "signatures")), 2);
    assert_int_equal(service_findings(&service), 0);
}

static void crm_2_stop_and_start_and_a_person_are_told(void **state)
{
    OWNED_JSON(events) = NULL;
    const json_t *told;

    (void)state;
    write_in(BEN, "STOP");
    told = event_of(&events, "contact.opted_out");
    assert_string_equal(data_of(told, "topic"), "all");
    assert_string_equal(data_of(told, "channel"), "whatsapp");
    write_in(BEN, "START");
    (void)event_of(&events, "contact.opted_in");
    write_in(BEN, "I want to talk to a person");
    told = event_of(&events, "handoff.asked");
    assert_non_null(data_of(told, "conversation"));
    assert_non_null(data_of(told, "handoff"));
}

/* One of each that no conversation above makes, by what the database does when it happens. */
static const char doings[] =
    "select set_config('parley.org_id', (select org_id::text from businesses), false);"
    "select customer_updated(org_id, customer_id, 'name', now()),"
    " contact_unlinked(org_id, customer_id, 'sms', '+15550100009', now()),"
    " event_of_order(org_id, 'order.cancellation_withdrawn', customer_id, 'ORD-1002',"
    "  jsonb_build_object('cancellation', cancellation_id), now()) from cancellations limit 1;"
    "with open as (select i, jsonb_populate_record(null::checkouts, jsonb_build_object('minor',"
    "  100, 'currency', i.currency, 'customer_id', i.customer_id)) as c from invoices i"
    "  cross join lateral invoice_stands(i.org_id, i.invoice_id, now()::date) s"
    "  where s.outstanding > 100 limit 1)"
    "select invoice_viewed((i).org_id, (i).customer_id, (i).invoice_id, now() + interval '9 "
    "d'),"
    " payment_failed((i).org_id, c, i, 'declined', 'evt_1', now()), stripe_paid((i).org_id, c,"
    " i, jsonb_build_object('payment_intent', 'pi_told', 'minor', 100, 'currency',"
    " (i).currency, 'method', 'card'), now()) from open;"
    "select review_event(org_id, review_id, 'review.completed', now()), review_event(org_id,"
    " review_id, 'review.skipped', now()) from reviews where rating is not null limit 1;"
    "select event_out(org_id, 'ticket.updated', 'ticket/T-1', customer_id, jsonb_build_object("
    " 'ticket', 'T-1', 'kind', 'quality', 'text', '2/5', 'files', 0), now()) from customers"
    " limit 1;"
    "select handoff_take(org_id, handoff_id, 'Eve', gen_random_uuid()) from handoffs where"
    " state = 'offered'";

static void hold(const char *type)
{
    const char *path =
        arena_format(&arena, PARLEY_SOURCE_DIR "/docs/events/out/%s.schema.json", type).at;
    char reason[SCHEMA_REASON_MAX];
    OWNED_JSON(events) = NULL;
    const json_t *told = event_of(&events, type);
    OWNED_JSON(schema) = json_load_file(path, 0, NULL);

    if (schema == NULL)
        fail_msg("%s is not there", path);
    if (!schema_check(schema, schema, json_object_get(told, "event"), reason))
        fail_msg("%s: %s", type, reason);
}

static void crm_2_what_is_told_is_as_the_published_schemas_say(void **state)
{
    static const char *const types[] = {"order.cancellation_requested",
                                        "order.cancellation_withdrawn",
                                        "contact.opted_out",
                                        "contact.opted_in",
                                        "contact.unlinked",
                                        "handoff.asked",
                                        "handoff.taken",
                                        "message.received",
                                        "handoff.returned",
                                        "ticket.opened",
                                        "ticket.updated",
                                        "review.completed",
                                        "review.skipped"};

    (void)state;
    run_sql(owner, doings);
    write_in(BEN, "my lamp is broken");
    run_sql(owner, "update jobs set due_at = now() where kind = 'handoff'");
    for (size_t i = 0; i < COUNTOF(types); i++)
        hold(types[i]);
}

/* What analytics asks for, under our names; who looked at pages is in test_service_web. */
static void stf_5_analytics_hear_of_money_invoices_and_profiles(void **state)
{
    static const char *const types[] = {"invoice.viewed", "payment.made", "payment.failed",
                                        "customer.updated"};
    OWNED_JSON(events) = NULL;

    (void)state;
    for (size_t i = 0; i < COUNTOF(types); i++) {
        hold(types[i]);
        assert_non_null(data_of(event_of(&events, types[i]), "customer_id"));
    }
    assert_string_equal(data_of(event_of(&events, "payment.made"), "payment_method"), "card");
    assert_string_equal(data_of(event_of(&events, "payment.failed"), "error_reason"),
                        "declined");
}

/* --- order and loss -------------------------------------------------------------------------
 */

#define SUBJECTS 50
#define EACH     20

/* Every one at least once, and no first arrival before an earlier one of its subject. */
static void assert_whole(void)
{
    OWNED_JSON(events) = service_events(&service);
    long seen[SUBJECTS] = {0}, first = 0, again = 0;
    size_t i;
    json_t *record;

    json_array_foreach(events, i, record)
    {
        int subject;
        long sequence = strtol(text_of(record, "sequence"), NULL, 10);
        if (sscanf(text_of(record, "subject"), "test/%d", &subject) != 1)
            continue;
        if (sequence <= seen[subject]) {
            again++;
        } else if (sequence != seen[subject] + 1) {
            fail_msg("test/%d: %ld after %ld", subject, sequence, seen[subject]);
        } else {
            seen[subject] = sequence;
            first++;
        }
    }
    assert_int_equal(first, SUBJECTS * EACH);
    print_message("%ld events, %ld of them once more\n", first, again);
}

/* Whoever holds a lease when it dies is waited for: the test shortens the wait. */
static void kill_workers(void)
{
    pid_t pids[8];
    size_t n = service_workers(&service, pids, 8);

    for (size_t i = 0; i < n; i++)
        (void)kill(pids[i], SIGKILL);
}

static void crm_2_a_thousand_events_arrive_in_order_through_failures_and_deaths(void **state)
{
    (void)state;
    service_crm(&service, "{\"subject\": \"test/7\", \"status\": 500, \"next\": 2}");
    run_sql(owner, "select set_config('parley.org_id', (select org_id::text from businesses), "
                   "false)");
    run_sql(owner,
            "select event_out((select org_id from businesses), 'test.made', 'test/' || s, null,"
            " jsonb_build_object('n', n), now())"
            "  from generate_series(1, 20) n, generate_series(0, 49) s");
    for (int death = 0; death < 2; death++) {
        until(death == 0 ? "select (count(*) >= 200)::int from event_deliveries where state = "
                           "'delivered'"
                         : "select (count(*) >= 500)::int from event_deliveries where state = "
                           "'delivered'",
              1);
        kill_workers();
        while (service_logged(&service, "worker.started") < 4 + 2 * (size_t)death)
            (void)usleep(20000);
        run_sql(owner, "update event_deliveries set due_at = now(), leased_until = null where "
                       "state = 'waiting' and due_at is not null");
    }
    until("select count(*) from event_deliveries where state = 'waiting'", 0);
    assert_int_equal(ask_number(owner,
                                "select count(*) from event_deliveries where attempts > 2 and "
                                "subject = 'test/7'"),
                     1);
    assert_whole();
}

/* --- what the CRM answers --------------------------------------------------------------------
 */

static void make(const char *subject, int n)
{
    run_sql(owner, arena_format(&arena,
                                "select event_out((select org_id from businesses), 'test.made',"
                                " '%s', null, '{\"secret\": 1}', now())"
                                "  from generate_series(1, %d)",
                                subject, n)
                       .at);
}

static long count_of(const char *subject)
{
    OWNED_JSON(events) = service_events(&service);
    long n = 0;
    size_t i;
    json_t *record;

    json_array_foreach(events, i, record) n += strcmp(text_of(record, "subject"), subject) == 0;
    return n;
}

static void command(const char *const *words, int status)
{
    char said[2000];
    int got = service_command(&service, (char *const *)words, said, sizeof said);

    if (got != status)
        fail_msg("parley %s %s: %d, %s", words[0], words[1], got, said);
}

/* Among what `parley doctor` says. */
static void assert_doctor(const char *sentence)
{
    char line[200], page[8192] = "";
    FILE *doctor;

    (void)snprintf(line, sizeof line, PARLEY_BUILD_DIR "/parley --config %s/parley.yaml doctor",
                   service.dir);
    doctor = popen(line, "r"); // NOLINT(cert-env33-c): our own program
    assert_non_null(doctor);
    size_t n = fread(page, 1, sizeof page - 1, doctor);
    page[n] = '\0';
    (void)pclose(doctor);
    if (strstr(page, sentence) == NULL)
        fail_msg("not \"%s\" in:\n%s", sentence, page);
}

static void crm_2_whoever_answers_410_is_switched_off_and_loses_nothing(void **state)
{
    (void)state;
    service_crm(&service, "{\"subject\": \"gone/\", \"status\": 410}");
    make("gone/1", 3);
    until("select count(*) from event_endpoints where off_at is not null", 1);
    service_crm(&service, "{}");
    make("gone/2", 1);
    until("select count(*) from event_deliveries where state = 'waiting'", 4);
    assert_int_equal(service_logged(&service, "events.endpoint_off"), 1);
    assert_int_equal(count_of("gone/1") + count_of("gone/2"), 0);
    assert_doctor("demo is switched off (answered 410), and 4 events wait");
    command((const char *[]){"events", "endpoint", "on", "nobody", NULL}, 1);
    command((const char *[]){"events", "endpoint", "on", "demo", NULL}, 0);
    until("select count(*) from event_deliveries where state = 'waiting'", 0);
    assert_int_equal(count_of("gone/1"), 3);
    assert_int_equal(count_of("gone/2"), 1);
}

static void crm_2_redirects_are_failures_and_pauses_that_are_asked_for_are_kept(void **state)
{
    (void)state;
    service_crm(&service,
                "{\"subject\": \"moved/\", \"status\": 307, \"next\": 1, \"location\": "
                "\"http://127.0.0.1:1/inside\"}");
    make("moved/1", 1);
    until("select coalesce(max(attempts), 0) from event_deliveries where subject = 'moved/1' "
          "and state = "
          "'delivered'",
          2);
    service_crm(&service, "{\"subject\": \"slow/\", \"status\": 429, \"next\": 1, "
                          "\"retry_after\": 2}");
    make("slow/1", 1);
    until("select coalesce(max(attempts), 0) from event_deliveries where subject = 'slow/1' "
          "and state = "
          "'delivered'",
          2);
    assert_int_equal(ask_number(owner, "select (settled_at - failed_at >= interval '2 s')::int "
                                       "from event_deliveries where subject = 'slow/1'"),
                     1);
}

static void crm_2_what_is_refused_for_good_is_given_up_and_can_be_sent_again(void **state)
{
    (void)state;
    service_crm(&service, "{\"subject\": \"bad/1\", \"status\": 400}");
    make("bad/1", 2);
    make("bad/2", 1);
    until("select count(*) from event_deliveries where subject = 'bad/2' and state = "
          "'delivered'",
          1);
    /* It goes on for as long as nothing else is taken: something is. */
    for (int i = 0; i < 40 && ask_number(owner, "select count(*) from event_deliveries where "
                                                "subject = 'bad/1' and state = 'failed'") < 2;
         i++) {
        make("good/1", 1);
        (void)usleep(250000);
    }
    until("select count(*) from event_deliveries where subject = 'bad/1' and state = 'failed'",
          2);
    service_crm(&service, "{}");
    command((const char *[]){"events", "replay", "--since", "1h", "--undelivered", NULL}, 0);
    until("select count(*) from event_deliveries where state <> 'delivered'", 0);
    assert_int_equal(count_of("bad/1"), 2);
    command((const char *[]){"events", "list", "--since", "1h", "--type", "test.made",
                             "--state", "failed", NULL},
            0);
    assert_int_equal(service_findings(&service), 0);
}

/* Batches add events of several subjects in any order: nobody waits for anybody, and numbers
 * are in the order of commits. */
static void crm_2_turns_that_add_events_do_not_wait_for_each_other(void **state)
{
    static const char add[] =
        "select event_out((select org_id from businesses), 'test.made', '%s', null, '{}', "
        "now())";
    PGconn *one = owner_connect(), *two = owner_connect();
    PGconn *const both[] = {one, two, two, one};
    static const char *const subjects[] = {"both/x", "both/y", "both/x", "both/y"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        run_sql(both[i], "set statement_timeout = '2s'; select set_config('parley.org_id', "
                         "(select org_id::text from businesses), false)");
        run_sql(both[i], "begin");
    }
    for (int i = 0; i < 4; i++)
        run_sql(both[i], arena_format(&arena, add, subjects[i]).at);
    run_sql(two, "commit");
    until("select count(*) from event_deliveries where subject like 'both/%' and state = "
          "'delivered'",
          2);
    run_sql(one, "commit");
    until("select count(*) from event_deliveries where subject like 'both/%' and state = "
          "'delivered'",
          4);
    assert_int_equal(ask_number(owner, "select max(seq) from events_out where subject like "
                                       "'both/%'"),
                     2);
    PQfinish(one);
    PQfinish(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crm_2_what_a_customer_does_is_told_signed_with_both_secrets),
        cmocka_unit_test(crm_2_stop_and_start_and_a_person_are_told),
        cmocka_unit_test(crm_2_what_is_told_is_as_the_published_schemas_say),
        cmocka_unit_test(stf_5_analytics_hear_of_money_invoices_and_profiles),
        cmocka_unit_test(crm_2_a_thousand_events_arrive_in_order_through_failures_and_deaths),
        cmocka_unit_test(crm_2_whoever_answers_410_is_switched_off_and_loses_nothing),
        cmocka_unit_test(crm_2_redirects_are_failures_and_pauses_that_are_asked_for_are_kept),
        cmocka_unit_test(crm_2_what_is_refused_for_good_is_given_up_and_can_be_sent_again),
        cmocka_unit_test(crm_2_turns_that_add_events_do_not_wait_for_each_other),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, set_up, tear_down);
    store_shut();
    return failed;
}
