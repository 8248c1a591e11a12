/*
 * From a book to boxes and arrows.
 *
 * A state is a card: what it looks up, what it says, what it asks and what can be tapped. What
 * ends a flow, and each other flow, is a small box beside the state that leads there, so that
 * no arrow crosses the whole picture to a common end.
 */
#include "flows/draw/inside.h"

enum { WORDS_WIDTH = CARD_WIDTH - 2 * CARD_EDGE - 16, SAID_LINES = 4, QUOTE_WIDTH = 190 };

size_t box_add(struct drawing *drawing, enum box_kind kind, struct str title)
{
    if (drawing->n_boxes == drawing->room_boxes) {
        size_t room = drawing->room_boxes ? 2 * drawing->room_boxes : 32;
        struct box *boxes = arena_array(drawing->arena, struct box, room);

        if (drawing->n_boxes)
            memcpy(boxes, drawing->boxes, drawing->n_boxes * sizeof(*boxes));
        drawing->boxes = boxes;
        drawing->room_boxes = room;
    }
    drawing->boxes[drawing->n_boxes] = (struct box){.kind = kind, .title = title};
    return drawing->n_boxes++;
}

struct arrow *arrow_add(struct drawing *drawing, size_t from, size_t to)
{
    if (drawing->n_arrows == drawing->room_arrows) {
        size_t room = drawing->room_arrows ? 2 * drawing->room_arrows : 64;
        struct arrow *arrows = arena_array(drawing->arena, struct arrow, room);

        if (drawing->n_arrows)
            memcpy(arrows, drawing->arrows, drawing->n_arrows * sizeof(*arrows));
        drawing->arrows = arrows;
        drawing->room_arrows = room;
    }
    drawing->arrows[drawing->n_arrows] = (struct arrow){.from = from, .to = to};
    return &drawing->arrows[drawing->n_arrows++];
}

void box_line(struct drawing *drawing, size_t box, enum line_kind kind, struct str text)
{
    struct box *at = &drawing->boxes[box];

    if (at->n_lines < LINES_MAX)
        at->lines[at->n_lines++] = (struct line){kind, text};
}

static void label(struct arrow *arrow, struct str text)
{
    if (text.len == 0)
        return;
    for (size_t i = 0; i < arrow->n_labels; i++) {
        if (str_eq(arrow->labels[i], text))
            return;
    }
    if (arrow->n_labels < ARROW_LABELS_MAX) {
        arrow->labels[arrow->n_labels++] = text;
    } else {
        arrow->n_left_out++;
    }
}

/* The arrow between two boxes: one, whatever number of ways it stands for. */
static struct arrow *arrow_between(struct drawing *drawing, size_t from, size_t to)
{
    for (size_t i = 0; i < drawing->n_arrows; i++) {
        if (drawing->arrows[i].from == from && drawing->arrows[i].to == to)
            return &drawing->arrows[i];
    }
    return arrow_add(drawing, from, to);
}

/* --- words -------------------------------------------------------------------------------- */

/* A record in which every path leads to its own last piece in braces. */
static const struct record *sample(struct arena *into, const struct str_list *paths,
                                   size_t depth, size_t from, size_t to)
{
    struct record_builder record;

    record_build(&record, into);
    while (from < to) {
        struct str rest = str_slice(paths->items[from], depth, paths->items[from].len);
        struct str name = str_slice(rest, 0, str_find(rest, STR(".")));
        size_t end = from;

        while (end < to &&
               str_starts(str_slice(paths->items[end], depth, paths->items[end].len), name))
            end++;
        if (name.len == rest.len && end == from + 1) {
            record_set(&record, name, value_text(arena_format(into, "{%.*s}", STR_ARG(name))));
        } else {
            size_t first = name.len == rest.len ? from + 1 : from;

            record_set(&record, name,
                       value_record(sample(into, paths, depth + name.len + 1, first, end)));
        }
        from = end;
    }
    return record_built(&record);
}

struct str draw_words(struct drawing *drawing, struct str key)
{
    const struct words *words = book_words(drawing->book);
    struct str_list paths = words_variables(drawing->arena, words, key);
    struct locale locale = {.lang = LANG_EN, .zone = STR("UTC")};
    const struct record *values = sample(drawing->arena, &paths, 0, 0, paths.n);

    return words_render(drawing->arena, words, &locale, key, values, NULL);
}

static bool has_letters(struct str line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)(line.at[i] | 0x20);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            return true;
    }
    return false;
}

/* The first few lines of what a key says. */
static void words_lines(struct drawing *drawing, size_t box, struct str key)
{
    struct str rest = draw_words(drawing, key);
    struct str line;
    int n = 0;

    while (n < SAID_LINES && text_wrap(&rest, TEXT_SIZE, WORDS_WIDTH, &line)) {
        if (!has_letters(line))
            continue;
        if (++n == SAID_LINES && str_trim(rest).len > 0)
            line = arena_format(drawing->arena, "%.*s …", STR_ARG(line));
        box_line(drawing, box, LINE_SAID,
                 text_fit(drawing->arena, line, TEXT_SIZE, WORDS_WIDTH + 6));
    }
    if (n > 0)
        box_line(drawing, box, LINE_GAP, STR_NONE);
}

static void said_lines(struct drawing *drawing, size_t box, const struct sayings *says)
{
    for (size_t i = 0; i < says->n; i++)
        words_lines(drawing, box, says->items[i].key);
}

/* --- a state's card ----------------------------------------------------------------------- */

static enum box_kind kind_of(const struct state_def *state)
{
    if (state->prompt.kind != PROMPT_NONE)
        return BOX_ASKS;
    return state->end.kind == MOVE_ACTION ? BOX_ACTS : BOX_PASSES;
}

static void meta(struct drawing *drawing, size_t box, const char *what, struct str name)
{
    struct str text = arena_format(drawing->arena, "%s %.*s", what, STR_ARG(name));

    box_line(drawing, box, LINE_META,
             text_fit(drawing->arena, text, SMALL_SIZE, CARD_WIDTH - 2 * CARD_EDGE));
}

static void pill(struct drawing *drawing, size_t box, enum line_kind kind, struct str text)
{
    box_line(drawing, box, kind,
             text_fit(drawing->arena, text, TEXT_SIZE, CARD_WIDTH - 2 * CARD_EDGE - 24));
}

static void prompt_lines(struct drawing *drawing, size_t box, const struct prompt *prompt)
{
    words_lines(drawing, box, prompt->body);
    if (prompt->of.len) {
        struct str row = draw_words(drawing, prompt->row);

        pill(drawing, box, LINE_ROWS, row);
    }
    for (size_t i = 0; i < prompt->n_choices; i++)
        pill(drawing, box, LINE_PILL, draw_words(drawing, prompt->choices[i].title));
    if (prompt->kind == PROMPT_LINK)
        pill(drawing, box, LINE_PILL, draw_words(drawing, prompt->label));
    if (prompt->kind == PROMPT_MEDIA) {
        pill(drawing, box, LINE_FIELD,
             arena_format(drawing->arena, "%.*s: photos, files", STR_ARG(prompt->as)));
    }
    if (prompt->kind == PROMPT_TEXT)
        pill(drawing, box, LINE_FIELD, prompt->as);
}

static size_t add_state(struct drawing *drawing, const struct state_def *state)
{
    size_t box = box_add(drawing, kind_of(state), state->name);

    for (size_t i = 0; i < state->n_loads; i++)
        meta(drawing, box, "looks up", str_from(state->loads[i].part->name));
    if (state->end.kind == MOVE_ACTION)
        meta(drawing, box, "does", str_from(state->end.action->name));
    if (drawing->boxes[box].n_lines > 0 && (state->says.n > 0 || state->prompt.kind))
        box_line(drawing, box, LINE_GAP, STR_NONE);
    said_lines(drawing, box, &state->says);
    if (state->prompt.kind != PROMPT_NONE)
        prompt_lines(drawing, box, &state->prompt);
    return box;
}

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
        label(back, STR("and then"));
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

    label(arrow, cause(tracer, move, event));
    if (move->says.n > 0) {
        struct str rest = draw_words(drawing, move->says.items[0].key);
        struct str line = str_slice(rest, 0, str_find(rest, STR("\n")));

        line = text_fit(drawing->arena, line, SMALL_SIZE, QUOTE_WIDTH);
        label(arrow, arena_format(drawing->arena, "“%.*s”", STR_ARG(line)));
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

static struct drawing *drawing_new(struct arena *into, const struct book *book)
{
    struct drawing *drawing = arena_new(into, struct drawing);

    drawing->arena = into;
    drawing->book = book;
    return drawing;
}

static void measure_all(struct drawing *drawing)
{
    for (size_t i = 0; i < drawing->n_boxes; i++) {
        struct box *box = &drawing->boxes[i];

        while (box->n_lines > 0 && box->lines[box->n_lines - 1].kind == LINE_GAP)
            box->n_lines--;
        box_measure(box);
    }
    for (size_t i = 0; i < drawing->n_arrows; i++) {
        struct arrow *arrow = &drawing->arrows[i];

        if (arrow->n_left_out > 0) {
            arrow->labels[ARROW_LABELS_MAX - 1] =
                arena_format(drawing->arena, "and %zu more", arrow->n_left_out + 1);
        }
        arrow_measure(arrow);
    }
}

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
        add_state(drawing, &flow->states[i]);
    add_starts(drawing, flow);
    trace_flow(drawing, flow);
    measure_all(drawing);
    return drawing;
}

struct str_list drawing_names(struct arena *into, const struct book *book)
{
    struct str *names = arena_array(into, struct str, book->n_flows + 1);

    for (size_t i = 0; i < book->n_flows; i++)
        names[i] = book->flows[i].name;
    return (struct str_list){names, book->n_flows};
}

/* --- all flows ---------------------------------------------------------------------------- */

static size_t flow_number(const struct book *book, const struct flow_def *flow)
{
    return (size_t)(flow - book->flows);
}

static void link_flows(struct drawing *drawing, size_t from, const struct moves *moves)
{
    for (size_t i = 0; i < moves->n; i++) {
        const struct move *move = &moves->items[i];
        size_t to = move->flow ? flow_number(drawing->book, move->flow) : from;
        bool known = to == from;

        for (size_t j = 0; j < drawing->n_arrows && !known; j++)
            known = drawing->arrows[j].from == from && drawing->arrows[j].to == to;
        if (!known)
            arrow_add(drawing, from, to)->dashed = move->kind == MOVE_CALL;
    }
}

static void link_state(struct drawing *drawing, size_t from, const struct state_def *state)
{
    struct moves end = {(struct move *)&state->end, 1};

    link_flows(drawing, from, &state->always);
    link_flows(drawing, from, &end);
    link_flows(drawing, from, &state->lapsed);
    for (size_t i = 0; i < state->on.n; i++)
        link_flows(drawing, from, &state->on.items[i].moves);
    for (size_t i = 0; i < state->outcomes.n; i++)
        link_flows(drawing, from, &state->outcomes.items[i].moves);
}

static void add_flow_card(struct drawing *drawing, const struct flow_def *flow)
{
    size_t box =
        box_add(drawing, flow == drawing->book->menu ? BOX_ASKS : BOX_PASSES, flow->name);
    struct str intents = STR_NONE;

    for (size_t i = 0; i < flow->n_starts_on; i++) {
        intents = arena_format(drawing->arena, "%.*s%s%.*s", STR_ARG(intents),
                               i > 0 ? ", " : "", STR_ARG(flow->starts_on[i]));
    }
    if (flow == drawing->book->menu) {
        meta(drawing, box, "every way comes back here", STR_NONE);
    } else if (intents.len > 0) {
        meta(drawing, box, "begins with:", intents);
    } else {
        meta(drawing, box, "called by others", STR_NONE);
    }
    if (flow->returns)
        meta(drawing, box, "an aside, from anywhere", STR_NONE);
    if (flow->needs == NEEDS_KNOWN)
        meta(drawing, box, "for customers on record", STR_NONE);
    if (flow->needs == NEEDS_READING || flow->needs == NEEDS_VERIFIED)
        meta(drawing, box, "with a code", STR_NONE);
    meta(drawing, box,
         arena_format(drawing->arena, "%zu %s", flow->n_states,
                      flow->n_states == 1 ? "state" : "states")
             .at,
         STR_NONE);
}

struct drawing *drawing_of_book(struct arena *into, const struct book *book)
{
    struct drawing *drawing = drawing_new(into, book);

    drawing->title = STR("All flows");
    drawing->across = true;
    drawing->subtitle = STR("solid: goes on there; dashed: goes there and comes back");
    for (size_t i = 0; i < book->n_flows; i++)
        add_flow_card(drawing, &book->flows[i]);
    for (size_t i = 0; i < book->n_flows; i++) {
        for (size_t j = 0; j < book->flows[i].n_states; j++)
            link_state(drawing, i, &book->flows[i].states[j]);
    }
    measure_all(drawing);
    return drawing;
}
