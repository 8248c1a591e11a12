/*
 * One value as a reader wants to see it: ICU in the reader's language and time zone.
 *
 * Opening an ICU formatter costs 40 us, and the first one 60 ms, while using it costs two or
 * three; so each thread keeps those it has opened, one set per language. They are never changed
 * once they are open, and no result depends on what was formatted before.
 */
#pragma once

#include "templates/out.h"
#include "templates/words.h"

enum format {
    FORMAT_AUTO, /* as the value's type suggests */
    FORMAT_TEXT,
    FORMAT_NUMBER,
    FORMAT_PERCENT,
    FORMAT_BAR, /* ten cells, for percents; never without the number beside it */
    FORMAT_MONEY,
    FORMAT_DATE,
    FORMAT_TIME,
    FORMAT_DATE_TIME,
    FORMAT_DAY,
    FORMAT_RELATIVE,
    FORMAT_COUNT
};

/* The format that an author calls `name`; false when there is none. */
bool format_find(struct str name, enum format *format);

/* All names, "text, number, ...", for error messages. */
extern const char format_names[];

/* Add the value to `out`. False when it is none or not of the format's type; then what can be
 * shown of it has been added all the same. */
bool format_value(struct out *out, const struct locale *locale, struct value value,
                  enum format format);

/* The plural categories of CLDR, and our own "none" for exactly zero. */
enum plural_form {
    PLURAL_ZERO,
    PLURAL_ONE,
    PLURAL_TWO,
    PLURAL_FEW,
    PLURAL_MANY,
    PLURAL_OTHER,
    PLURAL_NONE,
    PLURAL_COUNT
};

const char *plural_name(enum plural_form form);
bool plural_find(struct str name, enum plural_form *form);

/* The category of a whole number; never PLURAL_NONE. */
enum plural_form plural_select(enum lang lang, int64_t number);

/* Whether the language has the category at all, and whether whole numbers below a thousand
 * need it (Spanish "many" begins at a million; Polish "other" is for fractions). */
bool plural_exists(enum lang lang, enum plural_form form);
bool plural_is_needed(enum lang lang, enum plural_form form);
