/*
 * What a broadcast will do and has done, for a terminal or a program.
 */
#pragma once

#include "bot/later/desk.h"
#include "store/broadcasts.h"

/* A dry run's groups. */
MUST_USE bool broadcast_show_plan(struct desk *desk, const struct broadcast *broadcast,
                                  const struct broadcast_group *groups, size_t n, bool json,
                                  struct err *err);
MUST_USE bool broadcast_show_status(struct desk *desk, struct broadcast_desk *store,
                                    const char *name, bool json, struct err *err);
MUST_USE bool broadcast_show_list(struct desk *desk, const struct broadcast *list, size_t n,
                                  bool json, struct err *err);

/* A bar on standard error until it is over, paused or cancelled. */
MUST_USE bool broadcast_follow(struct broadcast_desk *store, const char *name, struct err *err);

/* What speaks against its template, if anything does. */
void broadcast_show_wrong(struct desk *desk, const struct broadcast *broadcast);
