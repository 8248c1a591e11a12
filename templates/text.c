/*
 * Compiling goes tag by tag. A tag that opens or closes a part and stands alone on its line
 * takes the line with it, so that a list can be written the way it will look.
 */
#include "templates/text.h"

#define QUOTE_MAX 40

struct str text_quote(struct str text)
{
    size_t len = text.len < QUOTE_MAX ? text.len : QUOTE_MAX;
    while (len > 0 && len < text.len && ((unsigned char)text.at[len] & 0xC0) == 0x80)
        len--;
    return str_slice(text, 0, len);
}

struct compiler {
    struct arena *into;
    const struct text_source *source;
    size_t at; /* the next byte to read */
    struct step *steps;
    size_t n;
    size_t room;
    uint32_t open[TEXT_DEPTH_MAX]; /* the parts that are open, outermost first */
    unsigned n_open;
    unsigned line;
    struct err *err;
};

static struct step *add_step(struct compiler *c, enum step_kind kind, struct str text)
{
    c->steps = arena_more(c->into, c->steps, c->n, &c->room);
    struct step *step = &c->steps[c->n++];
    *step = (struct step){.kind = kind, .line = c->line, .text = text};
    return step;
}

static void add_words(struct compiler *c, size_t from, size_t to)
{
    if (to > from)
        add_step(c, STEP_TEXT, str_slice(c->source->bytes, from, to - from));
}

static bool is_name_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
}

/* Names joined by single dots; a leading dot, or a dot alone, means the item. */
static bool is_path(struct str path)
{
    if (str_eq(path, STR(".")))
        return true;
    bool after_name = false;
    for (size_t i = 0; i < path.len; i++) {
        if (path.at[i] == '.' && (i == 0 || after_name)) {
            after_name = false;
        } else if (is_name_char(path.at[i])) {
            after_name = true;
        } else {
            return false;
        }
    }
    return after_name;
}

static bool check_path(struct compiler *c, struct str path)
{
    if (is_path(path))
        return true;
    return err_raise(c->err, ERR_REJECT,
                     "\"%.*s\" is no variable's name: use small letters, digits, \"_\" and "
                     "dots between names",
                     STR_ARG(text_quote(path)));
}

static bool compile_value(struct compiler *c, struct str tag)
{
    size_t bar = str_find(tag, STR("|"));
    struct str path = str_trim(str_slice(tag, 0, bar));
    if (!check_path(c, path))
        return false;
    struct step *step = add_step(c, STEP_VALUE, path);
    if (bar == tag.len)
        return true;
    struct str format = str_trim(str_slice(tag, bar + 1, tag.len));
    if (format_find(format, &step->format))
        return true;
    return err_raise(c->err, ERR_REJECT, "there is no format \"%.*s\"; there are: %s",
                     STR_ARG(text_quote(format)), format_names);
}

bool key_next_piece(struct str *rest, struct str *piece, bool *is_path)
{
    if (rest->len == 0)
        return false;
    *is_path = rest->at[0] == '(';
    size_t end = str_find(*rest, *is_path ? STR(")") : STR("("));
    *piece = *is_path ? str_slice(*rest, 1, end - 1) : str_slice(*rest, 0, end);
    *rest = str_slice(*rest, end + (*is_path ? 1 : 0), rest->len);
    return true;
}

static bool compile_key(struct compiler *c, struct str name)
{
    struct str rest = name;
    struct str piece;
    bool piece_is_path;
    size_t opened = 0;
    size_t closed = 0;
    for (size_t i = 0; i < name.len; i++) {
        opened += name.at[i] == '(';
        closed += name.at[i] == ')';
        if (opened < closed || opened > closed + 1)
            break;
    }
    bool good = name.len > 0 && opened == closed;
    while (good && key_next_piece(&rest, &piece, &piece_is_path)) {
        if (piece_is_path)
            good = is_path(piece);
        for (size_t i = 0; good && !piece_is_path && i < piece.len; i++)
            good = is_name_char(piece.at[i]) || piece.at[i] == '.';
    }
    if (!good) {
        return err_raise(c->err, ERR_REJECT,
                         "\"> %.*s\" names no key: write {{> other.key}} or "
                         "{{> status.(variable)}}",
                         STR_ARG(text_quote(name)));
    }
    add_step(c, STEP_KEY, name);
    return true;
}

static bool compile_open(struct compiler *c, enum step_kind kind, struct str path)
{
    if (!check_path(c, path))
        return false;
    if (c->n_open == TEXT_DEPTH_MAX) {
        return err_raise(c->err, ERR_REJECT, "parts stand more than %d deep: use another key",
                         TEXT_DEPTH_MAX);
    }
    c->open[c->n_open++] = (uint32_t)c->n;
    add_step(c, kind, path);
    return true;
}

static bool compile_close(struct compiler *c, struct str path)
{
    struct str open = c->n_open ? c->steps[c->open[c->n_open - 1]].text : STR_NONE;
    if (c->n_open == 0) {
        return err_raise(c->err, ERR_REJECT,
                         "{{/%.*s}} closes a part that was not opened: put {{#%.*s}} or "
                         "{{^%.*s}} before it",
                         STR_ARG(text_quote(path)), STR_ARG(text_quote(path)),
                         STR_ARG(text_quote(path)));
    }
    if (!str_eq(open, path)) {
        return err_raise(c->err, ERR_REJECT,
                         "{{/%.*s}} stands where {{/%.*s}} should: close the inner part first",
                         STR_ARG(text_quote(path)), STR_ARG(text_quote(open)));
    }
    c->steps[c->open[--c->n_open]].end = (uint32_t)c->n;
    return true;
}

static bool compile_tag(struct compiler *c, struct str tag)
{
    struct str rest = str_trim(str_slice(tag, 1, tag.len));
    if (tag.len == 0)
        return err_raise(c->err, ERR_REJECT, "{{}} is empty: name a variable in it");
    switch (tag.at[0]) {
    case '#':
        return compile_open(c, STEP_IF, rest);
    case '^':
        return compile_open(c, STEP_UNLESS, rest);
    case '/':
        return compile_close(c, rest);
    case '>':
        return compile_key(c, rest);
    default:
        return compile_value(c, tag);
    }
}

/* Whether only blanks lie between `from` and the line's end in one direction; `*edge` is then
 * where the line begins, or the next line does. */
static bool is_blank_before(struct str text, size_t from, size_t limit, size_t *edge)
{
    while (from > limit && (text.at[from - 1] == ' ' || text.at[from - 1] == '\t'))
        from--;
    *edge = from;
    return from == 0 || text.at[from - 1] == '\n';
}

static bool is_blank_after(struct str text, size_t from, size_t *edge)
{
    while (from < text.len && (text.at[from] == ' ' || text.at[from] == '\t'))
        from++;
    *edge = from + (from < text.len);
    return from == text.len || text.at[from] == '\n';
}

/* Words up to the tag, the tag, and the rest of its line when it owns the line. */
static bool compile_next(struct compiler *c, size_t open)
{
    struct str bytes = c->source->bytes;
    size_t inside = open + 2;
    size_t len = str_find(str_slice(bytes, inside, bytes.len), STR("}}"));
    size_t close = inside + len;
    if (close >= bytes.len)
        return err_raise(c->err, ERR_REJECT, "{{ is not closed: put }} after the name");
    struct str tag = str_trim(str_slice(bytes, inside, len));
    size_t from = open;
    size_t next = close + 2;
    size_t line_from;
    size_t line_next;
    bool rules = tag.len > 0 && strchr("#^/", tag.at[0]);
    if (rules && is_blank_before(bytes, open, c->at, &line_from) &&
        is_blank_after(bytes, next, &line_next)) {
        from = line_from;
        next = line_next;
    }
    add_words(c, c->at, from);
    c->at = next;
    return compile_tag(c, tag);
}

static void count_lines(struct compiler *c, size_t from, size_t to)
{
    for (size_t i = from; c->source->lines_count && i < to; i++)
        c->line += c->source->bytes.at[i] == '\n';
}

static bool compile_all(struct compiler *c)
{
    struct str bytes = c->source->bytes;
    size_t counted = 0;
    while (c->at < bytes.len) {
        size_t open = c->at + str_find(str_slice(bytes, c->at, bytes.len), STR("{{"));
        size_t stray = c->at + str_find(str_slice(bytes, c->at, bytes.len), STR("}}"));
        size_t at = stray < open ? stray : open;
        count_lines(c, counted, at);
        counted = at;
        if (stray < open) {
            return err_raise(c->err, ERR_REJECT,
                             "}} without {{ before it: add the opening or "
                             "take it out");
        }
        if (open == bytes.len)
            break;
        if (!compile_next(c, open))
            return false;
    }
    add_words(c, c->at, bytes.len);
    if (c->n_open == 0)
        return true;
    const struct step *step = &c->steps[c->open[c->n_open - 1]];
    c->line = step->line;
    return err_raise(c->err, ERR_REJECT,
                     "{{%c%.*s}} is not closed: put {{/%.*s}} where it ends",
                     step->kind == STEP_IF ? '#' : '^', STR_ARG(text_quote(step->text)),
                     STR_ARG(text_quote(step->text)));
}

bool text_compile(struct arena *into, const struct text_source *source, struct text *text,
                  unsigned *line, struct err *err)
{
    struct compiler compiler = {
        .into = into, .source = source, .line = source->first_line, .err = err};
    bool good = compile_all(&compiler);
    *line = compiler.line;
    *text = (struct text){compiler.steps, compiler.n};
    return good;
}
