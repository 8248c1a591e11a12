/*
 * What is said: lines and paragraphs, under a condition or for each row.
 */
#include "flows/engine/loader.h"

static bool may_show_files(struct loader *loader, const struct node *node,
                           const struct saying *saying)
{
    bool rows = saying->each.len && !saying->close;

    if (saying->image.len && !rows) {
        return REFUSE(loader, node_get(node, "image"),
                      "'image' belongs to a 'say' with an 'each'; name the rows that have one");
    }
    if (saying->document.len && !rows) {
        return REFUSE(loader, node_get(node, "document"),
                      "'document' belongs to a 'say' with an 'each'; name the rows that have "
                      "one");
    }
    if (saying->filename.len && !saying->document.len) {
        return REFUSE(loader, node_get(node, "filename"),
                      "'filename' names a 'document'; write the row's 'document', too");
    }
    return true;
}

static bool may_show_link(struct loader *loader, const struct node *node,
                          const struct saying *saying)
{
    if (!saying->link.len == !saying->label.len &&
        (!saying->link.len || (!saying->each.len && !saying->close)))
        return true;
    return REFUSE(loader, node,
                  "a 'link' has a 'label' and stands in a 'say' without 'each'; write both");
}

static bool read_saying(struct loader *loader, const struct node *node, struct saying *saying)
{
    static const char *const names[] = {"say",   "line",  "when",     "each",
                                        "lines", "image", "document", "filename",
                                        "link",  "label", NULL};
    const struct node *lines;
    struct sayings inner = {0};

    saying->line = node->line;
    if (node->kind == NODE_SCALAR) {
        if (node->text.len == 0)
            return REFUSE(loader, node, "nothing is said here; name a word or leave it out");
        saying->key = arena_str(loader->arena, node->text);
        return true;
    }
    if (!loader_kind(loader, node, NODE_MAP) || !loader_only(loader, node, names))
        return false;
    if (!node_get(node, "say") == !node_get(node, "line")) {
        return REFUSE(loader, node,
                      "something said is a 'say' or a 'line'; write one of them (a paragraph "
                      "of its own, or close below)");
    }
    saying->close = node_get(node, "line") != NULL;
    if (!loader_text(loader, node, saying->close ? "line" : "say", &saying->key) ||
        !loader_path(loader, node, "when", &saying->when) ||
        !loader_path(loader, node, "each", &saying->each) ||
        !loader_path(loader, node, "image", &saying->image) ||
        !loader_path(loader, node, "document", &saying->document) ||
        !loader_path(loader, node, "filename", &saying->filename) ||
        !loader_path(loader, node, "link", &saying->link) ||
        !loader_text(loader, node, "label", &saying->label) ||
        !may_show_files(loader, node, saying) || !may_show_link(loader, node, saying))
        return false;
    lines = node_get(node, "lines");
    if (!lines)
        return true;
    if (!saying->each.len) {
        return REFUSE(loader, lines,
                      "'lines' belong to an 'each'; add it, or say them by themselves");
    }
    if (!loader_sayings(loader, lines, &inner))
        return false;
    saying->lines = inner.items;
    saying->n_lines = inner.n;
    return true;
}

bool loader_sayings(struct loader *loader, const struct node *node, struct sayings *sayings)
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
