/*
 * A delivery that ends the process which steps it: the supervisor starts the worker again, the
 * provider comes again, and the second death of its own is the last. And workers that are
 * killed from outside, for which nothing is parked. Runs parley-mortal, whose engine dies over
 * the words "die now".
 */
#include "tests/support/service.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MORTAL PARLEY_BUILD_DIR "/parley-mortal"
#define KILLER "15550700666"

enum { OTHERS = 40 };

static struct arena arena;
static struct service service;
static PGconn *owner;

static int tear_down(void **state)
{
    (void)state;
    service_end(&service);
    arena_finish(&arena);
    PQfinish(owner);
    return 0;
}

static void deaths_are(int number)
{
    double counted = service_counter(&service, "parley_worker_deaths_total");

    if (counted < number || counted > number)
        fail_msg("%g deaths, not %d", counted, number);
}

static const char *phone_of(size_t i)
{
    return arena_format(&arena, "155507%05zu", i).at;
}

static void add_others(struct post *posts)
{
    for (size_t i = 0; i < OTHERS; i++) {
        posts[i] = (struct post){
            .body = post_text(&arena, phone_of(i),
                              arena_format(&arena, "wamid.other.%zu", i).at, "hi")};
    }
}

/*
 * Deliveries posted while nothing can be written wait together, and are one batch once it can.
 * A process of its own holds the lock for so long.
 */
static void post_into_one_batch(struct post *posts, size_t n)
{
    pid_t pid;

    run_sql(owner, "begin; lock table seen in exclusive mode");
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)usleep(900000);
        PGresult *result = PQexec(owner, "commit");
        _exit(PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : 1);
    }
    service_post(&service, posts, n, (unsigned)n, 30 * USEC_PER_SEC);
    PQfinish(owner); /* the child used it */
    owner = owner_connect();
}

static void everyone_else_was_handled_once(const struct post *posts)
{
    for (size_t i = 0; i < OTHERS; i++)
        assert_int_equal(posts[i].status, 200);
    assert_int_equal(ask_number(owner, "select count(*) from messages where inbound"
                                       " and provider_id like 'wamid.other.%'"),
                     OTHERS);
    assert_int_equal(ask_number(owner, "select count(distinct provider_id) from messages"
                                       " where inbound and provider_id like 'wamid.other.%'"),
                     OTHERS);
    for (size_t i = 0; i < OTHERS; i++)
        assert_true(service_arrived(&service, phone_of(i), NULL) > 0);
}

/* In: one worker, so that the killer's batch holds everybody. It dies in company first, which
 * shows nothing, and then twice alone. */
static void a_delivery_that_killed_two_workers_is_parked_unstepped(void **state)
{
    (void)state;
    struct post posts[OTHERS + 1];

    owner = owner_connect();
    service_start(&service, &(struct service_wish){.program = MORTAL});
    add_others(posts);
    posts[OTHERS] = (struct post){.body = post_text(&arena, KILLER, "wamid.killer", "die now")};
    post_into_one_batch(posts, OTHERS + 1);
    assert_int_equal(posts[OTHERS].status, 200);
    assert_true(posts[OTHERS].tries >= 4);
    for (size_t i = 0; i < OTHERS; i++)
        assert_true(posts[i].tries >= 2); /* they were in the batch that died */
    deaths_are(3);
    assert_int_equal(service_logged(&service, "supervisor.worker_died"), 3);
    service_until(&service, owner, "select count(*) from outbox", 0, 20 * USEC_PER_SEC);
    everyone_else_was_handled_once(posts);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    assert_int_equal(ask_number(owner,
                                "select count(*) from dead_letters where provider = 'whatsapp'"
                                " and reason = 'a worker died over it twice'"
                                " and item = 'wamid.killer'"
                                " and convert_from(payload, 'UTF8') like '%\"die now\"%'"
                                " and account_id is not null and replayed_at is null"),
                     1);
    assert_int_equal(service_arrived(&service, KILLER, "Something went wrong on our side"), 1);
    assert_int_equal(service_arrived(&service, KILLER, NULL), 1);
    assert_true(service_counter(&service, "parley_parked_total") == 1);
    service_stop(&service);
}

/* What it was is known: the customer goes on as if the message had never been. */
static void after_it_the_customer_is_served_as_ever(void **state)
{
    (void)state;
    struct post posts[2] = {0};

    owner = owner_connect();
    service_start(&service, &(struct service_wish){.program = MORTAL, .workers = 2});
    posts[0].body = post_text(&arena, KILLER, "wamid.killer", "die now");
    service_post(&service, posts, 1, 1, 30 * USEC_PER_SEC);
    assert_int_equal(posts[0].status, 200);
    deaths_are(2);
    posts[1].body = post_text(&arena, KILLER, "wamid.after", "menu");
    service_post(&service, &posts[1], 1, 1, 30 * USEC_PER_SEC);
    posts[0].status = 0; /* and it comes once more: seen, so nothing happens */
    service_post(&service, posts, 1, 1, 0);
    assert_int_equal(posts[0].status, 200);
    service_until(&service, owner, "select count(*) from outbox", 0, 20 * USEC_PER_SEC);
    assert_int_equal(service_arrived(&service, KILLER, "Something went wrong on our side"), 1);
    assert_true(service_arrived(&service, KILLER, NULL) >= 2);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    deaths_are(2);
    service_stop(&service);
}

/* All of a killing delivery is parked: which of its items it was nobody can know. */
static void of_a_delivery_of_many_items_all_are_parked(void **state)
{
    (void)state;
    struct post post = {0};
    struct str messages[3] = {post_message(&arena, "15550700001", "wamid.1", "hi"),
                              post_message(&arena, KILLER, "wamid.2", "die now"),
                              post_message(&arena, "15550700003", "wamid.3", "hi")};

    owner = owner_connect();
    service_start(&service, &(struct service_wish){.program = MORTAL});
    post.body = post_messages(&arena, messages, 3);
    service_post(&service, &post, 1, 1, 30 * USEC_PER_SEC);
    assert_int_equal(post.status, 200);
    deaths_are(2);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 3);
    /* the delivery is kept once, and every letter leads to it */
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"
                                       " where length(payload) > 0 and whole_in is null"),
                     1);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters d"
                                       " join dead_letters w on w.dead_id = d.whole_in"
                                       " where length(w.payload) > 0 and d.payload = ''"),
                     2);
    service_until(&service, owner, "select count(*) from outbox", 0, 20 * USEC_PER_SEC);
    assert_int_equal(service_arrived(&service, NULL, "Something went wrong on our side"), 3);
    service_stop(&service);
}

/* Killed from outside, by an operator or for want of memory: nobody is parked for one death. */
static void a_worker_killed_once_parks_nobody(void **state)
{
    (void)state;
    struct post posts[OTHERS];
    pid_t workers[4];

    owner = owner_connect();
    service_start(&service, &(struct service_wish){.program = MORTAL});
    add_others(posts);
    run_sql(owner, "begin; lock table seen in exclusive mode");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)usleep(200000);
        if (service_workers(&service, workers, 4) == 1)
            (void)kill(workers[0], SIGKILL);
        (void)PQexec(owner, "commit");
        _exit(0);
    }
    service_post(&service, posts, OTHERS, OTHERS, 30 * USEC_PER_SEC);
    PQfinish(owner);
    owner = owner_connect();
    deaths_are(1);
    service_until(&service, owner, "select count(*) from outbox", 0, 20 * USEC_PER_SEC);
    everyone_else_was_handled_once(posts);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 0);
    service_stop(&service);
}

/* Waits until a connection that began after the last one seen stands before the lock: some
 * delivery is in flight in a new worker. */
static bool another_waits(char *last, size_t room)
{
    for (int i = 0; i < 400; i++) {
        PQclear(PQexec(owner, "select pg_stat_clear_snapshot()"));
        PGresult *rows =
            PQexecParams(owner,
                         "select max(backend_start)::text from pg_stat_activity"
                         " where wait_event_type = 'Lock' and backend_start > $1::timestamptz",
                         1, NULL, (const char *const[]){last}, NULL, NULL, 0);
        bool found = PQntuples(rows) == 1 && !PQgetisnull(rows, 0, 0);
        if (found)
            (void)snprintf(last, room, "%s", PQgetvalue(rows, 0, 0));
        PQclear(rows);
        if (found)
            return true;
        (void)usleep(10000);
    }
    return false;
}

enum { STORM = 4 }; /* the pause before a new worker doubles each time */

/* In a process of its own: each worker is killed as soon as it has something in flight. */
static void storm(void)
{
    char last[64] = "-infinity";
    pid_t workers[4];
    int killed = 0;

    while (killed < STORM && another_waits(last, sizeof last)) {
        if (service_workers(&service, workers, 4) == 1 && kill(workers[0], SIGKILL) == 0)
            killed++;
    }
    (void)PQexec(owner, "commit");
    _exit(killed == STORM ? 0 : 1);
}

/* Killed again and again while what it was doing had hardly begun anew: by the third death each
 * delivery in flight was alone, and innocent all the same. The one that kills is found out
 * among them. */
static void a_storm_of_kills_parks_nobody_but_the_killer(void **state)
{
    struct post posts[OTHERS + 1];
    int status;

    (void)state;
    owner = owner_connect();
    service_start(&service, &(struct service_wish){.program = MORTAL});
    add_others(posts);
    posts[OTHERS] = (struct post){.body = post_text(&arena, KILLER, "wamid.killer", "die now")};
    run_sql(owner, "begin; lock table seen in exclusive mode");
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        storm();
    service_post(&service, posts, OTHERS + 1, OTHERS + 1, 60 * USEC_PER_SEC);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    PQfinish(owner);
    owner = owner_connect();
    service_until(&service, owner, "select count(*) from outbox", 0, 20 * USEC_PER_SEC);
    everyone_else_was_handled_once(posts);
    assert_int_equal(posts[OTHERS].status, 200);
    double deaths = service_counter(&service, "parley_worker_deaths_total");
    /* Once in company, if not before; and a kill may meet one that was dying of the killer. */
    assert_in_range((int)deaths, STORM + 1, STORM + 3);
    assert_int_equal(ask_number(owner, "select count(*) from dead_letters"), 1);
    assert_int_equal(
        ask_number(owner, "select count(*) from dead_letters where item = 'wamid.killer'"), 1);
    service_stop(&service);
}

#define FRESH(test) cmocka_unit_test_teardown(test, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(a_delivery_that_killed_two_workers_is_parked_unstepped),
        FRESH(after_it_the_customer_is_served_as_ever),
        FRESH(of_a_delivery_of_many_items_all_are_parked),
        FRESH(a_worker_killed_once_parks_nobody),
        FRESH(a_storm_of_kills_parks_nobody_but_the_killer),
    };
    store_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    store_shut();
    return failed;
}
