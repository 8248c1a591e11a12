/* What graphviz is asked: boxes and labels as bare rectangles of a given size. */
#include "flows/draw/inside.h"

#include "templates/out.h"

static void add_box(struct out *out, const struct drawing *drawing, size_t i)
{
    const struct box *box = &drawing->boxes[i];

    out_add(out, arena_format(drawing->arena, "n%zu [width=%d.%02d,height=%d.%02d]\n", i,
                              box->width / 72, box->width % 72 * 100 / 72, box->height / 72,
                              box->height % 72 * 100 / 72));
}

static void add_arrow(struct out *out, const struct drawing *drawing, size_t i)
{
    const struct arrow *arrow = &drawing->arrows[i];

    out_add(out,
            arena_format(drawing->arena, "n%zu -> n%zu [id=e%zu", arrow->from, arrow->to, i));
    if (arrow->n_labels > 0) {
        out_add(out, arena_format(drawing->arena,
                                  ",label=<<table border=\"0\" cellspacing=\"0\" "
                                  "cellpadding=\"0\" fixedsize=\"true\" width=\"%d\" "
                                  "height=\"%d\"><tr><td></td></tr></table>>",
                                  arrow->width, arrow->height));
    }
    if (drawing->boxes[arrow->from].kind == BOX_START)
        out_add(out, STR(",weight=9"));
    if (arrow->dashed && !drawing->across)
        out_add(out, STR(",weight=0"));
    out_add(out, STR("]\n"));
}

struct str drawing_dot(struct arena *into, const struct drawing *drawing)
{
    struct out out;

    out_init(&out, into, 4096);
    out_add(&out, STR("digraph {\n"));
    out_add(&out, drawing->across ? STR("rankdir=LR\n") : STR("rankdir=TB\n"));
    out_add(&out, STR("graph [nodesep=0.35,ranksep=0.45,splines=true,"
                      "fontname=\"Helvetica\"]\n"
                      "node [shape=box,fixedsize=true,label=\"\"]\n"
                      "edge [fontname=\"Helvetica\",arrowsize=0.7]\n"));
    for (size_t i = 0; i < drawing->n_boxes; i++)
        add_box(&out, drawing, i);
    for (size_t i = 0; i < drawing->n_arrows; i++)
        add_arrow(&out, drawing, i);
    out_add(&out, STR("}\n"));
    return out_text(&out);
}
