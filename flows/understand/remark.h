/*
 * What people add to an order number: "cancel 1042, ordered twice".
 */
#pragma once

#include "bot/base/str.h"

/* The remark behind `number` in `text`: at least two words, set off by a comma, a colon, a dash
 * or the like, so that "cancel 1042 please" has none. `number` is as `understanding` gives it;
 * empty when it is empty or stands there in other digits. Points into `text`. */
struct str remark_after(struct str text, struct str number);
