/*
 * Why a worker died: by what it did, or by another's hand.
 *
 * It tells a delivery that ends whoever steps it from an operator's kill, a node that is shut
 * down, or chaos on purpose, which may meet anybody.
 */
#pragma once

#include "bot/base/base.h"

struct deaths {
    int64_t oom_kills; /* the kernel's count of those killed for want of memory; -1: unknown */
};

void deaths_init(struct deaths *deaths);

/* Whether it is its own death, by the status that waitpid gave: a crash, an exit with an error,
 * a loop that stood still until the supervisor killed it (`stuck`), or the kernel's kill for
 * want of memory. The latter is known by the kernel's own count, so another process of the
 * machine that was killed meanwhile is taken for it. */
bool death_is_own(struct deaths *deaths, int status, bool stuck);
