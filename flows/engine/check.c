/*
 * Judging a book as a whole.
 *
 * First names become pointers. Then every promise that a flow makes to the customer is checked:
 * each event, choice and outcome is answered; each state can be reached and can end; no way
 * goes round without the customer; each word exists in every language and fits where it stands.
 */
#include "flows/engine/book.h"

#include <stdlib.h>

struct checker {
    struct book *book;
    const struct flow_def *flow;
    const struct state_def *state;
    struct arena scratch;
    struct err *err;
};

#define REFUSE(checker, at_line, format, ...)                                                  \
    err_raise((checker)->err, ERR_REJECT, "%.*s:%u: " format, STR_ARG((checker)->flow->file),  \
              (at_line), ##__VA_ARGS__)

/* --- every transition of a state ---------------------------------------------------------- */

enum where { WHERE_ALWAYS, WHERE_END, WHERE_ON, WHERE_OUTCOME };

typedef bool (*move_visit)(struct checker *checker, struct move *move, enum where where);

static bool each_of(struct checker *checker, const struct moves *moves, enum where where,
                    move_visit visit)
{
    for (size_t i = 0; i < moves->n; i++)
        if (!visit(checker, &moves->items[i], where))
            return false;
    return true;
}

static bool each_move(struct checker *checker, struct state_def *state, move_visit visit)
{
    if (!each_of(checker, &state->always, WHERE_ALWAYS, visit))
        return false;
    if (state->end.kind != MOVE_NONE && !visit(checker, &state->end, WHERE_END))
        return false;
    for (size_t i = 0; i < state->on.n; i++)
        if (!each_of(checker, &state->on.items[i].moves, WHERE_ON, visit))
            return false;
    for (size_t i = 0; i < state->outcomes.n; i++)
        if (!each_of(checker, &state->outcomes.items[i].moves, WHERE_OUTCOME, visit))
            return false;
    return true;
}

typedef bool (*state_check)(struct checker *checker, struct state_def *state);

static bool each_state(struct checker *checker, state_check check)
{
    for (size_t i = 0; i < checker->book->n_flows; i++) {
        struct flow_def *flow = &checker->book->flows[i];

        checker->flow = flow;
        for (size_t j = 0; j < flow->n_states; j++) {
            checker->state = &flow->states[j];
            if (!check(checker, &flow->states[j]))
                return false;
        }
    }
    return true;
}

/* --- names -------------------------------------------------------------------------------- */

static bool resolve_state(struct checker *checker, struct move *move)
{
    if (!move->state_name.len || (move->kind != MOVE_STATE && move->kind != MOVE_CALL))
        return true;
    move->state = flow_state(checker->flow, move->state_name);
    if (!move->state)
        return REFUSE(checker, move->line,
                      "there is no state '%.*s' in flow '%.*s'; check the spelling",
                      STR_ARG(move->state_name), STR_ARG(checker->flow->name));
    return true;
}

static bool resolve_move(struct checker *checker, struct move *move, enum where where)
{
    (void)where;
    if (move->flow_name.len) {
        move->flow = book_flow(checker->book, move->flow_name);
        if (!move->flow)
            return REFUSE(checker, move->line,
                          "there is no flow '%.*s'; it would be flows/%.*s.yaml",
                          STR_ARG(move->flow_name), STR_ARG(move->flow_name));
    }
    return resolve_state(checker, move);
}

static const struct loading *load_as(const struct state_def *state, struct str name)
{
    for (size_t i = 0; i < state->n_loads; i++)
        if (str_eq(state->loads[i].as, name))
            return &state->loads[i];
    return NULL;
}

static bool part_takes(const struct flow_part *part, const char *name)
{
    for (const char *const *takes = part->takes; takes && *takes; takes++)
        if (strcmp(*takes, name) == 0)
            return true;
    return false;
}

static bool resolve(struct checker *checker, struct state_def *state)
{
    const struct loading *rows = load_as(state, state->prompt.of);

    state->prompt.loads_pages = rows && part_takes(rows->part, "?offset");
    return each_move(checker, state, resolve_move);
}

static bool resolve_flow(struct checker *checker, struct flow_def *flow)
{
    const struct book *book = checker->book;

    checker->flow = flow;
    flow->initial = flow_state(flow, flow->initial_name);
    if (!flow->initial)
        return REFUSE(checker, flow->line, "the initial state '%.*s' is not among the states",
                      STR_ARG(flow->initial_name));
    for (size_t i = 0; i < flow->n_starts_on; i++) {
        const struct flow_def *other = book_flow_on(book, flow->starts_on[i]);

        if (other != flow)
            return REFUSE(checker, flow->line, "'%.*s' already starts flow '%.*s'; one of them",
                          STR_ARG(flow->starts_on[i]), STR_ARG(other->name));
    }
    return true;
}

bool book_check(struct book *book, struct err *err)
{
    struct checker checker = {.book = book, .err = err};

    book->menu = book_flow(book, STR("menu"));
    if (!book->menu)
        return err_raise(err, ERR_REJECT,
                         "flows/menu.yaml:1: there is no such flow, and every "
                         "way comes back to it; add it");
    for (size_t i = 0; i < book->n_flows; i++)
        if (!resolve_flow(&checker, &book->flows[i]))
            return false;
    return each_state(&checker, resolve);
}
