/*
 * The inside of a turn: shared by the files that step it, speak for it and keep its state.
 *
 * A turn walks from event to end through a few phases; it stops only where it needs something
 * of the world. Whatever it makes lives in its arena.
 */
#pragma once

#include "flows/engine/book.h"
#include "flows/engine/ids.h"

enum {
    STACK_MAX = 6,  /* suspended flows; the oldest is forgotten beyond */
    ROWS_MAX = 10,  /* what a list may show */
    NEEDS_MAX = 6,  /* loads of one state */
    MOVES_MAX = 64, /* a turn that goes further has lost its way */
    REPLIES_MAX = 12
};

struct frame {
    const struct flow_def *flow;
    const struct state_def *at;
    struct record_builder vars;
};

/* A row or button as it was shown: what words and numbers are held against. */
struct shown {
    enum option_kind kind;
    struct str key;
    struct str title;
};

/* What a conversation keeps between turns. */
struct kept {
    struct frame now;
    bool open;         /* a prompt awaits its answer */
    int64_t misses;    /* misunderstandings in a row */
    struct str number; /* tells this asking from others, where that matters */
    struct shown shown[ROWS_MAX];
    size_t n_shown;
    struct frame stack[STACK_MAX]; /* suspended, the newest last */
    size_t depth;
    bool stopped;     /* the customer said STOP to us */
    usec_t armed_at;  /* when the present prompt's `after` began to run; 0: it does not */
    struct str timer; /* the name of what runs, as it was when the last turn ended */
    usec_t media_at;  /* when something other than words was last answered */
    struct str album; /* what was said of a file then: the same is not said again */
    usec_t below_at;  /* when the question was last repeated below news */
    struct str heard; /* the language that their own words moved us to, "es"; empty: none */
};

enum { TRACE_MAX = 8 };

/* What the turn did, by name, and what decided it. */
struct trace {
    const char *rule;  /* what the event was understood by */
    struct str intent; /* what its words mean; empty: nothing by themselves */
    struct str number; /* the order that was looked at last */
    struct str loads[TRACE_MAX];
    struct value came[TRACE_MAX]; /* what each load brought */
    size_t n_loads;
    const struct guard *held[TRACE_MAX]; /* the guards whose way was taken, in that order */
    size_t n_held;
    struct str does[TRACE_MAX];
    const char *outcomes[TRACE_MAX];
    size_t n_does;
    struct str words[TRACE_MAX];
    size_t n_words;
};

enum phase { PHASE_EVENT, PHASE_LAPSE, PHASE_ENTER, PHASE_LOADED, PHASE_ACTED, PHASE_END };

struct flow_turn {
    struct arena *arena;
    const struct book *book;
    const struct flow_in *in;
    const struct record *facts; /* `in`'s, until an action changes who writes */
    bool verified;
    struct locale locale;
    struct kept kept;
    enum phase phase;
    unsigned moves;

    const struct kept *aside; /* as it was before a notice came in between; else NULL */
    const struct media
        *picture; /* its words were an answer; a prompt for files takes it, too */
    bool brief;   /* the state's prompt only, without what it says on entering */
    struct record_builder loaded;
    struct flow_need needs[NEEDS_MAX];
    struct flow_answer answers[NEEDS_MAX];
    bool answered[NEEDS_MAX];
    size_t n_needs;
    const struct action_def *action; /* under way */

    struct flow_timer timer; /* room for the result's */

    struct trace trace;
    char *text; /* said, and not yet in a reply */
    size_t text_len;
    size_t text_room;
    struct reply replies[REPLIES_MAX];
    struct flow_result result;
};

/* --- keep.c ------------------------------------------------------------------------------- */

/* False when the state cannot be read with this book: then the conversation starts fresh. */
MUST_USE bool kept_read(struct arena *into, const struct book *book, struct str state,
                        struct kept *kept);
struct str kept_write(struct arena *into, const struct book *book, const struct kept *kept);

/* --- speak.c ------------------------------------------------------------------------------ */

/* A value in scope: of `row` (may be NULL), the flow's variables, what was loaded, the facts.
 * A piece that is a number picks from a list: "orders.0.number". */
struct value turn_value(const struct flow_turn *turn, const struct record *row,
                        struct str path);
struct value turn_expr(const struct flow_turn *turn, const struct expr *expr);

void turn_say(struct flow_turn *turn, const struct sayings *sayings);
void turn_say_key(struct flow_turn *turn, struct str key);
void turn_ask(struct flow_turn *turn);   /* the present state's prompt */
void turn_flush(struct flow_turn *turn); /* what was said and not asked becomes a message */

/* --- trace.c ------------------------------------------------------------------------------ */

/* Beyond TRACE_MAX, and what is there already, is left out; of a load the last counts. */
void trace_load(struct trace *trace, struct str name, struct value came);
void trace_held(struct trace *trace, const struct guard *guard);
void trace_did(struct trace *trace, struct str action, const char *outcome);
void trace_words(struct trace *trace, struct str key);
struct str trace_text(struct arena *into, const struct trace *trace);

/* --- event.c ------------------------------------------------------------------------------ */

/* Decide what the event means and set the turn on its way. */
void turn_event(struct flow_turn *turn);

/* --- after.c ------------------------------------------------------------------------------ */

/* The present prompt's timer begins to run, if it has one. */
void turn_arm(struct flow_turn *turn);
/* The timer's moment has come; nothing if it is an old one's. Asks when the customer is not to
 * be disturbed, and goes on with `turn_lapsed`. */
void turn_lapse(struct flow_turn *turn);
/* Take its way, or wait for the end of the quiet hours. */
void turn_lapsed(struct flow_turn *turn);
/* What runs from now on, and whether that is another than before. */
void turn_timers(struct flow_turn *turn);

/* --- walk.c ------------------------------------------------------------------------------- */

/* A variable of the present flow; empty text is none. */
void turn_set(struct flow_turn *turn, struct str name, struct value value);
void turn_enter(struct flow_turn *turn, const struct state_def *state);
/* As enter, but on the page where it is. */
void turn_page(struct flow_turn *turn, const struct state_def *state);
void turn_again(struct flow_turn *turn); /* the present prompt once more, or the menu */
void turn_menu(struct flow_turn *turn);
void turn_rest(struct flow_turn *turn);
bool turn_is_awaited(const struct flow_turn *turn); /* something under way waits below */
void turn_return(struct flow_turn *turn);
void turn_back(struct flow_turn *turn); /* to what was before, or the menu */
bool turn_push(struct flow_turn *turn, const struct state_def *back_to);
/* Begin a flow in a fresh frame, at its initial state or at `state`. Nothing is pushed. */
void turn_begin_flow(struct flow_turn *turn, const struct flow_def *flow,
                     const struct state_def *state);
/* Whether enough is known of the one who writes. */
bool turn_is_met(const struct flow_turn *turn, enum need needs);
/* What is under way waits as it stands, and who speaks is asked first. */
void turn_prove(struct flow_turn *turn);
/* The present state may not be entered yet: prove, or the menu where that would be no reason to
 * send a code. */
void turn_withhold(struct flow_turn *turn);

/* --- moves.c ------------------------------------------------------------------------------ */

/* The first way whose guard holds; where none does, the prompt again. Misses are forgotten. */
void turn_take(struct flow_turn *turn, const struct moves *moves);
/* The way that would be taken now; NULL when there is none. */
const struct move *turn_way(const struct flow_turn *turn, const struct moves *moves);
/* The same without "where none does": false then. */
bool turn_try(struct flow_turn *turn, const struct moves *moves);
/* One way, whatever its guard. */
void turn_move(struct flow_turn *turn, const struct move *move);
/* What a load or an action is sent: bound values first, else variables of that name; the
 * language is the turn's. */
const struct record *turn_taken(struct flow_turn *turn, const char *const *takes,
                                const struct bindings *with);

/* --- builtin.c ---------------------------------------------------------------------------- */

/* Does turn->action, and answers it. */
void turn_builtin(struct flow_turn *turn, const struct record *takes);
