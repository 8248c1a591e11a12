/*
 * Requests at the service's door, as anybody may send them: with or without a signature, a
 * right one, or nearly one. What signs is what the providers sign with.
 */
#pragma once

#include "tests/support/service.h"

#define KNOCK_LINES 12

struct knock {
    const char *method; /* NULL: GET, or POST with a body */
    struct str path;    /* with its query */
    struct str body;    /* `at` NULL: none */
    const char *lines[KNOCK_LINES];
    size_t n;
};

/* The last answer; both texts end in a zero byte besides. */
extern struct knock_answer {
    long status; /* 0: none came */
    struct str head, body;
} knock_answer;

/* Ask, over a connection that is kept. Returns the status. */
long knock(const struct service *service, const struct knock *ask);
void knock_end(void); /* the connection, and the last answer */

/* One more header line. */
void knock_line(struct knock *knock, const char *line);

/* Whether a text stands anywhere in the last answer. */
bool knock_says(const char *text);

/* --- signing: the lines that belong to the body and the path -------------------------------
 */

/* `secret` of whoever signs, `shift` seconds from now. */
typedef void knock_signer(struct arena *into, const struct service *service,
                          struct knock *knock, const char *secret, long shift);

knock_signer knock_meta, knock_twilio, knock_svix, knock_standard, knock_stripe, knock_bearer;
