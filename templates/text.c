/*
 * Compiling goes tag by tag. A tag that opens or closes a part and stands alone on its line
 * takes the line with it, so that a list can be written the way it will look.
 *
 * Rendering walks the steps. In a right-to-left text, a value that runs the other way (an order
 * number, a phone number, a street) stands between the marks FIRST STRONG ISOLATE and POP
 * DIRECTIONAL ISOLATE, and so does an Arabic name in a left-to-right text: else the characters
 * beside it would change places. What people wrote may not bring such marks of its own, and no
 * control characters.
 */
#include "templates/text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#define ISOLATE     STR("\xE2\x81\xA8") /* U+2068 */
#define ISOLATE_END STR("\xE2\x81\xA9") /* U+2069 */

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
    if (c->n == c->room) {
        size_t room = c->room ? c->room * 2 : 8;
        struct step *grown = arena_array(c->into, struct step, room);
        if (c->n > 0)
            memcpy(grown, c->steps, c->n * sizeof(*grown));
        c->steps = grown;
        c->room = room;
    }
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

/* --- rendering --------------------------------------------------------------------------- */

struct value scene_value(const struct scene *scene, struct str path)
{
    if (path.len == 0 || path.at[0] != '.')
        return record_path(scene->values, path);
    if (path.len == 1)
        return scene->item;
    if (scene->item.kind != VALUE_RECORD)
        return value_none();
    return record_path(scene->item.record, str_slice(path, 1, path.len));
}

/* Whether there is something to say of a value. Money is, even when it is nothing: a delivery
 * for 0.00 is news. */
static bool is_there(struct value value)
{
    switch (value.kind) {
    case VALUE_NONE:
        return false;
    case VALUE_BOOL:
        return value.yes;
    case VALUE_INT:
        return value.number != 0;
    case VALUE_TEXT:
        return value.text.len > 0;
    case VALUE_LIST:
        return value.list && value.list->n > 0;
    case VALUE_RECORD:
        return value.record != NULL;
    case VALUE_MONEY:
    case VALUE_TIME:
        return true;
    }
    return false;
}

/* Which ways a text's characters run. */
struct directions {
    bool ltr;      /* letters of left-to-right scripts */
    bool rtl;      /* letters of right-to-left scripts; the invisible marks do not count */
    size_t digits; /* how many */
};

static void note_direction(struct directions *found, UChar32 ch)
{
    const UChar32 left_mark = 0x200E;
    const UChar32 right_mark = 0x200F;
    const UChar32 arabic_mark = 0x061C;
    UCharDirection direction = u_charDirection(ch);
    if (ch == left_mark || ch == right_mark || ch == arabic_mark)
        return;
    if (direction == U_LEFT_TO_RIGHT)
        found->ltr = true;
    if (direction == U_RIGHT_TO_LEFT || direction == U_RIGHT_TO_LEFT_ARABIC)
        found->rtl = true;
    found->digits += direction == U_EUROPEAN_NUMBER;
}

static struct directions directions_of(struct str text)
{
    struct directions found = {0};
    int32_t at = 0;
    while (at < (int32_t)text.len) {
        UChar32 ch;
        U8_NEXT((const uint8_t *)text.at, at, (int32_t)text.len, ch);
        if (ch >= 0)
            note_direction(&found, ch);
    }
    return found;
}

/* Whether a value in a text of this language would disturb it, or be disturbed. An address of
 * the web stays bare: some phones take the closing mark for a part of the link. */
static bool needs_isolation(enum lang lang, struct value value, struct str shown)
{
    if (str_starts(shown, STR("https://")) || str_starts(shown, STR("http://")))
        return false;
    struct directions found = directions_of(shown);
    if (!lang_is_rtl(lang))
        return found.rtl;
    return found.ltr ||
           (value.kind == VALUE_TEXT && found.digits > 0 && found.digits < shown.len);
}

/* The length of a mark at `at` that may not come from outside: the bidi embeddings, overrides
 * and isolates (U+202A-202E, U+2066-2069) and control characters but tab and line feed. */
static size_t unwanted(struct str text, size_t at)
{
    const unsigned char *byte = (const unsigned char *)text.at + at;
    if ((*byte < 0x20 && *byte != '\n' && *byte != '\t') || *byte == 0x7F)
        return 1;
    if (*byte != 0xE2 || at + 2 >= text.len)
        return 0;
    bool embedding = byte[1] == 0x80 && byte[2] >= 0xAA && byte[2] <= 0xAE;
    bool isolate = byte[1] == 0x81 && byte[2] >= 0xA6 && byte[2] <= 0xA9;
    return embedding || isolate ? 3 : 0;
}

static struct str without_marks(struct arena *into, struct str text)
{
    size_t at = 0;
    while (at < text.len && unwanted(text, at) == 0)
        at++;
    if (at == text.len)
        return text;
    char *clean = arena_alloc(into, text.len);
    memcpy(clean, text.at, at);
    size_t len = at;
    while (at < text.len) {
        size_t skip = unwanted(text, at);
        if (skip == 0)
            clean[len++] = text.at[at++];
        at += skip;
    }
    return (struct str){clean, len};
}

/*
 * WhatsApp shows *bold*, _italic_, ~struck~ and `fixed` where such a sign stands at the edge of
 * a word, so a customer's "*free*" would look like ours, and "size ~40, ~45" would be struck
 * through. Signs at an edge become their look-alikes, which no channel reads as markup. Signs
 * between letters or digits mark nothing up anywhere ("A_12", "2*3") and stay, so that numbers
 * can be copied. An invisible character beside the sign would read as well but is no sure cure
 * (clients differ in what they take for an edge) and would be copied along unseen.
 */
static struct str look_alike(char sign)
{
    switch (sign) {
    case '*':
        return STR("\u2217");
    case '_':
        return STR("\u02CD");
    case '~':
        return STR("\u223C");
    case '`':
        return STR("\u02CB");
    default:
        return STR_NONE;
    }
}

static bool is_within_word(struct str text, size_t at)
{
    UChar32 before = 0;
    UChar32 after = 0;
    int32_t back = (int32_t)at;
    int32_t on = (int32_t)at + 1;
    if (at == 0 || at + 1 >= text.len)
        return false;
    U8_PREV((const uint8_t *)text.at, 0, back, before);
    U8_NEXT((const uint8_t *)text.at, on, (int32_t)text.len, after);
    return before >= 0 && after >= 0 && u_isalnum(before) && u_isalnum(after);
}

static struct str without_markup(struct arena *into, struct str text)
{
    struct out plain;
    size_t from = 0;
    if (str_starts(text, STR("https://")) || str_starts(text, STR("http://")))
        return text;
    for (size_t at = 0; at < text.len; at++) {
        struct str instead = look_alike(text.at[at]);
        if (instead.len == 0 || is_within_word(text, at))
            continue;
        if (from == 0)
            out_init(&plain, into, text.len + 8);
        out_add(&plain, str_slice(text, from, at - from));
        out_add(&plain, instead);
        from = at + 1;
    }
    if (from == 0)
        return text;
    out_add(&plain, str_slice(text, from, text.len));
    return out_text(&plain);
}

/* What comes from outside is only ever shown: it turns no text around and marks nothing up. */
static struct str tame(struct arena *into, struct str text)
{
    return without_markup(into, without_marks(into, text));
}

static void render_value(struct out *out, const struct step *step, struct scene *scene)
{
    struct value value = scene_value(scene, step->text);
    if (value.kind == VALUE_TEXT)
        value.text = tame(out->into, value.text);
    size_t from = out->len;
    if (!format_value(out, scene->locale, value, step->format))
        scene->missing = true;
    struct str shown = str_slice(out_text(out), from, out->len - from);
    if (shown.len == 0 || !needs_isolation(scene->locale->lang, value, shown))
        return;
    out_reserve(out, ISOLATE.len + ISOLATE_END.len);
    memmove(out->at + from + ISOLATE.len, out->at + from, shown.len);
    memcpy(out->at + from, ISOLATE.at, ISOLATE.len);
    out->len += ISOLATE.len;
    out_add(out, ISOLATE_END);
}

/* A name whose values lead to no key, such as a status that a business made up: its last value
 * is shown as it is, because a bare word is better than none. */
static void render_unknown(struct out *out, struct value last)
{
    if (last.kind != VALUE_TEXT)
        return;
    char *words = arena_alloc(out->into, last.text.len + 1);
    for (size_t i = 0; i < last.text.len; i++)
        words[i] = (char)(last.text.at[i] == '_' ? ' ' : last.text.at[i]);
    out_add(out, without_markup(out->into, (struct str){words, last.text.len}));
}

static void render_key(struct out *out, const struct step *step, struct scene *scene)
{
    struct out name;
    struct str rest = step->text;
    struct str piece;
    bool piece_is_path;
    struct value last = value_none();
    out_init(&name, out->into, 0);
    while (key_next_piece(&rest, &piece, &piece_is_path)) {
        if (!piece_is_path) {
            out_add(&name, piece);
            continue;
        }
        last = scene_value(scene, piece);
        if (last.kind == VALUE_TEXT)
            last.text = without_marks(out->into, last.text);
        (void)format_value(&name, scene->locale, last, FORMAT_TEXT);
    }
    if (scene->depth < TEXT_DEPTH_MAX && words_render_into(out, out_text(&name), scene))
        return;
    scene->missing = true;
    render_unknown(out, last);
}

static void render_steps(struct out *out, const struct text *text, size_t from, size_t to,
                         struct scene *scene);

static void render_part(struct out *out, const struct text *text, size_t at,
                        struct scene *scene)
{
    const struct step *step = &text->steps[at];
    struct value value = scene_value(scene, step->text);
    struct value outer = scene->item;
    if (value.kind == VALUE_LIST && value.list) {
        for (size_t i = 0; i < value.list->n; i++) {
            scene->item = value.list->items[i];
            render_steps(out, text, at + 1, step->end, scene);
        }
    } else if (is_there(value)) {
        if (value.kind == VALUE_RECORD)
            scene->item = value;
        render_steps(out, text, at + 1, step->end, scene);
    }
    scene->item = outer;
}

static void render_steps(struct out *out, const struct text *text, size_t from, size_t to,
                         struct scene *scene)
{
    for (size_t i = from; i < to; i++) {
        const struct step *step = &text->steps[i];
        switch (step->kind) {
        case STEP_TEXT:
            out_add(out, step->text);
            break;
        case STEP_VALUE:
            render_value(out, step, scene);
            break;
        case STEP_KEY:
            render_key(out, step, scene);
            break;
        case STEP_IF:
            render_part(out, text, i, scene);
            i = step->end - 1;
            break;
        case STEP_UNLESS:
            if (is_there(scene_value(scene, step->text)))
                i = step->end - 1;
            break;
        }
    }
}

void text_render(struct out *out, const struct text *text, struct scene *scene)
{
    render_steps(out, text, 0, text->n, scene);
}
