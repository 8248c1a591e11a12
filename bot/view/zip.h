/*
 * A ZIP that is written as it goes: each file added gives bytes to send on, and nothing of it
 * is kept. Files are stored as they are, since pictures and PDFs are small already. The one
 * place that knows libarchive.
 */
#pragma once

#include "bot/base/err.h"
#include "bot/base/str.h"
#include "bot/loop/loop.h"

struct zip;

struct zip *zip_create(void);
void zip_destroy(struct zip *zip); /* accepts NULL */

/* One more file. The name is a path with "/"; of its bytes those stay that every system takes,
 * others become "_", and so does what would lead out of the place where it is opened.
 * ERR_BROKEN: nothing more can be added. */
MUST_USE bool zip_add(struct zip *zip, struct str name, usec_t at, struct str bytes,
                      struct err *err);

/* The end; nothing is added after it. */
MUST_USE bool zip_finish(struct zip *zip, struct err *err);

/* The next bytes of the archive, at most `most`; empty: none, until more is added. Borrowed
 * until the next call. */
struct str zip_take(struct zip *zip, size_t most);
