/*
 * Transitions: one says its words first, sets its variables, and goes.
 */
#include "flows/engine/turn.h"

static bool holds(const struct flow_turn *turn, const struct guard *guard)
{
    return !guard->kind ||
           guard->kind->holds(turn_value(turn, NULL, guard->of), guard->to, turn->in->now);
}

static struct record_builder bound(struct flow_turn *turn, const struct bindings *with)
{
    struct record_builder vars;

    record_build(&vars, turn->arena);
    for (size_t i = 0; i < with->n; i++)
        record_set(&vars, with->items[i].name, turn_expr(turn, &with->items[i].value));
    return vars;
}

const struct record *turn_taken(struct flow_turn *turn, const char *const *takes,
                                const struct bindings *with)
{
    struct record_builder bound_vars = bound(turn, with);
    struct record_builder sent;

    record_build(&sent, turn->arena);
    for (; takes && *takes; takes++) {
        struct str name = str_from(**takes == '?' ? *takes + 1 : *takes);
        struct value value = record_get(record_built(&bound_vars), name);

        if (value.kind == VALUE_NONE)
            value = record_get(record_built(&turn->kept.now.vars), name);
        if (value.kind == VALUE_NONE && str_eq(name, STR("language")))
            value = value_text(str_from(lang_code(turn->locale.lang)));
        if (value.kind != VALUE_NONE)
            record_set(&sent, name, value);
        if (value.kind == VALUE_TEXT && str_eq(name, STR("number")))
            turn->trace.number = value.text;
    }
    return record_built(&sent);
}

static void action_begin(struct flow_turn *turn, const struct move *move)
{
    static const char *const takes_builtin[] = {"?lang", "?reason", NULL};
    const struct action_def *action = move->action;

    if (action->part && !turn_is_met(turn, turn->kept.now.flow->needs)) {
        turn_prove(
            turn); /* the session ended while the question stood open: it is asked again */
        return;
    }
    turn->action = action;
    turn->phase = PHASE_ACTED;
    if (!action->part) {
        turn->n_needs = 0;
        turn_builtin(turn, turn_taken(turn, takes_builtin, &move->with));
        return;
    }
    turn->needs[0] =
        (struct flow_need){.kind = FLOW_ACTION,
                           .name = action->name,
                           .takes = turn_taken(turn, action->part->takes, &move->with)};
    turn->answers[0] = (struct flow_answer){0};
    turn->answered[0] = false;
    turn->n_needs = 1;
}

static void move_go(struct flow_turn *turn, const struct move *move)
{
    struct record_builder vars;

    switch (move->kind) {
    case MOVE_STATE:
        turn_enter(turn, move->state);
        break;
    case MOVE_DONE:
        turn_return(turn);
        break;
    case MOVE_MENU:
        if (turn->phase == PHASE_LOADED && turn_is_awaited(turn)) {
            turn_return(turn); /* there was nothing to do here, and something waits below */
        } else {
            turn_menu(turn);
        }
        break;
    case MOVE_REST:
        turn_rest(turn);
        break;
    case MOVE_BACK:
        turn_back(turn);
        break;
    case MOVE_CALL:
    case MOVE_GO:
        vars = bound(turn, &move->with);
        if (move->kind == MOVE_CALL)
            turn_push(turn, move->state);
        turn_begin_flow(turn, move->flow, NULL);
        record_set_all(&turn->kept.now.vars, record_built(&vars));
        break;
    case MOVE_ACTION:
        action_begin(turn, move);
        break;
    case MOVE_NONE:
        break;
    }
}

void turn_move(struct flow_turn *turn, const struct move *move)
{
    turn_say(turn, &move->says);
    for (size_t i = 0; i < move->sets.n; i++)
        turn_set(turn, move->sets.items[i].name, turn_expr(turn, &move->sets.items[i].value));
    move_go(turn, move);
}

const struct move *turn_way(const struct flow_turn *turn, const struct moves *moves)
{
    for (size_t i = 0; i < moves->n; i++) {
        if (holds(turn, &moves->items[i].guard))
            return &moves->items[i];
    }
    return NULL;
}

bool turn_try(struct flow_turn *turn, const struct moves *moves)
{
    const struct move *way = turn_way(turn, moves);

    if (!way)
        return false;
    trace_held(&turn->trace, &way->guard);
    turn_move(turn, way);
    return true;
}

void turn_take(struct flow_turn *turn, const struct moves *moves)
{
    turn->kept.misses = 0;
    if (!turn_try(turn, moves))
        turn_again(turn);
}
