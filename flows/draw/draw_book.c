/* All flows of a book, and which leads to which. */
#include "flows/draw/inside.h"

struct str_list drawing_names(struct arena *into, const struct book *book)
{
    struct str *names = arena_array(into, struct str, book->n_flows + 1);

    for (size_t i = 0; i < book->n_flows; i++)
        names[i] = book->flows[i].name;
    return (struct str_list){names, book->n_flows};
}

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
        box_meta(drawing, box, "every way comes back here", STR_NONE);
    } else if (intents.len > 0) {
        box_meta(drawing, box, "begins with:", intents);
    } else {
        box_meta(drawing, box, "called by others", STR_NONE);
    }
    if (flow->returns)
        box_meta(drawing, box, "an aside, from anywhere", STR_NONE);
    if (flow->needs == NEEDS_KNOWN)
        box_meta(drawing, box, "for customers on record", STR_NONE);
    if (flow->needs == NEEDS_READING || flow->needs == NEEDS_VERIFIED)
        box_meta(drawing, box, "with a code", STR_NONE);
    box_meta(drawing, box,
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
    drawing_measure(drawing);
    return drawing;
}
