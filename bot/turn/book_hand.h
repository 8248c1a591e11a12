/*
 * A new book from the supervisor to its workers, who were forked before it was read: its packed
 * files lie in memory without a name, and the handle goes through the socket that wakes them.
 * So every worker reads the same bytes, whatever happens to the files meanwhile.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"
#include "bot/base/str.h"
#include "bot/base/uuid.h"

/* The packed book as a handle to be handed on; -1 when there is no memory. Close it. */
int book_hand_make(struct str packed);

/* Hand it to one worker. False when the worker did not take it for a second. */
MUST_USE bool book_hand_to(int socket, int handle);

/* What woke a worker: a lane, or a book. */
struct wake {
    struct uuid lane;
    int book; /* a handle, to be read and closed; -1: it is about the lane */
};

/* The next of what waits at the socket. False: nothing. */
bool wake_next(int socket, struct wake *wake);

/* Read a handle's bytes, and close it. */
MUST_USE bool book_hand_read(struct arena *into, int handle, struct str *packed,
                             struct err *err);
