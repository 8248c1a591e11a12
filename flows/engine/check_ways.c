/*
 * All states of all flows as one graph: each is reached, each comes to an end, and no way goes
 * round without the customer.
 */
#include "flows/engine/check.h"

enum { STATES_MAX = 2000 }; /* the walks below go as deep as there are states */

/* Every state of every flow, numbered through; marks for the walks over them. */
struct graph {
    struct checker *checker;
    size_t n;
    size_t *first; /* of each flow: the number of its first state */
    unsigned char *marks;
};

static size_t number_of(const struct graph *graph, const struct flow_def *flow,
                        const struct state_def *state)
{
    return graph->first[flow - graph->checker->book->flows] + state->index;
}

static void locate(const struct graph *graph, size_t number, struct flow_def **flow,
                   struct state_def **state)
{
    size_t i = graph->checker->book->n_flows;

    while (graph->first[--i] > number)
        ;
    *flow = &graph->checker->book->flows[i];
    *state = &(*flow)->states[number - graph->first[i]];
}

static struct graph graph_of(struct checker *checker)
{
    const struct book *book = checker->book;
    struct graph graph = {.checker = checker};

    graph.first = arena_array(&checker->scratch, size_t, book->n_flows + 1);
    for (size_t i = 0; i < book->n_flows; i++) {
        graph.first[i] = graph.n;
        graph.n += book->flows[i].n_states;
    }
    graph.marks = arena_array(&checker->scratch, unsigned char, graph.n + 1);
    return graph;
}

/* Where one transition leads: at most two states (a called flow, and the state after it). */
static size_t leads_to(const struct graph *graph, const struct flow_def *flow,
                       const struct move *move, size_t to[2])
{
    size_t n = 0;

    switch (move->kind) {
    case MOVE_STATE:
        to[n++] = number_of(graph, flow, move->state);
        break;
    case MOVE_CALL:
        to[n++] = number_of(graph, move->flow, move->flow->initial);
        if (move->state)
            to[n++] = number_of(graph, flow, move->state);
        break;
    case MOVE_GO:
        to[n++] = number_of(graph, move->flow, move->flow->initial);
        break;
    case MOVE_MENU:
    case MOVE_BACK:
        to[n++] =
            number_of(graph, graph->checker->book->menu, graph->checker->book->menu->initial);
        break;
    default:
        break;
    }
    return n;
}

/* Transitions of a state as one sequence: `i` counts through all of them. NULL at the end. */
static const struct move *nth_move(const struct state_def *state, size_t i, enum where *where)
{
    const struct handlers *groups[] = {&state->on, &state->outcomes};
    static const enum where wheres[] = {WHERE_ON, WHERE_OUTCOME};

    if (i < state->always.n) {
        *where = WHERE_ALWAYS;
        return &state->always.items[i];
    }
    i -= state->always.n;
    if (i == 0) {
        *where = WHERE_END;
        return &state->end;
    }
    i--;
    for (size_t g = 0; g < COUNTOF(groups); g++) {
        *where = wheres[g];
        for (size_t h = 0; h < groups[g]->n; h++) {
            const struct moves *moves = &groups[g]->items[h].moves;

            if (i < moves->n)
                return &moves->items[i];
            i -= moves->n;
        }
    }
    *where = WHERE_AFTER;
    return i < state->lapsed.n ? &state->lapsed.items[i] : NULL;
}

static void mark_reachable(struct graph *graph, size_t number)
{
    struct flow_def *flow;
    struct state_def *state;
    const struct move *move;
    enum where where;
    size_t to[2];

    if (graph->marks[number])
        return;
    graph->marks[number] = 1;
    locate(graph, number, &flow, &state);
    for (size_t i = 0; (move = nth_move(state, i, &where)); i++) {
        for (size_t j = leads_to(graph, flow, move, to); j-- > 0;)
            mark_reachable(graph, to[j]);
    }
}

/* The flow that proves who writes, where any flow needs that: the engine begins it by itself.
 */
static const struct flow_def *wanted_verify(const struct book *book)
{
    for (size_t i = 0; i < book->n_flows; i++) {
        if (book->flows[i].needs != NEEDS_NOTHING)
            return book->verify;
    }
    return NULL;
}

bool check_reachable(struct checker *checker)
{
    struct graph graph = graph_of(checker);
    struct flow_def *flow;
    struct state_def *state;

    if (graph.n > STATES_MAX) {
        return err_raise(checker->err, ERR_REJECT,
                         "flows: %zu states in all, and %d are the most; are they all needed?",
                         graph.n, STATES_MAX);
    }
    for (size_t i = 0; i < checker->book->n_flows; i++) {
        const struct flow_def *each = &checker->book->flows[i];

        if (each->n_starts_on > 0 || each == checker->book->menu ||
            each == wanted_verify(checker->book))
            mark_reachable(&graph, number_of(&graph, each, each->initial));
    }
    for (size_t i = 0; i < graph.n; i++) {
        if (graph.marks[i])
            continue;
        locate(&graph, i, &flow, &state);
        checker->flow = flow;
        return REFUSE(checker, state->line,
                      "state '%.*s' can never be reached; lead to it or drop it",
                      STR_ARG(state->name));
    }
    return true;
}

/* Whether something that the engine does itself is done in a state that is marked. */
static bool is_done_in(const struct graph *graph, enum builtin builtin)
{
    struct flow_def *flow;
    struct state_def *state;

    for (size_t i = 0; i < graph->n; i++) {
        const struct action_def *action;

        if (!graph->marks[i])
            continue;
        locate(graph, i, &flow, &state);
        action = state_action(state);
        if (action && action->builtin == builtin)
            return true;
    }
    return false;
}

static bool leads_to_doing(struct checker *checker, const struct flow_def *flow,
                           enum builtin builtin)
{
    struct graph graph = graph_of(checker);

    mark_reachable(&graph, number_of(&graph, flow, flow->initial));
    return is_done_in(&graph, builtin);
}

/* The words that work anywhere do what they say, and a person can also be reached by tapping.
 */
bool check_promised(struct checker *checker)
{
    static const struct {
        const char *intent;
        enum builtin builtin;
        const char *action;
    } promised[] = {
        {"human",    BUILTIN_PERSON,       "ask_for_person"},
        {"stop",     BUILTIN_STOP,         "consent_stop"  },
        {"start",    BUILTIN_START,        "consent_start" },
        {"language", BUILTIN_SET_LANGUAGE, "set_language"  },
    };
    const struct flow_def *menu = checker->book->menu;

    for (size_t i = 0; i < COUNTOF(promised); i++) {
        const struct flow_def *flow = book_flow_on(checker->book, str_from(promised[i].intent));

        if (leads_to_doing(checker, flow, promised[i].builtin))
            continue;
        checker->flow = flow;
        return REFUSE(checker, flow->line,
                      "who says '%s' comes here, and no way leads to the action %s; add it",
                      promised[i].intent, promised[i].action);
    }
    if (leads_to_doing(checker, menu, BUILTIN_PERSON))
        return true;
    checker->flow = menu;
    return REFUSE(
        checker, menu->initial->line,
        "no way leads from the menu to a person; add a choice that goes to flow '%.*s'",
        STR_ARG(book_flow_on(checker->book, STR("human"))->name));
}

static bool is_end(const struct move *move)
{
    switch (move->kind) {
    case MOVE_DONE:
    case MOVE_MENU:
    case MOVE_REST:
    case MOVE_BACK:
    case MOVE_GO:
        return true;
    case MOVE_CALL:
        return !move->state; /* and done afterwards */
    default:
        return false;
    }
}

/* Whether a state ends, as far as is known: by itself, or through one that does. */
static bool ends_now(const struct graph *graph, const struct flow_def *flow,
                     const struct state_def *state)
{
    const struct move *move;
    enum where where;

    if (state->prompt.kind == PROMPT_LINK)
        return true; /* nothing is awaited */
    for (size_t i = 0; (move = nth_move(state, i, &where)); i++) {
        if (is_end(move))
            return true;
        if (move->state && graph->marks[number_of(graph, flow, move->state)])
            return true;
    }
    return false;
}

bool check_ends(struct checker *checker)
{
    struct graph graph = graph_of(checker);
    struct flow_def *flow;
    struct state_def *state;

    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < graph.n; i++) {
            locate(&graph, i, &flow, &state);
            if (graph.marks[i] || !ends_now(&graph, flow, state))
                continue;
            graph.marks[i] = 1;
            grew = true;
        }
    }
    for (size_t i = 0; i < graph.n; i++) {
        if (graph.marks[i])
            continue;
        locate(&graph, i, &flow, &state);
        checker->flow = flow;
        return REFUSE(
            checker, state->line,
            "from state '%.*s' the flow never ends; some way must come to done, menu, "
            "rest or another flow",
            STR_ARG(state->name));
    }
    return true;
}

enum { MARK_ON_PATH = 1, MARK_DONE = 2 };

/* Whether the state's action is begun without the customer: then so are its outcomes. */
static bool acts_alone(const struct state_def *state)
{
    for (size_t i = 0; i < state->always.n; i++) {
        if (state->always.items[i].kind == MOVE_ACTION)
            return true;
    }
    for (size_t i = 0; i < state->lapsed.n; i++) {
        if (state->lapsed.items[i].kind == MOVE_ACTION)
            return true;
    }
    return state->end.kind == MOVE_ACTION;
}

/* Follow what happens without the customer; coming back to where one is would never stop. */
static bool follow_alone(struct graph *graph, size_t number)
{
    struct flow_def *flow;
    struct state_def *state;
    const struct move *move;
    enum where where;
    size_t to[2];

    locate(graph, number, &flow, &state);
    if (graph->marks[number] == MARK_DONE)
        return true;
    if (graph->marks[number] == MARK_ON_PATH) {
        graph->checker->flow = flow;
        return REFUSE(graph->checker, state->line,
                      "the flow comes back to state '%.*s' without the customer, for ever; ask "
                      "something on the way",
                      STR_ARG(state->name));
    }
    graph->marks[number] = MARK_ON_PATH;
    for (size_t i = 0; (move = nth_move(state, i, &where)); i++) {
        if (where == WHERE_ON || (where == WHERE_OUTCOME && !acts_alone(state)))
            continue;
        for (size_t j = leads_to(graph, flow, move, to); j-- > 0;) {
            if (!follow_alone(graph, to[j]))
                return false;
        }
    }
    graph->marks[number] = MARK_DONE;
    return true;
}

bool check_loops(struct checker *checker)
{
    struct graph graph = graph_of(checker);

    for (size_t i = 0; i < graph.n; i++) {
        if (!follow_alone(&graph, i))
            return false;
    }
    return true;
}
