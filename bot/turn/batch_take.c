/*
 * The first flight of a batch takes the conversations that are free and remembers the
 * deliveries; what is missing then is new or another worker's, and creating decides which.
 */
#include "bot/turn/batch_inside.h"

#include "bot/lane/mail_token.h"
#include "store/sql.h"

#include <stdlib.h>

#define BUSINESS_FRESH (30 * USEC_PER_SEC)

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
    turn->items = arena_more(&work->arena, turn->items, turn->n, &turn->room);
    turn->items[turn->n++] = item;
}

static int by_account_and_hash(const void *a, const void *b)
{
    const struct item *left = *(struct item *const *)a, *right = *(struct item *const *)b;
    int order = uuid_compare(left->account->account, right->account->account);

    return order != 0 ? order : memcmp(&left->hash, &right->hash, sizeof left->hash);
}

/* Whether it is stepped, so that it waits for its conversation. */
static bool makes_turn(enum event_kind kind)
{
    return event_is_message(kind) || kind == EVENT_TIMER;
}

/* A job's row remembers itself: it is deleted with what it did. Statuses join, and a change of
 * address or of WhatsApp's marketing switch says how things are now; but a STOP that comes
 * again after a START would undo it. */
bool batch_is_remembered(const struct item *item)
{
    switch (item->event->kind) {
    case EVENT_TIMER:
    case EVENT_STATUS:
    case EVENT_IDENTITY:
        return false;
    case EVENT_PREFERENCE:
        return item->account->channel != CHANNEL_WHATSAPP;
    default:
        return true;
    }
}

void batch_sort(struct batch_work *work)
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
    work->lost = arena_array(&work->arena, struct item *, n);
    work->jobs = arena_array(&work->arena, struct item *, n);
    for (struct item *item = batch->items; item != NULL; item = item->next) {
        enum event_kind kind = item->event->kind;
        if (batch_is_remembered(item))
            work->seen[work->n_seen++] = item;
        if (kind == EVENT_TIMER)
            work->jobs[work->n_jobs++] = item;
        if (makes_turn(kind)) {
            turn_add(work, turn_of(work, item), item);
        } else if (item->park != NULL) {
            work->lost[work->n_lost++] = item;
        } else if (kind == EVENT_STATUS) {
            work->statuses[work->n_statuses++] = item;
        } else if (kind == EVENT_IDENTITY) {
            work->renames[work->n_renames++] = item;
        } else if (kind == EVENT_PREFERENCE) {
            work->preferences[work->n_preferences++] = item;
        } else {
            work->notes[work->n_notes++] = item;
        }
    }
    qsort(work->seen, work->n_seen, sizeof(struct item *), by_account_and_hash);
}

/* Whether this transaction is the first to handle the item; a second copy in the batch is not.
 */
bool batch_is_new(const struct batch_work *work, const struct item *item)
{
    if (item->job != NULL)
        return item->job->live;
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

void array_hash(struct db_array *array, const struct hash16 *hash)
{
    array_text(array, (struct str){(const char *)hash->bytes, sizeof hash->bytes});
}

static struct str channel_of(const struct turn *turn)
{
    return str_from(channel_name(turn->account->channel));
}

static void add_take(struct batch_work *work)
{
    struct db_array accounts, addresses, channels;
    struct db_param *params = arena_array(&work->arena, struct db_param, 4);

    array_init(&accounts, &work->arena, DB_UUID);
    array_init(&addresses, &work->arena, DB_TEXT);
    array_init(&channels, &work->arena, DB_TEXT);
    for (size_t i = 0; i < work->n_turns; i++) {
        array_uuid(&accounts, work->turns[i].account->account);
        array_text(&addresses, work->turns[i].address);
        array_text(&channels, channel_of(&work->turns[i]));
    }
    params[0] = param_uuid(&work->arena, work->batch->business->org);
    params[1] = param_array(&accounts);
    params[2] = param_array(&addresses);
    params[3] = param_array(&channels);
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

/* Whether somebody else may have written in this address's name: its provider does not vouch
 * for it, nor does it answer to where only its owner could. */
bool batch_is_doubtful(const struct batch_work *work, const struct turn *turn,
                       const struct item *item)
{
    const struct event *event = item->event;

    return event->doubtful &&
           !(event->mail != NULL && mail_token_is(work->batch->worker->config,
                                                  event->mail->token, turn->conversation));
}

static bool is_doubtful(const struct batch_work *work, const struct turn *turn)
{
    for (size_t i = 0; i < turn->n; i++) {
        if (batch_is_doubtful(work, turn, turn->items[i]))
            return true;
    }
    return false;
}

/* Who writes from a mailbox that was given up is there, and is answered. */
static bool is_back(const struct batch_work *work, const struct turn *turn)
{
    for (size_t i = 0; i < turn->n; i++) {
        if (event_is_message(turn->items[i]->event->kind) &&
            !batch_is_doubtful(work, turn, turn->items[i]))
            return true;
    }
    return false;
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
    turn->back = row_bool(rows, row, 14) && is_back(work, turn);
    turn->stopped = !row_null(rows, row, 11) && !turn->back;
    turn->phone = arena_str(&work->arena, row_text(rows, row, 12));
    turn->verified_until = row_null(rows, row, 13) ? 0 : row_time(rows, row, 13);
    turn->owned = turn->seq > 0 || !uuid_is_none(turn->customer);
    turn->doubtful = !turn->owned && is_doubtful(work, turn);
}

/* When a person is there, and how soon one answers: hours.h, batch_handoff.h. */
static void read_hours(struct record_builder *facts, const PGresult *rows)
{
    struct str json = arena_str(facts->into, row_text(rows, 0, 9));
    const struct record *hours = NULL;

    if (!row_null(rows, 0, 9) && record_from_json(facts->into, json, &hours, NULL))
        record_set(facts, STR("hours"), value_record(hours));
    if (!row_null(rows, 0, 10))
        record_set(facts, STR("handoff_minutes"), value_int(row_int(rows, 0, 10)));
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
    read_hours(&facts, rows);
    business->facts = record_built(&facts);
    business->language = record_get(business->facts, STR("language")).text;
    business->time_zone = record_get(business->facts, STR("time_zone")).text;
    business->currency = record_get(business->facts, STR("currency")).text;
    business->reading_known = row_bool(rows, 0, (int)COUNTOF(names) + 2);
    business->registration = row_bool(rows, 0, (int)COUNTOF(names) + 3);
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

size_t batch_missing(const struct batch_work *work)
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

    if (!batch_flown(work))
        return;
    if (work->business_query > 0)
        read_business(work, flight->results[work->business_query]);
    if (work->batch->business->facts == NULL) {
        err_raise(&work->batch->err, ERR_BROKEN,
                  "the directory names a business that is not there");
        batch_finish(work, BATCH_SICK);
        return;
    }
    if (work->n_seen > 0)
        mark_new(work, flight->results[work->see_query]);
    if (work->n_turns > 0)
        read_taken(work, flight->results[work->take_query], NULL);
    if (batch_missing(work) > 0) {
        create_contacts(work);
    } else {
        batch_rounds(work);
    }
}

void batch_take(struct batch_work *work)
{
    struct batch *batch = work->batch;
    struct db_flight *flight = &work->flight;

    flight_init(flight, &work->arena);
    batch_then(work, first_flown);
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
        if (!work->turns[i].taken && work->turns[i].items[0]->job == NULL)
            work->missing[n++] = i; /* a timer's conversation is not new, so it is held */
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

    if (!batch_flown(work))
        return;
    read_taken(work, flight->results[work->take_query], work->missing);
    part_twins(work);
    batch_rounds(work);
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
    struct db_array channels;
    struct db_param org = param_uuid(arena, work->batch->business->org);
    size_t n = find_missing(work);

    if (n == 0) {
        batch_rounds(work);
        return;
    }
    array_init(&contacts, arena, DB_UUID);
    array_init(&conversations, arena, DB_UUID);
    array_init(&accounts, arena, DB_UUID);
    array_init(&addresses, arena, DB_TEXT);
    array_init(&channels, arena, DB_TEXT);
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
        array_text(&channels, channel_of(turn));
        array_text(&phones, person->phone);
        array_text(&names, person->name.at != NULL ? person->name : STR(""));
        if (person->phone.len > 0 && person->user_id.len > 0) {
            array_text(&ids, person->user_id);
            array_text(&numbers, person->phone);
        }
    }
    flight_init(flight, arena);
    batch_then(work, created_flown);
    if (ids.n > 0) {
        struct db_param *params = arena_array(arena, struct db_param, 3);
        params[0] = org, params[1] = param_array(&ids), params[2] = param_array(&numbers);
        flight_add(work->conn, flight, &SQL_TURN_ADOPT_BY_PHONE, params);
    }
    struct db_param *params = arena_array(arena, struct db_param, 7);
    params[0] = org, params[1] = param_array(&contacts), params[2] = param_array(&addresses);
    params[3] = param_array(&phones), params[4] = param_array(&names);
    params[5] = param_array(&channels), params[6] = param_time(arena, work->now);
    flight_add(work->conn, flight, &SQL_TURN_CREATE_CONTACTS, params);
    params = arena_array(arena, struct db_param, 5);
    params[0] = org, params[1] = param_array(&conversations);
    params[2] = param_array(&accounts), params[3] = param_array(&addresses);
    params[4] = param_array(&channels);
    flight_add(work->conn, flight, &SQL_TURN_CREATE_CONVERSATIONS, params);
    params = arena_array(arena, struct db_param, 4);
    params[0] = org, params[1] = param_array(&accounts), params[2] = param_array(&addresses);
    params[3] = param_array(&channels);
    work->take_query = flight->n;
    flight_add(work->conn, flight, &SQL_TURN_TAKE_FOUND, params);
    flight_go(work->conn, flight);
}

/* Whether the item waits because another worker holds its conversation. */
bool batch_is_put_off(const struct batch_work *work, const struct item *item)
{
    if (!makes_turn(item->event->kind))
        return false;
    for (size_t i = 0; i < work->n_turns; i++) {
        const struct turn *turn = &work->turns[i];
        if (!turn->taken && turn->account == item->account &&
            str_eq(turn->address, item->address))
            return true;
    }
    return false;
}
