/*
 * The plan of a broadcast, from the command's options and files: whom, what, when.
 */
#pragma once

#include "bot/later/desk.h"
#include "store/broadcasts.h"

/* As they were given; NULL: not. */
struct broadcast_wish {
    const char *words, *list, *topic, *channel, *language, *prefix, *company, *since, *status;
    const char *at;
    bool local;
    bool skip; /* lines of the list that are wrong */
};

/* ERR_REJECT says which option, file or line is wrong; all of it lives in the desk's arena. */
MUST_USE bool broadcast_plan_make(struct desk *desk, const struct broadcast_wish *wish,
                                  const char *name, const char *who,
                                  struct broadcast_plan *plan, struct err *err);
