/*
 * Rules as a file has them are JSON, and stay it: the database reads them. What is looked at
 * here is what it would pass over.
 */
#include "bot/later/cancellation_rules.h"

#include "bot/base/json.h"

#include <stdio.h>

#define FILE_MAX_BYTES ((size_t)1 << 20)

/* A name that is slightly wrong would otherwise be a condition that is not asked. */
static bool check_rule(const json_t *rule, size_t i, struct err *err)
{
    static const char *const names[] = {"id",           "workflow",  "statuses", "phase",
                                        "part_shipped", "paid",      "open_for", "effect",
                                        "why",          "why_words", "help",     "help_words"};
    const char *name;
    json_t *value;
    if (!json_is_object(rule))
        return err_raise(err, ERR_REJECT, "rule %zu is no object", i + 1);
    json_object_foreach((json_t *)rule, name, value)
    {
        bool known = false;
        for (size_t k = 0; k < COUNTOF(names); k++)
            known = known || strcmp(names[k], name) == 0;
        if (!known) {
            return err_raise(err, ERR_REJECT, "rule %zu asks for '%s', which is nothing", i + 1,
                             name);
        }
    }
    return true;
}

bool cancellation_rules_read(struct arena *into, const char *path, const struct str **rules,
                             size_t *n, struct err *err)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_raise(err, ERR_REJECT, "%s: cannot be read", path);
    char *bytes = arena_alloc(into, FILE_MAX_BYTES);
    size_t len = fread(bytes, 1, FILE_MAX_BYTES, file);
    (void)fclose(file);
    OWNED_JSON(doc) = NULL;
    if (!json_read((struct str){bytes, len}, &doc, err))
        return err_wrap(err, "%s", path);
    if (!json_is_array(doc)) {
        return err_raise(err, ERR_REJECT, "%s: a list of rules is wanted, as `rules` prints it",
                         path);
    }
    *n = json_array_size(doc);
    struct str *kept = arena_array(into, struct str, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        const json_t *rule = json_array_get(doc, i);
        if (!check_rule(rule, i, err))
            return err_wrap(err, "%s", path);
        kept[i] = json_write(into, rule);
    }
    *rules = kept;
    return true;
}
