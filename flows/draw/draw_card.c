/*
 * A state's card: what it looks up, what it says, what it asks and what can be tapped.
 */
#include "flows/draw/inside.h"

enum { WORDS_WIDTH = CARD_WIDTH - 2 * CARD_EDGE - 16, SAID_LINES = 4 };

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

size_t card_add(struct drawing *drawing, const struct state_def *state)
{
    size_t box = box_add(drawing, kind_of(state), state->name);

    for (size_t i = 0; i < state->n_loads; i++)
        box_meta(drawing, box, "looks up", str_from(state->loads[i].part->name));
    if (state->end.kind == MOVE_ACTION)
        box_meta(drawing, box, "does", str_from(state->end.action->name));
    if (drawing->boxes[box].n_lines > 0 && (state->says.n > 0 || state->prompt.kind))
        box_line(drawing, box, LINE_GAP, STR_NONE);
    said_lines(drawing, box, &state->says);
    if (state->prompt.kind != PROMPT_NONE)
        prompt_lines(drawing, box, &state->prompt);
    return box;
}
