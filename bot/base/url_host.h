/*
 * Whose machine an address of the web names. Pure.
 */
#pragma once

#include "bot/base/str.h"

/* The host of an https:// or http:// address as it stands there, without a port and without the
 * brackets of IPv6; borrowed. Empty when the address is written in any way that two readers
 * could take for two hosts: with a name or password before it, escapes, blanks, backslashes, or
 * letters beyond ASCII. */
struct str url_host(struct str url);
