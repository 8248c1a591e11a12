/*
 * What flows and templates speak of: typed values, and records of them.
 *
 * Loads bring facts as values, a conversation keeps variables as values, and templates format
 * them by type, so that money is formatted as money in every language without anyone saying so.
 * Values borrow their bytes; a whole tree lives in one arena.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/money.h"
#include "bot/base/str.h"

enum value_kind {
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_TEXT,
    VALUE_MONEY,
    VALUE_TIME, /* an instant: microseconds since 1970 UTC */
    VALUE_RECORD,
    VALUE_LIST
};

struct value {
    enum value_kind kind;
    union {
        bool yes;
        int64_t number;
        struct str text;
        struct money money;
        usec_t time;
        const struct record *record;
        const struct list *list;
    };
};

struct field {
    struct str name;
    struct value value;
};

struct record {
    const struct field *fields;
    size_t n;
};

struct list {
    const struct value *items;
    size_t n;
};

struct value value_none(void);
struct value value_bool(bool yes);
struct value value_int(int64_t number);
struct value value_text(struct str text);
struct value value_money(struct money money);
struct value value_time(usec_t time);
struct value value_record(const struct record *record);
struct value value_list(const struct list *list);

/* The field of that name, or VALUE_NONE. `record` may be NULL. */
struct value record_get(const struct record *record, struct str name);

/* Follow a dotted path: "order.total". A step into anything but a record gives VALUE_NONE. */
struct value record_path(const struct record *record, struct str path);

/* A record that grows in an arena; setting a name again replaces its value. */
struct record_builder {
    struct arena *into;
    struct field *fields;
    size_t n;
    size_t room;
};

void record_build(struct record_builder *builder, struct arena *into);
void record_set(struct record_builder *builder, struct str name, struct value value);
void record_set_all(struct record_builder *builder, const struct record *from);

/* The record so far: a copy, which later settings do not change. */
const struct record *record_built(const struct record_builder *builder);

/*
 * A record as JSON and back, exactly: integers stay integers, money is
 * {"$money":["1999","EUR"]}, an instant {"$time":1794961200000000}. For what a conversation
 * keeps between turns. Bytes that JSON cannot hold (ill-formed, NUL) become U+FFFD. ERR_REJECT
 * for fractions, for types that we do not know, and for nesting deeper than 2048.
 */
struct str record_to_json(struct arena *into, const struct record *record);
MUST_USE bool record_from_json(struct arena *into, struct str json,
                               const struct record **record, struct err *err);
