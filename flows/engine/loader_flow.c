/*
 * A flow and its states.
 */
#include "flows/engine/loader.h"

static bool read_state(struct loader *loader, const struct node *map, struct state_def *state)
{
    static const char *const names[] = {"load",   "always", "say",      "ask",  "on",
                                        "action", "with",   "outcomes", "call", "go",
                                        "target", "again",  "after",    NULL};
    const struct node *ask;

    if (!loader_is_name(loader, map, map->key) || !loader_kind(loader, map, NODE_MAP) ||
        !loader_only(loader, map, names))
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
    return loader_bool(loader, map, "again", &state->again) &&
           loader_loads(loader, map, state) &&
           loader_moves(loader, node_get(map, "always"), &state->always) &&
           loader_sayings(loader, node_get(map, "say"), &state->says) &&
           (!ask || loader_prompt(loader, ask, &state->prompt)) &&
           loader_handlers(loader, map, "on", &state->on) &&
           loader_handlers(loader, map, "outcomes", &state->outcomes) &&
           loader_after(loader, map, state) && loader_way(loader, map, &state->end);
}

static bool read_states(struct loader *loader, const struct node *node, struct flow_def *flow)
{
    if (!loader_kind(loader, node, NODE_MAP))
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

    if (!loader_name(loader, map, "needs", &name))
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

bool loader_flow(struct loader *loader, const struct node *map, struct flow_def *flow)
{
    static const char *const names[] = {"flow",  "starts_on", "takes",  "returns",
                                        "needs", "initial",   "states", NULL};
    struct str expected;

    if (map->kind != NODE_MAP)
        return REFUSE(loader, map, "a flow is a map; begin it with 'flow: <name>'");
    if (!loader_only(loader, map, names) || !loader_name(loader, map, "flow", &flow->name) ||
        !loader_names(loader, map, "starts_on", &flow->starts_on, &flow->n_starts_on) ||
        !loader_names(loader, map, "takes", &flow->takes, &flow->n_takes) ||
        !loader_bool(loader, map, "returns", &flow->returns) ||
        !read_need(loader, map, &flow->needs) ||
        !loader_name(loader, map, "initial", &flow->initial_name))
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
