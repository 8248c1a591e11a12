/*
 * Sentences whose meaning is known: what is learnt from, and what is held back to judge by.
 *
 * They come as JSON lines, {"text", "lang", "intent", "source"}, or as text: a line at the
 * margin names an intent, those below it are sentences, in the language that the file is named
 * after (es.txt; other.txt has those of none of ours). Braces hold choices, "{quiero|necesito}
 * cancelar": each choice stands in some sentence that is made of the line.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "flows/understand/features.h"
#include "templates/words.h"

#include <linear.h>

enum {
    ROW_LANG_OTHER = LANG_COUNT,
    ROW_LANGS = LANG_COUNT + 1,
    ROW_LABELS_MAX = 40,
    ROW_FOLDS = 5
};

/* What a row is for. */
enum row_part {
    ROW_LEARNT,
    ROW_HELD,  /* like what is learnt, but of groups of its own: judged by, then learnt */
    ROW_JUDGED /* never learnt from */
};

struct row {
    struct str text, source;
    struct str label; /* empty: only its language is known */
    unsigned lang;    /* enum lang or ROW_LANG_OTHER */
    enum row_part part;
    bool own;
    bool slip;    /* made from another row, with a slip of the finger */
    size_t group; /* rows that resemble each other, or are made of one line */
    struct feature_node *nodes;
};

struct rows {
    struct arena arena;
    struct row *items;
    size_t n, room;
    size_t n_left_out;                 /* by rows_group */
    struct str labels[ROW_LABELS_MAX]; /* in the order of their bytes */
    size_t n_labels;
};

/* `file`.jsonl or LANG.txt. `own`: sentences written for this. */
MUST_USE bool rows_read(struct rows *rows, const char *file, enum row_part part, bool own,
                        struct err *err);

/* A whole file, in `into`. */
MUST_USE bool rows_file(struct arena *into, const char *name, struct str *bytes,
                        struct err *err);

/* False when there are too many. */
MUST_USE bool rows_add_label(struct rows *rows, struct str label);

/* Where a label stands; n_labels when it is none. */
size_t rows_label(const struct rows *rows, struct str label);

/*
 * Finds what resembles what (three of five words are shared), and leaves out what resembles a
 * row that is only judged by. Rows of one line belong together.
 */
void rows_group(struct rows *rows);

/* Holds back the parts of the groups from `from` to before `to`, of ROW_FOLDS, and no more. */
void rows_hold_back(struct rows *rows, size_t from, size_t to);

/* One slip of the finger for each sentence of our own, and some letters that mean nothing. */
void rows_add_slips(struct rows *rows);

/* Whether a model is asked about the row, whose answer it has not learnt. */
static inline bool row_is_asked(const struct row *row)
{
    return row->part != ROW_LEARNT && !row->slip;
}

/* Reads the features of all rows. */
void rows_look(struct rows *rows);
