/*
 * Whether an address lies in the public internet: asked before a socket is opened for an
 * address that somebody else chose, so that nobody reaches our own network through us.
 */
#pragma once

#include "bot/base/base.h"

#include <sys/socket.h>

/* False for loopback, private, link-local, multicast and reserved ranges, also where an IPv6
 * address has one of them within, and for families other than IP. */
bool net_is_public(const struct sockaddr *address);
