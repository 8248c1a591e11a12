/*
 * What stands around a command and means nothing by itself: "actually, menu", "no wait, menu",
 * "please stop", "stop now".
 */
#pragma once

#include "flows/understand/tokens.h"

/* The words between what is said for courtesy or in haste at both ends, in `core`, a word that
 * is only said again and again once; at least one stays. False when there is nothing to leave
 * out. */
bool courtesy_strip(const struct tokens *tokens, struct tokens *core);

/* "No", in any of our languages. */
bool courtesy_is_no(struct str token);
