/*
 * What JSON of others has to look like, as tables; one table both reads what comes and writes
 * the JSON Schema that is published.
 *
 * Reading checks each member, says of each that is wrong where it stands and what would be
 * right, and writes what is right as a database takes it: times in UTC, amounts in minor units,
 * texts trimmed and without the numbers of cards. Members that no table names are passed over;
 * null is as good as left out, and so is an address of mail or a telephone number that is blank
 * (in a list it is passed over). Pure.
 */
#pragma once

#include "bot/base/json.h"
#include "bot/base/json_out.h"

enum shape_kind {
    SHAPE_TEXT,     /* people's words: least..most code points after trimming */
    SHAPE_NAME,     /* ids, numbers, codes: likewise, no control characters, nothing taken out
                       unless they are `shown` */
    SHAPE_TIME,     /* RFC 3339 */
    SHAPE_DAY,      /* a date of the calendar: 2026-11-21 */
    SHAPE_WHOLE,    /* a whole number, least..most */
    SHAPE_VERSION,  /* likewise; its digits as text, too: counters of databases outgrow the
                       numbers  of JavaScript, so that senders write them so */
    SHAPE_QUANTITY, /* a number with at most 3 decimals, least..most; written as text */
    SHAPE_MONEY,    /* "19.90" or 19.9, in the currency beside it; written in minor units */
    SHAPE_CURRENCY, /* ISO 4217 */
    SHAPE_YES_NO,
    SHAPE_CHOICE,   /* one of `choices` */
    SHAPE_PHONE,    /* E.164 with its plus */
    SHAPE_MAIL,     /* an address of mail */
    SHAPE_LANGUAGE, /* "en", "pl-PL", "EN": kept as its first part, small */
    SHAPE_URL,      /* https://; the number of a card in it is refused, as an address without it
                       leads elsewhere, but for one that is a name's of the same record */
    SHAPE_LIST,     /* least..most of `of` */
    SHAPE_RECORD    /* members are `of`, which ends in one without a name */
};

struct shape {
    const char *name; /* of a member; "" in a list */
    enum shape_kind kind;
    bool required;
    bool shown; /* a name that people read: loses the numbers of cards */
    int64_t least, most;
    const char *choices; /* "a, b, c" */
    const struct shape *of;
    const char *about; /* a line for the schema */
};

struct shape_fault {
    struct str path;     /* "data.items[0].qty" */
    struct str expected; /* "a telephone number with its country: +15550100001" */
    struct str got;      /* what stood there, as JSON, shortened; empty: nothing */
};

#define SHAPE_FAULTS_MAX 16 /* enough to mend; further ones are not kept */

struct shape_faults {
    struct arena *into;
    struct shape_fault items[SHAPE_FAULTS_MAX];
    size_t n;
};

void shape_fault(struct shape_faults *faults, struct str path, struct str expected,
                 const json_t *got);

/* A SHAPE_VERSION's number; false when it is none. */
MUST_USE bool shape_version(const json_t *value, int64_t *number);

/* Read a record's members and write them into an object that is open in `out`. When faults were
 * added, what was written is worth nothing. `currency`: the one for amounts, or empty where the
 * record has a member of its own. */
void shape_read(const struct shape *members, const json_t *object, struct str path,
                struct str currency, struct json_out *out, struct shape_faults *faults);

/* What would be right, in words: "one of: a, b, c". */
struct str shape_expected(struct arena *into, const struct shape *shape);

/* The members as JSON Schema (2020-12): the inside of an object that is open. */
void shape_schema(const struct shape *members, struct json_out *out);
