#include "bot/file/kept.h"

#include "store/sql.h"

const char *kept_ending(struct str mime)
{
    static const char *const kinds[][2] = {
        {"image/jpeg",      "jpg"},
        {"image/png",       "png"},
        {"application/pdf", "pdf"}
    };

    for (size_t i = 0; i < COUNTOF(kinds); i++) {
        if (str_eq(mime, str_from(kinds[i][0])))
            return kinds[i][1];
    }
    return "bin";
}

#define NAME_LEN 100

/* What may not be in a name, at its beginning: how many bytes it has. */
static size_t unwanted(struct str text)
{
    const unsigned char *byte = (const unsigned char *)text.at;

    if (byte[0] < ' ' || byte[0] == 0x7f || strchr("\"\\/:*?<>|%;", byte[0]) != NULL)
        return 1;
    if (text.len >= 2 && byte[0] == 0xc2 && byte[1] >= 0x80 && byte[1] <= 0x9f)
        return 2; /* the other control characters */
    if (text.len >= 3 && byte[0] == 0xe2 && byte[1] == 0x80 &&
        (byte[2] == 0x8e || byte[2] == 0x8f || (byte[2] >= 0xa8 && byte[2] <= 0xae)))
        return 3; /* marks of direction, ends of lines */
    if (text.len >= 3 && byte[0] == 0xe2 && byte[1] == 0x81 && byte[2] >= 0xa6 &&
        byte[2] <= 0xa9)
        return 3; /* isolates */
    return 0;
}

static bool ends_well(struct str name, struct str mime)
{
    const char *ending = kept_ending(mime);

    return strcmp(ending, "bin") == 0 || str_ends(name, str_from(ending)) ||
           (strcmp(ending, "jpg") == 0 && str_ends(name, STR("jpeg")));
}

struct str kept_name(struct arena *into, struct str name, struct str mime)
{
    struct str sane = str_trim(str_sane(into, name));
    char *out = arena_alloc(into, sane.len + 1);
    size_t len = 0, skip;

    for (size_t at = 0; at<sane.len; at += skip> 0 ? skip : 1) {
        skip = unwanted(str_slice(sane, at, sane.len));
        if (skip == 0 && (len > 0 || sane.at[at] != '.')) /* nor a hidden one */
            out[len++] = sane.at[at];
    }
    sane = str_trim(str_cut(into, (struct str){out, len}, NAME_LEN));
    if (sane.len == 0)
        sane = STR("file");
    return ends_well(sane, mime)
               ? sane
               : arena_format(into, "%.*s.%s", STR_ARG(sane), kept_ending(mime));
}

static void got(struct document_op *op)
{
    struct kept_file *file = CONTAINER_OF(op, struct kept_file, op);

    file->found = op->found && op->err.code == ERR_NONE;
    file->err = op->err;
    file->bytes = op->bytes;
    file->done(file);
}

static void found(struct db_call *call)
{
    struct kept_file *file = CONTAINER_OF(call, struct kept_file, call);
    const PGresult *rows = call->err.code == ERR_NONE ? call->results[0] : NULL;

    if (rows == NULL || rows_n(rows) == 0 || row_text(rows, 0, 0).len != HASH_LEN) {
        file->err = call->err;
        file->done(file);
        return;
    }
    memcpy(file->sha256.bytes, row_text(rows, 0, 0).at, HASH_LEN);
    file->mime = arena_str(file->into, row_text(rows, 0, 1));
    file->filename = arena_str(file->into, row_text(rows, 0, 2));
    file->op = (struct document_op){
        .key = {file->org, file->sha256},
          .into = file->into, .done = got
    };
    documents_get(file->documents, &file->op);
}

void kept_load(struct db *db, struct documents *documents, struct kept_file *file)
{
    struct db_param *params = arena_array(file->into, struct db_param, 2);

    file->found = false;
    file->err = (struct err){0};
    file->documents = documents;
    params[0] = param_uuid(file->into, file->org);
    params[1] = param_uuid(file->into, file->document);
    call_init(&file->call, file->into, file->org);
    file->call.done = found;
    call_add(&file->call, &SQL_DOCUMENT_KEPT, params);
    db_call(db, &file->call);
}
