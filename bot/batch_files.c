/*
 * Replies of a batch that show a kept file. Where the channel wants files beforehand, such a
 * message waits in the outbox until the provider has it; `turn_files` decides, in the batch's
 * own transaction. A batch without files costs nothing.
 */
#include "bot/batch_inside.h"

#include "bot/channels.h"
#include "store/sql.h"

bool batch_shows_file(const struct turn *turn, const struct reply *reply)
{
    return reply->document.len > 0 && channel_ways(turn->account->channel)->upload != NULL;
}

static int64_t trusted_life(const struct batch_work *work)
{
    usec_t life = INT64_MAX;

    for (size_t i = 0; i < work->n_promised; i++) {
        const struct promise *promise = &work->promises[i];
        usec_t own = channel_ways(promise->turn->account->channel)->file_life;
        if (!uuid_is_none(promise->document) && own < life)
            life = own;
    }
    return life;
}

void batch_files_write(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_UUID, DB_INT8, DB_UUID, DB_UUID};
    struct db_array arrays[COUNTOF(types)];
    struct db_param *params;

    if (work->n_files == 0)
        return;
    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_promised; i++) {
        const struct promise *promise = &work->promises[i];
        const struct turn *turn = promise->turn;
        if (uuid_is_none(promise->document))
            continue;
        array_uuid(&arrays[0], turn->account->account);
        array_uuid(&arrays[1], turn->conversation);
        array_int(&arrays[2], promise->seq);
        array_uuid(&arrays[3], promise->document);
        if (uuid_is_none(turn->customer)) {
            array_null(&arrays[4]);
        } else {
            array_uuid(&arrays[4], turn->customer);
        }
    }
    params = arena_array(&work->arena, struct db_param, COUNTOF(types) + 3);
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < COUNTOF(types); i++)
        params[1 + i] = param_array(&arrays[i]);
    params[1 + COUNTOF(types)] = param_time(&work->arena, work->now);
    params[2 + COUNTOF(types)] = param_time(&work->arena, work->now - trusted_life(work));
    flight_add(work->conn, &work->flight, &SQL_TURN_FILES, params);
}
