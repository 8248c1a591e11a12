/*
 * The schema for editors: it has the entries that the loader takes and no others, and every
 * flow of ours fits it. (That docs/flow.schema.json is of today, tests/support/flows.sh sees
 * to.)
 */
#include "flows/engine/schema.h"

#include "bot/base/json.h"
#include "flows/engine/book.h"
#include "flows/engine/yaml.h"
#include "tests/sandbox/schema.h"
#include "tests/support/chat.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

/* --- against the loader --------------------------------------------------------------------
 */

#define HEAD "flow: test\ninitial: a\nstates:\n"

/* In each place something that means nothing there: the loader then tells what does. */
static const char *const nonsense[SCHEMA_PLACES] = {
    [SCHEMA_FLOW] = "flow: test\nzzz: 1\n",
    [SCHEMA_STATE] = HEAD "  a: {zzz: 1}\n",
    [SCHEMA_LOAD] = HEAD "  a: {load: {zzz: 1}}\n",
    [SCHEMA_WAY] = HEAD "  a: {always: [{zzz: 1}]}\n",
    [SCHEMA_SAYING] = HEAD "  a: {say: {zzz: 1}}\n",
    [SCHEMA_CHOICE] = HEAD "  a: {ask: {list: x, titles: t, choices: [{zzz: 1}]}}\n",
    [SCHEMA_ASK_TEXT] = HEAD "  a: {ask: {text: x, zzz: 1}}\n",
    [SCHEMA_ASK_LIST] = HEAD "  a: {ask: {list: x, zzz: 1}}\n",
    [SCHEMA_ASK_BUTTONS] = HEAD "  a: {ask: {buttons: x, zzz: 1}}\n",
    [SCHEMA_ASK_LINK] = HEAD "  a: {ask: {link: x, zzz: 1}}\n",
    [SCHEMA_ASK_MEDIA] = HEAD "  a: {ask: {media: x, zzz: 1}}\n",
};

static struct str told_of(enum schema_place place)
{
    struct source_file files[8];
    static const char *const langs[] = {"en", "es", "pl", "ar"};
    struct err err = {0};
    struct book *book = NULL;
    struct str text;
    size_t n = 0;

    for (; n < COUNTOF(langs); n++) {
        files[n] = (struct source_file){arena_format(&arena, "messages/%s.yaml", langs[n]),
                                        STR("x: \"x\"\n")};
    }
    files[n++] = (struct source_file){STR("flows/test.yaml"), str_from(nonsense[place])};
    assert_false(book_create(files, n, &book, &err));
    text = arena_str(&arena, str_from(err.text));
    if (str_find(text, STR("'zzz' means nothing here; there are ")) == text.len)
        fail_msg("%s", err.text);
    return str_slice(text, str_find(text, STR("there are ")) + 10, text.len);
}

static bool has(enum schema_place place, struct str name)
{
    for (size_t i = 0; i < schema_entries_n; i++) {
        if (schema_entries[i].place == place && str_eq(str_from(schema_entries[i].name), name))
            return true;
    }
    return false;
}

static void the_schema_has_the_entries_that_the_loader_takes(void **state)
{
    (void)state;
    for (unsigned place = 0; place < SCHEMA_PLACES; place++) {
        struct str rest = told_of((enum schema_place)place);
        struct str name;
        size_t n = 0;
        size_t ours = 0;

        while (str_split(&rest, ',', &name)) {
            n++;
            if (!has((enum schema_place)place, str_trim(name)))
                fail_msg("place %u: the loader takes '%.*s'", place, STR_ARG(str_trim(name)));
        }
        for (size_t i = 0; i < schema_entries_n; i++)
            ours += schema_entries[i].place == place;
        if (ours != n)
            fail_msg("place %u: %zu entries, and the loader takes %zu", place, ours, n);
    }
}

/* --- against flows -------------------------------------------------------------------------
 */

static json_t *json_of(const struct node *node)
{
    int64_t number;
    json_t *made;

    switch (node->kind) {
    case NODE_LIST:
        made = json_array();
        for (const struct node *item = node->first; item; item = item->next)
            json_array_append_new(made, json_of(item));
        return made;
    case NODE_MAP:
        made = json_object();
        for (const struct node *entry = node->first; entry; entry = entry->next)
            json_object_set_new(made, arena_cstr(&arena, entry->key), json_of(entry));
        return made;
    default:
        break;
    }
    if (!node->quoted && str_to_int(node->text, &number))
        return json_integer(number);
    if (!node->quoted && (str_eq(node->text, STR("true")) || str_eq(node->text, STR("false"))))
        return json_boolean(str_eq(node->text, STR("true")));
    return json_stringn(node->text.at, node->text.len);
}

static bool fits(const json_t *schema, struct str yaml, char reason[SCHEMA_REASON_MAX])
{
    const struct node *root;
    struct err err = {0};
    OWNED_JSON(doc) = NULL;

    if (!yaml_read(&arena, STR("flow"), yaml, &root, &err))
        fail_msg("%s", err.text);
    doc = json_of(root);
    return schema_check(schema, schema, doc, reason);
}

static json_t *schema_json(void)
{
    struct err err = {0};
    json_t *schema = NULL;

    if (!json_read(schema_text(&arena), &schema, &err))
        fail_msg("%s", err.text);
    return schema;
}

static int is_yaml(const struct dirent *entry)
{
    return str_ends(str_from(entry->d_name), STR(".yaml"));
}

static void every_flow_of_ours_fits_the_schema(void **state)
{
    OWNED_JSON(schema) = schema_json();
    struct dirent **entries = NULL;
    int n = scandir(PARLEY_SOURCE_DIR "/flows", &entries, is_yaml, alphasort);
    char reason[SCHEMA_REASON_MAX];

    (void)state;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        struct str path =
            arena_format(&arena, "%s/flows/%s", PARLEY_SOURCE_DIR, entries[i]->d_name);

        if (!fits(schema, chat_file(&arena, path.at), reason))
            fail_msg("%s: %s", path.at, reason);
        free(entries[i]);
    }
    free(entries);
}

static void what_means_nothing_does_not_fit(void **state)
{
    static const char *const all[] = {
        "flow: test\n",
        HEAD "  a: {zzz: 1}\n",
        HEAD "  a: {load: moon_phase, target: done}\n",
        HEAD "  a: {action: fly, target: done}\n",
        HEAD "  a: {ask: {text: x}}\n",
        HEAD "  a: {ask: {text: x, as: y, kind: colour}}\n",
        HEAD "  a: {always: [{guard: shiny, of: x, target: done}]}\n",
        HEAD "  a: {target: Done!}\n",
        HEAD "  a: {again: perhaps}\n",
    };
    OWNED_JSON(schema) = schema_json();
    char reason[SCHEMA_REASON_MAX];

    (void)state;
    for (size_t i = 0; i < COUNTOF(all); i++) {
        if (fits(schema, str_from(all[i]), reason))
            fail_msg("this fits:\n%s", all[i]);
    }
    assert_true(fits(schema, STR(HEAD "  a: {target: done}\n"), reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_has_the_entries_that_the_loader_takes),
        cmocka_unit_test(every_flow_of_ours_fits_the_schema),
        cmocka_unit_test(what_means_nothing_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, forget);
}
