/*
 * The picture. Colours are named once for light and once for dark, and the reader's own
 * preference chooses; nothing else depends on where it is shown.
 */
#include "flows/draw/inside.h"

#include "bot/base/json.h"
#include "templates/out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MARGIN = 28, HEAD = 64 };

struct painter {
    struct arena *arena;
    const struct drawing *drawing;
    struct out out;
    double height; /* of the layout, whose y goes up */
};

static const char style[] =
    "<style>\n"
    ":root{--page:#f6f7f9;--card:#ffffff;--edge:#d5dbe3;--ink:#1b2733;--quiet:#5f6d80;"
    "--bubble:#eaf0f5;--line:#8491a3;--asks:#12805c;--acts:#a8560a;--passes:#66748a;"
    "--flow:#3457b1;--halo:#f6f7f9}\n"
    "@media (prefers-color-scheme:dark){:root{--page:#11161c;--card:#1b222b;--edge:#37424f;"
    "--ink:#e8edf3;--quiet:#9aa7b8;--bubble:#28323e;--line:#76859a;--asks:#3fbf8f;"
    "--acts:#f0a04b;--passes:#93a1b5;--flow:#8eaaf5;--halo:#11161c}}\n"
    "text{font-family:\"Noto Sans\",\"Helvetica Neue\",Helvetica,Arial,sans-serif;"
    "font-size:12px;fill:var(--ink)}\n"
    ".page{fill:var(--page)}.card{fill:var(--card);stroke:var(--edge)}\n"
    ".name{font-size:14px;font-weight:600}.meta{font-size:11px;fill:var(--quiet)}\n"
    ".bubble{fill:var(--bubble)}.pill{fill:none;stroke:var(--asks)}\n"
    ".tap{fill:var(--asks);text-anchor:middle}.field{fill:none;stroke:var(--line);"
    "stroke-dasharray:3 3}\n"
    ".typed{fill:var(--quiet);font-style:italic}\n"
    ".asks{fill:var(--asks)}.acts{fill:var(--acts)}.passes{fill:var(--passes)}\n"
    ".action{fill:var(--card);stroke:var(--acts)}.flow{fill:var(--card);stroke:var(--flow)}\n"
    ".jump{fill:var(--card);stroke:var(--line);stroke-dasharray:3 3}\n"
    ".end{fill:var(--bubble);stroke:none}.start{fill:var(--asks)}\n"
    ".mid{text-anchor:middle}.onstart{text-anchor:middle;fill:var(--page)}\n"
    ".way{fill:none;stroke:var(--line);stroke-width:1.4}.back{stroke-dasharray:5 4}\n"
    ".tip{fill:var(--line)}\n"
    ".label{font-size:11px;text-anchor:middle;paint-order:stroke;stroke:var(--halo);"
    "stroke-width:4px;stroke-linejoin:round}\n"
    ".guard{fill:var(--quiet)}.quote{fill:var(--quiet);font-style:italic}\n"
    ".title{font-size:22px;font-weight:700}.sub{font-size:13px;fill:var(--quiet)}\n"
    "</style>\n";

/* --- small marks -------------------------------------------------------------------------- */

static void put(struct painter *painter, struct str text)
{
    out_add(&painter->out, text);
}

static struct str escaped(struct arena *into, struct str text)
{
    struct out out;

    out_init(&out, into, text.len + 32);
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '&':
            out_add(&out, STR("&amp;"));
            break;
        case '<':
            out_add(&out, STR("&lt;"));
            break;
        case '>':
            out_add(&out, STR("&gt;"));
            break;
        case '"':
            out_add(&out, STR("&quot;"));
            break;
        default:
            out_add(&out, str_slice(text, i, 1));
        }
    }
    return out_text(&out);
}

static void put_text(struct painter *painter, const char *class, double x, double y,
                     struct str text)
{
    put(painter,
        arena_format(painter->arena, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%.*s</text>\n",
                     class, x, y, STR_ARG(escaped(painter->arena, text))));
}

static void put_rect(struct painter *painter, const char *class, double x, double y, double w,
                     double h, double round)
{
    put(painter, arena_format(painter->arena,
                              "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                              "height=\"%.1f\" rx=\"%.1f\"/>\n",
                              class, x, y, w, h, round));
}

/* --- boxes -------------------------------------------------------------------------------- */

/* Lines of the same utterance share a bubble; it is drawn before the first of them. */
static void put_bubble(struct painter *painter, const struct box *box, size_t from, double x,
                       double y)
{
    double height = 0;

    if (from > 0 && box->lines[from - 1].kind == LINE_SAID)
        return;
    for (size_t i = from; i < box->n_lines && box->lines[i].kind == LINE_SAID; i++)
        height += SAID_HEIGHT;
    put_rect(painter, "bubble", x + CARD_EDGE - 4, y - 1, CARD_WIDTH - 2 * CARD_EDGE + 8,
             height + 4, 8);
}

static void put_line(struct painter *painter, const struct box *box, size_t i, double x,
                     double y)
{
    const struct line *line = &box->lines[i];
    double inner = CARD_WIDTH - 2 * CARD_EDGE;

    switch (line->kind) {
    case LINE_META:
        put_text(painter, "meta", x + CARD_EDGE, y + 12, line->text);
        break;
    case LINE_SAID:
        put_bubble(painter, box, i, x, y);
        put_text(painter, "said", x + CARD_EDGE + 4, y + 13, line->text);
        break;
    case LINE_ROWS: /* one behind the other */
        put_rect(painter, "pill", x + CARD_EDGE + 6, y + 4, inner - 6, PILL_HEIGHT - 6, 10);
        put(painter,
            arena_format(painter->arena,
                         "<rect class=\"card pill\" style=\"stroke:var(--asks)\" x=\"%.1f\" "
                         "y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"10\"/>\n",
                         x + CARD_EDGE, y + 1, inner - 6, PILL_HEIGHT - 6));
        put_text(painter, "tap", x + CARD_EDGE + (inner - 6) / 2, y + 15, line->text);
        break;
    case LINE_PILL:
        put_rect(painter, "pill", x + CARD_EDGE, y + 2, inner, PILL_HEIGHT - 5, 10);
        put_text(painter, "tap", x + CARD_WIDTH / 2.0, y + 16.5, line->text);
        break;
    case LINE_FIELD:
        put_rect(painter, "field", x + CARD_EDGE, y + 2, inner, PILL_HEIGHT - 5, 4);
        put_text(painter, "typed", x + CARD_EDGE + 8, y + 16.5, line->text);
        break;
    case LINE_GAP:
        break;
    }
}

static void put_card(struct painter *painter, const struct box *box, double x, double y)
{
    static const char *const bars[] = {
        [BOX_ASKS] = "asks", [BOX_ACTS] = "acts", [BOX_PASSES] = "passes"};
    double at = y + TITLE_ROOM;

    put_rect(painter, "card", x, y, box->width, box->height, 10);
    put_rect(painter, bars[box->kind], x + CARD_EDGE, y + 12, 10, 10, 5);
    put_text(painter, "name", x + CARD_EDGE + 18, y + 22, box->title);
    for (size_t i = 0; i < box->n_lines; i++) {
        put_line(painter, box, i, x, at);
        at += line_height(box->lines[i].kind);
    }
}

static void put_box(struct painter *painter, const struct box *box, double cx, double cy)
{
    double x = cx - box->width / 2.0;
    double y = cy - box->height / 2.0;

    switch (box->kind) {
    case BOX_ASKS:
    case BOX_ACTS:
    case BOX_PASSES:
        put_card(painter, box, x, y);
        break;
    case BOX_START:
        put_rect(painter, "start", x, y, box->width, box->height, box->height / 2.0);
        put_text(painter, "onstart", cx, cy + 4, box->title);
        break;
    case BOX_END:
        put_rect(painter, "end", x, y, box->width, box->height, box->height / 2.0);
        put_text(painter, "mid", cx, cy + 4, box->title);
        break;
    case BOX_JUMP:
        put_rect(painter, "jump", x, y, box->width, box->height, box->height / 2.0);
        put_text(painter, "mid", cx, cy + 4, box->title);
        break;
    case BOX_ACTION:
        put_rect(painter, "action", x, y, box->width, box->height, 6);
        put_text(painter, "mid", cx, cy + 4, box->title);
        break;
    case BOX_FLOW:
        put_rect(painter, "flow", x, y, box->width, box->height, 6);
        put_rect(painter, "flow", x + 4, y + 3, box->width - 8, box->height - 6, 4);
        put_text(painter, "mid", cx, cy + 4, box->title);
        break;
    }
}

/* --- arrows ------------------------------------------------------------------------------- */

static bool next_point(struct painter *painter, const char **at, double *x, double *y)
{
    char *end;
    double across;

    while (**at == ' ')
        (*at)++;
    across = strtod(*at, &end);
    if (end == *at || *end != ',')
        return false;
    *x = across;
    *y = painter->height - strtod(end + 1, &end);
    *at = end;
    return true;
}

static void put_tip(struct painter *painter, double x, double y, double from_x, double from_y)
{
    double dx = x - from_x;
    double dy = y - from_y;
    double length = dx * dx + dy * dy > 0 ? sqrt(dx * dx + dy * dy) : 1;

    dx = dx / length * 8;
    dy = dy / length * 8;
    x = from_x + dx;
    y = from_y + dy;
    put(painter,
        arena_format(painter->arena,
                     "<path class=\"tip\" d=\"M%.1f %.1f L%.1f %.1f L%.1f %.1f Z\"/>\n", x, y,
                     from_x - dy / 2, from_y + dx / 2, from_x + dy / 2, from_y - dx / 2));
}

/* graphviz's "e,X,Y X,Y X,Y ...": where the tip is, then a curve to just before it. */
static void put_way(struct painter *painter, const struct arrow *arrow, const char *pos)
{
    struct out path;
    double tip_x = 0;
    double tip_y = 0;
    double x = 0;
    double y = 0;
    bool tip = strncmp(pos, "e,", 2) == 0;
    size_t n = 0;

    pos += tip ? 2 : 0;
    if (tip && !next_point(painter, &pos, &tip_x, &tip_y))
        return;
    out_init(&path, painter->arena, 256);
    while (next_point(painter, &pos, &x, &y)) {
        out_add(&path, arena_format(painter->arena, "%s%.1f %.1f",
                                    n == 0   ? "M"
                                    : n == 1 ? " C"
                                             : " ",
                                    x, y));
        n++;
    }
    put(painter, arena_format(painter->arena, "<path class=\"way%s\" d=\"%.*s\"/>\n",
                              arrow->dashed ? " back" : "", STR_ARG(out_text(&path))));
    if (tip)
        put_tip(painter, tip_x, tip_y, x, y);
}

static void put_labels(struct painter *painter, const struct arrow *arrow, const char *lp)
{
    double x;
    double y;
    double top;

    if (!lp || !next_point(painter, &lp, &x, &y))
        return;
    top = y - arrow->height / 2.0 + 13;
    for (size_t i = 0; i < arrow->n_labels; i++) {
        bool quote = str_starts(arrow->labels[i], STR("“"));
        bool guard = str_starts(arrow->labels[i], STR("if "));

        put_text(painter,
                 quote   ? "label quote"
                 : guard ? "label guard"
                         : "label",
                 x, top + (double)i * LABEL_HEIGHT, arrow->labels[i]);
    }
}

/* --- the whole ---------------------------------------------------------------------------- */

static bool put_all(struct painter *painter, const json_t *layout, struct err *err)
{
    const json_t *objects = json_array_in(layout, "objects");
    const json_t *edges = json_array_in(layout, "edges");
    const struct drawing *drawing = painter->drawing;

    if (json_array_size(objects) < drawing->n_boxes ||
        json_array_size(edges) != drawing->n_arrows)
        return err_raise(err, ERR_REJECT, "the layout is of another drawing");
    for (size_t i = 0; i < drawing->n_arrows; i++) {
        const json_t *edge = json_array_get(edges, i);
        struct str id = json_text(painter->arena, edge, "id");
        const char *pos = json_string_value(json_object_get(edge, "pos"));
        int64_t number;

        if (!str_to_int(str_slice(id, 1, id.len), &number) || number < 0 ||
            (size_t)number >= drawing->n_arrows || !pos)
            return err_raise(err, ERR_REJECT, "the layout has an arrow of no name");
        put_way(painter, &drawing->arrows[number], pos);
    }
    for (size_t i = 0; i < drawing->n_boxes; i++) {
        const char *pos = json_string_value(json_object_get(json_array_get(objects, i), "pos"));
        double x;
        double y;

        if (!pos || !next_point(painter, &pos, &x, &y))
            return err_raise(err, ERR_REJECT, "the layout has a box of no place");
        put_box(painter, &drawing->boxes[i], x, y);
    }
    for (size_t i = 0; i < drawing->n_arrows; i++) { /* above all else */
        const json_t *edge = json_array_get(edges, i);
        struct str id = json_text(painter->arena, edge, "id");
        int64_t number = 0;

        if (str_to_int(str_slice(id, 1, id.len), &number)) {
            put_labels(painter, &drawing->arrows[number],
                       json_string_value(json_object_get(edge, "lp")));
        }
    }
    return true;
}

bool drawing_svg(struct arena *into, const struct drawing *drawing, struct str layout,
                 struct str *svg, struct err *err)
{
    struct painter painter = {.arena = into, .drawing = drawing};
    OWNED_JSON(doc) = NULL;
    const char *bb;
    double width;
    double head = drawing->subtitle.len > 0 ? HEAD + 14 : HEAD;

    if (!json_read(layout, &doc, err))
        return false;
    bb = json_string_value(json_object_get(doc, "bb"));
    if (!bb || sscanf(bb, "%*f,%*f,%lf,%lf", &width, &painter.height) != 2)
        return err_raise(err, ERR_REJECT, "the layout has no size");
    width = width < 320 ? 320 : width;
    out_init(&painter.out, into, 16384);
    put(&painter,
        arena_format(into,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                     "viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%.*s\">\n",
                     width + 2 * MARGIN, painter.height + head + MARGIN, width + 2 * MARGIN,
                     painter.height + head + MARGIN, STR_ARG(drawing->title)));
    put(&painter, str_from(style));
    put_rect(&painter, "page", 0, 0, width + 2 * MARGIN, painter.height + head + MARGIN, 14);
    put_text(&painter, "title", MARGIN, 42, drawing->title);
    put_text(&painter, "sub", MARGIN, 62, drawing->subtitle);
    put(&painter, arena_format(into, "<g transform=\"translate(%d %.0f)\">\n", MARGIN, head));
    if (!put_all(&painter, doc, err))
        return false;
    put(&painter, STR("</g>\n</svg>\n"));
    *svg = out_text(&painter.out);
    return true;
}
