/*
 * Figures of the service, counted in memory that all workers share and summed when asked for.
 *
 * Each worker writes its own part without locks; a reader adds the parts up. A worker that dies
 * leaves its counts behind, so that a counter never goes back.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/base.h"
#include "bot/base/str.h"

enum counter {
    COUNT_DELIVERIES,  /* webhooks answered 200 */
    COUNT_FORGED,      /* refused: signature missing or wrong */
    COUNT_UNAVAILABLE, /* answered 503: the provider repeats them */
    COUNT_SPOOLED,     /* kept on the disk while the database was away */
    COUNT_DRAINED,     /* and committed since */
    COUNT_UNREADABLE,  /* signed, but not to be parsed: parked */
    COUNT_UNROUTED,    /* of no business that we know */
    COUNT_EVENTS,      /* items in the deliveries */
    COUNT_EVENTS_UNKNOWN,
    COUNT_EVENTS_BROKEN,
    COUNT_TURNS,
    COUNT_DUPLICATES,
    COUNT_STATUSES,
    COUNT_BATCHES,
    COUNT_BATCH_FAILURES,
    COUNT_PUT_OFF, /* turns whose conversation another worker held */
    COUNT_PARKED,
    COUNT_NOT_UNDERSTOOD,
    COUNT_HANDOFFS,
    COUNT_CRM_EVENTS, /* of a CRM, kept or waiting */
    COUNT_CRM_OLDER,  /* and passed over: something newer was known */
    COUNT_CRM_REPEATED,
    COUNT_CRM_REFUSED, /* what was wrong with them */
    COUNT_FELL_BACK,
    COUNT_NOWHERE,
    COUNT_NOTICES,        /* news that found a place */
    COUNT_NOTICES_UNSAID, /* and that found none, or was not wanted */
    COUNT_CODES_SENT,
    COUNT_PROVED,      /* sessions that a code proved */
    COUNT_CODE_ALERTS, /* locks and budgets that were reached */
    COUNT_JOBS,        /* timers and the like that came due and were claimed */
    COUNT_PROMISED,    /* messages put into the outbox */
    COUNT_SENT,
    COUNT_SEND_BUNDLES, /* requests that carried many */
    COUNT_SEND_RETRIES,
    COUNT_SEND_REFUSED,
    COUNT_SEND_UNKNOWN,
    COUNT_SEND_REPEATED,
    COUNT_HANDED_OVER,   /* to the lane by the turn, already intended */
    COUNT_HANDED_LATE,   /* and arrived too late */
    COUNT_HANDED_LOST,   /* and never arrived */
    COUNT_SEND_GIVEN_UP, /* unknown, and not repeated any more */
    COUNT_STOPPED,       /* held back by STOP at the last moment */
    COUNT_WINDOW_CLOSED,
    COUNT_LANE_STOPS,
    COUNT_RECEIPTS,
    COUNT_DOCUMENTS, /* files of customers that are kept */
    COUNT_DOCUMENTS_NOT_KEPT,
    COUNT_DOCUMENT_RETRIES,
    COUNT_UPLOADS, /* kept files that a provider has now */
    COUNT_UPLOADS_REFUSED,
    COUNT_PAPERS, /* drawn and kept */
    COUNT_PAPERS_FAILED,
    COUNT_BROADCAST, /* messages of broadcasts, promised */
    COUNT_UPLOAD_RETRIES,
    COUNT_EVENTS_OUT, /* the business's systems have taken */
    COUNT_EVENTS_OUT_RETRIES,
    COUNT_EVENTS_OUT_FAILED, /* given up */
    COUNT_ALERTS,
    COUNT_WORKER_DEATHS,
    COUNT_N
};

enum gauge {
    GAUGE_CONNECTIONS,
    GAUGE_IN_FLIGHT,
    GAUGE_QUEUED,
    GAUGE_DB_UP,
    GAUGE_DB_BUSY,
    GAUGE_LANES,
    GAUGE_SPOOL_RECORDS,
    GAUGE_SPOOL_BYTES,
    GAUGE_SPOOL_AGE, /* seconds */
    GAUGE_N
};

enum histogram {
    HIST_BATCH_SIZE,      /* turns in a batch */
    HIST_TURN,            /* seconds from a batch's begin to its commit */
    HIST_ACK,             /* seconds from a delivery's last byte to its answer */
    HIST_SEND,            /* seconds of a call to the provider */
    HIST_WEBHOOK_TO_SEND, /* seconds from a delivery's arrival to the provider's taking the
                             reply */
    HIST_N
};

#define HIST_BUCKETS    14
#define METRICS_LANES   64
#define METRICS_ERRORS  64
#define METRICS_WORKERS 64

/* One worker's part. */
struct metrics {
    _Atomic uint64_t counters[COUNT_N];
    _Atomic int64_t gauges[GAUGE_N];
    struct {
        _Atomic uint64_t buckets[HIST_BUCKETS + 1];
        _Atomic uint64_t sum; /* microseconds, or items */
    } histograms[HIST_N];
    struct {
        char lane[48]; /* the account's external id */
        _Atomic int64_t ready, intended, unknown;
        _Atomic bool stopped;
    } lanes[METRICS_LANES];
    struct {
        _Atomic int code;
        _Atomic uint64_t count;
    } errors[METRICS_ERRORS]; /* the provider's error codes */
};

/* Where this process counts; until it is set, counting goes to a part of its own that nobody
 * reads. From then on its log's alerts are counted. What the process before it in this place
 * counted stays; what it measured does not. */
void metrics_use(struct metrics *metrics);

void count(enum counter counter, uint64_t by);
void gauge_set(enum gauge gauge, int64_t value);
void observe(enum histogram histogram, usec_t value); /* or a number of items */
void count_error(int code);
void gauge_lane(size_t slot, const char *lane, int64_t ready, int64_t intended, int64_t unknown,
                bool stopped);
void gauge_lane_gone(size_t slot);

/* Prometheus' text format of the sum of `n` parts. */
struct str metrics_text(struct arena *into, const struct metrics *parts, size_t n,
                        usec_t started);
