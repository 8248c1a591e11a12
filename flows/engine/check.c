/*
 * Judging a book as a whole.
 *
 * First names become pointers. Then every promise that a flow makes to the customer is checked,
 * each kind in a file of its own: states (check_state.c), what is known where (check_scope.c),
 * words (check_words.c), what must be asked first (check_grave.c), and the ways between states
 * (check_ways.c).
 */
#include "flows/engine/check.h"

/* --- every transition of a state ---------------------------------------------------------- */

static bool each_of(struct checker *checker, const struct moves *moves, enum where where,
                    move_visit visit)
{
    for (size_t i = 0; i < moves->n; i++) {
        if (!visit(checker, &moves->items[i], where))
            return false;
    }
    return true;
}

bool check_each_move(struct checker *checker, struct state_def *state, move_visit visit)
{
    if (!each_of(checker, &state->always, WHERE_ALWAYS, visit))
        return false;
    if (state->end.kind != MOVE_NONE && !visit(checker, &state->end, WHERE_END))
        return false;
    for (size_t i = 0; i < state->on.n; i++) {
        if (!each_of(checker, &state->on.items[i].moves, WHERE_ON, visit))
            return false;
    }
    for (size_t i = 0; i < state->outcomes.n; i++) {
        if (!each_of(checker, &state->outcomes.items[i].moves, WHERE_OUTCOME, visit))
            return false;
    }
    return each_of(checker, &state->lapsed, WHERE_AFTER, visit);
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
    if (!move->state) {
        return REFUSE(checker, move->line,
                      "there is no state '%.*s' in flow '%.*s'; check the spelling",
                      STR_ARG(move->state_name), STR_ARG(checker->flow->name));
    }
    return true;
}

static bool resolve_move(struct checker *checker, struct move *move, enum where where)
{
    (void)where;
    if (move->flow_name.len) {
        move->flow = book_flow(checker->book, move->flow_name);
        if (!move->flow) {
            return REFUSE(checker, move->line,
                          "there is no flow '%.*s'; it would be flows/%.*s.yaml",
                          STR_ARG(move->flow_name), STR_ARG(move->flow_name));
        }
    }
    return resolve_state(checker, move);
}

const struct loading *state_load(const struct state_def *state, struct str name)
{
    for (size_t i = 0; i < state->n_loads; i++) {
        if (str_eq(state->loads[i].as, name))
            return &state->loads[i];
    }
    return NULL;
}

static bool part_takes(const struct flow_part *part, const char *name)
{
    for (const char *const *takes = part->takes; takes && *takes; takes++) {
        if (strcmp(*takes, name) == 0)
            return true;
    }
    return false;
}

static bool resolve(struct checker *checker, struct state_def *state)
{
    const struct loading *rows = state_load(state, state->prompt.of);

    state->prompt.loads_pages = rows && part_takes(rows->part, "?offset");
    return check_each_move(checker, state, resolve_move);
}

static bool resolve_flow(struct checker *checker, struct flow_def *flow)
{
    const struct book *book = checker->book;

    checker->flow = flow;
    flow->initial = flow_state(flow, flow->initial_name);
    if (!flow->initial) {
        return REFUSE(
            checker, flow->line,
            "the initial state '%.*s' is not among the states; name one that is, or write it",
            STR_ARG(flow->initial_name));
    }
    for (size_t i = 0; i < flow->n_starts_on; i++) {
        const struct flow_def *other = book_flow_on(book, flow->starts_on[i]);

        if (other != flow) {
            return REFUSE(checker, flow->line,
                          "'%.*s' already starts flow '%.*s'; drop it from one of "
                          "them",
                          STR_ARG(flow->starts_on[i]), STR_ARG(other->name));
        }
    }
    return true;
}

/* Whoever cannot prove who they are must still reach the menu, a person and their peace. */
static bool check_needs(struct checker *checker, const struct flow_def *flow)
{
    static const char *const open[] = {"help", "human", "stop", "start", "language"};
    bool is_open = flow == checker->book->menu || flow == checker->book->verify;

    if (flow->needs == NEEDS_NOTHING)
        return true;
    checker->flow = flow;
    if (!checker->book->verify) {
        return REFUSE(checker, flow->line,
                      "flow '%.*s' needs to know who writes, and there is no flows/verify.yaml "
                      "that could find out; add it",
                      STR_ARG(flow->name));
    }
    for (size_t i = 0; i < COUNTOF(open); i++)
        is_open = is_open || book_flow_on(checker->book, str_from(open[i])) == flow;
    if (!is_open)
        return true;
    return REFUSE(
        checker, flow->line,
        "flow '%.*s' is there for everybody, so it may not need anything; drop 'needs'",
        STR_ARG(flow->name));
}

static bool check_all_needs(struct checker *checker)
{
    for (size_t i = 0; i < checker->book->n_flows; i++) {
        if (!check_needs(checker, &checker->book->flows[i]))
            return false;
    }
    return true;
}

/* The words that work anywhere need a flow each. */
static bool check_wanted_flows(struct checker *checker)
{
    static const char *const wanted[] = {"help", "human", "stop", "start", "language"};

    for (size_t i = 0; i < COUNTOF(wanted); i++) {
        if (!book_flow_on(checker->book, str_from(wanted[i]))) {
            return err_raise(checker->err, ERR_REJECT,
                             "flows/%s.yaml:1: no flow starts on '%s', which works anywhere; "
                             "add one with 'starts_on: [%s]'",
                             wanted[i], wanted[i], wanted[i]);
        }
    }
    return true;
}

/* --- the book ----------------------------------------------------------------------------- */

static bool check_menu(struct checker *checker)
{
    const struct flow_def *menu = checker->book->menu;

    checker->flow = menu;
    if (menu->initial->prompt.kind != PROMPT_LIST || !menu->initial->again) {
        return REFUSE(checker, menu->initial->line,
                      "the menu's first state asks with a list and is 'again: true', since "
                      "whoever is lost is brought there; make it so");
    }
    return true;
}

static bool check_all(struct checker *checker)
{
    struct book *book = checker->book;

    book->menu = book_flow(book, STR("menu"));
    book->verify = book_flow(book, STR("verify"));
    if (!book->menu) {
        return err_raise(
            checker->err, ERR_REJECT,
            "flows/menu.yaml:1: there is no such flow, and every way comes back to "
            "it; add it");
    }
    for (size_t i = 0; i < book->n_flows; i++) {
        if (!resolve_flow(checker, &book->flows[i]))
            return false;
    }
    return each_state(checker, resolve) && check_wanted_flows(checker) &&
           check_all_needs(checker) && check_menu(checker) && check_own_words(checker) &&
           each_state(checker, check_state) && check_reachable(checker) &&
           check_promised(checker) && check_ends(checker) && check_loops(checker);
}

bool book_check(struct book *book, struct err *err)
{
    struct checker checker = {.book = book, .err = err};
    bool ok;

    arena_init(&checker.scratch);
    ok = check_all(&checker);
    arena_finish(&checker.scratch);
    return ok;
}
