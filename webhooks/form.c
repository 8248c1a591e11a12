#include "webhooks/form.h"

#include "bot/base/crypto.h"
#include "bot/base/percent.h"

#include <stdlib.h>

#define FIELDS_MAX 1000

static bool decode(struct arena *into, struct str text, struct str *plain)
{
    char *out = arena_alloc(into, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte;
        if (text.at[i] == '+') {
            out[len++] = ' ';
        } else if (text.at[i] != '%') {
            out[len++] = text.at[i];
        } else if (hex_parse(str_slice(text, i + 1, 2), &byte, 1)) {
            out[len++] = (char)byte;
            i += 2;
        } else {
            return false;
        }
    }
    *plain = (struct str){out, len};
    return true;
}

int form_compare(const struct form_field *left, const struct form_field *right)
{
    int order = str_compare(left->name, right->name);

    return order != 0 ? order : str_compare(left->value, right->value);
}

static int by_name_and_value(const void *a, const void *b)
{
    return form_compare(a, b);
}

static size_t count_fields(struct str text)
{
    size_t n = 1;

    for (size_t i = 0; i < text.len; i++)
        n += text.at[i] == '&';
    return n;
}

bool form_read(struct arena *into, struct str text, struct form *form, struct err *err)
{
    size_t room = count_fields(text);
    struct str piece;

    *form = (struct form){0};
    if (room > FIELDS_MAX)
        return err_raise(err, ERR_REJECT, "a form of more than %d fields", FIELDS_MAX);
    form->fields = arena_array(into, struct form_field, room);
    while (str_split(&text, '&', &piece)) {
        struct form_field *field = &form->fields[form->n];
        size_t equals = str_find(piece, STR("="));
        if (piece.len == 0)
            continue;
        if (!decode(into, str_slice(piece, 0, equals), &field->name) ||
            !decode(into, str_slice(piece, equals + 1, piece.len), &field->value))
            return err_raise(err, ERR_REJECT, "a form with a broken escape");
        form->n++;
    }
    qsort(form->fields, form->n, sizeof *form->fields, by_name_and_value);
    return true;
}

struct str form_get(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->n; i++) {
        if (str_eq(form->fields[i].name, str_from(name)))
            return form->fields[i].value;
    }
    return STR_NONE;
}

struct str form_add(struct arena *into, struct str form, const char *name, struct str value)
{
    struct str escaped = percent_encode(into, value, PERCENT_UNRESERVED);

    return arena_format(into, "%.*s%s%s=%.*s", STR_ARG(form), form.len > 0 ? "&" : "", name,
                        STR_ARG(escaped));
}
