/*
 * libyaml's events, gathered into a tree. Depth and size are bounded: flows are written by
 * people, and whatever is larger is not a flow.
 */
#include "flows/engine/yaml.h"

#include <yaml.h>

enum { DEPTH_MAX = 24, NODES_MAX = 20000, BYTES_MAX = 1 << 20 };

struct reader {
    struct arena *into;
    struct str file;
    yaml_parser_t parser;
    size_t nodes;
    struct err *err;
};

static bool refuse(struct reader *reader, size_t line, const char *reason)
{
    err_raise(reader->err, ERR_REJECT, "%.*s:%zu: %s", STR_ARG(reader->file), line, reason);
    return false;
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return true;
    err_raise(reader->err, ERR_REJECT, "%.*s:%zu: this is no YAML; %s", STR_ARG(reader->file),
              reader->parser.problem_mark.line + 1,
              reader->parser.problem ? reader->parser.problem : "begin it anew");
    return false;
}

static struct node *node_new(struct reader *reader, enum node_kind kind,
                             const yaml_event_t *event)
{
    struct node *node = arena_new(reader->into, struct node);

    node->kind = kind;
    node->line = (unsigned)event->start_mark.line + 1;
    reader->nodes++;
    return node;
}

static struct str scalar_text(struct reader *reader, const yaml_event_t *event)
{
    return arena_str(reader->into, (struct str){(const char *)event->data.scalar.value,
                                                event->data.scalar.length});
}

static void node_append(struct node *parent, struct node *child)
{
    if (parent->last) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
    parent->n++;
}

static struct node *read_node(struct reader *reader, yaml_event_t *event, unsigned depth);

static bool read_list(struct reader *reader, unsigned depth, struct node *list)
{
    for (;;) {
        yaml_event_t event;
        struct node *child;

        if (!next_event(reader, &event))
            return false;
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        child = read_node(reader, &event, depth);
        if (!child)
            return false;
        node_append(list, child);
    }
}

static bool read_key(struct reader *reader, yaml_event_t *event, const struct node *map,
                     struct str *key)
{
    size_t line = event->start_mark.line + 1;
    bool plain = event->type == YAML_SCALAR_EVENT && !event->data.scalar.anchor;

    if (plain)
        *key = scalar_text(reader, event);
    yaml_event_delete(event);
    if (!plain)
        return refuse(reader, line, "a name is expected here; write one, and a colon");
    for (const struct node *other = map->first; other; other = other->next) {
        if (str_eq(other->key, *key)) {
            err_raise(reader->err, ERR_REJECT,
                      "%.*s:%zu: '%.*s' stands here twice; keep one of them",
                      STR_ARG(reader->file), line, STR_ARG(*key));
            return false;
        }
    }
    return true;
}

static bool read_map(struct reader *reader, unsigned depth, struct node *map)
{
    for (;;) {
        yaml_event_t event;
        struct node *child;
        struct str key = STR_NONE;
        unsigned line;

        if (!next_event(reader, &event))
            return false;
        line = (unsigned)event.start_mark.line + 1;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            return true;
        }
        if (!read_key(reader, &event, map, &key) || !next_event(reader, &event))
            return false;
        child = read_node(reader, &event, depth);
        if (!child)
            return false;
        child->key = key;
        child->line = line; /* where its name stands, which is where one looks for it */
        node_append(map, child);
    }
}

/* The node without what it holds; NULL when `event` begins none that flows may use. */
static struct node *begin_node(struct reader *reader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: {
        struct node *node = node_new(reader, NODE_SCALAR, event);

        node->text = scalar_text(reader, event);
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        return event->data.scalar.anchor ? NULL : node;
    }
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor ? NULL : node_new(reader, NODE_LIST, event);
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor ? NULL : node_new(reader, NODE_MAP, event);
    default:
        return NULL;
    }
}

/* Reads the node that `event` begins, and releases the event. NULL when it was refused. */
static struct node *read_node(struct reader *reader, yaml_event_t *event, unsigned depth)
{
    size_t line = event->start_mark.line + 1;
    bool deep = depth > DEPTH_MAX || reader->nodes > NODES_MAX;
    struct node *node = deep ? NULL : begin_node(reader, event);

    yaml_event_delete(event);
    if (!node) {
        refuse(reader, line,
               deep ? "nested too deep or too long for a flow; part it"
                    : "anchors and aliases are not used in flows; write it out");
        return NULL;
    }
    if (node->kind == NODE_LIST && !read_list(reader, depth + 1, node))
        return NULL;
    if (node->kind == NODE_MAP && !read_map(reader, depth + 1, node))
        return NULL;
    return node;
}

static bool read_document(struct reader *reader, const struct node **root)
{
    yaml_event_t event;
    struct node *node;

    for (;;) {
        if (!next_event(reader, &event))
            return false;
        if (event.type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&event);
            return refuse(reader, 1, "the file is empty; write something, or drop it");
        }
        if (event.type != YAML_STREAM_START_EVENT && event.type != YAML_DOCUMENT_START_EVENT)
            break;
        yaml_event_delete(&event);
    }
    node = read_node(reader, &event, 0);
    if (!node)
        return false;
    for (;;) {
        yaml_event_type_t type;
        size_t line;

        if (!next_event(reader, &event))
            return false;
        type = event.type;
        line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            break;
        if (type != YAML_DOCUMENT_END_EVENT)
            return refuse(reader, line, "one document to a file; drop the line '---'");
    }
    *root = node;
    return true;
}

bool yaml_read(struct arena *into, struct str file, struct str bytes, const struct node **root,
               struct err *err)
{
    struct reader reader = {.into = into, .file = file, .err = err};
    bool ok;

    if (bytes.len > BYTES_MAX)
        return refuse(&reader, 1, "larger than a flow may be (1 MB)");
    if (!str_is_utf8(bytes))
        return refuse(&reader, 1, "not UTF-8");
    if (!yaml_parser_initialize(&reader.parser))
        return err_raise(err, ERR_BROKEN, "libyaml does not start");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser,
                                 (const unsigned char *)(bytes.at ? bytes.at : ""), bytes.len);
    ok = read_document(&reader, root);
    yaml_parser_delete(&reader.parser);
    return ok;
}

const struct node *node_get(const struct node *map, const char *name)
{
    if (!map || map->kind != NODE_MAP)
        return NULL;
    for (const struct node *entry = map->first; entry; entry = entry->next) {
        if (str_eq(entry->key, str_from(name)))
            return entry;
    }
    return NULL;
}

const struct node *node_stranger(const struct node *map, const char *const *names)
{
    for (const struct node *entry = map->first; entry; entry = entry->next) {
        const char *const *name = names;
        while (*name && !str_eq(entry->key, str_from(*name)))
            name++;
        if (!*name)
            return entry;
    }
    return NULL;
}
