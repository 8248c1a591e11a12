/*
 * Ways: guards, where they lead, what answers an event, and what happens after a wait.
 */
#include "flows/engine/loader.h"

static bool check_guard(struct loader *loader, const struct node *node, struct str name,
                        const struct guard *guard)
{
    if (!guard->kind) {
        return REFUSE(
            loader, node,
            "there is no guard '%.*s'; there are empty, some, one, many, is, is_not, past",
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
    if (!loader_name(loader, map, "guard", &name) ||
        !loader_path(loader, map, "of", &guard->of) ||
        !loader_text(loader, map, "to", &guard->to))
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
    return loader_name(loader, map, "call", &move->flow_name);
}

static bool read_go(struct loader *loader, const struct node *map, struct move *move)
{
    if (move->kind != MOVE_NONE)
        return REFUSE(loader, map, "one way only; keep one of target, call, go and action");
    move->kind = MOVE_GO;
    return loader_name(loader, map, "go", &move->flow_name);
}

static bool read_action(struct loader *loader, const struct node *map, struct move *move)
{
    struct str name = STR_NONE;

    if (move->kind != MOVE_NONE)
        return REFUSE(loader, map, "one way only; keep one of target, call, go and action");
    if (!loader_name(loader, map, "action", &name))
        return false;
    move->kind = MOVE_ACTION;
    move->action = loader_action(loader, name);
    if (move->action)
        return true;
    return REFUSE(loader, node_get(map, "action"),
                  "there is no action '%.*s'; check the spelling: flows/actions/parts.c has "
                  "them all",
                  STR_ARG(name));
}

bool loader_way(struct loader *loader, const struct node *map, struct move *move)
{
    struct str target = STR_NONE;

    if (!loader_name(loader, map, "target", &target))
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
    return loader_bindings(loader, map, "with", &move->with);
}

static bool read_move(struct loader *loader, const struct node *node, struct move *move)
{
    static const char *const names[] = {"guard", "of", "to",     "say",    "set", "call",
                                        "with",  "go", "action", "target", NULL};

    move->line = node->line;
    if (node->kind == NODE_SCALAR) {
        if (!loader_is_name(loader, node, node->text))
            return false;
        name_target(move, arena_str(loader->arena, node->text));
        return true;
    }
    if (!loader_kind(loader, node, NODE_MAP) || !loader_only(loader, node, names) ||
        !read_guard(loader, node, &move->guard) ||
        !loader_sayings(loader, node_get(node, "say"), &move->says) ||
        !loader_bindings(loader, node, "set", &move->sets) || !loader_way(loader, node, move))
        return false;
    if (move->kind == MOVE_NONE)
        return REFUSE(loader, node, "this leads nowhere; add a target (or call, go, action)");
    return true;
}

bool loader_moves(struct loader *loader, const struct node *node, struct moves *moves)
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

bool loader_handlers(struct loader *loader, const struct node *map, const char *name,
                     struct handlers *handlers)
{
    const struct node *node = node_get(map, name);

    if (!node)
        return true;
    if (!loader_kind(loader, node, NODE_MAP))
        return false;
    handlers->items = arena_array(loader->arena, struct handler, node->n + 1);
    for (const struct node *entry = node->first; entry; entry = entry->next) {
        struct handler *handler = &handlers->items[handlers->n];
        const struct move *last;

        handler->event = arena_str(loader->arena, entry->key);
        handler->line = entry->line;
        if (!loader_is_name(loader, entry, entry->key) ||
            !loader_moves(loader, entry, &handler->moves))
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
bool loader_after(struct loader *loader, const struct node *map, struct state_def *state)
{
    const struct node *node = node_get(map, "after");
    const struct node *entry;

    if (!node)
        return true;
    if (!loader_kind(loader, node, NODE_MAP))
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
    if (!loader_moves(loader, entry, &state->lapsed))
        return false;
    if (!state->lapsed.items[state->lapsed.n - 1].guard.kind)
        return true;
    return REFUSE(loader, entry, "'after' may find no way; add a last one without a guard");
}
