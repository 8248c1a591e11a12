/*
 * The player's inside: for the files that make it, and nobody else.
 *
 *     play.c       a transcript, line by line
 *     play_said.c  what the customer does in a line: words, taps, files
 *     play_turn.c  an event through the book, and what a shell would keep of it
 *     play_back.c  what came back, as a transcript has it
 */
#pragma once

#include "flows/play/play.h"

enum { OPTIONS_MAX = 2000 };

#define SESSION (30 * USEC_PER_MIN) /* what a code proved ends after so long a silence */

/* As in bot/turn/batch_handoff.c, where the business says nothing else. */
#define HANDOFF_ANSWER (15 * USEC_PER_MIN)
#define HANDOFF_QUIET  (2 * USEC_PER_HOUR)

struct player {
    struct arena *arena;
    const struct play *play;
    struct stage *stage;
    struct str customer;
    struct str state;
    enum lang lang;
    bool settled;
    bool lang_is_known; /* from the profile */
    bool held;
    bool verified;      /* and, where a transcript is about that, for how long */
    usec_t until;       /* 0: without end */
    bool reading_known; /* the business lets whoever it knows read */
    usec_t now;
    usec_t last;
    struct flow_timer timer;               /* runs when `at` is above 0 */
    struct flow_timer handoff;             /* likewise, while a person was asked for */
    struct reply_option seen[OPTIONS_MAX]; /* oldest first */
    size_t n_seen;
    unsigned n_files;
    size_t latest;      /* where the options of the newest prompt begin */
    struct str instead; /* what the next line of the customer's is on this channel; or empty */
    bool left;          /* the rest cannot be done on this channel, and is only copied */
    char *out;
    size_t len;
    size_t room;
};

/* --- play_back.c -------------------------------------------------------------------------- */
void put(struct player *player, struct str text);
void put_line(struct player *player, const char *mark, struct str line);
/* All that a turn said and did. */
void put_result(struct player *player, const struct flow_result *result);

/* --- play_said.c -------------------------------------------------------------------------- */
/* What a line of the customer's stands for. False: no such option or thing. It may find that
 * the rest cannot be done on this channel (`left`). */
bool read_event(struct player *player, struct str said, struct event *event);

/* --- play_turn.c -------------------------------------------------------------------------- */
/* One turn, and what a shell would keep of it. ERR_REJECT when a question of it has no answer.
 */
MUST_USE bool play_event(struct player *player, struct event *event, struct err *err);
/* A timer of that name, now. */
MUST_USE bool fire(struct player *player, struct str name, struct err *err);
/* The clock moves; what is due on the way happens at its own time. */
MUST_USE bool pass(struct player *player, usec_t span, struct err *err);
