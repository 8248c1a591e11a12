/*
 * From YAML to tables.
 *
 * Every function reads one kind of node and refuses, with file and line, what it does not know:
 * a misspelt name must never be silently nothing. Names of states and flows are resolved
 * afterwards by the checker, when all flows are there.
 */
#include "flows/engine/book.h"
#include "flows/engine/yaml.h"

#include <stdlib.h>

enum { MEDIA_MAX = 20 }; /* files of one answer: each is kept by its handle */

struct loader {
    struct arena *arena;   /* the book's */
    struct arena *scratch; /* trees, gone after loading */
    const struct parts *parts;
    struct str file;
    struct err *err;
};

static const struct action_def *action_find(const struct loader *loader, struct str name);

#define REFUSE(loader, node, format, ...)                                                      \
    err_raise((loader)->err, ERR_REJECT, "%.*s:%u: " format, STR_ARG((loader)->file),          \
              (node)->line, ##__VA_ARGS__)

/* --- small readers ------------------------------------------------------------------------ */

static bool refuse_unknown(struct loader *loader, const struct node *entry,
                           const char *const *names)
{
    struct str known = STR_NONE;

    for (const char *const *name = names; *name; name++) {
        known = arena_format(loader->scratch, "%.*s%s%s", STR_ARG(known),
                             known.len > 0 ? ", " : "", *name);
    }
    return REFUSE(loader, entry, "'%.*s' means nothing here; there are %.*s",
                  STR_ARG(str_slice(entry->key, 0, 60)), STR_ARG(known));
}

static bool only(struct loader *loader, const struct node *map, const char *const *names)
{
    for (const struct node *entry = map->first; entry; entry = entry->next) {
        bool known = false;

        for (const char *const *name = names; *name && !known; name++)
            known = str_eq(entry->key, str_from(*name));
        if (!known)
            return refuse_unknown(loader, entry, names);
    }
    return true;
}

static bool want_kind(struct loader *loader, const struct node *node, enum node_kind kind)
{
    static const char *const names[] = {
        [NODE_SCALAR] = "a single value", [NODE_LIST] = "a list", [NODE_MAP] = "a map"};

    if (node->kind == kind)
        return true;
    return REFUSE(loader, node, "'%.*s' is something else; write %s", STR_ARG(node->key),
                  names[kind]);
}

static bool is_name(struct str text)
{
    if (text.len == 0 || text.len > 40 || text.at[0] == '_')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool check_name(struct loader *loader, const struct node *node, struct str text)
{
    if (is_name(text))
        return true;
    return REFUSE(loader, node,
                  "'%.*s' is no name; use a-z, 0-9 and _, at most 40 of them, not _ first",
                  STR_ARG(str_slice(text, 0, 60)));
}

static bool check_path(struct loader *loader, const struct node *node, struct str path)
{
    struct str rest = path;
    struct str piece;

    if (path.len == 0 || path.len > 120 || path.at[path.len - 1] == '.')
        return REFUSE(loader, node, "a path is expected; write one such as order.total");
    while (str_split(&rest, '.', &piece)) {
        if (!is_name(piece)) {
            return REFUSE(loader, node, "'%.*s' is no path; write one such as order.total",
                          STR_ARG(str_slice(path, 0, 60)));
        }
    }
    return true;
}

/* An entry that is one word; left alone when it is absent. */
static bool read_text(struct loader *loader, const struct node *map, const char *name,
                      struct str *text)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    if (!want_kind(loader, node, NODE_SCALAR))
        return false;
    if (node->text.len == 0)
        return REFUSE(loader, node, "'%s' is empty; give it a value or leave it out", name);
    *text = arena_str(loader->arena, node->text);
    return true;
}

static bool read_path(struct loader *loader, const struct node *map, const char *name,
                      struct str *path)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    return read_text(loader, map, name, path) && check_path(loader, node, *path);
}

static bool read_name(struct loader *loader, const struct node *map, const char *name,
                      struct str *text)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    return read_text(loader, map, name, text) && check_name(loader, node, *text);
}

static bool read_bool(struct loader *loader, const struct node *map, const char *name,
                      bool *yes)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    if (node->kind == NODE_SCALAR && str_eq(node->text, STR("true"))) {
        *yes = true;
    } else if (node->kind == NODE_SCALAR && str_eq(node->text, STR("false"))) {
        *yes = false;
    } else {
        return REFUSE(loader, node, "'%s' is a yes or no; write true or false", name);
    }
    return true;
}

static bool is_among(const struct str *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(names[i], name))
            return true;
    }
    return false;
}

/* One name or a list of names. */
static bool read_names(struct loader *loader, const struct node *map, const char *name,
                       struct str **names, size_t *n)
{
    const struct node *node = node_get(map, name);
    const struct node *item;

    if (!node)
        return true;
    item = node->kind == NODE_LIST ? node->first : node;
    *names = arena_array(loader->arena, struct str, node->n + 1);
    for (; item; item = node->kind == NODE_LIST ? item->next : NULL) {
        if (item->kind != NODE_SCALAR) {
            return REFUSE(loader, item, "'%s' holds names only; write a list such as [a, b]",
                          name);
        }
        if (!check_name(loader, item, item->text))
            return false;
        if (is_among(*names, *n, item->text)) {
            return REFUSE(loader, item, "'%.*s' stands here twice; keep one",
                          STR_ARG(item->text));
        }
        (*names)[(*n)++] = arena_str(loader->arena, item->text);
    }
    return true;
}

static bool read_expr(struct loader *loader, const struct node *node, struct expr *expr)
{
    int64_t number;

    if (!want_kind(loader, node, NODE_SCALAR))
        return false;
    if (str_starts(node->text, STR("$"))) {
        expr->is_path = true;
        expr->path = arena_str(loader->arena, str_slice(node->text, 1, node->text.len));
        return check_path(loader, node, expr->path);
    }
    if (str_to_int(node->text, &number)) {
        expr->literal = value_int(number);
    } else {
        expr->literal = value_text(arena_str(loader->arena, node->text));
    }
    return true;
}

static bool read_bindings(struct loader *loader, const struct node *map, const char *name,
                          struct bindings *bindings)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    if (!want_kind(loader, node, NODE_MAP))
        return false;
    bindings->items = arena_array(loader->arena, struct binding, node->n + 1);
    for (const struct node *entry = node->first; entry; entry = entry->next) {
        struct binding *binding = &bindings->items[bindings->n];

        if (!check_name(loader, entry, entry->key) ||
            !read_expr(loader, entry, &binding->value))
            return false;
        binding->name = arena_str(loader->arena, entry->key);
        bindings->n++;
    }
    return true;
}

/* --- sayings ------------------------------------------------------------------------------ */

static bool read_sayings(struct loader *loader, const struct node *node,
                         struct sayings *sayings);

static bool read_saying(struct loader *loader, const struct node *node, struct saying *saying)
{
    static const char *const names[] = {"say", "line", "when", "each", "lines", "image", NULL};
    const struct node *lines;
    struct sayings inner = {0};

    saying->line = node->line;
    if (node->kind == NODE_SCALAR) {
        if (node->text.len == 0)
            return REFUSE(loader, node, "nothing is said here; name a word or leave it out");
        saying->key = arena_str(loader->arena, node->text);
        return true;
    }
    if (!want_kind(loader, node, NODE_MAP) || !only(loader, node, names))
        return false;
    if (!node_get(node, "say") == !node_get(node, "line")) {
        return REFUSE(loader, node,
                      "something said is a 'say' or a 'line'; write one of them (a paragraph "
                      "of its own, or close below)");
    }
    saying->close = node_get(node, "line") != NULL;
    if (!read_text(loader, node, saying->close ? "line" : "say", &saying->key) ||
        !read_path(loader, node, "when", &saying->when) ||
        !read_path(loader, node, "each", &saying->each) ||
        !read_path(loader, node, "image", &saying->image))
        return false;
    if (saying->image.len && (!saying->each.len || saying->close)) {
        return REFUSE(loader, node_get(node, "image"),
                      "'image' belongs to a 'say' with an 'each'; name the rows that have one");
    }
    lines = node_get(node, "lines");
    if (!lines)
        return true;
    if (!saying->each.len) {
        return REFUSE(loader, lines,
                      "'lines' belong to an 'each'; add it, or say them by themselves");
    }
    if (!read_sayings(loader, lines, &inner))
        return false;
    saying->lines = inner.items;
    saying->n_lines = inner.n;
    return true;
}

static bool read_sayings(struct loader *loader, const struct node *node,
                         struct sayings *sayings)
{
    const struct node *item;
    struct saying *items;

    if (!node)
        return true;
    items = arena_array(loader->arena, struct saying, node->n + 1);
    item = node->kind == NODE_LIST ? node->first : node;
    for (; item; item = node->kind == NODE_LIST ? item->next : NULL) {
        if (!read_saying(loader, item, &items[sayings->n++]))
            return false;
    }
    sayings->items = items;
    return true;
}

/* --- transitions -------------------------------------------------------------------------- */

static bool check_guard(struct loader *loader, const struct node *node, struct str name,
                        const struct guard *guard)
{
    if (!guard->kind) {
        return REFUSE(loader, node,
                      "there is no guard '%.*s'; there are empty, some, one, many, is, is_not",
                      STR_ARG(name));
    }
    if (!guard->of.len)
        return REFUSE(loader, node, "guard '%.*s' of what? add 'of'", STR_ARG(name));
    if (guard->kind->compares == (guard->to.len > 0))
        return true;
    return REFUSE(loader, node, "guard '%.*s' %s", STR_ARG(name),
                  guard->kind->compares ? "wants a 'to'; add it" : "takes no 'to'; drop it");
}

static bool read_guard(struct loader *loader, const struct node *map, struct guard *guard)
{
    const struct node *node = node_get(map, "guard");
    struct str name = STR_NONE;

    if (!node) {
        if (node_get(map, "of") || node_get(map, "to")) {
            return REFUSE(loader, map,
                          "'of' and 'to' belong to a 'guard'; add it, or drop them");
        }
        return true;
    }
    if (!read_name(loader, map, "guard", &name) || !read_path(loader, map, "of", &guard->of) ||
        !read_text(loader, map, "to", &guard->to))
        return false;
    guard->kind = guard_kind_find(name);
    return check_guard(loader, node, name, guard);
}

static void name_target(struct move *move, struct str target)
{
    if (str_eq(target, STR("done"))) {
        move->kind = MOVE_DONE;
    } else if (str_eq(target, STR("menu"))) {
        move->kind = MOVE_MENU;
    } else if (str_eq(target, STR("rest"))) {
        move->kind = MOVE_REST;
    } else if (str_eq(target, STR("back"))) {
        move->kind = MOVE_BACK;
    } else {
        move->kind = MOVE_STATE;
    }
    move->state_name = target;
}

/* Another flow, and the state to come back to, which `target` has named. */
static bool read_call(struct loader *loader, const struct node *map, struct move *move)
{
    if (move->kind != MOVE_STATE && move->kind != MOVE_DONE)
        return REFUSE(loader, map, "'call' wants a 'target'; add the state to come back to");
    if (move->kind == MOVE_DONE)
        move->state_name = STR_NONE;
    move->kind = MOVE_CALL;
    return read_name(loader, map, "call", &move->flow_name);
}

static bool read_go(struct loader *loader, const struct node *map, struct move *move)
{
    if (move->kind != MOVE_NONE)
        return REFUSE(loader, map, "one way only; keep one of target, call, go and action");
    move->kind = MOVE_GO;
    return read_name(loader, map, "go", &move->flow_name);
}

static bool read_action(struct loader *loader, const struct node *map, struct move *move)
{
    struct str name = STR_NONE;

    if (move->kind != MOVE_NONE)
        return REFUSE(loader, map, "one way only; keep one of target, call, go and action");
    if (!read_name(loader, map, "action", &name))
        return false;
    move->kind = MOVE_ACTION;
    move->action = action_find(loader, name);
    if (move->action)
        return true;
    return REFUSE(loader, node_get(map, "action"),
                  "there is no action '%.*s'; C registers them", STR_ARG(name));
}

/* Where a transition, or a state without a prompt, goes. */
static bool read_way(struct loader *loader, const struct node *map, struct move *move)
{
    struct str target = STR_NONE;

    if (!read_name(loader, map, "target", &target))
        return false;
    if (target.len)
        name_target(move, target);
    if ((node_get(map, "call") && !read_call(loader, map, move)) ||
        (node_get(map, "go") && !read_go(loader, map, move)) ||
        (node_get(map, "action") && !read_action(loader, map, move)))
        return false;
    if (node_get(map, "with") && move->kind != MOVE_CALL && move->kind != MOVE_GO &&
        move->kind != MOVE_ACTION) {
        return REFUSE(loader, map,
                      "'with' belongs to a call, go or action; add one, or drop it");
    }
    return read_bindings(loader, map, "with", &move->with);
}

static bool read_move(struct loader *loader, const struct node *node, struct move *move)
{
    static const char *const names[] = {"guard", "of", "to",     "say",    "set", "call",
                                        "with",  "go", "action", "target", NULL};

    move->line = node->line;
    if (node->kind == NODE_SCALAR) {
        if (!check_name(loader, node, node->text))
            return false;
        name_target(move, arena_str(loader->arena, node->text));
        return true;
    }
    if (!want_kind(loader, node, NODE_MAP) || !only(loader, node, names) ||
        !read_guard(loader, node, &move->guard) ||
        !read_sayings(loader, node_get(node, "say"), &move->says) ||
        !read_bindings(loader, node, "set", &move->sets) || !read_way(loader, node, move))
        return false;
    if (move->kind == MOVE_NONE)
        return REFUSE(loader, node, "this leads nowhere; add a target (or call, go, action)");
    return true;
}

static bool read_moves(struct loader *loader, const struct node *node, struct moves *moves)
{
    const struct node *item;

    if (!node)
        return true;
    moves->items = arena_array(loader->arena, struct move, node->n + 1);
    item = node->kind == NODE_LIST ? node->first : node;
    for (; item; item = node->kind == NODE_LIST ? item->next : NULL) {
        if (moves->n > 0 && !moves->items[moves->n - 1].guard.kind) {
            return REFUSE(loader, item,
                          "never reached, since the way before it has no guard; add one there, "
                          "or drop this");
        }
        if (!read_move(loader, item, &moves->items[moves->n++]))
            return false;
    }
    if (moves->n == 0)
        return REFUSE(loader, node, "an empty list of ways; add one or leave it out");
    return true;
}

static bool read_handlers(struct loader *loader, const struct node *map, const char *name,
                          struct handlers *handlers)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    if (!want_kind(loader, node, NODE_MAP))
        return false;
    handlers->items = arena_array(loader->arena, struct handler, node->n + 1);
    for (const struct node *entry = node->first; entry; entry = entry->next) {
        struct handler *handler = &handlers->items[handlers->n];
        const struct move *last;

        handler->event = arena_str(loader->arena, entry->key);
        handler->line = entry->line;
        if (!check_name(loader, entry, entry->key) ||
            !read_moves(loader, entry, &handler->moves))
            return false;
        last = &handler->moves.items[handler->moves.n - 1];
        if (last->guard.kind) {
            return REFUSE(loader, entry,
                          "'%.*s' may find no way; add a last one without a guard",
                          STR_ARG(handler->event));
        }
        handlers->n++;
    }
    return true;
}

/* --- waiting ------------------------------------------------------------------------------ */

static bool read_span(struct str text, usec_t *span)
{
    int64_t n;
    usec_t unit;

    if (text.len < 2 || text.len > 6 || !str_to_int(str_slice(text, 0, text.len - 1), &n))
        return false;
    switch (text.at[text.len - 1]) {
    case 's':
        unit = USEC_PER_SEC;
        break;
    case 'm':
        unit = USEC_PER_MIN;
        break;
    case 'h':
        unit = USEC_PER_HOUR;
        break;
    case 'd':
        unit = USEC_PER_DAY;
        break;
    default:
        return false;
    }
    *span = n * unit;
    return n > 0 && *span >= 10 * USEC_PER_SEC && *span <= 30 * USEC_PER_DAY;
}

/* `after: {30m: {...}}`: one time; where it leads may wait again. */
static bool read_after(struct loader *loader, const struct node *map, struct state_def *state)
{
    const struct node *node = node_get(map, "after");
    const struct node *entry;

    if (!node)
        return true;
    if (!want_kind(loader, node, NODE_MAP))
        return false;
    entry = node->first;
    if (node->n != 1) {
        return REFUSE(loader, node,
                      "'after' has one time; the state that it leads to may wait again");
    }
    if (!read_span(entry->key, &state->after)) {
        return REFUSE(
            loader, entry,
            "'%.*s' is no time to wait; write a number and s, m, h or d, such as 30m, from "
            "10s to 30d",
            STR_ARG(str_slice(entry->key, 0, 60)));
    }
    state->after_name = arena_str(loader->arena, entry->key);
    state->after_line = entry->line;
    if (!read_moves(loader, entry, &state->lapsed))
        return false;
    if (!state->lapsed.items[state->lapsed.n - 1].guard.kind)
        return true;
    return REFUSE(loader, entry, "'after' may find no way; add a last one without a guard");
}

/* --- loads -------------------------------------------------------------------------------- */

static const struct flow_part *part_find(const struct parts *parts, enum flow_part_kind kind,
                                         struct str name)
{
    for (size_t i = 0; i < parts->n; i++) {
        if (parts->items[i].kind == kind && str_eq(str_from(parts->items[i].name), name))
            return &parts->items[i];
    }
    return NULL;
}

static bool read_load(struct loader *loader, const struct node *node, struct loading *loading)
{
    static const char *const names[] = {"load", "as", "with", NULL};
    struct str name = STR_NONE;

    loading->line = node->line;
    if (node->kind == NODE_SCALAR) {
        name = arena_str(loader->arena, node->text);
    } else if (!want_kind(loader, node, NODE_MAP) || !only(loader, node, names) ||
               !read_name(loader, node, "load", &name) ||
               !read_name(loader, node, "as", &loading->as) ||
               !read_bindings(loader, node, "with", &loading->with)) {
        return false;
    }
    loading->part = part_find(loader->parts, FLOW_LOAD, name);
    if (!loading->part) {
        return REFUSE(loader, node, "there is no load '%.*s'; C registers them",
                      STR_ARG(str_slice(name, 0, 60)));
    }
    if (!loading->as.len)
        loading->as = str_from(loading->part->name);
    return true;
}

static bool read_loads(struct loader *loader, const struct node *map, struct state_def *state)
{
    const struct node *node = node_get(map, "load");
    const struct node *item;

    if (!node)
        return true;
    state->loads = arena_array(loader->arena, struct loading, node->n + 1);
    item = node->kind == NODE_LIST ? node->first : node;
    for (; item; item = node->kind == NODE_LIST ? item->next : NULL) {
        if (!read_load(loader, item, &state->loads[state->n_loads++]))
            return false;
    }
    return true;
}

/* --- prompts ------------------------------------------------------------------------------ */

/* A choice's name, or {choice: name, when: path}. */
static bool read_choice(struct loader *loader, const struct node *item, struct str titles,
                        struct choice *choice)
{
    static const char *const names[] = {"choice", "when", NULL};

    if (item->kind == NODE_SCALAR) {
        if (!check_name(loader, item, item->text))
            return false;
        choice->name = arena_str(loader->arena, item->text);
    } else if (!want_kind(loader, item, NODE_MAP) || !only(loader, item, names) ||
               !read_name(loader, item, "choice", &choice->name) ||
               !read_path(loader, item, "when", &choice->when)) {
        return false;
    }
    if (!choice->name.len)
        return REFUSE(loader, item, "which 'choice' is it that has a 'when'? add its name");
    choice->title =
        arena_format(loader->arena, "%.*s.%.*s", STR_ARG(titles), STR_ARG(choice->name));
    choice->hint = arena_format(loader->arena, "%.*s.hint", STR_ARG(choice->title));
    return true;
}

static bool read_choices(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    const struct node *node = node_get(map, "choices");
    struct str titles = STR_NONE;

    if (!read_text(loader, map, "titles", &titles))
        return false;
    if ((node != NULL) != (titles.len > 0)) {
        return REFUSE(loader, map,
                      "'choices' and 'titles' go together; add the other (titles.<choice> is "
                      "what a choice is called)");
    }
    if (!node)
        return true;
    prompt->choices = arena_array(loader->arena, struct choice, node->n + 1);
    for (const struct node *item = node->kind == NODE_LIST ? node->first : node; item;
         item = node->kind == NODE_LIST ? item->next : NULL) {
        struct choice *choice = &prompt->choices[prompt->n_choices++];

        if (!read_choice(loader, item, titles, choice))
            return false;
        for (size_t i = 0; i + 1 < prompt->n_choices; i++) {
            if (str_eq(prompt->choices[i].name, choice->name)) {
                return REFUSE(loader, item, "'%.*s' stands here twice; keep one",
                              STR_ARG(choice->name));
            }
        }
    }
    return true;
}

static bool read_prompt_rows(struct loader *loader, const struct node *map,
                             struct prompt *prompt)
{
    if (!read_path(loader, map, "of", &prompt->of) ||
        !read_name(loader, map, "key", &prompt->key) ||
        !read_text(loader, map, "row", &prompt->row) ||
        !read_name(loader, map, "as", &prompt->as))
        return false;
    if (!prompt->of.len && (prompt->row.len || prompt->key.len))
        return REFUSE(loader, map, "'row' and 'key' want an 'of'; add it, the rows to show");
    if (prompt->of.len && !(prompt->row.len && prompt->key.len && prompt->as.len)) {
        return REFUSE(loader, map,
                      "rows want more; add what is missing of 'key' (the field that names "
                      "one), 'row' (its words) and 'as' (where the choice is kept)");
    }
    if (prompt->row.len)
        prompt->hint = arena_format(loader->arena, "%.*s.hint", STR_ARG(prompt->row));
    return true;
}

/* A number that may be left out. */
static bool read_bound(struct loader *loader, const struct node *map, const char *name,
                       int most, int *bound)
{
    struct str text = STR_NONE;
    int64_t number = 0;

    if (!read_text(loader, map, name, &text))
        return false;
    if (text.len && (!str_to_int(text, &number) || number < 1 || number > most)) {
        return REFUSE(loader, node_get(map, name),
                      "'%s' is no number that it may be; write one from 1 to %d", name, most);
    }
    *bound = (int)number;
    return true;
}

static bool read_media(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    if (!read_name(loader, map, "as", &prompt->as) ||
        !read_bound(loader, map, "max", MEDIA_MAX, &prompt->max) ||
        !read_bool(loader, map, "optional", &prompt->optional))
        return false;
    if (!prompt->as.len || !prompt->max) {
        return REFUSE(
            loader, map,
            "files want more; add 'as', where they are kept, and 'max', how many may come");
    }
    return true;
}

static const struct {
    const char *name;
    enum answer_kind kind;
} answer_kinds[] = {
    {"words",        ANSWER_WORDS    },
    {"order_number", ANSWER_ORDER    },
    {"number",       ANSWER_NUMBER   },
    {"code",         ANSWER_CODE     },
    {"email",        ANSWER_EMAIL    },
    {"contact",      ANSWER_CONTACT  },
    {"date",         ANSWER_DATE     },
    {"past_date",    ANSWER_PAST_DATE},
    {"amount",       ANSWER_AMOUNT   },
    {"tracking",     ANSWER_TRACKING },
    {"phone",        ANSWER_PHONE    },
};

const char *answer_kind_name(size_t i)
{
    return i < COUNTOF(answer_kinds) ? answer_kinds[i].name : NULL;
}

static bool read_answer_kind(struct loader *loader, const struct node *map,
                             struct prompt *prompt)
{
    struct str kind = STR("words");
    struct str known = STR_NONE;

    if (!read_name(loader, map, "kind", &kind))
        return false;
    for (size_t i = 0; i < COUNTOF(answer_kinds); i++) {
        if (!str_eq(kind, str_from(answer_kinds[i].name)))
            continue;
        prompt->answer = answer_kinds[i].kind;
        return true;
    }
    for (size_t i = 0; i < COUNTOF(answer_kinds); i++) {
        known = arena_format(loader->scratch, "%.*s%s%s", STR_ARG(known), i > 0 ? ", " : "",
                             answer_kinds[i].name);
    }
    return REFUSE(loader, node_get(map, "kind"), "'%.*s' is no kind of answer; there are %.*s",
                  STR_ARG(kind), STR_ARG(known));
}

static bool read_answer(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    if (!read_answer_kind(loader, map, prompt) || !read_name(loader, map, "as", &prompt->as) ||
        !read_bound(loader, map, "min", 4000, &prompt->min) ||
        !read_bound(loader, map, "max", 4000, &prompt->max) ||
        !read_bool(loader, map, "optional", &prompt->optional))
        return false;
    if (!prompt->as.len)
        return REFUSE(loader, map, "'as' is missing; add it, where the answer is kept");
    if (prompt->min && prompt->max < prompt->min) {
        return REFUSE(loader, node_get(map, "min"),
                      "'min' goes with a 'max'; give one that is no smaller");
    }
    return true;
}

/* Buttons may take words as well: the code that a message asks for, beside "a new one". */
static bool read_words_beside(struct loader *loader, const struct node *map,
                              struct prompt *prompt)
{
    if (prompt->kind != PROMPT_BUTTONS || !(node_get(map, "as") || node_get(map, "kind")))
        return true;
    prompt->typed = true;
    return read_answer(loader, map, prompt);
}

static bool read_carries(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    struct str *names = NULL;
    size_t n = 0;

    if (!read_names(loader, map, "carries", &names, &n))
        return false;
    if (n > COUNTOF(prompt->carries)) {
        return REFUSE(loader, node_get(map, "carries"), "at most %zu variables are carried",
                      COUNTOF(prompt->carries));
    }
    for (size_t i = 0; i < n; i++)
        prompt->carries[i] = names[i];
    prompt->n_carries = n;
    return true;
}

static bool read_url(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    const struct node *url = node_get(map, "url");

    if (!url)
        return REFUSE(loader, map, "a link wants a 'url'; add where it leads");
    return read_expr(loader, url, &prompt->url);
}

static bool read_prompt(struct loader *loader, const struct node *map, struct prompt *prompt)
{
    static const char *const text_names[] = {"text", "as",  "kind", "optional",
                                             "min",  "max", NULL};
    static const char *const list_names[] = {"list",    "of",     "as",    "key",     "row",
                                             "choices", "titles", "label", "carries", NULL};
    static const char *const button_names[] = {"buttons", "choices", "titles", "carries",
                                               "as",      "kind",    "max",    NULL};
    static const char *const link_names[] = {"link", "url", "label", NULL};
    static const char *const media_names[] = {"media", "as", "max", "optional", NULL};
    static const struct {
        const char *name;
        enum prompt_kind kind;
        const char *const *names;
    } kinds[] = {
        {"text",    PROMPT_TEXT,    text_names  },
        {"list",    PROMPT_LIST,    list_names  },
        {"buttons", PROMPT_BUTTONS, button_names},
        {"link",    PROMPT_LINK,    link_names  },
        {"media",   PROMPT_MEDIA,   media_names },
    };

    if (!want_kind(loader, map, NODE_MAP))
        return false;
    prompt->line = map->line;
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (!node_get(map, kinds[i].name))
            continue;
        prompt->kind = kinds[i].kind;
        if (!only(loader, map, kinds[i].names) ||
            !read_text(loader, map, kinds[i].name, &prompt->body))
            return false;
        break;
    }
    if (prompt->kind == PROMPT_NONE) {
        return REFUSE(loader, map,
                      "what is asked? add one of text, list, buttons, link, media");
    }
    if (!read_text(loader, map, "label", &prompt->label))
        return false;
    switch (prompt->kind) {
    case PROMPT_TEXT:
        return read_answer(loader, map, prompt);
    case PROMPT_LINK:
        return read_url(loader, map, prompt);
    case PROMPT_MEDIA:
        return read_media(loader, map, prompt);
    default:
        return read_prompt_rows(loader, map, prompt) && read_choices(loader, map, prompt) &&
               read_carries(loader, map, prompt) && read_words_beside(loader, map, prompt);
    }
}

/* --- states and flows --------------------------------------------------------------------- */

static bool read_state(struct loader *loader, const struct node *map, struct state_def *state)
{
    static const char *const names[] = {"load",   "always", "say",      "ask",  "on",
                                        "action", "with",   "outcomes", "call", "go",
                                        "target", "again",  "after",    NULL};
    const struct node *ask;

    if (!check_name(loader, map, map->key) || !want_kind(loader, map, NODE_MAP) ||
        !only(loader, map, names))
        return false;
    state->name = arena_str(loader->arena, map->key);
    state->line = map->line;
    state->end.line = map->line;
    if (str_eq(state->name, STR("done")) || str_eq(state->name, STR("menu")) ||
        str_eq(state->name, STR("rest")) || str_eq(state->name, STR("back"))) {
        return REFUSE(loader, map, "'%.*s' is a target of its own; name the state otherwise",
                      STR_ARG(state->name));
    }
    ask = node_get(map, "ask");
    return read_bool(loader, map, "again", &state->again) && read_loads(loader, map, state) &&
           read_moves(loader, node_get(map, "always"), &state->always) &&
           read_sayings(loader, node_get(map, "say"), &state->says) &&
           (!ask || read_prompt(loader, ask, &state->prompt)) &&
           read_handlers(loader, map, "on", &state->on) &&
           read_handlers(loader, map, "outcomes", &state->outcomes) &&
           read_after(loader, map, state) && read_way(loader, map, &state->end);
}

static bool read_states(struct loader *loader, const struct node *node, struct flow_def *flow)
{
    if (!want_kind(loader, node, NODE_MAP))
        return false;
    if (node->n == 0 || node->n > 200)
        return REFUSE(loader, node, "a flow has 1 to 200 states; write one, or part the flow");
    flow->states = arena_array(loader->arena, struct state_def, node->n);
    for (const struct node *entry = node->first; entry; entry = entry->next) {
        flow->states[flow->n_states].index = (unsigned)flow->n_states;
        if (!read_state(loader, entry, &flow->states[flow->n_states++]))
            return false;
    }
    return true;
}

static bool read_need(struct loader *loader, const struct node *map, enum need *need)
{
    struct str name = STR_NONE;

    if (!read_name(loader, map, "needs", &name))
        return false;
    if (str_eq(name, STR("known"))) {
        *need = NEEDS_KNOWN;
    } else if (str_eq(name, STR("reading"))) {
        *need = NEEDS_READING;
    } else if (str_eq(name, STR("verified"))) {
        *need = NEEDS_VERIFIED;
    } else if (name.len) {
        return REFUSE(loader, node_get(map, "needs"),
                      "there is no need '%.*s'; a flow needs 'known', 'reading' or 'verified'",
                      STR_ARG(name));
    }
    return true;
}

static bool read_flow(struct loader *loader, const struct node *map, struct flow_def *flow)
{
    static const char *const names[] = {"flow",  "starts_on", "takes",  "returns",
                                        "needs", "initial",   "states", NULL};
    struct str expected;

    if (map->kind != NODE_MAP)
        return REFUSE(loader, map, "a flow is a map; begin it with 'flow: <name>'");
    if (!only(loader, map, names) || !read_name(loader, map, "flow", &flow->name) ||
        !read_names(loader, map, "starts_on", &flow->starts_on, &flow->n_starts_on) ||
        !read_names(loader, map, "takes", &flow->takes, &flow->n_takes) ||
        !read_bool(loader, map, "returns", &flow->returns) ||
        !read_need(loader, map, &flow->needs) ||
        !read_name(loader, map, "initial", &flow->initial_name))
        return false;
    flow->file = loader->file;
    flow->line = map->line;
    if (!flow->name.len || !flow->initial_name.len || !node_get(map, "states")) {
        return REFUSE(loader, map,
                      "'flow', 'initial' and 'states' are all needed; add what is missing");
    }
    expected = arena_format(loader->scratch, "flows/%.*s.yaml", STR_ARG(flow->name));
    if (!str_eq(expected, loader->file)) {
        return REFUSE(loader, map, "flow '%.*s' belongs into %.*s; rename one of them",
                      STR_ARG(flow->name), STR_ARG(expected));
    }
    return read_states(loader, node_get(map, "states"), flow);
}

/* --- the book ----------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct source_file *)a)->name,
                       ((const struct source_file *)b)->name);
}

static struct hash16 version_of(struct arena *scratch, const struct source_file *files,
                                size_t n)
{
    struct str *parts = arena_array(scratch, struct str, 2 * n + 1);

    for (size_t i = 0; i < n; i++) {
        parts[2 * i] = files[i].name;
        parts[2 * i + 1] = files[i].bytes;
    }
    return hash16_of(parts, 2 * n);
}

static bool read_flows(struct loader *loader, const struct source_file *files, size_t n,
                       struct book *book)
{
    book->flows = arena_array(loader->arena, struct flow_def, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct node *root;

        if (!str_starts(files[i].name, STR("flows/")))
            continue;
        loader->file = arena_str(loader->arena, files[i].name);
        if (!yaml_read(loader->scratch, loader->file, files[i].bytes, &root, loader->err) ||
            !read_flow(loader, root, &book->flows[book->n_flows]))
            return false;
        book->n_flows++;
    }
    return true;
}

static bool read_words(struct arena *scratch, const struct source_file *files, size_t n,
                       struct book *book, struct err *err)
{
    struct source_file *messages = arena_array(scratch, struct source_file, n + 1);
    size_t n_messages = 0;

    for (size_t i = 0; i < n; i++) {
        if (str_starts(files[i].name, STR("messages/"))) {
            messages[n_messages++] = files[i];
        } else if (!str_starts(files[i].name, STR("flows/"))) {
            return err_raise(err, ERR_REJECT, "%.*s:1: a book is flows/ and messages/ only",
                             STR_ARG(files[i].name));
        }
    }
    return words_create(messages, n_messages, &book->words, err) &&
           words_check(book->words, err);
}

static bool book_read(struct arena *scratch, const struct parts *parts,
                      const struct source_file *files, size_t n, struct book *book,
                      struct err *err)
{
    struct source_file *sorted = arena_array(scratch, struct source_file, n + 1);
    struct loader loader = {
        .arena = &book->arena, .scratch = scratch, .parts = parts, .err = err};

    if (n > 0)
        memcpy(sorted, files, n * sizeof(*files));
    qsort(sorted, n, sizeof(*sorted), by_name);
    book->version = version_of(scratch, sorted, n);
    hex_format(book->version.bytes, HASH16_LEN, book->version_hex);
    return read_words(scratch, sorted, n, book, err) && read_flows(&loader, sorted, n, book) &&
           book_check(book, err);
}

bool book_create_with(const struct parts *parts, const struct source_file *files, size_t n,
                      struct book **book, struct err *err)
{
    struct arena scratch = {0};
    struct book *made = calloc(1, sizeof(*made));
    bool ok;

    if (!made)
        return err_raise(err, ERR_RETRY, "out of memory");
    arena_init(&scratch);
    arena_init(&made->arena);
    ok = book_read(&scratch, parts, files, n, made, err);
    arena_finish(&scratch);
    if (!ok) {
        book_destroy(made);
        return false;
    }
    *book = made;
    return true;
}

bool book_create(const struct source_file *files, size_t n, struct book **book, struct err *err)
{
    struct parts parts = {flow_parts, flow_parts_n};

    return book_create_with(&parts, files, n, book, err);
}

void book_destroy(struct book *book)
{
    if (!book)
        return;
    words_destroy(book->words);
    arena_finish(&book->arena);
    free(book);
}

struct hash16 book_version(const struct book *book)
{
    return book->version;
}

const struct words *book_words(const struct book *book)
{
    return book->words;
}

const struct flow_def *book_flow(const struct book *book, struct str name)
{
    for (size_t i = 0; i < book->n_flows; i++) {
        if (str_eq(book->flows[i].name, name))
            return &book->flows[i];
    }
    return NULL;
}

const struct flow_def *book_flow_on(const struct book *book, struct str intent)
{
    for (size_t i = 0; i < book->n_flows; i++) {
        for (size_t j = 0; j < book->flows[i].n_starts_on; j++) {
            if (str_eq(book->flows[i].starts_on[j], intent))
                return &book->flows[i];
        }
    }
    return NULL;
}

const struct state_def *flow_state(const struct flow_def *flow, struct str name)
{
    for (size_t i = 0; i < flow->n_states; i++) {
        if (str_eq(flow->states[i].name, name))
            return &flow->states[i];
    }
    return NULL;
}

const struct handler *handler_find(const struct handlers *handlers, struct str event)
{
    for (size_t i = 0; i < handlers->n; i++) {
        if (str_eq(handlers->items[i].event, event))
            return &handlers->items[i];
    }
    return NULL;
}

/* --- actions ------------------------------------------------------------------------------ */

static const char *const outcomes_done[] = {"done", NULL};
static const char *const outcomes_recorded[] = {"recorded", NULL};

static const struct action_def builtins[] = {
    {"set_language",   NULL, BUILTIN_SET_LANGUAGE, outcomes_done    },
    {"ask_for_person", NULL, BUILTIN_PERSON,       outcomes_recorded},
    {"consent_stop",   NULL, BUILTIN_STOP,         outcomes_done    },
    {"consent_start",  NULL, BUILTIN_START,        outcomes_done    },
    {"log_out",        NULL, BUILTIN_LOG_OUT,      outcomes_done    },
};

const char *builtin_action_name(size_t i)
{
    return i < COUNTOF(builtins) ? builtins[i].name : NULL;
}

static const struct action_def *action_find(const struct loader *loader, struct str name)
{
    const struct flow_part *part = part_find(loader->parts, FLOW_ACTION, name);
    struct action_def *action;

    for (size_t i = 0; i < COUNTOF(builtins); i++) {
        if (str_eq(str_from(builtins[i].name), name))
            return &builtins[i];
    }
    if (!part)
        return NULL;
    action = arena_new(loader->arena, struct action_def);
    action->name = part->name;
    action->part = part;
    action->outcomes = part->outcomes;
    return action;
}
