/*
 * Long addresses in a batch's SMS become short ones, kept with the turn that says them.
 */
#pragma once

#include "bot/turn/batch_inside.h"

/* The reply as it goes out: the same, or a copy with a short address. */
const struct reply *batch_shorten(struct batch_work *work, const struct turn *turn,
                                  const struct reply *reply);

void batch_short_write(struct batch_work *work);
