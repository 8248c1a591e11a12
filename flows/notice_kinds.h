/*
 * The kinds of news that customers hear unasked (`notices.kind`), and what is known of each:
 * what a template's parameters are held against. Words for them are news.told.KIND.
 */
#pragma once

#include "bot/base/str.h"

enum notice_field_type { NOTICE_TEXT, NOTICE_TIME, NOTICE_MONEY, NOTICE_NUMBER };

struct notice_field {
    const char *name;
    enum notice_field_type type;
};

struct notice_kind {
    const char *name;
    const struct notice_field *fields; /* ends in one without a name */
};

extern const struct notice_kind notice_kinds[];
extern const size_t notice_kinds_n;

/* NULL when there is none of that name. */
const struct notice_kind *notice_kind_find(struct str name);
const struct notice_field *notice_field_find(const struct notice_kind *kind, struct str name);
