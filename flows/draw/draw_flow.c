/*
 * A flow as boxes and arrows. What ends it, and each other flow, is a small box beside the
 * state that leads there, so that no arrow crosses the whole picture to a common end.
 */
#include "flows/draw/inside.h"

enum { QUOTE_WIDTH = 190 };

/* --- ways --------------------------------------------------------------------------------- */

/*
 * The states' cards are the first boxes, in their order. Each is led to by one arrow, the first
 * way that comes there; any other way ends in a small box that names the state. So the picture
 * is a tree, which can be read from above, and no arrow crosses it.
 */
struct tracer {
    struct drawing *drawing;
    const struct flow_def *flow;
    const struct state_def *state;
    size_t from;   /* the box that the way leaves */
    bool *placed;  /* by the state's index: an arrow leads there already */
    size_t *queue; /* states to be traced, in the order in which they were come to */
    size_t n_queue;
};

/* A small box below the one that the way leaves. */
static size_t leaf(struct tracer *tracer, enum box_kind kind, struct str title)
{
    struct drawing *drawing = tracer->drawing;

    for (size_t i = 0; i < drawing->n_arrows; i++) {
        const struct box *box = &drawing->boxes[drawing->arrows[i].to];

        if (drawing->arrows[i].from == tracer->from && box->kind == kind &&
            str_eq(box->title, title))
            return drawing->arrows[i].to;
    }
    return box_add(drawing, kind, title);
}

static bool leads_there(const struct tracer *tracer, size_t to)
{
    for (size_t i = 0; i < tracer->drawing->n_arrows; i++) {
        const struct arrow *arrow = &tracer->drawing->arrows[i];

        if (arrow->from == tracer->from && arrow->to == to)
            return true;
    }
    return false;
}

static size_t state_box(struct tracer *tracer, const struct state_def *state)
{
    if (leads_there(tracer, state->index))
        return state->index;
    if (tracer->placed[state->index]) {
        return leaf(tracer, BOX_JUMP,
                    arena_format(tracer->drawing->arena, "→ %.*s", STR_ARG(state->name)));
    }
    tracer->placed[state->index] = true;
    tracer->queue[tracer->n_queue++] = state->index;
    return state->index;
}

static size_t small_box(struct tracer *tracer, enum move_kind kind)
{
    static const char *const names[] = {
        [MOVE_DONE] = "done", [MOVE_MENU] = "menu", [MOVE_REST] = "rest", [MOVE_BACK] = "back"};

    return leaf(tracer, BOX_END, str_from(names[kind]));
}

/* "if no orders", "if view is tracking"; nothing without a guard. */
static struct str guard_words(struct drawing *drawing, const struct guard *guard)
{
    static const struct {
        const char *name;
        const char *before;
        const char *after;
    } said[] = {
        {"empty", "no ",     ""       },
        {"some",  "",        " is set"},
        {"one",   "one of ", ""       },
        {"many",  "many ",   ""       },
    };

    if (!guard->kind)
        return STR_NONE;
    for (size_t i = 0; i < COUNTOF(said); i++) {
        if (strcmp(said[i].name, guard->kind->name) == 0) {
            return arena_format(drawing->arena, "if %s%.*s%s", said[i].before,
                                STR_ARG(guard->of), said[i].after);
        }
    }
    return arena_format(drawing->arena, "if %.*s %s %.*s", STR_ARG(guard->of),
                        strcmp(guard->kind->name, "is_not") == 0 ? "is not" : guard->kind->name,
                        STR_ARG(guard->to));
}

static size_t target_of(struct tracer *tracer, const struct move *move);

/* Another flow, and the way back from it where that is not the state itself. */
static size_t call_box(struct tracer *tracer, const struct move *move)
{
    struct drawing *drawing = tracer->drawing;
    bool comes_back = move->kind == MOVE_CALL && move->state == tracer->state;
    struct str title =
        comes_back ? arena_format(drawing->arena, "%.*s, and back", STR_ARG(move->flow->name))
                   : move->flow->name;
    size_t box = leaf(tracer, BOX_FLOW, title);
    size_t before = tracer->from;

    if (move->kind != MOVE_CALL || comes_back)
        return box;
    tracer->from = box;
    if (move->state) {
        struct arrow *back = arrow_between(drawing, box, state_box(tracer, move->state));

        back->dashed = true;
        arrow_label(back, STR("and then"));
    } else {
        arrow_between(drawing, box, small_box(tracer, MOVE_DONE))->dashed = true;
    }
    tracer->from = before;
    return box;
}

static void trace_moves(struct tracer *tracer, const struct moves *moves, struct str event);

static void trace_outcomes(struct tracer *tracer, size_t from)
{
    size_t before = tracer->from;

    tracer->from = from;
    for (size_t i = 0; i < tracer->state->outcomes.n; i++) {
        trace_moves(tracer, &tracer->state->outcomes.items[i].moves,
                    tracer->state->outcomes.items[i].event);
    }
    tracer->from = before;
}

static size_t target_of(struct tracer *tracer, const struct move *move)
{
    size_t box;

    switch (move->kind) {
    case MOVE_STATE:
        return state_box(tracer, move->state);
    case MOVE_CALL:
    case MOVE_GO:
        return call_box(tracer, move);
    case MOVE_ACTION:
        box = box_add(tracer->drawing, BOX_ACTION, str_from(move->action->name));
        trace_outcomes(tracer, box);
        return box;
    default:
        return small_box(tracer, move->kind);
    }
}

/* "Back to orders, if from is set". */
static struct str cause(struct tracer *tracer, const struct move *move, struct str event)
{
    struct str guard = guard_words(tracer->drawing, &move->guard);

    if (event.len == 0 || guard.len == 0)
        return event.len > 0 ? event : guard;
    return arena_format(tracer->drawing->arena, "%.*s, %.*s", STR_ARG(event), STR_ARG(guard));
}

static void trace_move(struct tracer *tracer, const struct move *move, struct str event)
{
    struct drawing *drawing = tracer->drawing;
    size_t to = target_of(tracer, move);
    struct arrow *arrow = arrow_between(drawing, tracer->from, to);

    arrow_label(arrow, cause(tracer, move, event));
    if (move->says.n > 0) {
        struct str rest = draw_words(drawing, move->says.items[0].key);
        struct str line = str_slice(rest, 0, str_find(rest, STR("\n")));

        line = text_fit(drawing->arena, line, SMALL_SIZE, QUOTE_WIDTH);
        arrow_label(arrow, arena_format(drawing->arena, "“%.*s”", STR_ARG(line)));
    }
}

static void trace_moves(struct tracer *tracer, const struct moves *moves, struct str event)
{
    for (size_t i = 0; i < moves->n; i++)
        trace_move(tracer, &moves->items[i], event);
}

/* What the customer does, in the words that they see. */
static struct str event_words(struct tracer *tracer, struct str event)
{
    static const struct {
        const char *name;
        const char *words;
    } own[] = {
        {"chosen",     "a row"               },
        {"answered",   "an answer"           },
        {"skipped",    "skipped"             },
        {"back",       "back"                },
        {"too_short",  "too short an answer" },
        {"too_long",   "too long an answer"  },
        {"added",      "a file"              },
        {"too_many",   "too many files"      },
        {"wrong_kind", "another kind of file"},
    };
    const struct prompt *prompt = &tracer->state->prompt;

    for (size_t i = 0; i < prompt->n_choices; i++) {
        if (str_eq(prompt->choices[i].name, event))
            return draw_words(tracer->drawing, prompt->choices[i].title);
    }
    for (size_t i = 0; i < COUNTOF(own); i++) {
        if (str_eq(event, str_from(own[i].name)))
            return str_from(own[i].words);
    }
    return event;
}

static void trace_state(struct tracer *tracer)
{
    const struct state_def *state = tracer->state;

    for (size_t i = 0; i < state->always.n; i++) {
        const struct move *move = &state->always.items[i];

        trace_move(tracer, move, i > 0 && !move->guard.kind ? STR("else") : STR_NONE);
    }
    for (size_t i = 0; i < state->on.n; i++) {
        trace_moves(tracer, &state->on.items[i].moves,
                    event_words(tracer, state->on.items[i].event));
    }
    if (state->end.kind == MOVE_ACTION) {
        trace_outcomes(tracer, tracer->from);
    } else if (state->end.kind != MOVE_NONE) {
        trace_move(tracer, &state->end, state->always.n > 0 ? STR("else") : STR_NONE);
    }
    if (state->after > 0) {
        trace_moves(
            tracer, &state->lapsed,
            arena_format(tracer->drawing->arena, "after %.*s", STR_ARG(state->after_name)));
    }
}

/* --- a flow ------------------------------------------------------------------------------- */

static void add_starts(struct drawing *drawing, const struct flow_def *flow)
{
    for (size_t i = 0; i < flow->n_starts_on; i++) {
        size_t start = box_add(drawing, BOX_START, flow->starts_on[i]);

        arrow_add(drawing, start, flow->initial->index);
    }
    if (flow->n_starts_on == 0)
        arrow_add(drawing, box_add(drawing, BOX_START, STR("begin")), flow->initial->index);
}

static struct str needs_words(enum need needs)
{
    switch (needs) {
    case NEEDS_KNOWN:
        return STR("for customers on record");
    case NEEDS_READING:
        return STR("with a code, unless the business lets whoever it knows read");
    case NEEDS_VERIFIED:
        return STR("with a code");
    case NEEDS_NOTHING:
        break;
    }
    return STR_NONE;
}

static void trace_flow(struct drawing *drawing, const struct flow_def *flow)
{
    struct tracer tracer = {.drawing = drawing, .flow = flow};

    tracer.placed = arena_array(drawing->arena, bool, flow->n_states);
    tracer.queue = arena_array(drawing->arena, size_t, flow->n_states);
    (void)state_box(&tracer, flow->initial);
    for (size_t done = 0, next = 0; done < flow->n_states; done++) {
        while (done == tracer.n_queue) { /* reached from old buttons only */
            if (!tracer.placed[next])
                (void)state_box(&tracer, &flow->states[next]);
            next++;
        }
        tracer.from = tracer.queue[done];
        tracer.state = &flow->states[tracer.from];
        trace_state(&tracer);
    }
}

struct drawing *drawing_of_flow(struct arena *into, const struct book *book, struct str name)
{
    const struct flow_def *flow = book_flow(book, name);
    struct drawing *drawing = drawing_new(into, book);

    if (!flow)
        return NULL;
    drawing->title = flow->name;
    drawing->subtitle = flow->returns ? STR("an aside: what was under way goes on afterwards")
                                      : needs_words(flow->needs);
    for (size_t i = 0; i < flow->n_states; i++)
        card_add(drawing, &flow->states[i]);
    add_starts(drawing, flow);
    trace_flow(drawing, flow);
    drawing_measure(drawing);
    return drawing;
}
