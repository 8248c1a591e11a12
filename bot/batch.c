/*
 * Four flights for a usual batch, two when no flow needs to look anything up. The order of
 * writes is the same in every batch (contacts, seen, messages, outbox, conversations), and each
 * is sorted by its key, so that batches cannot wait for each other in a circle.
 *
 * Nothing leaves the batch before COMMIT has come back: figures, receipts, wakes.
 */
#include "bot/batch.h"

#include "bot/books.h"
#include "bot/lanes.h"
#include "bot/loop/log.h"
#include "bot/people.h"
#include "bot/receipts.h"
#include "store/loads.h"
#include "store/sql.h"
#include "webhooks/event_json.h"

#include <stdlib.h>

#define BUSINESS_FRESH (30 * USEC_PER_SEC)
#define ROUNDS_MAX                                                                             \
    32 /* of facts and actions, for one item: a flow's own loop check comes first */

/* One conversation of the batch, and its items in order. */
struct turn {
    struct turn *next; /* with the same hash */
    const struct account *account;
    struct str address;
    struct item **items;
    size_t n, room, at;
    bool taken;
    bool fresh; /* has an item that was not handled before */

    struct uuid conversation, contact, customer;
    int64_t seq;
    struct str state;
    bool at_rest;
    struct str language;
    bool language_settled;
    usec_t last_inbound_at, held_until;
    bool stopped;
    struct str phone;
    const struct record *customer_facts;
    struct str customer_language, customer_zone;

    const struct book *book;
    struct flow_turn *flow;
    struct flow_in in;
    unsigned rounds;
    bool waiting; /* for answers of this round */
    bool dirty;
    usec_t inbound_at;
    int64_t cause;
    const struct item *last; /* the last message handled: for the receipt */
};

/* What one flight asks for, so that its results find their way back. */
struct asked {
    enum { ASKED_CUSTOMER, ASKED_BOOK, ASKED_NEED } what;
    struct turn *turn;
    size_t need;
    size_t query;
};

struct batch_work {
    struct batch *batch;
    struct arena arena;
    struct db_lease lease;
    struct db_conn *conn;
    struct db_flight flight;
    usec_t began, now; /* monotonic, wall */

    struct turn *turns;
    size_t n_turns;
    struct turn **table;
    size_t table_size;

    struct item **notes; /* account and template events: new ones are told to the audit */
    size_t n_notes;
    struct item **statuses;
    size_t n_statuses;
    struct item **renames;
    size_t n_renames;
    struct item **preferences;
    size_t n_preferences;

    struct item **seen; /* sorted by (account, hash): those remembered by this transaction */
    bool *is_new;
    size_t n_seen;

    struct asked *asked;
    size_t n_asked, room_asked;
    size_t business_query, take_query, see_query;
    size_t *missing; /* positions in turns of those that were not taken, sorted by address */

    /* rows to write */
    size_t n_log, n_promised, n_dead;
    struct db_array log[11], promise[5], dead[5];
    struct db_array unsee[2];
    size_t n_unseen;
    struct uuid *stopping, *starting;
    size_t n_stopping, n_starting;
    size_t duplicates, handled, not_understood, handoffs;
};

static void take(struct batch_work *work);
static void rounds(struct batch_work *work);
static void commit(struct batch_work *work);

/* --- the end -------------------------------------------------------------------------------
 */

static void finish(struct batch_work *work, enum batch_end end)
{
    struct batch *batch = work->batch;

    if (work->conn != NULL)
        db_release(batch->worker->db, work->conn);
    work->conn = NULL;
    batch->end = end;
    batch->done(batch);
}

/* True when the flight went well; else the batch has ended. */
static bool flown(struct batch_work *work)
{
    struct db_flight *flight = &work->flight;

    if (flight->err.code == ERR_NONE)
        return true;
    work->batch->err = flight->err;
    if (flight->err.code == ERR_BROKEN)
        log_event(LOG_ALERT, "turns.query_broken", LOG_I("query", flight->failed),
                  LOG_C("sqlstate", flight->sqlstate), LOG_ERR(&flight->err));
    finish(work, flight->err.code == ERR_REJECT ? BATCH_BAD : BATCH_SICK);
    return false;
}

/* --- sorting items -------------------------------------------------------------------------
 */

static size_t hash_of(struct str address, const struct account *account)
{
    size_t hash = (size_t)(uintptr_t)account >> 4;

    for (size_t i = 0; i < address.len; i++)
        hash = hash * 31 + (unsigned char)address.at[i];
    return hash;
}

static struct turn *turn_of(struct batch_work *work, const struct item *item)
{
    size_t slot = hash_of(item->address, item->account) & (work->table_size - 1);
    struct turn *turn = work->table[slot];

    while (turn != NULL &&
           (turn->account != item->account || !str_eq(turn->address, item->address)))
        turn = turn->next;
    if (turn != NULL)
        return turn;
    turn = &work->turns[work->n_turns++];
    turn->account = item->account;
    turn->address = item->address;
    turn->next = work->table[slot];
    work->table[slot] = turn;
    return turn;
}

static void turn_add(struct batch_work *work, struct turn *turn, struct item *item)
{
    if (turn->n == turn->room) {
        size_t room = turn->room > 0 ? turn->room * 2 : 2;
        struct item **wider = arena_array(&work->arena, struct item *, room);
        if (turn->n > 0)
            memcpy(wider, turn->items, turn->n * sizeof(struct item *));
        turn->items = wider;
        turn->room = room;
    }
    turn->items[turn->n++] = item;
}

static int by_account_and_hash(const void *a, const void *b)
{
    const struct item *left = *(struct item *const *)a, *right = *(struct item *const *)b;
    int order = uuid_compare(left->account->account, right->account->account);

    return order != 0 ? order : memcmp(&left->hash, &right->hash, sizeof left->hash);
}

static void sort_items(struct batch_work *work)
{
    struct batch *batch = work->batch;
    size_t n = batch->n;

    work->turns = arena_array(&work->arena, struct turn, n);
    work->table_size = 16;
    while (work->table_size < 2 * n)
        work->table_size *= 2;
    work->table = arena_array(&work->arena, struct turn *, work->table_size);
    work->seen = arena_array(&work->arena, struct item *, n);
    work->is_new = arena_array(&work->arena, bool, n);
    work->notes = arena_array(&work->arena, struct item *, n);
    work->statuses = arena_array(&work->arena, struct item *, n);
    work->renames = arena_array(&work->arena, struct item *, n);
    work->preferences = arena_array(&work->arena, struct item *, n);
    for (struct item *item = batch->items; item != NULL; item = item->next) {
        enum event_kind kind = item->event->kind;
        if (kind == EVENT_STATUS) {
            work->statuses[work->n_statuses++] = item;
        } else if (kind == EVENT_IDENTITY) {
            work->renames[work->n_renames++] = item;
        } else if (kind == EVENT_PREFERENCE) {
            work->preferences[work->n_preferences++] = item;
        } else {
            work->seen[work->n_seen++] = item;
            if (event_is_message(kind))
                turn_add(work, turn_of(work, item), item);
            else
                work->notes[work->n_notes++] = item;
        }
    }
    qsort(work->seen, work->n_seen, sizeof(struct item *), by_account_and_hash);
}

/* Whether this transaction is the first to handle the item; a second copy in the batch is not.
 */
static bool is_new(const struct batch_work *work, const struct item *item)
{
    struct item *const *found =
        bsearch(&item, work->seen, work->n_seen, sizeof(struct item *), by_account_and_hash);
    size_t i;

    if (found == NULL)
        return false;
    i = (size_t)(found - work->seen);
    while (i > 0 && by_account_and_hash(&work->seen[i - 1], &item) == 0)
        i--;
    for (; i < work->n_seen && by_account_and_hash(&work->seen[i], &item) == 0; i++) {
        if (work->seen[i] == item)
            return work->is_new[i];
    }
    return false;
}

/* --- the first flight: take conversations, remember deliveries
 * --------------------------------- */

static struct db_param param_bytes(const void *bytes, size_t n)
{
    return (struct db_param){bytes, (int)n};
}

static void array_hash(struct db_array *array, const struct hash16 *hash)
{
    array_text(array, (struct str){(const char *)hash->bytes, sizeof hash->bytes});
}

static void add_take(struct batch_work *work)
{
    struct db_array accounts, addresses;
    struct db_param *params = arena_array(&work->arena, struct db_param, 3);

    array_init(&accounts, &work->arena, DB_UUID);
    array_init(&addresses, &work->arena, DB_TEXT);
    for (size_t i = 0; i < work->n_turns; i++) {
        array_uuid(&accounts, work->turns[i].account->account);
        array_text(&addresses, work->turns[i].address);
    }
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_array(&accounts);
    params[2] = param_array(&addresses);
    work->take_query = work->flight.n;
    flight_add(work->conn, &work->flight, &SQL_TURN_TAKE, params);
}

static void add_see(struct batch_work *work)
{
    struct db_array accounts, hashes;
    struct db_param *params = arena_array(&work->arena, struct db_param, 4);

    array_init(&accounts, &work->arena, DB_UUID);
    array_init(&hashes, &work->arena, DB_BYTEA);
    for (size_t i = 0; i < work->n_seen; i++) {
        array_uuid(&accounts, work->seen[i]->account->account);
        array_hash(&hashes, &work->seen[i]->hash);
    }
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_array(&accounts);
    params[2] = param_array(&hashes);
    params[3] = param_time(&work->arena, work->now);
    work->see_query = work->flight.n;
    flight_add(work->conn, &work->flight, &SQL_TURN_SEE, params);
}

static void row_to_turn(struct batch_work *work, const PGresult *rows, int row,
                        struct turn *turn)
{
    turn->taken = true;
    turn->conversation = row_uuid(rows, row, 1);
    turn->contact = row_uuid(rows, row, 2);
    turn->customer = row_null(rows, row, 3) ? (struct uuid){{0}} : row_uuid(rows, row, 3);
    turn->seq = row_int(rows, row, 4);
    turn->state = arena_str(&work->arena, row_text(rows, row, 5));
    turn->at_rest = row_bool(rows, row, 6);
    turn->language = arena_str(&work->arena, row_text(rows, row, 7));
    turn->language_settled = row_bool(rows, row, 8);
    turn->last_inbound_at = row_time(rows, row, 9);
    turn->held_until = row_time(rows, row, 10);
    turn->stopped = !row_null(rows, row, 11);
    turn->phone = arena_str(&work->arena, row_text(rows, row, 12));
}

static void read_business(struct batch_work *work, const PGresult *rows)
{
    static const char *const names[] = {"name",     "language", "time_zone",
                                        "currency", "country",  "email",
                                        "phone",    "website",  "privacy_url"};
    struct business *business = work->batch->business;
    struct record_builder facts;

    if (rows_n(rows) == 0)
        return;
    arena_reset(&business->arena);
    record_build(&facts, &business->arena);
    for (int i = 0; i < (int)COUNTOF(names); i++) {
        struct str text = arena_str(&business->arena, row_text(rows, 0, i));
        if (text.len > 0)
            record_set(&facts, str_from(names[i]), value_text(text));
    }
    business->facts = record_built(&facts);
    business->language = record_get(business->facts, STR("language")).text;
    business->time_zone = record_get(business->facts, STR("time_zone")).text;
    business->currency = record_get(business->facts, STR("currency")).text;
    business->read_at = work->began;
}

static void mark_new(struct batch_work *work, const PGresult *rows)
{
    for (int row = 0; row < rows_n(rows); row++) {
        struct account account = {.account = row_uuid(rows, row, 0)};
        struct str bytes = row_text(rows, row, 1);
        struct item key = {.account = &account}, *key_pointer = &key;
        memcpy(key.hash.bytes, bytes.at, sizeof key.hash.bytes);
        struct item **found = bsearch(&key_pointer, work->seen, work->n_seen,
                                      sizeof(struct item *), by_account_and_hash);
        if (found == NULL)
            continue;
        while (found > work->seen && by_account_and_hash(found - 1, found) == 0)
            found--;
        work->is_new[found - work->seen] = true;
    }
}

static void read_taken(struct batch_work *work, const PGresult *rows, const size_t *order)
{
    for (int row = 0; row < rows_n(rows); row++) {
        size_t i = (size_t)row_int(rows, row, 0) - 1;
        row_to_turn(work, rows, row, &work->turns[order != NULL ? order[i] : i]);
    }
}

static size_t missing(const struct batch_work *work)
{
    size_t n = 0;

    for (size_t i = 0; i < work->n_turns; i++)
        n += !work->turns[i].taken;
    return n;
}

static void create_contacts(struct batch_work *work);

static void first_flown(struct db_flight *flight)
{
    struct batch_work *work = CONTAINER_OF(flight, struct batch_work, flight);

    if (!flown(work))
        return;
    if (work->business_query > 0)
        read_business(work, flight->results[work->business_query]);
    if (work->batch->business->facts == NULL) {
        err_raise(&work->batch->err, ERR_BROKEN,
                  "the directory names a business that is not there");
        finish(work, BATCH_SICK);
        return;
    }
    if (work->n_seen > 0)
        mark_new(work, flight->results[work->see_query]);
    if (work->n_turns > 0)
        read_taken(work, flight->results[work->take_query], NULL);
    if (missing(work) > 0)
        create_contacts(work);
    else
        rounds(work);
}

static void take(struct batch_work *work)
{
    struct batch *batch = work->batch;
    struct db_flight *flight = &work->flight;

    flight_init(flight, &work->arena);
    flight->done = first_flown;
    flight_add_text(work->conn, flight, "BEGIN");
    flight_set_org(work->conn, flight, batch->business->org);
    flight_add_text(
        work->conn, flight,
        arena_format(&work->arena, "SET LOCAL lock_timeout = %lld",
                     (long long)(batch->worker->config->turns.lock_timeout / USEC_PER_MSEC))
            .at);
    if (work->began - batch->business->read_at > BUSINESS_FRESH ||
        batch->business->read_at == 0) {
        struct db_param *params = arena_array(&work->arena, struct db_param, 1);
        params[0] = param_uuid(&work->arena, batch->business->org);
        work->business_query = flight->n;
        flight_add(work->conn, flight, &SQL_TURN_BUSINESS, params);
    }
    if (work->n_turns > 0)
        add_take(work);
    if (work->n_seen > 0)
        add_see(work);
    flight_go(work->conn, flight);
}

/* --- contacts that are not there, or held
 * ------------------------------------------------------ */

static const struct person *person_of(const struct turn *turn)
{
    return &turn->items[0]->event->from;
}

static int by_address(const void *a, const void *b, void *context)
{
    const struct batch_work *work = context;
    const struct turn *left = &work->turns[*(const size_t *)a],
                      *right = &work->turns[*(const size_t *)b];
    int order = str_compare(left->address, right->address);

    return order != 0 ? order : uuid_compare(left->account->account, right->account->account);
}

static size_t find_missing(struct batch_work *work)
{
    size_t n = 0;

    work->missing = arena_array(&work->arena, size_t, work->n_turns);
    for (size_t i = 0; i < work->n_turns; i++) {
        if (!work->turns[i].taken)
            work->missing[n++] = i;
    }
    qsort_r(work->missing, n, sizeof(size_t), by_address, work);
    return n;
}

/* One person came under their number and under their user id: one conversation is one turn, so
 * the later waits for the next batch. */
static void part_twins(struct batch_work *work)
{
    for (size_t i = 0; i < work->n_turns; i++) {
        for (size_t k = i + 1; work->turns[i].taken && k < work->n_turns; k++) {
            if (work->turns[k].taken &&
                uuid_eq(work->turns[i].conversation, work->turns[k].conversation))
                work->turns[k].taken = false;
        }
    }
}

static void created_flown(struct db_flight *flight)
{
    struct batch_work *work = CONTAINER_OF(flight, struct batch_work, flight);

    if (!flown(work))
        return;
    read_taken(work, flight->results[work->take_query], work->missing);
    part_twins(work);
    rounds(work);
}

/*
 * A conversation that was not taken is new, or another worker has it. Creating decides: what is
 * created is ours, and what is then still not to be taken is put off. A contact that was known
 * by its number alone is adopted under the user id that now comes with it.
 */
static void create_contacts(struct batch_work *work)
{
    struct arena *arena = &work->arena;
    struct db_flight *flight = &work->flight;
    struct db_array contacts, conversations, accounts, addresses, phones, names, ids, numbers;
    struct db_param org = param_uuid(arena, work->batch->business->org);
    size_t n = find_missing(work);

    array_init(&contacts, arena, DB_UUID);
    array_init(&conversations, arena, DB_UUID);
    array_init(&accounts, arena, DB_UUID);
    array_init(&addresses, arena, DB_TEXT);
    array_init(&phones, arena, DB_TEXT);
    array_init(&names, arena, DB_TEXT);
    array_init(&ids, arena, DB_TEXT);
    array_init(&numbers, arena, DB_TEXT);
    for (size_t i = 0; i < n; i++) {
        struct turn *turn = &work->turns[work->missing[i]];
        const struct person *person = person_of(turn);
        array_uuid(&contacts, worker_uuid());
        array_uuid(&conversations, worker_uuid());
        array_uuid(&accounts, turn->account->account);
        array_text(&addresses, turn->address);
        array_text(&phones, person->phone);
        array_text(&names, person->name.at != NULL ? person->name : STR(""));
        if (person->phone.len > 0 && person->user_id.len > 0) {
            array_text(&ids, person->user_id);
            array_text(&numbers, person->phone);
        }
    }
    flight_init(flight, arena);
    flight->done = created_flown;
    if (ids.n > 0) {
        struct db_param *params = arena_array(arena, struct db_param, 3);
        params[0] = org, params[1] = param_array(&ids), params[2] = param_array(&numbers);
        flight_add(work->conn, flight, &SQL_TURN_ADOPT_BY_PHONE, params);
    }
    struct db_param *params = arena_array(arena, struct db_param, 6);
    params[0] = org, params[1] = param_array(&contacts), params[2] = param_array(&addresses);
    params[3] = param_array(&phones), params[4] = param_array(&names),
    params[5] = param_time(arena, work->now);
    flight_add(work->conn, flight, &SQL_TURN_CREATE_CONTACTS, params);
    params = arena_array(arena, struct db_param, 4);
    params[0] = org, params[1] = param_array(&conversations),
    params[2] = param_array(&accounts);
    params[3] = param_array(&addresses);
    flight_add(work->conn, flight, &SQL_TURN_CREATE_CONVERSATIONS, params);
    params = arena_array(arena, struct db_param, 3);
    params[0] = org, params[1] = param_array(&accounts), params[2] = param_array(&addresses);
    work->take_query = flight->n;
    flight_add(work->conn, flight, &SQL_TURN_TAKE_FOUND, params);
    flight_go(work->conn, flight);
}

/* --- stepping
 * ----------------------------------------------------------------------------------- */

static void bury(struct batch_work *work, const struct item *item, const char *reason)
{
    struct arrival *delivery = item->portion->delivery;

    array_uuid(&work->dead[0], worker_uuid());
    array_uuid(&work->dead[1], item->account->account);
    array_text(&work->dead[2], str_from(reason));
    array_text(&work->dead[3], item->event->id);
    array_text(&work->dead[4], delivery->body);
    work->n_dead++;
}

struct row {
    bool inbound;
    const char *kind;
    struct str body;
    usec_t at;
    struct str provider_id;
    struct uuid payload;
    int64_t cause;
    struct str why;
};

/* A message in the log; its number in the conversation comes back. */
static int64_t log_message(struct batch_work *work, struct turn *turn, const struct row *row)
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
    if (row->inbound || row->provider_id.len == 0)
        array_null(&work->log[6]);
    else
        array_hash(&work->log[6], &hash);
    array_text(&work->log[7], row->provider_id);
    if (uuid_is_none(row->payload))
        array_null(&work->log[8]);
    else
        array_uuid(&work->log[8], row->payload);
    if (row->cause == 0)
        array_null(&work->log[9]);
    else
        array_int(&work->log[9], row->cause);
    array_text(&work->log[10], row->why);
    work->n_log++;
    return turn->seq;
}

static void say(struct batch_work *work, struct turn *turn, const struct item *item,
                const struct reply *reply, struct str why, bool exempt)
{
    struct row row = {.kind = reply_kind_name(reply->kind),
                      .body = reply_to_json(&work->arena, reply),
                      .at = work->now,
                      .cause = turn->cause,
                      .why = why};
    int64_t seq = log_message(work, turn, &row);

    array_uuid(&work->promise[0], turn->account->account);
    array_uuid(&work->promise[1], turn->conversation);
    array_int(&work->promise[2], seq);
    array_time(&work->promise[3], item->portion->delivery->received_at);
    array_bool(&work->promise[4], exempt);
    work->n_promised++;
}

static struct str known_language(const struct batch_work *work, const struct turn *turn)
{
    if (turn->language.len > 0 && turn->language_settled)
        return turn->language;
    if (turn->customer_language.len > 0)
        return turn->customer_language;
    if (turn->language.len > 0)
        return turn->language;
    if (people_language_of_phone(turn->phone).len > 0)
        return people_language_of_phone(turn->phone);
    return work->batch->business->language;
}

static struct locale locale_of(const struct batch_work *work, const struct turn *turn)
{
    struct locale locale = {.lang = LANG_EN, .now = work->now};

    if (!lang_parse(known_language(work, turn), &locale.lang))
        locale.lang = LANG_EN;
    locale.zone =
        turn->customer_zone.len > 0 ? turn->customer_zone : work->batch->business->time_zone;
    return locale;
}

/* What cannot be handled is kept for a person, and the customer is told that it was us. */
static void park(struct batch_work *work, struct turn *turn, struct item *item,
                 const char *reason)
{
    const struct worker *worker = work->batch->worker;
    struct locale locale = locale_of(work, turn);
    struct row row = {.inbound = true,
                      .kind = "parked",
                      .at = work->now,
                      .payload = item->portion->payload_id};
    struct reply reply = {.kind = REPLY_TEXT};

    bury(work, item, reason);
    count(COUNT_PARKED, 1);
    turn->cause = log_message(work, turn, &row);
    turn->inbound_at = work->now;
    reply.body = words_render(&work->arena, book_words(books_newest(worker->books)), &locale,
                              STR("error.apology"), work->batch->business->facts, NULL);
    if (!turn->stopped && reply.body.len > 0)
        say(work, turn, item, &reply, STR("parked"), false);
}

static void absorb_consent(struct batch_work *work, struct turn *turn,
                           const struct flow_result *result)
{
    if (result->consent == FLOW_CONSENT_STOP) {
        work->stopping[work->n_stopping++] = turn->contact;
        turn->stopped = true;
    } else if (result->consent == FLOW_CONSENT_START) {
        work->starting[work->n_starting++] = turn->contact;
        turn->stopped = false;
    }
}

static void absorb(struct batch_work *work, struct turn *turn, struct item *item)
{
    const struct event *event = item->event;
    const struct flow_result *result = flow_turn_result(turn->flow);
    struct str why =
        arena_format(&work->arena, "%s/%s", result->flow != NULL ? result->flow : "",
                     result->at != NULL ? result->at : "");
    struct row row = {.inbound = true,
                      .kind = event_kind_name(event->kind),
                      .body = event->text,
                      .at = event->at > 0 ? event->at : work->now,
                      .provider_id = event->id,
                      .payload = item->portion->payload_id};

    turn->cause = log_message(work, turn, &row);
    for (size_t i = 0; i < result->n_replies; i++)
        say(work, turn, item, &result->replies[i], why, result->consent == FLOW_CONSENT_STOP);
    absorb_consent(work, turn, result);
    turn->state = result->state;
    turn->at_rest = result->at_rest;
    turn->language = str_from(lang_code(result->lang));
    turn->language_settled = turn->language_settled || result->lang_settled;
    turn->last_inbound_at = work->now;
    turn->inbound_at = event->at > 0 && event->at < work->now ? event->at : work->now;
    turn->last = item;
    work->handled++;
    work->not_understood += !result->understood;
    work->handoffs += result->handoff;
    if (result->missing.len > 0)
        log_event(LOG_ALERT, "words.missing", LOG_S("key", result->missing), LOG_S("at", why));
}

static void begin_step(struct batch_work *work, struct turn *turn, struct item *item)
{
    struct record_builder facts;

    record_build(&facts, &work->arena);
    record_set(&facts, STR("business"), value_record(work->batch->business->facts));
    record_set(&facts, STR("channel"), value_text(STR("whatsapp")));
    if (turn->customer_facts != NULL)
        record_set(&facts, STR("customer"), value_record(turn->customer_facts));
    turn->in = (struct flow_in){.state = turn->state,
                                .event = item->event,
                                .now = work->now,
                                .locale = locale_of(work, turn),
                                .lang_is_settled =
                                    turn->language_settled || turn->customer_language.len > 0,
                                .facts = record_built(&facts),
                                .last_inbound_at = turn->last_inbound_at,
                                .muted = turn->stopped || turn->held_until > work->now};
    turn->flow = flow_turn_begin(&work->arena, turn->book, &turn->in);
    turn->rounds = 0;
}

/* Run the turn until it waits for answers (true) or all of its items are handled. */
static bool advance(struct batch_work *work, struct turn *turn)
{
    while (turn->at < turn->n) {
        struct item *item = turn->items[turn->at];
        struct err err = {0};
        if (turn->flow == NULL && !is_new(work, item)) {
            work->duplicates++;
            turn->at++;
            continue;
        }
        if (turn->flow == NULL && item->park != NULL) {
            park(work, turn, item, item->park);
            turn->at++;
            continue;
        }
        if (turn->flow == NULL)
            begin_step(work, turn, item);
        enum flow_progress progress = flow_turn_run(turn->flow, &err);
        if (progress == FLOW_NEEDS && turn->rounds++ < ROUNDS_MAX)
            return true;
        if (progress == FLOW_DONE) {
            absorb(work, turn, item);
        } else {
            if (progress == FLOW_NEEDS)
                err_raise(&err, ERR_BROKEN, "the flow asks for facts without end");
            log_event(LOG_ALERT, "turns.flow_broken", LOG_ID("org", work->batch->business->org),
                      LOG_ERR(&err));
            park(work, turn, item, arena_cstr(&work->arena, str_from(err.text)));
        }
        turn->flow = NULL;
        turn->at++;
    }
    return false;
}

/* --- rounds of facts
 * ------------------------------------------------------------------------------ */

static struct asked *ask(struct batch_work *work)
{
    if (work->n_asked == work->room_asked) {
        size_t room = work->room_asked > 0 ? work->room_asked * 2 : 32;
        struct asked *wider = arena_array(&work->arena, struct asked, room);
        if (work->n_asked > 0)
            memcpy(wider, work->asked, work->n_asked * sizeof *wider);
        work->asked = wider;
        work->room_asked = room;
    }
    return &work->asked[work->n_asked++];
}

/* The book that the conversation began with, unless nothing is under way. */
static void choose_book(struct batch_work *work, struct turn *turn)
{
    struct books *books = work->batch->worker->books;
    struct hash16 version = flow_state_version(turn->state);
    struct hash16 none = {{0}};

    turn->book = books_newest(books);
    if (turn->at_rest || memcmp(&version, &none, sizeof none) == 0)
        return;
    turn->book = books_find(books, version);
    if (turn->book == NULL) {
        struct db_param *params = arena_array(&work->arena, struct db_param, 1);
        struct hash16 *kept = arena_new(&work->arena, struct hash16);
        *kept = version;
        params[0] = param_bytes(kept->bytes, sizeof kept->bytes);
        *ask(work) = (struct asked){.what = ASKED_BOOK, .turn = turn, .query = work->flight.n};
        flight_add(work->conn, &work->flight, &SQL_BOOK_FIND, params);
    }
}

/* Who the customer is: known before the first step, as every flow may use it. */
static void ask_customer(struct batch_work *work, struct turn *turn)
{
    if (uuid_is_none(turn->customer))
        return;
    struct db_param *params = arena_array(&work->arena, struct db_param, 2);
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_uuid(&work->arena, turn->customer);
    flight_set_customer(work->conn, &work->flight, turn->customer);
    *ask(work) = (struct asked){.what = ASKED_CUSTOMER, .turn = turn, .query = work->flight.n};
    flight_add(work->conn, &work->flight, &SQL_TURN_CUSTOMER, params);
}

static void answer_customer(struct batch_work *work, struct turn *turn, const PGresult *rows)
{
    static const char *const names[] = {"name", "email", "company"};
    struct record_builder facts;

    if (rows_n(rows) == 0 || !row_bool(rows, 0, 5))
        return;
    record_build(&facts, &work->arena);
    for (int i = 0; i < (int)COUNTOF(names); i++) {
        struct str text = arena_str(&work->arena, row_text(rows, 0, i));
        if (text.len > 0)
            record_set(&facts, str_from(names[i]), value_text(text));
    }
    turn->customer_facts = record_built(&facts);
    turn->customer_language = arena_str(&work->arena, row_text(rows, 0, 3));
    turn->customer_zone = arena_str(&work->arena, row_text(rows, 0, 4));
}

/* Ask for all that a turn's step waits for. A part that nothing is bound to is answered with
 * nothing. */
static void ask_needs(struct batch_work *work, struct turn *turn)
{
    size_t n;
    const struct flow_need *needs = flow_turn_needs(turn->flow, &n);

    if (turn->customer_facts != NULL)
        flight_set_customer(work->conn, &work->flight, turn->customer);
    for (size_t i = 0; i < n; i++) {
        const struct load *load = loads_find(str_from(needs[i].name));
        if (load == NULL || turn->customer_facts == NULL) {
            flow_turn_answer(turn->flow, i, &(struct flow_answer){0});
            continue;
        }
        *ask(work) = (struct asked){
            .what = ASKED_NEED, .turn = turn, .need = i, .query = work->flight.n};
        flight_add(work->conn, &work->flight, load->sql,
                   load_params(&work->arena, load, work->batch->business->org, turn->customer,
                               needs[i].takes));
    }
}

static bool answer_need(struct batch_work *work, const struct asked *asked,
                        const PGresult *rows)
{
    size_t n;
    const struct flow_need *need = &flow_turn_needs(asked->turn->flow, &n)[asked->need];
    struct flow_answer answer = {0};

    if (!load_answer(&work->arena, loads_find(str_from(need->name)), rows, &answer.value,
                     &work->batch->err))
        return err_wrap(&work->batch->err, "%s", need->name);
    flow_turn_answer(asked->turn->flow, asked->need, &answer);
    return true;
}

static bool answer_one(struct batch_work *work, const struct asked *asked, const PGresult *rows)
{
    if (asked->what == ASKED_NEED)
        return answer_need(work, asked, rows);
    if (asked->what == ASKED_CUSTOMER) {
        answer_customer(work, asked->turn, rows);
        return true;
    }
    asked->turn->book =
        books_add(work->batch->worker->books, flow_state_version(asked->turn->state),
                  rows_n(rows) > 0 ? row_text(rows, 0, 0) : STR_NONE);
    return true;
}

static void round_flown(struct db_flight *flight);

static void begin_round(struct batch_work *work)
{
    flight_init(&work->flight, &work->arena);
    work->flight.done = round_flown;
    work->n_asked = 0;
}

/* Step every turn as far as it goes; ask for what they wait for, all in one flight, or commit.
 */
static void step_all(struct batch_work *work)
{
    bool again = true;

    while (again) {
        begin_round(work);
        again = false;
        for (size_t i = 0; i < work->n_turns; i++) {
            struct turn *turn = &work->turns[i];
            if (!turn->taken || !advance(work, turn))
                continue;
            ask_needs(work, turn);
            again = true;
        }
        if (work->n_asked > 0) {
            flight_go(work->conn, &work->flight);
            return;
        }
    }
    commit(work);
}

static void round_flown(struct db_flight *flight)
{
    struct batch_work *work = CONTAINER_OF(flight, struct batch_work, flight);

    if (!flown(work))
        return;
    for (size_t i = 0; i < work->n_asked; i++) {
        if (!answer_one(work, &work->asked[i], flight->results[work->asked[i].query])) {
            log_event(LOG_ALERT, "turns.load_broken", LOG_ERR(&work->batch->err));
            finish(work, BATCH_BAD);
            return;
        }
    }
    step_all(work);
}

/* What every step may use is looked up first: the customer, and the book where it is an old
 * one. */
static void rounds(struct batch_work *work)
{
    begin_round(work);
    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        if (!turn->taken)
            continue;
        for (size_t k = 0; k < turn->n && !turn->fresh; k++)
            turn->fresh = is_new(work, turn->items[k]);
        if (!turn->fresh)
            continue;
        choose_book(work, turn);
        ask_customer(work, turn);
    }
    if (work->n_asked > 0)
        flight_go(work->conn, &work->flight);
    else
        step_all(work);
}

/* --- the last flight: all that is to be kept
 * -------------------------------------------------------- */

static struct db_param *params_of(struct batch_work *work, struct db_array *arrays, size_t n,
                                  size_t more)
{
    struct db_param *params = arena_array(&work->arena, struct db_param, 1 + n + more);

    params[0] = param_uuid(&work->arena, work->batch->business->org);
    for (size_t i = 0; i < n; i++)
        params[1 + i] = param_array(&arrays[i]);
    return params;
}

static void init_arrays(struct batch_work *work, struct db_array *arrays,
                        const enum db_type *types, size_t n)
{
    for (size_t i = 0; i < n; i++)
        array_init(&arrays[i], &work->arena, types[i]);
}

static void write_conversations(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_INT8, DB_TEXT, DB_BOOL,
                                         DB_TEXT, DB_BOOL, DB_TIME};
    struct db_array arrays[COUNTOF(types)];

    init_arrays(work, arrays, types, COUNTOF(types));
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
    }
    if (arrays[0].n == 0)
        return;
    struct db_param *params = params_of(work, arrays, COUNTOF(arrays), 1);
    params[1 + COUNTOF(arrays)] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_TURN_KEEP, params);
}

/* Each delivery is kept once for each business, with the first batch that has something new of
 * it. */
static void write_payloads(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_TIME, DB_BYTEA};
    struct db_array arrays[COUNTOF(types)];
    struct portion *last = NULL;

    init_arrays(work, arrays, types, COUNTOF(types));
    for (struct item *item = work->batch->items; item != NULL; item = item->next) {
        struct portion *portion = item->portion;
        bool wanted = item->event->kind == EVENT_STATUS ? false : is_new(work, item);
        if (!wanted || portion->kept || portion == last)
            continue;
        bool already = false;
        for (struct item *before = work->batch->items; before != item && !already;
             before = before->next)
            already = before->portion == portion && before->event->kind != EVENT_STATUS &&
                      is_new(work, before);
        last = portion;
        if (already)
            continue;
        array_uuid(&arrays[0], portion->payload_id);
        array_time(&arrays[1], portion->delivery->received_at);
        array_text(&arrays[2], portion->delivery->body);
    }
    if (arrays[0].n > 0)
        flight_add(work->conn, &work->flight, &SQL_TURN_PAYLOADS,
                   params_of(work, arrays, COUNTOF(arrays), 0));
}

/* "p1.<conversation>.<seq>": what goes with a message, and comes back in its statuses. */
static bool parse_key(struct str key, struct uuid *conversation, int64_t *seq)
{
    struct str rest = key, lead, id;

    return str_split(&rest, '.', &lead) && str_eq(lead, STR("p1")) &&
           str_split(&rest, '.', &id) && uuid_parse(id, conversation) && str_to_int(rest, seq);
}

/* A status' own id is "<message id>:<status>". */
static struct str status_message_id(const struct event *event)
{
    size_t end = event->id.len;

    while (end > 0 && event->id.at[end - 1] != ':')
        end--;
    return str_slice(event->id, 0, end > 0 ? end - 1 : event->id.len);
}

static void write_statuses(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_INT8, DB_INT2, DB_INT4};
    static const enum db_type by_id[] = {DB_BYTEA, DB_INT2, DB_INT4};
    struct db_array keyed[COUNTOF(types)], unkeyed[COUNTOF(by_id)], failed;

    init_arrays(work, keyed, types, COUNTOF(types));
    init_arrays(work, unkeyed, by_id, COUNTOF(by_id));
    array_init(&failed, &work->arena, DB_BOOL);
    for (size_t i = 0; i < work->n_statuses; i++) {
        const struct event *event = work->statuses[i]->event;
        struct uuid conversation;
        int64_t seq;
        if (event->error != 0)
            count_error(event->error);
        if (parse_key(event->key, &conversation, &seq)) {
            array_uuid(&keyed[0], conversation);
            array_int(&keyed[1], seq);
            array_int(&keyed[2], event->status);
            array_int(&keyed[3], event->error);
            array_bool(&failed, event->status == DELIVERY_FAILED);
        } else {
            struct str id = status_message_id(event);
            struct hash16 hash = hash16_of(&id, 1);
            array_hash(&unkeyed[0], &hash);
            array_int(&unkeyed[1], event->status);
            array_int(&unkeyed[2], event->error);
        }
    }
    if (keyed[0].n > 0) {
        struct db_param *params = params_of(work, keyed, 2, 1);
        params[3] = param_array(&failed);
        flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES_SETTLE, params);
        flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES,
                   params_of(work, keyed, COUNTOF(types), 0));
    }
    if (unkeyed[0].n > 0) {
        struct db_param *params = params_of(work, unkeyed, COUNTOF(by_id), 1);
        params[1 + COUNTOF(by_id)] = param_time(&work->arena, work->now);
        flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES_BY_ID, params);
        flight_add(work->conn, &work->flight, &SQL_TURN_STATUSES_EARLY, params);
    }
}

static void write_people(struct batch_work *work)
{
    static const enum db_type rename_types[] = {DB_TEXT, DB_TEXT, DB_TEXT};
    static const enum db_type preference_types[] = {DB_TEXT, DB_BOOL};
    struct db_array renames[3], preferences[2];

    init_arrays(work, renames, rename_types, 3);
    init_arrays(work, preferences, preference_types, 2);
    for (size_t i = 0; i < work->n_renames; i++) {
        const struct event *event = work->renames[i]->event;
        struct str before = person_address(&event->from),
                   after = person_address(&event->renamed);
        if (before.len == 0 || after.len == 0)
            continue;
        array_text(&renames[0], before);
        array_text(&renames[1], after);
        array_text(&renames[2], event->renamed.phone);
    }
    for (size_t i = 0; i < work->n_preferences; i++) {
        const struct event *event = work->preferences[i]->event;
        array_text(&preferences[0], person_address(&event->from));
        array_bool(&preferences[1], str_eq(event->detail, STR("stop")));
    }
    if (renames[0].n > 0)
        flight_add(work->conn, &work->flight, &SQL_TURN_RENAME, params_of(work, renames, 3, 0));
    if (preferences[0].n > 0) {
        struct db_param *params = params_of(work, preferences, 2, 1);
        params[3] = param_time(&work->arena, work->now);
        flight_add(work->conn, &work->flight, &SQL_TURN_PREFERENCES, params);
    }
}

static void write_consent(struct batch_work *work)
{
    struct db_array contacts;

    if (work->n_stopping > 0) {
        array_init(&contacts, &work->arena, DB_UUID);
        for (size_t i = 0; i < work->n_stopping; i++)
            array_uuid(&contacts, work->stopping[i]);
        struct db_param *params = params_of(work, &contacts, 1, 1);
        params[2] = param_time(&work->arena, work->now);
        flight_add(work->conn, &work->flight, &SQL_TURN_STOP, params);
        flight_add(work->conn, &work->flight, &SQL_TURN_STOP_OUTBOX, params);
    }
    if (work->n_starting > 0) {
        array_init(&contacts, &work->arena, DB_UUID);
        for (size_t i = 0; i < work->n_starting; i++)
            array_uuid(&contacts, work->starting[i]);
        flight_add(work->conn, &work->flight, &SQL_TURN_START,
                   params_of(work, &contacts, 1, 0));
    }
}

static void write_notes(struct batch_work *work)
{
    static const enum db_type types[] = {DB_UUID, DB_TEXT, DB_TEXT, DB_TEXT};
    struct db_array arrays[COUNTOF(types)];

    init_arrays(work, arrays, types, COUNTOF(types));
    for (size_t i = 0; i < work->n_notes; i++) {
        const struct item *item = work->notes[i];
        if (!is_new(work, item)) {
            work->duplicates++;
            continue;
        }
        array_uuid(&arrays[0], worker_uuid());
        array_text(&arrays[1], arena_format(&work->arena, "whatsapp.%s",
                                            event_kind_name(item->event->kind)));
        array_text(&arrays[2], item->event->account);
        array_text(&arrays[3], event_to_json(&work->arena, item->event));
    }
    if (arrays[0].n == 0)
        return;
    struct db_param *params = params_of(work, arrays, COUNTOF(types), 1);
    params[1 + COUNTOF(types)] = param_time(&work->arena, work->now);
    flight_add(work->conn, &work->flight, &SQL_TURN_NOTE, params);
}

/* Turns whose conversation another worker holds lead the next batch; here they leave no trace.
 */
static void put_off(struct batch_work *work)
{
    for (size_t i = 0; i < work->n_turns; i++) {
        struct turn *turn = &work->turns[i];
        for (size_t k = 0; !turn->taken && k < turn->n; k++) {
            if (!is_new(work, turn->items[k]))
                continue;
            array_uuid(&work->unsee[0], turn->account->account);
            array_hash(&work->unsee[1], &turn->items[k]->hash);
            work->n_unseen++;
        }
    }
    if (work->n_unseen > 0)
        flight_add(work->conn, &work->flight, &SQL_TURN_UNSEE,
                   params_of(work, work->unsee, 2, 0));
}

static void committed(struct db_flight *flight);

static void commit(struct batch_work *work)
{
    struct db_flight *flight = &work->flight;

    flight_init(flight, &work->arena);
    flight->done = committed;
    put_off(work);
    write_people(work);
    write_payloads(work);
    if (work->n_log > 0)
        flight_add(work->conn, flight, &SQL_TURN_LOG,
                   params_of(work, work->log, COUNTOF(work->log), 0));
    write_consent(work);
    if (work->n_promised > 0)
        flight_add(work->conn, flight, &SQL_TURN_PROMISE,
                   params_of(work, work->promise, COUNTOF(work->promise), 0));
    write_conversations(work);
    write_statuses(work);
    if (work->n_dead > 0) {
        struct db_param *params = params_of(work, work->dead, COUNTOF(work->dead), 1);
        params[1 + COUNTOF(work->dead)] = param_time(&work->arena, work->now);
        flight_add(work->conn, flight, &SQL_TURN_BURY, params);
    }
    write_notes(work);
    flight_add_text(work->conn, flight, "COMMIT");
    flight_go(work->conn, flight);
}

/* --- after the commit
 * --------------------------------------------------------------------------------- */

static bool is_put_off(const struct batch_work *work, const struct item *item)
{
    if (!event_is_message(item->event->kind) || item->event->kind == EVENT_IDENTITY)
        return false;
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        if (!turn->taken && turn->account == item->account &&
            str_eq(turn->address, item->address))
            return true;
    }
    return false;
}

static void split_items(struct batch_work *work)
{
    struct batch *batch = work->batch;
    struct item *item = batch->items, **kept = &batch->items, **off = &batch->put_off;
    bool any = missing(work) > 0;

    while (item != NULL) {
        struct item *next = item->next;
        struct item ***list = any && is_put_off(work, item) ? &off : &kept;
        if (list == &kept)
            item->portion->kept = item->portion->kept || item->event->kind != EVENT_STATUS;
        **list = item;
        *list = &item->next;
        item = next;
    }
    *kept = NULL;
    *off = NULL;
}

static void committed(struct db_flight *flight)
{
    struct batch_work *work = CONTAINER_OF(flight, struct batch_work, flight);
    struct worker *worker = work->batch->worker;
    const struct account *woken = NULL;

    if (!flown(work))
        return;
    count(COUNT_TURNS, work->handled);
    count(COUNT_DUPLICATES, work->duplicates);
    count(COUNT_STATUSES, work->n_statuses);
    count(COUNT_PROMISED, work->n_promised);
    count(COUNT_NOT_UNDERSTOOD, work->not_understood);
    count(COUNT_HANDOFFS, work->handoffs);
    observe(HIST_TURN, clock_monotonic() - work->began);
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        if (turn->last != NULL)
            receipts_send(worker, turn->account, turn->last->event->id);
        if (turn->dirty && turn->account != woken) {
            worker_wake_lane(worker, turn->account->account);
            woken = turn->account;
        }
    }
    split_items(work);
    finish(work, BATCH_COMMITTED);
}

/* --- life
 * ------------------------------------------------------------------------------------------------
 */

static void leased(struct db_lease *lease)
{
    struct batch_work *work = CONTAINER_OF(lease, struct batch_work, lease);

    if (lease->conn == NULL) {
        work->batch->err = lease->err;
        finish(work, BATCH_SICK);
        return;
    }
    work->conn = lease->conn;
    take(work);
}

void batch_start(struct batch *batch)
{
    static const enum db_type log_types[] = {DB_UUID, DB_INT8, DB_BOOL,  DB_TEXT,
                                             DB_TEXT, DB_TIME, DB_BYTEA, DB_TEXT,
                                             DB_UUID, DB_INT8, DB_TEXT};
    static const enum db_type promise_types[] = {DB_UUID, DB_UUID, DB_INT8, DB_TIME, DB_BOOL};
    static const enum db_type dead_types[] = {DB_UUID, DB_UUID, DB_TEXT, DB_TEXT, DB_BYTEA};
    static const enum db_type unsee_types[] = {DB_UUID, DB_BYTEA};
    struct batch_work *work = batch->work;
    struct arena arena = work->arena;

    arena_reset(&arena);
    memset(work, 0, sizeof *work);
    work->arena = arena;
    work->batch = batch;
    work->began = clock_monotonic();
    work->now = clock_now();
    batch->err = (struct err){0};
    batch->put_off = NULL;
    init_arrays(work, work->log, log_types, COUNTOF(log_types));
    init_arrays(work, work->promise, promise_types, COUNTOF(promise_types));
    init_arrays(work, work->dead, dead_types, COUNTOF(dead_types));
    init_arrays(work, work->unsee, unsee_types, COUNTOF(unsee_types));
    work->stopping = arena_array(&work->arena, struct uuid, batch->n);
    work->starting = arena_array(&work->arena, struct uuid, batch->n);
    sort_items(work);
    work->lease.done = leased;
    db_lease(batch->worker->db, &work->lease);
}

struct batch *batch_create(struct worker *worker)
{
    struct batch *batch = calloc(1, sizeof *batch);
    struct batch_work *work = calloc(1, sizeof *work);

    if (batch == NULL || work == NULL)
        abort();
    batch->worker = worker;
    batch->work = work;
    return batch;
}

void batch_destroy(struct batch *batch)
{
    arena_finish(&batch->work->arena);
    free(batch->work);
    free(batch);
}
