/*
 * Memory that the supervisor and its workers share: figures, heartbeats, and the hashes of the
 * deliveries that are being stepped, so that one which kills workers can be told from bad luck;
 * the gates of the lanes, and letters from each worker to each other one.
 */
#pragma once

#include "bot/base/crypto.h"
#include "bot/base/err.h"
#include "bot/door/api_rate.h"
#include "bot/door/spool_file.h"
#include "bot/lane/gate.h"
#include "bot/lane/post.h"
#include "bot/lane/rate.h"
#include "bot/metrics.h"

#define SHARED_SLOTS     8   /* batches of one worker in flight */
#define SHARED_STEPPING  256 /* deliveries of one batch */
#define SHARED_SUSPECTS  256
#define SHARED_WEB_LINKS 8192

struct shared_worker {
    struct metrics metrics;
    _Atomic int64_t oldest_guest; /* when the oldest of spool.h's guests came; 0: none */
    _Atomic int64_t beat;         /* clock_monotonic of the loop's last turn; 0: not running */
    struct {
        _Atomic bool used;
        _Atomic unsigned n;
        struct hash16 hashes[SHARED_STEPPING];
    } stepping[SHARED_SLOTS];
    _Atomic unsigned running; /* the slot whose code runs now, and 1; 0: none, they all wait */
};

struct shared {
    usec_t started;
    unsigned n_workers;
    _Atomic bool unfit; /* the database lacks what this program asks for */
    struct metrics supervisor;
    struct {
        struct hash16 hash;
        _Atomic bool used;
        _Atomic unsigned deaths; /* its own */
    } suspects[SHARED_SUSPECTS]; /* written by the supervisor only; the oldest give way, first
                                    those without a death */
    unsigned next_suspect;
    struct spool_shared spool;
    struct gate gates[GATES];
    struct quota resend; /* requests to Resend, in and out: the node has one key */
    struct quota web_links[SHARED_WEB_LINKS]; /* requests by a link, at a place of its hash */
    struct api_rate api;
    struct post *posts; /* n_workers x n_workers; at the same address in all processes */
    struct shared_worker workers[]; /* n_workers */
};

/* Mapped shared and anonymous; made before the first fork, lives as long as the processes. */
MUST_USE bool shared_create(unsigned n_workers, struct shared **shared, struct err *err);

/* The letters from one worker to another. */
struct post *shared_post(const struct shared *shared, unsigned from, unsigned to);

/* A batch's slot for saying which deliveries it is about to step; SHARED_SLOTS when all are
 * taken, then nothing is remembered. */
unsigned shared_stepping_begin(struct shared_worker *worker);
void shared_stepping_add(struct shared_worker *worker, unsigned slot, struct hash16 hash);
void shared_stepping_end(struct shared_worker *worker, unsigned slot);

/* The code that works for a slot begins to run, and ends: what it does in between, until the
 * loop goes on, is done for its deliveries and nobody else's. */
void shared_runs(struct shared_worker *worker, unsigned slot);
void shared_rests(struct shared_worker *worker);

/* The supervisor, when a worker died: every delivery that it was stepping is suspected. With
 * `own` (it was not killed from outside) the death is that delivery's for which code was just
 * running, if there was no other beside it. */
void shared_blame(struct shared *shared, unsigned worker, bool own);

/* Whether this delivery was being stepped at a death: it is to be stepped alone. */
bool shared_is_suspect(const struct shared *shared, struct hash16 hash);

/* How many deaths were this delivery's own. */
unsigned shared_deaths(const struct shared *shared, struct hash16 hash);

/* What is the node's and of no worker, as gauges of one part of its metrics. */
void shared_measure(const struct shared *shared, struct metrics *part);
