/*
 * The audit's chain: each row's hash holds it to all rows before it, so that who changes or
 * removes one afterwards is found out (`parley audit verify`).
 *
 * Rows are written by turns and commands without waiting for each other, and linked a few
 * seconds later by one job: a chain inside the turn would make a business's turns wait in line.
 */
#pragma once

#include "bot/worker.h"

struct audit *audit_create(struct worker *worker);
void audit_close(struct audit *audit);
void audit_destroy(struct audit *audit);
