/*
 * One text with holes in it: compiled when a catalog is read, filled in when something is said.
 *
 *     {{path}}  {{path | format}}     a value
 *     {{#path}} ... {{/path}}         said when there is such a value; over a list, once per
 * item
 *     {{^path}} ... {{/path}}         said when there is none
 *     {{> other.key}}                 another text of the same language, with the same values;
 *     {{> status.(kind).(status)}}    parts of its name may be values
 *
 * A path that begins with a dot belongs to the item of the list (or to the record) that the
 * text stands in. A compiled text is a flat list of steps; a value is copied, never read again,
 * so braces in what people wrote mean nothing.
 */
#pragma once

#include "templates/format.h"

enum step_kind { STEP_TEXT, STEP_VALUE, STEP_IF, STEP_UNLESS, STEP_KEY };

struct step {
    enum step_kind kind;
    enum format format;
    unsigned line;   /* in the file */
    uint32_t end;    /* IF, UNLESS: the step after the part that it rules */
    struct str text; /* TEXT: the words; VALUE, IF, UNLESS: the path; KEY: the name */
};

struct text {
    const struct step *steps;
    size_t n;
};

/* The beginning of what an author wrote, for an error message; whole characters. */
struct str text_quote(struct str text);

/* Why and where a text could not be compiled; `line` counts from `first_line`. */
struct text_source {
    struct str bytes;
    unsigned first_line;
    bool lines_count; /* whether the text's line breaks are the file's (a block) */
};

/* ERR_REJECT with the reason only; `*line` says where. */
MUST_USE bool text_compile(struct arena *into, const struct text_source *source,
                           struct text *text, unsigned *line, struct err *err);

/* What a rendering knows. */
struct scene {
    const struct words *words;
    const struct locale *locale;
    const struct record *values;
    struct value item; /* what a leading dot means */
    unsigned depth;    /* of texts within texts */
    unsigned texts;    /* how many have been called in, all told */
    bool missing;
};

void text_render(struct out *out, const struct text *text, struct scene *scene);

/* The value of a path, as the texts see it. */
struct value scene_value(const struct scene *scene, struct str path);

/* Another key's text in the scene's language (or English), for STEP_KEY. In words.c. */
bool words_render_into(struct out *out, struct str key, struct scene *scene);

/* The name that a STEP_KEY means: cut it piece by piece. `is_path` tells a value's path, which
 * stood in parentheses, from plain letters. False at the end. */
bool key_next_piece(struct str *rest, struct str *piece, bool *is_path);

#define TEXT_DEPTH_MAX  8    /* parts within parts, texts within texts */
#define SCENE_TEXTS_MAX 1000 /* a list may call one in for each item, and no more */
