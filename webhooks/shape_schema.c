/*
 * The tables in words: for whoever reads an error, and as JSON Schema for whoever checks before
 * sending. What a schema cannot say (an amount's digits by its currency, a date that exists, a
 * card's number in an address) is checked by the reader alone.
 */
#include "webhooks/shape.h"

#include <stdio.h>

static struct str length_words(struct arena *into, const struct shape *shape, const char *what)
{
    return shape->least == 0 ? arena_format(into, "%s of at most %lld characters", what,
                                            (long long)shape->most)
                             : arena_format(into, "%s of %lld to %lld characters", what,
                                            (long long)shape->least, (long long)shape->most);
}

static struct str list_words(struct arena *into, const struct shape *shape)
{
    return shape->least == 0
               ? arena_format(into, "a list of at most %lld", (long long)shape->most)
               : arena_format(into, "a list of %lld to %lld", (long long)shape->least,
                              (long long)shape->most);
}

struct str shape_expected(struct arena *into, const struct shape *shape)
{
    switch (shape->kind) {
    case SHAPE_TEXT:
        return length_words(into, shape, "text");
    case SHAPE_NAME:
        return length_words(into, shape, "text without line breaks");
    case SHAPE_TIME:
        return STR("a time as RFC 3339 writes it: 2026-11-21T10:20:00Z");
    case SHAPE_DAY:
        return STR("a date: 2026-11-21");
    case SHAPE_WHOLE:
    case SHAPE_VERSION:
        return arena_format(into, "a whole number from %lld to %lld", (long long)shape->least,
                            (long long)shape->most);
    case SHAPE_QUANTITY:
        return arena_format(into, "a number from %lld to %lld with at most 3 decimals",
                            (long long)shape->least, (long long)shape->most);
    case SHAPE_MONEY:
        return shape->least < 0
                   ? STR("an amount with no more decimals than its currency has: \"19.90\"")
                   : STR("an amount, not below zero, with no more decimals than its currency "
                         "has: \"19.90\"");
    case SHAPE_CURRENCY:
        return STR("a currency by ISO 4217: EUR");
    case SHAPE_YES_NO:
        return STR("true or false");
    case SHAPE_CHOICE:
        return arena_format(into, "one of: %s", shape->choices);
    case SHAPE_PHONE:
        return STR("a telephone number with its country: +15550100001");
    case SHAPE_MAIL:
        return STR("an address of mail");
    case SHAPE_LANGUAGE:
        return STR("a language by ISO 639: en");
    case SHAPE_URL:
        return STR("an address that begins with https://, without the number of a card");
    case SHAPE_LIST:
        return list_words(into, shape);
    case SHAPE_RECORD:
        return STR("an object");
    }
    return STR_NONE;
}

/* --- as JSON Schema -------------------------------------------------------------------------
 */

static const struct {
    const char *type, *other;     /* other: a second type */
    const char *pattern, *format; /* of texts */
} forms[] = {
    [SHAPE_TEXT] = {"string",  NULL,      NULL,                                                  NULL                              },
    [SHAPE_NAME] = {"string",  "integer", NULL,                                                  NULL                              },
    [SHAPE_TIME] = {"string",  NULL,
                    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?"
                    "([Zz]|[+-][0-9]{2}:[0-9]{2})$",                                             "date-time"                       },
    [SHAPE_DAY] = {"string",  NULL,      "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
                    "date"                                                                                                         },
    [SHAPE_WHOLE] = {"integer", NULL,      NULL,                                                  NULL                              },
    [SHAPE_VERSION] = {"integer", "string",  "^[0-9]{1,16}$",                                       NULL                              },
    [SHAPE_QUANTITY] = {"number",  NULL,      NULL,                                                  NULL                              },
    [SHAPE_MONEY] = {"string",  "number",  "^-?[0-9]{1,15}([.][0-9]{1,4})?$",                     NULL                              },
    [SHAPE_CURRENCY] = {"string",  NULL,      "^[A-Z]{3}$",                                          NULL                              },
    [SHAPE_YES_NO] = {"boolean", NULL,      NULL,                                                  NULL                              },
    [SHAPE_CHOICE] = {"string",  NULL,      NULL,                                                  NULL                              },
    [SHAPE_PHONE] = {"string",  NULL,      "^[ \t\n]*$|^[+][1-9][0-9]{6,14}$",                    NULL                              },
    [SHAPE_MAIL] = {"string",  NULL,
                    "^[ \t\n]*$|^[^@ <>\",;]+@[^@ <>\",;.][^@ <>\",;]*[.][^@ <>\",;]+$",         NULL /* "email" would forbid "" */},
    [SHAPE_LANGUAGE] = {"string",  NULL,      "^[A-Za-z]{2}([-_].{0,9})?$",                          NULL                              },
    [SHAPE_URL] = {"string",  NULL,      "^https://[^/?#@: ][^ ]*$",                            "uri"                             },
    [SHAPE_LIST] = {"array",   NULL,      NULL,                                                  NULL                              },
    [SHAPE_RECORD] = {"object",  NULL,      NULL,                                                  NULL                              },
};

static void put_types(const struct shape *shape, bool may_be_null, struct json_out *out)
{
    const char *type = forms[shape->kind].type, *other = forms[shape->kind].other;

    json_key(out, "type");
    if (other == NULL && !may_be_null) {
        json_put_text(out, str_from(type));
        return;
    }
    json_open(out, '[');
    json_put_text(out, str_from(type));
    if (other != NULL)
        json_put_text(out, str_from(other));
    if (may_be_null)
        json_put_text(out, STR("null"));
    json_close(out, ']');
}

static void put_int(struct json_out *out, const char *name, int64_t number)
{
    json_key(out, name);
    json_put_int(out, number);
}

static void put_choices(const struct shape *shape, bool may_be_null, struct json_out *out)
{
    struct str rest = str_from(shape->choices), one;

    json_open_in(out, "enum", '[');
    while (str_split(&rest, ',', &one))
        json_put_text(out, str_trim(one));
    if (may_be_null)
        json_put_word(out, "null");
    json_close(out, ']');
}

/* What goes by its kind, besides type, pattern and format. */
static void put_limits(const struct shape *shape, bool may_be_null, struct json_out *out)
{
    switch (shape->kind) {
    case SHAPE_TEXT:
    case SHAPE_NAME: /* trimmed before it is counted, so only what is blank is too short */
        if (shape->least > 0)
            json_member(out, "pattern", STR("[^ \t\n]"));
        put_int(out, "maxLength", shape->most);
        break;
    case SHAPE_URL:
        put_int(out, "maxLength", shape->most);
        break;
    case SHAPE_WHOLE:
    case SHAPE_VERSION:
    case SHAPE_QUANTITY:
        put_int(out, "minimum", shape->least);
        put_int(out, "maximum", shape->most);
        break;
    case SHAPE_MONEY:
        if (shape->least >= 0)
            put_int(out, "minimum", 0);
        break;
    case SHAPE_CHOICE:
        put_choices(shape, may_be_null, out);
        break;
    case SHAPE_LIST:
        put_int(out, "minItems", shape->least);
        put_int(out, "maxItems", shape->most);
        break;
    default:
        break;
    }
}

static void put_shape(const struct shape *shape, bool may_be_null, struct json_out *out)
{
    json_open(out, '{');
    if (shape->about != NULL)
        json_member(out, "description", str_from(shape->about));
    put_types(shape, may_be_null, out);
    if (shape->kind == SHAPE_MONEY && shape->least >= 0) {
        json_member(out, "pattern", STR("^[0-9]{1,15}([.][0-9]{1,4})?$"));
    } else {
        json_member(out, "pattern", str_from(forms[shape->kind].pattern));
    }
    json_member(out, "format", str_from(forms[shape->kind].format));
    put_limits(shape, may_be_null, out);
    if (shape->kind == SHAPE_RECORD)
        shape_schema(shape->of, out);
    if (shape->kind == SHAPE_LIST) {
        json_key(out, "items");
        put_shape(shape->of, false, out);
    }
    json_close(out, '}');
}

void shape_schema(const struct shape *members, struct json_out *out)
{
    json_open_in(out, "properties", '{');
    for (const struct shape *member = members; member->name != NULL; member++) {
        json_key(out, member->name);
        put_shape(member, !member->required, out);
    }
    json_close(out, '}');
    json_open_in(out, "required", '[');
    for (const struct shape *member = members; member->name != NULL; member++) {
        if (member->required)
            json_put_text(out, str_from(member->name));
    }
    json_close(out, ']');
}
