/* The loop's promises: tasks after the turn, timers never early, nothing forgotten. */
#include "bot/loop/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct loop loop;
    char trace[64];
    size_t n;
};

static struct world world;

static int set_up(void **state)
{
    (void)state;
    world = (struct world){0};
    return loop_init(&world.loop, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return loop_finish(&world.loop) ? 0 : -1;
}

static void mark(char c)
{
    assert_true(world.n < sizeof world.trace - 1);
    world.trace[world.n++] = c;
    world.trace[world.n] = '\0';
}

struct marker {
    struct loop_task task;
    struct timer timer;
    char name;
    struct marker *posts;
    struct marker *unposts;
};

static void run_marker(struct loop_task *task)
{
    struct marker *marker = CONTAINER_OF(task, struct marker, task);
    mark(marker->name);
    if (marker->posts)
        loop_post(&world.loop, &marker->posts->task, run_marker);
    if (marker->unposts)
        loop_unpost(&world.loop, &marker->unposts->task);
}

static void tasks_run_once_in_order_and_never_inside_post(void **state)
{
    (void)state;
    struct marker a = {.name = 'a'};
    struct marker b = {.name = 'b'};
    loop_post(&world.loop, &a.task, run_marker);
    loop_post(&world.loop, &b.task, run_marker);
    loop_post(&world.loop, &a.task, run_marker);
    assert_int_equal(world.n, 0);
    loop_run(&world.loop);
    assert_string_equal(world.trace, "ab");
}

static void a_task_that_posts_itself_does_not_starve_the_loop(void **state)
{
    (void)state;
    struct marker a = {.name = 'a'};
    a.posts = &a;
    loop_post(&world.loop, &a.task, run_marker);
    uv_run(&world.loop.uv, UV_RUN_NOWAIT);
    assert_string_equal(world.trace, "a");
    uv_run(&world.loop.uv, UV_RUN_NOWAIT);
    assert_string_equal(world.trace, "aa");
    loop_unpost(&world.loop, &a.task);
    loop_run(&world.loop);
    assert_string_equal(world.trace, "aa");
}

static void a_task_may_unpost_one_that_waits_beside_it(void **state)
{
    (void)state;
    struct marker a = {.name = 'a'};
    struct marker b = {.name = 'b'};
    struct marker c = {.name = 'c'};
    a.unposts = &b;
    c.posts = &a;
    loop_post(&world.loop, &a.task, run_marker);
    loop_post(&world.loop, &b.task, run_marker);
    loop_post(&world.loop, &c.task, run_marker);
    loop_run(&world.loop);
    assert_string_equal(world.trace, "aca");
}

static void unposting_the_last_leaves_the_list_usable(void **state)
{
    (void)state;
    struct marker a = {.name = 'a'};
    struct marker b = {.name = 'b'};
    struct marker c = {.name = 'c'};
    loop_post(&world.loop, &a.task, run_marker);
    loop_post(&world.loop, &b.task, run_marker);
    loop_unpost(&world.loop, &b.task);
    loop_unpost(&world.loop, &b.task);
    loop_post(&world.loop, &c.task, run_marker);
    loop_run(&world.loop);
    assert_string_equal(world.trace, "ac");
}

static void fire_marker(struct timer *timer)
{
    struct marker *marker = CONTAINER_OF(timer, struct marker, timer);
    mark(marker->name);
    if (marker->posts)
        loop_post(&world.loop, &marker->posts->task, run_marker);
    timer_close(timer, NULL);
}

static void a_timer_is_never_early_even_after_a_long_turn(void **state)
{
    (void)state;
    struct marker a = {.name = 'a'};
    usleep(30000); /* libuv's idea of now is stale */
    usec_t began = clock_monotonic();
    timer_start(&world.loop, &a.timer, 20 * USEC_PER_MSEC, fire_marker);
    loop_run(&world.loop);
    usec_t took = clock_monotonic() - began;
    assert_string_equal(world.trace, "a");
    assert_true(took >= 19 * USEC_PER_MSEC); /* libuv's clock counts in whole milliseconds */
    assert_true(took < 2 * USEC_PER_SEC);
}

static void a_task_posted_by_a_timer_does_not_wait_for_io(void **state)
{
    (void)state;
    struct marker b = {.name = 'b'};
    struct marker a = {.name = 'a', .posts = &b};
    timer_start(&world.loop, &a.timer, 0, fire_marker);
    loop_run(&world.loop);
    assert_string_equal(world.trace, "ab");
}

static void starting_a_timer_again_moves_it(void **state)
{
    (void)state;
    struct marker a = {.name = 'a'};
    struct marker b = {.name = 'b'};
    timer_start(&world.loop, &a.timer, 5 * USEC_PER_MSEC, fire_marker);
    timer_start(&world.loop, &b.timer, 20 * USEC_PER_MSEC, fire_marker);
    timer_start(&world.loop, &a.timer, 60 * USEC_PER_MSEC, fire_marker);
    loop_run(&world.loop);
    assert_string_equal(world.trace, "ba");
}

static void timer_is_closed(struct timer *timer)
{
    mark('x');
    free(CONTAINER_OF(timer, struct marker, timer));
}

static void a_timer_says_when_its_storage_may_go(void **state)
{
    (void)state;
    struct marker *started = calloc(1, sizeof *started);
    struct marker *never = calloc(1, sizeof *never);
    timer_start(&world.loop, &started->timer, USEC_PER_HOUR, fire_marker);
    timer_close(&started->timer, timer_is_closed);
    timer_close(&never->timer, timer_is_closed);
    loop_run(&world.loop);
    assert_string_equal(world.trace, "xx");
}

struct pipe_end {
    struct poll_watch watch;
    int fd;
    int calls;
};

static void drain_pipe(struct poll_watch *watch, int status, int events)
{
    struct pipe_end *end = CONTAINER_OF(watch, struct pipe_end, watch);
    char bytes[16];
    assert_int_equal(status, 0);
    assert_true(events & UV_READABLE);
    assert_true(read(end->fd, bytes, sizeof bytes) > 0);
    if (++end->calls == 2)
        poll_close(watch, NULL);
}

static void a_watch_reports_what_is_wanted_and_ends_when_closed(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct pipe_end end = {.fd = fds[0]};
    assert_true(poll_open(&world.loop, &end.watch, fds[0], drain_pipe, NULL));
    assert_int_equal(write(fds[1], "a", 1), 1);
    poll_want(&end.watch, UV_READABLE);
    poll_want(&end.watch, UV_READABLE);
    poll_want(&end.watch, 0);
    uv_run(&world.loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(end.calls, 0);
    poll_want(&end.watch, UV_READABLE);
    uv_run(&world.loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(end.calls, 1);
    assert_int_equal(write(fds[1], "b", 1), 1);
    loop_run(&world.loop);
    assert_int_equal(end.calls, 2);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void a_forgotten_handle_is_noticed(void **state)
{
    (void)state;
    struct loop loop;
    struct timer forgotten = {0};
    assert_true(loop_init(&loop, NULL));
    timer_start(&loop, &forgotten, USEC_PER_HOUR, fire_marker);
    assert_false(loop_finish(&loop));
    timer_close(&forgotten, NULL);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&loop.uv), 0);
}

static void clocks_go_forward_and_random_bytes_differ(void **state)
{
    (void)state;
    usec_t before = clock_monotonic();
    assert_true(clock_monotonic() >= before);
    assert_true(clock_now() > 1700000000 * USEC_PER_SEC);
    uint64_t a = 0;
    uint64_t b = 0;
    random_bytes(&a, sizeof a);
    random_bytes(&b, sizeof b);
    assert_true(a != b);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(tasks_run_once_in_order_and_never_inside_post),
        WITH_LOOP(a_task_that_posts_itself_does_not_starve_the_loop),
        WITH_LOOP(a_task_may_unpost_one_that_waits_beside_it),
        WITH_LOOP(unposting_the_last_leaves_the_list_usable),
        WITH_LOOP(a_timer_is_never_early_even_after_a_long_turn),
        WITH_LOOP(a_task_posted_by_a_timer_does_not_wait_for_io),
        WITH_LOOP(starting_a_timer_again_moves_it),
        WITH_LOOP(a_timer_says_when_its_storage_may_go),
        WITH_LOOP(a_watch_reports_what_is_wanted_and_ends_when_closed),
        cmocka_unit_test(a_forgotten_handle_is_noticed),
        cmocka_unit_test(clocks_go_forward_and_random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
