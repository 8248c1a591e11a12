/*
 * The flows and words on disk, read whole: what a book is made from.
 */
#pragma once

#include "bot/base/arena.h"
#include "bot/base/crypto.h"
#include "bot/base/err.h"
#include "templates/words.h"

/*
 * Read FOLDER/flows/NAME.yaml, FOLDER/templates/messages/LANG.yaml and, where there are any,
 * FOLDER/templates/whatsapp/NAME.yaml into `into`, sorted, named "flows/NAME.yaml",
 * "messages/LANG.yaml" and "whatsapp/NAME.yaml" as book_create wants them. Hidden files and
 * other kinds are passed over. ERR_REJECT when a folder cannot be read or is empty, or a file
 * is too large.
 */
MUST_USE bool book_files_read(struct arena *into, struct str folder,
                              const struct source_file **files, size_t *n, struct err *err);

/* Whether these files make a good book: how many they are and its version, or the first thing
 * that is wrong. */
MUST_USE bool book_files_check(struct str folder, size_t *n, struct hash16 *version,
                               struct err *err);
