/*
 * Words held against what a prompt expects: the number of a row, its words, yes or no, a
 * number.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

struct expect_option {
    struct str key;
    struct str title;
    bool is_row;  /* of data: the key is an order number or the like */
    bool is_page; /* More or Previous */
    bool is_yes;  /* meant by a plain yes, */
    bool is_no;   /* by a plain no, */
    bool is_out;  /* and by "not now" */
};

/* Which option is meant: its index, or -1 when none or more than one. */
int expect_option(struct arena *scratch, struct str text, const struct expect_option *options,
                  size_t n);

/* A plain "yes". */
bool expect_assent(struct arena *scratch, struct str text);

/* A plain "no" or "not now", in any of our languages. */
bool expect_refusal(struct arena *scratch, struct str text);

/* "skip" in any of our languages. */
bool expect_skip(struct arena *scratch, struct str text);

/* "That is all", "done", "no more", and "skip" and "no", in any of our languages. */
bool expect_done(struct arena *scratch, struct str text);

/* A whole number, in digits of any of our scripts or as a word up to ten. */
bool expect_number(struct arena *scratch, struct str text, int64_t *number);
