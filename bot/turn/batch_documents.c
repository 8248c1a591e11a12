/*
 * Files that came with the messages of a batch: each is a row that says it is wanted, written
 * before the first step, so that whatever a dialogue makes of them finds them there. They are
 * fetched once the batch is committed.
 */
#include "bot/turn/batch_inside.h"

#include "bot/file/file_ways.h"
#include "store/sql.h"

enum { ARRAYS = 10 };

/* What there may be a use for. Stickers are moods, and films are larger than we keep. */
static bool is_wanted(const struct media *media)
{
    switch (media->kind) {
    case MEDIA_IMAGE:
    case MEDIA_DOCUMENT:
    case MEDIA_VOICE:
    case MEDIA_AUDIO:
        return media->id.len > 0 && media->id.len <= 200;
    default:
        return false;
    }
}

static void add(struct batch_work *work, const struct turn *turn, const struct item *item,
                struct db_array *arrays)
{
    const struct event *event = item->event;
    const struct media *media = event->media;
    struct str caption = media->caption.len > 0 ? media->caption : event->text;

    array_uuid(&arrays[0], worker_uuid());
    array_uuid(&arrays[1], turn->account->account);
    array_uuid(&arrays[2], turn->conversation);
    if (uuid_is_none(turn->customer)) {
        array_null(&arrays[3]);
    } else {
        array_uuid(&arrays[3], turn->customer);
    }
    array_text(&arrays[4], str_sane(&work->arena, media->id));
    array_text(&arrays[5], str_from(media_kind_name(media->kind)));
    array_text(&arrays[6], str_sane(&work->arena, str_slice(caption, 0, 4096)));
    array_text(&arrays[7], str_sane(&work->arena, str_slice(media->filename, 0, 512)));
    if (media->sha256.len == HASH_LEN) {
        array_text(&arrays[8], media->sha256);
    } else {
        array_null(&arrays[8]);
    }
    array_time(&arrays[9], work->now);
    work->n_wanted++;
}

/* Whether an item brings a file that is wanted. */
static bool brings(const struct batch_work *work, const struct turn *turn,
                   const struct item *item)
{
    const struct event *event = item->event;

    return event->kind == EVENT_MEDIA && event->media != NULL &&
           file_ways(turn->account->channel) != NULL && is_wanted(event->media) &&
           batch_is_new(work, item) && !(turn->owned && batch_is_doubtful(work, turn, item));
}

void batch_documents(struct batch_work *work)
{
    static const enum db_type types[ARRAYS] = {DB_UUID, DB_UUID, DB_UUID, DB_UUID,  DB_TEXT,
                                               DB_TEXT, DB_TEXT, DB_TEXT, DB_BYTEA, DB_TIME};
    usec_t life = work->batch->worker->config->documents.handle_life;
    struct db_array arrays[ARRAYS];
    struct db_param *params;

    batch_arrays(work, arrays, types, ARRAYS);
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        for (size_t k = 0; turn->taken && k < turn->n; k++) {
            if (brings(work, turn, turn->items[k]))
                add(work, turn, turn->items[k], arrays);
        }
    }
    if (work->n_wanted == 0)
        return;
    params = arena_array(&work->arena, struct db_param, ARRAYS + 3);
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < ARRAYS; i++)
        params[1 + i] = param_array(&arrays[i]);
    params[1 + ARRAYS] = param_int8(&work->arena, life / USEC_PER_SEC);
    params[2 + ARRAYS] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_DOCUMENTS_WANT, params);
}

void batch_documents_place(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_TEXT, DB_INT8};
    struct db_array arrays[COUNTOF(types)];
    struct db_param *params;

    if (work->n_wanted == 0)
        return;
    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        for (size_t k = 0; turn->taken && k < turn->n; k++) {
            const struct item *item = turn->items[k];
            if (item->seq == 0 || !brings(work, turn, item))
                continue;
            array_uuid(&arrays[0], turn->conversation);
            array_text(&arrays[1], str_sane(&work->arena, item->event->media->id));
            array_int(&arrays[2], item->seq);
        }
    }
    if (arrays[0].n == 0)
        return;
    params = arena_array(&work->arena, struct db_param, 1 + COUNTOF(types));
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < COUNTOF(types); i++)
        params[1 + i] = param_array(&arrays[i]);
    flight_add(work->conn, &work->flight, &SQL_DOCUMENTS_PLACE, params);
}
