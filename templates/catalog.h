/*
 * What words.c and its parts share: the catalogs as they lie in memory, and their reader.
 */
#pragma once

#include "templates/plural.h"
#include "templates/text.h"

/* One key in one language. */
struct wording {
    struct str file; /* as the caller named it; empty: the language lacks the key */
    unsigned line;
    struct str count; /* the path of the number that chooses the form; empty: one form, OTHER */
    struct text forms[PLURAL_COUNT];
};

struct entry {
    struct str key;
    struct wording in[LANG_COUNT];
};

struct words {
    struct arena arena;
    struct entry **entries; /* sorted by key */
    size_t n;
    size_t room;
    struct str files[LANG_COUNT]; /* the first one read for each language */
};

/* The entry of that key; NULL when there is none. */
const struct entry *words_find(const struct words *words, struct str key);

/* The same, made when it is not there. */
struct entry *words_entry(struct words *words, struct str key);

static inline bool wording_is_given(const struct wording *wording)
{
    return wording->file.len > 0;
}

/* Add one file's texts. ERR_REJECT with file, line, reason and cure. In catalog.c. */
MUST_USE bool catalog_read(struct words *words, const struct source_file *file,
                           struct err *err);

/* Whether a key's letters fit the name of a STEP_KEY, whose pieces in parentheses stand for any
 * letters without a dot. */
bool words_name_fits(struct str name, struct str key);

/* The next of the entries whose keys fit, by their letters; `at` is 0 at first, and moves.
 * NULL: there is none left. */
const struct entry *words_fitting(const struct words *words, struct str name, size_t *at);
