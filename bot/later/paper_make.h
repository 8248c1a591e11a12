/*
 * One paper, from the data to its bytes: what a customer may see of it is looked up as that
 * customer, worded on the loop, and drawn on one of libuv's threads.
 */
#pragma once

#include "bot/worker.h"
#include "templates/paper.h"

/* The caller owns it and keeps it still until `done`, which runs once, from the loop. */
struct paper_make {
    /* in */
    struct worker *worker;
    struct db *db; /* who looks it up; NULL: the worker's own, as parley_bot */
    struct uuid org, customer;
    enum paper_kind kind;
    struct str subject; /* the order's or invoice's number, the payment's id */
    enum lang lang;
    struct arena *into;
    void (*done)(struct paper_make *make);
    /* out */
    bool found; /* false: no such thing of this customer's */
    struct str bytes, filename;
    struct err err;
    /* its own */
    struct db_call call;
    struct paper paper;
    uv_work_t work;
    char *drawn;
    size_t drawn_len;
};

void paper_make(struct paper_make *make);
