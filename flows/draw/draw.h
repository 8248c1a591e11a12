/*
 * Flows as pictures: a drawing is boxes and arrows made from a book, a layout says where they
 * stand, and the picture is SVG that reads in light and in dark.
 *
 * Pure: the layout is made elsewhere (bot/command/cmd_flows_graph.c asks graphviz), from the
 * text that `drawing_dot` gives, in which every box and label has its size already. So the
 * picture does not hang on the fonts of the machine that makes it.
 *
 *     drawing = drawing_of_flow(arena, book, STR("orders"));
 *     dot = drawing_dot(arena, drawing);       graphviz: dot -Tjson0
 *     drawing_svg(arena, drawing, layout, &svg, &err);
 */
#pragma once

#include "flows/flows.h"

struct drawing;

/* One flow: its states as cards with what is said and asked, in English. NULL: no such flow. */
struct drawing *drawing_of_flow(struct arena *into, const struct book *book, struct str name);

/* All flows, each a card, and the ways between them. */
struct drawing *drawing_of_book(struct arena *into, const struct book *book);

/* The names of the book's flows, in its order. */
struct str_list drawing_names(struct arena *into, const struct book *book);

/* What to lay out, in graphviz's language. */
struct str drawing_dot(struct arena *into, const struct drawing *drawing);

/* The picture, by the layout that graphviz gave as JSON. ERR_REJECT when it gave something
 * else.
 */
MUST_USE bool drawing_svg(struct arena *into, const struct drawing *drawing, struct str layout,
                          struct str *svg, struct err *err);
