/*
 * The loader's inside: from YAML to tables.
 *
 *     loader.c         small readers: names, paths, texts, values
 *     loader_says.c    what is said
 *     loader_moves.c   ways, guards and waits
 *     loader_parts.c   loads and actions by name
 *     loader_prompt.c  what is asked
 *     loader_flow.c    states and flows
 *     loader_template.c  WhatsApp's templates
 *     book.c           all files together
 *
 * Every function reads one kind of node and refuses, with file and line, what it does not know:
 * a misspelt name must never be silently nothing. False means refused, and the loader's err
 * says why. An entry that is absent leaves what it would fill as it was. Names of states and
 * flows are resolved afterwards by the checker, when all flows are there.
 */
#pragma once

#include "flows/engine/book.h"
#include "flows/engine/yaml.h"

struct loader {
    struct arena *arena;   /* the book's */
    struct arena *scratch; /* trees, gone after loading */
    const struct parts *parts;
    struct str file;
    struct err *err;
};

#define REFUSE(loader, node, format, ...)                                                      \
    err_raise((loader)->err, ERR_REJECT, "%.*s:%u: " format, STR_ARG((loader)->file),          \
              (node)->line, ##__VA_ARGS__)

/* --- loader.c: of a node ------------------------------------------------------------------ */

/* The map has no other entries than @names, which end in NULL. */
MUST_USE bool loader_only(struct loader *loader, const struct node *map,
                          const char *const *names);
MUST_USE bool loader_kind(struct loader *loader, const struct node *node, enum node_kind kind);
/* a-z, 0-9 and _, at most 40 of them, not _ first */
MUST_USE bool loader_is_name(struct loader *loader, const struct node *node, struct str text);
/* "$path", a number, or words */
MUST_USE bool loader_expr(struct loader *loader, const struct node *node, struct expr *expr);

/* --- loader.c: the entry @name of a map --------------------------------------------------- */

MUST_USE bool loader_text(struct loader *loader, const struct node *map, const char *name,
                          struct str *text);
MUST_USE bool loader_path(struct loader *loader, const struct node *map, const char *name,
                          struct str *path);
MUST_USE bool loader_name(struct loader *loader, const struct node *map, const char *name,
                          struct str *text);
MUST_USE bool loader_bool(struct loader *loader, const struct node *map, const char *name,
                          bool *yes);
/* One name, or a list of different ones; @n counts up from what it is. */
MUST_USE bool loader_names(struct loader *loader, const struct node *map, const char *name,
                           struct str **names, size_t *n);
MUST_USE bool loader_bindings(struct loader *loader, const struct node *map, const char *name,
                              struct bindings *bindings);

/* --- loader_says.c ------------------------------------------------------------------------ */

/* @node may be NULL: nothing is said. */
MUST_USE bool loader_sayings(struct loader *loader, const struct node *node,
                             struct sayings *sayings);

/* --- loader_moves.c ----------------------------------------------------------------------- */

/* Where a transition, or a state without a prompt, goes. */
MUST_USE bool loader_way(struct loader *loader, const struct node *map, struct move *move);
/* One way, or several of which all but the last have a guard; @node may be NULL. */
MUST_USE bool loader_moves(struct loader *loader, const struct node *node, struct moves *moves);
/* The entry @name: ways by event. */
MUST_USE bool loader_handlers(struct loader *loader, const struct node *map, const char *name,
                              struct handlers *handlers);
/* A state's `after`: how long, and the way then. */
MUST_USE bool loader_after(struct loader *loader, const struct node *map,
                           struct state_def *state);

/* --- loader_parts.c ----------------------------------------------------------------------- */

/* A state's `load`. */
MUST_USE bool loader_loads(struct loader *loader, const struct node *map,
                           struct state_def *state);
/* NULL: nobody registered such an action. */
const struct action_def *loader_action(const struct loader *loader, struct str name);

/* --- loader_prompt.c, loader_flow.c ------------------------------------------------------- */

MUST_USE bool loader_prompt(struct loader *loader, const struct node *map,
                            struct prompt *prompt);
/* The flow of a whole file, which is named like it. */
MUST_USE bool loader_flow(struct loader *loader, const struct node *map, struct flow_def *flow);

/* --- loader_template.c -------------------------------------------------------------------- */

struct message_template;
/* The template of a whole file, which is named like it. */
MUST_USE bool loader_template(struct loader *loader, const struct node *map,
                              struct message_template *template);
