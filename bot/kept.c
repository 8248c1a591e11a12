#include "bot/kept.h"

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
