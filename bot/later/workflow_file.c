/*
 * Reading is strict: a misspelt entry must never be silently nothing, and whatever could leave
 * a customer with a bare sign, or an order without an end, is refused here.
 */
#include "bot/later/workflow_file.h"

#include "bot/base/json.h"
#include "flows/engine/yaml.h"
#include "templates/words.h"

enum { STATES_MAX = 40, NAME_MAX_LEN = 40, WORD_MAX = 30, ICON_MAX = 4 };

struct reading {
    struct arena *into;
    struct str file;
    struct err *err;
};

#define REFUSE(reading, node, format, ...)                                                     \
    err_raise((reading)->err, ERR_REJECT, "%.*s:%u: " format, STR_ARG((reading)->file),        \
              (node)->line, ##__VA_ARGS__)

/* --- small readers -------------------------------------------------------------------------
 */

static bool is_name(struct str text)
{
    if (text.len == 0 || text.len > NAME_MAX_LEN || text.at[0] == '_')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool only(struct reading *reading, const struct node *map, const char *const *names)
{
    const struct node *stranger = node_stranger(map, names);
    return !stranger ||
           REFUSE(reading, stranger, "'%.*s' means nothing here; see docs/operate.md",
                  STR_ARG(str_slice(stranger->key, 0, 60)));
}

static bool want_map(struct reading *reading, const struct node *node, const char *what)
{
    return node->kind == NODE_MAP || REFUSE(reading, node, "%s", what);
}

/* A line of words that people read. */
static bool read_words(struct reading *reading, const struct node *node, size_t max,
                       struct str *words)
{
    if (node->kind != NODE_SCALAR || str_trim(node->text).len == 0)
        return REFUSE(reading, node, "'%.*s' wants a word", STR_ARG(node->key));
    *words = str_trim(node->text);
    for (size_t i = 0; i < words->len; i++) {
        if ((unsigned char)words->at[i] < ' ')
            return REFUSE(reading, node, "'%.*s' is one line", STR_ARG(node->key));
    }
    if (str_length(*words) <= max)
        return true;
    return REFUSE(reading, node, "'%.*s' has %zu characters, and %zu fit; shorten it",
                  STR_ARG(node->key), str_length(*words), max);
}

/* --- a state --------------------------------------------------------------------------------
 */

static bool read_phase(struct reading *reading, const struct node *map,
                       struct workflow_state *state)
{
    static const char *const phases[] = {"active", "done", "cancelled"};
    const struct node *node = node_get(map, "phase");
    state->phase = STR("active");
    if (!node)
        return true;
    for (size_t i = 0; i < COUNTOF(phases); i++) {
        if (node->kind == NODE_SCALAR && str_eq(node->text, str_from(phases[i]))) {
            state->phase = str_from(phases[i]);
            return true;
        }
    }
    return REFUSE(reading, node, "'phase' is active, done or cancelled");
}

static bool read_progress(struct reading *reading, const struct node *map,
                          struct workflow_state *state)
{
    const struct node *node = node_get(map, "progress");
    int64_t percent;
    state->progress = -1;
    if (!node)
        return true;
    if (node->kind != NODE_SCALAR || !str_to_int(node->text, &percent) || percent < 0 ||
        percent > 100)
        return REFUSE(reading, node, "'progress' is a whole number from 0 to 100");
    state->progress = (int)percent;
    return true;
}

static bool read_in_transit(struct reading *reading, const struct node *map,
                            struct workflow_state *state)
{
    const struct node *node = node_get(map, "in_transit");
    if (!node)
        return true;
    state->in_transit = node->kind == NODE_SCALAR && str_eq(node->text, STR("true"));
    if (state->in_transit || (node->kind == NODE_SCALAR && str_eq(node->text, STR("false"))))
        return true;
    return REFUSE(reading, node, "'in_transit' is true or false");
}

static bool read_icon(struct reading *reading, const struct node *map,
                      struct workflow_state *state)
{
    const struct node *node = node_get(map, "icon");
    if (!node)
        return true;
    if (!read_words(reading, node, ICON_MAX, &state->icon))
        return false;
    for (size_t i = 0; i < state->icon.len; i++) {
        if ((unsigned char)state->icon.at[i] < 0x80) {
            return REFUSE(reading, node,
                          "'icon' is one sign, such as \"🔧\"; words go to 'names'");
        }
    }
    return true;
}

static bool read_names(struct reading *reading, const struct node *map,
                       struct workflow_state *state)
{
    const struct node *node = node_get(map, "names");
    OWNED_JSON(names) = json_object();
    state->names = STR("{}");
    if (!node)
        return true;
    if (!want_map(reading, node, "'names' is a map by language: {en: Ready, es: Listo}"))
        return false;
    for (const struct node *entry = node->first; entry; entry = entry->next) {
        enum lang lang;
        struct str name = STR_NONE;
        if (entry->key.len != 2 || !lang_parse(entry->key, &lang)) {
            return REFUSE(reading, entry,
                          "'%.*s' is no language of ours; there are en, es, pl, ar",
                          STR_ARG(str_slice(entry->key, 0, 60)));
        }
        if (!read_words(reading, entry, WORD_MAX, &name))
            return false;
        json_set_text(names, lang_code(lang), name);
    }
    state->names = json_write(reading->into, names);
    return true;
}

/* States that we have words of our own for, so that a file may leave them unnamed. */
static bool is_ours(struct str workflow, struct str status)
{
    static const struct {
        const char *workflow;
        const char *statuses;
    } ours[] = {
        {"shop",   " processing shipped delivered cancelled "                          },
        {"repair", " received in_progress waiting_for_parts ready completed "          },
        {"job",    " not_started in_progress quality_check ready_for_pickup completed "},
    };
    char padded[NAME_MAX_LEN + 3];
    size_t len = (size_t)snprintf(padded, sizeof(padded), " %.*s ", STR_ARG(status));
    for (size_t i = 0; i < COUNTOF(ours); i++) {
        struct str all = str_from(ours[i].statuses);
        if (str_eq(str_from(ours[i].workflow), workflow) &&
            str_find(all, (struct str){padded, len}) < all.len)
            return true;
    }
    return false;
}

static bool has_a_name(const struct workflow_state *state)
{
    return !str_eq(state->names, STR("{}"));
}

static bool read_state(struct reading *reading, const struct node *map, struct str workflow,
                       struct workflow_state *state)
{
    static const char *const names[] = {"phase", "progress", "in_transit",
                                        "icon",  "names",    NULL};
    if (!is_name(map->key)) {
        return REFUSE(
            reading, map,
            "'%.*s' is no name of a state: use a-z, 0-9 and _, at most %d of them, not _ "
            "first; what people read goes to 'names'",
            STR_ARG(str_slice(map->key, 0, 60)), NAME_MAX_LEN);
    }
    *state = (struct workflow_state){.status = map->key};
    if (!want_map(reading, map, "a state is a map: {progress: 20, names: {en: Ready}}") ||
        !only(reading, map, names) || !read_phase(reading, map, state) ||
        !read_progress(reading, map, state) || !read_in_transit(reading, map, state) ||
        !read_icon(reading, map, state) || !read_names(reading, map, state))
        return false;
    if (has_a_name(state) || is_ours(workflow, state->status))
        return true;
    return REFUSE(
        reading, map,
        "state '%.*s' has no name for people, and an icon alone is not heard or seen by "
        "all: add 'names'",
        STR_ARG(state->status));
}

/* --- the whole ------------------------------------------------------------------------------
 */

static size_t count_phase(const struct workflow_state *states, size_t n, const char *phase)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += str_eq(states[i].phase, str_from(phase));
    return count;
}

/* Where no progress is said: from little to much through what is active; done is all. */
static void spread_progress(struct workflow_state *states, size_t n)
{
    size_t active = count_phase(states, n, "active");
    size_t step = 0;
    for (size_t i = 0; i < n; i++) {
        bool is_active = str_eq(states[i].phase, STR("active"));
        step += is_active;
        if (states[i].progress >= 0)
            continue;
        states[i].progress = is_active ? (int)(100 * step / (active + 1))
                                       : 100 * str_eq(states[i].phase, STR("done"));
    }
}

static bool read_states(struct reading *reading, const struct node *map,
                        struct workflow *workflow)
{
    if (!want_map(reading, map,
                  "'states' is a map: the states in their order, each with its own"))
        return false;
    if (map->n == 0 || map->n > STATES_MAX)
        return REFUSE(reading, map, "a workflow has 1 to %d states", STATES_MAX);
    struct workflow_state *states = arena_array(reading->into, struct workflow_state, map->n);
    for (const struct node *entry = map->first; entry; entry = entry->next) {
        if (!read_state(reading, entry, workflow->name, &states[workflow->n++]))
            return false;
    }
    workflow->states = states;
    if (count_phase(states, workflow->n, "active") == 0)
        return REFUSE(reading, map, "no state is active: where does the work begin?");
    if (count_phase(states, workflow->n, "done") == 0)
        return REFUSE(reading, map, "no state is done: give the last one 'phase: done'");
    spread_progress(states, workflow->n);
    return true;
}

bool workflow_read(struct arena *into, struct str file, struct str bytes,
                   struct workflow *workflow, struct err *err)
{
    static const char *const names[] = {"workflow", "states", NULL};
    struct reading reading = {.into = into, .file = file, .err = err};
    const struct node *root;
    *workflow = (struct workflow){0};
    if (!yaml_read(into, file, bytes, &root, err))
        return false;
    if (root->kind != NODE_MAP || !only(&reading, root, names)) {
        return root->kind == NODE_MAP
                   ? false
                   : REFUSE(&reading, root,
                            "a file begins with 'workflow: NAME' and 'states:'");
    }
    const struct node *name = node_get(root, "workflow");
    const struct node *states = node_get(root, "states");
    if (!name || !states)
        return REFUSE(&reading, root, "'workflow' and 'states' are both needed");
    if (name->kind != NODE_SCALAR || !is_name(name->text)) {
        return REFUSE(&reading, name,
                      "the workflow's name is made of a-z, 0-9 and _, at most %d of them",
                      NAME_MAX_LEN);
    }
    workflow->name = name->text;
    return read_states(&reading, states, workflow);
}

/* --- writing --------------------------------------------------------------------------------
 */

/* In double quotes, as YAML and JSON both read it. */
static struct str quoted(struct arena *into, struct str text)
{
    char *at = arena_alloc(into, 2 * text.len + 3);
    size_t len = 0;
    at[len++] = '"';
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            at[len++] = '\\';
        at[len++] = text.at[i];
    }
    at[len++] = '"';
    return (struct str){at, len};
}

/* A state's name in each of our languages; empty where it has none. */
static void names_of(struct arena *into, const struct workflow_state *state,
                     struct str names[LANG_COUNT])
{
    OWNED_JSON(all) = NULL;
    struct err ignored = {0};
    if (!json_read(state->names, &all, &ignored))
        all = json_object();
    for (unsigned lang = 0; lang < LANG_COUNT; lang++)
        names[lang] = json_text(into, all, lang_code((enum lang)lang));
}

static struct str write_names(struct arena *into, const struct workflow_state *state)
{
    struct str names[LANG_COUNT];
    struct str text = STR("");
    names_of(into, state, names);
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (names[lang].len == 0)
            continue;
        text = arena_format(into, "%.*s%s%s: %.*s", STR_ARG(text), text.len ? ", " : "",
                            lang_code((enum lang)lang), STR_ARG(quoted(into, names[lang])));
    }
    return text;
}

static struct str write_state(struct arena *into, const struct workflow_state *state)
{
    struct str names = write_names(into, state);
    struct str text =
        arena_format(into, "  %.*s:\n    phase: %.*s\n    progress: %d\n",
                     STR_ARG(state->status), STR_ARG(state->phase), state->progress);
    if (state->in_transit)
        text = arena_format(into, "%.*s    in_transit: true\n", STR_ARG(text));
    if (state->icon.len > 0) {
        text = arena_format(into, "%.*s    icon: %.*s\n", STR_ARG(text),
                            STR_ARG(quoted(into, state->icon)));
    }
    if (names.len > 0)
        text = arena_format(into, "%.*s    names: {%.*s}\n", STR_ARG(text), STR_ARG(names));
    return text;
}

struct str workflow_write(struct arena *into, const struct workflow *workflow)
{
    struct str text = arena_format(into, "workflow: %.*s\nstates:\n", STR_ARG(workflow->name));
    for (size_t i = 0; i < workflow->n; i++) {
        text = arena_format(into, "%.*s%.*s", STR_ARG(text),
                            STR_ARG(write_state(into, &workflow->states[i])));
    }
    return text;
}

struct str workflow_unnamed(struct arena *into, const struct workflow_state *state)
{
    struct str names[LANG_COUNT];
    struct str langs = STR("");
    names_of(into, state, names);
    for (unsigned lang = 0; has_a_name(state) && lang < LANG_COUNT; lang++) {
        if (names[lang].len == 0) {
            langs = arena_format(into, "%.*s%s%s", STR_ARG(langs), langs.len ? ", " : "",
                                 lang_code((enum lang)lang));
        }
    }
    return langs;
}
