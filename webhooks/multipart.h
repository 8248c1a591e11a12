/*
 * Forms with files, as browsers post them (multipart/form-data, RFC 7578). Pure, in linear
 * time.
 *
 * A part within a part is just its bytes; encodings, charsets and other headers of a part count
 * for nothing, and neither does what a sender says that a file is.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/err.h"

#define MULTIPART_PARTS_MAX 32

struct multipart_part {
    struct str name;
    struct str filename; /* as the sender calls it: bytes of theirs */
    bool is_file;        /* there was a file name, perhaps an empty one */
    struct str bytes;
};

struct multipart {
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    size_t n;
};

/* Borrows the body. ERR_REJECT for what is no such form, breaks off, has a part without a name
 * or with a head of more than 4 KB, or more than 32 parts. */
MUST_USE bool multipart_read(struct arena *into, struct str content_type, struct str body,
                             struct multipart *form, struct err *err);

/* The first field of that name that is no file, or nothing. */
struct str multipart_text(const struct multipart *form, const char *name);
