/*
 * Plain relaxed atomics: one writer for each part, so a count is an add without contention.
 * Buckets double from 0.5 ms (or 1 item): the shape of a latency matters more than its digits.
 */
#include "bot/metrics.h"

#include "bot/loop/log.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

static struct metrics nowhere;
static struct metrics *here = &nowhere;

#define RELAXED     memory_order_relaxed
#define ERROR_OTHER INT_MIN

struct metric_text {
    const char *name;
    const char *help;
};

static const struct metric_text counter_texts[COUNT_N] = {
    [COUNT_DELIVERIES] = {"parley_deliveries_total",             "Webhook deliveries answered 200"              },
    [COUNT_FORGED] = {"parley_deliveries_forged_total",
                          "Deliveries refused for their signature"                                              },
    [COUNT_UNAVAILABLE] = {"parley_deliveries_unavailable_total",
                          "Deliveries answered 503, which the provider repeats"                                 },
    [COUNT_SPOOLED] = {"parley_deliveries_spooled_total",
                          "Deliveries kept on this node's disk while the database was away"                     },
    [COUNT_DRAINED] = {"parley_deliveries_drained_total",
                          "Deliveries that were kept on the disk and are committed since"                       },
    [COUNT_UNREADABLE] = {"parley_deliveries_unreadable_total",
                          "Signed deliveries that could not be parsed and were parked"                          },
    [COUNT_UNROUTED] = {"parley_deliveries_unrouted_total",
                          "Items of no business that we know"                                                   },
    [COUNT_EVENTS] = {"parley_events_total",                 "Items in deliveries"                          },
    [COUNT_EVENTS_UNKNOWN] = {"parley_events_unknown_total",
                          "Items of a kind that we have not heard of"                                           },
    [COUNT_EVENTS_BROKEN] = {"parley_events_broken_total",          "Items that could not be read"                 },
    [COUNT_TURNS] = {"parley_turns_total",                  "Messages of customers that were handled"      },
    [COUNT_DUPLICATES] = {"parley_duplicates_total",             "Items that had been handled before"           },
    [COUNT_STATUSES] = {"parley_statuses_total",               "Delivery statuses"                            },
    [COUNT_BATCHES] = {"parley_batches_total",                "Transactions of turns"                        },
    [COUNT_BATCH_FAILURES] = {"parley_batch_failures_total",
                          "Transactions of turns that failed and were retried"                                  },
    [COUNT_PUT_OFF] = {"parley_turns_put_off_total",
                          "Turns whose conversation another worker held"                                        },
    [COUNT_PARKED] = {"parley_parked_total",
                          "Items that could not be handled: see parley dead list"                               },
    [COUNT_NOT_UNDERSTOOD] = {"parley_not_understood_total",         "Messages that were asked again"               },
    [COUNT_HANDOFFS] = {"parley_handoffs_total",               "Customers who asked for a person"             },
    [COUNT_CRM_EVENTS] = {"parley_crm_events_total",             "Events of a CRM that were kept"               },
    [COUNT_CRM_OLDER] = {"parley_crm_older_total",
                          "Events of a CRM that were older than what is known"                                  },
    [COUNT_CRM_REPEATED] = {"parley_crm_repeated_total",
                          "Events of a CRM that had come before"                                                },
    [COUNT_CRM_REFUSED] = {"parley_crm_refused_total",            "Faults in events of a CRM"                    },
    [COUNT_FELL_BACK] = {"parley_fallbacks_total",              "Messages that went on by another channel"     },
    [COUNT_NOWHERE] = {"parley_undelivered_total",
                          "Messages that did not arrive, and no other channel was left"                         },
    [COUNT_NOTICES] = {"parley_notices_total",                "News for customers that found a place"        },
    [COUNT_NOTICES_UNSAID] = {"parley_notices_unsaid_total",
                          "News that was not wanted, or for which there was no place"                           },
    [COUNT_CODES_SENT] = {"parley_codes_sent_total",             "One-time codes that were promised"            },
    [COUNT_PROVED] = {"parley_sessions_proved_total",        "Sessions that a code proved"                  },
    [COUNT_CODE_ALERTS] = {"parley_code_alerts_total",
                          "Locks after wrong codes, and budgets of codes used up"                               },
    [COUNT_JOBS] = {"parley_jobs_total",                   "Timers and other work for later that came due"},
    [COUNT_PROMISED] = {"parley_promised_total",               "Messages put into the outbox"                 },
    [COUNT_SENT] = {"parley_sent_total",                   "Messages that a provider took"                },
    [COUNT_SEND_BUNDLES] = {"parley_send_bundles_total",
                          "Requests that carried many messages at once"                                         },
    [COUNT_SEND_RETRIES] = {"parley_send_retries_total",
                          "Sendings put off by the provider or the network"                                     },
    [COUNT_SEND_REFUSED] = {"parley_send_refused_total",
                          "Messages that a provider refused for good"                                           },
    [COUNT_SEND_UNKNOWN] = {"parley_send_unknown_total",           "Sendings whose answer was lost"               },
    [COUNT_HANDED_OVER] = {"parley_handed_over_total",
                          "Messages that a turn intended for its lane's holder"                                 },
    [COUNT_HANDED_LATE] = {"parley_handed_late_total",
                          "Of these, those that arrived too late to be sent at once"                            },
    [COUNT_HANDED_LOST] = {"parley_handed_lost_total",
                          "Of these, those that never arrived and went back into the outbox"                    },
    [COUNT_SEND_REPEATED] = {"parley_send_repeated_total",
                          "Unknown sendings that were repeated"                                                 },
    [COUNT_SEND_GIVEN_UP] = {"parley_send_given_up_total",
                          "Unknown sendings that were not repeated"                                             },
    [COUNT_STOPPED] = {"parley_send_stopped_total",
                          "Messages held back because the customer said stop"                                   },
    [COUNT_WINDOW_CLOSED] = {"parley_send_window_closed_total",
                          "Messages held back outside the service window"                                       },
    [COUNT_LANE_STOPS] = {"parley_lane_stops_total",
                          "Times that a provider refused an account"                                            },
    [COUNT_DOCUMENTS] = {"parley_documents_total",              "Files of customers kept"                      },
    [COUNT_DOCUMENTS_NOT_KEPT] = {"parley_documents_not_kept_total",     "Files refused or lost"                        },
    [COUNT_DOCUMENT_RETRIES] = {"parley_document_retries_total",
                          "Files put off after a failure"                                                       },
    [COUNT_PAPERS] = {"parley_papers_total",                 "Papers that were drawn and kept"              },
    [COUNT_PAPERS_FAILED] = {"parley_papers_failed_total",          "Papers that could not be made"                },
    [COUNT_EVENTS_OUT] = {"parley_events_out_total",
                          "Events that the business's systems have taken"                                       },
    [COUNT_EVENTS_OUT_RETRIES] = {"parley_events_out_retries_total",
                          "Attempts at such that failed"                                                        },
    [COUNT_EVENTS_OUT_FAILED] = {"parley_events_out_failed_total",
                          "Such events that were given up"                                                      },
    [COUNT_BROADCAST] = {"parley_broadcast_messages_total",
                          "Messages of broadcasts given to the lanes"                                           },
    [COUNT_UPLOADS] = {"parley_uploads_total",                "Kept files that a provider was given"         },
    [COUNT_UPLOADS_REFUSED] = {"parley_uploads_refused_total",
                          "Kept files that a provider does not take"                                            },
    [COUNT_UPLOAD_RETRIES] = {"parley_upload_retries_total",         "Uploads put off after a failure"              },
    [COUNT_RECEIPTS] = {"parley_receipts_total",               "Read receipts sent"                           },
    [COUNT_ALERTS] = {"parley_alerts_total",                 "Log lines that ask for a person"              },
    [COUNT_WORKER_DEATHS] = {"parley_worker_deaths_total",          "Workers that ended unexpectedly"              },
};

static const struct metric_text gauge_texts[GAUGE_N] = {
    [GAUGE_CONNECTIONS] = {"parley_http_connections",          "Open HTTP connections"              },
    [GAUGE_IN_FLIGHT] = {"parley_http_in_flight",            "HTTP requests being handled"        },
    [GAUGE_QUEUED] = {"parley_turns_queued",              "Items that wait for a batch"        },
    [GAUGE_DB_UP] = {"parley_database_connections",      "Database connections that are ready"},
    [GAUGE_DB_BUSY] = {"parley_database_connections_busy", "Database connections in use"        },
    [GAUGE_LANES] = {"parley_lanes_held",                "Lanes held"                         },
    [GAUGE_SPOOL_RECORDS] = {"parley_spool_deliveries",
                           "Deliveries that wait on this node's disk"                               },
    [GAUGE_SPOOL_BYTES] = {"parley_spool_bytes",               "Bytes of the spool's files"         },
    [GAUGE_SPOOL_AGE] = {"parley_spool_oldest_seconds",      "Age of the oldest of them"          },
};

static const struct metric_text histogram_texts[HIST_N] = {
    [HIST_BATCH_SIZE] = {"parley_batch_size",              "Items in a batch"                         },
    [HIST_TURN] = {"parley_turn_seconds",            "From a batch's begin to its commit"       },
    [HIST_ACK] = {"parley_ack_seconds",             "From a delivery's last byte to its answer"},
    [HIST_SEND] = {"parley_send_seconds",            "A call to a provider"                     },
    [HIST_WEBHOOK_TO_SEND] = {"parley_webhook_to_send_seconds",
                         "From a delivery's arrival to the provider's taking the reply"               },
};

static void count_alert(void)
{
    count(COUNT_ALERTS, 1);
}

void metrics_use(struct metrics *metrics)
{
    here = metrics != NULL ? metrics : &nowhere;
    log_on_alert(count_alert);
    for (size_t i = 0; i < GAUGE_N; i++)
        atomic_store_explicit(&here->gauges[i], 0, RELAXED);
    for (size_t i = 0; i < METRICS_LANES; i++)
        gauge_lane_gone(i);
}

void count(enum counter counter, uint64_t by)
{
    atomic_fetch_add_explicit(&here->counters[counter], by, RELAXED);
}

void gauge_set(enum gauge gauge, int64_t value)
{
    atomic_store_explicit(&here->gauges[gauge], value, RELAXED);
}

static bool histogram_is_time(enum histogram histogram)
{
    return histogram != HIST_BATCH_SIZE;
}

/* The upper bound of a bucket: 0.5 ms, 1 ms, 2 ms ... or 1, 2, 4 ... items. */
static uint64_t bucket_bound(enum histogram histogram, unsigned bucket)
{
    return (histogram_is_time(histogram) ? 500U : 1U) << bucket;
}

void observe(enum histogram histogram, usec_t value)
{
    uint64_t number = value > 0 ? (uint64_t)value : 0;
    unsigned bucket = 0;

    while (bucket < HIST_BUCKETS && number > bucket_bound(histogram, bucket))
        bucket++;
    atomic_fetch_add_explicit(&here->histograms[histogram].buckets[bucket], 1, RELAXED);
    atomic_fetch_add_explicit(&here->histograms[histogram].sum, number, RELAXED);
}

/* The last slot takes what finds no other, so that no error goes uncounted. */
void count_error(int code)
{
    if (code == 0 || code == ERROR_OTHER) /* what marks a free slot, and the last one */
        return;
    for (size_t i = 0; i < METRICS_ERRORS; i++) {
        int known = atomic_load_explicit(&here->errors[i].code, RELAXED);
        if (known == 0) {
            atomic_store_explicit(&here->errors[i].code,
                                  i + 1 < METRICS_ERRORS ? code : ERROR_OTHER, RELAXED);
            known = code;
        }
        if (known == code || i + 1 == METRICS_ERRORS) {
            atomic_fetch_add_explicit(&here->errors[i].count, 1, RELAXED);
            return;
        }
    }
}

void gauge_lane(size_t slot, const char *lane, int64_t ready, int64_t intended, int64_t unknown,
                bool stopped)
{
    if (slot >= METRICS_LANES)
        return;
    if (here->lanes[slot].lane[0] == '\0')
        strncpy(here->lanes[slot].lane, lane, sizeof here->lanes[slot].lane - 1);
    atomic_store_explicit(&here->lanes[slot].ready, ready, RELAXED);
    atomic_store_explicit(&here->lanes[slot].intended, intended, RELAXED);
    atomic_store_explicit(&here->lanes[slot].unknown, unknown, RELAXED);
    atomic_store_explicit(&here->lanes[slot].stopped, stopped, RELAXED);
}

void gauge_lane_gone(size_t slot)
{
    if (slot < METRICS_LANES)
        memset(here->lanes[slot].lane, 0, sizeof here->lanes[slot].lane);
}

/* --- the text ------------------------------------------------------------------------------
 */

struct text {
    struct arena *into;
    char *at;
    size_t len, room;
};

static void put(struct text *text, struct str more)
{
    if (more.len == 0)
        return;
    if (text->len + more.len > text->room) {
        size_t room = (text->room + more.len) * 2;
        char *wider = arena_alloc(text->into, room);
        if (text->len > 0)
            memcpy(wider, text->at, text->len);
        text->at = wider;
        text->room = room;
    }
    memcpy(text->at + text->len, more.at, more.len);
    text->len += more.len;
}

#define PUT(text, ...) put((text), arena_format((text)->into, __VA_ARGS__))

static void put_counters(struct text *text, const struct metrics *parts, size_t n)
{
    for (size_t i = 0; i < COUNT_N; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += atomic_load_explicit(&parts[k].counters[i], RELAXED);
        PUT(text, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", counter_texts[i].name,
            counter_texts[i].help, counter_texts[i].name, counter_texts[i].name,
            (unsigned long long)sum);
    }
}

static void put_gauges(struct text *text, const struct metrics *parts, size_t n)
{
    for (size_t i = 0; i < GAUGE_N; i++) {
        int64_t sum = 0;
        for (size_t k = 0; k < n; k++)
            sum += atomic_load_explicit(&parts[k].gauges[i], RELAXED);
        PUT(text, "# HELP %s %s\n# TYPE %s gauge\n%s %lld\n", gauge_texts[i].name,
            gauge_texts[i].help, gauge_texts[i].name, gauge_texts[i].name, (long long)sum);
    }
}

static void put_histogram(struct text *text, const struct metrics *parts, size_t n,
                          enum histogram which)
{
    const char *name = histogram_texts[which].name;
    double unit = histogram_is_time(which) ? 1e6 : 1;
    uint64_t total = 0, sum = 0;

    PUT(text, "# HELP %s %s\n# TYPE %s histogram\n", name, histogram_texts[which].help, name);
    for (unsigned b = 0; b <= HIST_BUCKETS; b++) {
        for (size_t k = 0; k < n; k++)
            total += atomic_load_explicit(&parts[k].histograms[which].buckets[b], RELAXED);
        if (b < HIST_BUCKETS) {
            PUT(text, "%s_bucket{le=\"%g\"} %llu\n", name,
                (double)bucket_bound(which, b) / unit, (unsigned long long)total);
        }
    }
    for (size_t k = 0; k < n; k++)
        sum += atomic_load_explicit(&parts[k].histograms[which].sum, RELAXED);
    PUT(text, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.*f\n%s_count %llu\n", name,
        (unsigned long long)total, name, histogram_is_time(which) ? 6 : 0, (double)sum / unit,
        name, (unsigned long long)total);
}

/* A label's value, as the format wants it. */
static struct str quoted(struct arena *into, const char *label)
{
    char *out = arena_alloc(into, 2 * strlen(label) + 1);
    size_t n = 0;

    for (; *label != '\0'; label++) {
        if (*label == '"' || *label == '\\' || *label == '\n')
            out[n++] = '\\';
        if (*label == '\n') {
            out[n++] = 'n';
        } else {
            out[n++] = *label;
        }
    }
    out[n] = '\0';
    return (struct str){out, n};
}

/* A lane on its way from one worker to another may stand in two parts: the first one's counts.
 */
static bool lane_was_put(const struct metrics *parts, size_t part, size_t slot)
{
    for (size_t k = 0; k < part; k++) {
        for (size_t i = 0; i < METRICS_LANES; i++) {
            if (strcmp(parts[k].lanes[i].lane, parts[part].lanes[slot].lane) == 0)
                return true;
        }
    }
    return false;
}

static void put_depth(struct text *text, const struct metrics *part, size_t slot)
{
    struct str lane = quoted(text->into, part->lanes[slot].lane);

    PUT(text,
        "parley_outbox_depth{lane=\"%s\",state=\"ready\"} %lld\n"
        "parley_outbox_depth{lane=\"%s\",state=\"intended\"} %lld\n"
        "parley_outbox_depth{lane=\"%s\",state=\"unknown\"} %lld\n",
        lane.at, (long long)atomic_load_explicit(&part->lanes[slot].ready, RELAXED), lane.at,
        (long long)atomic_load_explicit(&part->lanes[slot].intended, RELAXED), lane.at,
        (long long)atomic_load_explicit(&part->lanes[slot].unknown, RELAXED));
}

static void put_stopped(struct text *text, const struct metrics *part, size_t slot)
{
    PUT(text, "parley_lane_stopped{lane=\"%s\"} %d\n",
        quoted(text->into, part->lanes[slot].lane).at,
        atomic_load_explicit(&part->lanes[slot].stopped, RELAXED) ? 1 : 0);
}

/* All lines of one metric stand together. */
static void put_lanes(struct text *text, const struct metrics *parts, size_t n,
                      void (*put_lane)(struct text *, const struct metrics *, size_t))
{
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < METRICS_LANES; i++) {
            if (parts[k].lanes[i].lane[0] != '\0' && !lane_was_put(parts, k, i))
                put_lane(text, &parts[k], i);
        }
    }
}

struct errors {
    int codes[METRICS_ERRORS];
    uint64_t counts[METRICS_ERRORS];
    size_t n;
    uint64_t other; /* than those that had room */
};

static void add_errors(struct errors *errors, int code, uint64_t count)
{
    size_t i = 0;

    while (i < errors->n && errors->codes[i] != code)
        i++;
    if (code == ERROR_OTHER || i == METRICS_ERRORS) {
        errors->other += count;
        return;
    }
    if (i == errors->n) {
        errors->codes[errors->n++] = code;
        errors->counts[i] = 0;
    }
    errors->counts[i] += count;
}

static void put_errors(struct text *text, const struct metrics *parts, size_t n)
{
    struct errors errors = {.n = 0};

    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < METRICS_ERRORS; i++) {
            int code = atomic_load_explicit(&parts[k].errors[i].code, RELAXED);
            if (code == 0)
                break;
            add_errors(&errors, code, atomic_load_explicit(&parts[k].errors[i].count, RELAXED));
        }
    }
    for (size_t j = 0; j < errors.n; j++) {
        PUT(text, "parley_provider_errors_total{code=\"%d\"} %llu\n", errors.codes[j],
            (unsigned long long)errors.counts[j]);
    }
    if (errors.other > 0) {
        PUT(text, "parley_provider_errors_total{code=\"other\"} %llu\n",
            (unsigned long long)errors.other);
    }
}

struct str metrics_text(struct arena *into, const struct metrics *parts, size_t n,
                        usec_t started)
{
    struct text text = {.into = into};

    put_counters(&text, parts, n);
    put_gauges(&text, parts, n);
    for (unsigned i = 0; i < HIST_N; i++)
        put_histogram(&text, parts, n, (enum histogram)i);
    PUT(&text, "# HELP parley_outbox_depth Messages in the outbox by lane and state\n"
               "# TYPE parley_outbox_depth gauge\n");
    put_lanes(&text, parts, n, put_depth);
    PUT(&text, "# HELP parley_lane_stopped Whether the provider refuses the account\n"
               "# TYPE parley_lane_stopped gauge\n");
    put_lanes(&text, parts, n, put_stopped);
    PUT(&text,
        "# HELP parley_provider_errors_total Errors that providers answered, by their code\n"
        "# TYPE parley_provider_errors_total counter\n");
    put_errors(&text, parts, n);
    PUT(&text,
        "# HELP process_start_time_seconds When the service started\n"
        "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %.3f\n",
        (double)started / 1e6);
    return (struct str){text.at, text.len};
}
