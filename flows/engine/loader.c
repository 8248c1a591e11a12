/*
 * The small readers: a name, a path, a text, a list of them. All else is read by these.
 */
#include "flows/engine/loader.h"

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

bool loader_only(struct loader *loader, const struct node *map, const char *const *names)
{
    const struct node *stranger = node_stranger(map, names);

    return !stranger || refuse_unknown(loader, stranger, names);
}

bool loader_kind(struct loader *loader, const struct node *node, enum node_kind kind)
{
    static const char *const names[] = {
        [NODE_SCALAR] = "a single value", [NODE_LIST] = "a list", [NODE_MAP] = "a map"};

    if (node->kind == kind)
        return true;
    return REFUSE(loader, node, "'%.*s' is something else; write %s", STR_ARG(node->key),
                  names[kind]);
}

static bool name_is_good(struct str text)
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

bool loader_is_name(struct loader *loader, const struct node *node, struct str text)
{
    if (name_is_good(text))
        return true;
    return REFUSE(loader, node,
                  "'%.*s' is no name; use a-z, 0-9 and _, at most 40 of them, not _ first",
                  STR_ARG(str_slice(text, 0, 60)));
}

static bool is_path(struct loader *loader, const struct node *node, struct str path)
{
    struct str rest = path;
    struct str piece;

    if (path.len == 0 || path.len > 120 || path.at[path.len - 1] == '.')
        return REFUSE(loader, node, "a path is expected; write one such as order.total");
    while (str_split(&rest, '.', &piece)) {
        if (!name_is_good(piece)) {
            return REFUSE(loader, node, "'%.*s' is no path; write one such as order.total",
                          STR_ARG(str_slice(path, 0, 60)));
        }
    }
    return true;
}

/* An entry that is one word; left alone when it is absent. */
bool loader_text(struct loader *loader, const struct node *map, const char *name,
                 struct str *text)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    if (!loader_kind(loader, node, NODE_SCALAR))
        return false;
    if (node->text.len == 0)
        return REFUSE(loader, node, "'%s' is empty; give it a value or leave it out", name);
    *text = arena_str(loader->arena, node->text);
    return true;
}

bool loader_path(struct loader *loader, const struct node *map, const char *name,
                 struct str *path)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    return loader_text(loader, map, name, path) && is_path(loader, node, *path);
}

bool loader_name(struct loader *loader, const struct node *map, const char *name,
                 struct str *text)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    return loader_text(loader, map, name, text) && loader_is_name(loader, node, *text);
}

bool loader_bool(struct loader *loader, const struct node *map, const char *name, bool *yes)
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
bool loader_names(struct loader *loader, const struct node *map, const char *name,
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
        if (!loader_is_name(loader, item, item->text))
            return false;
        if (is_among(*names, *n, item->text)) {
            return REFUSE(loader, item, "'%.*s' stands here twice; keep one",
                          STR_ARG(item->text));
        }
        (*names)[(*n)++] = arena_str(loader->arena, item->text);
    }
    return true;
}

bool loader_expr(struct loader *loader, const struct node *node, struct expr *expr)
{
    int64_t number;

    if (!loader_kind(loader, node, NODE_SCALAR))
        return false;
    if (str_starts(node->text, STR("$"))) {
        expr->is_path = true;
        expr->path = arena_str(loader->arena, str_slice(node->text, 1, node->text.len));
        return is_path(loader, node, expr->path);
    }
    if (str_to_int(node->text, &number)) {
        expr->literal = value_int(number);
    } else {
        expr->literal = value_text(arena_str(loader->arena, node->text));
    }
    return true;
}

bool loader_bindings(struct loader *loader, const struct node *map, const char *name,
                     struct bindings *bindings)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    if (!loader_kind(loader, node, NODE_MAP))
        return false;
    bindings->items = arena_array(loader->arena, struct binding, node->n + 1);
    for (const struct node *entry = node->first; entry; entry = entry->next) {
        struct binding *binding = &bindings->items[bindings->n];

        if (!loader_is_name(loader, entry, entry->key) ||
            !loader_expr(loader, entry, &binding->value))
            return false;
        binding->name = arena_str(loader->arena, entry->key);
        bindings->n++;
    }
    return true;
}
