/*
 * The last flight of a batch: all that is to be kept, each table's rows in one statement, then
 * COMMIT. A status moves its message; only what a person wrote makes a turn.
 */
#include "bot/lane/channels.h"
#include "bot/loop/log.h"
#include "bot/turn/batch_code.h"
#include "bot/turn/batch_hand.h"
#include "bot/turn/batch_handoff.h"
#include "bot/turn/batch_log.h"
#include "bot/turn/batch_short.h"
#include "bot/turn/books.h"
#include "store/sql.h"

#include "webhooks/event_json.h"

#include <stdlib.h>

/* --- the last flight: all that is to be kept
 * -------------------------------------------------------- */

struct db_param *batch_params(struct batch_work *work, struct db_array *arrays, size_t n,
                              size_t more)
{
    struct db_param *params = arena_array(&work->arena, struct db_param, 1 + n + more);

    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < n; i++)
        params[1 + i] = param_array(&arrays[i]);
    return params;
}

void batch_arrays(struct batch_work *work, struct db_array *arrays, const enum db_type *types,
                  size_t n)
{
    for (size_t i = 0; i < n; i++)
        array_init(&arrays[i], &work->arena, types[i]);
}

/* Whether the person whom a code proved got another number or user id in this very batch. */
static bool is_renamed(const struct batch_work *work, const struct turn *turn)
{
    for (size_t i = 0; i < work->n_renames; i++) {
        const struct event *event = work->renames[i]->event;
        if (str_eq(person_address(&event->from), turn->address) ||
            str_eq(person_address(&event->renamed), turn->address))
            return true;
    }
    return false;
}

static void write_conversations(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_INT8, DB_TEXT, DB_BOOL,
                                         DB_TEXT, DB_BOOL, DB_TIME, DB_TIME};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        if (!turn->dirty)
            continue;
        array_uuid(&arrays[0], turn->conversation);
        array_int(&arrays[1], turn->seq);
        array_text(&arrays[2], turn->state.at != NULL ? turn->state : STR(""));
        array_bool(&arrays[3], turn->at_rest);
        array_text(&arrays[4], turn->language);
        array_bool(&arrays[5], turn->language_settled);
        array_time(&arrays[6], turn->inbound_at);
        if (turn->verified_until > 0 && !is_renamed(work, turn)) {
            array_time(&arrays[7], turn->verified_until);
        } else {
            array_null(&arrays[7]);
        }
    }
    if (arrays[0].n == 0)
        return;
    struct db_param *params = batch_params(work, arrays, COUNTOF(arrays), 1);
    params[1 + COUNTOF(arrays)] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_TURN_KEEP, params);
}

/* The books of who is in the middle of something, where the database may not have them yet: who
 * goes on elsewhere needs them. One at a time is new. */
static void write_books(struct batch_work *work)
{
    const struct book *last = NULL;

    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        const struct db_param *params;
        if (!turn->dirty || turn->at_rest || turn->book == last)
            continue;
        params =
            books_unkept(work->batch->worker->books, &work->arena, book_version(turn->book));
        if (params == NULL)
            continue;
        last = turn->book;
        flight_add(work->conn, &work->flight, &SQL_BOOK_KEEP, params);
    }
}

/* Each delivery is kept once for each business, with the first batch that has something new of
 * it. */
static void write_payloads(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_TIME, DB_BYTEA, DB_TEXT};
    struct db_array arrays[COUNTOF(types)];
    bool any = batch_missing(work) > 0;

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (struct item *item = work->batch->items; item != NULL; item = item->next) {
        struct portion *portion = item->portion;
        if (portion->kept || portion->writing || !batch_is_new(work, item) ||
            (any && batch_is_put_off(work, item)))
            continue;
        portion->writing = true;
        array_uuid(&arrays[0], portion->payload_id);
        array_time(&arrays[1], portion->delivery->received_at);
        array_text(&arrays[2], portion->delivery->body);
        array_text(&arrays[3], str_from(portion->delivery->provider));
    }
    if (arrays[0].n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_PAYLOADS,
                   batch_params(work, arrays, COUNTOF(arrays), 0));
    }
}

/* "p1.<conversation>.<seq>": what goes with a message, and comes back in its statuses. */
static bool parse_key(struct str key, struct uuid *conversation, int64_t *seq)
{
    struct str rest = key, lead, id;

    return str_split(&rest, '.', &lead) && str_eq(lead, STR("p1")) &&
           str_split(&rest, '.', &id) && uuid_parse(id, conversation) && str_to_int(rest, seq);
}

/* A status that names its message by our key. */
struct keyed {
    struct uuid conversation;
    int64_t seq;
    const struct event *event;
    bool by_mail;
};

static int by_message(const void *a, const void *b)
{
    const struct keyed *left = a, *right = b;
    int order = uuid_compare(left->conversation, right->conversation);

    return order != 0 ? order : (left->seq > right->seq) - (left->seq < right->seq);
}

/* Those that did not arrive may go on by another channel. */
static void write_failed(struct batch_work *work, const struct keyed *keyed, size_t n)
{
    static const enum db_type types[] = {DB_UUID, DB_INT8};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < n; i++) {
        if (keyed[i].event->status != DELIVERY_FAILED)
            continue;
        array_uuid(&arrays[0], keyed[i].conversation);
        array_int(&arrays[1], keyed[i].seq);
    }
    if (arrays[0].n == 0)
        return;
    struct db_param *params = batch_params(work, arrays, COUNTOF(types), 1);
    params[1 + COUNTOF(types)] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_FALLBACKS_FAILED, params);
}

/* Which attempt it is of, by the provider's id. A mail is one however often it is sent, and a
 * report about it may come from whoever had it last, under another id. */
static void add_attempt(struct db_array *hashes, const struct keyed *keyed)
{
    const struct str *id = &keyed->event->context;
    struct hash16 hash = hash16_of(id, 1);

    if (keyed->by_mail || id->len == 0) {
        array_null(hashes);
    } else {
        array_hash(hashes, &hash);
    }
}

/* In the order of the messages: a lane settles in that order too, and two that lock the same
 * rows in two orders wait for each other. */
static void write_keyed(struct batch_work *work, struct keyed *keyed, size_t n)
{
    static const enum db_type types[] = {DB_UUID, DB_INT8, DB_INT2, DB_INT4, DB_BYTEA};
    struct db_array arrays[COUNTOF(types)], failed;

    if (n == 0)
        return;
    qsort(keyed, n, sizeof *keyed, by_message);
    batch_arrays(work, arrays, types, COUNTOF(types));
    array_init(&failed, &work->arena, DB_BOOL);
    for (size_t i = 0; i < n; i++) {
        array_uuid(&arrays[0], keyed[i].conversation);
        array_int(&arrays[1], keyed[i].seq);
        array_int(&arrays[2], keyed[i].event->status);
        array_int(&arrays[3], keyed[i].event->error);
        add_attempt(&arrays[4], &keyed[i]);
        array_bool(&failed, keyed[i].event->status == DELIVERY_FAILED);
    }
    struct db_param *params = batch_params(work, arrays, 2, 2);
    params[3] = param_array(&failed);
    params[4] = param_array(&arrays[4]);
    flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES_SETTLE, params);
    flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES,
               batch_params(work, arrays, COUNTOF(types), 0));
    write_failed(work, keyed, n);
}

/* What went wrong after the provider had taken it: some of it a person should see. Whether its
 * reader told the provider to stop. */
static bool tell_error(struct batch_work *work, const struct item *item)
{
    const struct account *account = item->account;
    struct sending_result result;

    if (item->event->error == 0)
        return false;
    count_error(item->event->error);
    channel_ways(account->channel)->error(&work->arena, item->event->error, &result);
    if (result.alert) {
        log_event(LOG_ALERT, "outbox.refused_later", LOG_S("lane", account->external_id),
                  LOG_I("code", result.code), LOG_S("why", result.reason));
    }
    return result.told_to_stop;
}

static void write_told_to_stop(struct batch_work *work, struct db_array *stopped)
{
    if (stopped[0].n == 0)
        return;
    struct db_param *params = batch_params(work, stopped, 2, 1);
    params[3] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_OUTBOX_TOLD_TO_STOP, params);
}

static void write_statuses(struct batch_work *work)
{
    static const enum db_type by_id[] = {DB_BYTEA, DB_INT2, DB_INT4};
    static const enum db_type by_key[] = {DB_UUID, DB_INT8};
    struct db_array unkeyed[COUNTOF(by_id)], stopped[COUNTOF(by_key)];
    struct keyed *keyed = arena_array(&work->arena, struct keyed, work->n_statuses + 1);
    size_t n = 0;

    batch_arrays(work, unkeyed, by_id, COUNTOF(by_id));
    batch_arrays(work, stopped, by_key, COUNTOF(by_key));
    for (size_t i = 0; i < work->n_statuses; i++) {
        const struct event *event = work->statuses[i]->event;
        bool told_to_stop = tell_error(work, work->statuses[i]);
        if (parse_key(event->key, &keyed[n].conversation, &keyed[n].seq)) {
            if (told_to_stop) {
                array_uuid(&stopped[0], keyed[n].conversation);
                array_int(&stopped[1], keyed[n].seq);
            }
            keyed[n].by_mail = work->statuses[i]->account->channel == CHANNEL_EMAIL;
            keyed[n++].event = event;
        } else {
            struct str id = event->context; /* our message's */
            struct hash16 hash = hash16_of(&id, 1);
            array_hash(&unkeyed[0], &hash);
            array_int(&unkeyed[1], event->status);
            array_int(&unkeyed[2], event->error);
        }
    }
    write_told_to_stop(work, stopped);
    write_keyed(work, keyed, n);
    if (unkeyed[0].n > 0) {
        struct db_param *params = batch_params(work, unkeyed, COUNTOF(by_id), 1);
        params[1 + COUNTOF(by_id)] = param_time(&work->arena, work->now);
        flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES_BY_ID, params);
        flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES_EARLY, params);
    }
}

static void write_consent(struct batch_work *work)
{
    struct db_array contacts;

    if (work->n_stopping > 0) {
        array_init(&contacts, &work->arena, DB_UUID);
        for (size_t i = 0; i < work->n_stopping; i++)
            array_uuid(&contacts, work->stopping[i]);
        struct db_param *params = batch_params(work, &contacts, 1, 1);
        params[2] = param_time(&work->arena, work->now);
        flight_add(work->conn, &work->flight, &SQL_TURN_STOP_LOCK,
                   batch_params(work, &contacts, 1, 0));
        flight_add(work->conn, &work->flight, &SQL_TURN_STOP, params);
        flight_add(work->conn, &work->flight, &SQL_TURN_STOP_OUTBOX, params);
    }
    if (work->n_starting > 0) {
        array_init(&contacts, &work->arena, DB_UUID);
        for (size_t i = 0; i < work->n_starting; i++)
            array_uuid(&contacts, work->starting[i]);
        flight_add(work->conn, &work->flight, &SQL_TURN_START,
                   batch_params(work, &contacts, 1, 0));
    }
}

static void write_notes(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT};
    struct db_array arrays[COUNTOF(types)];

    batch_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_notes; i++) {
        const struct item *item = work->notes[i];
        if (!batch_is_new(work, item)) {
            work->duplicates++;
            continue;
        }
        array_uuid(&arrays[0], worker_uuid());
        const char *channel = channel_name(item->account->channel);
        array_text(&arrays[1], arena_format(&work->arena, "%s.%s", channel,
                                            event_kind_name(item->event->kind)));
        array_text(&arrays[2], item->event->account);
        array_text(&arrays[3], event_to_json(&work->arena, item->event));
        array_text(&arrays[4], str_from(channel));
    }
    if (arrays[0].n == 0)
        return;
    struct db_param *params = batch_params(work, arrays, COUNTOF(types), 1);
    params[1 + COUNTOF(types)] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_TURN_NOTE, params);
}

/* A status or a note with bad data has no customer to say sorry to, but is kept all the same.
 */
static void bury_lost(struct batch_work *work)
{
    for (size_t i = 0; i < work->n_lost; i++) {
        const struct item *item = work->lost[i];
        if (batch_is_remembered(item) && !batch_is_new(work, item)) {
            work->duplicates++;
        } else {
            batch_bury(work, item, item->park);
        }
    }
}

/* Turns whose conversation another worker holds lead the next batch; here they leave no trace.
 */
static void put_off(struct batch_work *work)
{
    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        for (size_t k = 0; !turn->taken && k < turn->n; k++) {
            if (turn->items[k]->job != NULL || !batch_is_new(work, turn->items[k]))
                continue;
            array_uuid(&work->unsee[0], turn->account->account);
            array_hash(&work->unsee[1], &turn->items[k]->hash);
            work->n_unseen++;
        }
    }
    if (work->n_unseen > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_UNSEE,
                   batch_params(work, work->unsee, 2, 0));
    }
}

/* Jobs last: whoever claims them waits for no one, and only the conversation's holder deletes.
 */
static void write_jobs(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_UUID, DB_TEXT, DB_TIME};
    struct db_array ended, begun[COUNTOF(types)];

    array_init(&ended, &work->arena, DB_UUID);
    batch_arrays(work, begun, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        if (!turn->retimed)
            continue;
        array_uuid(&ended, turn->conversation);
        if (turn->timer.at == 0)
            continue;
        array_uuid(&begun[0], worker_uuid());
        array_uuid(&begun[1], turn->conversation);
        array_text(&begun[2], turn->timer.name);
        array_time(&begun[3], turn->timer.at);
        if (work->next_job == 0 || turn->timer.at < work->next_job)
            work->next_job = turn->timer.at;
    }
    if (work->done_jobs.n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_JOBS_DONE,
                   batch_params(work, &work->done_jobs, 1, 0));
    }
    if (ended.n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_TIMERS_END,
                   batch_params(work, &ended, 1, 0));
    }
    if (begun[0].n > 0) {
        flight_add(work->conn, &work->flight, &SQL_TURN_TIMERS_BEGIN,
                   batch_params(work, begun, COUNTOF(begun), 0));
    }
}

void batch_write(struct batch_work *work)
{
    struct db_flight *flight = &work->flight;

    flight_init(flight, &work->arena);
    batch_then(work, batch_committed);
    put_off(work);
    batch_identities_write(work);
    batch_preferences_write(work);
    batch_templates_write(work);
    write_payloads(work);
    batch_codes_log(work);
    if (work->n_log > 0) {
        flight_add(work->conn, flight, &SQL_TURN_LOG,
                   batch_params(work, work->log, COUNTOF(work->log), 0));
    }
    write_consent(work);
    batch_promises_write(work);
    batch_short_write(work);
    batch_files_write(work);
    batch_codes_write(work);
    write_conversations(work);
    write_books(work);
    batch_threads_write(work);
    write_statuses(work);
    bury_lost(work);
    if (work->n_dead > 0) {
        struct db_param *params = batch_params(work, work->dead, COUNTOF(work->dead), 1);
        params[1 + COUNTOF(work->dead)] = param_time(&work->arena, work->now);
        flight_add(work->conn, flight, &SQL_TURN_BURY, params);
    }
    write_notes(work);
    batch_documents_place(work);
    batch_handoffs_write(work);
    write_jobs(work);
    flight_add_text(work->conn, flight, "COMMIT");
    flight_go(work->conn, flight);
}
