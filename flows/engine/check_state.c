/*
 * A state by itself: it goes on or it asks, its actions come back to an answer, and every event
 * of its prompt has a handler that can happen.
 */
#include "flows/engine/check.h"

/* --- the form of a state ------------------------------------------------------------------ */

static bool may_be_passed(const struct moves *always)
{
    return always->n == 0 || always->items[always->n - 1].guard.kind != NULL;
}

/* Either `always` may let pass, and then there is an end, or it never does, and there is none.
 */
static bool check_passage(struct checker *checker, const struct state_def *state, bool has_end)
{
    if (may_be_passed(&state->always)) {
        if (has_end)
            return true;
        return REFUSE(
            checker, state->line,
            "there is no way out of state '%.*s'; add ask, action, call, go or target",
            STR_ARG(state->name));
    }
    if (!has_end && state->says.n == 0)
        return true;
    return REFUSE(checker, state->always.items[state->always.n - 1].line,
                  "this way is always taken, so what state '%.*s' says and asks is never "
                  "reached; add a guard",
                  STR_ARG(state->name));
}

static bool check_end(struct checker *checker, struct state_def *state)
{
    bool asks = state->prompt.kind != PROMPT_NONE;
    bool goes = state->end.kind != MOVE_NONE;

    if (asks && goes) {
        return REFUSE(checker, state->line,
                      "state '%.*s' asks and goes on at once; keep one of them, and "
                      "give the other a state of its own",
                      STR_ARG(state->name));
    }
    if (!asks && state->on.n > 0) {
        return REFUSE(checker, state->line,
                      "state '%.*s' asks nothing, so nothing can happen to it; drop 'on' or "
                      "add 'ask'",
                      STR_ARG(state->name));
    }
    if (!asks && state->after > 0) {
        return REFUSE(checker, state->after_line,
                      "state '%.*s' asks nothing, so there is no answer to wait for; drop "
                      "'after' or add 'ask'",
                      STR_ARG(state->name));
    }
    return check_passage(checker, state, asks || goes);
}

/* --- actions and their outcomes ----------------------------------------------------------- */

const struct action_def *state_action(const struct state_def *state)
{
    if (state->end.kind == MOVE_ACTION)
        return state->end.action;
    for (size_t i = 0; i < state->always.n; i++) {
        if (state->always.items[i].kind == MOVE_ACTION)
            return state->always.items[i].action;
    }
    for (size_t i = 0; i < state->on.n; i++) {
        for (size_t j = 0; j < state->on.items[i].moves.n; j++) {
            if (state->on.items[i].moves.items[j].kind == MOVE_ACTION)
                return state->on.items[i].moves.items[j].action;
        }
    }
    for (size_t i = 0; i < state->lapsed.n; i++) {
        if (state->lapsed.items[i].kind == MOVE_ACTION)
            return state->lapsed.items[i].action;
    }
    return NULL;
}

static bool declares(const struct action_def *action, struct str outcome)
{
    for (const char *const *name = action->outcomes; *name; name++) {
        if (str_eq(str_from(*name), outcome))
            return true;
    }
    return false;
}

static bool check_one_action(struct checker *checker, struct move *move, enum where where)
{
    const struct action_def *action = state_action(checker->state);

    if (move->kind != MOVE_ACTION)
        return true;
    if (where == WHERE_OUTCOME) {
        return REFUSE(checker, move->line,
                      "an outcome leads to a state; put the next action there");
    }
    if (strcmp(move->action->name, action->name) != 0) {
        return REFUSE(checker, move->line,
                      "state '%.*s' has two actions, %s and %s; give each a state of its own",
                      STR_ARG(checker->state->name), action->name, move->action->name);
    }
    return true;
}

static bool check_outcomes(struct checker *checker, struct state_def *state)
{
    const struct action_def *action = state_action(state);

    if (!action && state->outcomes.n > 0) {
        return REFUSE(checker, state->outcomes.items[0].line,
                      "state '%.*s' does nothing that could have outcomes; add an action or "
                      "drop them",
                      STR_ARG(state->name));
    }
    if (!action)
        return true;
    for (const char *const *name = action->outcomes; *name; name++) {
        if (!handler_find(&state->outcomes, str_from(*name))) {
            return REFUSE(checker, state->line,
                          "action %s may come back with '%s', which state '%.*s' leaves "
                          "unanswered; add it to its outcomes",
                          action->name, *name, STR_ARG(state->name));
        }
    }
    for (size_t i = 0; i < state->outcomes.n; i++) {
        if (!declares(action, state->outcomes.items[i].event)) {
            return REFUSE(checker, state->outcomes.items[i].line,
                          "action %s never comes back with '%.*s'; check the spelling",
                          action->name, STR_ARG(state->outcomes.items[i].event));
        }
    }
    return check_each_move(checker, state, check_one_action);
}

/* --- prompts and what is answered --------------------------------------------------------- */

/* What prompts themselves bring about, each where it is expected. */
static const char *const own_events[] = {"chosen",   "answered",   "skipped",   "added",
                                         "too_many", "wrong_kind", "too_short", "too_long"};

static bool is_reserved_event(struct str name)
{
    for (size_t i = 0; i < COUNTOF(own_events); i++) {
        if (str_eq(name, str_from(own_events[i])))
            return true;
    }
    return str_eq(name, STR("back")) || str_eq(name, STR("not_that")) ||
           str_eq(name, STR("because")) || str_eq(name, STR("none"));
}

static bool expects_own(const struct prompt *prompt, struct str event)
{
    bool text = prompt->kind == PROMPT_TEXT;
    bool media = prompt->kind == PROMPT_MEDIA;

    if (str_eq(event, STR("chosen")))
        return prompt->of.len > 0;
    if (str_eq(event, STR("answered")))
        return text || media || prompt->typed;
    if (str_eq(event, STR("skipped")))
        return (text || media) && prompt->optional;
    if (str_eq(event, STR("too_short")) || str_eq(event, STR("too_long")))
        return text && prompt->min > 0;
    return media;
}

static bool expects(const struct prompt *prompt, struct str event)
{
    if (str_eq(event, STR("because")) || str_eq(event, STR("none")))
        return prompt->kind == PROMPT_LIST;
    if (str_eq(event, STR("back")) || str_eq(event, STR("not_that")))
        return true;
    if (is_reserved_event(event))
        return expects_own(prompt, event);
    for (size_t i = 0; i < prompt->n_choices; i++) {
        if (str_eq(prompt->choices[i].name, event))
            return true;
    }
    return false;
}

static bool want_event(struct checker *checker, const struct state_def *state, struct str event)
{
    if (handler_find(&state->on, event))
        return true;
    return REFUSE(checker, state->prompt.line,
                  "state '%.*s' leaves '%.*s' unanswered; add it to its 'on'",
                  STR_ARG(state->name), STR_ARG(event));
}

static bool check_choices(struct checker *checker, const struct state_def *state)
{
    const struct prompt *prompt = &state->prompt;

    for (size_t i = 0; i < prompt->n_choices; i++) {
        struct str name = prompt->choices[i].name;

        if (is_reserved_event(name) && !str_eq(name, STR("back"))) {
            return REFUSE(checker, prompt->line,
                          "a choice may not be called '%.*s', which is an event of its own; "
                          "name it otherwise",
                          STR_ARG(name));
        }
        if (!want_event(checker, state, name) ||
            !check_want_in_scope(checker, prompt->line, prompt->choices[i].when, WHERE_END))
            return false;
    }
    return true;
}

static bool check_events(struct checker *checker, struct state_def *state)
{
    const struct prompt *prompt = &state->prompt;

    for (size_t i = 0; i < COUNTOF(own_events); i++) {
        struct str event = str_from(own_events[i]);

        if (expects(prompt, event) && !want_event(checker, state, event))
            return false;
    }
    for (size_t i = 0; i < state->on.n; i++) {
        if (!expects(prompt, state->on.items[i].event)) {
            return REFUSE(checker, state->on.items[i].line,
                          "'%.*s' never happens in state '%.*s'; check the spelling",
                          STR_ARG(state->on.items[i].event), STR_ARG(state->name));
        }
    }
    return check_choices(checker, state);
}

static bool check_counts(struct checker *checker, const struct prompt *prompt)
{
    size_t always = 0;

    if (prompt->kind == PROMPT_BUTTONS && prompt->n_choices == 0)
        return REFUSE(checker, prompt->line, "buttons without choices; add 'choices'");
    for (size_t i = 0; i < prompt->n_choices; i++)
        always += prompt->choices[i].when.len == 0;
    if (prompt->kind == PROMPT_BUTTONS && (always > 3 || prompt->n_choices > 6)) {
        return REFUSE(checker, prompt->line,
                      "%zu buttons, and a message holds 3; ask with a list instead",
                      prompt->n_choices);
    }
    if (prompt->kind == PROMPT_BUTTONS && always == 0) {
        return REFUSE(checker, prompt->line,
                      "each button has a 'when', so there may be none; let one stand always");
    }
    if (prompt->kind != PROMPT_LIST)
        return true;
    if (prompt->n_choices == 0 && !prompt->of.len)
        return REFUSE(checker, prompt->line, "an empty list; add 'of' or 'choices'");
    if (prompt->n_choices > (prompt->of.len ? 6U : 10U)) {
        return REFUSE(checker, prompt->line,
                      "%zu choices, and a list holds 10 rows (6 beside rows that are loaded); "
                      "drop some, or lead to a list of their own",
                      prompt->n_choices);
    }
    return true;
}

/* --- reading only ------------------------------------------------------------------------- */

static bool check_reads_only(struct checker *checker, struct move *move, enum where where)
{
    (void)where;
    if (move->kind != MOVE_ACTION)
        return true;
    return REFUSE(checker, move->line,
                  "state '%.*s' is 'again: true', so a tap may come twice: it may only read; "
                  "move the action to a state of its own",
                  STR_ARG(checker->state->name));
}

static bool is_carried(const struct prompt *prompt, struct str name)
{
    if (str_eq(prompt->as, name))
        return true;
    for (size_t i = 0; i < prompt->n_carries; i++) {
        if (str_eq(prompt->carries[i], name))
            return true;
    }
    return false;
}

/* What some load of the flow must have. */
static bool is_needed(const struct flow_def *flow, struct str name)
{
    for (size_t i = 0; i < flow->n_states; i++) {
        for (size_t j = 0; j < flow->states[i].n_loads; j++) {
            const struct loading *loading = &flow->states[i].loads[j];

            for (const char *const *takes = loading->part->takes; takes && *takes; takes++) {
                if (str_eq(str_from(*takes), name) && !bindings_have(&loading->with, name))
                    return true;
            }
        }
    }
    return false;
}

static bool check_carried(struct checker *checker, const struct prompt *prompt)
{
    for (size_t i = 0; i < prompt->n_carries; i++) {
        if (!check_knows(checker, prompt->carries[i])) {
            return REFUSE(
                checker, prompt->line,
                "'%.*s' is carried, and nothing sets it; set it, or drop it from 'carries'",
                STR_ARG(prompt->carries[i]));
        }
    }
    return true;
}

/* An old tap brings nothing along but what its id carries. */
static bool check_old_taps(struct checker *checker, const struct state_def *state)
{
    const struct prompt *prompt = &state->prompt;

    if (prompt->kind != PROMPT_LIST && prompt->kind != PROMPT_BUTTONS)
        return true;
    for (size_t i = 0; i < checker->flow->n_takes; i++) {
        struct str name = checker->flow->takes[i];

        if (is_needed(checker->flow, name) && !is_carried(prompt, name)) {
            return REFUSE(checker, prompt->line,
                          "a tap on an old '%.*s' would not know '%.*s'; add it to 'carries'",
                          STR_ARG(state->name), STR_ARG(name));
        }
    }
    return true;
}

static bool check_again(struct checker *checker, struct state_def *state)
{
    if (!check_carried(checker, &state->prompt))
        return false;
    if (!state->again)
        return true;
    if (state->prompt.kind == PROMPT_NONE) {
        return REFUSE(checker, state->line,
                      "'again' belongs to a state that asks; drop it, or add 'ask'");
    }
    return check_each_move(checker, state, check_reads_only) && check_old_taps(checker, state);
}

/* --- a state as a whole ------------------------------------------------------------------- */

static bool check_move(struct checker *checker, struct move *move, enum where where)
{
    if (!check_want_in_scope(checker, move->line, move->guard.of, where) ||
        !check_sayings(checker, &move->says, where) ||
        !check_bindings(checker, &move->sets, move->line, where) ||
        !check_bindings(checker, &move->with, move->line, where))
        return false;
    if (move->kind == MOVE_ACTION && move->action->part)
        return check_part(checker, move->action->part, &move->with, move->line);
    if (!move->flow)
        return true;
    for (size_t i = 0; i < move->with.n; i++) {
        bool taken = false;

        for (size_t j = 0; j < move->flow->n_takes && !taken; j++)
            taken = str_eq(move->flow->takes[j], move->with.items[i].name);
        if (!taken) {
            return REFUSE(
                checker, move->line,
                "flow '%.*s' does not take '%.*s'; add it to the flow's 'takes', or drop it",
                STR_ARG(move->flow->name), STR_ARG(move->with.items[i].name));
        }
    }
    return true;
}

static bool check_prompt(struct checker *checker, struct state_def *state)
{
    const struct prompt *prompt = &state->prompt;

    if (prompt->kind == PROMPT_NONE)
        return true;
    if (!check_counts(checker, prompt) || !check_events(checker, state))
        return false;
    if (!check_want_in_scope(checker, prompt->line, prompt->of, WHERE_END))
        return false;
    if (prompt->url.is_path &&
        !check_want_in_scope(checker, prompt->line, prompt->url.path, WHERE_END))
        return false;
    return check_prompt_words(checker, state);
}

static bool check_unique(struct checker *checker, struct state_def *state)
{
    for (size_t i = 0; i < state->index; i++) {
        if (str_eq(checker->flow->states[i].name, state->name)) {
            return REFUSE(checker, state->line,
                          "two states are called '%.*s'; name one otherwise",
                          STR_ARG(state->name));
        }
    }
    return true;
}

bool check_state(struct checker *checker, struct state_def *state)
{
    return check_unique(checker, state) && check_end(checker, state) &&
           check_outcomes(checker, state) && check_loads(checker, state) &&
           check_prompt(checker, state) && check_again(checker, state) &&
           check_sayings(checker, &state->says, WHERE_END) && check_grave(checker, state) &&
           check_each_move(checker, state, check_move);
}
