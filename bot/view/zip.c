#include "bot/view/zip.h"

#include "bot/base/percent.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#define NAME_MAX_LEN 200

struct zip {
    struct archive *archive;
    char *bytes; /* what nobody took yet: from `taken` on */
    size_t len, room, taken;
};

static la_ssize_t keep(struct archive *archive, void *user, const void *bytes, size_t n)
{
    struct zip *zip = user;

    (void)archive;
    if (zip->room - zip->len < n) {
        zip->room = (zip->len + n) * 5 / 4;
        zip->bytes = realloc(zip->bytes, zip->room);
        if (zip->bytes == NULL)
            abort();
    }
    memcpy(zip->bytes + zip->len, bytes, n);
    zip->len += n;
    return (la_ssize_t)n;
}

static bool is_fine(struct zip *zip, int said, const char *what, struct err *err)
{
    if (said == ARCHIVE_OK || said == ARCHIVE_WARN)
        return true;
    return err_raise(err, ERR_BROKEN, "%s: %s", what, archive_error_string(zip->archive));
}

struct zip *zip_create(void)
{
    struct zip *zip = calloc(1, sizeof *zip);

    if (zip == NULL || (zip->archive = archive_write_new()) == NULL)
        abort();
    if (archive_write_set_format_zip(zip->archive) != ARCHIVE_OK ||
        archive_write_set_format_option(zip->archive, "zip", "compression", "store") !=
            ARCHIVE_OK ||
        archive_write_set_bytes_per_block(zip->archive, 0) != ARCHIVE_OK ||
        archive_write_open(zip->archive, zip, NULL, keep, NULL) != ARCHIVE_OK)
        abort(); /* only ever without memory */
    return zip;
}

void zip_destroy(struct zip *zip)
{
    if (zip == NULL)
        return;
    (void)archive_write_free(zip->archive);
    free(zip->bytes);
    free(zip);
}

/* No part of the path begins with a dot or is empty: it leads nowhere but below the place where
 * the archive is opened, and hides nothing there. */
static void plain_name(struct str name, char plain[NAME_MAX_LEN + 1])
{
    size_t n = name.len < NAME_MAX_LEN ? name.len : NAME_MAX_LEN;

    for (size_t i = 0; i < n; i++) {
        bool begins = i == 0 || plain[i - 1] == '/';
        bool fits = percent_keeps(name.at[i], begins ? "_-" : "._-/");
        plain[i] = '_';
        if (fits)
            plain[i] = name.at[i];
    }
    plain[n] = '\0';
}

bool zip_add(struct zip *zip, struct str name, usec_t at, struct str bytes, struct err *err)
{
    struct archive_entry *entry = archive_entry_new();
    char plain[NAME_MAX_LEN + 1];

    if (entry == NULL)
        abort();
    plain_name(name, plain);
    archive_entry_set_pathname(entry, plain);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)bytes.len);
    archive_entry_set_mtime(entry, at / USEC_PER_SEC, 0);
    bool ok = is_fine(zip, archive_write_header(zip->archive, entry), "a file's head", err);
    archive_entry_free(entry);
    if (ok && bytes.len > 0 &&
        archive_write_data(zip->archive, bytes.at, bytes.len) != (la_ssize_t)bytes.len)
        ok = err_raise(err, ERR_BROKEN, "a file: %s", archive_error_string(zip->archive));
    return ok && is_fine(zip, archive_write_finish_entry(zip->archive), "a file's end", err);
}

bool zip_finish(struct zip *zip, struct err *err)
{
    return is_fine(zip, archive_write_close(zip->archive), "the archive's end", err);
}

struct str zip_take(struct zip *zip, size_t most)
{
    struct str piece = {zip->bytes + zip->taken, zip->len - zip->taken};

    if (piece.len == 0) {
        zip->len = zip->taken = 0;
        return STR_NONE;
    }
    piece.len = piece.len < most ? piece.len : most;
    zip->taken += piece.len;
    return piece;
}
