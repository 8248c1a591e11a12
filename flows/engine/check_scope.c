/*
 * What a state knows: variables and facts always, what it has loaded until the customer
 * answers, and an action's value in its outcomes. Loads and actions get what they take, and
 * nothing else.
 */
#include "flows/engine/check.h"

static struct str root_of(struct str path)
{
    return str_slice(path, 0, str_find(path, STR(".")));
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
    if (str_eq(state->prompt.as, name) || sets_variable(&state->always, name) ||
        sets_variable(&state->lapsed, name))
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

bool check_knows(const struct checker *checker, struct str name)
{
    if (str_eq(name, STR("offset")) || flow_takes(checker->flow, name))
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
           str_eq(name, STR("channel")) || str_eq(name, STR("session"));
}

/* What may be looked at: variables and facts always; what was loaded only until the customer
 * answers, since a later turn has not loaded it. */
bool check_in_scope(const struct checker *checker, struct str path, enum where where)
{
    struct str root = root_of(path);

    if (is_fact(root) || check_knows(checker, root))
        return true;
    if (where == WHERE_ON || where == WHERE_AFTER)
        return false;
    if (where == WHERE_OUTCOME && state_action(checker->state) &&
        str_eq(root, str_from(state_action(checker->state)->name)))
        return true;
    return where != WHERE_OUTCOME && state_load(checker->state, root) != NULL;
}

bool check_want_in_scope(struct checker *checker, unsigned line, struct str path,
                         enum where where)
{
    if (!path.len || check_in_scope(checker, path, where))
        return true;
    if (state_load(checker->state, root_of(path))) {
        return REFUSE(checker, line,
                      "'%.*s' was loaded when the question was asked and is gone when it is "
                      "answered; keep it in a variable",
                      STR_ARG(path));
    }
    return REFUSE(checker, line,
                  "'%.*s' is nothing that this state knows; load it, set it or take it",
                  STR_ARG(path));
}

bool check_bindings(struct checker *checker, const struct bindings *bindings, unsigned line,
                    enum where where)
{
    for (size_t i = 0; i < bindings->n; i++) {
        if (bindings->items[i].value.is_path &&
            !check_want_in_scope(checker, line, bindings->items[i].value.path, where))
            return false;
    }
    return true;
}

bool bindings_have(const struct bindings *with, struct str name)
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
bool check_part(struct checker *checker, const struct flow_part *part,
                const struct bindings *with, unsigned line)
{
    for (const char *const *takes = part->takes; takes && *takes; takes++) {
        struct str name = str_from(*takes);

        if (**takes == '?' || bindings_have(with, name) || check_knows(checker, name))
            continue;
        return REFUSE(checker, line,
                      "%s takes '%s', which nothing in this flow sets; give it with 'with', or "
                      "set it on the way here",
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
    if (state_load(checker->state, loading->as) != loading) {
        return REFUSE(checker, loading->line,
                      "two loads are called '%.*s'; name one otherwise with 'as'",
                      STR_ARG(loading->as));
    }
    if (is_fact(loading->as) || check_knows(checker, loading->as)) {
        return REFUSE(checker, loading->line,
                      "'%.*s' is a variable or fact already; name the load otherwise with "
                      "'as'",
                      STR_ARG(loading->as));
    }
    return check_part(checker, loading->part, &loading->with, loading->line) &&
           check_bindings(checker, &loading->with, loading->line, WHERE_ON);
}

bool check_loads(struct checker *checker, struct state_def *state)
{
    for (size_t i = 0; i < state->n_loads; i++) {
        if (!check_load(checker, &state->loads[i]))
            return false;
    }
    return true;
}
