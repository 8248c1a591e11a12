/*
 * Where the conversation stands: entering a state, putting a flow aside, coming back. What
 * needs proof of who speaks gets it first.
 */
#include "flows/engine/turn.h"

void turn_set(struct flow_turn *turn, struct str name, struct value value)
{
    if (value.kind == VALUE_TEXT && value.text.len == 0)
        value = value_none();
    record_set(&turn->kept.now.vars, name, value);
}

void turn_page(struct flow_turn *turn, const struct state_def *state)
{
    struct kept *kept = &turn->kept;

    kept->misses = 0;
    kept->now.at = state;
    kept->open = false;
    kept->n_shown = 0;
    kept->number = STR_NONE;
    kept->armed_at = 0;
    turn->brief = false;
    turn->phase = PHASE_ENTER;
}

void turn_enter(struct flow_turn *turn, const struct state_def *state)
{
    turn_set(turn, STR("offset"), value_none());
    turn_page(turn, state);
}

void turn_begin_flow(struct flow_turn *turn, const struct flow_def *flow,
                     const struct state_def *state)
{
    struct frame *now = &turn->kept.now;

    now->flow = flow;
    now->at = NULL;
    record_build(&now->vars, turn->arena);
    turn_enter(turn, state ? state : flow->initial);
}

bool turn_push(struct flow_turn *turn, const struct state_def *back_to)
{
    struct kept *kept = &turn->kept;

    if (!back_to)
        return false;
    if (kept->depth == STACK_MAX) {
        memmove(kept->stack, kept->stack + 1, (STACK_MAX - 1) * sizeof(*kept->stack));
        kept->depth--;
    }
    kept->stack[kept->depth] = kept->now;
    kept->stack[kept->depth].at = back_to;
    kept->depth++;
    return true;
}

void turn_menu(struct flow_turn *turn)
{
    turn->kept.depth = 0;
    turn_begin_flow(turn, turn->book->menu, NULL);
}

void turn_rest(struct flow_turn *turn)
{
    turn->kept.depth = 0;
    turn_begin_flow(turn, turn->book->menu, NULL);
    turn->phase = PHASE_END;
}

bool turn_is_met(const struct flow_turn *turn, enum need needs)
{
    bool known = record_get(turn->facts, STR("customer")).kind == VALUE_RECORD;

    switch (needs) {
    case NEEDS_KNOWN:
        return known;
    case NEEDS_READING:
        return known && (turn->verified || turn->in->reading_known);
    case NEEDS_VERIFIED:
        return known && turn->verified;
    case NEEDS_NOTHING:
        break;
    }
    return true;
}

/* A verification that was put aside for something else, which now wants it too: the code that
 * is on its way is good for both. */
static bool resume_verify(struct flow_turn *turn, struct frame *waiting)
{
    struct kept *kept = &turn->kept;

    for (size_t i = kept->depth; i-- > 0;) {
        if (kept->stack[i].flow != turn->book->verify)
            continue;
        *waiting = kept->stack[i];
        kept->depth--;
        memmove(&kept->stack[i], &kept->stack[i + 1], (kept->depth - i) * sizeof(*kept->stack));
        return true;
    }
    return false;
}

void turn_prove(struct flow_turn *turn)
{
    struct frame waiting;
    bool resumed = resume_verify(turn, &waiting);

    turn_push(turn, turn->kept.now.at);
    if (!resumed) {
        turn_begin_flow(turn, turn->book->verify, NULL);
        return;
    }
    turn->kept.now = waiting;
    turn_page(turn, waiting.at);
}

/* So long the question is near enough above for more news not to repeat it. */
#define BELOW_WITHIN (10 * USEC_PER_MIN)

static bool is_near(const struct flow_turn *turn, usec_t at)
{
    return at > 0 && at <= turn->in->now && turn->in->now - at < BELOW_WITHIN;
}

/* A notice is over. A question that does more than read is asked again below it, but not below
 * each of several that come in a row. All else stays as it was, and so does everything when
 * there was nothing to say. */
static bool return_from_notice(struct flow_turn *turn)
{
    const struct kept *before = turn->aside;
    bool silent = turn->text_len == 0 && turn->result.n_replies == 0;

    if (!before)
        return false;
    if (!silent && before->open && !before->now.at->again && !is_near(turn, before->below_at)) {
        turn->kept.below_at = turn->in->now;
        return false;
    }
    turn->kept = *before;
    turn->aside = NULL;
    turn->phase = PHASE_END;
    return true;
}

/* A state that may not be entered yet. Where a question that only reads would merely be asked
 * once more, or the customer has not even written, it is no reason to send a code; and a notice
 * that is not for who is there now is not said. */
void turn_withhold(struct flow_turn *turn)
{
    bool wanted = turn->in->event->kind != EVENT_TIMER;

    if (turn->aside && return_from_notice(turn))
        return;
    if (!wanted || (turn->brief && turn->kept.now.at->again)) {
        turn_menu(turn);
    } else {
        turn_prove(turn);
    }
}

void turn_return(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;

    if (return_from_notice(turn))
        return;
    if (kept->depth == 0) {
        if (kept->now.flow->returns) {
            turn_menu(turn);
        } else {
            turn_rest(turn);
        }
        return;
    }
    const struct flow_def *ended = kept->now.flow;

    kept->now = kept->stack[--kept->depth];
    if (ended == turn->book->verify && !turn_is_met(turn, kept->now.flow->needs)) {
        turn_menu(turn); /* nothing was proved: what wanted it is over */
        return;
    }
    turn_page(turn, kept->now.at); /* as it was left, its page too */
}

bool turn_is_awaited(const struct flow_turn *turn)
{
    const struct kept *kept = &turn->kept;

    for (size_t i = 0; i < kept->depth; i++) {
        if (!kept->stack[i].at->again)
            return true;
    }
    return false;
}

void turn_back(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;

    if (kept->depth > 0) {
        turn_return(turn);
        return;
    }
    if (kept->now.flow == turn->book->menu)
        turn_say_key(turn, STR("back.nothing"));
    turn_menu(turn);
}

void turn_again(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;

    if (!kept->open) {
        turn_menu(turn);
        return;
    }
    turn->brief = true;
    turn->phase = PHASE_ENTER;
}
