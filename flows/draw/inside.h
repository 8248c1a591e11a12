/*
 * The inside of a drawing: what its files share. All lengths are in pixels.
 */
#pragma once

#include "flows/draw/draw.h"
#include "flows/engine/book.h"

enum { LINES_MAX = 40, ARROW_LABELS_MAX = 12 };

enum line_kind {
    LINE_META,  /* what is looked up or done: small, quiet */
    LINE_SAID,  /* the bot's words */
    LINE_PILL,  /* a button or row to tap */
    LINE_ROWS,  /* rows of what was looked up */
    LINE_FIELD, /* where the customer writes */
    LINE_GAP
};

struct line {
    enum line_kind kind;
    struct str text;
};

enum box_kind {
    BOX_START,  /* a word that begins the flow */
    BOX_ASKS,   /* a state that waits for the customer */
    BOX_ACTS,   /* a state that does something */
    BOX_PASSES, /* a state that only looks and goes on */
    BOX_ACTION, /* what a tap does */
    BOX_FLOW,   /* another flow */
    BOX_END,    /* done, menu, rest, back */
    BOX_JUMP    /* a state whose card stands elsewhere */
};

struct box {
    enum box_kind kind;
    struct str title;
    struct line lines[LINES_MAX];
    size_t n_lines;
    int width, height;
};

struct arrow {
    size_t from, to;
    struct str labels[ARROW_LABELS_MAX]; /* what is said on the way stands in “ ” */
    size_t n_labels;
    size_t n_left_out;
    bool dashed;       /* a way back */
    int width, height; /* of the label */
};

struct drawing {
    struct arena *arena;
    const struct book *book;
    struct str title, subtitle;
    bool across; /* arrows lead to the right, and not down */
    struct box *boxes;
    size_t n_boxes, room_boxes;
    struct arrow *arrows;
    size_t n_arrows, room_arrows;
};

/* --- measure.c ---------------------------------------------------------------------------- */

enum {
    CARD_WIDTH = 244,
    CARD_EDGE = 14,
    TEXT_SIZE = 12,
    SMALL_SIZE = 11,
    TITLE_ROOM = 34, /* the height of a card's head */
    META_HEIGHT = 17,
    SAID_HEIGHT = 17,
    PILL_HEIGHT = 26,
    GAP_HEIGHT = 8,
    LABEL_HEIGHT = 15
};

/* About how wide a text is in a common sans-serif, rather more than less. */
int text_width(struct str text, int size);

/* Cut with "…" to what fits. */
struct str text_fit(struct arena *into, struct str text, int size, int width);

/* The next line of a text that fits: cut off `rest` between words. False: nothing left. */
bool text_wrap(struct str *rest, int size, int width, struct str *line);

int line_height(enum line_kind kind);

/* Set the box's size by its kind and lines, and the arrow's by its labels. */
void box_measure(struct box *box);
void arrow_measure(struct arrow *arrow);

/* --- draw.c ------------------------------------------------------------------------------- */

struct drawing *drawing_new(struct arena *into, const struct book *book);

size_t box_add(struct drawing *drawing, enum box_kind kind, struct str title);
void box_line(struct drawing *drawing, size_t box, enum line_kind kind, struct str text);
/* "looks up orders": a quiet line, cut to fit. */
void box_meta(struct drawing *drawing, size_t box, const char *what, struct str name);

struct arrow *arrow_add(struct drawing *drawing, size_t from, size_t to);
/* The arrow between two boxes: one, whatever number of ways it stands for. */
struct arrow *arrow_between(struct drawing *drawing, size_t from, size_t to);
/* One more of what it stands for, unless it says so already; empty: nothing. */
void arrow_label(struct arrow *arrow, struct str text);

/* All boxes and arrows are there: give them their sizes. */
void drawing_measure(struct drawing *drawing);

/* --- draw_card.c -------------------------------------------------------------------------- */

/* A key's words in English, variables as {name}. */
struct str draw_words(struct drawing *drawing, struct str key);

/* A state's box. */
size_t card_add(struct drawing *drawing, const struct state_def *state);
