/*
 * Forms, as browsers and providers post them (application/x-www-form-urlencoded), and queries,
 * which are written alike.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"

/* A field, decoded. */
struct form_field {
    struct str name;
    struct str value;
};

struct form {
    struct form_field *fields; /* by name and value, in byte order */
    size_t n;
};

/* Take a form or a query apart ("+" is a space, "%2B" a plus). Copied. ERR_REJECT for a broken
 * escape or for more than a thousand fields; `err` may be NULL. */
MUST_USE bool form_read(struct arena *into, struct str text, struct form *form,
                        struct err *err);

/* The first value of that name, or nothing. */
struct str form_get(const struct form *form, const char *name);

/* The order in which fields stand: below 0, 0, above 0. */
int form_compare(const struct form_field *left, const struct form_field *right);

/* `name=value` behind what there is, escaped so that it is also right in a query. */
struct str form_add(struct arena *into, struct str form, const char *name, struct str value);
