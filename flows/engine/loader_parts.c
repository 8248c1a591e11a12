/*
 * Loads and actions, which C registers by name.
 */
#include "flows/engine/loader.h"

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
    } else if (!loader_kind(loader, node, NODE_MAP) || !loader_only(loader, node, names) ||
               !loader_name(loader, node, "load", &name) ||
               !loader_name(loader, node, "as", &loading->as) ||
               !loader_bindings(loader, node, "with", &loading->with)) {
        return false;
    }
    loading->part = part_find(loader->parts, FLOW_LOAD, name);
    if (!loading->part) {
        return REFUSE(loader, node,
                      "there is no load '%.*s'; check the spelling: "
                      "flows/actions/parts.c has them all",
                      STR_ARG(str_slice(name, 0, 60)));
    }
    if (!loading->as.len)
        loading->as = str_from(loading->part->name);
    return true;
}

bool loader_loads(struct loader *loader, const struct node *map, struct state_def *state)
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

static const char *const outcomes_done[] = {"done", NULL};

static const char *const outcomes_recorded[] = {"recorded", NULL};

static const char *const outcomes_known[] = {"known", "unknown", NULL};

static const struct action_def builtins[] = {
    {"set_language",   NULL, BUILTIN_SET_LANGUAGE, outcomes_done    },
    {"ask_for_person", NULL, BUILTIN_PERSON,       outcomes_recorded},
    {"consent_stop",   NULL, BUILTIN_STOP,         outcomes_done    },
    {"consent_start",  NULL, BUILTIN_START,        outcomes_done    },
    {"log_out",        NULL, BUILTIN_LOG_OUT,      outcomes_done    },
    {"speak_again",    NULL, BUILTIN_SPEAK_AGAIN,  outcomes_done    },
    {"look_at_hours",  NULL, BUILTIN_HOURS,        outcomes_known   },
};

const char *builtin_action_name(size_t i)
{
    return i < COUNTOF(builtins) ? builtins[i].name : NULL;
}

const struct action_def *loader_action(const struct loader *loader, struct str name)
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
