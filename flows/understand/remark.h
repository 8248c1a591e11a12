/*
 * What people add to an order number, "cancel 1042, ordered twice", or to a wish without one,
 * "cancel my order because it comes too late".
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/str.h"

/* The remark behind a number that ends at byte `end` of the text: at least two words, one of
 * them neither courtesy nor haste, set off by a comma, a colon, a dash or the like; or not set
 * off, and at least two that are neither courtesy, haste nor small, so that "cancel 1042 right
 * now please" has none. Points into `text`. */
struct str remark_behind(struct arena *scratch, struct str text, size_t end);

/* From the word on that gives a reason ("because", "porque", "bo", "لأن"), with at least one
 * more behind it that says something; empty when there is none. Points into `text`. */
struct str remark_reason(struct arena *scratch, struct str text);

/* Whether all of it is a reason: "because you are slow". */
bool remark_is_reason(struct arena *scratch, struct str text);
