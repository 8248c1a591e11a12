/*
 * A batch's inside: for the files that make it, and nobody else.
 *
 *     batch.c        lease, the end, what follows a commit
 *     batch_take.c   sorts items, takes conversations, remembers deliveries, creates contacts
 *     batch_step.c   steps flows, in rounds of facts
 *     batch_facts.c  what a step is told of who writes
 *     batch_ask.c    what steps wait for, and its answers
 *     batch_action.c what an action says to the shell
 *     batch_absorb.c what a step said and decided
 *     batch_log.c    the log's rows, and the dead letters
 *     batch_documents.c   files that came along: wanted, and fetched after the commit
 *     batch_files.c  kept files that replies show: wanted at the provider beforehand
 *     batch_write.c  all that is to be kept, and COMMIT
 *     batch_hand.c   promises, and which of them need not wait for their lane
 *     batch_handoff.c   who speaks in a conversation: the bot or a person
 *     batch_people.c what the channels say of people: numbers, switches, threads
 *     batch_code.c   one-time codes, which leave sealed and often elsewhere
 */
#pragma once

#include "bot/lane/gate.h"
#include "bot/turn/batch.h"
#include "bot/turn/codes.h"

/* What a batch does to who speaks in a conversation: see batch_handoff.h. */
struct turn_handoff {
    const char *ended; /* why; NULL: it does not end */
    const char *asked; /* the reason; NULL: nobody is asked for */
    int64_t seq;       /* the message that asked */
    usec_t by;
    bool holds;
    bool waits; /* the customer wrote to the person */
};

/* One conversation of the batch, and its items in order. */
struct turn {
    struct turn *next; /* with the same hash */
    const struct account *account;
    struct str address;
    struct item **items;
    size_t n, room, at;
    bool taken;
    bool fresh; /* has an item that was not handled before */

    struct uuid conversation, contact, customer;
    int64_t seq;
    struct str state;
    struct str language;
    bool at_rest;
    bool language_settled;
    bool stopped;
    bool back;            /* writes from a mailbox that took nothing: it does again */
    bool owned;           /* a customer's, or something was said here before */
    bool doubtful;        /* nobody's yet, and nobody vouches for who begins it */
    usec_t awaited_at;    /* when it did */
    struct str awaited;   /* what a template has asked for, and they have not answered */
    bool shut_out;        /* the business gives this customer no access */
    bool code_made;       /* for the action under way */
    bool awaits_customer; /* who writes now, to answer the action */
    usec_t last_inbound_at, held_until;
    struct str phone;
    const struct record *customer_facts;
    struct str customer_language, customer_zone;
    usec_t verified_until; /* a code proved who writes; 0: none did */
    struct code code;
    struct flow_answer after; /* what the action answers, once it is known who writes now */
    size_t after_need;

    const struct book *book;
    struct flow_turn *flow;
    struct flow_in in;
    unsigned rounds;
    bool waiting; /* for answers of this round */
    bool dirty;
    bool retimed; /* its timers are others than before */
    usec_t inbound_at;
    int64_t cause;
    struct flow_timer timer; /* the one from now on; `at` 0: none */
    struct turn_handoff handoff;
    unsigned n_promised;
    bool waits_its_turn; /* what is promised here may not be handed over */
    struct pass pass;
    int64_t handed;               /* the last that was; 0: none */
    const struct item *last;      /* the last message handled: for the receipt */
    const struct mail_head *mail; /* the last that came: what is said next answers it */
};

/* A reply that is to be sent. */
struct promise {
    struct turn *turn;
    int64_t seq;
    usec_t due_at; /* wall: when the delivery that it answers came */
    bool exempt;   /* may leave after STOP */
    bool later;    /* nobody awaits it */
    bool watched;  /* it goes on by another channel if it does not arrive: fallbacks.h */
    struct str topic;
    struct uuid document; /* a kept file that the provider must have first; none: nothing */
    struct str body;
};

/* What one flight asks for, so that its results find their way back. */
struct asked {
    enum { ASKED_CUSTOMER, ASKED_BOOK, ASKED_NEED, ASKED_JOBS } what;
    struct turn *turn;
    size_t need;
    size_t query;
};

struct batch_work {
    struct batch *batch;
    struct arena arena;
    struct db_lease lease;
    struct db_conn *conn;
    struct db_flight flight;
    void (*then)(struct db_flight *flight);
    usec_t began, now; /* monotonic, wall */

    struct turn *turns;
    size_t n_turns;
    struct turn **table;
    size_t table_size;

    struct item **notes; /* account and template events: new ones are told to the audit */
    size_t n_notes;
    struct item **statuses;
    size_t n_statuses;
    struct item **renames;
    size_t n_renames;
    struct item **preferences;
    size_t n_preferences;
    struct item **lost; /* to be parked, and of nobody's turn */
    size_t n_lost;

    struct item **seen; /* sorted by (account, hash): those remembered by this transaction */
    bool *is_new;
    size_t n_seen;

    struct asked *asked;
    size_t n_asked, room_asked;
    size_t business_query, take_query, see_query;
    size_t *missing; /* positions in turns of those that were not taken, sorted by address */

    /* rows to write */
    size_t n_log, n_promised, n_dead;
    struct db_array log[11], dead[7];
    struct promise *promises; /* n_promised */
    size_t room_promised, promise_query;
    struct db_array short_links[2]; /* codes and addresses */
    struct db_array unsee[2];
    size_t n_unseen;
    struct item **jobs; /* the batch's timers, and the ids of those that are done */
    size_t n_jobs;
    struct db_array done_jobs;
    usec_t next_job; /* when the soonest of those made here is due; 0: none */
    struct uuid *stopping, *starting;
    size_t n_stopping, n_starting;
    struct batch_code *codes; /* to be sent; by destination */
    size_t n_wanted;          /* files that came */
    size_t n_files;           /* messages that show a file of ours */
    size_t duplicates, handled, not_understood, handoffs;
    size_t links_wanted; /* to pay with */
    size_t codes_sent, proved, code_alerts;
};

/* The flight is to go, and when it is back this goes on with it. */
void batch_then(struct batch_work *work, void (*then)(struct db_flight *flight));

/* The batch has ended; the connection goes back. */
void batch_finish(struct batch_work *work, enum batch_end end);

/* True when the flight went well; else the batch has ended. */
MUST_USE bool batch_flown(struct batch_work *work);

void batch_take(struct batch_work *work);   /* goes on with batch_rounds */
void batch_rounds(struct batch_work *work); /* goes on with batch_write */
void batch_write(struct batch_work *work);  /* goes on with batch_committed */
void batch_committed(struct db_flight *flight);

/* Items into turns, statuses, notes and so on; before anything is sent. */
void batch_sort(struct batch_work *work);

/* Whether an item that comes again must be noticed; the others are harmless twice. */
bool batch_is_remembered(const struct item *item);

/* Whether this transaction is the first to handle the item; a second copy in the batch is not.
 */
bool batch_is_new(const struct batch_work *work, const struct item *item);

/* How many conversations were not taken, and whether an item waits for one of them. */
size_t batch_missing(const struct batch_work *work);
bool batch_is_put_off(const struct batch_work *work, const struct item *item);

/* Whether nobody vouches for who sent it: see event.doubtful and mail_token.h. In an owned
 * conversation it changes nothing. */
bool batch_is_doubtful(const struct batch_work *work, const struct turn *turn,
                       const struct item *item);

/* Ask for rows of the files that came along, in the flight before the first step. */
void batch_documents(struct batch_work *work);
/* Which message each came with, once they are numbered; nothing where no file came. */
void batch_documents_place(struct batch_work *work);

/* batch_files.c: whether a reply shows a kept file; after the promises. */
bool batch_shows_file(const struct reply *reply);
void batch_files_write(struct batch_work *work);

void array_hash(struct db_array *array, const struct hash16 *hash);
void batch_arrays(struct batch_work *work, struct db_array *arrays, const enum db_type *types,
                  size_t n);

/* The business, the arrays, and room for `more`. */
struct db_param *batch_params(struct batch_work *work, struct db_array *arrays, size_t n,
                              size_t more);

/* What channels say of people, into the last flight: batch_people.c. */
void batch_identities_write(struct batch_work *work);
void batch_preferences_write(struct batch_work *work);
/* batch_templates.c */
void batch_templates_write(struct batch_work *work);
void batch_threads_write(struct batch_work *work);
