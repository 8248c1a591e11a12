/*
 * Replies of a batch that show a kept file. Where the channel wants files beforehand, such a
 * message waits in the outbox until the provider has it; elsewhere the lane sees to it
 * (lane_file.c). `turn_files` decides, and whether it may go at all, in the batch's own
 * transaction. A batch without files costs nothing.
 */
#include "bot/turn/batch_inside.h"

#include "bot/lane/channels.h"
#include "store/sql.h"

#define LIFE_MAX (365 * USEC_PER_DAY)

bool batch_shows_file(const struct reply *reply)
{
    return reply->document.len > 0 &&
           (reply->kind == REPLY_IMAGE || reply->kind == REPLY_DOCUMENT);
}

static int64_t trusted_life(const struct batch_work *work)
{
    usec_t life = LIFE_MAX;

    for (size_t i = 0; i < work->n_promised; i++) {
        const struct promise *promise = &work->promises[i];
        const struct channel_ways *ways = channel_ways(promise->turn->account->channel);
        if (!uuid_is_none(promise->document) && ways->upload != NULL && ways->file_life < life)
            life = ways->file_life;
    }
    return life;
}

void batch_files_write(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_UUID, DB_INT8, DB_UUID, DB_UUID, DB_BOOL};
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
        array_bool(&arrays[5], channel_ways(turn->account->channel)->upload != NULL);
    }
    params = arena_array(&work->arena, struct db_param, COUNTOF(types) + 3);
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < 5; i++)
        params[1 + i] = param_array(&arrays[i]);
    params[6] = param_time(&work->arena, work->now);
    params[7] = param_time(&work->arena, work->now - trusted_life(work));
    params[8] = param_array(&arrays[5]);
    flight_add(work->conn, &work->flight, &SQL_TURN_FILES, params);
}
