/*
 * jansson is strict about what it reads (UTF-8, no NUL, no lone surrogates), which is what we
 * want of strangers. Its error texts quote the input, and the input is somebody's letter: an
 * error here says only what kind of thing is wrong, and where.
 */
#include "bot/base/json.h"

#include <stdlib.h>

void json_release(json_t **doc)
{
    json_decref(*doc);
    *doc = NULL;
}

static const char *reason(enum json_error_code code)
{
    switch (code) {
    case json_error_stack_overflow:
        return "nested too deep";
    case json_error_invalid_utf8:
        return "is not UTF-8";
    case json_error_premature_end_of_input:
        return "ends too early";
    case json_error_end_of_input_expected:
        return "goes on after its end";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "has a NUL in a text";
    case json_error_duplicate_key:
        return "has a key twice";
    case json_error_numeric_overflow:
        return "has a number that is too large";
    default:
        return "is malformed";
    }
}

bool json_read(struct str text, json_t **doc, struct err *err)
{
    json_error_t error;
    *doc = json_loadb(text.at ? text.at : "", text.len, JSON_REJECT_DUPLICATES, &error);
    if (*doc)
        return true;
    enum json_error_code code = json_error_code(&error);
    if (code == json_error_out_of_memory)
        return err_raise(err, ERR_RETRY, "json: out of memory");
    return err_raise(err, ERR_REJECT, "json %s, line %d, column %d", reason(code), error.line,
                     error.column);
}

static struct str string_value(const json_t *string)
{
    return (struct str){json_string_value(string), json_string_length(string)};
}

struct str json_text(struct arena *into, const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return json_is_string(member) ? arena_str(into, string_value(member)) : STR_NONE;
}

struct str json_scalar(struct arena *into, const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    if (json_is_integer(member))
        return arena_format(into, "%" JSON_INTEGER_FORMAT, json_integer_value(member));
    return json_text(into, object, name);
}

int64_t json_int(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *member = json_object_get(object, name);
    int64_t number = otherwise;
    if (json_is_integer(member))
        return json_integer_value(member);
    if (json_is_string(member) && !str_to_int(string_value(member), &number))
        return otherwise;
    return number;
}

bool json_bool(const json_t *object, const char *name, bool otherwise)
{
    const json_t *member = json_object_get(object, name);
    return json_is_boolean(member) ? json_is_true(member) : otherwise;
}

const json_t *json_object_in(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return json_is_object(member) ? member : NULL;
}

const json_t *json_array_in(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return json_is_array(member) ? member : NULL;
}

struct str json_write(struct arena *into, const json_t *doc)
{
    char *text = doc ? json_dumps(doc, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (!text)
        return STR_NONE;
    struct str copy = arena_str(into, str_from(text));
    free(text);
    return copy;
}

json_t *json_string_of(struct str text)
{
    if (str_is_utf8(text))
        return json_stringn_nocheck(text.at ? text.at : "", text.len);
    struct arena scratch = {0};
    struct str sane = str_sane(&scratch, text);
    json_t *string = json_stringn_nocheck(sane.at, sane.len);
    arena_finish(&scratch);
    return string;
}

void json_set_text(json_t *object, const char *name, struct str text)
{
    if (text.len > 0)
        (void)json_object_set_new(object, name, json_string_of(text));
}

void json_set_int(json_t *object, const char *name, int64_t number)
{
    (void)json_object_set_new(object, name, json_integer(number));
}

void json_set_bool(json_t *object, const char *name, bool yes)
{
    (void)json_object_set_new(object, name, json_boolean(yes));
}
