/*
 * The parts of `play`: N customers who write on WhatsApp and the Graph API that answers the
 * service, in one thread, so that what it costs is known and small.
 *
 * A turn here is one delivery of one customer and the reply to it. A customer who awaits a
 * reply writes nothing more, so whatever else comes for them is an error of the service, and
 * counted.
 */
#pragma once

#include "tests/bench/wire.h"

#include <sodium.h>

#define SAYINGS_MAX 16
#define WATCHED_MAX 4
#define KEY_MAX     72

/* --- what is wanted ------------------------------------------------------------------------
 */

struct watched {
    const char *name;
    int pid; /* with all its descendants */
};

struct play_options {
    int target; /* of the service's webhook */
    const char *path;
    int graph; /* the port that the service sends to */
    const char *secret;
    const char *number; /* phone number id */
    const char *waba;
    uint64_t base;   /* the first customer's phone number; the others follow */
    uint32_t people; /* customers there are */
    uint32_t users;  /* that so many await a reply at any time; or */
    double rate;     /* new messages a second, whatever comes back */
    int connections; /* to the webhook, at most */
    int statuses;    /* callbacks for each reply: sent, delivered, read */
    bool unanswered; /* a turn ends with the delivery's 200, replies are not awaited */
    bool each;       /* tell every reply's time, so that rounds can be taken together */
    double warm, seconds, timeout, drain;
    const char *says[SAYINGS_MAX];
    int n_says;
    struct watched watched[WATCHED_MAX];
    int n_watched;
};

/* --- what is going on ----------------------------------------------------------------------
 */

enum play_phase { PHASE_WARM, PHASE_MEASURE, PHASE_DRAIN, PHASE_OVER };

enum link_kind { LINK_LISTEN, LINK_GRAPH, LINK_HOOK };

/* What epoll hands back; each kind of connection begins with it. */
struct link {
    enum link_kind kind;
    struct wire wire;
    struct link *prev, *next; /* of the Graph API's: all of them are in a list */
};

struct person {
    usec_t asked_at; /* 0: awaits nothing */
    int64_t last;    /* the number that their last reply carried, in its conversation */
    uint32_t turns;
    bool lost; /* gave up waiting; the reply may still come */
};

/* A delivery that is to be made: a text (status NULL), or a callback of a message of ours. */
struct job {
    uint32_t person;
    const char *status;
    uint64_t id; /* of the reply, as the Graph API called it */
    usec_t since;
    char key[KEY_MAX];
};

struct samples {
    uint32_t *at; /* microseconds */
    size_t n, room;
};

struct usage {
    usec_t own;
    usec_t watched[WATCHED_MAX];
};

struct play {
    struct play_options options;
    int epoll;
    struct link listener;
    struct link *callers; /* of the Graph API */
    enum play_phase phase;
    usec_t now, began, measured_from, measured_to;
    uint64_t nonce; /* tells the ids of this run from those of others */
    crypto_auth_hmacsha256_state keyed;

    struct person *people;
    uint32_t cursor, stride; /* through the people, when there are more than write at once */
    size_t awaiting;
    usec_t swept_at;
    uint64_t scheduled; /* open loop: messages that were due so far */

    struct hook **free_hooks; /* a queue, so that all connections have their share */
    size_t free_at, n_free;
    int n_hooks;
    struct job *jobs; /* a ring of those that wait for a connection */
    size_t job_at, n_jobs, job_room;
    uint64_t sent;
    uint64_t graph_ids;

    struct samples acks, replies;
    struct usage before, after;
    size_t turns;      /* that ended while it was measured */
    size_t missing;    /* replies that did not come in time */
    size_t late;       /* and came then */
    size_t doubled;    /* the same message again */
    size_t disordered; /* a message with a number below the last one's */
    size_t unasked;    /* replies that nobody waited for */
    size_t refused;    /* deliveries that were not answered 200 */
    size_t broken;     /* connections to the webhook that ended under a delivery */
    size_t garbled;    /* requests to the Graph API that cannot be read */
    size_t held;       /* open loop: messages that nobody was free to write */
    size_t receipts;
    size_t callbacks;
};

usec_t play_clock(void);
_Noreturn void play_fail(const char *what);

/* --- customers: play_people.c ---------------------------------------------------------------
 */

void people_init(struct play *play);

/* The first messages of a closed loop. */
void people_begin(struct play *play);

/* What time brings: messages that are due, replies that did not come. */
void people_tick(struct play *play);
usec_t people_due(const struct play *play);

/* A delivery was answered; a reply has come, with the key that it carries (or none). False: the
 * reply is for nobody whom we play. */
void people_acked(struct play *play, const struct job *job, bool accepted);
bool people_replied(struct play *play, struct str phone, struct str key, uint32_t *who);

/* --- deliveries: play_hook.c ----------------------------------------------------------------
 */

void hooks_init(struct play *play);
void hooks_post(struct play *play, const struct job *job);
void hooks_event(struct play *play, struct link *link, uint32_t events);

/* --- the Graph API: play_graph.c ------------------------------------------------------------
 */

void graph_init(struct play *play);
void graph_accept(struct play *play);
void graph_event(struct play *play, struct link *link, uint32_t events);

/* --- figures: play_report.c -----------------------------------------------------------------
 */

void samples_add(struct samples *samples, usec_t took);
void usage_read(const struct play *play, struct usage *usage);
void report_print(struct play *play);
