/* Named questions about one value: all that a flow may ask before it goes one way or another.
 */
#include "flows/engine/book.h"

static bool is_empty(struct value of)
{
    switch (of.kind) {
    case VALUE_NONE:
        return true;
    case VALUE_TEXT:
        return of.text.len == 0;
    case VALUE_LIST:
        return of.list->n == 0;
    case VALUE_RECORD:
        return of.record->n == 0;
    default:
        return false;
    }
}

static bool guard_empty(struct value of, struct str to, usec_t now)
{
    (void)now;
    (void)to;
    return is_empty(of);
}

static bool guard_some(struct value of, struct str to, usec_t now)
{
    (void)now;
    (void)to;
    return !is_empty(of);
}

static bool guard_one(struct value of, struct str to, usec_t now)
{
    (void)now;
    (void)to;
    return of.kind == VALUE_LIST && of.list->n == 1;
}

static bool guard_many(struct value of, struct str to, usec_t now)
{
    (void)now;
    (void)to;
    return of.kind == VALUE_LIST && of.list->n > 1;
}

static bool guard_is(struct value of, struct str to, usec_t now)
{
    int64_t number;

    (void)now;
    switch (of.kind) {
    case VALUE_TEXT:
        return str_eq(of.text, to);
    case VALUE_INT:
        return str_to_int(to, &number) && number == of.number;
    case VALUE_BOOL:
        return str_eq(to, of.yes ? STR("true") : STR("false"));
    default:
        return false;
    }
}

static bool guard_is_not(struct value of, struct str to, usec_t now)
{
    return !guard_is(of, to, now);
}

/* A time that has come; one that was never set has not. */
static bool guard_past(struct value of, struct str to, usec_t now)
{
    (void)to;
    return of.kind == VALUE_TIME && of.time <= now;
}

static const struct guard_kind kinds[] = {
    {"empty",  false, guard_empty },
    {"some",   false, guard_some  },
    {"one",    false, guard_one   },
    {"many",   false, guard_many  },
    {"is",     true,  guard_is    },
    {"is_not", true,  guard_is_not},
    {"past",   false, guard_past  },
};

const char *guard_kind_name(size_t i)
{
    return i < COUNTOF(kinds) ? kinds[i].name : NULL;
}

const struct guard_kind *guard_kind_find(struct str name)
{
    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (str_eq(str_from(kinds[i].name), name))
            return &kinds[i];
    }
    return NULL;
}
