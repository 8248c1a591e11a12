/*
 * What goes wrong on request: a plan read from JSON and dice that are the same for a seed.
 *
 * Pure: the dice are a small generator of their own, so a run with one connection repeats
 * exactly under the same seed.
 */
#pragma once

#include "bot/base/base.h"
#include "bot/base/err.h"

#include <jansson.h>

#define FAULT_RULES_MAX 16

struct fault_rule {
    int code;
    int http;
    unsigned next;      /* so many of the next are hit; counts down */
    double probability; /* or each with this one */
    bool late;          /* taken first, and then reported as failed by a status */
    char to[40];        /* only this recipient; empty: all */
};

struct faults {
    uint64_t dice;
    int64_t delay_ms;     /* each answer waits so long ... */
    int64_t delay_max_ms; /* ... and up to so long, when larger */
    double throttle;      /* probability of 130429 */
    int64_t rate;         /* messages a second; over it 130429; 0: no limit */
    bool pair_rate;       /* 131056 over one message per 6 s and a burst of 45 */
    double lose_answer;   /* taken and recorded, then the connection closes */
    double lose_request;  /* the connection closes and nothing is recorded */
    double empty_5xx;     /* taken or not (a coin), answered 502 without a body */
    double garbage;       /* taken, answered 200 with what is no JSON */
    double lose_callback;
    double duplicate_callback;
    double reorder_callback;
    bool strict_window;      /* 131047 unless the person wrote here within 24 h */
    int64_t media_delay_ms;  /* a file's bytes wait so long */
    double media_gone;       /* probability that a look-up or an address says: no such file */
    double media_drop;       /* ... that the connection closes instead of the bytes */
    double media_wrong;      /* ... that other bytes come */
    int64_t media_cut;       /* of so many files that are asked for next only half comes */
    bool media_small;        /* look-ups say that every file has 1 byte */
    bool media_abroad;       /* look-ups lead to a host that is not Meta's */
    int64_t upload_delay_ms; /* an upload's answer waits so long */
    double upload_lose;      /* ... taken, and then the connection closes */
    double upload_5xx;       /* ... answered 500 and not taken */
    double upload_refuse;    /* ... answered 400 and not taken */
    struct fault_rule rules[FAULT_RULES_MAX];
    size_t n_rules;
};

/* Set what the object names and leave the rest; {"reset":true} begins from nothing. ERR_REJECT
 * for a member that we do not know or a value out of range, and nothing is changed. */
MUST_USE bool faults_set(struct faults *faults, const json_t *wish, struct err *err);
json_t *faults_to_json(const struct faults *faults);

/* What happens to a request that is in order. */
enum mishap {
    MISHAP_NONE,
    MISHAP_BEFORE, /* nobody takes it, and the answer is 502 */
    MISHAP_AFTER,  /* it is taken, and the answer is 502 */
    MISHAP_LOST,   /* ... and there is no answer */
    MISHAP_GARBAGE /* ... and the answer is some page */
};
enum mishap faults_mishap(struct faults *faults);

/* True with probability `p`. */
bool faults_roll(struct faults *faults, double p);
/* How long this answer waits. */
int64_t faults_delay(struct faults *faults);
/* The rule that hits a message to `to`, or NULL. */
const struct fault_rule *faults_rule(struct faults *faults, const char *to);
