/*
 * Judging a book as a whole.
 *
 * First names become pointers. Then every promise that a flow makes to the customer is checked:
 * each event, choice and outcome is answered; each state can be reached and can end; no way
 * goes round without the customer; each word exists in every language and fits where it stands.
 */
#include "flows/engine/book.h"

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
    for (size_t i = 0; i < moves->n; i++) {
        if (!visit(checker, &moves->items[i], where))
            return false;
    }
    return true;
}

static bool each_move(struct checker *checker, struct state_def *state, move_visit visit)
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

static const struct loading *load_as(const struct state_def *state, struct str name)
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
    const struct loading *rows = load_as(state, state->prompt.of);

    state->prompt.loads_pages = rows && part_takes(rows->part, "?offset");
    return each_move(checker, state, resolve_move);
}

static bool resolve_flow(struct checker *checker, struct flow_def *flow)
{
    const struct book *book = checker->book;

    checker->flow = flow;
    flow->initial = flow_state(flow, flow->initial_name);
    if (!flow->initial) {
        return REFUSE(checker, flow->line, "the initial state '%.*s' is not among the states",
                      STR_ARG(flow->initial_name));
    }
    for (size_t i = 0; i < flow->n_starts_on; i++) {
        const struct flow_def *other = book_flow_on(book, flow->starts_on[i]);

        if (other != flow) {
            return REFUSE(checker, flow->line, "'%.*s' already starts flow '%.*s'; one of them",
                          STR_ARG(flow->starts_on[i]), STR_ARG(other->name));
        }
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
                      "state '%.*s' asks and goes on at once; one of them",
                      STR_ARG(state->name));
    }
    if (!asks && state->on.n > 0) {
        return REFUSE(checker, state->line,
                      "state '%.*s' asks nothing, so nothing can happen to it: drop 'on' or "
                      "add 'ask'",
                      STR_ARG(state->name));
    }
    return check_passage(checker, state, asks || goes);
}

/* --- actions and their outcomes ----------------------------------------------------------- */

static const struct action_def *action_of(const struct state_def *state)
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
    const struct action_def *action = action_of(checker->state);

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
    const struct action_def *action = action_of(state);

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
    return each_move(checker, state, check_one_action);
}

/* --- prompts and what is answered --------------------------------------------------------- */

static bool is_reserved_event(struct str name)
{
    return str_eq(name, STR("chosen")) || str_eq(name, STR("answered")) ||
           str_eq(name, STR("skipped")) || str_eq(name, STR("back"));
}

static bool expects(const struct prompt *prompt, struct str event)
{
    if (str_eq(event, STR("back")))
        return true;
    if (str_eq(event, STR("chosen")))
        return prompt->of.len > 0;
    if (str_eq(event, STR("answered")))
        return prompt->kind == PROMPT_TEXT;
    if (str_eq(event, STR("skipped")))
        return prompt->kind == PROMPT_TEXT && prompt->optional;
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
                          "a choice may not be called '%.*s', which is an event of its own",
                          STR_ARG(name));
        }
        if (!want_event(checker, state, name))
            return false;
    }
    return true;
}

static bool check_events(struct checker *checker, struct state_def *state)
{
    static const char *const own[] = {"chosen", "answered", "skipped"};
    const struct prompt *prompt = &state->prompt;

    for (size_t i = 0; i < COUNTOF(own); i++) {
        struct str event = str_from(own[i]);

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
    if (prompt->kind == PROMPT_BUTTONS && prompt->n_choices == 0)
        return REFUSE(checker, prompt->line, "buttons without choices; add 'choices'");
    if (prompt->kind == PROMPT_BUTTONS && prompt->n_choices > 3) {
        return REFUSE(checker, prompt->line,
                      "%zu buttons, and a message holds 3; ask with a list instead",
                      prompt->n_choices);
    }
    if (prompt->kind != PROMPT_LIST)
        return true;
    if (prompt->n_choices == 0 && !prompt->of.len)
        return REFUSE(checker, prompt->line, "an empty list; add 'of' or 'choices'");
    if (prompt->n_choices > (prompt->of.len ? 6U : 10U)) {
        return REFUSE(checker, prompt->line,
                      "%zu choices, and a list holds 10 rows (6 beside rows that are loaded)",
                      prompt->n_choices);
    }
    return true;
}

/* --- values ------------------------------------------------------------------------------- */

static struct str root_of(struct str path)
{
    return str_slice(path, 0, str_find(path, STR(".")));
}

static bool is_variable(const struct checker *checker, struct str name)
{
    const struct flow_def *flow = checker->flow;

    for (size_t i = 0; i < flow->n_takes; i++) {
        if (str_eq(flow->takes[i], name))
            return true;
    }
    return false;
}

static bool sets_variable(const struct moves *moves, struct str name)
{
    for (size_t i = 0; i < moves->n; i++) {
        for (size_t j = 0; j < moves->items[i].sets.n; j++) {
            if (str_eq(moves->items[i].sets.items[j].name, name))
                return true;
        }
    }
    return false;
}

static bool state_sets(const struct state_def *state, struct str name)
{
    if (str_eq(state->prompt.as, name) || sets_variable(&state->always, name))
        return true;
    for (size_t i = 0; i < state->on.n; i++) {
        if (sets_variable(&state->on.items[i].moves, name))
            return true;
    }
    for (size_t i = 0; i < state->outcomes.n; i++) {
        if (sets_variable(&state->outcomes.items[i].moves, name))
            return true;
    }
    return false;
}

static bool is_known_variable(const struct checker *checker, struct str name)
{
    if (str_eq(name, STR("offset")) || is_variable(checker, name))
        return true;
    for (size_t i = 0; i < checker->flow->n_states; i++) {
        if (state_sets(&checker->flow->states[i], name))
            return true;
    }
    return false;
}

static bool is_fact(struct str name)
{
    return str_eq(name, STR("business")) || str_eq(name, STR("customer")) ||
           str_eq(name, STR("channel"));
}

/* What may be looked at: variables and facts always; what was loaded only until the customer
 * answers, since a later turn has not loaded it. */
static bool in_scope(const struct checker *checker, struct str path, enum where where)
{
    struct str root = root_of(path);

    if (is_fact(root) || is_known_variable(checker, root))
        return true;
    if (where == WHERE_ON)
        return false;
    if (where == WHERE_OUTCOME && action_of(checker->state) &&
        str_eq(root, str_from(action_of(checker->state)->name)))
        return true;
    return where != WHERE_OUTCOME && load_as(checker->state, root) != NULL;
}

static bool want_in_scope(struct checker *checker, unsigned line, struct str path,
                          enum where where)
{
    if (!path.len || in_scope(checker, path, where))
        return true;
    if (load_as(checker->state, root_of(path))) {
        return REFUSE(checker, line,
                      "'%.*s' was loaded when the question was asked and is gone when it is "
                      "answered; keep it in a variable",
                      STR_ARG(path));
    }
    return REFUSE(checker, line,
                  "'%.*s' is nothing that this state knows; load it, set it or take it",
                  STR_ARG(path));
}

static bool check_bindings(struct checker *checker, const struct bindings *bindings,
                           unsigned line, enum where where)
{
    for (size_t i = 0; i < bindings->n; i++) {
        if (bindings->items[i].value.is_path &&
            !want_in_scope(checker, line, bindings->items[i].value.path, where))
            return false;
    }
    return true;
}

static bool is_bound(const struct bindings *with, struct str name)
{
    for (size_t i = 0; i < with->n; i++) {
        if (str_eq(with->items[i].name, name))
            return true;
    }
    return false;
}

static bool takes_name(const struct flow_part *part, struct str name)
{
    for (const char *const *takes = part->takes; takes && *takes; takes++) {
        if (str_eq(str_from(**takes == '?' ? *takes + 1 : *takes), name))
            return true;
    }
    return false;
}

/* A load or action gets all that it must have, and nothing that it does not take. */
static bool check_part(struct checker *checker, const struct flow_part *part,
                       const struct bindings *with, unsigned line)
{
    for (const char *const *takes = part->takes; takes && *takes; takes++) {
        struct str name = str_from(*takes);

        if (**takes == '?' || is_bound(with, name) || is_known_variable(checker, name))
            continue;
        return REFUSE(checker, line, "%s takes '%s', which nothing in this flow sets",
                      part->name, *takes);
    }
    for (size_t i = 0; i < with->n; i++) {
        if (!takes_name(part, with->items[i].name)) {
            return REFUSE(checker, line, "%s does not take '%.*s'; check the spelling",
                          part->name, STR_ARG(with->items[i].name));
        }
    }
    return true;
}

static bool check_load(struct checker *checker, const struct loading *loading)
{
    if (load_as(checker->state, loading->as) != loading) {
        return REFUSE(checker, loading->line,
                      "two loads are called '%.*s'; name one otherwise with 'as'",
                      STR_ARG(loading->as));
    }
    if (is_fact(loading->as) || is_known_variable(checker, loading->as)) {
        return REFUSE(checker, loading->line,
                      "'%.*s' is a variable or fact already; name the load otherwise with "
                      "'as'",
                      STR_ARG(loading->as));
    }
    return check_part(checker, loading->part, &loading->with, loading->line) &&
           check_bindings(checker, &loading->with, loading->line, WHERE_ON);
}

static bool check_loads(struct checker *checker, struct state_def *state)
{
    for (size_t i = 0; i < state->n_loads; i++) {
        if (!check_load(checker, &state->loads[i]))
            return false;
    }
    return true;
}

/* --- words -------------------------------------------------------------------------------- */

static bool want_words(struct checker *checker, unsigned line, struct str key)
{
    if (words_has(checker->book->words, key))
        return true;
    return REFUSE(checker, line,
                  "the words '%.*s' are missing in some language; add them to every file of "
                  "templates/messages",
                  STR_ARG(key));
}

/* The words are there, and speak of nothing that this state does not know. */
static bool check_words(struct checker *checker, unsigned line, struct str key,
                        enum where where)
{
    struct str_list names;

    if (!want_words(checker, line, key))
        return false;
    names = words_variables(&checker->scratch, checker->book->words, key);
    for (size_t i = 0; i < names.n; i++) {
        if (!in_scope(checker, names.items[i], where)) {
            return REFUSE(checker, line,
                          "the words '%.*s' speak of {{%.*s}}, which is not known here",
                          STR_ARG(key), STR_ARG(names.items[i]));
        }
    }
    return true;
}

static bool check_saying(struct checker *checker, const struct saying *saying, enum where where,
                         bool in_row)
{
    if (saying->each.len || in_row) {
        if (!want_words(checker, saying->line, saying->key))
            return false;
    } else if (!check_words(checker, saying->line, saying->key, where)) {
        return false;
    }
    if (!in_row && (!want_in_scope(checker, saying->line, saying->when, where) ||
                    !want_in_scope(checker, saying->line, saying->each, where)))
        return false;
    for (size_t i = 0; i < saying->n_lines; i++) {
        if (!check_saying(checker, &saying->lines[i], where, true))
            return false;
    }
    return true;
}

static bool check_sayings(struct checker *checker, const struct sayings *says, enum where where)
{
    for (size_t i = 0; i < says->n; i++) {
        if (!check_saying(checker, &says->items[i], where, false))
            return false;
    }
    return true;
}

/* Titles without variables are known now, so that a button that would be cut is found now. */
static bool check_fits(struct checker *checker, unsigned line, struct str key, size_t max)
{
    if (words_variables(&checker->scratch, checker->book->words, key).n > 0)
        return true;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct locale locale = {.lang = (enum lang)lang};
        struct str title =
            words_render(&checker->scratch, checker->book->words, &locale, key, NULL, NULL);

        if (str_length(title) > max) {
            return REFUSE(checker, line,
                          "the words '%.*s' have %zu characters in %s, and %zu fit; shorten "
                          "them",
                          STR_ARG(key), str_length(title), lang_code((enum lang)lang), max);
        }
    }
    return true;
}

static bool check_title(struct checker *checker, const struct prompt *prompt,
                        const struct choice *choice)
{
    size_t max = prompt->kind == PROMPT_BUTTONS ? 20 : 24;

    return check_words(checker, prompt->line, choice->title, WHERE_END) &&
           check_fits(checker, prompt->line, choice->title, max) &&
           (!words_has(checker->book->words, choice->hint) ||
            check_fits(checker, prompt->line, choice->hint, 72));
}

static bool check_prompt_words(struct checker *checker, struct state_def *state)
{
    const struct prompt *prompt = &state->prompt;

    if (!check_words(checker, prompt->line, prompt->body, WHERE_END))
        return false;
    if (prompt->label.len && (!check_words(checker, prompt->line, prompt->label, WHERE_END) ||
                              !check_fits(checker, prompt->line, prompt->label, 20)))
        return false;
    if (prompt->row.len && !want_words(checker, prompt->line, prompt->row))
        return false;
    for (size_t i = 0; i < prompt->n_choices; i++) {
        if (!check_title(checker, prompt, &prompt->choices[i]))
            return false;
    }
    return true;
}

/* The words that the engine itself says. */
static bool check_own_words(struct checker *checker)
{
    static const char *const keys[] = {"welcome.first",        "welcome.again",
                                       "misunderstood.first",  "misunderstood.second",
                                       "misunderstood.menu",   "back.nothing",
                                       "old_button.refused",   "unsupported.kind",
                                       "media.thanks_not_now", "location.thanks_not_now",
                                       "late.apology",         "thanks.reply",
                                       "prompt.more",          "prompt.previous",
                                       "prompt.choose",        "tracking.link.label"};

    for (size_t i = 0; i < COUNTOF(keys); i++) {
        if (!words_has(checker->book->words, str_from(keys[i]))) {
            return err_raise(checker->err, ERR_REJECT,
                             "messages/en.yaml:1: the words '%s' are missing in some language; "
                             "the engine says them",
                             keys[i]);
        }
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
                  "state '%.*s' is 'again: true', so a tap may come twice: it may only read. "
                  "Move the action to a state of its own",
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
                if (str_eq(str_from(*takes), name) && !is_bound(&loading->with, name))
                    return true;
            }
        }
    }
    return false;
}

static bool check_carried(struct checker *checker, const struct prompt *prompt)
{
    for (size_t i = 0; i < prompt->n_carries; i++) {
        if (!is_known_variable(checker, prompt->carries[i])) {
            return REFUSE(checker, prompt->line, "'%.*s' is carried, and nothing sets it",
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
    if (state->prompt.kind == PROMPT_NONE)
        return REFUSE(checker, state->line, "'again' belongs to a state that asks");
    return each_move(checker, state, check_reads_only) && check_old_taps(checker, state);
}

/* --- a state as a whole ------------------------------------------------------------------- */

static bool check_move(struct checker *checker, struct move *move, enum where where)
{
    if (!want_in_scope(checker, move->line, move->guard.of, where) ||
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
            return REFUSE(checker, move->line, "flow '%.*s' does not take '%.*s'",
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
    if (!want_in_scope(checker, prompt->line, prompt->of, WHERE_END))
        return false;
    if (prompt->url.is_path &&
        !want_in_scope(checker, prompt->line, prompt->url.path, WHERE_END))
        return false;
    return check_prompt_words(checker, state);
}

static bool check_unique(struct checker *checker, struct state_def *state)
{
    for (size_t i = 0; i < state->index; i++) {
        if (str_eq(checker->flow->states[i].name, state->name)) {
            return REFUSE(checker, state->line, "two states are called '%.*s'",
                          STR_ARG(state->name));
        }
    }
    return true;
}

static bool check_state(struct checker *checker, struct state_def *state)
{
    return check_unique(checker, state) && check_end(checker, state) &&
           check_outcomes(checker, state) && check_loads(checker, state) &&
           check_prompt(checker, state) && check_again(checker, state) &&
           check_sayings(checker, &state->says, WHERE_END) &&
           each_move(checker, state, check_move);
}

/* --- the graph ---------------------------------------------------------------------------- */

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
    return NULL;
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

static bool check_reachable(struct checker *checker)
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

        if (each->n_starts_on > 0 || each == checker->book->menu)
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

static bool check_ends(struct checker *checker)
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

static bool check_loops(struct checker *checker)
{
    struct graph graph = graph_of(checker);

    for (size_t i = 0; i < graph.n; i++) {
        if (!follow_alone(&graph, i))
            return false;
    }
    return true;
}

/* --- the book ----------------------------------------------------------------------------- */

static bool check_menu(struct checker *checker)
{
    const struct flow_def *menu = checker->book->menu;

    checker->flow = menu;
    if (menu->initial->prompt.kind != PROMPT_LIST || !menu->initial->again) {
        return REFUSE(
            checker, menu->initial->line,
            "the menu's first state asks with a list and is 'again: true': whoever is "
            "lost is brought there");
    }
    return true;
}

static bool check_all(struct checker *checker)
{
    struct book *book = checker->book;

    book->menu = book_flow(book, STR("menu"));
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
    return each_state(checker, resolve) && check_wanted_flows(checker) && check_menu(checker) &&
           check_own_words(checker) && each_state(checker, check_state) &&
           check_reachable(checker) && check_ends(checker) && check_loops(checker);
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
