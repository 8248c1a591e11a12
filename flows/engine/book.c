/*
 * A book is made of its files, whole and checked, or not at all; afterwards it never changes.
 */
#include "flows/engine/loader.h"
#include "flows/templates.h"

#include <stdlib.h>

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

        if (!str_starts(files[i].name, STR("flows/")) || !str_ends(files[i].name, STR(".yaml")))
            continue;
        loader->file = arena_str(loader->arena, files[i].name);
        if (!yaml_read(loader->scratch, loader->file, files[i].bytes, &root, loader->err) ||
            !loader_flow(loader, root, &book->flows[book->n_flows]))
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
        } else if (!str_starts(files[i].name, STR("flows/")) &&
                   !str_starts(files[i].name, STR("whatsapp/"))) {
            return err_raise(err, ERR_REJECT,
                             "%.*s:1: a book is flows/, messages/ and whatsapp/ only",
                             STR_ARG(files[i].name));
        }
    }
    return words_create(messages, n_messages, &book->words, err) &&
           words_check(book->words, err);
}

static int by_say(const void *a, const void *b)
{
    const struct message_template *left = a, *right = b;
    int order = (left->n_params < right->n_params) - (left->n_params > right->n_params);

    return order != 0 ? order : str_compare(left->name, right->name);
}

/* Their own words are in the file, but a parameter may want some of the book's. */
static bool check_keys(struct loader *loader, const struct message_template *template,
                       const struct words *words)
{
    for (size_t i = 0; i < template->n_params; i++) {
        struct str key = template->params[i].key;
        if (key.len > 0 && !words_has(words, key)) {
            return err_raise(loader->err, ERR_REJECT, "%.*s:1: there are no words '%.*s'",
                             STR_ARG(template->file), STR_ARG(key));
        }
    }
    return true;
}

static bool read_templates(struct loader *loader, const struct source_file *files, size_t n,
                           struct book *book)
{
    struct message_template *templates =
        arena_array(loader->arena, struct message_template, n + 1);

    for (size_t i = 0; i < n; i++) {
        struct message_template *template = &templates[book->n_templates];
        const struct node *root;

        if (!str_starts(files[i].name, STR("whatsapp/")))
            continue;
        loader->file = arena_str(loader->arena, files[i].name);
        if (!yaml_read(loader->scratch, loader->file, files[i].bytes, &root, loader->err) ||
            !loader_template(loader, root, template) ||
            !check_keys(loader, template, book->words))
            return false;
        book->n_templates++;
    }
    qsort(templates, book->n_templates, sizeof *templates, by_say);
    book->templates = templates;
    return true;
}

/* Weights that stand beside the flows are used; else those that are built in. */
static bool read_trained(const struct source_file *files, size_t n, struct book *book,
                         struct err *err)
{
    struct str bytes = trained_bytes();
    const char *wrong;

    for (size_t i = 0; i < n; i++) {
        if (str_eq(files[i].name, STR("flows/model.bin")))
            bytes = arena_str(&book->arena, files[i].bytes);
    }
    wrong = trained_open(bytes, &book->trained);
    return !wrong || err_raise(err, ERR_REJECT, "flows/model.bin: %s", wrong);
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
           read_templates(&loader, sorted, n, book) && read_trained(sorted, n, book, err) &&
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

bool flow_takes(const struct flow_def *flow, struct str name)
{
    for (size_t i = 0; i < flow->n_takes; i++) {
        if (str_eq(flow->takes[i], name))
            return true;
    }
    return false;
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
