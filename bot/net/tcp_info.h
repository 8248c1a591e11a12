/*
 * What the kernel knows of a TCP connection. A file of its own, because <linux/tcp.h>, which
 * alone has the byte counters, clashes with <netinet/tcp.h>, which libraries include.
 */
#pragma once

#include "bot/base/base.h"

/* How many bytes have been read from the socket so far. False on a socket that is not TCP. */
bool tcp_info_bytes_read(int fd, uint64_t *bytes);

/* Bytes that have arrived and were not read yet. */
size_t tcp_info_unread(int fd);
