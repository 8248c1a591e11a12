/*
 * Stepping.
 *
 * Entering a state: its loads, then `always`, then what it says, then its end: a prompt, an
 * action, a call or simply the next state. A transition says its words first, sets its
 * variables, and goes. Only prompts wait for the customer; only loads and actions wait for the
 * world; the checker has seen to it that every other way comes to one of them.
 */
#include "flows/engine/turn.h"

#include "flows/engine/hours.h"

void turn_set(struct flow_turn *turn, struct str name, struct value value)
{
    if (value.kind == VALUE_TEXT && value.text.len == 0)
        value = value_none();
    record_set(&turn->kept.now.vars, name, value);
}

/* --- going -------------------------------------------------------------------------------- */

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

/* --- who speaks --------------------------------------------------------------------------- */

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

/* What is under way waits as it stands, and who speaks is asked first. */
static void prove(struct flow_turn *turn)
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

/* A state that may not be entered yet. Where a question that only reads would merely be asked
 * once more, or the customer has not even written, it is no reason to send a code. */
static void withhold(struct flow_turn *turn)
{
    bool wanted = turn->in->event->kind != EVENT_TIMER;

    if (!wanted || (turn->brief && turn->kept.now.at->again)) {
        turn_menu(turn);
    } else {
        prove(turn);
    }
}

/* --- coming back -------------------------------------------------------------------------- */

/* A notice is over. A question that does more than read is asked again below it; all else stays
 * as it was, and so does everything when there was nothing to say. */
static bool return_from_notice(struct flow_turn *turn)
{
    const struct kept *before = turn->aside;
    bool silent = turn->text_len == 0 && turn->result.n_replies == 0;

    if (!before || (!silent && before->open && !before->now.at->again))
        return false;
    turn->kept = *before;
    turn->aside = NULL;
    turn->phase = PHASE_END;
    return true;
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

/* --- transitions -------------------------------------------------------------------------- */

static bool holds(const struct flow_turn *turn, const struct guard *guard)
{
    return !guard->kind || guard->kind->holds(turn_value(turn, NULL, guard->of), guard->to);
}

static struct record_builder bound(struct flow_turn *turn, const struct bindings *with)
{
    struct record_builder vars;

    record_build(&vars, turn->arena);
    for (size_t i = 0; i < with->n; i++)
        record_set(&vars, with->items[i].name, turn_expr(turn, &with->items[i].value));
    return vars;
}

static struct value business_value(const struct flow_turn *turn, const char *name)
{
    struct value business = record_get(turn->in->facts, STR("business"));

    return record_get(business.kind == VALUE_RECORD ? business.record : NULL, str_from(name));
}

/* A person is asked for. In business hours the bot makes way; outside of them it tells when
 * somebody will be there, and goes on itself until then. */
static void person_ask(struct flow_turn *turn, const struct record *takes)
{
    struct flow_result *result = &turn->result;
    struct value hours = business_value(turn, "hours");
    struct value zone = business_value(turn, "time_zone");
    struct value minutes = business_value(turn, "handoff_minutes");
    struct value reason = record_get(takes, STR("reason"));
    usec_t now = turn->in->now;
    usec_t wait =
        (minutes.kind == VALUE_INT && minutes.number > 0 ? minutes.number : 15) * USEC_PER_MIN;
    struct hours_look look = hours_look(hours.kind == VALUE_RECORD ? hours.record : NULL,
                                        zone.kind == VALUE_TEXT ? zone.text : STR_NONE, now);
    struct record_builder told;

    record_build(&told, turn->arena);
    if (!look.open)
        record_set(&told, STR("closed"), value_bool(true));
    if (look.closes_at)
        record_set(&told, STR("closes_at"), value_time(look.closes_at));
    if (look.opens_at)
        record_set(&told, STR("opens_at"), value_time(look.opens_at));
    turn->answers[0].value = value_record(record_built(&told));
    result->handoff = true;
    result->handoff_reason =
        reason.kind == VALUE_TEXT ? arena_cstr(turn->arena, reason.text) : "asked";
    result->handoff_holds = look.open;
    result->handoff_by = look.open       ? now + wait
                         : look.opens_at ? look.opens_at + wait
                                         : now + USEC_PER_DAY;
}

static void builtin_run(struct flow_turn *turn, const struct record *takes)
{
    struct flow_result *result = &turn->result;
    struct value lang = record_get(takes, STR("lang"));

    turn->answers[0] = (struct flow_answer){.outcome = turn->action->outcomes[0]};
    switch (turn->action->builtin) {
    case BUILTIN_SET_LANGUAGE:
        if (lang.kind == VALUE_TEXT && lang_parse(lang.text, &turn->locale.lang))
            result->lang_settled = true;
        break;
    case BUILTIN_PERSON:
        person_ask(turn, takes);
        break;
    case BUILTIN_STOP:
        result->consent = FLOW_CONSENT_STOP;
        turn->kept.stopped = true;
        break;
    case BUILTIN_START:
        result->consent = FLOW_CONSENT_START;
        turn->kept.stopped = false;
        break;
    case BUILTIN_LOG_OUT:
        turn->verified = false;
        break;
    case BUILTIN_NONE:
        break;
    }
}

/* What a load or an action is sent: bound values first, else variables of that name; the
 * language is the turn's. */
static const struct record *taken(struct flow_turn *turn, const char *const *takes,
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
        prove(turn); /* the session ended while the question stood open: it is asked again */
        return;
    }
    turn->action = action;
    turn->phase = PHASE_ACTED;
    if (!action->part) {
        turn->n_needs = 0;
        builtin_run(turn, taken(turn, takes_builtin, &move->with));
        return;
    }
    turn->needs[0] = (struct flow_need){.kind = FLOW_ACTION,
                                        .name = action->name,
                                        .takes = taken(turn, action->part->takes, &move->with)};
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
        turn_menu(turn);
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

static void move_take(struct flow_turn *turn, const struct move *move)
{
    turn_say(turn, &move->says);
    for (size_t i = 0; i < move->sets.n; i++)
        turn_set(turn, move->sets.items[i].name, turn_expr(turn, &move->sets.items[i].value));
    move_go(turn, move);
}

static bool try_moves(struct flow_turn *turn, const struct moves *moves)
{
    for (size_t i = 0; i < moves->n; i++) {
        if (!holds(turn, &moves->items[i].guard))
            continue;
        trace_held(&turn->trace, &moves->items[i].guard);
        move_take(turn, &moves->items[i]);
        return true;
    }
    return false;
}

void turn_take(struct flow_turn *turn, const struct moves *moves)
{
    turn->kept.misses = 0;
    if (!try_moves(turn, moves))
        turn_again(turn);
}

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
                               .takes = taken(turn, loading->part->takes, &loading->with)};
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
    if (try_moves(turn, &state->always))
        return;
    if (!turn->brief)
        turn_say(turn, &state->says);
    if (state->prompt.kind == PROMPT_NONE) {
        move_take(turn, &state->end);
        return;
    }
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
        case PHASE_ENTER:
            if (++turn->moves > MOVES_MAX) {
                fail(err, turn, "the turn goes round without the customer");
                return FLOW_BROKEN;
            }
            if (!turn_is_met(turn, turn->kept.now.flow->needs)) {
                withhold(turn);
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

const struct flow_result *flow_turn_result(const struct flow_turn *turn)
{
    return &turn->result;
}
