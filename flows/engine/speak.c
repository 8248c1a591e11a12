/*
 * Speaking: from keys to messages.
 *
 * What is said gathers in one text; the prompt that follows takes it along as the beginning of
 * its own body where that fits, so that a turn is usually one message. Where it does not fit,
 * what was said goes ahead on its own.
 */
#include "flows/engine/turn.h"

enum {
    TEXT_MAX = 4096,
    LIST_BODY_MAX = 4096,
    BODY_MAX = 1024, /* buttons and links */
    ROW_TITLE_MAX = 24,
    ROW_HINT_MAX = 72,
    BUTTON_MAX = 20,
    BUTTONS_MAX = 3
};

/* --- values in scope ---------------------------------------------------------------------- */

static struct value step_into(struct value value, struct str name)
{
    int64_t index;

    if (value.kind == VALUE_RECORD)
        return record_get(value.record, name);
    if (value.kind == VALUE_LIST && str_to_int(name, &index) && index >= 0 &&
        (uint64_t)index < value.list->n)
        return value.list->items[index];
    return value_none();
}

static struct value first_piece(const struct flow_turn *turn, const struct record *row,
                                struct str name)
{
    const struct record *parts[] = {row, record_built(&turn->kept.now.vars),
                                    record_built(&turn->loaded), turn->facts};

    for (size_t i = 0; i < COUNTOF(parts); i++) {
        struct value value = record_get(parts[i], name);

        if (value.kind != VALUE_NONE)
            return value;
    }
    return value_none();
}

struct value turn_value(const struct flow_turn *turn, const struct record *row, struct str path)
{
    struct str rest = path;
    struct str piece;
    struct value value;

    if (!str_split(&rest, '.', &piece))
        return value_none();
    value = first_piece(turn, row, piece);
    while (str_split(&rest, '.', &piece))
        value = step_into(value, piece);
    return value;
}

struct value turn_expr(const struct flow_turn *turn, const struct expr *expr)
{
    return expr->is_path ? turn_value(turn, NULL, expr->path) : expr->literal;
}

/* Everything in scope as one record, for the renderer; what stands first wins. */
static const struct record *scope_of(struct flow_turn *turn, const struct record *row)
{
    const struct record *parts[] = {row, record_built(&turn->kept.now.vars),
                                    record_built(&turn->loaded), turn->facts};
    struct record *scope = arena_new(turn->arena, struct record);
    struct field *fields;
    size_t n = 0;

    for (size_t i = 0; i < COUNTOF(parts); i++)
        n += parts[i] ? parts[i]->n : 0;
    fields = arena_array(turn->arena, struct field, n + 1);
    scope->fields = fields;
    for (size_t i = 0; i < COUNTOF(parts); i++) {
        if (!parts[i] || parts[i]->n == 0)
            continue;
        memcpy(fields + scope->n, parts[i]->fields, parts[i]->n * sizeof(*fields));
        scope->n += parts[i]->n;
    }
    return scope;
}

/* --- words -------------------------------------------------------------------------------- */

static struct str piece_text(struct flow_turn *turn, struct value value)
{
    switch (value.kind) {
    case VALUE_TEXT:
        return value.text;
    case VALUE_INT:
        return arena_format(turn->arena, "%lld", (long long)value.number);
    default:
        return STR_NONE;
    }
}

/* The same without a trace: titles of rows and buttons are told by their prompt. */
static struct str title_words(struct flow_turn *turn, struct str key, const struct record *row)
{
    bool missing = false;
    struct str text = words_render(turn->arena, turn->book->words, &turn->locale, key,
                                   scope_of(turn, row), &missing);

    if (missing && !turn->result.missing.len)
        turn->result.missing = key;
    return str_trim(text);
}

/* The words of a key, with what is in scope. */
static struct str words_of(struct flow_turn *turn, struct str key, const struct record *row)
{
    trace_words(&turn->trace, key);
    return title_words(turn, key, row);
}

/* --- gathering ---------------------------------------------------------------------------- */

static void text_room(struct flow_turn *turn, size_t more)
{
    size_t room = turn->text_room ? turn->text_room : 512;
    char *text;

    if (turn->text_len + more <= turn->text_room)
        return;
    while (room < turn->text_len + more)
        room *= 2;
    text = arena_alloc(turn->arena, room);
    if (turn->text_len)
        memcpy(text, turn->text, turn->text_len);
    turn->text = text;
    turn->text_room = room;
}

static void text_add(struct flow_turn *turn, struct str text, bool close)
{
    const char *between = turn->text_len == 0 ? "" : close ? "\n" : "\n\n";
    size_t gap = strlen(between);

    if (text.len == 0)
        return;
    text_room(turn, gap + text.len);
    memcpy(turn->text + turn->text_len, between, gap);
    memcpy(turn->text + turn->text_len + gap, text.at, text.len);
    turn->text_len += gap + text.len;
}

static void say_each(struct flow_turn *turn, const struct saying *saying,
                     const struct record *outer);
static void say_file(struct flow_turn *turn, const struct saying *saying,
                     const struct record *row);
static void link_add(struct flow_turn *turn, struct str body, struct value url,
                     struct str label);

static void say_one(struct flow_turn *turn, const struct saying *saying,
                    const struct record *row)
{
    if (saying->when.len) {
        struct value when = turn_value(turn, row, saying->when);

        if (!guard_kind_find(STR("some"))->holds(when, STR_NONE, turn->in->now))
            return;
    }
    if (saying->each.len) {
        say_each(turn, saying, row);
    } else if (saying->link.len) {
        link_add(turn, words_of(turn, saying->key, row), turn_value(turn, row, saying->link),
                 saying->label);
    } else {
        text_add(turn, words_of(turn, saying->key, row), saying->close);
    }
}

static void say_each(struct flow_turn *turn, const struct saying *saying,
                     const struct record *outer)
{
    struct value rows = turn_value(turn, outer, saying->each);

    if (rows.kind != VALUE_LIST)
        return;
    for (size_t i = 0; i < rows.list->n; i++) {
        const struct record *row =
            rows.list->items[i].kind == VALUE_RECORD ? rows.list->items[i].record : NULL;

        if (saying->image.len || saying->document.len) {
            say_file(turn, saying, row);
        } else {
            text_add(turn, words_of(turn, saying->key, row), saying->close);
        }
        for (size_t j = 0; j < saying->n_lines; j++)
            say_one(turn, &saying->lines[j], row);
    }
}

void turn_say(struct flow_turn *turn, const struct sayings *sayings)
{
    for (size_t i = 0; i < sayings->n; i++)
        say_one(turn, &sayings->items[i], NULL);
}

void turn_say_key(struct flow_turn *turn, struct str key)
{
    text_add(turn, words_of(turn, key, NULL), false);
}

/* --- replies ------------------------------------------------------------------------------ */

static struct reply *reply_add(struct flow_turn *turn, enum reply_kind kind, struct str body)
{
    size_t last = REPLIES_MAX - 1;
    size_t at = turn->result.n_replies < last ? turn->result.n_replies : last;

    turn->result.n_replies = at + 1;
    turn->replies[at] = (struct reply){
        .kind = kind, .language = str_from(lang_code(turn->locale.lang)), .body = body};
    return &turn->replies[at];
}

/* How many bytes of `text` make one message: up to a paragraph's end, else a line's, where
 * one is near enough. */
static size_t message_end(struct str text)
{
    size_t points = 0;
    size_t end = 0;
    size_t paragraph = 0;
    size_t line = 0;

    for (; end < text.len; end++) {
        bool begins = ((unsigned char)text.at[end] & 0xC0) != 0x80;

        if (begins && points++ == TEXT_MAX)
            break;
        if (text.at[end] == '\n') {
            line = end;
            if (end + 1 < text.len && text.at[end + 1] == '\n')
                paragraph = end;
        }
    }
    if (end == text.len)
        return end;
    if (paragraph > end / 2)
        return paragraph;
    return line > end / 2 ? line : end;
}

void turn_flush(struct flow_turn *turn)
{
    struct str rest = {turn->text, turn->text_len};

    turn->text_len = 0;
    turn->text = NULL;
    turn->text_room = 0;
    for (rest = str_trim(rest); rest.len > 0; rest = str_trim(rest)) {
        size_t end = message_end(rest);

        reply_add(turn, REPLY_TEXT, str_trim(str_slice(rest, 0, end)));
        rest = str_slice(rest, end, rest.len);
    }
}

static struct str row_text(struct flow_turn *turn, const struct record *row, struct str path)
{
    struct value value = path.len ? turn_value(turn, row, path) : (struct value){0};

    return value.kind == VALUE_TEXT ? value.text : STR_NONE;
}

/* A picture or document is a message of its own, with its words below; one that is nowhere is
 * told of. */
static void say_file(struct flow_turn *turn, const struct saying *saying,
                     const struct record *row)
{
    struct str url = row_text(turn, row, saying->image);
    struct str document = row_text(turn, row, saying->document);
    struct str filename = row_text(turn, row, saying->filename);
    struct str words = words_of(turn, saying->key, row);
    struct reply *reply;

    if (url.len == 0 && document.len == 0) {
        text_add(turn, words, false);
        return;
    }
    turn_flush(turn);
    reply = reply_add(turn, filename.len ? REPLY_DOCUMENT : REPLY_IMAGE,
                      str_cut(turn->arena, words, BODY_MAX));
    reply->url = url;
    reply->document = document;
    reply->filename = filename;
}

/* The prompt's reply, with what was said before in front of its own words if both fit. */
static struct reply *ask_with(struct flow_turn *turn, enum reply_kind kind, struct str body,
                              size_t max)
{
    struct str said = {turn->text, turn->text_len};

    if (str_length(said) + 2 + str_length(body) > max)
        turn_flush(turn);
    text_add(turn, body, false);
    said = arena_str(turn->arena, (struct str){turn->text, turn->text_len});
    turn->text_len = 0;
    return reply_add(turn, kind, str_cut(turn->arena, said, max));
}

/* A link that leads nowhere is only words. */
static void link_add(struct flow_turn *turn, struct str body, struct value url,
                     struct str label)
{
    struct reply *reply;

    if (url.kind != VALUE_TEXT || url.text.len == 0) {
        text_add(turn, body, false);
        return;
    }
    reply = ask_with(turn, REPLY_LINK, body, BODY_MAX);
    reply->url = url.text;
    reply->label = str_cut(turn->arena, words_of(turn, label, NULL), BUTTON_MAX);
}

/* --- options ------------------------------------------------------------------------------ */

struct options {
    struct reply_option items[ROWS_MAX];
    size_t n;
};

static struct str option_id(struct flow_turn *turn, enum option_kind kind, struct str key)
{
    const struct kept *kept = &turn->kept;
    const struct prompt *prompt = &kept->now.at->prompt;
    struct prompt_id id = {
        .version = {turn->book->version_hex, 8},
        .flow = kept->now.flow->name,
        .state = kept->now.at->name,
        .number = kept->number,
        .n_carries = prompt->n_carries,
        .kind = kind,
        .key = key
    };
    struct str text;

    for (size_t i = 0; i < prompt->n_carries; i++)
        id.carries[i] = piece_text(turn, turn_value(turn, NULL, prompt->carries[i]));
    text = prompt_id_encode(turn->arena, &id);
    if (text.len)
        return text;
    id.kind = OPTION_INDEX;
    id.key = arena_format(turn->arena, "%zu", kept->n_shown);
    return prompt_id_encode(turn->arena, &id);
}

static void option_add(struct flow_turn *turn, struct options *options, enum option_kind kind,
                       struct str key, struct str title, struct str hint)
{
    struct kept *kept = &turn->kept;
    struct reply_option *option;

    if (options->n == ROWS_MAX)
        return;
    option = &options->items[options->n++];
    option->id = option_id(turn, kind, key);
    option->title = title;
    option->description = hint;
    kept->shown[kept->n_shown++] = (struct shown){kind, arena_str(turn->arena, key), title};
}

static struct str hint_of(struct flow_turn *turn, struct str key, const struct record *row)
{
    if (!key.len || !words_has(turn->book->words, key))
        return STR_NONE;
    return str_cut(turn->arena, title_words(turn, key, row), ROW_HINT_MAX);
}

static bool is_something(struct value value)
{
    return guard_kind_find(STR("some"))->holds(value, STR_NONE, 0);
}

/* Of buttons the first three that are there. */
static void add_choices(struct flow_turn *turn, struct options *options, size_t title_max)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;

    for (size_t i = 0; i < prompt->n_choices; i++) {
        const struct choice *choice = &prompt->choices[i];
        struct str title;

        if (choice->when.len && !is_something(turn_value(turn, NULL, choice->when)))
            continue;
        if (prompt->kind == PROMPT_BUTTONS && options->n == BUTTONS_MAX)
            return;
        title = str_cut(turn->arena, title_words(turn, choice->title, NULL), title_max);
        struct str hint =
            prompt->kind == PROMPT_LIST ? hint_of(turn, choice->hint, NULL) : STR_NONE;

        option_add(turn, options, OPTION_CHOICE, choice->name, title, hint);
    }
}

static void add_row(struct flow_turn *turn, struct options *options, struct value item)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    struct str key;

    if (item.kind != VALUE_RECORD)
        return;
    key = piece_text(turn, record_get(item.record, prompt->key));
    if (!key.len)
        return;
    option_add(turn, options, OPTION_ROW, key,
               str_cut(turn->arena, title_words(turn, prompt->row, item.record), ROW_TITLE_MAX),
               hint_of(turn, prompt->hint, item.record));
}

static void add_page_turner(struct flow_turn *turn, struct options *options, size_t offset,
                            struct str key)
{
    option_add(turn, options, OPTION_OFFSET, arena_format(turn->arena, "%zu", offset),
               str_cut(turn->arena, title_words(turn, key, NULL), ROW_TITLE_MAX), STR_NONE);
}

/*
 * The rows of one page. The first page gives one place to More; later ones give one to Previous
 * too; so a page's offset tells where the page before it began.
 */
static void add_rows(struct flow_turn *turn, struct options *options)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    struct value rows = turn_value(turn, NULL, prompt->of);
    struct value at = turn_value(turn, NULL, STR("offset"));
    size_t places = ROWS_MAX - prompt->n_choices;
    size_t offset = at.kind == VALUE_INT && at.number > 0 ? (size_t)at.number : 0;
    size_t skip = prompt->loads_pages ? 0 : offset;
    size_t n = rows.kind == VALUE_LIST ? rows.list->n : 0;
    size_t left = n > skip ? n - skip : 0;
    size_t room = offset > 0 ? places - 1 : places;
    bool more = left > room;
    size_t shown = more ? room - 1 : left;

    for (size_t i = 0; i < shown; i++)
        add_row(turn, options, rows.list->items[skip + i]);
    if (more)
        add_page_turner(turn, options, offset + shown, STR("prompt.more"));
    if (offset > 0) {
        add_page_turner(turn, options, offset <= places - 1 ? 0 : offset - (places - 2),
                        STR("prompt.previous"));
    }
}

static const struct reply_option *options_kept(struct flow_turn *turn,
                                               const struct options *options)
{
    struct reply_option *items = arena_array(turn->arena, struct reply_option, options->n + 1);

    memcpy(items, options->items, options->n * sizeof(*items));
    return items;
}

/* --- prompts ------------------------------------------------------------------------------ */

/* Which asking this is, where an answer may not be given twice: the time of the turn. */
static void number_asking(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;

    if (kept->now.at->again || kept->number.len)
        return;
    kept->number =
        arena_format(turn->arena, "%llx", (unsigned long long)(turn->in->now / USEC_PER_MSEC));
}

static void ask_list(struct flow_turn *turn, struct str body)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    struct options options = {.n = 0};
    struct str label = prompt->label.len ? prompt->label : STR("prompt.choose");
    struct reply *reply;

    if (prompt->of.len)
        add_rows(turn, &options);
    add_choices(turn, &options, ROW_TITLE_MAX);
    reply = ask_with(turn, REPLY_LIST, body, LIST_BODY_MAX);
    reply->label = str_cut(turn->arena, title_words(turn, label, NULL), BUTTON_MAX);
    reply->options = options_kept(turn, &options);
    reply->n_options = options.n;
}

static void ask_buttons(struct flow_turn *turn, struct str body)
{
    struct options options = {.n = 0};
    struct reply *reply;

    add_choices(turn, &options, BUTTON_MAX);
    reply = ask_with(turn, REPLY_BUTTONS, body, BODY_MAX);
    reply->options = options_kept(turn, &options);
    reply->n_options = options.n;
}

/* Files come one by one, so there is a button that says it is all; before the first, one that
 * says there are none, where that is allowed. */
static void ask_media(struct flow_turn *turn, struct str body)
{
    const struct prompt *prompt = &turn->kept.now.at->prompt;
    struct options options = {.n = 0};
    bool some = turn_value(turn, NULL, prompt->as).kind == VALUE_LIST;
    struct str name = some ? STR("done") : STR("skip");
    struct reply *reply;

    if (!some && !prompt->optional) {
        text_add(turn, body, false);
        return;
    }
    option_add(turn, &options, OPTION_CHOICE, name,
               str_cut(turn->arena,
                       words_of(turn, some ? STR("prompt.done") : STR("prompt.skip"), NULL),
                       BUTTON_MAX),
               STR_NONE);
    reply = ask_with(turn, REPLY_BUTTONS, body, BODY_MAX);
    reply->options = options_kept(turn, &options);
    reply->n_options = options.n;
}

void turn_ask(struct flow_turn *turn)
{
    struct kept *kept = &turn->kept;
    const struct prompt *prompt = &kept->now.at->prompt;
    struct str body = words_of(turn, prompt->body, NULL);

    kept->n_shown = 0;
    kept->open = true;
    number_asking(turn);
    turn_arm(turn);
    switch (prompt->kind) {
    case PROMPT_LIST:
        ask_list(turn, body);
        break;
    case PROMPT_BUTTONS:
        ask_buttons(turn, body);
        break;
    case PROMPT_LINK:
        link_add(turn, body, turn_expr(turn, &prompt->url),
                 prompt->label.len ? prompt->label : STR("tracking.link.label"));
        break;
    case PROMPT_MEDIA:
        ask_media(turn, body);
        break;
    case PROMPT_TEXT:
    case PROMPT_NONE:
        text_add(turn, body, false);
        break;
    }
}
