/*
 * A photo by the API: the order is found, the file's row written, its bytes stored, and then it
 * counts; each a step of its own, as `parley photo` does. Who dies in between leaves a file
 * that nothing counts on, which goes by itself.
 *
 * The file is the whole body, with `category` and `caption` in the query, or it is one of a
 * form's parts (multipart/form-data), as these are.
 *
 * With an Idempotency-Key the photo's id follows from it: whoever repeats what broke off finds
 * the photo there, and whoever repeats what was answered gets the same answer.
 */
#include "bot/door/api_inside.h"

#include "bot/base/cards.h"
#include "bot/file/documents.h"
#include "bot/file/photo_file.h"
#include "bot/loop/log.h"
#include "store/sql.h"
#include "webhooks/multipart.h"

struct upload {
    struct api_request *request;
    struct photo_file file;
    struct uuid order, photo;
    struct str bytes, category, caption;
    struct hash print; /* of all that is asked, however it is packed */
    struct desk_call call;
    struct document_op op;
};

static struct db_call *call_of(struct upload *upload)
{
    call_init(&upload->call.call, &upload->request->exchange->arena, upload->request->key.org);
    return &upload->call.call;
}

static void go(struct upload *upload, const struct sql *sql, const struct db_param *params,
               void (*done)(struct desk_call *call))
{
    call_add(call_of(upload), sql, params);
    upload->call.done = done;
    desk_door_call(upload->request->api->worker->desk, &upload->call);
}

static void failed(struct upload *upload, const char *step, const struct err *err)
{
    log_event(LOG_WARN, "api.failed", LOG_C("what", step), LOG_ERR(err));
    if (err->code == ERR_REJECT) {
        api_refuse(upload->request->exchange, 422, "invalid", "something in it cannot be kept");
    } else {
        api_unavailable(upload->request->exchange);
    }
}

static struct str answer_of(struct upload *upload)
{
    struct arena *arena = &upload->request->exchange->arena;
    struct json_out out;

    json_out_init(&out, arena, 256);
    json_open(&out, '{');
    json_member(&out, "id", uuid_str(arena, upload->photo));
    json_member(&out, "category", upload->category);
    json_key(&out, "caption"), json_put_text(&out, upload->caption);
    json_member(&out, "mime", str_from(upload->file.mime));
    json_key(&out, "size"), json_put_int(&out, (int64_t)upload->file.size);
    json_close(&out, '}');
    return json_out_text(&out);
}

/* As it was written down where it will be asked for again, so that it is the same to a letter.
 */
static void made(struct upload *upload)
{
    const struct db_call *call = &upload->call.call;
    bool noted = upload->request->idem.len > 0 && call->err.code == ERR_NONE &&
                 rows_n(call->results[1]) > 0;

    api_answer(upload->request->exchange, 201,
               noted ? row_text(call->results[1], 0, 0) : answer_of(upload), NULL, NULL);
}

static void kept(struct desk_call *desk)
{
    struct upload *upload = CONTAINER_OF(desk, struct upload, call);
    struct db_call *call = &desk->call;

    bool is_kept = call->err.code == ERR_NONE && rows_n(call->results[0]) > 0;
    bool was_kept = call->err.code == ERR_REJECT && strcmp(call->sqlstate, "23505") == 0;

    if (is_kept || was_kept) { /* by this request, or by the one that it repeats */
        made(upload);
    } else {
        failed(upload, "photo.keep", &call->err);
    }
}

static void stored(struct document_op *op)
{
    struct upload *upload = CONTAINER_OF(op, struct upload, op);
    struct arena *arena = &upload->request->exchange->arena;
    struct db_param *params = arena_array(arena, struct db_param, 10);
    usec_t now = clock_now();

    if (op->err.code != ERR_NONE) {
        failed(upload, "photo.store", &op->err);
        return;
    }
    params[0] = param_uuid(arena, upload->request->key.org);
    params[1] = param_uuid(arena, upload->file.document);
    params[2] = param_time(arena, now);
    params[3] = param_uuid(arena, upload->order);
    params[4] = param_uuid(arena, upload->photo);
    params[5] = param_text(upload->category);
    params[6] = param_text(upload->caption);
    params[7] = param_text(str_from(upload->request->key.name));
    params[8] = param_time(arena, now);
    params[9] = param_uuid(arena, worker_uuid());
    call_add(call_of(upload), &SQL_PHOTO_KEEP, params);
    if (upload->request->idem.len > 0) {
        struct db_param *answer = arena_array(arena, struct db_param, 5);
        answer[0] = params[0];
        answer[1] = param_uuid(arena, upload->request->key.id);
        answer[2] = param_text(upload->request->idem);
        answer[3] = param_int4(arena, 201);
        answer[4] = param_text(answer_of(upload));
        call_add(&upload->call.call, &SQL_API_FILE_END, answer);
    }
    upload->call.done = kept;
    desk_door_call(upload->request->api->worker->desk, &upload->call);
}

static void begun(struct desk_call *desk)
{
    struct upload *upload = CONTAINER_OF(desk, struct upload, call);
    struct worker *worker = upload->request->api->worker;

    if (desk->call.err.code != ERR_NONE || rows_n(desk->call.results[0]) == 0) {
        failed(upload, "photo.begin",
               &desk->call.err); /* or its bytes are just being removed */
        return;
    }
    upload->op = (struct document_op){
        .key = {upload->request->key.org, upload->file.sha256},
        .bytes = upload->bytes,
        .into = &upload->request->exchange->arena,
        .done = stored
    };
    documents_put(worker->documents, &upload->op);
}

static void found(struct desk_call *desk)
{
    struct upload *upload = CONTAINER_OF(desk, struct upload, call);
    struct arena *arena = &upload->request->exchange->arena;
    struct db_param *params;

    if (desk->call.err.code != ERR_NONE) {
        failed(upload, "photo.order", &desk->call.err);
        return;
    }
    if (row_int(desk->call.results[0], 0, 0) > 0) {
        api_answer(upload->request->exchange, (int)row_int(desk->call.results[0], 0, 0),
                   row_text(desk->call.results[0], 0, 1), NULL, NULL);
        return;
    }
    upload->order = row_uuid(desk->call.results[0], 0, 2);
    params = arena_array(arena, struct db_param, 9);
    params[0] = param_uuid(arena, upload->request->key.org);
    params[1] = param_uuid(arena, upload->file.document);
    params[2] = param_time(arena, clock_now());
    params[3] = param_text(
        arena_str(arena, (struct str){(const char *)upload->file.sha256.bytes, HASH_LEN}));
    params[4] = param_int8(arena, (int64_t)upload->file.size);
    params[5] = param_text(str_from(upload->file.mime));
    params[6] = param_int4(arena, (int32_t)upload->file.width);
    params[7] = param_int4(arena, (int32_t)upload->file.height);
    params[8] = param_text(STR(""));
    go(upload, &SQL_PHOTO_BEGIN, params, begun);
}

static void name_photo(struct upload *upload)
{
    const struct api_request *request = upload->request;
    struct str parts[] = {
        {(const char *)request->key.id.bytes, sizeof request->key.id.bytes},
        request->idem
    };
    char file[2 * HASH_LEN + 1];

    hex_format(upload->file.sha256.bytes, HASH_LEN, file);
    upload->print =
        sha256(arena_format(&request->exchange->arena, "%.*s\n%.*s\n%.*s\n%s",
                            STR_ARG(request->match.parts[0].value), STR_ARG(upload->category),
                            STR_ARG(upload->caption), file));
    upload->photo = worker_uuid();
    if (request->idem.len > 0) {
        struct hash16 hash = hash16_of(parts, COUNTOF(parts));
        memcpy(upload->photo.bytes, hash.bytes, sizeof upload->photo.bytes);
    }
}

/* The file and what is said of it. True when it was answered. */
static bool refused_form(struct upload *upload)
{
    struct http_exchange *exchange = upload->request->exchange;
    struct multipart form;
    struct err err = {0};

    upload->bytes = exchange->body;
    upload->category = http_query(exchange, "category");
    upload->caption = http_query(exchange, "caption");
    if (!str_starts(upload->request->content_type, STR("multipart/")))
        return false;
    if (!multipart_read(&exchange->arena, upload->request->content_type, exchange->body, &form,
                        &err)) {
        api_refuse(exchange, 400, "not_a_form",
                   arena_cstr(&exchange->arena, str_from(err.text)));
        return true;
    }
    upload->bytes = STR_NONE;
    for (size_t i = 0; i < form.n; i++) {
        if (form.parts[i].is_file && upload->bytes.len > 0) {
            api_refuse(exchange, 422, "invalid", "one file at a time");
            return true;
        }
        if (form.parts[i].is_file)
            upload->bytes = form.parts[i].bytes;
    }
    if (upload->category.len == 0)
        upload->category = multipart_text(&form, "category");
    if (upload->caption.len == 0)
        upload->caption = multipart_text(&form, "caption");
    return false;
}

/* True when it was answered. */
static bool refused(struct upload *upload)
{
    struct http_exchange *exchange = upload->request->exchange;
    size_t most = upload->request->api->worker->config->documents.max_size, cards = 0;
    struct err err = {0};

    if (refused_form(upload))
        return true;
    upload->caption = str_trim(upload->caption);
    if (upload->caption.len == 0)
        upload->caption = STR(""); /* none is an empty one, and not null */
    upload->caption = cards_redact(&exchange->arena, upload->caption, &cards);
    if (!photo_is_category(upload->category)) {
        api_refuse_at(exchange, 422, "invalid", STR("one of: damage, progress, completed"),
                      STR("category"), NULL);
    } else if (!str_is_utf8(upload->caption) ||
               str_length(upload->caption) > PHOTO_CAPTION_MAX) {
        api_refuse_at(exchange, 422, "invalid", STR("text of at most 500 characters"),
                      STR("caption"), NULL);
    } else if (upload->bytes.len > most) {
        api_refuse(exchange, 413, "too_large",
                   arena_format(&exchange->arena, "at most %zu bytes", most).at);
    } else if (!photo_judge(upload->bytes, &upload->file, &err)) {
        api_refuse(exchange, 415, "unsupported_media_type",
                   arena_cstr(&exchange->arena, str_from(err.text)));
    } else if (upload->request->api->worker->documents == NULL) {
        api_unavailable(exchange);
    } else {
        return false;
    }
    return true;
}

void api_photo(struct api_request *request)
{
    struct arena *arena = &request->exchange->arena;
    struct upload *upload = arena_new(arena, struct upload);
    struct db_param *params;

    *upload = (struct upload){.request = request, .file = {.document = worker_uuid()}};
    if (refused(upload))
        return;
    name_photo(upload);
    params = arena_array(arena, struct db_param, 6);
    params[0] = param_uuid(arena, request->key.org);
    params[1] = param_uuid(arena, request->key.id);
    params[2] = request->idem.len > 0 ? param_text(request->idem) : param_null();
    params[3] =
        param_text(arena_str(arena, (struct str){(const char *)upload->print.bytes, HASH_LEN}));
    params[4] = param_text(request->match.parts[0].value);
    params[5] = param_time(arena, clock_now());
    go(upload, &SQL_API_FILE_BEGIN, params, found);
}
