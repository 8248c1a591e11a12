/*
 * Photos of orders, jobs and repairs, for the business's people: commands, which may wait.
 *
 * A photo's file is a document that we keep. Its row is written before its bytes are stored and
 * counts only after, so a command that dies in between leaves nothing but litter, which goes as
 * all files that nothing counts on.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/err.h"
#include "bot/base/uuid.h"

#define PHOTO_CAPTION_MAX 500 /* characters */

struct photos;

struct photo_order {
    struct uuid org, id;
    struct str number;
};

struct photo {
    struct uuid id;
    struct str category; /* damage, progress, completed */
    struct str caption;
    usec_t taken_at;
    bool visible;
    struct str url; /* where it is, when we do not keep it */
    struct str mime;
    int64_t size;
    struct str state; /* the file's; empty: there is none */
};

struct photo_file {
    struct uuid document; /* fresh */
    struct hash sha256;
    size_t size;
    const char *mime;
    unsigned width, height;
    struct str name;
};

/* Connects as the owner and takes on parley_staff. */
MUST_USE bool photos_open(const char *url, usec_t timeout, struct photos **photos,
                          struct err *err);
void photos_close(struct photos **photos);

/* ERR_REJECT when no business has it. */
MUST_USE bool photos_order(struct photos *photos, struct str number, struct arena *into,
                           struct photo_order *order, struct err *err);
MUST_USE bool photos_list(struct photos *photos, const struct photo_order *order,
                          struct arena *into, const struct photo **items, size_t *n,
                          struct err *err);

/* The file is about to be stored; then one of the two after it, which make it count. */
MUST_USE bool photos_begin(struct photos *photos, const struct photo_order *order,
                           const struct photo_file *file, struct err *err);
/* `photo->id` is fresh; category, caption and taken_at are read. */
MUST_USE bool photos_add(struct photos *photos, const struct photo_order *order,
                         const struct photo_file *file, const struct photo *photo,
                         const char *who, struct err *err);
/* ERR_REJECT when the order has no such photo. */
MUST_USE bool photos_replace(struct photos *photos, const struct photo_order *order,
                             const struct photo_file *file, struct uuid photo, const char *who,
                             struct err *err);

/* Both: ERR_REJECT when the order has no such photo. */
MUST_USE bool photos_describe(struct photos *photos, const struct photo_order *order,
                              struct uuid photo, struct str caption, const char *who,
                              struct err *err);
MUST_USE bool photos_remove(struct photos *photos, const struct photo_order *order,
                            struct uuid photo, const char *who, struct err *err);
