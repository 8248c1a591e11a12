/*
 * The event loop: one thread, one libuv loop per process.
 *
 * Everything asynchronous is a request embedded in the object that waits for it: the caller
 * owns it and keeps it still until `done`, which runs exactly once, from the loop, never inside
 * the call that started it. CONTAINER_OF leads back to the owner.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/err.h"

#include <uv.h>

/* Something to do when the callbacks of this turn of the loop have run. Zeroed storage is a
 * task that is not waiting. */
struct loop_task {
    struct loop_task *next;
    struct loop_task **slot; /* what points at it; NULL while it does not wait */
    void (*run)(struct loop_task *task);
};

struct loop {
    uv_loop_t uv;
    uv_check_t turn_end;
    uv_idle_t no_wait; /* active while tasks wait, so that the turn does not sleep */
    struct loop_task *tasks;
    struct loop_task **last;
};

MUST_USE bool loop_init(struct loop *loop, struct err *err);
/* Runs until nothing is left to wait for, or `loop_stop`. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* All handles must be closed by their owners; runs what closing leaves to do. False if one was
 * forgotten. */
bool loop_finish(struct loop *loop);

/*
 * Run `task` once, after the I/O of this turn: how `done` stays out of the call that started
 * it, how the events of one turn become one batch, and where the dying are reaped. Posting a
 * waiting task again changes nothing; what a task posts runs in the next turn.
 */
void loop_post(struct loop *loop, struct loop_task *task, void (*run)(struct loop_task *task));
void loop_unpost(struct loop *loop, struct loop_task *task);

usec_t clock_now(void);       /* wall clock, since 1970 UTC */
usec_t clock_monotonic(void); /* for durations and deadlines */
void random_bytes(void *into, size_t n);

/* A timer embedded in its owner; rounds up to milliseconds, so it is never early. Starting it
 * again moves it. Zeroed storage is a stopped timer. */
struct timer {
    uv_timer_t uv;
    bool open;
    bool armed;
    void (*fire)(struct timer *timer);
};
void timer_start(struct loop *loop, struct timer *timer, usec_t after,
                 void (*fire)(struct timer *timer));
void timer_stop(struct timer *timer);
/* The storage may go once `closed` has run (NULL: the owner outlives the loop). For a timer
 * that was never started `closed` runs at once. */
void timer_close(struct timer *timer, void (*closed)(struct timer *timer));

/* Watch a foreign library's socket. Repeats of the same mask are skipped (limits.md trap 10).
 */
struct poll_watch {
    uv_poll_t uv;
    bool open;
    int mask;
    void (*ready)(struct poll_watch *watch, int status,
                  int events); /* UV_READABLE | UV_WRITABLE */
};
MUST_USE bool poll_open(struct loop *loop, struct poll_watch *watch, int fd,
                        void (*ready)(struct poll_watch *watch, int status, int events),
                        struct err *err);
/* A mask of 0 stops watching. After a `ready` with a status below 0 nothing is watched. */
void poll_want(struct poll_watch *watch, int mask);
/* Before the socket is closed. `closed` as with timers. */
void poll_close(struct poll_watch *watch, void (*closed)(struct poll_watch *watch));
