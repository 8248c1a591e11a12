/*
 * A mail server for tests, Debian's aiosmtpd (smtp_sink.py), on a loopback port.
 */
#pragma once

#include "bot/base/arena.h"
#include "tests/support/temp.h"

#include <jansson.h>
#include <sys/types.h>

struct sink {
    char dir[TEMP_PATH];
    char cert[96]; /* for "localhost"; with TLS only */
    int port;
    pid_t pid;
};

/* `plan` as the script has it; `tls`: STARTTLS is required; `user` NULL: nobody signs in. Ends
 * with the test program. */
void sink_start(struct sink *sink, bool tls, const char *user, const char *password,
                const char *plan);
void sink_stop(struct sink *sink);

/* What was taken so far, in its order; the caller releases it. */
json_t *sink_taken(const struct sink *sink);
