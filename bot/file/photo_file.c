#include "bot/file/photo_file.h"

#include "bot/base/sniff.h"

#define PICTURE_MAX ((size_t)5 * 1024 * 1024) /* what WhatsApp shows as a picture */

bool photo_judge(struct str bytes, struct photo_file *file, struct err *err)
{
    struct file_look look = file_sniff(bytes);
    bool picture = look.kind == FILE_JPEG || look.kind == FILE_PNG;

    if (look.verdict == FILE_HOSTILE) {
        return err_raise(err, ERR_REJECT,
                         "there is something in it that could do harm when it is opened");
    }
    if (look.verdict != FILE_FINE || (!picture && look.kind != FILE_PDF))
        return err_raise(err, ERR_REJECT, "it is no JPEG, PNG or PDF");
    if (picture && bytes.len > PICTURE_MAX)
        return err_raise(err, ERR_REJECT, "a picture may have 5 MB");
    file->mime = look.mime;
    file->width = look.width;
    file->height = look.height;
    file->size = bytes.len;
    file->sha256 = sha256(bytes);
    return true;
}

bool photo_is_category(struct str name)
{
    return str_eq(name, STR("damage")) || str_eq(name, STR("progress")) ||
           str_eq(name, STR("completed"));
}
