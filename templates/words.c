/*
 * All that Parley says, looked up by key.
 *
 * The entries stand sorted in one array, each with its four languages side by side, so that a
 * look-up is a binary search and English is at hand when a language lacks a key. Nothing
 * changes after `words_create`; a reload makes a new set and lets the old one go when the last
 * conversation has left it.
 */
#include "templates/catalog.h"

#include <stdlib.h>

#define RENDER_MAX ((size_t)64 << 10) /* far beyond what any channel takes */

/* Where the key is, or would be put in. */
static size_t words_position(const struct words *words, struct str key)
{
    size_t from = 0;
    size_t to = words->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (str_compare(words->entries[middle]->key, key) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

const struct entry *words_find(const struct words *words, struct str key)
{
    size_t at = words_position(words, key);
    if (at == words->n || !str_eq(words->entries[at]->key, key))
        return NULL;
    return words->entries[at];
}

struct entry *words_entry(struct words *words, struct str key)
{
    size_t at = words_position(words, key);
    if (at < words->n && str_eq(words->entries[at]->key, key))
        return words->entries[at];
    words->entries = arena_more(&words->arena, words->entries, words->n, &words->room);
    for (size_t i = words->n++; i > at; i--)
        words->entries[i] = words->entries[i - 1];
    words->entries[at] = arena_new(&words->arena, struct entry);
    words->entries[at]->key = arena_str(&words->arena, key);
    return words->entries[at];
}

bool words_create(const struct source_file *files, size_t n, struct words **words,
                  struct err *err)
{
    struct words *made = calloc(1, sizeof(*made));
    if (!made)
        return err_raise(err, ERR_RETRY, "words: out of memory");
    arena_init(&made->arena);
    for (size_t i = 0; i < n; i++) {
        if (!catalog_read(made, &files[i], err)) {
            words_destroy(made);
            return false;
        }
    }
    *words = made;
    return true;
}

void words_destroy(struct words *words)
{
    if (!words)
        return;
    arena_finish(&words->arena);
    free(words);
}

bool words_has(const struct words *words, struct str key)
{
    const struct entry *entry = words_find(words, key);
    for (unsigned lang = 0; entry && lang < LANG_COUNT; lang++) {
        if (!wording_is_given(&entry->in[lang]))
            return false;
    }
    return entry != NULL;
}

struct str words_lacking(struct arena *into, const struct words *words, struct str key)
{
    const struct entry *entry = words_find(words, key);
    struct str lacking = STR_NONE;

    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (entry && wording_is_given(&entry->in[lang]))
            continue;
        lacking = arena_format(into, "%.*s%s%s", STR_ARG(lacking), lacking.len ? ", " : "",
                               lang_code((enum lang)lang));
    }
    return lacking;
}

/* --- rendering --------------------------------------------------------------------------- */

/* The form that the number asks for, or the nearest that there is. */
static const struct text *wording_form(const struct wording *wording, struct scene *scene)
{
    const struct text *forms = wording->forms;
    if (wording->count.len == 0)
        return &forms[PLURAL_OTHER];
    enum plural_form form = PLURAL_OTHER;
    struct value count = scene_value(scene, wording->count);
    if (count.kind == VALUE_LIST && count.list)
        count = value_int((int64_t)count.list->n);
    if (count.kind == VALUE_INT) {
        form = plural_select(scene->locale->lang, count.number);
    } else {
        scene->missing = true;
    }
    if (count.kind == VALUE_INT && count.number == 0 && forms[PLURAL_NONE].n > 0)
        return &forms[PLURAL_NONE];
    if (forms[form].n == 0)
        form = forms[PLURAL_OTHER].n > 0 ? PLURAL_OTHER : PLURAL_MANY;
    return &forms[form];
}

bool words_render_into(struct out *out, struct str key, struct scene *scene)
{
    const struct entry *entry = words_find(scene->words, key);
    enum lang lang = scene->locale->lang;
    if (entry && !wording_is_given(&entry->in[lang])) {
        scene->missing = true;
        lang = LANG_EN;
    }
    if (!entry || !wording_is_given(&entry->in[lang]) || out->len > RENDER_MAX ||
        scene->texts++ >= SCENE_TEXTS_MAX)
        return false;
    struct locale own = *scene->locale;
    const struct locale *outer = scene->locale;
    own.lang = lang;
    scene->locale = &own;
    scene->depth++;
    text_render(out, wording_form(&entry->in[lang], scene), scene);
    scene->depth--;
    scene->locale = outer;
    return true;
}

struct str words_render(struct arena *into, const struct words *words,
                        const struct locale *locale, struct str key,
                        const struct record *values, bool *missing)
{
    struct scene scene = {.words = words, .locale = locale, .values = values};
    struct out out;
    if (values)
        scene.item = value_record(values);
    out_init(&out, into, 256);
    if (!words_render_into(&out, key, &scene))
        scene.missing = true;
    if (scene.missing && missing)
        *missing = true;
    return str_trim(out_text(&out));
}

/* --- checks ------------------------------------------------------------------------------ */

/* A sorted set of names. */
struct names {
    struct arena *into;
    struct str *items;
    size_t n;
    size_t room;
};

static void names_add(struct names *names, struct str name)
{
    size_t at = 0;
    while (at < names->n && str_compare(names->items[at], name) < 0)
        at++;
    if (at < names->n && str_eq(names->items[at], name))
        return;
    names->items = arena_more(names->into, names->items, names->n, &names->room);
    memmove(&names->items[at + 1], &names->items[at], (names->n - at) * sizeof(*names->items));
    names->items[at] = name;
    names->n++;
}

static bool names_has(const struct names *names, struct str name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (str_eq(names->items[i], name))
            return true;
    }
    return false;
}

/* What a key needs in one language, with all the texts that it calls in. */
struct survey {
    const struct words *words;
    enum lang lang;
    struct names variables;
    struct names keys; /* names of keys as written, with their parentheses */
    unsigned depth;
    bool too_deep; /* a text that calls itself in */
};

static void survey_key(struct survey *survey, struct str key);

static void survey_name(struct survey *survey, struct str name)
{
    struct str rest = name;
    struct str piece;
    bool is_path;
    bool dynamic = false;
    names_add(&survey->keys, name);
    while (key_next_piece(&rest, &piece, &is_path)) {
        if (is_path)
            names_add(&survey->variables, piece);
        dynamic = dynamic || is_path;
    }
    if (!dynamic)
        survey_key(survey, name);
}

static void survey_text(struct survey *survey, const struct text *text)
{
    for (size_t i = 0; i < text->n && !survey->too_deep; i++) {
        const struct step *step = &text->steps[i];
        if (step->kind == STEP_KEY) {
            survey_name(survey, step->text);
        } else if (step->kind != STEP_TEXT) {
            names_add(&survey->variables, step->text);
        }
    }
}

static void survey_key(struct survey *survey, struct str key)
{
    const struct entry *entry = words_find(survey->words, key);
    if (!entry)
        return;
    const struct wording *wording = &entry->in[survey->lang];
    if (survey->depth == TEXT_DEPTH_MAX) {
        survey->too_deep = true;
        return;
    }
    survey->depth++;
    if (wording->count.len > 0)
        names_add(&survey->variables, wording->count);
    for (unsigned form = 0; form < PLURAL_COUNT; form++)
        survey_text(survey, &wording->forms[form]);
    survey->depth--;
}

static struct survey survey_of(struct arena *into, const struct words *words, enum lang lang,
                               struct str key)
{
    struct survey survey = {
        .words = words, .lang = lang, .variables.into = into, .keys.into = into};
    survey_key(&survey, key);
    return survey;
}

struct str_list words_variables(struct arena *into, const struct words *words, struct str key)
{
    struct names all = {.into = into};
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct survey survey = survey_of(into, words, (enum lang)lang, key);
        for (size_t i = 0; i < survey.variables.n; i++) {
            if (survey.variables.items[i].at[0] != '.')
                names_add(&all, survey.variables.items[i]);
        }
    }
    return (struct str_list){all.items, all.n};
}

/* Whether a key's letters fit the name of a step: each value in parentheses stands for one or
 * more letters without a dot. */
bool words_name_fits(struct str name, struct str key)
{
    struct str rest = name;
    struct str piece;
    bool is_path;
    while (key_next_piece(&rest, &piece, &is_path)) {
        size_t len = is_path ? str_find(key, STR(".")) : piece.len;
        if (len == 0 || len > key.len || (!is_path && !str_starts(key, piece)))
            return false;
        key = str_slice(key, len, key.len);
    }
    return key.len == 0;
}

/* Those that fit begin alike, and stand together. */
const struct entry *words_fitting(const struct words *words, struct str name, size_t *at)
{
    struct str head = str_slice(name, 0, str_find(name, STR("(")));
    size_t first = words_position(words, head);

    for (size_t i = *at > first ? *at : first; i < words->n; i++) {
        const struct entry *entry = words->entries[i];

        if (!str_starts(entry->key, head))
            break;
        if (words_name_fits(name, entry->key)) {
            *at = i + 1;
            return entry;
        }
    }
    return NULL;
}

static bool name_is_known(const struct words *words, enum lang lang, struct str name)
{
    const struct entry *entry;
    size_t at = 0;

    while ((entry = words_fitting(words, name, &at))) {
        if (wording_is_given(&entry->in[lang]))
            return true;
    }
    return false;
}

/* The start of every complaint: the place, and the key. */
static bool refuse_wording(struct err *err, const struct entry *entry, enum lang lang,
                           const char *reason)
{
    return err_raise(err, ERR_REJECT, "%.*s:%u: %.*s %s", STR_ARG(entry->in[lang].file),
                     entry->in[lang].line, STR_ARG(entry->key), reason);
}

static bool check_given(const struct words *words, const struct entry *entry, struct err *err)
{
    unsigned has = 0;
    while (has < LANG_COUNT && !wording_is_given(&entry->in[has]))
        has++;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (has < LANG_COUNT && !wording_is_given(&entry->in[lang])) {
            return err_raise(err, ERR_REJECT,
                             "%.*s: %.*s is missing, which %.*s:%u has: add it",
                             STR_ARG(words->files[lang]), STR_ARG(entry->key),
                             STR_ARG(entry->in[has].file), entry->in[has].line);
        }
    }
    return true;
}

static bool check_keys(struct arena *scratch, const struct survey *survey,
                       const struct entry *entry, struct err *err)
{
    if (survey->too_deep) {
        return refuse_wording(err, entry, survey->lang,
                              "calls itself in, by {{> ...}}: take one of the calls out");
    }
    for (size_t i = 0; i < survey->keys.n; i++) {
        struct str name = survey->keys.items[i];
        if (name_is_known(survey->words, survey->lang, name))
            continue;
        return refuse_wording(err, entry, survey->lang,
                              arena_format(scratch,
                                           "calls in {{> %.*s}}, and there is no such key: "
                                           "correct the name",
                                           STR_ARG(name))
                                  .at);
    }
    return true;
}

/* `other` uses no variable that `survey` does not. */
static bool check_variables(struct arena *scratch, const struct survey *survey,
                            const struct survey *other, const struct entry *entry,
                            struct err *err)
{
    for (size_t i = 0; i < other->variables.n; i++) {
        struct str name = other->variables.items[i];
        const struct wording *there = &entry->in[other->lang];
        if (names_has(&survey->variables, name))
            continue;
        return refuse_wording(
            err, entry, survey->lang,
            arena_format(scratch,
                         "does not use {{%.*s}}, which %.*s:%u does: use it in both or in "
                         "neither",
                         STR_ARG(name), STR_ARG(there->file), there->line)
                .at);
    }
    return true;
}

static bool check_entry(struct arena *scratch, const struct words *words,
                        const struct entry *entry, struct err *err)
{
    if (!check_given(words, entry, err))
        return false;
    struct survey first = survey_of(scratch, words, LANG_EN, entry->key);
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        struct survey survey = survey_of(scratch, words, (enum lang)lang, entry->key);
        if (!check_keys(scratch, &survey, entry, err) ||
            !check_variables(scratch, &survey, &first, entry, err) ||
            !check_variables(scratch, &first, &survey, entry, err))
            return false;
    }
    return true;
}

bool words_check(const struct words *words, struct err *err)
{
    struct arena scratch;
    bool good = true;
    for (unsigned lang = 0; lang < LANG_COUNT; lang++) {
        if (words->files[lang].len == 0) {
            return err_raise(err, ERR_REJECT, "there are no words in \"%s\": add %s.yaml",
                             lang_code((enum lang)lang), lang_code((enum lang)lang));
        }
    }
    arena_init(&scratch);
    for (size_t i = 0; good && i < words->n; i++) {
        good = check_entry(&scratch, words, words->entries[i], err);
        arena_reset(&scratch);
    }
    arena_finish(&scratch);
    return good;
}
