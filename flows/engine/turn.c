/*
 * Stepping.
 *
 * Entering a state: its loads, then `always`, then what it says, then its end: a prompt, an
 * action, a call or simply the next state. Only prompts wait for the customer; only loads and
 * actions wait for the world; the checker has seen to it that every other way comes to one of
 * them.
 */
#include "flows/engine/turn.h"

#include "flows/engine/files.h"

/* --- phases ------------------------------------------------------------------------------- */

static bool fail(struct err *err, const struct flow_turn *turn, const char *reason)
{
    const struct frame *now = &turn->kept.now;

    return err_raise(err, ERR_BROKEN, "flow %.*s, state %.*s: %s", STR_ARG(now->flow->name),
                     STR_ARG(now->at->name), reason);
}

static void load_begin(struct flow_turn *turn)
{
    const struct state_def *state = turn->kept.now.at;

    record_build(&turn->loaded, turn->arena);
    turn->n_needs = state->n_loads;
    for (size_t i = 0; i < state->n_loads; i++) {
        const struct loading *loading = &state->loads[i];

        turn->needs[i] =
            (struct flow_need){.kind = FLOW_LOAD,
                               .name = loading->part->name,
                               .takes = turn_taken(turn, loading->part->takes, &loading->with)};
        turn->answers[i] = (struct flow_answer){0};
        turn->answered[i] = false;
    }
}

/* A page that is no longer there, since there are fewer rows now: the first one instead. */
static bool page_is_gone(struct flow_turn *turn)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    struct value offset = record_get(record_built(&turn->kept.now.vars), STR("offset"));
    struct value rows;

    if (!prompt->of.len || offset.kind == VALUE_NONE)
        return false;
    rows = turn_value(turn, NULL, prompt->of);
    return rows.kind != VALUE_LIST ||
           (prompt->loads_pages ? rows.list->n == 0 : offset.number >= (int64_t)rows.list->n);
}

static void settle(struct flow_turn *turn)
{
    const struct state_def *state = turn->kept.now.at;

    for (size_t i = 0; i < state->n_loads; i++) {
        record_set(&turn->loaded, state->loads[i].as, turn->answers[i].value);
        trace_load(&turn->trace, str_from(state->loads[i].part->name), turn->answers[i].value);
    }
    if (page_is_gone(turn)) {
        turn_set(turn, STR("offset"), value_none());
        turn->phase = PHASE_ENTER;
        return;
    }
    if (turn_try(turn, &state->always))
        return;
    if (!turn->brief)
        turn_say(turn, &state->says);
    if (state->prompt.kind == PROMPT_NONE) {
        turn_move(turn, &state->end);
        return;
    }
    if (files_came(turn))
        return;
    turn_ask(turn);
    turn->phase = PHASE_END;
}

static void absorb_session(struct flow_turn *turn, const struct flow_answer *answer)
{
    struct value who = value_none();

    if (answer->value.kind == VALUE_RECORD)
        who = record_get(answer->value.record, STR("who"));
    if (who.kind == VALUE_TEXT && str_eq(who.text, STR("proved"))) {
        turn->verified = true;
    } else if (who.kind == VALUE_TEXT && str_eq(who.text, STR("gone"))) {
        turn->verified = false;
    }
    if (answer->facts)
        turn->facts = answer->facts;
}

/* What waited here gives way to what the customer goes on with instead. */
static bool is_alone(const struct flow_answer *answer)
{
    return answer->value.kind == VALUE_RECORD &&
           record_get(answer->value.record, STR("alone")).kind == VALUE_TEXT;
}

static bool outcome(struct flow_turn *turn, struct err *err)
{
    const struct handlers *outcomes = &turn->kept.now.at->outcomes;
    const char *name = turn->answers[0].outcome;
    const struct handler *handler = name ? handler_find(outcomes, str_from(name)) : NULL;

    if (!handler)
        return fail(err, turn, "an action came back with an outcome that it never declared");
    trace_did(&turn->trace, str_from(turn->action->name), name);
    if (turn->action->part || turn->answers[0].value.kind != VALUE_NONE)
        record_set(&turn->loaded, str_from(turn->action->name), turn->answers[0].value);
    turn->action = NULL;
    turn->phase = PHASE_END;
    absorb_session(turn, &turn->answers[0]);
    if (is_alone(&turn->answers[0]))
        turn->kept.depth = 0;
    turn_take(turn, &handler->moves);
    return true;
}

static bool at_rest(const struct kept *kept)
{
    if (!kept->now.at->again && kept->open)
        return false;
    for (size_t i = 0; i < kept->depth; i++) {
        if (!kept->stack[i].at->again)
            return false;
    }
    return true;
}

static void finish(struct flow_turn *turn)
{
    struct flow_result *result = &turn->result;

    turn_flush(turn);
    turn_timers(turn);
    result->replies = turn->replies;
    result->lang = turn->locale.lang;
    result->verified = turn->verified;
    result->at_rest = at_rest(&turn->kept);
    result->flow = arena_cstr(turn->arena, turn->kept.now.flow->name);
    result->at = arena_cstr(turn->arena, turn->kept.now.at->name);
    result->trace = trace_text(turn->arena, &turn->trace);
    result->state = kept_write(turn->arena, turn->book, &turn->kept);
}

static bool all_answered(const struct flow_turn *turn)
{
    for (size_t i = 0; i < turn->n_needs; i++) {
        if (!turn->answered[i])
            return false;
    }
    return true;
}

struct flow_turn *flow_turn_begin(struct arena *into, const struct book *book,
                                  const struct flow_in *in)
{
    struct flow_turn *turn = arena_new(into, struct flow_turn);

    turn->arena = into;
    turn->book = book;
    turn->in = in;
    turn->facts = in->facts;
    turn->verified = in->verified;
    turn->locale = in->locale;
    turn->locale.now = in->now;
    turn->result.lang_settled = in->lang_is_settled;
    turn->result.understood = true;
    record_build(&turn->loaded, into);
    if (!kept_read(into, book, in->state, &turn->kept)) {
        turn->kept.timer = in->state; /* whatever ran, it is not what will run */
        turn_rest(turn);
    }
    if (!in->lang_is_settled)
        (void)lang_parse(turn->kept.heard, &turn->locale.lang);
    turn->phase = PHASE_EVENT;
    return turn;
}

enum flow_progress flow_turn_run(struct flow_turn *turn, struct err *err)
{
    for (;;) {
        switch (turn->phase) {
        case PHASE_EVENT:
            turn->phase = PHASE_END;
            turn_event(turn);
            break;
        case PHASE_LAPSE:
            if (!all_answered(turn))
                return FLOW_NEEDS;
            turn_lapsed(turn);
            break;
        case PHASE_ENTER:
            if (++turn->moves > MOVES_MAX) {
                fail(err, turn, "the turn goes round without the customer");
                return FLOW_BROKEN;
            }
            if (!turn_is_met(turn, turn->kept.now.flow->needs)) {
                turn_withhold(turn);
                break;
            }
            load_begin(turn);
            turn->phase = PHASE_LOADED;
            break;
        case PHASE_LOADED:
            if (!all_answered(turn))
                return FLOW_NEEDS;
            settle(turn);
            break;
        case PHASE_ACTED:
            if (!all_answered(turn))
                return FLOW_NEEDS;
            if (!outcome(turn, err))
                return FLOW_BROKEN;
            break;
        case PHASE_END:
            if (!turn->result.state.len)
                finish(turn);
            return FLOW_DONE;
        }
    }
}

const struct flow_need *flow_turn_needs(const struct flow_turn *turn, size_t *n)
{
    *n = turn->n_needs;
    return turn->needs;
}

void flow_turn_answer(struct flow_turn *turn, size_t need, const struct flow_answer *answer)
{
    if (need >= turn->n_needs)
        return;
    turn->answers[need] = *answer;
    turn->answered[need] = true;
}

enum lang flow_turn_lang(const struct flow_turn *turn)
{
    return turn->locale.lang;
}

const struct flow_result *flow_turn_result(const struct flow_turn *turn)
{
    return &turn->result;
}
