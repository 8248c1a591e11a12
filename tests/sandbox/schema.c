/*
 * A small walker over schema and value together.
 *
 * The path is kept as it is walked, so that a reason names the member. Branches (anyOf, oneOf)
 * keep the reason of the branch that came furthest: with a discriminating `type` member that is
 * the branch that was meant.
 */
#include "tests/sandbox/schema.h"

#include "bot/base/str.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>

#define DEPTH_MAX 64

struct walk {
    const json_t *document;
    char *reason;
    char path[160];
    unsigned depth;
    unsigned furthest; /* how deep the reason lies */
};

static bool check(struct walk *walk, const json_t *schema, const json_t *value);

static bool misfit(struct walk *walk, const char *format, ...) PRINTF(2, 3);

static bool misfit(struct walk *walk, const char *format, ...)
{
    if (walk->reason[0] && walk->depth < walk->furthest)
        return false;
    walk->furthest = walk->depth;
    int n = snprintf(walk->reason, SCHEMA_REASON_MAX, "%s: ", walk->path);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(walk->reason + n, SCHEMA_REASON_MAX - (size_t)n, format, args);
    va_end(args);
    return false;
}

/* Follow "#/components/schemas/Name"; NULL when it leads nowhere. */
static const json_t *resolve(const json_t *document, const char *ref)
{
    struct str rest = str_from(ref);
    struct str piece;
    if (!str_starts(rest, STR("#/")))
        return NULL;
    rest = str_slice(rest, 2, rest.len);
    while (document && str_split(&rest, '/', &piece)) {
        char name[128];
        (void)snprintf(name, sizeof(name), "%.*s", STR_ARG(piece));
        document = json_object_get(document, name);
    }
    return document;
}

static bool is_type(const char *name, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return strcmp(name, "object") == 0;
    case JSON_ARRAY:
        return strcmp(name, "array") == 0;
    case JSON_STRING:
        return strcmp(name, "string") == 0;
    case JSON_INTEGER:
        return strcmp(name, "integer") == 0 || strcmp(name, "number") == 0;
    case JSON_REAL:
        return strcmp(name, "number") == 0;
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(name, "boolean") == 0;
    case JSON_NULL:
        break;
    }
    return strcmp(name, "null") == 0;
}

static bool check_type(struct walk *walk, const json_t *schema, const json_t *value)
{
    const json_t *type = json_object_get(schema, "type");
    if (json_is_string(type) && !is_type(json_string_value(type), value))
        return misfit(walk, "is not of type %s", json_string_value(type));
    if (!json_is_array(type))
        return true;
    size_t i;
    json_t *name;
    json_array_foreach((json_t *)type, i,
                       name) if (json_is_string(name) &&
                                 is_type(json_string_value(name), value)) return true;
    return misfit(walk, "is of none of the allowed types");
}

static bool check_choice(struct walk *walk, const json_t *schema, const json_t *value)
{
    const json_t *only = json_object_get(schema, "const");
    const json_t *words = json_object_get(schema, "enum");
    size_t i;
    json_t *word;
    if (only && !json_equal(only, value))
        return misfit(walk, "is not the constant that is asked for");
    if (!words)
        return true;
    json_array_foreach((json_t *)words, i, word) if (json_equal(word, value)) return true;
    return misfit(walk, "is not one of the listed values");
}

static bool check_pattern(struct walk *walk, const char *pattern, const char *text)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return true; /* a dialect that POSIX does not speak is no fault of the message */
    int no = regexec(&regex, text, 0, NULL, 0);
    regfree(&regex);
    return no == 0 || misfit(walk, "does not match %s", pattern);
}

/* ECMAScript's \d is the one escape that providers use and POSIX lacks. */
static void posix_pattern(const char *pattern, char *posix, size_t room)
{
    size_t to = 0;
    bool in_brackets = false;
    for (const char *p = pattern; *p && to + 8 < room; p++) {
        if (p[0] == '\\' && p[1] == 'd') {
            to += (size_t)snprintf(posix + to, room - to, in_brackets ? "0-9" : "[0-9]");
            p++;
            continue;
        }
        if (p[0] == '\\' && p[1] && !in_brackets) { /* a bracket of the text, say */
            posix[to++] = *p++;
            posix[to++] = *p;
            continue;
        }
        if (*p == '[' || *p == ']')
            in_brackets = *p == '[';
        posix[to++] = *p;
    }
    posix[to] = '\0';
}

static bool check_text(struct walk *walk, const json_t *schema, const json_t *value)
{
    struct str text = {json_string_value(value), json_string_length(value)};
    const json_t *least = json_object_get(schema, "minLength");
    const json_t *most = json_object_get(schema, "maxLength");
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    json_int_t n = (json_int_t)str_length(text);
    if (least && n < json_integer_value(least))
        return misfit(walk, "is shorter than %lld", (long long)json_integer_value(least));
    if (most && n > json_integer_value(most))
        return misfit(walk, "is longer than %lld", (long long)json_integer_value(most));
    if (!pattern)
        return true;
    char posix[512];
    posix_pattern(pattern, posix, sizeof(posix));
    return check_pattern(walk, posix, text.at);
}

static bool check_number(struct walk *walk, const json_t *schema, const json_t *value)
{
    const json_t *least = json_object_get(schema, "minimum");
    const json_t *most = json_object_get(schema, "maximum");
    if (least && json_number_value(value) < json_number_value(least))
        return misfit(walk, "is too small");
    if (most && json_number_value(value) > json_number_value(most))
        return misfit(walk, "is too large");
    return true;
}

/* Check `value` one step further down the path. */
static bool check_at(struct walk *walk, const char *step, const json_t *schema,
                     const json_t *value)
{
    size_t end = strlen(walk->path);
    (void)snprintf(walk->path + end, sizeof(walk->path) - end, "/%s", step);
    walk->depth++;
    bool ok =
        walk->depth > DEPTH_MAX ? misfit(walk, "is too deep") : check(walk, schema, value);
    walk->depth--;
    walk->path[end] = '\0';
    return ok;
}

static bool check_members(struct walk *walk, const json_t *schema, const json_t *value)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *others = json_object_get(schema, "additionalProperties");
    const char *name;
    json_t *member;
    size_t i;
    json_t *needed;
    json_array_foreach(
        json_object_get(schema, "required"), i,
        needed) if (!json_object_get(value,
                                     json_string_value(
                                         needed))) return misfit(walk, "lacks %s",
                                                                 json_string_value(needed));
    json_object_foreach((json_t *)value, name, member)
    {
        const json_t *described = json_object_get(properties, name);
        if (!described && json_is_false(others))
            return misfit(walk, "has %.60s, which is not described", name);
        if (!described && json_is_object(others))
            described = others;
        if (described && !check_at(walk, name, described, member))
            return false;
    }
    return true;
}

static bool check_elements(struct walk *walk, const json_t *schema, const json_t *value)
{
    const json_t *items = json_object_get(schema, "items");
    const json_t *least = json_object_get(schema, "minItems");
    const json_t *most = json_object_get(schema, "maxItems");
    json_int_t n = (json_int_t)json_array_size(value);
    if (least && n < json_integer_value(least))
        return misfit(walk, "has too few elements");
    if (most && n > json_integer_value(most))
        return misfit(walk, "has too many elements");
    size_t i;
    json_t *element;
    json_array_foreach((json_t *)value, i, element)
    {
        char step[24];
        (void)snprintf(step, sizeof(step), "%zu", i);
        if (items && !check_at(walk, step, items, element))
            return false;
    }
    return true;
}

static size_t count_fits(struct walk *walk, const json_t *schemas, const json_t *value)
{
    size_t fits = 0;
    size_t i;
    json_t *schema;
    json_array_foreach((json_t *)schemas, i, schema) fits += check(walk, schema, value);
    return fits;
}

static bool check_combined(struct walk *walk, const json_t *schema, const json_t *value)
{
    const json_t *all = json_object_get(schema, "allOf");
    const json_t *any = json_object_get(schema, "anyOf");
    const json_t *one = json_object_get(schema, "oneOf");
    const json_t *excluded = json_object_get(schema, "not");
    if (all && count_fits(walk, all, value) < json_array_size(all))
        return false;
    if (any && count_fits(walk, any, value) < 1)
        return walk->reason[0] ? false : misfit(walk, "fits none of the variants");
    if (one) {
        size_t fits = count_fits(walk, one, value);
        if (fits > 1)
            return misfit(walk, "fits %zu variants where one is asked for", fits);
        if (fits < 1)
            return walk->reason[0] ? false : misfit(walk, "fits none of the variants");
    }
    if (excluded) {
        char unused[SCHEMA_REASON_MAX] = "";
        struct walk inner = *walk;
        inner.reason = unused;
        if (check(&inner, excluded, value))
            return misfit(walk, "is what is ruled out");
    }
    return true;
}

static bool check(struct walk *walk, const json_t *schema, const json_t *value)
{
    const char *ref = json_string_value(json_object_get(schema, "$ref"));
    if (ref) {
        const json_t *target = resolve(walk->document, ref);
        if (!target)
            return misfit(walk, "leads to %s, which is not there", ref);
        walk->depth++;
        bool ok =
            walk->depth > DEPTH_MAX ? misfit(walk, "is too deep") : check(walk, target, value);
        walk->depth--;
        if (!ok)
            return false;
    }
    if (!check_type(walk, schema, value) || !check_choice(walk, schema, value))
        return false;
    if (json_is_string(value) && !check_text(walk, schema, value))
        return false;
    if (json_is_number(value) && !check_number(walk, schema, value))
        return false;
    if (json_is_object(value) && !check_members(walk, schema, value))
        return false;
    if (json_is_array(value) && !check_elements(walk, schema, value))
        return false;
    return check_combined(walk, schema, value);
}

bool schema_check(const json_t *document, const json_t *schema, const json_t *value,
                  char reason[SCHEMA_REASON_MAX])
{
    struct walk walk = {.document = document, .reason = reason, .path = "body"};
    reason[0] = '\0';
    bool ok = check(&walk, schema, value);
    if (ok)
        reason[0] = '\0';
    return ok;
}

/* "/{Version}/{Phone-Number-ID}/messages" against "/v26.0/1055/messages". */
static bool path_fits(const char *described, const char *path)
{
    struct str a = str_from(described);
    struct str b = str_from(path);
    struct str x;
    struct str y;
    for (;;) {
        bool more = str_split(&a, '/', &x);
        if (more != str_split(&b, '/', &y))
            return false;
        if (!more)
            return true;
        if (!str_starts(x, STR("{")) && !str_eq(x, y))
            return false;
    }
}

/* "When matching URLs, the concrete (non-templated) paths would be matched before their
 * templated counterparts." */
static const json_t *operations_at(const json_t *paths, const char *path)
{
    const json_t *concrete = json_object_get(paths, path);
    const char *described;
    json_t *operations;
    if (concrete)
        return concrete;
    json_object_foreach((json_t *)paths, described, operations)
    {
        if (path_fits(described, path))
            return operations;
    }
    return NULL;
}

const json_t *schema_body(const json_t *document, const char *method, const char *path,
                          const char *type)
{
    const json_t *operations = operations_at(json_object_get(document, "paths"), path);
    const json_t *body = json_object_get(json_object_get(operations, method), "requestBody");
    const json_t *content = json_object_get(json_object_get(body, "content"), type);
    return json_object_get(content, "schema");
}

bool schema_check_request(const json_t *document, const char *method, const char *path,
                          const json_t *value, char reason[SCHEMA_REASON_MAX])
{
    const json_t *schema = schema_body(document, method, path, "application/json");
    reason[0] = '\0';
    return !schema || schema_check(document, schema, value, reason);
}
