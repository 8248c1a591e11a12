/*
 * What happens by itself, in the running service: conversations that a person was asked for,
 * and jobs that are due. What counts is in the database and in the sandbox's journal.
 */
#include "tests/support/service.h"

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

#define APOLOGY "nobody of the team was free"
#define APOLOGIES                                                                              \
    "select count(*) from messages where not inbound and why like 'menu/%' and cause is null"

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void start(unsigned workers)
{
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.workers = workers});
}

static const char *phone_of(size_t number)
{
    return arena_format(&arena, "155509%zu", 10000 + number).at;
}

static void post_all(const char *lead, size_t n, const char *words)
{
    struct post *posts = arena_array(&arena, struct post, n);

    for (size_t i = 0; i < n; i++) {
        posts[i].body = post_text(&arena, phone_of(i),
                                  arena_format(&arena, "wamid.%s.%zu", lead, i).at, words);
    }
    service_post(&service, posts, n, 16, 20 * USEC_PER_SEC);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(posts[i].status, 200);
}

static void until(const char *sql, long number)
{
    service_until(&service, owner, sql, number, 60 * USEC_PER_SEC);
}

static void all_is_due_now(void)
{
    run_sql(owner, "update jobs set due_at = now()");
}

/* Each conversation counted its messages without a gap. */
static void no_gaps(void)
{
    assert_int_equal(ask_number(owner, "select count(*) from conversations c where seq <>"
                                       " (select count(*) from messages m where"
                                       "   m.conversation_id = c.conversation_id)"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    assert_int_equal(service_logged(&service, " alert "), 0);
}

/* --- one conversation ----------------------------------------------------------------------
 */

static void crm_3_the_bot_is_silent_until_nobody_has_answered_in_time(void **state)
{
    (void)state;
    start(1);
    post_all("a", 1, "human");
    until(
        "select count(*) from handoffs where state = 'offered' and reason = 'asked'"
        " and answer_by between asked_at + interval '14 min' and asked_at + interval '16 min'",
        1);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where held_until >"
                                       " now() + interval '14 min'"),
                     1);
    until("select count(*) from outbox", 0);
    long before = ask_number(owner, "select count(*) from messages where not inbound");
    post_all("b", 1, "is anybody there?");
    assert_int_equal(ask_number(owner, "select count(*) from messages where not inbound"),
                     before);
    all_is_due_now();
    until("select count(*) from handoffs where state = 'done' and ended_why = 'unanswered'", 1);
    assert_int_equal(ask_number(owner, "select count(*) from jobs"), 0);
    assert_int_equal(ask_number(owner, "select count(*) from conversations where held_until"
                                       " is not null"),
                     0);
    until("select count(*) from outbox", 0);
    assert_int_equal(service_arrived(&service, NULL, APOLOGY), 1);
    post_all("c", 1, "hi");
    assert_true(ask_number(owner, "select count(*) from messages where not inbound") >
                before + 1);
    no_gaps();
    service_stop(&service);
}

static void what_was_changed_since_it_was_due_does_not_happen(void **state)
{
    (void)state;
    start(1);
    post_all("a", 5, "human");
    until("select count(*) from handoffs", 5);
    run_sql(owner, "update jobs set due_at = now() - interval '1 s', leased_until = now() + "
                   "interval '2 s'"); /* as if claimed by somebody */
    run_sql(owner, "update jobs set due_at = now() + interval '1 hour', leased_until = null");
    (void)usleep(2500000);
    assert_int_equal(ask_number(owner, "select count(*) from jobs"), 5);
    assert_int_equal(ask_number(owner, APOLOGIES), 0);
    service_stop(&service);
}

/* --- many ----------------------------------------------------------------------------------
 */

/* Whoever claims first is killed over it, and the next one, and the next. */
static void a_due_timer_fires_once_with_four_workers_and_kill_9(void **state)
{
    enum { PEOPLE = 400 };
    pid_t pids[8];
    int killed_in_it = 0;

    (void)state;
    start(4);
    post_all("a", PEOPLE, "human");
    until("select count(*) from handoffs", PEOPLE);
    all_is_due_now();
    for (int i = 0; i < 3; i++) {
        service_until(&service, owner,
                      "select case when exists (select 1 from jobs where leased_until > now())"
                      " or not exists (select 1 from jobs) then 1 else 0 end",
                      1, 20 * USEC_PER_SEC);
        killed_in_it += ask_number(owner, "select count(*) from jobs") > 0;
        size_t n = service_workers(&service, pids, COUNTOF(pids));
        for (size_t k = 0; k < n && k < 3; k++)
            (void)kill(pids[k], SIGKILL);
        (void)usleep(300000);
    }
    until("select count(*) from jobs", 0);
    (void)fprintf(stderr, "killed %d times in the middle of it\n", killed_in_it);
    assert_true(killed_in_it > 0);
    assert_int_equal(ask_number(owner, "select count(*) from handoffs where state = 'done'"),
                     PEOPLE);
    assert_int_equal(ask_number(owner, APOLOGIES), PEOPLE);
    assert_int_equal(ask_number(owner, "select count(*) from (select conversation_id from "
                                       "messages where cause is null and not inbound"
                                       " group by 1 having count(*) > 1) t"),
                     0);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_end(&service);
}

static void a_timer_and_a_message_of_the_same_instant_are_two_turns(void **state)
{
    enum { PEOPLE = 60 };

    (void)state;
    start(4);
    post_all("a", PEOPLE, "human");
    until("select count(*) from handoffs", PEOPLE);
    run_sql(owner, "update jobs set due_at = now() + interval '500 ms' * random()");
    post_all("b", PEOPLE, "menu");
    post_all("c", PEOPLE, "menu");
    until("select count(*) from jobs", 0);
    assert_int_equal(ask_number(owner, APOLOGIES), PEOPLE);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound"),
                     3 * PEOPLE);
    assert_int_equal(ask_number(owner, "select count(*) from handoffs where state <> 'done'"),
                     0);
    no_gaps();
    service_stop(&service);
}

static const char ten_thousand[] =
    "set parley.org_id = '01921a7b-4000-7000-8000-6c61726b0001';"
    "insert into contact_points (org_id, contact_id, channel, address, phone)"
    "  select a.org_id, md5('c' || n)::uuid, 'whatsapp', '+1666' || n, '+1666' || n"
    "    from accounts a, generate_series(1, 10000) n where a.channel = 'whatsapp';"
    "insert into conversations (org_id, conversation_id, account_id, contact_id,"
    "                           last_inbound_at, held_until)"
    "  select p.org_id, p.contact_id, a.account_id, p.contact_id, now(), now() + interval '1 h'"
    "    from contact_points p join accounts a on a.org_id = p.org_id and a.channel = "
    "'whatsapp'"
    "   where p.address like '+1666%';"
    "insert into jobs (org_id, job_id, kind, conversation_id, name, due_at)"
    "  select org_id, gen_random_uuid(), 'handoff', conversation_id, 'handoff.timeout', now()"
    "    from conversations where contact_id in (select contact_id from contact_points"
    "      where address like '+1666%');";

static void ten_thousand_that_are_due_at_once_starve_nobody(void **state)
{
    usec_t slowest = 0;
    long after = -1;

    (void)state;
    start(2);
    run_sql(owner, ten_thousand);
    service_until(&service, owner, "select least(count(*), 1) from messages where not inbound",
                  1, 10 * USEC_PER_SEC);
    for (int i = 0; i < 20; i++) {
        const char *phone = phone_of(500 + (size_t)i);
        usec_t began = clock_monotonic();
        struct post post = {
            .body = post_text(&arena, phone, arena_format(&arena, "wamid.q.%d", i).at, "hi")};
        service_post(&service, &post, 1, 1, 10 * USEC_PER_SEC);
        assert_int_equal(post.status, 200);
        service_until(&service, owner,
                      arena_format(&arena,
                                   "select least(count(*), 1) from contact_points p"
                                   "  join conversations c using (org_id, contact_id)"
                                   "  join messages m using (org_id, conversation_id)"
                                   " where p.address = '+%s' and not m.inbound"
                                   "   and m.delivery > 0",
                                   phone)
                          .at,
                      1, 20 * USEC_PER_SEC);
        usec_t took = clock_monotonic() - began;
        slowest = took > slowest ? took : slowest;
        if (i == 0)
            after = ask_number(owner, "select count(*) from jobs");
    }
    (void)fprintf(stderr,
                  "%ld jobs left at the first answer, the slowest answer took %lld ms\n", after,
                  (long long)(slowest / USEC_PER_MSEC));
    assert_true(after > 0); /* it was asked in the thick of it */
    assert_true(slowest < 5 * USEC_PER_SEC);
    service_until(&service, owner, "select count(*) from jobs", 0, 120 * USEC_PER_SEC);
    assert_int_equal(ask_number(owner, "select count(*) from (select conversation_id from "
                                       "messages where cause is null and not inbound"
                                       " group by 1 having count(*) = 1) t"),
                     10000);
    service_end(&service);
}

#define FRESH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(crm_3_the_bot_is_silent_until_nobody_has_answered_in_time),
        FRESH(what_was_changed_since_it_was_due_does_not_happen),
        FRESH(a_due_timer_fires_once_with_four_workers_and_kill_9),
        FRESH(a_timer_and_a_message_of_the_same_instant_are_two_turns),
        FRESH(ten_thousand_that_are_due_at_once_starve_nobody),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
