/*
 * A provider's published description, in a file. It is read when something is first held
 * against it: Stripe's takes longer than all else that the sandbox does at its start.
 */
#pragma once

#include "bot/base/err.h"

#include <jansson.h>

struct description {
    const char *path; /* kept; NULL: there is none */
    json_t *document;
};

/* Take the description in that file. ERR_REJECT when it cannot be opened; NULL is no error. */
MUST_USE bool description_at(struct description *description, const char *path,
                             struct err *err);

/* The document; NULL when there is none. Borrowed until the end. A file that is no JSON ends
 * the program, which says so. */
const json_t *description_read(struct description *description);

void description_finish(struct description *description);
