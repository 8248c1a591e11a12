/*
 * What a model is worth: how often it is right about rows that it did not see, by where they
 * come from, language and intent, beside a quantised fastText that learnt from the same rows.
 */
#pragma once

#include "flows/understand/train/rows.h"

#include <stdio.h>

/* What somebody says of each row: a label, or NULL where nothing was asked. */
struct opinion {
    const char *name;
    struct str *labels; /* by row; empty where nothing was asked */
};

/* Of nothing yet. */
struct opinion judge_begin(const struct rows *rows, const char *name, struct arena *into);

/* A model's, of the rows that it is asked about (rows.h); what was said of others stays. The
 * model's bytes must live as long. */
void judge_ask(const struct rows *rows, struct str model, struct opinion *opinion);

/* fastText's (a program of that name), which learns from what is learnt and answers for what is
 * not. False when it is not here. */
MUST_USE bool judge_fasttext(const struct rows *rows, struct opinion *opinion,
                             struct arena *into);

/* A table: each source and language, each intent of what is judged. */
void judge_tell(const struct rows *rows, const struct opinion *opinions, size_t n, FILE *out);

/* How often it is right about what is only judged by, a line for each language. */
void judge_tell_judged(const struct rows *rows, const struct opinion *opinion, FILE *out);

/*
 * Whether `now` may take the place of `before`: it is no worse about what was held back of the
 * rows that were given, and in no language more than a hundredth worse about what is only
 * judged by. Else `err` says where.
 */
MUST_USE bool judge_allows(const struct rows *rows, const struct opinion *before,
                           const struct opinion *now, struct err *err);
