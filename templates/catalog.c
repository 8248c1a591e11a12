/*
 * Reading a catalog: libyaml's events, one after the other, for they carry line numbers.
 *
 * YAML offers much that a file of words does not need and that goes wrong unseen: a text that
 * ends at a " #", an alias, a second document, a key twice. All of that is refused here with
 * its line and with what to write instead, because the reader of the message is an author and
 * not a programmer.
 */
#include "templates/catalog.h"

#include <yaml.h>

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define KEYS_MAX       10000
#define KEY_MAX        100
#define TEXT_MAX       4096 /* code points: the longest message that a channel takes */

struct reader {
    struct words *words;
    const struct source_file *file;
    enum lang lang;
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    struct err *err;
};

#define REFUSE(reader, line, ...)                                                              \
    (err_raise((reader)->err, ERR_REJECT, __VA_ARGS__), at_line((reader), (line)))

static bool at_line(struct reader *r, size_t line)
{
    return err_wrap(r->err, "%.*s:%zu", STR_ARG(r->file->name), line);
}

static size_t event_line(const struct reader *r)
{
    return r->event.start_mark.line + 1;
}

static struct str scalar_text(const struct reader *r)
{
    return (struct str){(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
}

/* What an author should do about libyaml's complaint. */
static const char *cure_of(const char *problem)
{
    static const struct {
        const char *problem;
        const char *cure;
    } cures[] = {
        {"mapping values are not allowed",   "put a text that has a colon in it into quotes"  },
        {"tab character",                    "indent with spaces"                             },
        {"cannot start any token",           "indent with spaces, and put a text that begins with a sign "
                                   "into quotes"            },
        {"unexpected end of stream",         "close the quotes that open here"                },
        {"unknown escape character",         "in double quotes write \\\\ for a backslash"    },
        {"could not find expected ':'",      "put a colon and a space after the key"          },
        {"did not find expected key",
         "give every line of the map the same indentation, and put "
         "texts into quotes"                                                                  },
        {"control characters",               "take the control character out"                 },
        {"did not find expected ',' or '}'", "put a text that begins with a brace into quotes"},
        {"alphabetic or numeric",            "put a text that begins with a sign into quotes" },
    };
    for (size_t i = 0; i < COUNTOF(cures); i++) {
        if (strstr(problem, cures[i].problem))
            return cures[i].cure;
    }
    return "check the quotes, the colons and the indentation";
}

static bool refuse_yaml(struct reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem ? parser->problem : "out of memory";
    size_t line = parser->problem_mark.line + 1;
    if (strstr(problem, "unexpected end of stream") && parser->context)
        line = parser->context_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < r->file->bytes.len; i++)
            line += r->file->bytes.at[i] == '\n';
    }
    return REFUSE(r, line, "not YAML: %s: %s", problem, cure_of(problem));
}

static bool next_event(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event) == 1;
    return r->has_event || refuse_yaml(r);
}

static bool next_events(struct reader *r, unsigned n)
{
    while (n > 0 && next_event(r))
        n--;
    return n == 0;
}

/* Anchors and tags have no meaning here. */
static bool check_plain(struct reader *r)
{
    const yaml_event_t *event = &r->event;
    bool anchored = false;
    if (event->type == YAML_SCALAR_EVENT)
        anchored = event->data.scalar.anchor || event->data.scalar.tag;
    if (event->type == YAML_MAPPING_START_EVENT)
        anchored = event->data.mapping_start.anchor || event->data.mapping_start.tag;
    if (anchored) {
        return REFUSE(
            r, event_line(r),
            "\"&\" and \"!\" at the beginning have a meaning in YAML that is not used "
            "here: put the text into quotes");
    }
    if (event->type == YAML_ALIAS_EVENT) {
        return REFUSE(r, event_line(r),
                      "\"*\" at the beginning means an alias in YAML, which is not used here: "
                      "put the text into quotes");
    }
    return true;
}

/* The line of the file, without its number. */
static struct str file_line(const struct reader *r, size_t wanted)
{
    struct str rest = r->file->bytes;
    struct str line = STR_NONE;
    for (size_t i = 0; i <= wanted; i++) {
        if (!str_split(&rest, '\n', &line))
            return STR_NONE;
    }
    return line;
}

/* "Order #1001" without quotes is "Order" to YAML: the rest is a comment. */
static bool check_not_cut(struct reader *r)
{
    if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return true;
    struct str line = file_line(r, r->event.end_mark.line);
    size_t at = 0;
    for (size_t column = 0; column < r->event.end_mark.column && at < line.len; column++) {
        at++;
        while (at < line.len && ((unsigned char)line.at[at] & 0xC0) == 0x80)
            at++;
    }
    struct str rest = str_trim(str_slice(line, at, line.len));
    if (rest.len == 0 || rest.at[0] != '#')
        return true;
    return REFUSE(r, r->event.end_mark.line + 1,
                  "what follows \"#\" would be dropped as a comment: put the text into quotes, "
                  "or the comment on a line of its own");
}

static bool check_characters(struct reader *r, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7F)
            return REFUSE(r, event_line(r), "there is a control character: take it out");
    }
    return true;
}

/* Where a text begins in the file: a block begins on the line after its "|", and may have empty
 * lines there. */
static void place_text(const struct reader *r, struct str trimmed, struct text_source *source)
{
    source->first_line = (unsigned)event_line(r);
    source->lines_count = r->event.data.scalar.style == YAML_LITERAL_SCALAR_STYLE;
    if (!source->lines_count)
        return;
    source->first_line++;
    for (const char *at = scalar_text(r).at; at < trimmed.at; at++)
        source->first_line += *at == '\n';
}

static bool compile_form(struct reader *r, struct str key, struct text *text)
{
    if (r->event.type != YAML_SCALAR_EVENT) {
        return REFUSE(r, event_line(r),
                      "%.*s: here should be a text: one that begins with \"{\" or \"[\" must "
                      "stand in quotes",
                      STR_ARG(key));
    }
    if (!check_plain(r) || !check_not_cut(r))
        return false;
    struct str bytes = str_trim(scalar_text(r));
    if (bytes.len == 0) {
        return REFUSE(r, event_line(r), "%.*s has no text: write one, or take the key out",
                      STR_ARG(key));
    }
    if (str_length(bytes) > TEXT_MAX) {
        return REFUSE(r, event_line(r), "%.*s has more than %d characters: make it shorter",
                      STR_ARG(key), TEXT_MAX);
    }
    if (!check_characters(r, bytes))
        return false;
    struct text_source source = {.bytes = arena_str(&r->words->arena, bytes)};
    place_text(r, bytes, &source);
    unsigned line;
    if (text_compile(&r->words->arena, &source, text, &line, r->err))
        return true;
    err_wrap(r->err, "%.*s", STR_ARG(key));
    return at_line(r, line);
}

static bool is_key(struct str key)
{
    bool after_name = false;
    for (size_t i = 0; i < key.len; i++) {
        char ch = key.at[i];
        bool in_name = (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
        if (!in_name && (ch != '.' || !after_name))
            return false;
        after_name = in_name;
    }
    return after_name && key.len <= KEY_MAX;
}

static bool check_form(struct reader *r, struct str key, struct str name,
                       const struct wording *wording, enum plural_form *form)
{
    if (!plural_find(name, form) || !plural_exists(r->lang, *form)) {
        return REFUSE(r, event_line(r),
                      "%.*s: \"%.*s\" is no plural form of this language: take it out",
                      STR_ARG(key), STR_ARG(text_quote(name)));
    }
    if (wording->forms[*form].n > 0) {
        return REFUSE(r, event_line(r), "%.*s has \"%s\" twice: take one out", STR_ARG(key),
                      plural_name(*form));
    }
    return true;
}

/* The number that a map of plural forms is chosen by: "plural: n". */
static bool read_count(struct reader *r, struct str key, struct wording *wording)
{
    if (wording->count.len > 0) {
        return REFUSE(r, event_line(r), "%.*s has \"plural\" twice: take one out",
                      STR_ARG(key));
    }
    struct text text;
    if (!next_event(r) || !compile_form(r, key, &text))
        return false;
    /* A variable's name is a text without braces that could stand between braces. */
    struct str name = str_trim(scalar_text(r));
    struct text_source source = {.bytes =
                                     arena_format(&r->words->arena, "{{%.*s}}", STR_ARG(name))};
    unsigned line;
    bool good = text_compile(&r->words->arena, &source, &text, &line, NULL);
    if (!good || text.n != 1 || text.steps[0].kind != STEP_VALUE ||
        !str_eq(text.steps[0].text, name)) {
        return REFUSE(r, event_line(r),
                      "%.*s: after \"plural:\" comes the name of the variable that counts",
                      STR_ARG(key));
    }
    wording->count = text.steps[0].text;
    return true;
}

static bool read_form(struct reader *r, struct str key, struct wording *wording)
{
    if (r->event.type != YAML_SCALAR_EVENT) {
        return REFUSE(r, event_line(r),
                      "%.*s: a text that begins with \"{{\" must stand in quotes",
                      STR_ARG(key));
    }
    if (!check_plain(r))
        return false;
    if (str_eq(scalar_text(r), STR("plural")))
        return read_count(r, key, wording);
    enum plural_form form;
    if (!check_form(r, key, scalar_text(r), wording, &form))
        return false;
    return next_event(r) && compile_form(r, key, &wording->forms[form]);
}

static bool check_forms(struct reader *r, struct str key, const struct wording *wording)
{
    if (wording->count.len == 0) {
        return REFUSE(r, wording->line,
                      "%.*s: a map needs a line \"plural: VARIABLE\"; a text that begins with "
                      "\"{{\" must stand in quotes; keys are written with dots, not nested",
                      STR_ARG(key));
    }
    for (unsigned i = 0; i < PLURAL_COUNT; i++) {
        if (wording->forms[i].n == 0 && plural_is_needed(r->lang, (enum plural_form)i)) {
            return REFUSE(
                r, wording->line,
                "%.*s lacks the plural form \"%s\", which this language needs: add it",
                STR_ARG(key), plural_name((enum plural_form)i));
        }
    }
    return true;
}

static bool read_forms(struct reader *r, struct str key, struct wording *wording)
{
    if (!check_plain(r) || !next_event(r))
        return false;
    while (r->event.type != YAML_MAPPING_END_EVENT) {
        if (!read_form(r, key, wording) || !next_event(r))
            return false;
    }
    return check_forms(r, key, wording);
}

static bool check_key(struct reader *r, struct str key)
{
    if (r->words->n >= KEYS_MAX)
        return REFUSE(r, event_line(r), "there are more than %d keys: take some out", KEYS_MAX);
    if (is_key(key))
        return true;
    return REFUSE(r, event_line(r),
                  "\"%.*s\" is no key: use small letters, digits and \"_\", with dots between "
                  "names, at most %d",
                  STR_ARG(text_quote(key)), KEY_MAX);
}

/* "key: text" or "key: {plural: ...}". */
static bool read_key(struct reader *r)
{
    if (r->event.type != YAML_SCALAR_EVENT) {
        return REFUSE(
            r, event_line(r),
            "here should be a key: a text that begins with \"{\", \"[\" or \"*\" must "
            "stand in quotes after its key");
    }
    struct str name = scalar_text(r);
    if (!check_plain(r) || !check_key(r, name))
        return false;
    struct entry *entry = words_entry(r->words, name);
    struct wording *wording = &entry->in[r->lang];
    if (wording_is_given(wording)) {
        return REFUSE(r, event_line(r), "%.*s stands at %.*s:%u already: take one out",
                      STR_ARG(entry->key), STR_ARG(wording->file), wording->line);
    }
    wording->file = r->words->files[r->lang];
    if (!str_eq(wording->file, r->file->name))
        wording->file = arena_str(&r->words->arena, r->file->name);
    wording->line = (unsigned)event_line(r);
    if (!next_event(r))
        return false;
    if (r->event.type == YAML_MAPPING_START_EVENT)
        return read_forms(r, entry->key, wording);
    return compile_form(r, entry->key, &wording->forms[PLURAL_OTHER]);
}

static bool read_document(struct reader *r)
{
    if (!next_events(r, 2)) /* the stream begins, the document begins */
        return false;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return REFUSE(r, 1, "the file is empty: write lines \"key: text\"");
    if (!next_event(r))
        return false;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return REFUSE(r, event_line(r), "here should be lines \"key: text\"");
    if (!check_plain(r) || !next_event(r))
        return false;
    while (r->event.type != YAML_MAPPING_END_EVENT) {
        if (!read_key(r) || !next_event(r))
            return false;
    }
    if (!next_events(r, 2)) /* the document ends, the stream ends */
        return false;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return REFUSE(r, event_line(r), "\"---\" begins a second document: take it out");
    return true;
}

/* libyaml would guess at other encodings. */
static bool check_encoding(struct reader *r)
{
    struct str rest = r->file->bytes;
    struct str line;
    if (rest.len > FILE_MAX_BYTES)
        return REFUSE(r, 1, "the file is larger than %zu bytes: divide it", FILE_MAX_BYTES);
    for (size_t n = 1; str_split(&rest, '\n', &line); n++) {
        if (!str_is_utf8(line))
            return REFUSE(r, n, "this line is not UTF-8: save the file in that encoding");
    }
    return true;
}

/* "messages/pl.yaml" and "messages/orders.pl.yaml" are Polish. */
static bool lang_of_file(struct str name, enum lang *lang)
{
    struct str rest = name;
    struct str piece;
    struct str base = name;
    while (str_split(&rest, '/', &piece))
        base = piece;
    if (!str_ends(base, STR(".yaml")))
        return false;
    rest = str_slice(base, 0, base.len - 5);
    base = STR_NONE;
    while (str_split(&rest, '.', &piece))
        base = piece;
    return base.len == 2 && lang_parse(base, lang) && str_eq(base, str_from(lang_code(*lang)));
}

bool catalog_read(struct words *words, const struct source_file *file, struct err *err)
{
    struct reader r = {.words = words, .file = file, .err = err};
    if (!lang_of_file(file->name, &r.lang)) {
        return err_raise(err, ERR_REJECT,
                         "%.*s: the name should end in the language, en.yaml, es.yaml, pl.yaml "
                         "or ar.yaml: rename the file",
                         STR_ARG(file->name));
    }
    if (!check_encoding(&r))
        return false;
    if (words->files[r.lang].len == 0)
        words->files[r.lang] = arena_str(&words->arena, file->name);
    if (!yaml_parser_initialize(&r.parser))
        return err_raise(err, ERR_RETRY, "libyaml: out of memory");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)file->bytes.at,
                                 file->bytes.len);
    bool good = read_document(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return good;
}
