/*
 * The doctor's report, and its look at the providers.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/message.h"
#include "bot/command/cli.h"

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct report {
    struct cli *cli;
    bool as_json; /* lines are kept and printed at the end */
    struct json_t *findings;
    unsigned counts[3];
};

/* One line. `cure` says what to do, or is NULL. Never give it a secret. */
void report_add(struct report *report, enum finding finding, const char *check,
                const char *cure, const char *format, ...) PRINTF(5, 6);

/* Whether providers and readers can reach us. */
void doctor_public_url(struct report *report, const struct config *config);

/* Whether files that customers send can be kept. */
void doctor_documents(struct report *report, const struct config *config);

/* Whether the business's systems take the events that they are told; nothing is said where
 * there is none. */
void doctor_events(struct report *report, const struct config *config);

/* Whether deliveries wait on this node's disk. */
void doctor_spool(struct report *report, const struct config *config);

/* Whether mail can leave; nothing is said where there is neither an address nor a carrier. */
void doctor_mail(struct report *report, const struct config *config, size_t addresses);

struct provider_look {
    struct http_answer answer;
    usec_t date; /* of the answer's Date header; 0: none */
    usec_t at;   /* our clock when it came */
    usec_t took;
};

/* Make one request and wait for its answer; an error when there was none. */
MUST_USE bool doctor_ask(const struct http_request *request, usec_t connect_timeout,
                         usec_t timeout, struct arena *into, struct provider_look *look,
                         struct err *err);
