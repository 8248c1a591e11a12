#include "bot/lane/faces.h"

static struct str text(struct arena *into, const PGresult *rows, int i, int column)
{
    return arena_str(into, row_text(rows, i, column));
}

static void read_file(struct arena *into, const PGresult *rows, int i,
                      struct speaker_file *file)
{
    if (row_null(rows, i, 9))
        return;
    file->shown = true;
    file->theirs = row_bool(rows, i, 13);
    file->document = row_uuid(rows, i, 9);
    if (!file->theirs)
        return;
    file->customer = row_uuid(rows, i, 10);
    file->mime = text(into, rows, i, 11);
    file->size = row_int(rows, i, 12);
}

static enum wish read_wish(const PGresult *rows, int i, int column)
{
    struct str said = row_text(rows, i, column);

    if (str_eq(said, STR("true")))
        return WISH_YES;
    return str_eq(said, STR("false")) ? WISH_NO : WISH_NONE;
}

bool wish_or(enum wish wish, bool otherwise)
{
    return wish == WISH_NONE ? otherwise : wish == WISH_YES;
}

void speaker_read(struct arena *into, const PGresult *rows, struct uuid conversation,
                  int64_t seq, struct speaker *speaker)
{
    *speaker = (struct speaker){.lang = LANG_EN};
    for (int i = 0; i < rows_n(rows); i++) {
        if (row_int(rows, i, 1) != seq || !uuid_eq(row_uuid(rows, i, 0), conversation))
            continue;
        if (!lang_parse(row_text(rows, i, 2), &speaker->lang))
            speaker->lang = LANG_EN;
        speaker->sender = (struct face_sender){.name = text(into, rows, i, 3),
                                               .address = text(into, rows, i, 4),
                                               .website = text(into, rows, i, 5),
                                               .privacy_url = text(into, rows, i, 6),
                                               .logo_url = text(into, rows, i, 7),
                                               .colour = text(into, rows, i, 8)};
        speaker->plain_letters = read_wish(rows, i, 14);
        speaker->mms = read_wish(rows, i, 15);
        read_file(into, rows, i, &speaker->file);
        return;
    }
}
