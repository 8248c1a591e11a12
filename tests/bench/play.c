/*
 * Plays customers against a service, and the Graph API that the service sends to.
 *
 *     play --target 8080 --path /webhooks/whatsapp --graph 9090 --secret WORD
 *          [--users 100 | --rate 2000] [--people N] [--seconds 5] [--warm 1] ...
 *
 * Closed: so many customers await a reply at any time, and each reply lets the next message go.
 * Rate: messages come at that pace whatever the service does, and times count from when a
 * message was due, so that a service which falls behind cannot hide it. One line of JSON comes
 * out; the status is 1 when a reply was missing, came twice or out of order, or nobody had
 * asked for it.
 */
#include "tests/bench/play.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define WAIT_MAX (10 * USEC_PER_MSEC)

static struct play play;

usec_t play_clock(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (usec_t)time.tv_sec * USEC_PER_SEC + time.tv_nsec / 1000;
}

_Noreturn void play_fail(const char *what)
{
    (void)fprintf(stderr, "play: %s: %s\n", what, strerror(errno)); /* NOLINT: one thread */
    exit(2);                                                        /* NOLINT */
}

/* --- the run -------------------------------------------------------------------------------
 */

static usec_t as_usec(double seconds)
{
    return (usec_t)(seconds * (double)USEC_PER_SEC);
}

static void phase_move(struct play *self)
{
    bool quiet =
        self->awaiting == 0 && self->n_jobs == 0 && self->n_free == (size_t)self->n_hooks;

    if (self->phase == PHASE_WARM && self->now >= self->measured_from) {
        self->phase = PHASE_MEASURE;
        self->measured_from = self->now;
        usage_read(self, &self->before);
    } else if (self->phase == PHASE_MEASURE &&
               self->now >= self->measured_from + as_usec(self->options.seconds)) {
        self->phase = PHASE_DRAIN;
        self->measured_to = self->now;
        usage_read(self, &self->after);
    } else if (self->phase == PHASE_DRAIN &&
               (quiet || self->now >= self->measured_to + as_usec(self->options.drain))) {
        self->phase = PHASE_OVER;
        self->missing += self->options.unanswered ? 0 : self->awaiting;
    }
}

static void turn_loop(struct play *self, usec_t wait)
{
    struct epoll_event events[512];
    struct timespec time = {.tv_nsec = wait * 1000};
    int n = epoll_pwait2(self->epoll, events, COUNTOF(events), &time, NULL);

    for (int i = 0; i < n; i++) {
        struct link *link = events[i].data.ptr;
        self->now = play_clock();
        if (link->kind == LINK_LISTEN) {
            graph_accept(self);
        } else if (link->kind == LINK_GRAPH) {
            graph_event(self, link, events[i].events);
        } else {
            hooks_event(self, link, events[i].events);
        }
    }
    self->now = play_clock();
}

/* What nobody asked for may come after the last that somebody did. */
static void listen_on(struct play *self)
{
    usec_t until = self->now + USEC_PER_SEC / 5;

    while (self->now < until)
        turn_loop(self, WAIT_MAX);
}

static usec_t wait_of(const struct play *self)
{
    usec_t wait = WAIT_MAX;

    if (self->options.rate > 0 && self->phase < PHASE_DRAIN)
        wait = people_due(self) - self->now;
    return wait < 0 ? 0 : wait < WAIT_MAX ? wait : WAIT_MAX;
}

static void play_run(struct play *self)
{
    self->now = play_clock();
    self->began = self->now;
    self->measured_from = self->now + as_usec(self->options.warm);
    self->swept_at = self->now;
    people_begin(self);
    while (self->phase != PHASE_OVER) {
        turn_loop(self, wait_of(self));
        people_tick(self);
        phase_move(self);
    }
    listen_on(self);
}

/* --- options -------------------------------------------------------------------------------
 */

static bool read_watched(struct play_options *options, const char *value)
{
    char *equals = strchr(value, '=');

    if (equals == NULL || options->n_watched == WATCHED_MAX)
        return false;
    *equals = '\0';
    options->watched[options->n_watched++] =
        (struct watched){value, (int)strtol(equals + 1, NULL, 10)};
    return true;
}

static bool read_text(struct play_options *options, const char *name, char *value)
{
    if (strcmp(name, "--path") == 0) {
        options->path = value;
    } else if (strcmp(name, "--secret") == 0) {
        options->secret = value;
    } else if (strcmp(name, "--number") == 0) {
        options->number = value;
    } else if (strcmp(name, "--waba") == 0) {
        options->waba = value;
    } else if (strcmp(name, "--say") == 0 && options->n_says < SAYINGS_MAX) {
        options->says[options->n_says++] = value;
    } else if (strcmp(name, "--cpu") == 0) {
        return read_watched(options, value);
    } else if (strcmp(name, "--unanswered") == 0 && strcmp(value, "yes") == 0) {
        options->unanswered = true;
    } else if (strcmp(name, "--each") == 0 && strcmp(value, "yes") == 0) {
        options->each = true;
    } else {
        return false;
    }
    return true;
}

static bool read_number(struct play_options *options, const char *name, const char *value)
{
    char *end;
    double number = strtod(value, &end);

    if (*end != '\0' || number < 0)
        return false;
    if (strcmp(name, "--target") == 0) {
        options->target = (int)number;
    } else if (strcmp(name, "--graph") == 0) {
        options->graph = (int)number;
    } else if (strcmp(name, "--base") == 0) {
        options->base = (uint64_t)number;
    } else if (strcmp(name, "--people") == 0) {
        options->people = (uint32_t)number;
    } else if (strcmp(name, "--users") == 0) {
        options->users = (uint32_t)number;
    } else if (strcmp(name, "--rate") == 0) {
        options->rate = number;
    } else if (strcmp(name, "--connections") == 0) {
        options->connections = (int)number;
    } else if (strcmp(name, "--statuses") == 0) {
        options->statuses = number < 3 ? (int)number : 3;
    } else if (strcmp(name, "--warm") == 0) {
        options->warm = number;
    } else if (strcmp(name, "--seconds") == 0) {
        options->seconds = number;
    } else if (strcmp(name, "--timeout") == 0) {
        options->timeout = number;
    } else if (strcmp(name, "--drain") == 0) {
        options->drain = number;
    } else {
        return false;
    }
    return true;
}

static bool read_options(struct play_options *options, int argc, char **argv)
{
    *options = (struct play_options){.path = "/webhooks/whatsapp",
                                     .secret = "s3cret",
                                     .number = "15550000",
                                     .waba = "1",
                                     .base = 15560000000,
                                     .connections = 256,
                                     .warm = 1,
                                     .seconds = 5,
                                     .timeout = 15,
                                     .drain = 5};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || (!read_text(options, argv[i], argv[i + 1]) &&
                              !read_number(options, argv[i], argv[i + 1])))
            return false;
    }
    if (options->rate > 0) {
        options->users = 0;
    } else if (options->users == 0) {
        options->users = 100;
    }
    if (options->people == 0)
        options->people = options->rate > 0 ? 20000 : options->users;
    return options->target > 0 && options->graph > 0 && options->connections > 0 &&
           options->people >= options->users;
}

static const char usage[] =
    "usage: play --target N --graph N [--path /webhooks/whatsapp] [--secret WORD]\n"
    "  [--users 100 | --rate PER_SECOND] [--people N] [--base 15560000000]\n"
    "  [--number ID] [--waba ID] [--say TEXT]... [--unanswered yes] [--statuses 0..3]\n"
    "  [--connections 256] [--warm 1] [--seconds 5] [--timeout 15] [--drain 5]\n"
    "  [--each yes] [--cpu NAME=PID]...\n";

int main(int argc, char **argv)
{
    if (sodium_init() < 0 || !read_options(&play.options, argc, argv)) {
        (void)fputs(usage, stderr);
        return 2;
    }
    randombytes_buf(&play.nonce, sizeof play.nonce);
    play.epoll = epoll_create1(EPOLL_CLOEXEC);
    graph_init(&play);
    hooks_init(&play);
    people_init(&play);
    play_run(&play);
    report_print(&play);
    return play.missing + play.doubled + play.disordered + play.unasked > 0;
}
