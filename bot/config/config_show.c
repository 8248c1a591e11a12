/*
 * The settings told to people: as they are here, as a reference, as an example file.
 */
#include "bot/config/config_settings.h"

#include <ctype.h>

#define WIDTH 92

/* Text that grows. */
struct page {
    struct arena *into;
    char *at;
    size_t len, room;
};

static void put(struct page *page, struct str text)
{
    if (page->len + text.len + 1 > page->room) {
        size_t room = (page->len + text.len + 1) * 2;
        char *at = arena_array(page->into, char, room);
        if (page->at)
            memcpy(at, page->at, page->len);
        page->at = at;
        page->room = room;
    }
    if (text.len && page->at)
        memcpy(page->at + page->len, text.at, text.len);
    page->len += text.len;
}

#define PUT(page, ...) put((page), arena_format((page)->into, __VA_ARGS__))

/* Words broken into lines, each behind `lead`. */
static void put_wrapped(struct page *page, struct str lead, const char *words)
{
    struct str rest = str_from(words), word;
    size_t column = 0;
    while (str_split(&rest, ' ', &word)) {
        if (column > 0 && lead.len + column + 1 + word.len > WIDTH) {
            put(page, STR("\n"));
            column = 0;
        }
        put(page, column == 0 ? lead : STR(" "));
        put(page, word);
        column += word.len + 1;
    }
    put(page, STR("\n"));
}

static struct str page_text(const struct page *page)
{
    return (struct str){page->at, page->len};
}

/* "whatsapp.apps.*.token" -> "whatsapp.apps.default.token". */
static struct str path_for(struct arena *into, const struct setting *setting, struct str app)
{
    const char *star = strchr(setting->path, '*');
    return star ? arena_format(into, "%.*s%.*s%s", (int)(star - setting->path), setting->path,
                               STR_ARG(app), star + 1)
                : str_from(setting->path);
}

static struct str env_name(struct arena *into, struct str path)
{
    struct str name = arena_format(into, "PARLEY_%.*s", STR_ARG(path));
    for (char *c = (char *)name.at; *c; c++)
        *c = (char)(*c == '.' || *c == '-' ? '_' : toupper((unsigned char)*c));
    return name;
}

/* --- here ----------------------------------------------------------------------------------
 */

static void show_one(struct page *page, const struct config *config,
                     const struct setting *setting, struct str app)
{
    const struct given *one = given_find(&config->details->given, setting, app);
    struct str text = one ? one->text : str_from(setting->initial);
    if (text.len > 0 && setting->type == SETTING_SECRET)
        text = STR("***");
    if (text.len == 0 && strcmp(setting->path, "flows.folder") == 0)
        text = config->flows.folder;
    struct str path = path_for(page->into, setting, app);
    PUT(page, "%-34.*s %-36.*s %s\n", STR_ARG(path), STR_ARG(text.len ? text : STR("-")),
        one ? one->place : "default");
}

/* Whether it is a setting of apps in that section. */
static bool is_below(const struct setting *setting, const char *section)
{
    return strchr(setting->path, '*') && str_starts(str_from(setting->path), str_from(section));
}

struct str config_show(struct arena *into, const struct config *config)
{
    struct page page = {.into = into};
    for (size_t i = 0; i < settings_n; i++) {
        if (!strchr(settings[i].path, '*'))
            show_one(&page, config, &settings[i], STR_NONE);
        for (size_t j = 0; is_below(&settings[i], "whatsapp") && j < config->whatsapp.n_apps;
             j++)
            show_one(&page, config, &settings[i], config->whatsapp.apps[j].name);
        for (size_t j = 0; is_below(&settings[i], "crm") && j < config->crm.n_apps; j++)
            show_one(&page, config, &settings[i], config->crm.apps[j].name);
    }
    return page_text(&page);
}

/* --- the reference -------------------------------------------------------------------------
 */

/* The part of a path before its last dot: the section that a setting stands in. */
static struct str section_of(struct str path)
{
    size_t dot = path.len;
    while (dot > 0 && path.at[dot - 1] != '.')
        dot--;
    return str_slice(path, 0, dot ? dot - 1 : 0);
}

static const char *type_name(const struct setting *setting)
{
    static const char *const names[] = {
        [SETTING_TEXT] = "text",          [SETTING_SECRET] = "secret text",
        [SETTING_ADDRESS] = "address",    [SETTING_COUNT] = "whole number",
        [SETTING_BOOL] = "true or false", [SETTING_DURATION] = "duration",
        [SETTING_SIZE] = "size",
    };
    return names[setting->type];
}

static void doc_one(struct page *page, const struct setting *setting)
{
    struct arena *into = page->into;
    struct str path = path_for(into, setting, STR("NAME"));
    PUT(page, "\n### `%.*s`\n\n", STR_ARG(path));
    put_wrapped(page, STR_NONE, setting->help);
    PUT(page, "\n%s", type_name(setting));
    if (setting->choices)
        PUT(page, ", one of: %s", setting->choices);
    if (setting->most > 0) {
        PUT(page, ", %.*s to %.*s", STR_ARG(setting_number(into, setting, setting->least)),
            STR_ARG(setting_number(into, setting, setting->most)));
    }
    PUT(page, "; default: %s%s%s; environment: `%.*s`", *setting->initial ? "`" : "",
        *setting->initial ? setting->initial : "none", *setting->initial ? "`" : "",
        STR_ARG(env_name(into, path)));
    if (setting->type == SETTING_SECRET) {
        PUT(page, "; in a file of its own: `%.*s_file`, `%.*s_FILE`", STR_ARG(path),
            STR_ARG(env_name(into, path)));
    }
    put(page, STR("\n"));
}

struct str config_docs(struct arena *into)
{
    static const char head[] =
        "# Configuration\n"
        "\n"
        "Printed by `parley config docs` from the table in `bot/config/config_settings.c`; a "
        "test "
        "holds\n"
        "this page to it.\n"
        "\n"
        "One YAML file, with the environment on top: a value of the environment wins over the\n"
        "file's, and either over the default. The file is the one named by `--config` or\n"
        "`PARLEY_CONFIG`, else `./parley.yaml`, else `/etc/parley/parley.yaml`; there need be\n"
        "none. Sections are nested (`database:` and below it `url:`); the environment joins "
        "them\n"
        "with `_` in capitals: `PARLEY_DATABASE_URL`. `deploy/parley.example.yaml` has every\n"
        "setting in it.\n"
        "\n"
        "Everything is checked before anything starts. An unknown name is an error that "
        "suggests\n"
        "the nearest one, and every error names its line or its variable. `parley config "
        "check`\n"
        "only checks; `parley config show` prints every value and where it came from, secrets "
        "as\n"
        "`***`.\n"
        "\n"
        "Durations are a number and `us`, `ms`, `s`, `m`, `h` or `d`; sizes a number and `B`,\n"
        "`KB`, `MB` or `GB` (1 KB is 1024 bytes); both may be a bare `0`. A secret may stand "
        "in\n"
        "a file of its own, named by the setting with `_file` behind it: the newline at its "
        "end\n"
        "does not count, and there is a warning when every user may read it. For the app\n"
        "`default` the plain names `WHATSAPP_APP_SECRET`, `WHATSAPP_VERIFY_TOKEN` and\n"
        "`WHATSAPP_TOKEN` are read too.\n";
    struct page page = {.into = into};
    put(&page, str_from(head));
    struct str section = STR("");
    PUT(&page, "\n## The service\n");
    for (size_t i = 0; i < settings_n; i++) {
        struct str its = section_of(path_for(into, &settings[i], STR("NAME")));
        size_t dot = str_find(its, STR("."));
        struct str top = str_slice(its, 0, dot);
        if (!str_eq(top, section)) {
            PUT(&page, "\n## `%.*s`\n\n%s\n", STR_ARG(top), settings_section_help(top));
            section = top;
        }
        doc_one(&page, &settings[i]);
    }
    return page_text(&page);
}

/* --- the example ---------------------------------------------------------------------------
 */

static struct str indent(size_t depth)
{
    static const char spaces[] = "                ";
    return (struct str){spaces, 2 * depth};
}

/* Open the sections of `path` that the one before it was not in. */
static void open_sections(struct page *page, struct str before, struct str section)
{
    struct str rest = section, name;
    size_t depth = 0, end = 0;
    while (str_split(&rest, '.', &name)) {
        end += name.len + (depth > 0);
        struct str whole = str_slice(section, 0, end);
        bool open = str_starts(before, whole) &&
                    (before.len == whole.len || before.at[whole.len] == '.');
        const char *help = settings_section_help(whole);
        if (!open && depth == 0)
            put(page, STR("\n"));
        if (!open && help)
            put_wrapped(page, arena_format(page->into, "%.*s# ", STR_ARG(indent(depth))), help);
        /* Apps are shown as comments: an example has no secrets. */
        bool apps = str_find(whole, STR(".apps")) < whole.len;
        if (!open)
            PUT(page, "%.*s%s%.*s:\n", STR_ARG(indent(depth)), apps ? "# " : "", STR_ARG(name));
        depth++;
    }
}

static void example_one(struct page *page, const struct setting *setting, size_t depth)
{
    struct str lead = arena_format(page->into, "%.*s# ", STR_ARG(indent(depth)));
    put_wrapped(page, lead, setting->help);
    if (setting->choices)
        PUT(page, "%.*sOne of: %s.\n", STR_ARG(lead), setting->choices);
    const char *name = strrchr(setting->path, '.');
    name = name ? name + 1 : setting->path;
    if (*setting->initial) {
        PUT(page, "%.*s%s: %s\n", STR_ARG(indent(depth)), name, setting->initial);
    } else {
        PUT(page, "%.*s# %s: %s\n", STR_ARG(indent(depth)), name,
            setting->sample ? setting->sample : "");
    }
    if (setting->type == SETTING_SECRET)
        PUT(page, "%.*s# %s_file: /run/secrets/%s\n", STR_ARG(indent(depth)), name, name);
}

struct str config_example(struct arena *into)
{
    struct page page = {.into = into};
    put(&page, STR("# Every setting with its default, printed by `parley config example`. Copy "
                   "what you change to\n"
                   "# parley.yaml or /etc/parley/parley.yaml, and try it with `parley config "
                   "check`.\n"));
    struct str before = STR("");
    for (size_t i = 0; i < settings_n; i++) {
        struct str section = section_of(path_for(into, &settings[i], STR("default")));
        open_sections(&page, before, section);
        if (section.len == 0)
            put(&page, STR("\n"));
        size_t depth = 0;
        for (size_t j = 0; j < section.len; j++)
            depth += section.at[j] == '.';
        example_one(&page, &settings[i], section.len ? depth + 1 : 0);
        before = section;
    }
    return page_text(&page);
}
