/*
 * What a batch remembers of messages: rows are gathered column by column, and written in one
 * statement each (batch_write.c).
 */
#include "bot/turn/batch_log.h"

void batch_bury(struct batch_work *work, const struct item *item, const char *reason)
{
    struct portion *portion = item->portion;
    struct uuid id = worker_uuid();
    bool first = portion->buried_in != work->began;

    if (first) {
        portion->buried_in = work->began;
        portion->buried = id;
        array_null(&work->dead[5]);
    } else {
        array_uuid(&work->dead[5], portion->buried);
    }
    array_uuid(&work->dead[0], id);
    array_uuid(&work->dead[1], item->account->account); /* as in `seen` */
    array_text(&work->dead[2], str_sane(&work->arena, str_from(reason)));
    /* what cannot even be buried would come again for ever */
    array_text(&work->dead[3], str_sane(&work->arena, item->event->id));
    array_text(&work->dead[4], first ? portion->delivery->body : STR(""));
    array_text(&work->dead[6], str_from(portion->delivery->provider));
    work->n_dead++;
}

int64_t batch_log(struct batch_work *work, struct turn *turn, const struct batch_row *row)
{
    struct hash16 hash = hash16_of(&row->provider_id, 1);

    turn->seq++;
    turn->dirty = true;
    array_uuid(&work->log[0], turn->conversation);
    array_int(&work->log[1], turn->seq);
    array_bool(&work->log[2], row->inbound);
    array_text(&work->log[3], str_from(row->kind));
    array_text(&work->log[4], row->body.at != NULL ? row->body : STR(""));
    array_time(&work->log[5], row->at);
    if (row->inbound || row->provider_id.len == 0) {
        array_null(&work->log[6]);
    } else {
        array_hash(&work->log[6], &hash);
    }
    array_text(&work->log[7], row->provider_id);
    if (uuid_is_none(row->payload)) {
        array_null(&work->log[8]);
    } else {
        array_uuid(&work->log[8], row->payload);
    }
    if (row->cause == 0) {
        array_null(&work->log[9]);
    } else {
        array_int(&work->log[9], row->cause);
    }
    array_text(&work->log[10], row->why);
    work->n_log++;
    return turn->seq;
}
