/*
 * Grave actions: what moves money, or cannot be taken back.
 *
 * One is only ever begun by a yes: the prompt right before it offers yes and no, is asked for
 * this one purpose (never `again: true`, so that an old tap cannot begin it), and the yes leads
 * to the action and nowhere else. So whoever reads the flow sees the question beside the deed,
 * and nobody slips into it through another door. And the flow needs a verified session: a code
 * has proved who says that yes.
 */
#include "flows/engine/check.h"

static bool is_grave(const struct move *move)
{
    return move->kind == MOVE_ACTION && move->action->part && move->action->part->grave;
}

static bool has_choice(const struct prompt *prompt, struct str name)
{
    for (size_t i = 0; i < prompt->n_choices; i++) {
        if (str_eq(prompt->choices[i].name, name))
            return true;
    }
    return false;
}

static bool asks_yes_or_no(const struct state_def *state)
{
    const struct prompt *prompt = &state->prompt;

    return (prompt->kind == PROMPT_BUTTONS || prompt->kind == PROMPT_LIST) && !state->again &&
           has_choice(prompt, STR("yes")) && has_choice(prompt, STR("no"));
}

static bool refuse(struct checker *checker, unsigned line, const char *action)
{
    return REFUSE(
        checker, line,
        "%s is grave and may only follow a yes; begin it from 'yes' of a prompt of its "
        "own with the choices yes and no, without 'again'",
        action);
}

/* Whether any of these ways does it, or enters the state that does. */
static const struct move *way_into(const struct moves *moves, const struct state_def *acting)
{
    for (size_t i = 0; i < moves->n; i++) {
        if (moves->items[i].state == acting)
            return &moves->items[i];
    }
    return NULL;
}

/* A state that acts by itself: every way into it is a yes. */
static bool check_ways_in(struct checker *checker, const struct state_def *from,
                          const struct state_def *acting, const char *action)
{
    const struct move *way = way_into(&from->always, acting);

    if (way || from->end.state == acting)
        return refuse(checker, way ? way->line : from->end.line, action);
    for (size_t i = 0; i < from->on.n; i++) {
        const struct handler *handler = &from->on.items[i];

        way = way_into(&handler->moves, acting);
        if (way && !(asks_yes_or_no(from) && str_eq(handler->event, STR("yes")) &&
                     way->kind == MOVE_STATE))
            return refuse(checker, way->line, action);
    }
    for (size_t i = 0; i < from->outcomes.n; i++) {
        way = way_into(&from->outcomes.items[i].moves, acting);
        if (way)
            return refuse(checker, way->line, action);
    }
    way = way_into(&from->lapsed, acting); /* silence is no yes */
    return !way || refuse(checker, way->line, action);
}

static bool check_acting(struct checker *checker, const struct state_def *acting,
                         const struct move *move)
{
    const struct flow_def *flow = checker->flow;
    const char *action = move->action->name;

    if (flow->initial == acting)
        return refuse(checker, move->line, action);
    for (size_t i = 0; i < flow->n_states; i++) {
        if (!check_ways_in(checker, &flow->states[i], acting, action))
            return false;
    }
    return true;
}

/* Asked and begun in one state: only `yes` begins it. */
static bool check_answers(struct checker *checker, const struct state_def *state)
{
    for (size_t i = 0; i < state->on.n; i++) {
        const struct handler *handler = &state->on.items[i];

        for (size_t j = 0; j < handler->moves.n; j++) {
            const struct move *move = &handler->moves.items[j];

            if (is_grave(move) &&
                !(asks_yes_or_no(state) && str_eq(handler->event, STR("yes"))))
                return refuse(checker, move->line, move->action->name);
        }
    }
    for (size_t i = 0; i < state->lapsed.n; i++) {
        const struct move *move = &state->lapsed.items[i];

        if (is_grave(move))
            return refuse(checker, move->line, move->action->name);
    }
    return true;
}

/* Whoever does it has given a code, not long ago. */
static bool check_proof(struct checker *checker, struct state_def *state)
{
    const struct action_def *action = state_action(state);

    if (!action || !action->part || !action->part->grave ||
        checker->flow->needs == NEEDS_VERIFIED)
        return true;
    return REFUSE(checker, state->line,
                  "%s is grave, and anybody could begin it; say 'needs: verified' in flow "
                  "'%.*s'",
                  action->name, STR_ARG(checker->flow->name));
}

bool check_grave(struct checker *checker, struct state_def *state)
{
    if (!check_proof(checker, state))
        return false;
    for (size_t i = 0; i < state->always.n; i++) {
        if (is_grave(&state->always.items[i]) &&
            !check_acting(checker, state, &state->always.items[i]))
            return false;
    }
    if (is_grave(&state->end) && !check_acting(checker, state, &state->end))
        return false;
    return check_answers(checker, state);
}
