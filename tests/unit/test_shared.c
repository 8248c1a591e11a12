/* What is remembered of deliveries that were being stepped when a worker died. */
#include "bot/shared.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct hash16 delivery(unsigned number)
{
    struct str text = {(const char *)&number, sizeof number};

    return hash16_of(&text, 1);
}

static struct shared *shared_of(unsigned workers)
{
    struct shared *shared;
    struct err err = {0};

    assert_true(crypto_init(&err));
    assert_true(shared_create(workers, &shared, &err));
    assert_int_equal(shared->n_workers, workers);
    return shared;
}

/* In a process of its own that is killed while it steps, as workers are. */
static void die(struct shared *shared, unsigned worker, const unsigned *deliveries, size_t n,
                bool own)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        unsigned slot = shared_stepping_begin(&shared->workers[worker]);
        for (size_t i = 0; i < n; i++)
            shared_stepping_add(&shared->workers[worker], slot, delivery(deliveries[i]));
        shared_runs(&shared->workers[worker], slot);
        (void)kill(getpid(), SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    shared_blame(shared, worker, own);
}

static void die_over(struct shared *shared, unsigned worker, const unsigned *deliveries,
                     size_t n)
{
    die(shared, worker, deliveries, n, true);
}

static bool suspected(const struct shared *shared, unsigned number)
{
    return shared_is_suspect(shared, delivery(number));
}

/* In company it is suspected; what happens to it alone is its own. */
static void only_who_was_alone_has_died_of_it(void **state)
{
    (void)state;
    struct shared *shared = shared_of(2);
    const unsigned both[] = {1, 2}, one[] = {1};

    assert_false(suspected(shared, 1));
    die_over(shared, 0, both, 2);
    for (unsigned i = 1; i <= 2; i++) {
        assert_true(suspected(shared, i));
        assert_int_equal(shared_deaths(shared, delivery(i)), 0);
    }
    die_over(shared, 1, one, 1); /* whichever worker */
    assert_int_equal(shared_deaths(shared, delivery(1)), 1);
    die_over(shared, 0, one, 1);
    assert_int_equal(shared_deaths(shared, delivery(1)), 2);
    assert_int_equal(shared_deaths(shared, delivery(2)), 0);
    assert_false(suspected(shared, 3));
}

static void who_is_killed_from_outside_is_innocent_however_often(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    const unsigned one[] = {1};

    for (int i = 0; i < 10; i++)
        die(shared, 0, one, 1, false);
    assert_true(suspected(shared, 1));
    assert_int_equal(shared_deaths(shared, delivery(1)), 0);
}

/* Two businesses' batches: one waits for the database while the other's code runs. And when
 * nobody's ran, it was something else. */
static void who_waits_while_another_runs_is_innocent(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    struct shared_worker *worker = &shared->workers[0];

    for (unsigned running = 0; running <= 2; running++) {
        for (unsigned i = 0; i < 2; i++)
            shared_stepping_add(worker, shared_stepping_begin(worker), delivery(i + 1));
        shared_runs(worker, 0);
        shared_rests(worker);
        if (running > 0)
            shared_runs(worker, running - 1);
        shared_blame(shared, 0, true);
        assert_int_equal(shared_deaths(shared, delivery(1)), running >= 1);
        assert_int_equal(shared_deaths(shared, delivery(2)), running >= 2);
    }
}

static void a_delivery_of_many_items_dies_once(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    const unsigned mixed[] = {1, 1, 2, 1, 2, 2, 1};

    const unsigned many[] = {3, 3, 3, 3};

    die_over(shared, 0, mixed, COUNTOF(mixed));
    assert_true(suspected(shared, 1) && suspected(shared, 2));
    die_over(shared, 0, many, COUNTOF(many));
    assert_int_equal(shared_deaths(shared, delivery(3)), 1);
}

static void what_was_finished_before_is_not_blamed(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    struct shared_worker *worker = &shared->workers[0];
    unsigned done = shared_stepping_begin(worker);
    unsigned open = shared_stepping_begin(worker);

    assert_int_not_equal(done, open);
    shared_stepping_add(worker, done, delivery(1));
    shared_stepping_add(worker, open, delivery(2));
    shared_stepping_end(worker, done);
    shared_blame(shared, 0, true);
    assert_false(suspected(shared, 1));
    assert_true(suspected(shared, 2));
    shared_blame(shared, 0, true); /* the dead worker's slots are free again */
    assert_true(suspected(shared, 2));
    for (unsigned i = 0; i < SHARED_SLOTS; i++)
        assert_int_equal(shared_stepping_begin(worker), i);
}

static void a_slot_begun_again_has_forgotten_its_last_batch(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    struct shared_worker *worker = &shared->workers[0];
    unsigned slot = shared_stepping_begin(worker);

    shared_stepping_add(worker, slot, delivery(1));
    shared_stepping_end(worker, slot);
    assert_int_equal(shared_stepping_begin(worker), slot);
    shared_stepping_add(worker, slot, delivery(2));
    shared_blame(shared, 0, true);
    assert_false(suspected(shared, 1));
    assert_true(suspected(shared, 2));
}

static void more_batches_and_deliveries_than_there_is_room_for_harm_nothing(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    struct shared_worker *worker = &shared->workers[0];
    unsigned slot = 0;

    for (unsigned i = 0; i < SHARED_SLOTS + 3; i++) {
        slot = shared_stepping_begin(worker);
        for (unsigned k = 0; k < SHARED_STEPPING + 50; k++)
            shared_stepping_add(worker, slot, delivery(i * 1000 + k));
    }
    assert_int_equal(slot, SHARED_SLOTS);
    shared_stepping_end(worker, slot);
    shared_blame(shared, 0, true);
    /* the newest are remembered, the oldest gave way */
    unsigned last = (SHARED_SLOTS - 1) * 1000 + SHARED_STEPPING - 1;
    assert_true(suspected(shared, last));
    assert_false(suspected(shared, 0));
    assert_false(suspected(shared, SHARED_SLOTS * 1000));
}

/* The supervisor reads what a dying worker left, whatever that is. */
static void a_count_that_nobody_counted_kills_no_supervisor(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    struct shared_worker *worker = &shared->workers[0];
    unsigned slot = SHARED_SLOTS - 1; /* behind it the mapping ends */

    worker->stepping[slot].hashes[0] = delivery(1);
    atomic_store(&worker->stepping[slot].n, UINT32_MAX);
    atomic_store(&worker->stepping[slot].used, true);
    shared_blame(shared, 0, true);
    assert_true(suspected(shared, 1));
}

/* As if a worker had died over it. */
static void blame_alone(struct shared *shared, unsigned number, bool own)
{
    unsigned slot = shared_stepping_begin(&shared->workers[0]);

    shared_stepping_add(&shared->workers[0], slot, delivery(number));
    shared_runs(&shared->workers[0], slot);
    shared_blame(shared, 0, own);
}

/* A killer stays known while many innocents are suspected and cleared by living. */
static void the_oldest_suspects_give_way_but_no_killer(void **state)
{
    (void)state;
    struct shared *shared = shared_of(1);
    const unsigned killer = 1000000;

    for (unsigned i = 0; i < SHARED_SUSPECTS + 10; i++)
        blame_alone(shared, i, false);
    for (unsigned i = 0; i < 10; i++)
        assert_false(suspected(shared, i));
    for (unsigned i = 10; i < SHARED_SUSPECTS + 10; i++)
        assert_true(suspected(shared, i));
    blame_alone(shared, killer, true);
    for (unsigned i = 0; i < 3 * SHARED_SUSPECTS; i++)
        blame_alone(shared, i, false);
    assert_int_equal(shared_deaths(shared, delivery(killer)), 1);
    for (unsigned i = 0; i < SHARED_SUSPECTS + 10; i++)
        blame_alone(shared, i, true); /* all have killed: again the oldest */
    assert_false(suspected(shared, 0));
    assert_int_equal(shared_deaths(shared, delivery(SHARED_SUSPECTS + 9)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_that_nobody_counted_kills_no_supervisor),
        cmocka_unit_test(only_who_was_alone_has_died_of_it),
        cmocka_unit_test(who_is_killed_from_outside_is_innocent_however_often),
        cmocka_unit_test(who_waits_while_another_runs_is_innocent),
        cmocka_unit_test(a_delivery_of_many_items_dies_once),
        cmocka_unit_test(what_was_finished_before_is_not_blamed),
        cmocka_unit_test(a_slot_begun_again_has_forgotten_its_last_batch),
        cmocka_unit_test(more_batches_and_deliveries_than_there_is_room_for_harm_nothing),
        cmocka_unit_test(the_oldest_suspects_give_way_but_no_killer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
