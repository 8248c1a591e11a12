/*
 * A thin skin over libuv, for three habits: storage belongs to owners, a closed handle says so
 * through a callback with the owner's own type, and nothing is re-registered with the kernel
 * that has not changed.
 *
 * Tasks run in a uv_check, right after the poll phase: in the same turn as the I/O that posted
 * them. The idle handle only keeps the poll phase from sleeping on a task that was posted
 * elsewhere, by a timer or before the loop ran.
 */
#include "bot/loop/loop.h"

#include <signal.h>
#include <sodium.h>
#include <time.h>

static void run_tasks(uv_check_t *check)
{
    struct loop *loop = CONTAINER_OF(check, struct loop, turn_end);
    struct loop_task *waiting = loop->tasks;
    if (!waiting)
        return;
    /* Take the whole list, so that what is posted meanwhile waits for the next turn; each
     * task is unhooked before it runs, since it may free itself or unpost another. */
    waiting->slot = &waiting;
    loop->tasks = NULL;
    loop->last = &loop->tasks;
    while (waiting) {
        struct loop_task *task = waiting;
        waiting = task->next;
        if (waiting)
            waiting->slot = &waiting;
        task->next = NULL;
        task->slot = NULL;
        task->run(task);
    }
    if (!loop->tasks)
        uv_idle_stop(&loop->no_wait);
}

static void keep_turning(uv_idle_t *idle)
{
    (void)idle;
}

bool loop_init(struct loop *loop, struct err *err)
{
    *loop = (struct loop){0};
    int rc = uv_loop_init(&loop->uv);
    if (rc)
        return err_raise(err, ERR_RETRY, "event loop: %s", uv_strerror(rc));
    /* A reader that has gone is an error of one write, not the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    loop->last = &loop->tasks;
    uv_check_init(&loop->uv, &loop->turn_end);
    uv_check_start(&loop->turn_end, run_tasks);
    uv_unref((uv_handle_t *)&loop->turn_end);
    uv_idle_init(&loop->uv, &loop->no_wait);
    return true;
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_stop(&loop->uv);
}

bool loop_finish(struct loop *loop)
{
    while (loop->tasks)
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    uv_close((uv_handle_t *)&loop->turn_end, NULL);
    uv_close((uv_handle_t *)&loop->no_wait, NULL);
    /* Closing takes a turn for each handle, libwebsockets a few more; a forgotten handle would
     * take for ever, so patience ends. */
    for (int turn = 0; turn < 300; turn++) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        if (uv_loop_close(&loop->uv) == 0)
            return true;
        if (turn >= 20)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return false;
}

void loop_post(struct loop *loop, struct loop_task *task, void (*run)(struct loop_task *task))
{
    task->run = run;
    if (task->slot)
        return;
    task->next = NULL;
    task->slot = loop->last;
    *loop->last = task;
    loop->last = &task->next;
    if (!uv_is_active((uv_handle_t *)&loop->no_wait))
        uv_idle_start(&loop->no_wait, keep_turning);
}

void loop_unpost(struct loop *loop, struct loop_task *task)
{
    if (!task->slot)
        return;
    *task->slot = task->next;
    if (task->next)
        task->next->slot = task->slot;
    if (loop->last == &task->next)
        loop->last = task->slot;
    task->next = NULL;
    task->slot = NULL;
    if (!loop->tasks)
        uv_idle_stop(&loop->no_wait);
}

static usec_t read_clock(clockid_t which)
{
    struct timespec now;
    (void)clock_gettime(which, &now);
    return (usec_t)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

usec_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void random_bytes(void *into, size_t n)
{
    randombytes_buf(into, n);
}

static void timer_fired(uv_timer_t *uv)
{
    struct timer *timer = CONTAINER_OF(uv, struct timer, uv);
    timer->armed = false;
    timer->fire(timer);
}

void timer_start(struct loop *loop, struct timer *timer, usec_t after,
                 void (*fire)(struct timer *timer))
{
    if (!timer->open) {
        uv_timer_init(&loop->uv, &timer->uv);
        timer->open = true;
    }
    timer->fire = fire;
    timer->armed = true;
    /* libuv counts from the turn's start; a long turn would make short timers early. */
    uv_update_time(&loop->uv);
    uint64_t ms = after <= 0 ? 0 : (uint64_t)(after + USEC_PER_MSEC - 1) / USEC_PER_MSEC;
    uv_timer_start(&timer->uv, timer_fired, ms, 0);
}

void timer_stop(struct timer *timer)
{
    if (timer->armed)
        uv_timer_stop(&timer->uv);
    timer->armed = false;
}

static void timer_closed(uv_handle_t *handle)
{
    struct timer *timer = CONTAINER_OF(handle, struct timer, uv);
    void (*closed)(struct timer *) = (void (*)(struct timer *))handle->data;
    if (closed)
        closed(timer);
}

void timer_close(struct timer *timer, void (*closed)(struct timer *timer))
{
    timer->armed = false;
    if (!timer->open) {
        if (closed)
            closed(timer);
        return;
    }
    timer->open = false;
    timer->uv.data = (void *)closed;
    uv_close((uv_handle_t *)&timer->uv, timer_closed);
}

static void poll_fired(uv_poll_t *uv, int status, int events)
{
    struct poll_watch *watch = CONTAINER_OF(uv, struct poll_watch, uv);
    if (status < 0)
        watch->mask = 0; /* libuv has stopped the handle by itself */
    watch->ready(watch, status, events);
}

bool poll_open(struct loop *loop, struct poll_watch *watch, int fd,
               void (*ready)(struct poll_watch *watch, int status, int events), struct err *err)
{
    int rc = uv_poll_init(&loop->uv, &watch->uv, fd);
    if (rc)
        return err_raise(err, ERR_RETRY, "watch socket: %s", uv_strerror(rc));
    watch->open = true;
    watch->mask = 0;
    watch->ready = ready;
    return true;
}

void poll_want(struct poll_watch *watch, int mask)
{
    if (!watch->open || watch->mask == mask)
        return;
    watch->mask = mask;
    if (mask == 0) {
        uv_poll_stop(&watch->uv);
    } else {
        uv_poll_start(&watch->uv, mask, poll_fired);
    }
}

static void poll_closed(uv_handle_t *handle)
{
    struct poll_watch *watch = CONTAINER_OF(handle, struct poll_watch, uv);
    void (*closed)(struct poll_watch *) = (void (*)(struct poll_watch *))handle->data;
    if (closed)
        closed(watch);
}

void poll_close(struct poll_watch *watch, void (*closed)(struct poll_watch *watch))
{
    watch->mask = 0;
    if (!watch->open) {
        if (closed)
            closed(watch);
        return;
    }
    watch->open = false;
    watch->uv.data = (void *)closed;
    uv_close((uv_handle_t *)&watch->uv, poll_closed);
}
