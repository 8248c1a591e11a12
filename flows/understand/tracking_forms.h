/*
 * The forms of tracking numbers, a table.
 */
#pragma once

#include "flows/understand/tracking.h"

/* What a number of capitals and digits is: the first form that fits, and another carrier that
 * has it, too. `found->number` is `number`, and `found->at` nowhere. False: of no form that we
 * know. */
bool tracking_form_read(struct str number, struct tracking_found *found);
