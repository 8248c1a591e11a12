/*
 * A file that is to be a photo of an order, whoever brings it: what its bytes say counts, its
 * name and ending for nothing. Pure.
 */
#pragma once

#include "store/photos.h"

/* Kind, sides, size and hash into @file. ERR_REJECT: it is none that we take. */
MUST_USE bool photo_judge(struct str bytes, struct photo_file *file, struct err *err);

bool photo_is_category(struct str name);
