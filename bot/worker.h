/*
 * One worker: a process with one loop that does everything, HTTP, turns, lanes and jobs.
 *
 * Workers are equal; what must be done by one alone is claimed in PostgreSQL. This header is
 * the map of a worker's parts; each part is a module of its own.
 */
#pragma once

#include "bot/config/config.h"
#include "bot/loop/loop.h"
#include "bot/net/fetch.h"
#include "bot/net/http.h"
#include "bot/shared.h"
#include "flows/flows.h"
#include "store/db.h"

struct worker_start;
struct intake;
struct turns;
struct lanes;
struct books;
struct accounts;
struct retention;
struct jobs;
struct downloads;
struct uploads;
struct papers;
struct payments;
struct events_out;
struct broadcasts;
struct audit;
struct spool;
struct desk_door;
struct web;
struct api;

struct worker {
    const struct config *config;
    struct shared *shared;
    struct shared_worker *self; /* our part of it */
    unsigned index;
    struct uuid id; /* what leases are held under */

    struct loop loop;
    struct db *db;
    struct desk_door *desk; /* what acts for the business */
    struct web *web;        /* customers' own pages */
    struct api *api;
    struct fetcher *fetcher;
    struct http_server *http;
    struct http_handler routes;
    struct books *books;
    struct accounts *accounts;
    struct intake *intake;
    struct turns *turns;
    struct lanes *lanes;
    struct retention *retention;
    struct jobs *jobs;
    struct downloads *downloads;
    struct uploads *uploads;
    struct papers *papers;
    struct payments *payments;
    struct events_out *events_out;
    struct broadcasts *broadcasts;
    struct documents *documents; /* for those who only read; NULL: the settings are wrong */
    struct link_files *link_files;
    struct audit *audit;
    struct spool *spool;

    const struct worker_start *start;
    struct poll_watch wake;
    struct timer beat;
    uv_signal_t on_term;
    struct timer drain; /* while we stop: looks whether all is done */
    usec_t drain_until;
    bool draining, lanes_drained, http_drained;
    uint64_t rings; /* workers that have letters from us, and do not know */
    struct arena letter_arena;
};

/* A new id, by this worker's clock and randomness. */
struct uuid worker_uuid(void);

/* Tell the worker of this node that holds the lane that there is something to send. */
void worker_wake_lane(struct worker *worker, struct uuid lane);

/* Give the lane's holder on this node a message that was intended for it; tell those who have
 * letters. */
struct handover;
void worker_hand_over(struct worker *worker, unsigned holder, const struct handover *handover);
void worker_handed_over(struct worker *worker);

/* What the supervisor hands to a worker. */
struct worker_start {
    const struct config *config;
    struct shared *shared;
    unsigned index;
    int listener;            /* ours alone, with SO_REUSEPORT; stays open in the supervisor */
    int wake_fd;             /* to be read */
    const int *wake_fds;     /* to be written: one for each worker */
    const struct book *book; /* the newest, read before the fork */
    struct str book_files;
};

/* Run until SIGTERM, and at the end drain turns, finish sends and give the leases back. Returns
 * the process's exit status. */
int worker_main(const struct worker_start *how);
