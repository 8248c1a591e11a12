/*
 * A lane's inside: for the files that make it, and nobody else.
 *
 *     lanes.c        the lanes of a worker, and what one does next
 *     lane_lease.c   holding a lane: lease, epoch, what a lost claim left
 *     lane_cycle.c   keeping what became certain, and the next intents
 *     lane_send.c    from the intent to the wire
 *     lane_answer.c  what an answer means
 *     lane_file.c    kept files that go along with messages
 *     lane_hand.c    what turns intend on its behalf
 *     lane_sweep.c   unknown outcomes, early statuses, figures
 *     bundle.h       many messages in one request
 */
#pragma once

#include "bot/lane/lanes.h"

#include "bot/file/kept.h"
#include "bot/lane/bundle.h"
#include "bot/lane/channels.h"
#include "bot/lane/faces.h"
#include "bot/lane/rate.h"
#include "bot/turn/accounts.h"

enum lane_state {
    LANE_FREE, /* another's, or nobody's */
    LANE_ACQUIRING,
    LANE_HELD,
    LANE_RELEASING
};

/* As the outbox keeps them. */
enum outbox_state {
    OUTBOX_READY,
    OUTBOX_INTENDED, /* may be on the wire */
    OUTBOX_UNKNOWN,  /* was on the wire, and no answer came */
    OUTBOX_ORPHANED, /* its sender died, on the wire or before */
    OUTBOX_WAITING,  /* behind others of its conversation, and out of the lane's sight */
    OUTBOX_FILELESS, /* the provider does not have its file yet: bot/file/upload.c */
    OUTBOX_BUNDLED   /* goes again with all of its bundle */
};

#define PRIORITY_BROADCAST 2 /* answers nothing, so it stands in nobody's thread */

enum settlement { SETTLE_SENT, SETTLE_FAILED, SETTLE_PUT_OFF, SETTLE_N };

struct sending_row {
    struct sending_row *next;
    struct sending_row *older, *newer; /* of the lane's rows in memory */
    struct sending_row *follower;      /* goes when this one has ended well */
    struct lane *lane;
    struct arena arena;
    int64_t epoch;
    struct uuid conversation;
    int64_t seq;
    int attempt, repeats, priority;
    usec_t due_at;      /* wall: when the delivery that it answers came */
    usec_t intended_at; /* monotonic */
    usec_t good_for;    /* 0: always */
    struct str body, address, phone;
    struct mail_thread thread;    /* email */
    struct speaker speaker;       /* where messages have a face */
    bool secret;                  /* a one-time code */
    struct str media;             /* the provider's handle of the file that it shows */
    usec_t promised_at;           /* wall */
    bool stopped;                 /* its reader has had enough */
    bool loaded;                  /* it counts in lanes->n_loaded */
    struct attachment attachment; /* the file that goes along with it */
    struct kept_file kept;
    usec_t last_inbound_at;
    struct outbound message;
    struct http_request request;
    struct fetch fetch;
    struct fetch *wire; /* what carries it: its own, or its bundle's; NULL: nothing yet */
    /* what became of it */
    enum settlement settlement;
    struct str provider_id;
    int code;
    struct str reason;
    bool told_to_stop;       /* FAILED: their reader told the provider to stop */
    enum outbox_state state; /* PUT_OFF: ready, or unknown */
    usec_t put_off;          /* PUT_OFF: wall */
    bool moved;              /* PUT_OFF: into another bundle, or none */
    struct uuid bundle;
};

/* Now and then a message that the provider took is remembered, to see whether it is reported
 * on. */
#define WITNESSES 16

struct witness {
    struct uuid conversation;
    int64_t seq;
    usec_t taken_at; /* monotonic */
};

/* The latest message of a conversation that was in our hands. */
#define RECENT 512

struct recent {
    struct uuid conversation;
    int64_t seq;
    struct sending_row *row; /* NULL: it has ended */
    bool well;               /* sent, or refused for good */
};

#define SENDS_MAX 256 /* under way in one lane */

/* How many messages are claimed at most, and how many of these may be a broadcast's. */
struct claim {
    unsigned all, low;
};

struct lane {
    struct lane *next;
    struct lanes *lanes;
    const struct account *account;
    const struct channel_ways *ways;
    struct channel_limits limits;
    size_t slot; /* of the metrics */
    enum lane_state state;
    int64_t epoch;
    usec_t asked_at;    /* when the lease was last asked for; monotonic */
    usec_t lease_until; /* monotonic, with a margin: after it nothing may go to the wire; each
                           fetch under way knows it */
    bool stopped;
    bool stop_unsaid; /* `stopped` changed, and the database does not know yet */
    bool saying_stop; /* the sweep under way tells it */
    usec_t probe_at;  /* stopped: when one message may try again; monotonic */
    bool more;        /* something may be due */
    bool low;         /* a broadcast's wait in the outbox */
    bool doubtful;    /* a claim failed, but may be committed: none before the next epoch */
    bool deep;        /* so much is ready that what cannot go yet may hide what can */
    bool part;        /* the next cycle takes what cannot go yet out of sight */
    bool renews;      /* the cycle under way asks for uploads */
    bool parted;      /* some are out of sight: settling brings the next of each back */
    struct witness witnesses[WITNESSES];
    unsigned n_witnesses; /* ever */
    unsigned asked;       /* how many the sweep under way asks about */
    bool reports_all;     /* all of those asked about were reported on */
    bool inherited;       /* what the last holder left is known as such */
    bool cycling, renewing, sweeping;
    usec_t drained_by; /* draining: it is not waited longer for what is handed over */
    unsigned under_way;
    usec_t next_acquire, next_renew, next_poll, next_sweep, next_settle; /* monotonic */
    usec_t cycle_began;                                                  /* monotonic */
    usec_t next_join;  /* low: from then on a bite goes along with what is kept; monotonic */
    usec_t next_look;  /* low: whether anything can go or not; monotonic */
    usec_t settle_low; /* all that is done is a broadcast's: not before; monotonic */
    struct bucket bucket;
    struct bundles bundles;
    bool bundling;       /* the cycle under way claims a bundle */
    struct quota *quota; /* what all lanes share of the rate; NULL: nothing */
    struct gate *gate;   /* NULL: there are too many lanes */
    unsigned placed;     /* tokens that lie in the gate, at most */
    struct recent recent[RECENT];
    struct sending_row *rows; /* all that are in memory, the newest first */
    struct pairs pairs;
    struct sending_row *done;    /* to be settled */
    struct sending_row *settled; /* by the call under way */
    /* a broadcast's, claimed and not on the wire yet: what else there is goes in between */
    struct sending_row *patient, **patient_last;
    struct loop_task patience;
    struct arena lease_arena, cycle_arena, sweep_arena;
    struct db_call lease_call, cycle_call, sweep_call;
    struct claim claim; /* of the cycle under way */
    unsigned reserved;  /* tokens and connections for what it claims */
    size_t claim_query;
    struct timer timer;
};

struct lanes {
    struct worker *worker;
    struct lane *lanes;
    size_t n;
    unsigned n_loaded; /* messages with a whole file in memory */
    bool draining;
    void (*drained)(struct worker *worker);
};

/* --- lanes.c */
struct lane *lane_of(const struct lanes *lanes, struct uuid id);
const struct config *lane_config(const struct lane *lane);
/* $1 is the business and $2 the lane. */
struct db_param *lane_params(struct arena *arena, size_t n, const struct lane *lane);
void lane_call(struct lane *lane, struct arena *arena, struct db_call *call,
               void (*done)(struct db_call *));
/* Half of it to all of it. */
usec_t lane_jitter(usec_t wait);
/* Do what is to be done next; after whatever may have changed that. */
void lane_pump(struct lane *lane);
/* While draining: the worker may go on once no lane is held and all that was sent is kept. */
void lanes_check_drained(struct lanes *lanes);

/* --- lane_lease.c */
/* Nothing is under way or unsettled, so what this epoch still intends was never on the wire. */
bool lane_is_idle(const struct lane *lane);
void lane_lost(struct lane *lane, const char *why);
void lane_acquire(struct lane *lane);
void lane_renew(struct lane *lane);
void lane_reclaim(struct lane *lane);
void lane_release(struct lane *lane);

/* --- lane_cycle.c */
/* Keep what is done; intend at most so many. */
void lane_cycle(struct lane *lane, struct claim claim);
/* A broadcast is taken in small bites with pauses, in which the gate is open for answers, and
 * where something is to be kept it shares that commit: each makes turns wait for the disk. A
 * cycle that `took` long says that disk or cores are busy: then the pauses are longer. */
void lane_pace(struct lane *lane, usec_t now, usec_t took);
struct sending_row *sending_new(struct lane *lane);
void sending_free(struct sending_row *row);

/* --- lane_send.c */
/* They count as under way already. `speakers` is what SQL_FACES_OF gave, or NULL. */
void lane_send(struct lane *lane, const PGresult *rows, const PGresult *speakers);
/* A broadcast's that have not left never will: the worker ends. */
void lane_forget_patient(struct lane *lane);
/* One of what the database gave, from its intent on; its words are in the result yet. */
struct sending_row *sending_read(struct lane *lane, const PGresult *rows, int i,
                                 const PGresult *speakers);
/* Open what was sealed, if anything was. ERR_REJECT: it is no good any more. */
MUST_USE bool sending_unseal(struct sending_row *row, struct str sealed, struct err *err);
/* Make its message, with its face. */
MUST_USE bool sending_compose(struct sending_row *row, struct err *err);
/* It cannot be said; fails, and does not end. */
void sending_unsayable(struct sending_row *row, const struct err *err);
/* One whose words and address are known. */
void sending_go(struct sending_row *row);

/* --- lane_file.c */
/* One that shows a kept file: `sending_go` once it is there, or put off, or failed. */
void sending_attach(struct sending_row *row);
/* Its row ends. */
void sending_detach(struct sending_row *row);
/* The message is about to be put into words: say of its file what can be said. */
void sending_show_file(struct sending_row *row, struct reply *reply);

/* --- lane_answer.c */
/* What is to become of it; then `sending_ends`. */
void sending_fail(struct sending_row *row, int code, struct str reason);
void sending_put_off(struct sending_row *row, enum outbox_state state, usec_t wait);
void sending_ends(struct sending_row *row);
/* The same for one of several that end together: their sender counts and pumps for all. */
void sending_closes(struct sending_row *row);
/* What the provider's answer makes of it; does not end it. */
void sending_decide(struct sending_row *row, const struct sending_result *result);
/* How long a failed attempt is waited for, with jitter. */
usec_t sending_wait(const struct sending_row *row, const struct sending_result *result);
/* Something was taken: a stopped lane goes on. */
void lane_taken(struct lane *lane);
void sending_answered(struct fetch *fetch);

/* --- lane_hand.c */
/* It is the latest of its conversation; it has ended, and what follows goes or waits. */
void sending_begins(struct sending_row *row);
void sending_followed(struct sending_row *row);
/* Tokens for the lane itself; how many more may be under way. */
unsigned lane_tokens(struct lane *lane, usec_t now);
unsigned lane_room(const struct lane *lane);
/* No more places for others, until lane_tend_gate. */
void lane_withdraw(struct lane *lane);
/* Whether somebody's promise may wait in the outbox for something to be settled. */
bool lane_has_queue(const struct lane *lane);
void lane_tend_gate(struct lane *lane, usec_t now);
void lane_shut_gate(struct lane *lane);

/* --- lane_sweep.c */
void lane_sweep(struct lane *lane);
/* The provider took it. */
void lane_took(struct lane *lane, const struct sending_row *row);
