/*
 * Signatures of AWS, version 4, as S3 and what speaks like it want them. Pure: the time is
 * given.
 *
 * libcurl can sign as well, but in Debian 12's version not every header and path that S3 signs
 * comes out right, and nothing can be tested without a server; this is held against AWS's own
 * published examples (tests/unit/test_sigv4.c).
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/message.h"

struct sigv4_key {
    struct str region;  /* "eu-central-1" */
    struct str service; /* "s3" */
    struct str id;
    struct str secret;
};

struct sigv4_request {
    const char *method;
    struct str host;                   /* with a port, if it is not the scheme's own */
    struct str path;                   /* begins with '/'; as it is sent, percent-encoded */
    struct str query;                  /* sorted and encoded, without '?'; may be empty */
    const struct http_header *headers; /* more headers to sign, besides the three below */
    size_t n_headers;
    struct str payload_sha256; /* hex */
};

#define SIGV4_HEADERS 3 /* x-amz-date, x-amz-content-sha256, Authorization */

/* Write the headers that sign the request into `into`: SIGV4_HEADERS of them. At most 8 headers
 * of the caller's own. */
void sigv4_sign(struct arena *into, const struct sigv4_key *key,
                const struct sigv4_request *request, usec_t now, struct http_header *headers);

/* Percent-encode all but what may stand in a path as it is; slashes stay. */
struct str sigv4_path(struct arena *into, struct str path);
