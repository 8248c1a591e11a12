/*
 * A service of which one worker falls asleep just before the wire, as a machine does that is
 * stopped or swaps: parley-sleeper (tests/integration/hooks/sleeper.c).
 */
#pragma once

#include "tests/support/temp.h"

#include <sys/types.h>

#define SLEEPER_PROGRAM PARLEY_BUILD_DIR "/parley-sleeper"

struct sleeper {
    char folder[TEMP_PATH];
    char file[TEMP_PATH + 8]; /* where it leaves its pid */
};

/* The next SLEEPER_PROGRAM that is started falls asleep over a request that has `over` in its
 * words or its address; NULL: over "Words 1.". */
void sleeper_begin(struct sleeper *sleeper, const char *over);
/* Who has fallen asleep; SIGCONT wakes them. The test fails when nobody does. */
pid_t sleeper_asleep(const struct sleeper *sleeper);
void sleeper_end(struct sleeper *sleeper);
