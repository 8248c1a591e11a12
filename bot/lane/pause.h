/* How long to wait before what failed is tried again. */
#pragma once

#include "bot/base/base.h"

/* Twice as long each time, from `first` to `most`, and half of it by chance, so that many who
 * failed together do not come again together. `attempts`: how many there were, at least 1. */
usec_t pause_before_next(usec_t first, usec_t most, int64_t attempts);
