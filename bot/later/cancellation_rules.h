/*
 * A file of cancellation rules: a JSON list of objects, as `parley cancellation rules` prints
 * it.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"

/*
 * The rules of the file at @path, each as its own JSON text. At most 1 MB is read. ERR_REJECT
 * when it cannot be read, is not a list of objects, or one of them has a member that no rule
 * has.
 */
MUST_USE bool cancellation_rules_read(struct arena *into, const char *path,
                                      const struct str **rules, size_t *n, struct err *err);
