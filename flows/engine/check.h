/*
 * The inside of the checker: what its files share. Each judges one kind of promise, and each
 * refusal names file, line and cure.
 */
#pragma once

#include "flows/engine/book.h"
#include "templates/longest.h"

struct checker {
    struct book *book;
    const struct flow_def *flow; /* where it is at */
    const struct state_def *state;
    struct arena scratch;
    struct longest longest;
    struct err *err;
};

#define REFUSE(checker, at_line, format, ...)                                                  \
    err_raise((checker)->err, ERR_REJECT, "%.*s:%u: " format, STR_ARG((checker)->flow->file),  \
              (at_line), ##__VA_ARGS__)

/* Where a transition stands; it decides what it may look at. */
enum where { WHERE_ALWAYS, WHERE_END, WHERE_ON, WHERE_OUTCOME, WHERE_AFTER };

/* --- check.c ------------------------------------------------------------------------------ */

typedef bool (*move_visit)(struct checker *checker, struct move *move, enum where where);

/* Visit every transition of a state; false as soon as a visit is. */
bool check_each_move(struct checker *checker, struct state_def *state, move_visit visit);

/* What a state loads under that name, or NULL. */
const struct loading *state_load(const struct state_def *state, struct str name);

/* --- check_state.c ------------------------------------------------------------------------ */

/* The action that a state does, wherever in it it stands; NULL when it does none. */
const struct action_def *state_action(const struct state_def *state);
bool check_state(struct checker *checker, struct state_def *state);

/* --- check_grave.c ------------------------------------------------------------------------ */

/* No money moves and nothing is ended for good but by a yes. */
bool check_grave(struct checker *checker, struct state_def *state);

/* --- check_scope.c ------------------------------------------------------------------------ */

bool bindings_have(const struct bindings *with, struct str name);
/* Whether some way of this flow sets the variable, or whoever begins the flow gives it. */
bool check_knows(const struct checker *checker, struct str name);
bool check_in_scope(const struct checker *checker, struct str path, enum where where);
bool check_want_in_scope(struct checker *checker, unsigned line, struct str path,
                         enum where where);
bool check_bindings(struct checker *checker, const struct bindings *bindings, unsigned line,
                    enum where where);
/* A load or action gets all that it must have, and nothing that it does not take. */
bool check_part(struct checker *checker, const struct flow_part *part,
                const struct bindings *with, unsigned line);
bool check_loads(struct checker *checker, struct state_def *state);

/* --- check_words.c ------------------------------------------------------------------------ */

bool check_sayings(struct checker *checker, const struct sayings *says, enum where where);
bool check_prompt_words(struct checker *checker, struct state_def *state);
bool check_own_words(struct checker *checker); /* the words that the engine itself says */

/* --- check_ways.c: every state of every flow as one graph --------------------------------- */

bool check_reachable(struct checker *checker);
bool check_promised(struct checker *checker);
bool check_ends(struct checker *checker);
bool check_loops(struct checker *checker);
