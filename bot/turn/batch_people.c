/*
 * What the channels themselves say of people: that they have another number, that they want to
 * hear nothing, what their mail program would show their next mail under.
 */
#include "bot/turn/batch_inside.h"

#include "store/sql.h"

/* A new number or user id; or the same address, and somebody else's telephone perhaps. */
void batch_identities_write(struct batch_work *work)
{
    static const enum db_type types[] = {DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT};
    struct db_array renames[4];

    batch_arrays(work, renames, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_renames; i++) {
        const struct event *event = work->renames[i]->event;
        struct str before = person_address(&event->from),
                   after = person_address(&event->renamed);
        if (before.len > 0 && after.len == 0) {
            array_text(&renames[3], before);
        } else if (before.len > 0) {
            array_text(&renames[0], before);
            array_text(&renames[1], after);
            array_text(&renames[2], event->renamed.phone);
        }
    }
    if (renames[0].n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_RENAME,
                   batch_params(work, renames, 3, 0));
    }
    if (renames[3].n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_UNPROVE,
                   batch_params(work, &renames[3], 1, 0));
    }
}

/* On WhatsApp the switch is for marketing only; elsewhere it is STOP and START. */
void batch_preferences_write(struct batch_work *work)
{
    static const enum db_type types[] = {DB_TEXT, DB_BOOL};
    static const enum db_type switch_types[] = {DB_TEXT, DB_TEXT, DB_BOOL, DB_UUID, DB_TEXT};
    struct db_array marketing[COUNTOF(types)], switches[COUNTOF(switch_types)];

    batch_arrays(work, marketing, types, COUNTOF(types));
    batch_arrays(work, switches, switch_types, COUNTOF(switch_types));
    for (size_t i = 0; i < work->n_preferences; i++) {
        const struct item *item = work->preferences[i];
        const struct event *event = item->event;
        enum channel channel = item->account->channel;
        bool stops = str_eq(event->detail, STR("stop"));
        if (batch_is_remembered(item) && !batch_is_new(work, item)) {
            work->duplicates++;
            continue;
        }
        if (channel == CHANNEL_WHATSAPP) {
            array_text(&marketing[0], person_address(&event->from));
            array_bool(&marketing[1], stops);
            continue;
        }
        array_text(&switches[0], str_from(channel_name(channel)));
        array_text(&switches[1], person_address(&event->from));
        array_bool(&switches[2], stops);
        array_uuid(&switches[3], worker_uuid());
        array_text(&switches[4], event->from.phone);
    }
    if (marketing[0].n > 0) {
        struct db_param *params = batch_params(work, marketing, COUNTOF(types), 1);
        params[1 + COUNTOF(types)] = param_time(&work->arena, work->now);
        flight_add(work->conn, &work->flight, &SQL_TURN_PREFERENCES, params);
    }
    if (switches[0].n > 0) {
        struct db_param *params = batch_params(work, switches, COUNTOF(switch_types), 1);
        params[1 + COUNTOF(switch_types)] = param_time(&work->arena, work->now);
        flight_add(work->conn, &work->flight, &SQL_TURN_SWITCH_LOCK,
                   batch_params(work, switches, 2, 0));
        flight_add(work->conn, &work->flight, &SQL_TURN_SWITCH, params);
    }
}

/* What each conversation's last mail was. */
void batch_threads_write(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_TEXT, DB_TEXT, DB_TEXT};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        const struct mail_head *mail = turn->mail;
        if (!turn->dirty || mail == NULL)
            continue;
        array_uuid(&arrays[0], turn->conversation);
        array_text(&arrays[1], mail->message_id.at != NULL ? mail->message_id : STR(""));
        array_text(&arrays[2], mail->references.at != NULL ? mail->references : STR(""));
        array_text(&arrays[3], mail->subject.at != NULL ? mail->subject : STR(""));
    }
    if (arrays[0].n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_THREADS,
                   batch_params(work, arrays, COUNTOF(types), 0));
    }
}
