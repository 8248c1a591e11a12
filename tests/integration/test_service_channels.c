/*
 * The lanes' promises on every channel at once: each step of a sending may be its worker's
 * last, a worker may sleep past its leases, answers get lost. What leaves is one table, and so
 * is what each carrier may do with a repetition: with a callback or a key nothing arrives
 * twice; a mail server has neither, and then a mail may.
 */
#include "bot/base/json.h"
#include "tests/support/service.h"
#include "tests/support/sink.h"
#include "tests/support/sleeper.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT (60 * USEC_PER_SEC)

enum { PEOPLE = 6, EACH = 3 };

static const struct way {
    const char *channel;
    const char *before, *after; /* an address is its person's number between these */
    bool phone;
} ways[] = {
    {"whatsapp", "1555073",  "",             true },
    {"sms",      "+1555074", "",             true },
    {"email",    "p",        "@example.net", false},
};

static struct arena arena;
static struct service service;
static struct sink sink; /* runs when mail leaves by a mail server */
static PGconn *owner;
static unsigned promised;   /* to each person */
static const char *program; /* NULL: the service as it is */

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    sink_stop(&sink);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

/* With `plan` a mail server carries the mails, else the sandbox as Resend. */
static void start(unsigned workers, const char *faults, const char *plan)
{
    struct service_wish wish = {
        .program = program, .sms = true, .mail = true, .workers = workers, .faults = faults};
    char org[UUID_TEXT_LEN + 1];

    owner = owner_connect();
    promised = 0;
    if (plan != NULL) {
        sink_start(&sink, false, NULL, NULL, plan);
        wish.more = arena_format(&arena,
                                 "  transport: smtp\nsmtp:\n  host: 127.0.0.1\n  port: %d\n"
                                 "  tls: none\n",
                                 sink.port)
                        .at;
    }
    service_start(&service, &wish);
    uuid_format(seed_demo_org, org);
    run_sql(owner, arena_format(&arena, "set parley.org_id = '%s'", org).at);
}

/* --- promises, as turns write them ----------------------------------------------------------
 */

static void promise(const struct way *way, unsigned person, unsigned number)
{
    char address[64];

    (void)snprintf(address, sizeof address, "%s%04u%s", way->before, person, way->after);
    run_sql(
        owner,
        arena_format(
            &arena,
            "with a as (select * from accounts where channel = '%s'), p as (insert into"
            " contact_points (org_id, contact_id, channel, address, phone) select org_id,"
            " md5('%s')::uuid, channel, '%s', %s from a on conflict do nothing), c as (insert"
            " into conversations (org_id, conversation_id, account_id, contact_id, language,"
            " last_inbound_at) select org_id, md5('%s')::uuid, account_id, md5('%s')::uuid,"
            " 'en', now() from a on conflict do nothing), m as (insert into messages (org_id,"
            " conversation_id, seq, inbound, kind, body, at) select org_id, md5('%s')::uuid, "
            "%u,"
            " false, 'text', '{\"kind\":\"text\",\"body\":\"Words %u.\"}', now() from a)"
            " insert into outbox (org_id, lane_id, conversation_id, seq, due_at) select org_id,"
            " account_id, md5('%s')::uuid, %u, now() from a",
            way->channel, address, address,
            way->phone ? arena_format(&arena, "'%s'", address).at : "null", address, address,
            address, number, number, address, number)
            .at);
}

static void promise_round(void)
{
    for (unsigned n = promised + 1; n <= promised + EACH; n++) {
        for (unsigned person = 0; person < PEOPLE; person++) {
            for (size_t i = 0; i < COUNTOF(ways); i++)
                promise(&ways[i], person, n);
        }
    }
    promised += EACH;
}

/* --- what arrived ---------------------------------------------------------------------------
 */

static bool by_server(void)
{
    return sink.pid > 0;
}

static struct str key_of(const json_t *mail)
{
    const json_t *pair;
    size_t i;

    json_array_foreach(json_object_get(mail, "headers"), i, pair)
    {
        const char *value = json_string_value(json_array_get(pair, 1));
        if (strcasecmp(json_string_value(json_array_get(pair, 0)), "Message-ID") == 0)
            return str_slice(str_from(value), 1, str_find(str_from(value), STR("@")));
    }
    fail_msg("a mail without a Message-ID");
    return STR_NONE;
}

/* How many mails were taken again, under the id of the first; in order all of them are. */
static size_t server_repeated(size_t *different)
{
    OWNED_JSON(taken) = sink_taken(&sink);
    OWNED_JSON(last) = json_object();
    OWNED_JSON(keys) = json_object();
    const json_t *mail;
    size_t i;

    json_array_foreach(taken, i, mail)
    {
        const char *key = arena_cstr(&arena, key_of(mail));
        const char *dot = strrchr(key, '.');
        const char *who = arena_cstr(&arena, (struct str){key, (size_t)(dot - key)});
        long number = strtol(dot + 1, NULL, 10);
        if (number < json_integer_value(json_object_get(last, who)))
            fail_msg("%s came too late", key);
        json_object_set_new(last, who, json_integer(number));
        json_object_set_new(keys, key, json_true());
    }
    *different = json_object_size(keys);
    return json_array_size(taken) - *different;
}

static void quiet(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

/* Repetitions of what nobody knew are counted. */
static size_t counted_repeats(void)
{
    quiet();
    return (size_t)service_counter(&service, "parley_send_repeated_total");
}

/* All that was promised, each in its conversation's order; at most `twice` of them once more,
 * and of the mails that a server took `mails`. */
static void books_balance(size_t twice, size_t mails)
{
    size_t channels = COUNTOF(ways) - by_server(), repeated, different, again;

    quiet();
    assert_int_equal(service_disordered(&service), 0);
    repeated = service_repeated(&service);
    assert_int_equal(service_arrived(&service, NULL, NULL) - repeated,
                     channels * PEOPLE * promised);
    if (repeated > twice)
        fail_msg("%zu arrived twice, not %zu", repeated, twice);
    /* of two answers lost, one after the other, nobody knows; only a mail server says no more
     */
    assert_int_equal(ask_number(owner, by_server()
                                           ? "select count(*) from messages where not inbound"
                                             " and delivery in (0, 2) and reason is distinct"
                                             " from 'outcome unknown'"
                                           : "select count(*) from messages where not inbound"
                                             " and delivery in (0, 2)"),
                     0);
    if (!by_server())
        return;
    again = server_repeated(&different);
    assert_int_equal(different, PEOPLE * promised);
    if (again > mails)
        fail_msg("%zu mails were taken twice, not %zu", again, mails);
}

static size_t arrived_anywhere(void)
{
    size_t n = service_arrived(&service, NULL, NULL);

    if (by_server()) {
        OWNED_JSON(taken) = sink_taken(&sink);
        n += json_array_size(taken);
    }
    return n;
}

/* --- the steps ------------------------------------------------------------------------------
 */

static void kill_the_worker(void)
{
    pid_t pids[4];

    assert_int_equal(service_workers(&service, pids, COUNTOF(pids)), 1);
    assert_int_equal(kill(pids[0], SIGKILL), 0);
}

static void signal_carriers(int number)
{
    assert_int_equal(kill(service.sandbox, number), 0);
    if (by_server())
        assert_int_equal(kill(sink.pid, number), 0);
}

static void some_arrive(void)
{
    size_t before = arrived_anywhere();
    usec_t end = clock_monotonic() + WAIT;

    while (arrived_anywhere() == before && clock_monotonic() < end)
        (void)usleep(5000);
    assert_true(arrived_anywhere() > before);
}

/* The claim waits for a lock, and its worker dies over it. */
static void dies_before_the_intent(void)
{
    run_sql(owner, "begin; lock table outbox in exclusive mode");
    promise_round();
    (void)usleep(300000);
    kill_the_worker();
    run_sql(owner, "commit");
}

/* Carriers that do not listen yet hear the request when its sender is dead. */
static void dies_before_it_is_heard(void)
{
    signal_carriers(SIGSTOP);
    promise_round();
    service_until(&service, owner, "select count(distinct lane_id) from outbox where state = 1",
                  (long)COUNTOF(ways), WAIT);
    (void)usleep(200000);
    kill_the_worker();
    signal_carriers(SIGCONT);
}

static void dies_on_the_wire(void)
{
    promise_round();
    some_arrive();
    kill_the_worker();
}

/* The answers have come, and cannot be written down. */
static void dies_after_the_answer(void)
{
    promise_round();
    some_arrive();
    run_sql(owner, "begin; lock table messages in exclusive mode");
    (void)usleep(700000);
    kill_the_worker();
    run_sql(owner, "commit");
}

static void die_at_each_step(const char *plan)
{
    static void (*const steps[])(void) = {dies_before_the_intent, dies_before_it_is_heard,
                                          dies_on_the_wire, dies_after_the_answer};
    /* of one account so many are under way at once; each step is one death */
    const size_t at_once = 8;

    start(1, "{\"delay_ms\": 100, \"delay_max_ms\": 250}", plan);
    promise_round();
    books_balance(0, 0);
    for (size_t i = 0; i < COUNTOF(steps); i++) {
        steps[i]();
        books_balance(0, at_once * i);
        assert_true(service_counter(&service, "parley_worker_deaths_total") == (double)(i + 1));
    }
    service_stop(&service);
}

static void each_step_of_a_sending_may_be_the_last(void **state)
{
    (void)state;
    die_at_each_step(NULL);
}

static void each_step_of_a_sending_may_be_the_last_with_a_mail_server(void **state)
{
    (void)state;
    die_at_each_step("{}");
}

/* --- sleep ----------------------------------------------------------------------------------
 */

/* Two workers have the lanes between them, and each sleeps past its leases with sendings half
 * done. An answer that waited for the sleeper may have left nobody who knew. */
static void a_sleeper_sends_nothing_and_spoils_nothing(void **state)
{
    pid_t pids[4];

    (void)state;
    start(2, "{\"delay_ms\": 20, \"delay_max_ms\": 100}", NULL);
    assert_int_equal(service_workers(&service, pids, COUNTOF(pids)), 2);
    for (int i = 0; i < 2; i++) {
        promise_round();
        some_arrive();
        assert_int_equal(kill(pids[i], SIGSTOP), 0);
        (void)usleep(4500000);
        assert_int_equal(kill(pids[i], SIGCONT), 0);
        books_balance(counted_repeats(), 0);
    }
    assert_true(service_counter(&service, "parley_worker_deaths_total") < 1);
    service_stop(&service);
}

/* The lane was asked, the request is libcurl's, and not a byte has left: there a worker sleeps
 * until another has said all. What it then sent would come twice, and behind what followed. */
static void who_sleeps_just_before_the_wire_sends_nothing(void **state)
{
    struct sleeper sleeper;
    pid_t pid;

    (void)state;
    sleeper_begin(&sleeper, NULL);
    (void)setenv("PARLEY_OUTBOX_UNKNOWN_WAIT", "500ms", 1);
    program = SLEEPER_PROGRAM;
    start(2, "{}", NULL);
    program = NULL;
    (void)unsetenv("PARLEY_OUTBOX_UNKNOWN_WAIT");
    promise(&ways[0], 0, 1);
    promise(&ways[0], 0, 2);
    pid = sleeper_asleep(&sleeper);
    assert_int_equal(service_arrived(&service, NULL, NULL), 0);
    quiet();
    assert_int_equal(service_arrived(&service, NULL, NULL), 2);
    assert_int_equal(kill(pid, SIGCONT), 0);
    for (int i = 0; i < 100 && service_logged(&service, "lane.lost") == 0; i++)
        (void)usleep(20000);
    (void)usleep(200000); /* a request would have left in the turn of the loop before */
    assert_int_equal(service_arrived(&service, NULL, NULL), 2);
    assert_int_equal(service_disordered(&service), 0);
    service_stop(&service);
    sleeper_end(&sleeper);
}

/* --- answers --------------------------------------------------------------------------------
 */

/* Callbacks come, twice at times and out of order: so all is known in the end, and nothing is
 * said twice. A mail server's answer is all that it ever says. */
static void lose_answers(const char *plan)
{
    start(2,
          "{\"seed\": 5, \"lose_answer\": 0.25, \"duplicate_callback\": 0.3,"
          " \"reorder_callback\": 0.3}",
          plan);
    for (int i = 0; i < 3; i++)
        promise_round();
    books_balance(0, counted_repeats());
    assert_true(service_counter(&service, "parley_send_unknown_total") > 0);
    service_stop(&service);
}

static void an_answer_that_is_lost_is_made_up_for(void **state)
{
    (void)state;
    lose_answers(NULL);
}

static void an_answer_that_is_lost_is_made_up_for_with_a_mail_server(void **state)
{
    (void)state;
    lose_answers("{\"lose_answer\": 0.1}");
}

#define FRESH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(each_step_of_a_sending_may_be_the_last),
        FRESH(each_step_of_a_sending_may_be_the_last_with_a_mail_server),
        FRESH(a_sleeper_sends_nothing_and_spoils_nothing),
        FRESH(who_sleeps_just_before_the_wire_sends_nothing),
        FRESH(an_answer_that_is_lost_is_made_up_for),
        FRESH(an_answer_that_is_lost_is_made_up_for_with_a_mail_server),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
