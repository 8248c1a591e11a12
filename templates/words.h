/*
 * The words that people read: one catalog per language, rendered with values.
 *
 * A catalog is YAML, `templates/messages/<language>.yaml`: keys with dots, each a text or a map
 * of plural forms. A text holds variables in double braces, with a format where the type alone
 * does not say it: "{{name}}", "{{placed_at | date}}", "{{arrives_at | relative}}". Values are
 * formatted by ICU in the reader's language and time zone. Catalogs are read once, checked, and
 * then only read: a missing key or variable is found by `words_check`, not by a customer.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/value.h"

enum lang { LANG_EN, LANG_ES, LANG_PL, LANG_AR, LANG_COUNT };

const char *lang_code(enum lang lang); /* "en" */
bool lang_parse(struct str code,
                enum lang *lang); /* "en", "en_US", "pl-PL"; false: not one of ours */
bool lang_is_rtl(enum lang lang);

/* Whether ICU knows the time zone; a locale with one that it does not know is shown UTC. */
bool locale_zone_exists(struct str zone);

/* What local clocks are ahead of UTC at that instant, daylight saving and all; 0 for a zone
 * that ICU does not know. */
usec_t locale_zone_offset(struct str zone, usec_t time);

/* How a reader wants things shown. */
struct locale {
    enum lang lang;
    struct str zone; /* IANA time zone; empty is UTC */
    usec_t now;      /* for relative times; the pure rooms have no clock */
};

struct words; /* all catalogs, read-only; may be shared by every turn */

/* One file's bytes, as read by the caller. */
struct source_file {
    struct str name; /* "messages/en.yaml": what errors call it */
    struct str bytes;
};

/* ERR_REJECT with file, line and reason for the first thing that is wrong. */
MUST_USE bool words_create(const struct source_file *files, size_t n, struct words **words,
                           struct err *err);
void words_destroy(struct words *words); /* accepts NULL */

/* Whether every language has the key. */
bool words_has(const struct words *words, struct str key);

/* Those that have not: "es, pl", for whoever has to write them. Empty when all have. */
struct str words_lacking(struct arena *into, const struct words *words, struct str key);

/*
 * The text of `key` with its variables filled in from `values` (dotted paths reach into
 * records). A key or variable that is missing, which the check should have found, falls back to
 * English, then to the empty text, and sets `*missing` to true (which may be NULL, and is
 * otherwise left as it is) so that the caller can alert. Blanks at both ends are cut off.
 */
struct str words_render(struct arena *into, const struct words *words,
                        const struct locale *locale, struct str key,
                        const struct record *values, bool *missing);

/* The variables that a key's text needs, in any language, with those of the texts that it calls
 * in, but without those of a list's items: what `flows check` compares. Sorted. */
struct str_list {
    const struct str *items;
    size_t n;
};
struct str_list words_variables(struct arena *into, const struct words *words, struct str key);

/* Every key stands in every language, with the same variables, and every key that it calls in
 * is there. (That it has the plural forms that CLDR asks for, `words_create` has seen to.)
 * ERR_REJECT names the file, the line where there is one, and the key. */
MUST_USE bool words_check(const struct words *words, struct err *err);

/*
 * Open every formatter of this thread, so that no customer waits for it: the first one costs
 * 60 ms. Formatters that were not warmed open when they are needed. ERR_BROKEN when ICU lacks
 * its data. `words_cool` closes them again; they open anew when needed.
 */
MUST_USE bool words_warm(struct err *err);
void words_cool(void);

/* One value alone, as a template would show it: for tables in the terminal. `format` may be
 * empty. */
struct str words_format(struct arena *into, const struct locale *locale, struct value value,
                        struct str format);
