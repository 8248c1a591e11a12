/* A drawing's boxes and arrows, whatever they stand for. */
#include "flows/draw/inside.h"

struct drawing *drawing_new(struct arena *into, const struct book *book)
{
    struct drawing *drawing = arena_new(into, struct drawing);

    drawing->arena = into;
    drawing->book = book;
    return drawing;
}

size_t box_add(struct drawing *drawing, enum box_kind kind, struct str title)
{
    drawing->boxes =
        arena_more(drawing->arena, drawing->boxes, drawing->n_boxes, &drawing->room_boxes);
    drawing->boxes[drawing->n_boxes] = (struct box){.kind = kind, .title = title};
    return drawing->n_boxes++;
}

struct arrow *arrow_add(struct drawing *drawing, size_t from, size_t to)
{
    drawing->arrows =
        arena_more(drawing->arena, drawing->arrows, drawing->n_arrows, &drawing->room_arrows);
    drawing->arrows[drawing->n_arrows] = (struct arrow){.from = from, .to = to};
    return &drawing->arrows[drawing->n_arrows++];
}

void box_line(struct drawing *drawing, size_t box, enum line_kind kind, struct str text)
{
    struct box *at = &drawing->boxes[box];

    if (at->n_lines < LINES_MAX)
        at->lines[at->n_lines++] = (struct line){kind, text};
}

void arrow_label(struct arrow *arrow, struct str text)
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

struct arrow *arrow_between(struct drawing *drawing, size_t from, size_t to)
{
    for (size_t i = 0; i < drawing->n_arrows; i++) {
        if (drawing->arrows[i].from == from && drawing->arrows[i].to == to)
            return &drawing->arrows[i];
    }
    return arrow_add(drawing, from, to);
}

void box_meta(struct drawing *drawing, size_t box, const char *what, struct str name)
{
    struct str text = arena_format(drawing->arena, "%s %.*s", what, STR_ARG(name));

    box_line(drawing, box, LINE_META,
             text_fit(drawing->arena, text, SMALL_SIZE, CARD_WIDTH - 2 * CARD_EDGE));
}

void drawing_measure(struct drawing *drawing)
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
