/*
 * The classifier whose weights were learnt (train/): what a whole sentence means, and which
 * language it is in.
 *
 * It is asked about what is no command. It says "none of these" as readily as anything else,
 * and how sure it is comes from how often it was right about sentences that it had not seen.
 */
#pragma once

#include "flows/understand/understand.h"
#include "flows/understand/weights.h"

struct trained {
    struct classifier classifier; /* what understand() is given */
    struct weights weights;
};

/* Weights of the caller, who keeps the bytes; NULL, or what is wrong with them. */
MUST_USE const char *trained_open(struct str bytes, struct trained *trained);

/* The weights that are built in. */
struct str trained_bytes(void);
