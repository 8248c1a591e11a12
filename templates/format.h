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
