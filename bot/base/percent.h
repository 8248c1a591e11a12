/*
 * Bytes that may not stand in an address, a form or a header as they are: "%2B" (RFC
 * 3986, 2.1).
 */
#pragma once

#include "bot/base/arena.h"

/* What stays as it is wherever a value stands in an address or a form, besides letters and
 * digits: RFC 3986's unreserved. */
#define PERCENT_UNRESERVED "-._~"

/* Whether a byte is a letter or digit of ASCII, or one of `keep`. */
bool percent_keeps(char byte, const char *keep);

/* Escape each byte that is none of these. Copied. */
struct str percent_encode(struct arena *into, struct str text, const char *keep);
