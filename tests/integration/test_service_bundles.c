/*
 * A backlog of mails through the whole service, many in one request: what comes between them,
 * their carrier and their sender does not change what arrives, nor how often.
 */
#include "bot/base/json.h"
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT (60 * USEC_PER_SEC)

static struct arena arena;
static struct service service;
static PGconn *owner;
static long killed; /* the epoch of who held the lane then */

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void start(unsigned workers, const char *faults)
{
    char org[UUID_TEXT_LEN + 1];

    owner = owner_connect();
    killed = 0;
    service_start(&service,
                  &(struct service_wish){.mail = true, .workers = workers, .faults = faults});
    uuid_format(seed_demo_org, org);
    run_sql(owner, arena_format(&arena, "set parley.org_id = '%s'", org).at);
}

/* The next message to each of so many people, as turns write them, all in one commit; of every
 * third nobody asked for it. */
static void promise(unsigned first, unsigned people, unsigned number)
{
    run_sql(
        owner,
        arena_format(
            &arena,
            "with a as (select * from accounts where channel = 'email'), w as (select g, 'p' ||"
            " g || '@example.net' as address, md5('p' || g)::uuid as id from"
            " generate_series(%u, %u) g), p as (insert into contact_points (org_id, contact_id,"
            " channel, address) select org_id, id, 'email', w.address from a, w on conflict do"
            " nothing), c as (insert into conversations (org_id, conversation_id, account_id,"
            " contact_id, language) select org_id, id, account_id, id, 'en' from a, w on"
            " conflict do nothing), m as (insert into messages (org_id, conversation_id, seq,"
            " inbound, kind, body, at) select org_id, id, %u, false, 'text',"
            " jsonb_build_object('kind', 'text', 'body', 'Words ' || g || '.%u.'), now() from"
            " a, w) insert into outbox (org_id, lane_id, conversation_id, seq, due_at,"
            " priority) select org_id, account_id, id, %u, now(), (g %% 3 = 0)::int from a, w",
            first, first + people - 1, number, number, number)
            .at);
}

static void all_settled(void)
{
    service_until(&service, owner, "select count(*) from outbox", 0, WAIT);
}

static double bundles(void)
{
    return service_counter(&service, "parley_send_bundles_total");
}

/* Whether each mail that arrived stands in the log under the id that its carrier gave it. */
static void ids_are_known(void)
{
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 1 and"
                                       " (provider_id is null or provider_hash is null)"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) - count(distinct provider_id) from"
                                       " messages where delivery = 1"),
                     0);
}

static void each_arrived_once(size_t n)
{
    assert_int_equal(service_arrived(&service, NULL, NULL), n);
    assert_int_equal(service_repeated(&service), 0);
    assert_int_equal(service_disordered(&service), 0);
    assert_int_equal(
        ask_number(owner, "select count(*) from messages where not inbound and delivery = 1"),
        (long)n);
    ids_are_known();
}

/* --- the tests ------------------------------------------------------------------------------
 */

/* One that its carrier refuses fails with its reason, and takes nobody along; nor does one that
 * its reader does not want or that cannot be said. */
static void ch_5_a_backlog_leaves_in_few_requests(void **state)
{
    enum { PEOPLE = 105 };

    (void)state;
    start(1, "{\"fail\": [{\"code\": 422, \"http\": 422, \"probability\": 1,"
             " \"to\": \"p77@example.net\"}]}");
    promise(1, 1, 1);
    all_settled();
    promise(1, 1, 2);
    promise(2, 1, 2);
    all_settled();
    promise(5, 2, 2);
    all_settled();
    assert_true(bundles() == 0); /* what comes alone goes alone */
    run_sql(owner, "update contact_points set stopped_at = now() where address ="
                   " 'p5@example.net'; update contact_points set address = 'no address' where"
                   " address = 'p6@example.net'");
    promise(1, PEOPLE, 3);
    promise(1, PEOPLE, 4);
    all_settled();
    each_arrived_once(3 + 2 + 2 * (PEOPLE - 3));
    assert_int_equal(
        ask_number(owner, "select count(*) from messages where reason = 'stopped'"), 2);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 2 and"
                                       " reason like '%no address to send to'"),
                     2);
    assert_int_equal(service_arrived(&service, "p77@example.net", NULL), 0);
    assert_int_equal(ask_number(owner, "select count(*) from messages where delivery = 2 and"
                                       " error = 422 and reason like '422 validation_error%'"),
                     2);
    assert_true(bundles() >= 3 && bundles() < 40);
    assert_true(service_counter(&service, "parley_send_refused_total") == 2);
    assert_int_equal(service_findings(&service), 0);
    assert_int_equal(service_logged(&service, "example.net"), 0);
    service_stop(&service);
}

static void kill_workers(void)
{
    pid_t pids[4];
    size_t n = service_workers(&service, pids, COUNTOF(pids));

    for (size_t i = 0; i < n; i++)
        (void)kill(pids[i], SIGKILL);
}

/* A bundle is intended by another holder than the last one that was killed. */
static void until_bundled(void)
{
    static char query[256];

    (void)snprintf(query, sizeof query,
                   "select (count(*) filter (where state = 1 and bundle_id is not null and"
                   " epoch > %ld) > 50)::int from outbox",
                   killed);
    service_until(&service, owner, query, 1, WAIT);
    killed = ask_number(owner, "select max(epoch) from outbox");
}

/* Its carrier hears the request when its sender is dead. */
static void dies_before_it_is_heard(void)
{
    assert_int_equal(kill(service.sandbox, SIGSTOP), 0);
    until_bundled();
    (void)usleep(100000);
    kill_workers();
    assert_int_equal(kill(service.sandbox, SIGCONT), 0);
}

static void dies_on_the_wire(void)
{
    until_bundled();
    (void)usleep(30000);
    kill_workers();
}

/* The answers have come, and cannot be written down. */
static void dies_after_the_answer(void)
{
    until_bundled();
    run_sql(owner, "begin; lock table messages in exclusive mode");
    (void)usleep(300000);
    kill_workers();
    run_sql(owner, "commit");
}

/* Under lost requests, lost answers and deaths a bundle is the same mails under the same key
 * until its carrier has answered: then each id is known, and none had to be guessed. */
static void ch_5_a_bundle_outlives_lost_answers_and_its_senders(void **state)
{
    static void (*const steps[])(void) = {dies_before_it_is_heard, dies_on_the_wire,
                                          dies_after_the_answer};
    enum { PEOPLE = 130 }; /* more than one of them holds */

    (void)state;
    start(1, "{\"lose_answer\": 0.2, \"lose_request\": 0.1, \"empty_5xx\": 0.1,"
             " \"garbage\": 0.1, \"throttle\": 0.1, \"delay_ms\": 50, \"delay_max_ms\": 150}");
    for (unsigned i = 0; i < COUNTOF(steps); i++) {
        promise(1, PEOPLE, i + 1);
        steps[i]();
    }
    all_settled();
    each_arrived_once(COUNTOF(steps) * PEOPLE);
    assert_int_equal((long)service_counter(&service, "parley_worker_deaths_total"),
                     COUNTOF(steps));
    assert_int_equal(service_findings(&service), 0);
    service_stop(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(ch_5_a_backlog_leaves_in_few_requests, tear_down),
        cmocka_unit_test_teardown(ch_5_a_bundle_outlives_lost_answers_and_its_senders,
                                  tear_down),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
