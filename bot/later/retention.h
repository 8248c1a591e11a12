/*
 * What is kept for a while only: daily partitions of payloads are made ahead and dropped, and
 * what de-duplication remembers is forgotten after ten days, longer than any provider repeats.
 */
#pragma once

#include "bot/worker.h"

struct retention;

/* Runs soon after the start and then every hour; the first worker of a node does it. */
struct retention *retention_create(struct worker *worker);
void retention_close(struct retention *retention);
void retention_destroy(struct retention *retention);
