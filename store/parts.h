/*
 * What flows may look up and do, by name: each load and each action is one statement and the
 * variables that it takes.
 *
 * They run inside a turn's transaction with business and customer set, so that row-level
 * security decides what there is to see and to change. (bot/turn/batch_ask.c sends them;
 * flows/actions declares them.) An action's statement gives one row: `outcome`, one of those
 * that are declared for it, and whatever words need to tell of it. What the domain expects
 * ("too late") is an outcome, never an error.
 */
#pragma once

#include "store/db.h"

enum part_kind {
    PART_LIST,   /* a load: all rows */
    PART_RECORD, /* a load: one row, or nothing */
    PART_ACTION  /* one row that says how it went */
};

struct part {
    const char *name;
    const struct sql *sql;
    /* NULL-terminated, in the order of the statement's parameters from $3 on. A name that
     * begins with '@' is of the frame: the flow does not give it. */
    const char *const *takes;
    enum part_kind kind;
    bool anyone; /* also for who is not known: `customer` is none then */
};

/* Whose turn it is, and what the shell alone can give. */
struct part_frame {
    struct uuid org;
    struct uuid customer;     /* none: not known */
    struct uuid conversation; /* @conversation */
    struct uuid contact;      /* @contact: the address that writes */
    struct uuid account;      /* @account: the number written to */
    usec_t now;               /* @now */
    struct uuid id;           /* @id: fresh, for a row that the part makes */
    struct str text;          /* @text: what was written, as it came */
    struct str code;          /* @code: the hash of a code made for this; empty: none was */
    struct str channels;      /* @channels: those that can carry a code now: "sms,whatsapp" */
    struct str
        portal;       /* @portal: the hash of a link's token made for @id; empty: none can be */
    struct str links; /* @links: what our short addresses begin with, and fresh codes:
                         "https://s.example/s/ x y" */
    struct str portal_short; /* @portal_short: the hash of its short code, likewise */
    struct str given;        /* @given: the hash of the variable `code`; empty: it is no code */
};

/* Whether it takes "@code", say. */
bool part_takes(const struct part *part, const char *name);

/* NULL when there is no such part. */
const struct part *parts_find(struct str name);

/* $1 org, $2 customer, then what it takes; what is missing is NULL. */
const struct db_param *part_params(struct arena *into, const struct part *part,
                                   const struct part_frame *frame, const struct record *takes);

/* The rows as the flow gets them. For an action `outcome` says how it went; NULL for a load. */
MUST_USE bool part_answer(struct arena *into, const struct part *part, const PGresult *rows,
                          struct value *answer, const char **outcome, struct err *err);
