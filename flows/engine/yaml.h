/*
 * YAML as a tree that remembers its lines, so that a refusal can point at one.
 *
 * The subset that flows are written in: maps with plain keys, lists and scalars. Anchors,
 * aliases, tags, several documents and repeated keys are refused: in a flow they are mistakes.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/str.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    unsigned line;     /* from 1 */
    struct str key;    /* the entry's name, in a map */
    struct str text;   /* NODE_SCALAR */
    bool quoted;       /* NODE_SCALAR: it stood in quotes, or after a bar */
    struct node *next; /* the next entry of the same list or map */
    struct node *first;
    struct node *last;
    size_t n; /* entries */
};

/* Read one document. ERR_REJECT with `file`, line and reason. */
MUST_USE bool yaml_read(struct arena *into, struct str file, struct str bytes,
                        const struct node **root, struct err *err);

/* A map's entry of that name, or NULL (also for a node that is no map, or NULL). */
const struct node *node_get(const struct node *map, const char *name);

/* A map's first entry whose name is none of these, which end in NULL; NULL: there is none. */
const struct node *node_stranger(const struct node *map, const char *const *names);
